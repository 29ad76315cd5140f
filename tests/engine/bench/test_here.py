from __future__ import annotations

import json

import jsonschema
import keras
import numpy as np
import pytest

from zoo.benchmark.document import Document
from zoo.engine.bench import bench, on_tensorflow
from zoo.engine.timing import Phases
from zoo.errors import ModelError


class Clock:
    """Ten milliseconds pass whenever somebody looks."""

    def __init__(self) -> None:
        self.ticks = 0

    def __call__(self) -> float:
        self.ticks += 1
        return self.ticks / 100


def test_figures_follow_from_the_median_and_the_counted_work(colour_model):
    document = bench(colour_model, batch_sizes=[1, 8], seconds=1.0, phases=Phases(Clock()))

    one, eight = document["rows"]
    # A 1x1 convolution of 3 to 3 channels on 8x8 places and a 3x3 matrix.
    assert one["model"]["gmacs"] == pytest.approx((64 * 9 + 9) / 1e9)
    assert one["model"]["parameters"] == 18
    assert one["step_seconds"]["p50"] == pytest.approx(0.01)
    assert one["step_seconds"]["mad"] == pytest.approx(0.0, abs=1e-12)
    assert one["images_per_second"] == pytest.approx(100)
    assert eight["images_per_second"] == pytest.approx(800)
    assert eight["gflops_per_second"] == pytest.approx(2 * 585 * 800 / 1e9)
    assert eight["warm_up_steps"] == 10
    assert eight["steady"] is True
    assert eight["window_seconds"] is None


def test_phases_are_told_apart(colour_model):
    phases = Phases(Clock())
    phases.seconds["import"] = 4.0
    document = bench(colour_model, batch_sizes=[2, 4], seconds=0.1, phases=phases)

    for row in document["rows"]:
        assert list(row["phases"]) == [
            "import", "build", "trace", "first_step", "warm_up", "steady",
        ]  # fmt: skip
        assert row["phases"]["import"] == 4.0
        assert row["phases"]["build"] == pytest.approx(0.01)
        assert row["phases"]["first_step"] == pytest.approx(0.01)


def test_the_document_follows_its_schema_and_names_the_machine(colour_model):
    document = bench(colour_model, batch_sizes=[1], seconds=0.0)

    assert json.loads(json.dumps(document)) == document
    jsonschema.validate(document, Document.model_json_schema(by_alias=True))
    (row,) = document["rows"]
    assert row["case"]["target"] == "colours"
    assert row["model"]["name"] == "colour+mean"
    assert row["peak_memory_bytes"] > 100e6
    assert row["agreement"]["top1"] == 1.0
    assert row["agreement"]["max_difference"] < 1e-6
    assert row["lost"] < 0.5
    assert document["machine"]["packages"]["keras"] == keras.__version__
    assert document["machine"]["usable_cores"] >= 1


def test_an_inference_step_reads_a_number_that_depends_on_every_answer(colour_model):
    program = on_tensorflow.inference(colour_model, (5, 8, 8, 3), "uint8", False)
    pictures = program.put(np.zeros((5, 8, 8, 3), "uint8"))

    result = program.launch(pictures, None)

    # Probabilities of a picture sum to one.
    assert program.wait(result) == pytest.approx(5.0, abs=1e-4)
    assert program.answer(result) == pytest.approx(np.full((5, 3), 1 / 3))


def test_a_training_step_is_one_step_of_gradient_descent(colour_model):
    model = keras.models.clone_model(colour_model)
    model.set_weights(colour_model.get_weights())
    model.get_layer("same").trainable = False
    kernel = model.get_layer("logits").kernel.numpy().astype("float64")
    chance = np.random.default_rng(0)
    pictures = chance.integers(0, 256, (4, 8, 8, 3), dtype="uint8")
    labels = chance.integers(0, 3, 4)

    program = on_tensorflow.training(model, (4, 8, 8, 3), "uint8", False)
    told = program.wait(program.launch(program.put(pictures), program.put(labels)))

    # Softmax regression by hand: the gradient is features' (probabilities - truth) / N.
    features = pictures.mean(axis=(1, 2)) / 100
    scores = np.exp(features @ kernel)
    probabilities = scores / scores.sum(axis=1, keepdims=True)
    gradient = features.T @ (probabilities - np.eye(3)[labels]) / 4
    loss = -np.log(probabilities[np.arange(4), labels]).mean()
    expected = kernel - 1e-3 * gradient
    assert model.get_layer("logits").kernel.numpy() == pytest.approx(expected, abs=1e-6)
    assert told == pytest.approx(expected.sum() + loss, abs=1e-5)


def test_a_model_that_was_handed_over_keeps_its_weights(colour_model):
    before = [weight.copy() for weight in colour_model.get_weights()]
    document = bench(
        colour_model, batch_sizes=[2], mode="train", seconds=0.0, phases=Phases(Clock())
    )

    assert all(
        np.array_equal(was, now)
        for was, now in zip(before, colour_model.get_weights(), strict=True)
    )
    (row,) = document["rows"]
    # Training is counted as three forward passes.
    assert row["gflops_per_second"] == pytest.approx(3 * 2 * 585 * 200 / 1e9)
    assert row["agreement"] is None


def test_a_name_is_built():
    (row,) = bench("small-cnn:width=0.0625+linear", batch_sizes=[1], seconds=0.0)["rows"]

    assert row["model"]["name"] == "small-cnn:width=0.0625+linear"
    assert row["model"]["input_size"] == [64, 64]
    assert row["model"]["classes"] == 1000
    assert row["model"]["batch_norms"] > 0


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"mode": "predict"}, "mode 'predict' is not accepted\n  hint: accepted: inference, train"),
        ({"batch_sizes": [8, 0]}, "batch sizes [8, 0]: each is at least 1"),
        ({"batch_sizes": []}, "batch sizes []: each is at least 1"),
    ],
)
def test_what_is_not_accepted_is_said(asked, message, colour_model):
    with pytest.raises(ModelError) as error:
        bench(colour_model, **asked)

    assert str(error.value) == message
