"""What the plugin does beside giving parts."""

from __future__ import annotations

import os
from collections.abc import Iterator

from zoo.api import hookimpl


@hookimpl
def zoo_doctor_checks() -> Iterator[tuple[str, bool, str]]:
    """Warn where the file system has no room for a checkpoint."""
    free = (
        os.statvfs(".").f_bavail * os.statvfs(".").f_frsize if hasattr(os, "statvfs") else 1 << 40
    )
    yield "a gigabyte is free here", free > 1 << 30, "make room before you train"
