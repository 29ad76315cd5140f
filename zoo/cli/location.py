"""The name of a file or folder, on this machine or elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from zoo import remote
from zoo.errors import DataError


class Location(click.ParamType):  # type: ignore[type-arg]
    """A path, or the name of something elsewhere: s3://bucket/name."""

    name = "path"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Path | str:
        """A Path of this machine, or the name as it is."""
        return str(value) if remote.is_one(value) else remote.local(str(value))


class LocalPath(Location):
    """A path of this machine; the name of something elsewhere is no folder called `s3:`."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """A Path.

        Raises:
            DataError: It names something elsewhere.
        """
        found = super().convert(value, param, ctx)
        if isinstance(found, str):
            raise DataError(
                f"{value} is elsewhere; a path of this machine is needed", "copy or mount it"
            )
        return found
