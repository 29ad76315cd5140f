"""Maps on JAX are those on TensorFlow, for the same weights and pictures."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from zoo import registry

from . import maps

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("jax") is None, reason="needs the extra jax"),
]

# lime fits patches that scikit-image cuts, which the extra lime brings.
NAMES = [part.id for part in registry.load().parts(kind="interpreter") if part.id != "lime"]


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    folder = tmp_path_factory.mktemp("maps")
    weights = [
        np.random.default_rng(number).normal(0.05, 0.2, weight.shape).astype("float32")
        for number, weight in enumerate(maps.model().get_weights())
    ]
    weights = [abs(each) if each.ndim == 1 else each for each in weights]  # variances among them
    given = {f"weight{number}": each for number, each in enumerate(weights)}
    np.savez(folder / "given.npz", names=np.array(NAMES), **given)
    command = [sys.executable, maps.__file__, folder / "given.npz", folder / "found.npz"]
    surroundings = os.environ | {"KERAS_BACKEND": "jax"}
    subprocess.run(command, env=surroundings, check=True, cwd=Path.cwd())
    with np.load(folder / "found.npz") as found:
        return maps.maps(weights, NAMES), dict(found)


@pytest.mark.parametrize("name", NAMES)
def test_an_interpreter_gives_the_same_maps(name, both):
    expected, found = (each[name] for each in both)

    assert np.ptp(expected) > 0
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-3 * np.ptp(expected))
