"""What can be measured: for each subject a module with `load` and `work`, which makes a step."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def of(name: str) -> Any:
    """The module of a subject.

    Args:
        name: One of `zoo.benchmark.case.Subject`.
    """
    return import_module(f"{__name__}.{name}")
