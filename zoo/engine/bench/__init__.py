"""How fast a part of the zoo runs: phases apart, the device waited for, the spread told.

The rules that make a figure comparable:

- One compiled function of a fixed signature; nothing is traced while time is taken.
- A step ends when a number that depends on its result has been read, so that no device is still
  working when the clock is. The wait for the device after the last step shows whether that held.
- Unless a source of pictures is asked for, input is made once and stays on the device.
- Time is taken once the steps have become steady; the headline is the median.

    Case -> work.of -> Work (a step) -> measure.row -> Row        one process
    Cases -> run.rows -> process.measure, each in its own -> Document
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {"bench": "here"}

__all__ = ["bench"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
