"""Comparison of logits: its figures by hand, and what it must not let through."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
import tensorflow as tf
from onnx import numpy_helper

import zoo
from zoo.engine.export import parity, probes, reference, session
from zoo.engine.export.convert import convert
from zoo.errors import ExportError, ParityFailure


@pytest.fixture(scope="module")
def exported(small, tmp_path_factory):
    """A model's file and golden answers that Keras gave."""
    folder = tmp_path_factory.mktemp("exported")
    model = small()
    names, images = probes.probes((32, 32), probes.photographs((32, 32)))
    answers = reference.answers(model, images)
    np.savez_compressed(folder / "golden.npz", images=images, names=names, **answers)
    convert(model, folder / "model.onnx")
    return folder


def changed(folder, path, name, offset):
    """A copy of the model with something added to one weight."""
    model = onnx.load(folder / "model.onnx")
    tensor = next(t for t in model.graph.initializer if t.name == name)
    array = numpy_helper.to_array(tensor) + np.float32(offset)
    tensor.CopyFrom(numpy_helper.from_array(array, name))
    onnx.save(model, path)
    return path


def test_keras_is_asked_without_rounded_products():
    rounds = tf.config.experimental.tensor_float_32_execution_enabled
    before = rounds()

    with reference._full_precision():
        inside = rounds()

    assert before
    assert not inside
    assert rounds()


def test_a_model_that_diverged_has_no_answers():
    model = zoo.build("small-cnn+linear", classes=2, input_size=32)
    model.get_layer("logits").bias.assign([0.0, np.nan])
    with pytest.raises(ExportError, match="logits that are not finite") as failure:
        reference.answers(model, np.zeros((1, 32, 32, 3), np.uint8))
    assert "an earlier one" in failure.value.hint


def test_figures_worked_out_by_hand():
    expected = np.array([[3.0, 4.0], [0.0, 2.0]])
    given = np.array([[4.0, 3.0], [0.0, 2.0]])

    figures = parity.figures(given, expected)

    assert figures["largest_logit"] == 4
    assert figures["tolerance"] == pytest.approx(4e-4)
    assert figures["max_difference"] == 1
    assert figures["cosine"] == pytest.approx(24 / 25)
    assert figures["top1_agreement"] == 0.5
    assert figures["p99_9"] == pytest.approx(1)


def test_classes_as_good_as_equal_count_as_agreement():
    expected = np.array([[1.0, 1.0 - 1e-5]])

    assert parity.figures(expected[:, ::-1], expected)["top1_agreement"] == 1


def test_classes_that_tie_may_each_have_their_map(colour_model, tmp_path):
    # Of a grey picture all three scores are equal, and rounding chooses.
    names, images = probes.probes((8, 8), probes.photographs((8, 8)))
    answers = reference.answers(colour_model, images)
    grey = np.ptp(answers["logits"], axis=1) < 1e-5
    assert grey.any()
    convert(colour_model, tmp_path / "model.onnx")
    given = session.Session(tmp_path / "model.onnx").answers(images, ["logits"])["logits"]
    # Let Keras choose another class of a grey picture, and see it elsewhere.
    answers["logits"][grey, (given.argmax(axis=1)[grey] + 1) % 3] += 1e-5
    answers["cam"][grey] = 100.0
    np.savez_compressed(tmp_path / "golden.npz", images=images, names=names, **answers)

    parity.check(parity.measure(tmp_path / "model.onnx", tmp_path / "golden.npz"))


def test_all_zero_logits_agree_with_themselves():
    zeros = np.zeros((3, 2))

    parity.check({**parity.figures(zeros, zeros), "pictures": {"zeros": 0.0}})


def test_numbers_that_are_none_are_a_failure():
    figures = parity.figures(np.array([[np.nan, 1.0]]), np.array([[0.0, 1.0]]))

    with pytest.raises(ParityFailure):
        parity.check({**figures, "pictures": {"noise": float("nan")}})


def test_the_model_agrees_in_batches_of_every_size(exported):
    figures = parity.compare(exported / "model.onnx", exported / "golden.npz")

    parity.check(figures)
    assert set(figures["batches"]) == {"1", "3", "8"}
    assert len(figures["pictures"]) == 12
    assert figures["max_difference"] <= 1e-5 * figures["largest_logit"]
    assert figures["top1_agreement"] == 1


@pytest.mark.parametrize(
    ("weight", "offset"),
    # A kernel in the middle, the last one, and what pixels are shifted by.
    [("stage2_1_conv/kernel", 1e-3), ("logits/kernel", 1e-3), ("c0", 0.5)],
)
def test_a_weight_that_is_slightly_off_is_seen(weight, offset, exported, tmp_path):
    path = changed(exported, tmp_path / "changed.onnx", weight, offset)

    figures = parity.measure(path, exported / "golden.npz")

    with pytest.raises(ParityFailure) as error:
        parity.check(figures, "look closer")
    worst = max(figures["pictures"], key=figures["pictures"].get)
    assert str(error.value) == (
        "the exported model differs from its original: logits are off by "
        f"{figures['max_difference']:.2g} on {worst}, accepted is {figures['tolerance']:.2g}\n"
        "  hint: look closer"
    )


def test_a_file_that_onnxruntime_cannot_load(exported, tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"no model")

    with pytest.raises(ExportError, match=r"^onnxruntime cannot load model\.onnx: .*[Pp]rotobuf"):
        parity.compare(path, exported / "golden.npz")


def test_the_pictures_are_hard_and_real():
    names, images = probes.probes((20, 30), probes.photographs((20, 30)))

    assert names == ["ramp", "zeros", "noise", "white", *(f"real-{i}" for i in range(1, 9))]
    assert images.shape == (12, 20, 30, 3)
    assert images.dtype == np.uint8
    ramp, zeros, noise, white, *real = images
    assert (ramp[0, 0].tolist(), ramp[-1, -1].tolist()) == ([0, 0, 0], [255, 255, 255])
    assert ramp[-1, 0].tolist() == [255, 0, 127]
    assert not zeros.any()
    assert (white == 255).all()
    assert 110 < noise.mean() < 145
    assert all(picture.std() > 10 for picture in real)
    assert len({picture.tobytes() for picture in real}) == 8
