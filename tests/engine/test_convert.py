"""Converters without PyTorch: its layouts and borders worked out by hand, every tensor told of."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import zoo
from tests.engine.test_safetensors import written
from zoo import registry
from zoo.engine import anatomy
from zoo.engine.assemble import assemble
from zoo.engine.convert import convert
from zoo.engine.convert.table import Row, conv_and_norm_without_gamma, turned
from zoo.engine.weights import local
from zoo.errors import WeightsError

RANDOM = np.random.default_rng(0)
NORM = ("weight", "bias", "running_mean", "running_var")


def _torch_conv(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """What `Conv2d` is, picture CHW and weight OIHW: sums over windows that lie inside."""
    out, _, kh, kw = weight.shape
    _, h, w = x.shape
    y = np.empty((out, h - kh + 1, w - kw + 1))
    for i in range(y.shape[1]):
        for j in range(y.shape[2]):
            y[:, i, j] = (weight * x[None, :, i : i + kh, j : j + kw]).sum((1, 2, 3))
    return y


def test_kernel_keeps_height_and_width_apart() -> None:
    weight = RANDOM.normal(0, 1, (5, 2, 3, 3)).astype("float32")
    x = RANDOM.normal(0, 1, (2, 6, 7)).astype("float32")
    kernel = turned(Row("w", "conv", "kernel", "kernel"), weight)
    found = keras.ops.conv(x.transpose(1, 2, 0)[None], kernel, padding="valid")
    expected = _torch_conv(x, weight).transpose(1, 2, 0)
    np.testing.assert_allclose(found[0], expected, atol=1e-5)


@pytest.mark.parametrize("kernel", ["chw", "conv"])
def test_matrix_after_flatten_reads_the_same_places(kernel: str) -> None:
    """torch flattens [c, h, w]; Keras flattens [h, w, c]; timm writes the matrix as a kernel."""
    weight = RANDOM.normal(0, 1, (4, 3 * 7 * 7)).astype("float32")
    x = RANDOM.normal(0, 1, (3, 7, 7)).astype("float32")
    source = weight if kernel == "chw" else weight.reshape(4, 3, 7, 7)
    matrix = turned(Row("w", "fc1", "kernel", kernel), source)
    np.testing.assert_allclose(
        x.transpose(1, 2, 0).reshape(1, -1) @ matrix, [weight @ x.ravel()], atol=1e-4
    )


def test_square_matrix_is_transposed() -> None:
    weight = np.arange(9, dtype="float32").reshape(3, 3)
    found = turned(Row("w", "fc2", "kernel", "linear"), weight)
    np.testing.assert_array_equal(found, weight.T)
    as_convolution = turned(Row("w", "fc2", "kernel", "conv"), weight[:, :, None, None])
    np.testing.assert_array_equal(as_convolution, weight.T)


def test_half_precision_becomes_float32() -> None:
    found = turned(Row("b", "conv", "bias", "same"), np.array([0.5, 2], "float16"))
    assert found.dtype == np.float32
    assert found.tolist() == [0.5, 2]


@pytest.mark.parametrize("size", [8, 9])
def test_strided_convolution_pads_both_sides_alike(size: int) -> None:
    """A kernel of ones over a picture of ones counts the pixels of its window."""
    model = zoo.build("resnet18:width=0.015625+linear", classes=2, input_size=32)
    pad, conv = model.get_layer("stem_pad"), model.get_layer("stem_conv")
    conv.set_weights([np.ones_like(conv.get_weights()[0])])
    ones = np.ones((1, size, size, 3), "float32")
    rows = [min(i + 4, size) - max(i - 3, 0) for i in range(0, size, 2)]
    np.testing.assert_allclose(conv(pad(ones))[0, :, :, 0], 3 * np.outer(rows, rows))


def test_pooling_of_the_stem_is_symmetric() -> None:
    """[1, 2, 3, 4] in windows of three around places 0 and 2."""
    model = zoo.build("resnet18:width=0.015625+linear", classes=2, input_size=32)
    x = np.tile(np.arange(1.0, 5.0, dtype="float32")[None, None, :, None], (1, 4, 1, 1))
    y = model.get_layer("stem_pool")(model.get_layer("stem_pool_pad")(x))
    np.testing.assert_array_equal(y[0, :, :, 0], [[2, 4], [2, 4]])


def test_a_gamma_is_folded_into_what_stands_before() -> None:
    """Convolution and normalisation as torch computes them, and as ours do without a gamma."""
    tensors = {
        "conv.weight": RANDOM.normal(0, 1, (5, 2, 3, 3)),
        "bn.weight": RANDOM.uniform(-2, 2, 5),
        "bn.bias": RANDOM.normal(0, 1, 5),
        "bn.running_mean": RANDOM.normal(0, 1, 5),
        "bn.running_var": RANDOM.uniform(0.01, 2, 5),
    }
    ours = {
        row.variable: turned(row, tensors[row.key], tensors[row.factor] if row.factor else None)
        for row in conv_and_norm_without_gamma("conv", "bn", "c", "n", epsilon=1e-3)
        if isinstance(row, Row)
    }
    x = RANDOM.normal(0, 1, (2, 6, 7))
    y = _torch_conv(x, tensors["conv.weight"]).transpose(1, 2, 0)
    weight, bias, mean, variance = (tensors[f"bn.{name}"] for name in NORM)
    expected = weight * (y - mean) / np.sqrt(variance + 1e-3) + bias
    inputs = keras.Input((6, 7, 2))
    conv = keras.layers.Conv2D(5, 3, use_bias=False)
    norm = keras.layers.BatchNormalization(epsilon=1e-3, scale=False)
    model = keras.Model(inputs, norm(conv(inputs)))
    conv.set_weights([ours["kernel"]])
    norm.set_weights([ours["beta"], ours["moving_mean"], ours["moving_variance"]])
    found = model(x.transpose(1, 2, 0)[None].astype("float32"), training=False)[0]
    np.testing.assert_allclose(found, expected, atol=1e-3, rtol=1e-4)


# -- every tensor of a file and every variable of a model is accounted for

VGG11 = {
    # Number of the module in torchvision's vgg11, and in vgg11_bn, to our layer.
    (0, 0): "block1_conv1",
    (3, 4): "block2_conv1",
    (6, 8): "block3_conv1",
    (8, 11): "block3_conv2",
    (11, 15): "block4_conv1",
    (13, 18): "block4_conv2",
    (16, 22): "block5_conv1",
    (18, 25): "block5_conv2",
}
WIDTHS = [3, 1, 2, 4, 4, 8, 8, 8, 8]


def vgg(*, bn: bool) -> dict[str, np.ndarray]:
    """vgg11 at a 64th of its width as torchvision writes it, each value random."""
    tensors: dict[str, np.ndarray] = {}
    for place, numbers in enumerate(VGG11):
        channels, filters = WIDTHS[place : place + 2]
        tensors[f"features.{numbers[bn]}.weight"] = RANDOM.normal(0, 1, (filters, channels, 3, 3))
        tensors[f"features.{numbers[bn]}.bias"] = RANDOM.normal(0, 1, filters)
        if bn:
            norm = f"features.{numbers[bn] + 1}"
            for name in NORM:
                tensors[f"{norm}.{name}"] = RANDOM.uniform(0.5, 1, filters)
            tensors[f"{norm}.num_batches_tracked"] = np.array(7)
    shapes = {"0": (6, 8 * 49), "3": (6, 6), "6": (2, 6)}
    for name, shape in shapes.items():
        tensors[f"classifier.{name}.weight"] = RANDOM.normal(0, 1, shape)
        tensors[f"classifier.{name}.bias"] = RANDOM.normal(0, 1, shape[0])
    return tensors


def build(spec: str, size: int = 224) -> keras.Model:
    return zoo.build(spec, classes=2, input_size=size)


def shapes(model: keras.Model) -> dict[str, tuple[int, ...]]:
    """Path and shape of everything that a file can hold; a dropout's state is no such thing."""
    return {
        variable.path: tuple(variable.shape)
        for layer in model.layers
        for variable in layer.weights
        if not isinstance(layer, keras.layers.Dropout)
    }


@pytest.mark.parametrize("bn", [False, True])
def test_every_variable_gets_a_tensor_of_its_shape(bn: bool) -> None:
    model = build(f"vgg11{'bn' if bn else ''}:width=0.015625+dense:layers=2:units=6")
    tensors = vgg(bn=bn)
    conversion = convert("torchvision-vgg", tensors, model)
    assert {path: value.shape for path, value in conversion.items()} == shapes(model)
    assert len(conversion) == len(shapes(model))
    assert conversion.unexpected == ()
    assert conversion.missing == {}
    counters = {key for key in tensors if key.endswith("num_batches_tracked")}
    assert conversion.dropped == dict.fromkeys(counters, "counts the batches of training")
    for numbers, layer in VGG11.items():
        assert conversion.source(f"{layer}/kernel") == f"features.{numbers[bn]}.weight"
        np.testing.assert_array_equal(
            conversion[f"{layer}/bias"],
            tensors[f"features.{numbers[bn]}.bias"].astype("float32"),
        )
    assert conversion.how("block1_conv1/kernel") == "kernel OIHW to HWIO"
    assert conversion.how("head_dense1/kernel") == "flattened map CHW to HWC, transposed"
    assert conversion.how("head_dense2/kernel") == "transposed"
    assert conversion.how("logits/bias") == "as it is"


def test_classifier_in_convolutions_gives_the_same_values() -> None:
    model = build("vgg11:width=0.015625+dense:layers=2:units=6")
    tensors = vgg(bn=False)
    as_timm = {key: value for key, value in tensors.items() if key.startswith("features")}
    for theirs, ours, shape in (
        ("pre_logits.fc1", "classifier.0", (6, 8, 7, 7)),
        ("pre_logits.fc2", "classifier.3", (6, 6, 1, 1)),
        ("head.fc", "classifier.6", (2, 6)),
    ):
        as_timm[f"{theirs}.weight"] = tensors[f"{ours}.weight"].reshape(shape)
        as_timm[f"{theirs}.bias"] = tensors[f"{ours}.bias"]
    expected = convert("torchvision-vgg", tensors, model)
    found = convert("timm-vgg", as_timm, model)
    assert set(found) == set(expected)
    for path in expected:
        np.testing.assert_array_equal(found[path], expected[path])


def test_other_head_leaves_the_classifier_and_says_so() -> None:
    conversion = convert("torchvision-vgg", vgg(bn=False), build("vgg11:width=0.015625+linear"))
    assert conversion.dropped == {
        "classifier.0.weight": "the model has no head_dense1/kernel",
        "classifier.0.bias": "the model has no head_dense1/bias",
        "classifier.3.weight": "the model has no head_dense2/kernel",
        "classifier.3.bias": "the model has no head_dense2/bias",
    }
    assert conversion["logits/kernel"].shape == (6, 2)  # of another shape: the caller's to decide


def test_deeper_checkpoint_leaves_tensors_over() -> None:
    tensors = vgg(bn=False) | {"features.20.weight": np.ones((8, 8, 3, 3), "float32")}
    model = build("vgg11:width=0.015625+dense:layers=2:units=6")
    assert convert("torchvision-vgg", tensors, model).unexpected == ("features.20.weight",)


def test_checkpoint_without_normalisation_lacks_it() -> None:
    model = build("vgg11bn:width=0.015625+dense:layers=2:units=6")
    conversion = convert("torchvision-vgg", vgg(bn=False), model)
    assert conversion.missing["block1_bn1/gamma"] == "features.1.weight"
    assert "features.3.weight" in conversion.unexpected


@pytest.mark.parametrize(("format", "stray"), [("torchvision-vgg", "conv1.weight")])
def test_checkpoint_of_another_architecture_gives_nothing(format: str, stray: str) -> None:
    tensors = {stray: np.ones((1, 3, 7, 7), "float32")}
    conversion = convert(format, tensors, build("vgg11:width=0.015625+linear", 32))
    assert not conversion
    assert conversion.unexpected == (stray,)


def test_model_of_another_architecture_takes_nothing() -> None:
    conversion = convert("torchvision-vgg", vgg(bn=False), build("small-cnn+linear", 32))
    assert set(conversion) == {"logits/kernel", "logits/bias"}
    assert "features.0.weight" in conversion.unexpected


def test_layers_above_a_cut_are_told_apart_from_strangers() -> None:
    whole = build("vgg11:width=0.015625+linear", 32)
    cut = keras.Model(whole.input, anatomy.tap_tensor(whole, "block2"))
    conversion = convert("torchvision-vgg", vgg(bn=False), cut)
    assert set(conversion) == {
        f"block{block}_conv1/{variable}" for block in (1, 2) for variable in ("kernel", "bias")
    }
    assert conversion.dropped["features.6.weight"] == "lies above the cut"
    assert conversion.dropped["features.18.bias"] == "lies above the cut"
    assert conversion.unexpected == ()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"features.0.weight": np.ones((1, 27), "float32")},
            "features.0.weight is 1x27 of float32, block1_conv1/kernel needs 4 dimensions of "
            "floating point",
        ),
        (
            {"features.0.bias": np.ones(1, "int32")},
            "features.0.bias is 1 of int32, block1_conv1/bias needs 1 dimensions of floating point",
        ),
        (
            {"classifier.0.weight": np.ones((6, 50), "float32")},
            "classifier.0.weight of 6x50 does not divide into maps of 7x7 places",
        ),
    ],
)
def test_tensors_that_cannot_be_it_are_refused(change, message: str) -> None:
    model = build("vgg11:width=0.015625+dense:layers=2:units=6")
    with pytest.raises(WeightsError) as caught:
        dict(convert("torchvision-vgg", vgg(bn=False) | change, model))
    assert str(caught.value) == f"{message}\n  hint: is the format right?"


def test_unknown_format_lists_the_converters() -> None:
    with pytest.raises(WeightsError) as caught:
        convert("timm-vg", {}, build("vgg11:width=0.015625+linear", 32))
    assert caught.value.message == "no converter for the format 'timm-vg'"
    assert caught.value.hint.startswith(
        "converters: timm-inception-resnet-v2, timm-vgg, torch-inception-v3"
    )


def test_another_epsilon_is_another_network() -> None:
    """Shapes agree, and every layer would be a few per cent off."""
    model = build("vgg11bn:width=0.015625+linear", 32)
    model.get_layer("block3_bn2").epsilon = 1e-3
    with pytest.raises(WeightsError) as caught:
        convert("torchvision-vgg", vgg(bn=True), model)
    assert str(caught.value) == (
        "weights in the format torchvision-vgg were made with epsilon 1e-05, "
        "layer block3_bn2 has 0.001\n"
        "  hint: they belong to another variant of this backbone"
    )


def test_batch_counters_do_not_keep_a_checkpoint_from_being_a_full_match(tmp_path) -> None:
    """Every torch checkpoint with normalisation has them; no Keras model has a place for them."""
    tensors = {key: np.asarray(value, "float32") for key, value in vgg(bn=True).items()}
    parts = registry.load()
    named = parts.resolve(parts.parse("vgg11bn:width=0.015625+dense:layers=2:units=6"))
    resolved = local.use(named, written(tmp_path, tensors), "torchvision-vgg", "torch")
    model = assemble(resolved, classes=2, input_size=224, strict=True)
    report = anatomy.of(model).load_report
    assert set(report["skipped"].values()) == {"counts the batches of training"}
    assert report["unmatched"] == []
    assert report["reinitialised"] == {}
    np.testing.assert_array_equal(
        model.get_layer("head_dense2").kernel, tensors["classifier.3.weight"].T
    )
    with pytest.raises(WeightsError, match=r"are no full match: new logits"):
        assemble(resolved, classes=3, input_size=224, strict=True)
