"""The model contract, for our own parts and for those that break it."""

from __future__ import annotations

import random

import keras
import numpy as np
import pytest

import zoo
from zoo.engine import anatomy
from zoo.errors import ModelError, SpecError

SMALL = "small-cnn:width=0.1+linear"


def test_input_normalisation_logits_and_probabilities() -> None:
    model = zoo.build(SMALL, classes=3, input_size=(16, 24))
    assert model.input.shape == (None, 16, 24, 3)
    assert [layer.name for layer in model.layers][:2] == ["image", "normalize"]
    assert [layer.name for layer in model.layers][-2:] == ["logits", "probabilities"]
    x = _pictures(16, 24)
    logits, probabilities = _both(model).predict(x, verbose=0)
    softmax = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(probabilities, softmax, atol=1e-6)


def test_bytes_and_floats_give_the_same() -> None:
    model = zoo.build(SMALL, classes=3, input_size=16)
    x = _pictures(16, 16)
    np.testing.assert_array_equal(model(x.astype("uint8")), model(x.astype("float32")))


def test_one_class_is_a_sigmoid() -> None:
    model = zoo.build(SMALL, classes=1, input_size=16)
    logits, probabilities = _both(model).predict(_pictures(16, 16), verbose=0)
    assert probabilities.shape == (4, 1)
    np.testing.assert_allclose(probabilities, 1 / (1 + np.exp(-logits)), atol=1e-6)
    assert anatomy.of(model).classes == ("0", "1")


def test_classes_that_nobody_gives_are_those_of_the_weights() -> None:
    model = zoo.build("small-cnn@shapes+linear")
    assert model.output.shape == (None, 10)
    assert anatomy.of(model).classes[:2] == ("arrow", "circle")
    assert "logits" in anatomy.of(model).load_report["loaded"]
    assert zoo.build("small-cnn:width=0.1+linear").output.shape == (None, 1000)


def test_normalisation_without_weights_is_minus_one_to_one() -> None:
    model = zoo.build(SMALL, classes=2, input_size=16)
    normalized = keras.Model(model.input, model.get_layer("normalize").output)
    pixels = np.zeros((1, 16, 16, 3), "float32")
    pixels[0, 0, 0] = [0, 51, 255]
    np.testing.assert_allclose(normalized(pixels)[0, 0, 0], [-1, 51 / 127.5 - 1, 1], atol=1e-6)


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_ends_in_float32_and_leaves_the_policy_alone(dtype: str) -> None:
    before = keras.config.dtype_policy().name
    model = zoo.build(SMALL, classes=3, input_size=16, dtype=dtype, seed=3)
    assert keras.config.dtype_policy().name == before == "float32"
    assert model.get_layer("stem_conv").compute_dtype == dtype.removeprefix("mixed_")
    assert model.get_layer("stem_conv").kernel.dtype == "float32"
    logits, probabilities = _both(model)(_pictures(16, 16))
    assert model.get_layer("normalize").output.dtype == "float32"
    assert (logits.dtype, probabilities.dtype) == ("float32", "float32")
    full = zoo.build(SMALL, classes=3, input_size=16, seed=3)
    np.testing.assert_allclose(probabilities, full(_pictures(16, 16)), atol=0.02)


def test_policy_comes_back_after_a_failure() -> None:
    with pytest.raises(ModelError):
        zoo.build("small-cnn+dense:units=0", classes=2, dtype="mixed_bfloat16")
    assert keras.config.dtype_policy().name == "float32"


def test_a_seed_fixes_the_weights_and_touches_nobody_elses_generator() -> None:
    random.seed(5)
    expected = random.random()
    random.seed(5)
    first = zoo.build("small-cnn:width=0.1+dense:units=4", classes=2, input_size=16, seed=1)
    assert random.random() == expected
    again = zoo.build("small-cnn:width=0.1+dense:units=4", classes=2, input_size=16, seed=1)
    other = zoo.build("small-cnn:width=0.1+dense:units=4", classes=2, input_size=16, seed=2)
    for a, b in zip(first.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(first.get_weights()[0], other.get_weights()[0])
    # Dropout draws from the seed as well.
    x = _pictures(16, 16)
    np.testing.assert_array_equal(first(x, training=True), again(x, training=True))


def test_carries_its_anatomy() -> None:
    model = zoo.build("small-cnn:width=0.1+linear:pool=max", classes=["cat", "dog"], input_size=16)
    facts = anatomy.of(model)
    assert facts.spec == "small-cnn:width=0.1+linear:pool=max"
    assert facts.taps == {"stage1": "stage1_out", "stage2": "stage2_out", "stage3": "stage3_out"}
    assert facts.classes == ("cat", "dog")
    assert facts.input_size == (16, 16)
    assert facts.normalization == {
        "order": "rgb",
        "mean": [0.5] * 3,
        "std": [0.5] * 3,
        "scale": 255.0,
    }
    assert facts.resolved["head"]["options"] == {"pool": "max", "dropout": 0.0}
    assert facts.resolved["backbone"]["distribution"] == "keras-zoo"
    assert facts.load_report == {}


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"classes": 0}, "a model has at least 1 class, received 0"),
        (
            {"classes": ["cat"]},
            "class names must be two or more, each once; received cat",
        ),
        (
            {"classes": ["cat", "cat"]},
            "class names must be two or more, each once; received cat, cat",
        ),
        (
            {"dtype": "float16"},
            "dtype 'float16' is not accepted\n"
            "  hint: accepted: float32, mixed_bfloat16, mixed_float16",
        ),
        (
            {"input_size": 8},
            "small-cnn cannot take pictures of 8x8, the smallest it accepts is 16x16\n"
            "  hint: its own size is 64x64",
        ),
    ],
)
def test_refuses(arguments, text) -> None:
    with pytest.raises(ModelError) as caught:
        zoo.build("small-cnn+linear", **arguments)
    assert str(caught.value) == text


def test_a_misspelt_name_is_a_spec_error() -> None:
    with pytest.raises(SpecError, match="no backbone named 'smal-cnn'"):
        zoo.build("smal-cnn+linear")


BROKEN = {
    "no_dict": (
        "return inputs",
        "backbone bad/no-dict (bad 0.3) gave KerasTensor, a backbone gives a dict of taps in order",
    ),
    "flat_tap": (
        'return {"a": keras.layers.Flatten(name="f")(inputs)}',
        "tap 'a' of backbone bad/flat-tap (bad 0.3) has shape (None, 768), a tap is a map "
        "[N, h, w, c] and is not called last or head",
    ),
    "reserved": (
        'return {"last": keras.layers.Conv2D(4, 3, name="c")(inputs)}',
        "tap 'last' of backbone bad/reserved (bad 0.3) has shape (None, 14, 14, 4), a tap is a "
        "map [N, h, w, c] and is not called last or head",
    ),
    "no_layer": (
        'return {"a": inputs * 2.0}',
        "tap 'a' of backbone bad/no-layer (bad 0.3) is not the output of a layer that leads to "
        "the head\n  hint: end each tap in a keras layer with a name, and give no tap after the "
        "last",
    ),
    "nested": (
        "own = keras.Input((16, 16, 3))\n"
        '    inner = keras.Model(own, keras.layers.Conv2D(4, 3)(own), name="n")\n'
        '    return {"a": inner(inputs)}',
        "bad/nested+linear nests the model 'n', models are flat\n"
        "  hint: call the layers of the inner model instead",
    ),
    "too_deep": (
        'return {"a": keras.layers.MaxPooling2D(17, name="p")(inputs)}',
        "backbone bad/too-deep (bad 0.3) cannot be built: Computed output size would be zero or "
        "negative. Received: `inputs.shape=[None 16 16 3]`, `pool_size=[17 17]`, "
        "`strides=(17, 17)`, `padding=valid`.\n"
        "  hint: try a larger --input-size, or other options",
    ),
    "nothing": (
        'return {"a": keras.layers.ReLU(name="r")(inputs[:, 16:])}',
        "bad/nothing cannot take pictures of 16x16: nothing is left of them at layer 'r'\n"
        "  hint: try a larger --input-size",
    ),
    "raises": (
        'raise RuntimeError("out of luck\\nand more")',
        "backbone bad/raises (bad 0.3) cannot be built: out of luck\n"
        "  hint: try a larger --input-size, or other options",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_names_the_backbone_that_breaks_the_contract(install, name: str) -> None:
    body, text = BROKEN[name]
    _install_bad(install, f"[backbone.{name.replace('_', '-')}]", name, "inputs", body)
    with pytest.raises(ModelError) as caught:
        zoo.build(f"bad/{name.replace('_', '-')}+linear", classes=2, input_size=16)
    assert str(caught.value) == text


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("return [features]", "head bad/odd (bad 0.3) gave list, a head gives logits [N, 2]"),
        (
            "return features",
            "head bad/odd (bad 0.3) gave shape (None, 8, 8, 2), a head gives logits [N, 2]",
        ),
        (
            "x = keras.layers.GlobalAveragePooling2D()(features['stage3'])\n"
            "    return keras.layers.Dense(5, name='logits')(x)",
            "head bad/odd (bad 0.3) gave shape (None, 5), a head gives logits [N, 2]",
        ),
        (
            "x = keras.layers.GlobalAveragePooling2D()(features['stage3'])\n"
            "    return keras.layers.Dense(num_classes, name='scores')(x)",
            "head bad/odd (bad 0.3) does not end in a layer called 'logits'\n  hint: end it in "
            'keras.layers.Dense(num_classes, dtype="float32", name="logits")',
        ),
    ],
)
def test_names_the_head_that_breaks_the_contract(install, body: str, text: str) -> None:
    _install_bad(install, "[head.odd]", "odd", "features, num_classes", body)
    with pytest.raises(ModelError) as caught:
        zoo.build("small-cnn:width=0.1+bad/odd", classes=2, input_size=16)
    assert str(caught.value) == text


def _install_bad(install, table: str, name: str, parameters: str, body: str) -> None:
    manifest = f'schema = 1\n\n{table}\ntarget = "bad.parts:{name}"\n'
    source = f'import keras\n\n\ndef {name}({parameters}):\n    """One."""\n    {body}\n'
    install("bad", {"registry.toml": manifest, "parts.py": source})


def _pictures(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (4, height, width, 3))


def _both(model: keras.Model) -> keras.Model:
    return keras.Model(model.input, [anatomy.logits_tensor(model), model.output])


@pytest.mark.parametrize("backbone", ["small-cnn", "vgg11bn", "minception"])
@pytest.mark.parametrize("width", ["0", "-1", "1e3"])
def test_a_width_out_of_range_is_refused(backbone, width):
    with pytest.raises(ModelError) as caught:
        zoo.build(f"{backbone}:width={width}+linear", classes=2, input_size=64)
    assert str(caught.value) == (
        f"width={float(width)} is out of range, accepted is above 0 and at most 16\n"
        "  hint: 1 is the published width"
    )
