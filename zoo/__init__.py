"""A model zoo for image classification on Keras 3 whose every part is a plugin.

The public names below are imported when they are first used, so that `import zoo` costs nothing
and `zoo list` never loads Keras.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "ZooError": "zoo.errors",
    "bench": "zoo.engine.bench",
    "build": "zoo.engine.assemble",
    "evaluate": "zoo.engine.evaluate",
    "explain": "zoo.engine.explain",
    "export": "zoo.engine.export",
    "info": "zoo.registry",
    "list_parts": "zoo.registry",
    "load": "zoo.engine.artefact",
    "operate": "zoo.engine.surgery",
    "predict": "zoo.engine.predict",
    "refresh": "zoo.registry",
    "resume": "zoo.engine.train",
    "train": "zoo.engine.train",
    "verify": "zoo.engine.export",
}

__all__ = ["__version__", *sorted(_HOMES)]


def __getattr__(name: str) -> Any:
    try:
        home = _HOMES[name]
    except KeyError:
        raise AttributeError(f"module 'zoo' has no attribute {name!r}") from None
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return __all__
