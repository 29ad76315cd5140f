"""Converted models against PyTorch: the same pictures, every tap, then the logits.

Needs the extra `reference`: torch, timm and torchvision. Weights are random, normalisation
statistics included; torch runs in a process of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import keras
import numpy as np
import pytest

import zoo
from zoo.engine import anatomy, safetensors
from zoo.engine.convert import convert, table

TOLERANCE = 1e-4
"""Of the largest value of a tap, or of the logits."""

pytestmark = pytest.mark.skipif(
    any(find_spec(name) is None for name in ("torch", "timm", "torchvision")),
    reason="needs the extra reference",
)


@dataclass(frozen=True)
class Case:
    """One model of PyTorch and its counterpart.

    Args:
        spec: Our name.
        format: The table that reads the checkpoint.
        library: timm or torchvision.
        model: Their name.
        taps: Our tap to the module that gives it there; the module of a ReLU in place gives the
            same map.
        sizes: Native and another.
        options: Of their constructor.
    """

    spec: str
    format: str
    library: str
    model: str
    taps: dict[str, str]
    sizes: tuple[int, ...] = (224, 225)
    options: dict[str, object] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return f"{self.library}-{self.model}"


def _vgg(depth: int, bn: bool, library: str) -> Case:
    depths = {11: (1, 1, 2, 2, 2), 13: (2,) * 5, 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}[depth]
    pools = np.cumsum([(3 if bn else 2) * count + 1 for count in depths]) - 1
    return Case(
        spec=f"vgg{depth}{'bn' if bn else ''}+dense:layers=2:units=4096",
        format=f"{library}-vgg",
        library=library,
        model=f"vgg{depth}{'_bn' if bn else ''}",
        taps={f"block{i}": f"features.{index}" for i, index in enumerate(pools, 1)},
    )


def _resnet(depth: int, library: str) -> Case:
    version = "-v1.5" if depth >= 50 else ""
    return Case(
        spec=f"resnet{depth}{version}+linear",
        format="torch-resnet",
        library=library,
        model=f"resnet{depth}",
        taps={
            "stem": "relu" if library == "torchvision" else "act1",
            **{f"stage{i}": f"layer{i}" for i in (1, 2, 3, 4)},
        },
    )


LIBRARIES = ("torchvision", "timm")
CASES = [
    *(_vgg(d, bn, name) for name in LIBRARIES for d in (11, 13, 16, 19) for bn in (False, True)),
    *(_resnet(depth, name) for name in LIBRARIES for depth in (18, 34, 50, 101, 152)),
]
FAST = {"torchvision-resnet18"}


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=case.id, marks=() if case.id in FAST else pytest.mark.slow)
        for case in CASES
    ],
)
def test_logits_and_every_tap_equal(tmp_path, case: Case) -> None:
    parameters = _ask_torch(case, tmp_path)
    for size in case.sizes:
        model = zoo.build(case.spec, input_size=size)
        _fill(model, case.format, tmp_path)
        if not case.options.get("aux_logits"):
            trainable = sum(int(np.prod(v.shape)) for v in model.trainable_variables)
            assert trainable == parameters
        worst = _compare(model, np.load(tmp_path / f"{size}x{size}.npz"))
        diverging = next((tap for tap, share in worst.items() if share >= TOLERANCE), None)
        assert diverging is None, f"first diverging: {diverging} at {size} pixels, {worst}"


def _ask_torch(case: Case, folder: Path) -> int:
    task = {
        "library": case.library,
        "model": case.model,
        "taps": case.taps,
        "sizes": case.sizes,
        "options": case.options,
    }
    script = Path(__file__).parent / "torch_reference.py"
    child = subprocess.run(
        [sys.executable, str(script), str(folder), json.dumps(task)],
        capture_output=True,
        text=True,
    )
    assert child.returncode == 0, child.stderr
    return int(child.stdout)


def _fill(model: keras.Model, format: str, folder: Path) -> None:
    """Every variable filled, every tensor accounted for, as a strict load asks."""
    conversion = convert(format, safetensors.read(folder / "model.safetensors"), model)
    paths = {variable.path: variable for layer in model.layers for variable in layer.weights}
    assert set(conversion) == {path for path in paths if "seed_generator" not in path}
    assert conversion.unexpected == ()
    assert conversion.missing == {}
    assert set(conversion.dropped.values()) <= {table.COUNTER, table.AUXILIARY}
    for path, value in conversion.items():
        paths[path].assign(value)


def _compare(model: keras.Model, reference: dict[str, np.ndarray]) -> dict[str, float]:
    """Tap to its largest difference as a share of its largest value, the logits last."""
    names = [name for name in anatomy.of(model).taps if name in reference]
    assert set(names) == set(reference) - {"pictures", "logits"}
    tensors = {name: anatomy.tap_tensor(model, name) for name in names}
    tensors["logits"] = anatomy.logits_tensor(model)
    probe = keras.Model(model.input, tensors)
    found = probe.predict(reference["pictures"].astype("float32"), verbose=0)
    shares = {}
    for name in tensors:
        expected = reference[name]
        assert found[name].shape == expected.shape, name
        assert np.isfinite(expected).all()
        assert np.abs(expected).max() > 1e-3
        shares[name] = float(np.abs(found[name] - expected).max() / np.abs(expected).max())
    return shares
