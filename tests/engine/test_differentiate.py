"""Gradients at a tap: against closed forms, captum's numbers and finite differences."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from zoo.engine.differentiate import gradient
from zoo.errors import ExplainError, ModelError


@pytest.fixture
def pooled() -> keras.Model:
    """A residual network whose head is global average pooling and one Dense layer."""
    keras.utils.set_random_seed(0)
    image = keras.Input((12, 16, 3), name="image")
    x = layers.Rescaling(1 / 255)(image)
    first = layers.Conv2D(6, 3, padding="same", activation="relu", name="first")(x)
    x = layers.Conv2D(6, 3, padding="same", name="second")(first)
    x = layers.BatchNormalization(name="normal")(x)
    x = layers.Add(name="joined")([first, x])
    x = layers.ReLU(name="last_map")(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dropout(0.5)(x)
    x = layers.Dense(5, name="logits")(x)
    model = keras.Model(image, layers.Softmax(name="probabilities")(x))
    normal = model.get_layer("normal")
    rng = np.random.default_rng(1)
    normal.set_weights([rng.uniform(0.5, 1.5, 6) for _ in normal.get_weights()])
    return model


def _pictures(count: int = 3) -> np.ndarray:
    return np.random.default_rng(2).integers(0, 256, (count, 12, 16, 3), np.uint8)


def test_behind_average_pooling_the_gradient_is_the_weight_over_the_places(pooled):
    classes = np.array([4, 0, 2])
    activations, gradients = gradient(pooled, _pictures(), classes)
    assert activations.shape == gradients.shape == (3, 12, 16, 6)
    assert activations.dtype == gradients.dtype == np.float32
    kernel = pooled.get_layer("logits").kernel.numpy()
    expected = np.broadcast_to(kernel.T[classes][:, None, None, :] / (12 * 16), gradients.shape)
    np.testing.assert_allclose(gradients, expected, rtol=1e-5)
    logits = keras.Function(pooled.inputs, pooled.get_layer("logits").output)(
        [keras.ops.convert_to_tensor(_pictures().astype("float32"))]
    )
    bias = pooled.get_layer("logits").bias.numpy()
    np.testing.assert_allclose(
        (activations * gradients).sum((1, 2, 3)) + bias[classes],
        np.take_along_axis(np.asarray(logits), classes[:, None], 1)[:, 0],
        rtol=1e-5,
    )


@pytest.mark.parametrize("tap", ["second", "first", "image"])
def test_it_is_the_slope_of_the_logit_even_where_a_path_goes_around_the_tap(pooled, tap):
    """Finite differences over the rest of the network, which is rebuilt here by hand."""
    images = _pictures(1).astype(np.float32)
    layer = {each.name: each for each in pooled.layers}

    def logit(first, second):
        x = layer["last_map"](layer["joined"]([first, layer["normal"](second)]))
        return float(layer["logits"](layer["pool"](x))[0, 3])

    first = layer["first"](images / 255)
    rest = {
        "image": lambda at: logit(
            layer["first"](at / 255), layer["second"](layer["first"](at / 255))
        ),
        "first": lambda at: logit(at, layer["second"](at)),
        "second": lambda at: logit(first, at),
    }[tap]
    at, slope = gradient(pooled, images, [3], tap=tap)
    step = np.sign(slope) * (0.5 if tap == "image" else 1e-2)
    np.testing.assert_allclose(
        rest(at + step / 2) - rest(at - step / 2), (slope * step).sum(), rtol=0.02
    )


def test_captum_numbers_by_hand():
    """Captum's layer Grad-CAM test: https://github.com/pytorch/captum, tests/attr/layer."""
    image = keras.Input((4, 4, 3), name="image")
    conv = layers.Conv2D(2, 3, name="conv")(image)
    relu = layers.ReLU(name="relu")(conv)
    flat = layers.Flatten()(layers.Permute((3, 1, 2))(relu))
    model = keras.Model(image, layers.Dense(1, use_bias=False, name="logits")(flat))
    kernel = np.zeros((3, 3, 3, 2), np.float32)
    kernel[:, :, 0] = 1
    model.get_layer("conv").set_weights([kernel, np.array([-50.0, -75.0])])
    model.get_layer("logits").set_weights([np.array([[1.0]] * 5 + [[-1.0]] * 3)])
    picture = np.zeros((1, 4, 4, 3), np.float32)
    picture[0, :, :, 0] = np.arange(16).reshape(4, 4)

    for tap, expected in (
        ("conv", [[11.25, 13.5], [20.25, 22.5]]),
        ("relu", [[0, 4], [28, 32.5]]),
    ):
        activations, gradients = gradient(model, picture, [1], tap=tap)
        signed = (activations * gradients.mean((1, 2), keepdims=True)).sum(-1)
        np.testing.assert_allclose(signed[0], expected, atol=1e-4)
        # A single sigmoid unit speaks for class 1 with its logit, for class 0 against it.
        _, against = gradient(model, picture, [0], tap=tap)
        np.testing.assert_array_equal(against, -gradients)


def test_a_batch_is_its_pictures_one_by_one(pooled):
    images, classes = _pictures(4), np.array([0, 4, 1, 1])
    together = gradient(pooled, images, classes, tap="second")
    for index in range(4):
        alone = gradient(
            pooled, images[index : index + 1], classes[index : index + 1], tap="second"
        )
        for whole, part in zip(together, alone, strict=True):
            np.testing.assert_allclose(whole[index], part[0], rtol=1e-5, atol=1e-7)


def test_the_model_is_left_as_it_was(pooled, tmp_path):
    images = _pictures()
    before, config = pooled.predict(images, verbose=0), pooled.get_config()
    gradient(pooled, images, [0, 1, 2])
    gradient(pooled, images, [0, 1, 2], tap="first")
    np.testing.assert_array_equal(pooled.predict(images, verbose=0), before)
    assert pooled.get_config() == config
    pooled.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(again.predict(images, verbose=0), before, rtol=1e-6)


def test_a_softmax_inside_the_last_layer_is_taken_off(pooled, tmp_path):
    """Keras' applications end so; the twin below has its logits apart and the same weights."""
    image = keras.Input((12, 16, 3))
    maps = layers.Conv2D(4, 3, activation="relu", name="maps")(image)
    vector = layers.GlobalMaxPooling2D()(maps)
    fused = keras.Model(image, layers.Dense(3, activation="softmax")(vector))
    apart = keras.Model(image, layers.Softmax()(layers.Dense(3, name="logits")(vector)))
    apart.get_layer("logits").set_weights(fused.layers[-1].get_weights())
    for one, other in zip(
        gradient(fused, _pictures(), [0, 1, 2], tap="maps"),
        gradient(apart, _pictures(), [0, 1, 2], tap="maps"),
        strict=True,
    ):
        np.testing.assert_allclose(one, other, rtol=1e-5)
    fused.save(tmp_path / "fused.keras")
    again = keras.models.load_model(tmp_path / "fused.keras")
    np.testing.assert_allclose(again(_pictures()), fused(_pictures()), rtol=1e-5)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision_gives_float32(pooled, policy):
    """Gradients of a millionth are below what float16 holds; they are scaled on the way."""
    kernel, bias = pooled.get_layer("logits").get_weights()
    pooled.get_layer("logits").set_weights([kernel * 1e-3, bias])
    keras.config.set_dtype_policy(policy)
    try:
        half = keras.models.clone_model(
            pooled,
            clone_function=lambda layer: layer.__class__.from_config(
                {**layer.get_config(), "dtype": policy}
            ),
        )
    finally:
        keras.config.set_dtype_policy("float32")
    half.set_weights(pooled.get_weights())
    for exact, rough in zip(
        gradient(pooled, _pictures(), [0, 1, 2]),
        gradient(half, _pictures(), [0, 1, 2]),
        strict=True,
    ):
        assert rough.dtype == np.float32
        np.testing.assert_allclose(rough, exact, atol=0.02 * np.abs(exact).max())


@pytest.mark.parametrize(
    ("class_index", "tap", "error", "message"),
    [
        (
            [0, 1],
            "last",
            ExplainError,
            "class_index takes one integer for each of 3 pictures, or two for a lead, "
            "received int64 of shape (2,)",
        ),
        (
            [0.0, 1.0, 2.0],
            "last",
            ExplainError,
            "class_index takes one integer for each of 3 pictures, or two for a lead, "
            "received float64 of shape (3,)",
        ),
        ([0, 1, 5], "last", ExplainError, "class_index takes 0 to 4, received 0 to 5"),
        ([0, 1, 2], "pool", ExplainError, "tap 'pool' gives no map"),
        ([0, 1, 2], "secnd", ModelError, "the model has no tap or layer 'secnd'"),
    ],
)
def test_what_does_not_fit_is_refused(pooled, class_index, tap, error, message):
    with pytest.raises(error) as caught:
        gradient(pooled, _pictures(), class_index, tap=tap)
    assert str(caught.value).startswith(message)


def test_a_backend_without_gradients_is_named(pooled, monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    with pytest.raises(ExplainError) as caught:
        gradient(pooled, _pictures(), [0, 1, 2])
    assert str(caught.value) == (
        "no gradients with the Keras backend 'torch'\n"
        "  hint: set KERAS_BACKEND to one of tensorflow, jax"
    )
