"""Converted models against PyTorch: the same pictures, every tap, then the logits.

Needs the extra `reference`: torch, timm and torchvision. Weights are random, normalisation
statistics included; torch runs in a process of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field, replace
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
        folded: Numbers of theirs that our graph has no place for.
    """

    spec: str
    format: str
    library: str
    model: str
    taps: dict[str, str]
    sizes: tuple[int, ...] = (224, 225)
    options: dict[str, object] = field(default_factory=dict)
    folded: int = 0

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


def _inception_v3(library: str) -> Case:
    blocks = ("5b", "5c", "5d", "6a", "6b", "6c", "6d", "6e", "7a", "7b", "7c")
    stem = "maxpool2" if library == "torchvision" else "Pool2"
    return Case(
        spec="inception-v3-torch+linear",
        format="torch-inception-v3",
        library=library,
        model="inception_v3",
        taps={"stem": stem} | {f"mixed_{name}": f"Mixed_{name}" for name in blocks},
        sizes=(299, 150),
        # The auxiliary head of timm runs in inference, too, and takes no picture of 150 pixels.
        options={"aux_logits": True, "init_weights": False} if library == "torchvision" else {},
    )


GOOGLENET = Case(
    spec="inception-v1+linear",
    format="torchvision-googlenet",
    library="torchvision",
    model="googlenet",
    taps={
        name: name
        for name in ("conv1", "conv3", *(f"inception{b}" for b in ("3a", "3b", "4a", "4b", "4c")))
    }
    | {name: name for name in ("inception4d", "inception4e", "inception5a", "inception5b")},
    options={"aux_logits": True, "init_weights": False},
)
INCEPTION_RESNET_V2 = Case(
    spec="inception-resnet-v2+linear",
    format="timm-inception-resnet-v2",
    library="timm",
    model="inception_resnet_v2",
    taps={
        "pool1": "maxpool_3a",
        "pool2": "maxpool_5a",
        "mixed_5b": "mixed_5b",
        "block35": "repeat",
        "mixed_6a": "mixed_6a",
        "block17": "repeat_1",
        "mixed_7a": "mixed_7a",
        "block8": "block8",
        "conv_7b": "conv2d_7b",
    },
    sizes=(299, 150),
    folded=55_843_464 - 55_813_192,
)
LIBRARIES = ("torchvision", "timm")
CASES = [
    *(_vgg(d, bn, name) for name in LIBRARIES for d in (11, 13, 16, 19) for bn in (False, True)),
    *(_resnet(depth, name) for name in LIBRARIES for depth in (18, 34, 50, 101, 152)),
    GOOGLENET,
    *(_inception_v3(name) for name in LIBRARIES),
    INCEPTION_RESNET_V2,
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
            assert trainable == parameters - case.folded
        worst = _compare(model, np.load(tmp_path / f"{size}x{size}.npz"))
        diverging = next((tap for tap, share in worst.items() if not share < TOLERANCE), None)
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
    return int(child.stdout.split()[-1])  # a library may have spoken before


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


# -- each detail that no shape gives away, done wrong: the comparison has to see it


def _epsilon(model: keras.Model) -> None:
    for layer in _all(model, keras.layers.BatchNormalization):
        layer.epsilon = 1e-3


def _epsilon_of_others(model: keras.Model) -> None:
    for layer in _all(model, keras.layers.BatchNormalization):
        layer.epsilon = 1e-5


def _stride_in_the_first_1x1(model: keras.Model) -> None:
    for stage in (2, 3, 4):
        first, second = (model.get_layer(f"stage{stage}_block1_conv{i}") for i in (1, 2))
        first.strides, second.strides = second.strides, first.strides


def _same_padding(model: keras.Model) -> None:
    for layer in _all(model, keras.layers.ZeroPadding2D):
        (_, after), _ = layer.padding
        layer.padding = ((after - 1, after),) * 2


def _height_for_width(model: keras.Model) -> None:
    for layer in _all(model, keras.layers.Conv2D):
        layer.kernel.assign(keras.ops.transpose(layer.kernel, (1, 0, 2, 3)))


def _fc1_channels_first(model: keras.Model) -> None:
    kernel = model.get_layer("head_dense1").kernel
    places = keras.ops.reshape(kernel, (7, 7, 512, -1))
    kernel.assign(keras.ops.reshape(keras.ops.transpose(places, (2, 0, 1, 3)), kernel.shape))


def _fc2_as_it_is(model: keras.Model) -> None:
    kernel = model.get_layer("head_dense2").kernel
    kernel.assign(keras.ops.transpose(kernel))


def _pools_without_their_border(model: keras.Model) -> None:
    for layer in _all(model, keras.layers.ZeroPadding2D):
        layer.padding = ((0, 0), (0, 0))
    for layer in _all(model, keras.layers.AveragePooling2D):
        layer.padding = "same"


def _one_gamma_a_layer(model: keras.Model) -> None:
    for layer in _all(model, keras.layers.BatchNormalization):
        # Ones would let the signal grow past all bounds.
        layer.gamma.assign(keras.ops.full_like(layer.gamma, keras.ops.mean(layer.gamma)))


def _gamma_left_out(model: keras.Model) -> None:
    """As if a mean were taken as it is: what a fold of the kernel alone would give."""
    for layer in _all(model, keras.layers.BatchNormalization):
        layer.moving_mean.assign(2 * layer.moving_mean)


def _all(model: keras.Model, kind: type) -> list[keras.layers.Layer]:
    return [layer for layer in model.layers if isinstance(layer, kind)]


SMALL = Case(
    spec="resnet50-v1.5+linear",
    format="torch-resnet",
    library="torchvision",
    model="resnet50",
    taps={"stem": "relu", "stage1": "layer1", "stage4": "layer4"},
    sizes=(64,),
)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("case", "mutations"),
    [
        pytest.param(
            SMALL,
            [_epsilon, _stride_in_the_first_1x1, _same_padding, _height_for_width],
            id="resnet50",
        ),
        pytest.param(
            replace(_inception_v3("torchvision"), sizes=(150,)),
            [_epsilon_of_others, _pools_without_their_border, _one_gamma_a_layer],
            id="inception-v3",
        ),
        pytest.param(replace(GOOGLENET, sizes=(97,)), [_epsilon_of_others], id="googlenet"),
        pytest.param(
            replace(INCEPTION_RESNET_V2, sizes=(96,)),
            [_epsilon_of_others, _gamma_left_out],
            id="inception-resnet-v2",
        ),
        pytest.param(CASES[0], [_fc1_channels_first, _fc2_as_it_is, _height_for_width], id="vgg11"),
    ],
)
def test_a_detail_done_wrong_is_seen(tmp_path, case: Case, mutations: list) -> None:
    _ask_torch(case, tmp_path)
    size = case.sizes[0]
    reference = np.load(tmp_path / f"{size}x{size}.npz")
    model = zoo.build(case.spec, input_size=size)
    _fill(model, case.format, tmp_path)
    assert max(_compare(model, reference).values()) < TOLERANCE
    for mutate in mutations:
        model = zoo.build(case.spec, input_size=size)
        _fill(model, case.format, tmp_path)
        mutate(model)
        assert _compare(model, reference)["logits"] > 10 * TOLERANCE, mutate.__name__
