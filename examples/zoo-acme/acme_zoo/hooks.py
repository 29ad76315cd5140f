"""What the plugin does beside giving parts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from acme_zoo import litert
from zoo.api import ExportFormat, ZooError, hookimpl


@hookimpl
def zoo_doctor_checks() -> Iterator[tuple[str, bool, str]]:
    """Warn where the file system has no room for a checkpoint."""
    free = (
        os.statvfs(".").f_bavail * os.statvfs(".").f_frsize if hasattr(os, "statvfs") else 1 << 40
    )
    yield "a gigabyte is free here", free > 1 << 30, "make room before you train"


@hookimpl
def zoo_parts(kind: str) -> dict[str, dict[str, Any]]:
    """Give the backbone at three more widths, without a row for each."""
    if kind != "backbone":
        return {}
    return {
        f"squeeze-w{percent}": {
            "target": "acme_zoo.squeeze:squeeze",
            "defaults": {"width": percent / 100},
            "paper": "arXiv:1602.07360",
            "license": "Apache-2.0",
            "minimum": [32, 32],
        }
        for percent in (25, 50, 75)
    }


@hookimpl
def zoo_export_formats() -> list[ExportFormat]:
    """Give `zoo export --format litert`."""
    return [litert.FORMAT]


@hookimpl
def zoo_error_hints(error: ZooError) -> str | None:
    """Lead those who ask for SqueezeNet by its own name to ours."""
    asked = "squeezenet" in error.message.lower()
    return "acme/squeeze is SqueezeNet 1.1" if asked else None
