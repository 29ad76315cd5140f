"""Published weights of keras.applications: the same features in zoo and in Keras."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import replace
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from keras.src.legacy.saving import legacy_h5_format
from zoo_vgg import hooks

import zoo
from zoo import registry
from zoo.engine import anatomy
from zoo.engine.assemble import assemble
from zoo.registry import ResolvedModel, ResolvedPart

SIZE = 96
HEAD = {"image", "normalize", "head_pool", "logits", "probabilities"}
BACKBONES = {
    part.id: part
    for part in registry.load().parts(kind="backbone")
    if part.plugin == "applications" and part.weights
}
CONSTRUCTORS = {name.lower(): each for name, each in vars(keras.applications).items()}


@pytest.mark.parametrize(
    "name",
    [
        "mobilenet-v3-small",
        *(pytest.param(part.id, marks=pytest.mark.slow) for part in BACKBONES.values()),
    ],
)
def test_published_weights_give_the_features_of_keras(name, tmp_path, monkeypatch) -> None:
    """One file in keras.applications with its own preprocessing, and in zoo: the same features."""
    constructor = CONSTRUCTORS[name.replace("-", "")]
    reference = constructor(include_top=False, weights=None, input_shape=(SIZE, SIZE, 3))
    _randomise(reference)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    parts = registry.load()
    resolved = parts.resolve(parts.parse(f"{name}@imagenet+linear"))
    model = _assemble_from(reference, resolved, tmp_path)

    pictures = _pictures(2)
    module = sys.modules[constructor.__module__]
    expected = _doubled(reference).predict(module.preprocess_input(pictures.copy()), verbose=0)
    features = _doubled(keras.Model(model.input, anatomy.tap_tensor(model)))
    assert np.abs(expected).max() > 0
    np.testing.assert_allclose(
        features.predict(pictures, verbose=0), expected, rtol=0, atol=1e-5 * np.abs(expected).max()
    )


@pytest.mark.slow
@pytest.mark.parametrize("tap", ["mixed7", "backbone_activation_64"])
def test_a_cut_takes_the_layers_below_it(tap, tmp_path, monkeypatch) -> None:
    """Also inside a block, where the file has layers of other branches in between."""
    reference = keras.applications.InceptionV3(
        include_top=False, weights=None, input_shape=(SIZE, SIZE, 3)
    )
    _randomise(reference)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    parts = registry.load()
    uncut = zoo.build("inception-v3+linear", classes=3, input_size=SIZE)
    ours = [layer.name for layer in uncut.layers if layer.name not in HEAD]
    place = ours.index(tap)
    resolved = parts.resolve(parts.parse(f"inception-v3@imagenet:tap={tap}+linear"))
    model = _assemble_from(reference, resolved, tmp_path)

    layer = reference.layers[1:][place]
    expected = keras.Model(reference.input, layer.output)
    features = keras.Model(model.input, anatomy.tap_tensor(model))
    pictures = np.random.default_rng(0).uniform(0, 255, (2, SIZE, SIZE, 3)).astype("float32")
    wanted = expected.predict(pictures / 127.5 - 1, verbose=0)
    found = features.predict(pictures, verbose=0)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5 * np.abs(wanted).max())
    skipped = anatomy.of(model).load_report["skipped"]
    assert set(skipped.values()) == {"lies above the cut"}


@pytest.mark.parametrize(
    ("name", "address"),
    [
        (
            "resnet50",
            "tensorflow/keras-applications/resnet/"
            "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
        ),
        ("efficientnet-b0", "keras-applications/efficientnetb0_notop.h5"),
    ],
)
def test_weights_are_where_keras_looks_for_them(name, address, monkeypatch, tmp_path) -> None:
    """The first EfficientNets lie outside the folder of the others."""
    asked = []
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(hooks, "cached", lambda address, weights: asked.append(address))
    weights = BACKBONES[name].weights["imagenet"]
    hooks.zoo_resolve_weights(weights.source, weights)
    assert asked == [f"https://storage.googleapis.com/{address}"]


def _assemble_from(reference: keras.Model, resolved: ResolvedModel, folder: Path) -> keras.Model:
    """The manifest's row as it is, but for the digest of a file with these weights."""
    path = folder / "reference.h5"
    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, reference)
    weights = replace(
        resolved.backbone.weights, source=f"file://{path}", md5="", sha256=_sha256(path), size=0
    )
    backbone = ResolvedPart(resolved.backbone.part, resolved.backbone.options, weights)
    changed = ResolvedModel(resolved.spec, backbone, resolved.head)
    return assemble(changed, classes=3, input_size=SIZE)


def _doubled(model: keras.Model) -> keras.Model:
    """The same layers in float64: deep random networks multiply what float32 rounds off."""

    def double(layer: keras.Operation) -> keras.Operation:
        dtype = {"dtype": "float64"} if isinstance(layer, keras.Layer) else {}
        return type(layer).from_config({**layer.get_config(), **dtype})

    twin = keras.models.clone_model(model, clone_function=double)
    twin.set_weights(model.get_weights())
    return twin


def _randomise(model: keras.Model) -> None:
    """Scales and offsets far from their start, which a wrong order would leave unseen.

    Statistics are those of pictures that pass, as in a trained network: with others, every layer
    would multiply what rounding left, to more than the tolerance in a deep one.
    """
    random = np.random.default_rng(3)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
            if layer.scale:
                layer.gamma.assign(random.uniform(0.8, 1.2, layer.gamma.shape))
            layer.beta.assign(random.normal(0, 0.1, layer.beta.shape))
        elif isinstance(layer, keras.layers.Normalization) and layer.weights:
            # What the published file of EfficientNet holds; Keras adds the root of the deviation
            # only where it loads that file.
            mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
            layer.set_weights([mean, std**2, np.array(0)])
            layer.finalize_state()
    model(_pictures(8), training=True)


def _pictures(count: int) -> np.ndarray:
    """Soft blots of colour, which differ from one another in every layer."""
    grids = np.random.default_rng(count).integers(0, 256, (count, 4, 4, 3)).astype("float32")
    return np.asarray(keras.ops.image.resize(grids, (SIZE, SIZE), "bicubic")).clip(0, 255).round()


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
