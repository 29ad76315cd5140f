"""Every backbone and every head of the registry, converted and asked."""

from __future__ import annotations

from collections import Counter

import numpy as np
import onnxruntime
import pytest

import zoo
from zoo.engine.export import reference
from zoo.engine.export.convert import convert

PARTS = zoo.list_parts()
BACKBONES = [part["id"] for part in PARTS if part["kind"] == "backbone"]
HEADS = [part["id"] for part in PARTS if part["kind"] == "head"]

# One of every family, small enough for every day.
FAMILIES = {
    "mobilenet-v3-small+linear": 64,
    "resnet18:width=0.125+dense:units=8": 64,
    "inception-v1:width=0.125+linear:pool=max": 64,
    "vgg13bn:width=0.0625+linear:pool=flatten": 32,
    "small-cnn:width=0.125+dense-bn:pool=avg:units=8": 32,
}

DEEP = 700
"""Layers from which on a network is deep: EfficientNetV2-M has 740 of them.

Untrained, EfficientNetV2-L gives other logits by two thirds when its pixels change by a millionth.
"""


def size_of(name: str) -> tuple[int, int]:
    """The smallest size at which the last map is more than one pixel, as far as that is known."""
    part = next(part for part in PARTS if part["id"] == name and part["kind"] == "backbone")
    return tuple(max(side, 64) for side in part["minimum"] or (64, 64))


def prove(model, path):
    """Convert a model and hold it to Keras' answers; give how often each operation occurs."""
    random = np.random.default_rng(7)
    # As after training, but gently: statistics far from the weights' own make a deep network
    # answer to its rounding alone.
    most, gamma = (0.05, 1.0) if len(model.layers) < DEEP else (0.01, 0.5)
    for variable in model.variables:
        if variable.dtype == "float32" and len(variable.shape) == 1:
            base = {"gamma": gamma, "moving_variance": 1.0}.get(variable.name, 0.0)
            variable.assign(base + random.uniform(-most, most, variable.shape))
    proto, _ = convert(model, path)
    images = random.integers(0, 256, (3, *model.input.shape[1:]), np.uint8)
    expected = reference.answers(model, images)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    given = dict(zip(expected, session.run(list(expected), {"image": images}), strict=True))
    for name, array in expected.items():
        # A CAM is a difference of large terms.
        tolerance = (1e-3 if name == "cam" else 1e-4) * np.abs(array).max()
        np.testing.assert_allclose(given[name], array, rtol=0, atol=tolerance, err_msg=name)
    return Counter(node.op_type for node in proto.graph.node)


def untrained(model, path):
    """How often each operation occurs before training, when whole biases are zeros."""
    return Counter(node.op_type for node in convert(model, path)[0].graph.node)


def check(operations):
    assert operations["Transpose"] == 1
    assert operations["BatchNormalization"] == 0


@pytest.mark.parametrize("name", FAMILIES)
def test_a_small_model_of_every_family(name, tmp_path):
    model = zoo.build(name, classes=5, input_size=FAMILIES[name], seed=1)

    check(prove(model, tmp_path / "model.onnx"))


@pytest.mark.slow
@pytest.mark.parametrize("name", BACKBONES)
def test_every_backbone(name, tmp_path):
    model = zoo.build(f"{name}+linear", classes=5, input_size=size_of(name), seed=1)

    check(untrained(model, tmp_path / "untrained.onnx"))
    check(prove(model, tmp_path / "model.onnx"))


@pytest.mark.slow
@pytest.mark.parametrize("name", HEADS)
@pytest.mark.parametrize("classes", [1, 5])
def test_every_head(name, classes, tmp_path):
    model = zoo.build(f"small-cnn:width=0.125+{name}", classes=classes, input_size=32, seed=1)

    check(prove(model, tmp_path / "model.onnx"))
