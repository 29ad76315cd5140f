"""Models from elsewhere: nested, sequential, subclassed, branched; the same maps as a flat twin."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

import zoo
from zoo.engine import answer, subject, watch
from zoo.engine.differentiate import gradient
from zoo.errors import ExplainError, ModelError

CLASSES = np.array([2, 0])


def pictures() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3), np.uint8)


@pytest.fixture(scope="module")
def backbone() -> keras.Model:
    keras.utils.set_random_seed(0)
    image = keras.Input((16, 16, 3))
    x = layers.Conv2D(6, 3, padding="same", activation="relu", name="conv")(image)
    y = layers.BatchNormalization(name="normal")(x)
    return keras.Model(image, layers.ReLU(name="last_act")(x + y), name="body.1_00")


@pytest.fixture(scope="module")
def dense() -> layers.Dense:
    layer = layers.Dense(3, activation="softmax", name="head")
    layer.build((None, 6))
    return layer


@pytest.fixture(scope="module")
def flat(backbone, dense) -> keras.Model:
    """The twin: the same weights, no model inside, the scores in a layer of their own."""
    image = keras.Input((16, 16, 3))
    x = layers.Rescaling(1 / 255)(image)
    x = backbone.get_layer("conv")(x)
    y = backbone.get_layer("normal")(x)
    x = layers.ReLU(name="last_act")(x + y)
    x = layers.Dense(3, name="logits")(layers.GlobalAveragePooling2D()(x))
    model = keras.Model(image, layers.Softmax()(x))
    model.get_layer("logits").set_weights(dense.get_weights())
    return model


class Subclassed(keras.Model):
    def __init__(self, backbone, dense):
        super().__init__()
        self.body, self.dense = backbone, dense
        self.pool = [layers.GlobalAveragePooling2D()]

    def call(self, images):
        return self.dense(self.pool[0](self.body(images / 255)))


def nested(backbone, dense) -> keras.Model:
    image = keras.Input((16, 16, 3))
    x = backbone(layers.Rescaling(1 / 255)(image))
    return keras.Model(image, dense(layers.GlobalAveragePooling2D()(x)))


def sequential(backbone, dense) -> keras.Model:
    parts = [keras.Input((16, 16, 3)), layers.Rescaling(1 / 255), backbone]
    return keras.Sequential([*parts, layers.GlobalAveragePooling2D(), dense])


def subclassed(backbone, dense) -> keras.Model:
    model = Subclassed(backbone, dense)
    model(np.zeros((1, 16, 16, 3), np.float32))
    return model


def pooled_inside(backbone, dense) -> keras.Model:
    """The backbone ends in its pooling: its own output is no map."""
    image = keras.Input((16, 16, 3))
    body = keras.Model(image, layers.GlobalAveragePooling2D()(backbone(image)), name="body")
    inlet = keras.Input((16, 16, 3))
    return keras.Model(inlet, dense(body(layers.Rescaling(1 / 255)(inlet))))


def two_outputs(backbone, dense) -> keras.Model:
    image = keras.Input((16, 16, 3))
    maps = backbone(layers.Rescaling(1 / 255)(image))
    box = layers.Conv2D(4, 1, name="box")(maps)
    return keras.Model(image, [box, dense(keras.ops.mean(maps, axis=(1, 2)))])


@pytest.mark.parametrize("make", [nested, sequential, subclassed, pooled_inside, two_outputs])
def test_a_model_from_elsewhere_has_the_maps_of_its_flat_twin(
    make, backbone, dense, flat, tmp_path
):
    model = make(backbone, dense)
    before = [np.array(each) for each in model.get_weights()]
    at, slope = gradient(model, pictures(), CLASSES)
    for got, expected in zip((at, slope), gradient(flat, pictures(), CLASSES), strict=True):
        np.testing.assert_allclose(got, expected, atol=1e-6 * np.abs(expected).max())
    np.testing.assert_allclose(answer.probabilities(model, pictures()), flat(pictures()), atol=1e-6)
    about = subject.of(model)
    assert list(about.taps)[-1].endswith("last_act")
    assert about.scores == subject.Scores("head", "activation", "softmax")
    assert about.classes == ("0", "1", "2")
    assert any("found as the last map" in note for note in about.notes)
    # Nothing of the user's is left changed.
    assert dense.activation is keras.activations.softmax
    assert not any("call" in vars(layer) for layer in watch.layers(model).values())
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    if make is not subclassed:
        model.save(tmp_path / "model.keras")
        again = keras.models.load_model(tmp_path / "model.keras")
        np.testing.assert_allclose(
            gradient(again, pictures(), CLASSES)[1], slope, atol=1e-6 * np.abs(slope).max()
        )


def test_what_was_found_is_said(backbone, dense):
    notes = subject.of(two_outputs(backbone, dense)).notes
    assert notes == (
        "tap body.1_00/last_act: found as the last map before the scores",
        "the model has 2 outputs: explained is that of head",
    )
    assert subject.of(nested(backbone, dense)).neutral == (0, 0, 0)  # x / 255 maps black to zero
    assert subject.of(subclassed(backbone, dense)).neutral == (127.5,) * 3
    assert subject.of(subclassed(backbone, dense)).notes[-1] == (
        "the model holds no normalisation: pictures go in as RGB from 0 to 255"
    )


def test_a_layer_inside_is_a_tap_by_its_path_or_by_its_name(backbone, dense):
    model = nested(backbone, dense)
    whole = gradient(model, pictures(), CLASSES, tap="body.1_00/conv")[0]
    short = gradient(model, pictures(), CLASSES, tap="conv")[0]
    np.testing.assert_array_equal(whole, short)
    with pytest.raises(ModelError) as caught:
        gradient(model, pictures(), CLASSES, tap="cnov")
    assert str(caught.value).startswith("the model has no tap or layer 'cnov'\n  hint: did you")


@pytest.mark.parametrize("ends", ["sigmoid", "several sigmoids", "linear", "ops"])
def test_the_scores_are_found_before_any_end(backbone, ends):
    image = keras.Input((16, 16, 3))
    pooled = layers.GlobalAveragePooling2D()(backbone(layers.Rescaling(1 / 255)(image)))
    if ends == "sigmoid":
        model = keras.Model(image, layers.Dense(1, activation="sigmoid")(pooled))
    elif ends == "several sigmoids":
        model = keras.Model(image, layers.Dense(3, activation="sigmoid")(pooled))
    elif ends == "linear":
        model = keras.Model(image, layers.Dense(3)(pooled))
    else:
        model = keras.Model(image, keras.ops.softmax(layers.Dense(3)(pooled)))
    given = model.predict(pictures(), verbose=0)
    if ends == "sigmoid":
        expected = np.concatenate([1 - given, given], axis=1)
        given = np.log(given / (1 - given))
        np.testing.assert_allclose(answer.scores(model, pictures(), [1, 0]), given[:, 0] * [1, -1],
                                   rtol=1e-4, atol=1e-5)  # fmt: skip
    elif ends == "linear":
        expected = np.exp(given) / np.exp(given).sum(1, keepdims=True)
    else:
        expected = given
    np.testing.assert_allclose(answer.probabilities(model, pictures()), expected, atol=1e-6)


def test_what_is_no_classifier_of_pictures_is_refused(backbone):
    image = keras.Input((16, 16, 3))
    pooled = layers.GlobalAveragePooling2D()(backbone(image))
    hidden = keras.Model(image, layers.UnitNormalization()(layers.Dense(3)(pooled)))
    flat_only = keras.Model(image, layers.Dense(2)(layers.Flatten()(image)))
    cases = [
        (lambda: subject.of(hidden), ModelError,
         "the scores before the probabilities cannot be reached: the model ends in "
         "UnitNormalization\n  hint: end the model in Dense, Activation or Softmax"),
        (lambda: subject.of(backbone), ModelError,
         "the model gives (None, 16, 16, 6), accepted is an output [N, classes]"),
        (lambda: subject.of(Subclassed(backbone, layers.Dense(2))), ModelError,
         "the model takes inputs of unknown shape, accepted is one input of RGB pictures "
         "[N, height, width, 3] of a fixed size\n"
         "  hint: call a subclassed model once on a picture first"),
        (lambda: gradient(flat_only, pictures(), [0, 1]), ExplainError,
         "the model has no map: no layer gives [N,h,w,c] on the way to its scores\n"
         "  hint: explain it by its pixels: saliency, integrated-gradients, occlusion, rise"),
    ]  # fmt: skip
    for use, error, message in cases:
        with pytest.raises(error) as caught:
            use()
        assert str(caught.value) == message


def test_a_model_goes_when_it_is_no_longer_used(backbone):
    import gc
    import weakref

    model = zoo.build("small-cnn:width=0.1+linear", classes=2, input_size=16, seed=0)
    gradient(model, pictures(), [0, 1])
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None
