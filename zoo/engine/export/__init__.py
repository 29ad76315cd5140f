"""ONNX files that are proven equal to their Keras originals.

`verify` needs neither Keras nor TensorFlow, so each function is imported when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {"export": "deploy", "verify": "recheck"}

__all__ = ["export", "verify"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
