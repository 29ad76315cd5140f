"""Scores against models and maps whose score is known beforehand."""

from __future__ import annotations

from types import SimpleNamespace

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image

from zoo.engine import subject
from zoo.engine.trust import agree, axioms, curves, evidence, randomise
from zoo.engine.trust import score as scoring
from zoo.engine.trust.score import score
from zoo.errors import DataError
from zoo.testing import stand_ins

SIZE = (16, 16)


@pytest.fixture(scope="module")
def counts() -> keras.Model:
    """A logit that is the sum of the picture over 255; class 0 has none."""
    image = keras.Input((*SIZE, 3), name="image")
    flat = layers.Flatten()(layers.Rescaling(1 / 255)(image))
    model = keras.Model(image, layers.Dense(2, name="logits", use_bias=False)(flat))
    kernel = np.zeros((16 * 16 * 3, 2), np.float32)
    kernel[:, 1] = 1
    model.get_layer("logits").set_weights([kernel])
    return model


def pictures(count: int = 2) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, *SIZE, 3), np.uint8)


def exact(images: np.ndarray) -> np.ndarray:
    return (images / 255).sum(-1).astype(np.float32)


ONES = np.array([1, 1])


def test_seconds_do_not_hold_the_compilation_of_any_batch(monkeypatch):
    """Of three pictures in twos the last batch is of another size, which is compiled anew."""
    clock, compiled = [0.0], set()

    def maps(model, images, index):
        clock[0] += 1 if len(images) in compiled else 100
        compiled.add(len(images))
        return exact(images)

    monkeypatch.setattr(scoring.time, "perf_counter", lambda: clock[0])
    _, heat, seconds = scoring._timed(SimpleNamespace(maps=maps), None, pictures(3), np.ones(3), 2)
    assert seconds == 2
    np.testing.assert_array_equal(heat, exact(pictures(3)))


def test_a_map_that_is_right_is_complete_and_foretells_everything(counts):
    images = pictures()
    heat = exact(images)
    np.testing.assert_allclose(axioms.incompleteness(counts, images, ONES, heat), 0, atol=1e-5)
    np.testing.assert_allclose(axioms.incompleteness(counts, images, ONES, heat / 2), 0.5, rtol=0.1)
    for scale in (1, 7):  # of another unit it is as right
        found = axioms.infidelity(counts, images, ONES, heat * scale)
        np.testing.assert_allclose(found, 0, atol=1e-6)
    np.testing.assert_array_equal(axioms.infidelity(counts, images, ONES, -heat), 1)
    np.testing.assert_array_equal(axioms.infidelity(counts, images, ONES, 0 * heat), 1)


def test_a_model_that_dies_with_one_pixel_has_known_areas():
    """One bright pixel speaks for class 1, strongly; without it the model is as sure of class 0."""
    image = keras.Input((*SIZE, 3), name="image")
    top = layers.GlobalMaxPooling2D()(layers.Rescaling(1 / 255)(image))
    model = keras.Model(image, layers.Dense(2, name="logits")(top))
    kernel = np.zeros((3, 2), np.float32)
    kernel[0, 1] = 1000
    model.get_layer("logits").set_weights([kernel, np.array([0, -800.0])])
    images = np.zeros((1, *SIZE, 3), np.uint8)
    images[0, 5, 9, 0] = 255
    right, wrong = np.zeros((2, 1, *SIZE), np.float32)
    right[0, 5, 9], wrong[0, 5, 9] = 1, -1
    one = np.array([1])
    # Twenty steps: the pixel goes with the first of them, or with the last.
    assert curves.deletion(model, images, one, right)[0] == pytest.approx(0.5 / 20)
    assert curves.deletion(model, images, one, wrong)[0] == pytest.approx(1 - 0.5 / 20)
    # Shown on its own blur, which is too dark to count.
    assert curves.insertion(model, images, one, right)[0] == pytest.approx(1 - 0.5 / 20)


def test_a_map_without_an_order_hides_at_random(counts):
    flat = np.ones((2, 4, 4), np.float32)
    first = curves.deletion(counts, pictures(), ONES, flat)
    np.testing.assert_array_equal(first, curves.deletion(counts, pictures(), ONES, flat))
    ranks = curves._ranks(np.ones((8, 8)))
    np.testing.assert_allclose(np.sort(ranks.ravel()), np.arange(64) / 64)
    assert not np.array_equal(ranks.ravel(), np.sort(ranks.ravel()))


def test_pointing_and_energy_of_maps_drawn_by_hand():
    masks = np.zeros((3, 8, 8), bool)
    masks[:, :4, :4] = True
    heat = np.zeros((3, 8, 8), np.float32)
    heat[0, 1, 1] = 1  # on it
    heat[1, 6, 6] = 1  # beside it
    heat[2] = 1  # everywhere: as good as chance
    np.testing.assert_allclose(evidence.pointing(heat, masks), [1, 0, 0.25])
    # Within a pixel of the mask there are eight places more.
    assert evidence.pointing(heat, masks, 1 / 8)[2] == pytest.approx((16 + 8) / 64)
    np.testing.assert_allclose(evidence.energy(heat, masks), [1, 0, 0.25])
    heat[0, 6, 6], heat[0, 0, 7] = 0.5, -9  # what speaks against has no part
    assert evidence.energy(heat, masks)[0] == pytest.approx(1 / 1.5)


def test_a_mask_lies_under_the_pictures_own_path(counts, tmp_path):
    for name in ("shapes/test/star/07.jpg", "shapes/masks/test/star/07.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    drawn = np.zeros((32, 32), np.uint8)
    drawn[:16] = 255
    Image.fromarray(drawn).save(tmp_path / "shapes/masks/test/star/07.png")
    Image.new("RGB", (32, 32)).save(tmp_path / "shapes/test/star/07.jpg")
    about = subject.of(counts)
    found = evidence.read(
        tmp_path / "shapes/masks", str(tmp_path / "shapes/test/star/07.jpg"), about
    )
    np.testing.assert_array_equal(found, np.repeat([True, False], 8)[:, None] & np.ones(16, bool))
    with pytest.raises(DataError) as caught:
        evidence.read(tmp_path / "shapes/masks", "shapes/test/star/08.jpg", about)
    assert str(caught.value) == (
        f"{tmp_path}/shapes/masks holds no mask for shapes/test/star/08.jpg\n"
        f"  hint: a mask lies under the picture's own path: {tmp_path}/shapes/masks/star/08.png"
    )


def test_a_steady_map_is_steady_and_one_that_doubles_is_not():
    images, heat = pictures(), np.ones((2, 4, 4), np.float32)
    np.testing.assert_array_equal(axioms.sensitivity(lambda x: heat, images, heat), 0)
    np.testing.assert_allclose(axioms.sensitivity(lambda x: 3 * heat, images, heat), 2, rtol=1e-6)


def test_the_model_is_random_for_the_check_and_itself_again():
    model = stand_ins.model()
    before = [np.array(each) for each in model.get_weights()]
    images = stand_ins.pictures(2, (32, 32))
    seen = []

    def maps():
        seen.append([np.array(each) for each in model.get_weights()])
        return np.asarray(model(images))[:, None]

    alike = randomise.likeness_by_stage(model, maps, maps())
    assert list(alike) == ["head", "stage2", "stage1"]
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    kernels = [index for index, each in enumerate(before) if each.ndim > 1]
    moved = [[not np.array_equal(w[i], before[i]) for i in kernels] for w in seen]
    # Nothing, then the classifier, then one convolution more each time.
    assert moved == [
        [False, False, False],
        [False, False, True],
        [False, True, True],
        [True, True, True],
    ]
    for index in kernels:  # the same values at other places
        np.testing.assert_array_equal(
            np.sort(seen[-1][index].ravel()), np.sort(before[index].ravel())
        )


def test_a_map_of_the_picture_alone_is_caught_and_grad_cam_is_not():
    model = stand_ins.planted_model()
    images = stand_ins.planted_picture()
    plain = images.mean(-1)
    caught = randomise.likeness_by_stage(model, lambda: plain, plain)
    assert [values[0] for values in caught.values()] == [1, 1]


def test_likeness_is_of_ranks():
    one = np.arange(16.0).reshape(4, 4)
    assert agree.likeness(one, one**3) == pytest.approx(1)
    assert agree.likeness(one, -one) == pytest.approx(-1)
    assert agree.likeness(one, np.zeros((4, 4))) == 0
    assert agree.likeness(np.zeros((4, 4)), np.ones((4, 4))) == 1
    found = agree.agreement({"a": one[None], "b": -one[None]}, (4, 4))
    assert found["a"] == {"a": pytest.approx(1), "b": pytest.approx(-1)}


def test_all_of_it_on_planted_evidence():
    """Red speaks for red: the pointing game is won, and chance is the mask's share."""
    images = stand_ins.planted_picture()
    found = score(
        stand_ins.planted_model(),
        images,
        interpreters=["grad-cam", "input-x-gradient"],
        targets="red",
    )
    assert found["pictures"] == 1
    cam, pixels = found["methods"]
    assert set(cam["scores"]) == {
        "deletion", "insertion", "infidelity", "sensitivity", "randomised"
    }  # fmt: skip
    assert "incompleteness" in pixels["scores"]
    assert cam["seconds"] > 0
    assert found["agreement"]["grad-cam"]["grad-cam"] == pytest.approx(1)
    low, high = cam["scores"]["deletion"]["interval"]
    assert low <= cam["scores"]["deletion"]["mean"] <= high
