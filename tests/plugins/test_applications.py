"""The backbones of keras.applications against keras.applications itself."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

import zoo
from zoo import registry
from zoo.engine import anatomy

FOLDER = Path(__file__).parents[2] / "plugins" / "zoo-applications"
HEAD = {"image", "normalize", "head_pool", "logits", "probabilities"}
SIZE = 96

specification = importlib.util.spec_from_file_location("generate", FOLDER / "generate.py")
generate = importlib.util.module_from_spec(specification)
sys.modules["generate"] = generate  # dataclasses look their module up
specification.loader.exec_module(generate)
CONSTRUCTORS = generate.constructors()


@pytest.mark.filterwarnings("ignore:`input_shape` is undefined:UserWarning")
def test_files_are_in_step_with_the_installed_keras() -> None:
    remedy = "run python plugins/zoo-applications/generate.py"
    assert generate.module() == (FOLDER / "zoo_applications" / "models.py").read_text(), remedy
    written = (FOLDER / "zoo_applications" / "registry.toml").read_text()
    assert generate.manifest(generate.declared()) == written, remedy


def test_every_model_of_keras_applications_is_a_backbone() -> None:
    theirs = {name for name, each in vars(keras.applications).items() if inspect.isfunction(each)}
    assert {each.__name__ for each in CONSTRUCTORS.values()} == theirs - {"VGG16", "VGG19"}
    ours = {part.id for part in registry.load().parts(kind="backbone")}
    assert ours >= {*CONSTRUCTORS, "vgg16", "vgg19"}


@pytest.mark.parametrize(
    "name", ["mobilenet-v3-small", pytest.param("all", marks=pytest.mark.slow)]
)
def test_names_taps_and_parameters(name: str) -> None:
    for each in CONSTRUCTORS if name == "all" else [name]:
        first, second = (zoo.build(f"{each}+linear", classes=3, input_size=SIZE) for _ in range(2))
        paths = [variable.path for variable in first.weights]
        assert paths == [variable.path for variable in second.weights]
        assert [op.name for op in first.operations] == [op.name for op in second.operations]
        assert not any(isinstance(layer, keras.Model) for layer in first.layers)
        constructor = CONSTRUCTORS[each]
        reference = constructor(include_top=False, weights=None, input_shape=(SIZE, SIZE, 3))
        assert _count(_backbone(first)) == _count(_network(reference))
        last = anatomy.tap_tensor(first)
        assert tuple(last.shape) == tuple(reference.output.shape)


@pytest.mark.parametrize("width", [0.25, 1.3])
def test_width_is_the_factor_that_keras_calls_alpha(width: float) -> None:
    model = zoo.build(f"mobilenet:width={width}+linear", classes=3, input_size=32)
    reference = keras.applications.MobileNet(
        (32, 32, 3), alpha=width, include_top=False, weights=None
    )
    assert _count(_backbone(model)) == _count(_network(reference))


def _backbone(model: keras.Model) -> list:
    return [each for layer in model.layers if layer.name not in HEAD for each in layer.weights]


def _network(model: keras.Model) -> list:
    layers = [each for each in model.layers if not isinstance(each, keras.layers.Normalization)]
    return [each for layer in layers for each in layer.weights]


def _count(variables: list) -> int:
    return sum(int(np.prod(variable.shape)) for variable in variables)
