"""Every interpreter against a closed form, a second way of counting, or a network done by hand."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers
from zoo_interpret.ablation_cam import ablation_cam
from zoo_interpret.eigen_cam import eigen_cam
from zoo_interpret.grad_cam import grad_cam
from zoo_interpret.grad_cam_plus_plus import grad_cam_plus_plus
from zoo_interpret.guided_backprop import guided_backprop
from zoo_interpret.hires_cam import hires_cam
from zoo_interpret.input_x_gradient import input_x_gradient
from zoo_interpret.integrated_gradients import integrated_gradients
from zoo_interpret.layer_cam import layer_cam
from zoo_interpret.lime import lime
from zoo_interpret.occlusion import occlusion
from zoo_interpret.rise import rise
from zoo_interpret.saliency import saliency
from zoo_interpret.score_cam import score_cam
from zoo_interpret.smoothgrad import smoothgrad, vargrad

from zoo.engine import answer
from zoo.engine.heatmap import enlarge
from zoo.errors import ExplainError

CLASSES = np.array([0, 1, 2, 3, 0])


@pytest.fixture(scope="module")
def cam() -> keras.Model:
    """Convolutions, global average pooling, one Dense layer: Zhou et al.'s CAM network."""
    keras.utils.set_random_seed(3)
    image = keras.Input((16, 16, 3), name="image")
    x = layers.Rescaling(1 / 127.5, offset=-1)(image)
    x = layers.Conv2D(8, 3, padding="same", activation="relu", name="first")(x)
    x = layers.MaxPooling2D(2)(x)
    x = layers.Conv2D(12, 3, padding="same", activation="relu", name="maps")(x)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dense(4, name="logits")(x)
    return keras.Model(image, layers.Softmax(name="probabilities")(x))


@pytest.fixture(scope="module")
def maps(cam) -> np.ndarray:
    """What enters the pooling, [5,8,8,12]."""
    at = keras.Function(cam.inputs, cam.get_layer("maps").output)
    return np.asarray(at([keras.ops.convert_to_tensor(pictures().astype("float32"))]))


@pytest.fixture(scope="module")
def weights(cam) -> np.ndarray:
    """The classifier's column of each picture's class, [5,12]."""
    return cam.get_layer("logits").kernel.numpy().T[CLASSES]


@pytest.fixture(scope="module")
def linear() -> keras.Model:
    """A model whose logit is w . x + bias in the normalised picture, nothing else."""
    keras.utils.set_random_seed(5)
    image = keras.Input((16, 16, 3), name="image")
    x = layers.Rescaling(1 / 127.5, offset=-1)(image)
    x = layers.Dense(2, name="logits")(layers.Flatten()(x))
    return keras.Model(image, layers.Softmax(name="probabilities")(x))


def pictures(count: int = 5) -> np.ndarray:
    return np.random.default_rng(4).integers(0, 256, (count, 16, 16, 3), np.uint8)


def shares(linear: keras.Model, images: np.ndarray, index: int) -> np.ndarray:
    """What each pixel adds to the linear model's logit, against the mean, [N,16,16]."""
    kernel = linear.get_layer("logits").kernel.numpy()[:, index].reshape(16, 16, 3)
    return ((images.astype(np.float64) - 127.5) / 127.5 * kernel).sum(-1)


def close(got: np.ndarray, expected: np.ndarray, within: float = 1e-6) -> None:
    assert got.dtype == np.float32
    assert np.abs(expected).max() > 0
    np.testing.assert_allclose(got, expected, atol=within * np.abs(expected).max())


def test_behind_average_pooling_hires_cam_is_grad_cam(cam):
    close(hires_cam(cam, pictures(), CLASSES), grad_cam(cam, pictures(), CLASSES))


def test_behind_average_pooling_layer_cam_takes_positive_weights_only(cam, maps, weights):
    expected = np.einsum("nhwk,nk->nhw", maps, np.maximum(weights, 0)) / 64
    close(layer_cam(cam, pictures(), CLASSES), expected)


def test_behind_average_pooling_grad_cam_plus_plus_has_a_closed_form(cam, maps, weights):
    pooled = maps.mean((1, 2), dtype=np.float64)
    share = np.maximum(weights, 0) / (2 + weights * pooled)
    close(
        grad_cam_plus_plus(cam, pictures(), CLASSES),
        np.maximum(np.einsum("nhwk,nk->nhw", maps, share), 0),
    )


def test_behind_a_flattening_head_hires_cam_adds_up_to_the_logit(cam):
    flat = layers.Dense(3, name="logits")(layers.Flatten()(cam.get_layer("maps").output))
    model = keras.Model(cam.inputs, flat)
    kernel, bias = model.get_layer("logits").get_weights()
    # With no weight against the class nothing is cut off, and the sum can be checked.
    model.get_layer("logits").set_weights([np.abs(kernel), bias + 1])
    classes = np.array([0, 1, 2, 0, 1])
    heat = hires_cam(model, pictures(), classes)
    logits = answer.scores(model, pictures(), classes)
    np.testing.assert_allclose(heat.sum((1, 2)) + bias[classes] + 1, logits, rtol=1e-5)
    assert np.abs(heat - grad_cam(model, pictures(), classes)).max() > 0.1 * heat.max()


@pytest.mark.parametrize("center", [False, True])
def test_eigen_cam_is_the_first_singular_vector(cam, maps, center):
    heat = eigen_cam(cam, pictures(), CLASSES, center=center)
    for row, own in enumerate(maps.reshape(5, 64, 12).astype(np.float64)):
        own = own - own.mean(0) if center else own
        left, values, _ = np.linalg.svd(own, full_matrices=False)
        first = (values[0] * left[:, 0]).reshape(8, 8)
        sign = np.sign((first * heat[row]).sum())
        np.testing.assert_allclose(heat[row], sign * first, atol=1e-5 * np.abs(first).max())
    if not center:
        assert heat.sum((1, 2)).min() > 0


@pytest.mark.parametrize("score", ["probability", "logit"])
def test_score_cam_is_the_loop_over_channels(cam, maps, score):
    """One masked picture after the other, enlarged and blended in numpy."""
    images, expected = pictures(2), np.zeros((2, 8, 8))
    for row in range(2):
        for channel in range(12):
            kept = enlarge(maps[row, ..., channel], (16, 16))
            if np.ptp(maps[row, ..., channel]) == 0:
                continue
            kept = ((kept - kept.min()) / np.ptp(kept))[..., None]
            seen = 127.5 + kept * (images[row] - 127.5)
            weight = answer.scores(cam, seen[None], CLASSES[[row]], of=score)[0]
            expected[row] += weight * maps[row, ..., channel]
    heat = score_cam(cam, images, CLASSES[:2], channels=0, score=score)
    close(heat, np.maximum(expected, 0), 1e-5)


def test_score_cam_takes_the_channels_that_vary_most(cam, maps):
    few = score_cam(cam, pictures(1), CLASSES[:1], channels=1)[0]
    most = maps[0].std((0, 1)).argmax()
    close(few / few.max(), maps[0, ..., most] / maps[0, ..., most].max(), 1e-5)


def test_score_cam_of_maps_that_are_the_same_everywhere_is_zero(cam):
    """A channel without contrast divides 0 by 0 when it is stretched; it is left out instead."""
    kernel, bias = cam.get_layer("maps").get_weights()
    cam.get_layer("maps").set_weights([np.zeros_like(kernel), np.ones_like(bias)])
    heat = score_cam(cam, pictures(1), np.array([0]))
    cam.get_layer("maps").set_weights([kernel, bias])
    np.testing.assert_array_equal(heat, np.zeros((1, 8, 8), np.float32))


def test_behind_average_pooling_ablation_cam_weights_by_what_a_map_adds(cam, maps, weights):
    falls = weights * maps.mean((1, 2), dtype=np.float64)
    expected = np.maximum(np.einsum("nhwk,nk->nhw", maps, falls), 0)
    close(ablation_cam(cam, pictures(), CLASSES), expected, 1e-5)


def test_ablation_cam_switches_channels_off_at_an_early_tap(cam):
    """The same falls, one channel at a time, by a model whose kernel has that channel zeroed."""
    heat = ablation_cam(cam, pictures(1), CLASSES[:1], tap="first")
    whole = answer.scores(cam, pictures(1), CLASSES[:1])[0]
    at = answer.activations(cam, pictures(1), tap="first")[0]
    kernel, bias = cam.get_layer("first").get_weights()
    expected = np.zeros(at.shape[:2])
    for channel in range(8):
        off, none = kernel.copy(), bias.copy()
        off[..., channel], none[channel] = 0, 0
        cam.get_layer("first").set_weights([off, none])
        fall = whole - answer.scores(cam, pictures(1), CLASSES[:1])[0]
        expected += fall * at[..., channel]
    cam.get_layer("first").set_weights([kernel, bias])
    close(heat[0], np.maximum(expected, 0), 1e-4)


def test_gradients_of_a_linear_model_are_its_weights(linear):
    kernel = linear.get_layer("logits").kernel.numpy()[:, 1].reshape(16, 16, 3) / 127.5
    heat = saliency(linear, pictures(1), np.array([1]))
    close(heat[0], np.abs(kernel).max(-1))
    close(smoothgrad(linear, pictures(1), np.array([1]), samples=4)[0], np.abs(kernel).max(-1))
    assert vargrad(linear, pictures(1), np.array([1]), samples=4).max() < 1e-12


def test_on_a_linear_model_three_ways_give_what_each_pixel_adds(linear):
    images, expected = pictures(2), shares(linear, pictures(2), 1)
    classes = np.array([1, 1])
    close(input_x_gradient(linear, images, classes), expected, 1e-5)
    close(integrated_gradients(linear, images, classes, steps=1), expected, 1e-5)
    heat = occlusion(linear, images, classes, patch=0.25, stride=0.25)
    blocks = expected.reshape(2, 4, 4, 4, 4).sum((2, 4)).repeat(4, 1).repeat(4, 2)
    close(heat, blocks, 1e-4)


def test_a_baseline_of_ones_own_choice_is_what_hides(linear):
    black = input_x_gradient(linear, pictures(1), np.array([0]), baseline="black")[0]
    kernel = linear.get_layer("logits").kernel.numpy()[:, 0].reshape(16, 16, 3)
    close(black, (pictures(1)[0] / 127.5 * kernel).sum(-1), 1e-5)
    flat = np.full((1, 16, 16, 3), 90, np.uint8)
    blurred = input_x_gradient(linear, flat, np.array([0]), baseline="blur")
    np.testing.assert_array_equal(blurred, 0)  # a picture without details is its own blur


def test_the_lead_of_a_class_is_the_difference_of_the_two(linear):
    both = np.array([[0, 1]])
    lead = shares(linear, pictures(1), 0) - shares(linear, pictures(1), 1)
    close(input_x_gradient(linear, pictures(1), both), lead, 1e-5)
    close(integrated_gradients(linear, pictures(1), both, steps=2), lead, 1e-5)
    close(occlusion(linear, pictures(1), both, patch=0.06, stride=0.06), lead, 1e-3)


@pytest.mark.parametrize(("bend", "steps", "within"), [("softplus", 64, 1e-3), ("relu", 3, 1e-5)])
def test_integrated_gradients_add_up(bend, steps, within):
    """ReLU without bias has its kink at the mean, where the trapezoid rule is off by 1/(2m)."""
    keras.utils.set_random_seed(1)
    image = keras.Input((16, 16, 3), name="image")
    x = layers.Rescaling(1 / 127.5, offset=-1)(image)
    for _ in range(2):
        x = layers.Conv2D(6, 3, strides=2, activation=bend, use_bias=False)(x)
    model = keras.Model(image, layers.Dense(3, name="logits")(layers.Flatten()(x)))
    classes = np.array([0, 1, 2])
    heat = integrated_gradients(model, pictures(3), classes, steps=steps)
    mean = np.full((3, 16, 16, 3), 127.5, np.float32)
    gained = answer.scores(model, pictures(3), classes) - answer.scores(model, mean, classes)
    np.testing.assert_allclose(heat.sum((1, 2)), gained, rtol=within, atol=within)


def test_guided_backprop_by_hand():
    """Two ReLUs of one weight each: the second lets nothing back where its gradient is negative."""
    image = keras.Input((1, 2, 3), name="image")
    hidden = layers.Dense(2, activation="relu", use_bias=False, name="hidden")(
        layers.Flatten()(image)
    )
    model = keras.Model(image, layers.Dense(1, use_bias=False, name="logits")(hidden))
    kernel = np.zeros((6, 2), np.float32)
    kernel[0, 0], kernel[3, 1] = 2.0, 5.0
    model.get_layer("hidden").set_weights([kernel])
    model.get_layer("logits").set_weights([np.array([[3.0], [-1.0]], np.float32)])
    picture = np.full((1, 1, 2, 3), 10, np.uint8)
    np.testing.assert_allclose(saliency(model, picture, np.array([1])), [[[6.0, 5.0]]])
    np.testing.assert_allclose(guided_backprop(model, picture, np.array([1])), [[[6.0, 0.0]]])
    np.testing.assert_allclose(guided_backprop(model, picture, np.array([0])), [[[0.0, 5.0]]])


def test_guided_backprop_refuses_what_is_not_relu():
    image = keras.Input((8, 8, 3), name="image")
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(2, 3, activation="gelu", name="soft")(image))
    model = keras.Model(image, layers.Dense(2, name="logits")(x))
    with pytest.raises(ExplainError) as caught:
        guided_backprop(model, np.zeros((1, 8, 8, 3), np.uint8), np.array([0]))
    assert str(caught.value) == (
        "guided backprop is defined for ReLU alone, layer 'soft' applies gelu\n"
        "  hint: take saliency, smoothgrad or a method of the CAM family"
    )


def test_smoothgrad_without_noise_is_saliency_and_the_seed_decides(cam):
    plain = saliency(cam, pictures(2), CLASSES[:2])
    np.testing.assert_allclose(
        smoothgrad(cam, pictures(2), CLASSES[:2], noise=0.0, samples=2), plain, rtol=1e-6
    )
    first, again, other = (
        smoothgrad(cam, pictures(2), CLASSES[:2], samples=2, seed=seed) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.01 * plain.max()


def test_rise_of_a_model_that_always_says_the_same_is_the_mean_mask(linear):
    kernel, bias = linear.get_layer("logits").get_weights()
    linear.get_layer("logits").set_weights([np.zeros_like(kernel), np.log([3.0, 1.0])])
    heat = rise(linear, pictures(1), np.array([0]), masks=200, keep=0.25)
    other = rise(linear, pictures(1), np.array([1]), masks=200, keep=0.25)
    linear.get_layer("logits").set_weights([kernel, bias])
    np.testing.assert_allclose(heat, 3 * other, rtol=1e-5)
    assert heat.mean() == pytest.approx(0.75, abs=0.02)  # p, by the mask's own expectation


def test_lime_finds_what_each_patch_adds(linear):
    """Without a penalty, least squares on a linear model is exact, patch by patch."""
    from skimage.segmentation import slic

    image = np.zeros((1, 16, 16, 3), np.uint8)
    image[0, :8, :8], image[0, 8:, 8:], image[0, :8, 8:] = (200, 30, 30), (20, 220, 40), 90
    heat = lime(linear, image, np.array([1]), segments=4, samples=64, penalty=0.0, score="logit")
    patches = slic(image[0], n_segments=4, start_label=0)
    worth = shares(linear, image, 1)[0]
    expected = np.array([worth[patches == patch].sum() for patch in range(patches.max() + 1)])
    assert len(expected) >= 3
    close(heat[0], expected[patches], 1e-4)


METHODS = {
    "grad_cam": grad_cam,
    "grad_cam_plus_plus": grad_cam_plus_plus,
    "hires_cam": hires_cam,
    "layer_cam": layer_cam,
    "eigen_cam": eigen_cam,
    "score_cam": score_cam,
    "ablation_cam": ablation_cam,
    "saliency": saliency,
    "input_x_gradient": input_x_gradient,
    "guided_backprop": guided_backprop,
    "smoothgrad": lambda *given: smoothgrad(*given, samples=2),
    "vargrad": lambda *given: vargrad(*given, samples=2),
    "integrated_gradients": lambda *given: integrated_gradients(*given, steps=2),
    "occlusion": lambda *given: occlusion(*given, stride=0.25),
    "rise": lambda *given: rise(*given, masks=8),
    "lime": lambda *given: lime(*given, samples=40, segments=6),
}


@pytest.mark.parametrize("name", METHODS)
def test_a_batch_is_its_pictures_one_by_one(cam, name):
    images = pictures(3)
    together = METHODS[name](cam, images, CLASSES[:3])
    side = 8 if name.endswith(("cam", "plus")) else 16
    assert together.shape == (3, side, side)
    for row in (0, 2):
        alone = METHODS[name](cam, images[[row]], CLASSES[[row]])
        np.testing.assert_allclose(alone[0], together[row], atol=1e-6 * np.abs(together).max())
