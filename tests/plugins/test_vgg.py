"""VGG against published counts, keras.applications and a second way to compute the layers."""

from __future__ import annotations

from itertools import pairwise

import h5py
import keras
import numpy as np
import pytest
from zoo_vgg import vgg

import zoo
from zoo import registry
from zoo.engine import anatomy
from zoo.engine.assemble import assemble
from zoo.engine.download import digest
from zoo.index import cache_folder
from zoo.registry import ResolvedModel, ResolvedPart

CLASSIFIER = 25088 * 4096 + 4096 + 4096 * 4096 + 4096 + 4096 * 1000 + 1000
TORCHVISION = {
    # Trainable parameters of torchvision's models, whose classifier is the same in all of them.
    "vgg11": 132_863_336,
    "vgg13": 133_047_848,
    "vgg16": 138_357_544,
    "vgg19": 143_667_240,
    "vgg11bn": 132_868_840,
    "vgg13bn": 133_053_736,
    "vgg16bn": 138_365_992,
    "vgg19bn": 143_678_248,
}


@pytest.mark.parametrize("name", TORCHVISION)
def test_has_the_published_number_of_parameters(name: str) -> None:
    inputs = keras.Input((32, 32, 3))
    *_, last = getattr(vgg, name)(inputs).values()
    model = keras.Model(inputs, last)
    trainable = sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)
    assert trainable == TORCHVISION[name] - CLASSIFIER


def test_flagship_has_the_parameters_of_the_sum_by_hand() -> None:
    model = zoo.build("vgg16bn+dense-bn")
    widths = [3, 64, 64, 128, 128, 256, 256, 256, *[512] * 6]
    convolutions = sum(9 * a * b + b for a, b in pairwise(widths))
    normalisations = 4 * (sum(widths[1:]) + 4096 + 4096)
    assert model.count_params() == convolutions + normalisations + CLASSIFIER
    assert model.count_params() == 138_407_208
    assert model.input.shape == (None, 224, 224, 3)


def test_taps_are_the_pooled_blocks() -> None:
    taps = vgg.vgg13(keras.Input((96, 64, 3)), width=0.125)
    assert {name: tuple(tap.shape[1:]) for name, tap in taps.items()} == {
        "block1": (48, 32, 8),
        "block2": (24, 16, 16),
        "block3": (12, 8, 32),
        "block4": (6, 4, 64),
        "block5": (3, 2, 64),
    }


def test_convolution_before_a_pool_is_reached_by_its_layer() -> None:
    model = zoo.build("vgg16:width=0.0625+linear", classes=3, input_size=64)
    assert anatomy.tap_tensor(model, "block5_conv3").shape == (None, 4, 4, 32)


@pytest.mark.parametrize(("name", "peer"), [("vgg16", "VGG16"), ("vgg19", "VGG19")])
def test_equals_keras_applications_with_its_weights(name: str, peer: str) -> None:
    reference = getattr(keras.applications, peer)(
        include_top=False, weights=None, input_shape=(64, 64, 3)
    )
    inputs = keras.Input((64, 64, 3))
    model = keras.Model(inputs, list(getattr(vgg, name)(inputs).values())[-1])
    _copy(reference, model)
    x = np.random.default_rng(0).normal(0, 60, (2, 64, 64, 3)).astype("float32")
    expected = reference.predict(x, verbose=0)
    assert np.abs(expected).max() > 0
    np.testing.assert_allclose(
        model.predict(x, verbose=0), expected, rtol=0, atol=1e-5 * np.abs(expected).max()
    )


@pytest.mark.slow
def test_logits_equal_keras_applications_with_its_weights() -> None:
    reference = keras.applications.VGG16(weights=None, classifier_activation=None)
    model = zoo.build("vgg16+dense:units=4096:layers=2")
    _copy(reference, model)
    for source, target in (
        ("fc1", "head_dense1"),
        ("fc2", "head_dense2"),
        ("predictions", "logits"),
    ):
        model.get_layer(target).set_weights(reference.get_layer(source).get_weights())
    x = np.random.default_rng(0).integers(0, 256, (1, 224, 224, 3)).astype("float32")
    expected = reference.predict(x / 127.5 - 1, verbose=0)
    logits = keras.Model(model.input, anatomy.logits_tensor(model))
    np.testing.assert_allclose(
        logits.predict(x, verbose=0), expected, rtol=0, atol=1e-5 * np.abs(expected).max()
    )


def test_published_weights_load_and_see_the_caffe_normalisation(tmp_path, monkeypatch) -> None:
    """The same file in keras.applications and in zoo gives the same features of the same pixels."""
    reference = keras.applications.VGG16(include_top=False, weights=None, input_shape=(32, 32, 3))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    file = tmp_path / "models" / "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"
    file.parent.mkdir()
    _save_as_applications_does(reference, file)

    model = _assemble_pinned("vgg16@imagenet+linear", digest(file, "md5"))
    report = anatomy.of(model).load_report
    assert report["loaded"] == [layer.name for layer in reference.layers if layer.weights]
    assert report["reinitialised"] == {"logits": "nothing in the file"}
    assert report["skipped"] == {}
    assert report["transformed"] == {"block1_conv1": "kernel turned from BGR to RGB"}

    x = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype("float32")
    expected = reference.predict(keras.applications.vgg16.preprocess_input(x.copy()), verbose=0)
    features = keras.Model(model.input, anatomy.tap_tensor(model))
    np.testing.assert_allclose(
        features.predict(x, verbose=0), expected, rtol=0, atol=1e-5 * np.abs(expected).max()
    )


def test_altered_weights_are_refused(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    file = tmp_path / "models" / "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"
    file.parent.mkdir()
    file.write_bytes(b"not the weights")
    with pytest.raises(zoo.ZooError) as caught:
        zoo.build("vgg16@imagenet+linear", input_size=32)
    assert str(caught.value) == (
        f"{file} has md5 {digest(file, 'md5')}, "
        "the manifest says 6d6bbae143d832006294945121d1f1fc\n"
        "  hint: delete the file, and it is fetched again"
    )


def test_offline_says_what_to_put_where(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    name = "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5"
    with pytest.raises(zoo.ZooError) as caught:
        zoo.build("vgg19@imagenet+linear", input_size=32)
    assert str(caught.value) == (
        "https://storage.googleapis.com/tensorflow/keras-applications/vgg19/"
        f"{name} is not on this machine and ZOO_OFFLINE forbids the network\n"
        "  hint: put the file with md5 253f8cb515780f3b799900260a226db6 at "
        f"{cache_folder() / 'weights' / 'md5-253f8cb515780f3b799900260a226db6'}"
    )


def test_normalised_form_computes_convolution_normalisation_relu() -> None:
    """Every layer a second time from its numbers, the statistics far from their start."""
    inputs = keras.Input((32, 32, 3))
    model = keras.Model(inputs, list(vgg.vgg13bn(inputs, width=0.0625).values())[-1])
    random = np.random.default_rng(1)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            count = layer.gamma.shape[0]
            variance = 10 ** random.uniform(-3, 0.3, count)
            layer.set_weights([*random.normal(1, 0.3, (3, count)), variance])
    x = random.normal(0, 1, (2, 32, 32, 3)).astype("float32")

    y = x.astype("float64")
    for block, depth in enumerate(vgg.VGG13, start=1):
        for conv in range(1, depth + 1):
            kernel, bias = model.get_layer(f"block{block}_conv{conv}").get_weights()
            gamma, beta, mean, variance = model.get_layer(f"block{block}_bn{conv}").get_weights()
            y = _convolve(y, kernel) + bias
            y = np.maximum(gamma * (y - mean) / np.sqrt(variance + 1e-5) + beta, 0)
        n, h, w, c = y.shape
        y = y.reshape(n, h // 2, 2, w // 2, 2, c).max((2, 4))

    np.testing.assert_allclose(model.predict(x, verbose=0), y, rtol=0, atol=1e-5 * y.max())


def _convolve(x: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """3x3 convolution with a border of zeros, as nine shifted products."""
    h, w = x.shape[1:3]
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    return sum(
        padded[:, i : i + h, j : j + w] @ kernel[i, j].astype("float64")
        for i in range(3)
        for j in range(3)
    )


def _copy(source: keras.Model, target: keras.Model) -> None:
    for layer in source.layers:
        if layer.name.startswith("block"):
            target.get_layer(layer.name).set_weights(layer.get_weights())


def _save_as_applications_does(model: keras.Model, path) -> None:
    """The HDF5 layout of the published files: layers by name, variables by name below them."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [layer.name.encode() for layer in model.layers]
        for layer in model.layers:
            group = file.create_group(layer.name)
            names = [f"{layer.name}/{variable.name}:0" for variable in layer.weights]
            group.attrs["weight_names"] = [name.encode() for name in names]
            for name, value in zip(names, layer.get_weights(), strict=True):
                group[name] = value


def _assemble_pinned(name: str, md5: str) -> keras.Model:
    """Assemble with the manifest's row as it is, but for the digest of the file at hand."""
    from dataclasses import replace

    parts = registry.load()
    resolved = parts.resolve(parts.parse(name))
    weights = replace(resolved.backbone.weights, md5=md5)
    backbone = ResolvedPart(resolved.backbone.part, resolved.backbone.options, weights)
    return assemble(
        ResolvedModel(resolved.spec, backbone, resolved.head), classes=4, input_size=32, seed=0
    )


def test_the_doctor_sees_a_keras_folder_that_cannot_be_written(tmp_path, monkeypatch):
    from zoo_vgg import hooks

    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "deep" / "keras"))
    ((name, well, advice),) = hooks.zoo_doctor_checks()
    assert well
    monkeypatch.setattr("os.access", lambda path, mode: False)
    ((name, well, advice),) = hooks.zoo_doctor_checks()
    assert (name, well) == ("Keras' folder for weights can be written", False)
    assert advice == f"make {tmp_path} writable, or point KERAS_HOME at a folder of yours"
