"""Maps of every interpreter for weights from a file, on whatever backend Keras runs.

python maps.py GIVEN.npz FOUND.npz
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

SPEC, CLASSES, SIZE = "small-cnn:width=0.25+linear", 3, 32


def model():
    """The model, its weights not yet those that are compared."""
    import zoo

    return zoo.build(SPEC, classes=CLASSES, input_size=SIZE, seed=0)


def pictures() -> np.ndarray:
    """Two pictures with something to see: random squares of several sizes."""
    chance = np.random.default_rng(1)
    found = np.full((2, SIZE, SIZE, 3), 90, "uint8")
    for image in found:
        for _ in range(8):
            top, left, side = chance.integers(0, SIZE - 8, 3)
            image[top : top + side, left : left + side] = chance.integers(0, 256, 3)
    return found


def maps(weights: list[np.ndarray], names: list[str]) -> dict[str, np.ndarray]:
    """Each interpreter's maps for class 0 of the first picture and 2 of the second."""
    from zoo import registry

    parts = registry.load()
    explained = model()
    explained.set_weights(weights)
    found = {}
    for name in names:
        method = parts.resolve_part(parts.parse_part("interpreter", name))
        function = parts.function(method.part)
        found[name] = function(explained, pictures(), np.array([0, 2]), **method.options)
    return found


def main(given: Path, found: Path) -> None:
    """Answer with maps for the weights, and the interpreters, in a file."""
    with np.load(given) as file:
        weights = [file[f"weight{number}"] for number in range(len(file.files) - 1)]
        names = [str(name) for name in file["names"]]
    np.savez(found, **maps(weights, names))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
