from __future__ import annotations

import csv
import math
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from zoo.engine import anatomy, checkpoint, cost, data, feed, freeze, history, loss, phase
from zoo.engine.checkpoint import Checkpoint
from zoo.errors import DeviceError, Failure
from zoo.recipe import Phase

BATCH_NORM = keras.layers.BatchNormalization


@pytest.fixture
def model() -> keras.Model:
    """Two stages of a convolution with batch normalisation each, and a linear head."""
    keras.utils.set_random_seed(1)
    image = keras.Input((8, 8, 3), name="image")
    x = keras.layers.Rescaling(1 / 127.5, offset=-1, name="normalize")(image)
    for stage in ("stage1", "stage2"):
        x = keras.layers.Conv2D(4, 3, strides=2, use_bias=False, name=f"{stage}_conv")(x)
        x = BATCH_NORM(name=f"{stage}_bn", momentum=0.5)(x)
        x = keras.layers.ReLU(name=stage)(x)
    x = keras.layers.Flatten(name="head_flatten")(x)
    logits = keras.layers.Dense(2, name="logits")(x)
    model = keras.Model(image, keras.layers.Activation("softmax", name="probabilities")(logits))
    model.zoo_anatomy = anatomy.Anatomy(
        spec="tiny+linear",
        taps={"stage1": "stage1", "stage2": "stage2"},
        classes=("dark", "light"),
        input_size=(8, 8),
        normalization={},
    )
    return model


@pytest.fixture
def samples(tmp_path: Path) -> list[data.Sample]:
    """Twelve noisy pictures, half of them dark."""
    draws = np.random.default_rng(0)
    made = []
    for number in range(12):
        pixels = draws.integers(0, 120, (8, 8, 3)) + 120 * (number % 2)
        path = tmp_path / f"{number}.png"
        Image.fromarray(pixels.astype(np.uint8)).save(path)
        made.append(data.Sample(path.name, path, number % 2, "train", 0))
    return made


@pytest.fixture
def fit(model, samples, tmp_path):
    """Train on the first eight pictures and validate on the last four."""

    def fit(leg: Phase, callbacks=(), first_epoch: int = 0, val=samples[8:], **given) -> int:
        freeze.free(model, leg)
        names = ("dark", "light")
        source = feed.pictures(
            model,
            leg,
            samples[:8],
            val,
            policy=None,
            weights=loss.class_weights(leg, names, [sample.label for sample in samples[:8]]),
            seed=5,
            unreadable=(data.Unreadable(8, 0), data.Unreadable(4, 0)),
        )
        return phase.fit(
            model,
            leg,
            source,
            seed=5,
            first_epoch=first_epoch,
            table=tmp_path / "history.csv",
            callbacks=callbacks,
            **given,
        )

    return fit


def leg(**changes) -> Phase:
    given = {"name": "p", "epochs": 2, "learning_rate": 0.01, "batch_size": 4, "bn": "frozen"}
    return Phase(**{**given, **changes})


def variables(model: keras.Model) -> dict[str, np.ndarray]:
    # Seeds of dropout count steps; they are no knowledge.
    return {v.path: v.numpy() for v in model.variables if "seed_generator" not in v.path}


def moved(before: dict[str, np.ndarray], model: keras.Model) -> set[str]:
    after = variables(model)
    return {path for path in before if not np.array_equal(before[path], after[path])}


def paths(model: keras.Model, stages: list[str], wanted=lambda layer: True) -> set[str]:
    groups = anatomy.stages(model)
    return {
        v.path
        for name in stages
        for layer in groups[name]
        if wanted(layer)
        for v in layer.variables
    }


def no_batch_norm(layer) -> bool:
    return not isinstance(layer, BATCH_NORM)


@pytest.mark.parametrize(
    ("train", "stages"),
    [
        ("head", []),
        ("last:1", ["stage2"]),
        ("all", ["stage1", "stage2"]),
    ],
)
def test_what_is_free_moves_and_nothing_else(model, fit, train, stages):
    before = variables(model)
    fit(leg(train=train))
    # Batch normalisation of the backbone keeps gamma, beta and its statistics.
    expected = paths(model, ["head"]) | paths(model, stages, no_batch_norm)
    assert moved(before, model) == expected


def test_batch_normalisation_learns_where_the_phase_says_so(model, fit):
    before = variables(model)
    fit(leg(train="last:1", bn="train"))
    assert moved(before, model) == paths(model, ["head", "stage2"])


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def cross_entropy(model, samples, smoothing: float = 0.0) -> float:
    """The mean loss in float64, from the probabilities that the model gives."""
    images, labels = next(iter(data.batches(samples, (8, 8), len(samples))))
    logits = keras.Model(model.inputs, anatomy.logits_tensor(model)).predict(images, verbose=0)
    logits = logits.astype(np.float64)
    log = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    wanted = np.eye(2)[labels] * (1 - smoothing) + smoothing / 2
    return float(-(wanted * log).sum(1).mean())


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_the_loss_is_cross_entropy(model, samples, fit, tmp_path, smoothing):
    # At this rate nothing moves, so the first epoch's losses are those of the initial weights.
    expected = cross_entropy(model, samples[8:], smoothing)
    fit(leg(train="last:1", epochs=1, learning_rate=1e-12, label_smoothing=smoothing))
    (row,) = rows(tmp_path / "history.csv")
    assert float(row["val_loss"]) == pytest.approx(expected, rel=1e-4)
    images, labels = next(iter(data.batches(samples[8:], (8, 8), 4)))
    right = model.predict(images, verbose=0).argmax(1) == labels.numpy()
    assert float(row["val_accuracy"]) == pytest.approx(right.mean())


def test_history_tells_every_epoch(fit, tmp_path):
    assert fit(leg(epochs=3)) == 3
    assert fit(leg(name="q", epochs=2, learning_rate=0.5), first_epoch=3) == 2
    told = rows(tmp_path / "history.csv")
    assert tuple(told[0]) == history.COLUMNS
    assert [row["phase"] for row in told] == ["p", "p", "p", "q", "q"]
    assert [row["epoch"] for row in told] == ["1", "2", "3", "4", "5"]
    assert [row["learning_rate"] for row in told] == ["0.01"] * 3 + ["0.5"] * 2
    assert all(math.isfinite(float(row["loss"])) for row in told)


def test_patience_ends_a_phase_and_the_best_epoch_is_kept(model, samples, fit, tmp_path):
    # With the labels of the validation pictures swapped, learning makes their loss worse.
    swapped = [replace(sample, label=1 - sample.label) for sample in samples[8:]]
    taken = fit(leg(train="head", epochs=30, learning_rate=0.2, patience=2), val=swapped)
    losses = [float(row["val_loss"]) for row in rows(tmp_path / "history.csv")]
    assert taken == len(losses) == losses.index(min(losses)) + 1 + 2 < 30
    assert cross_entropy(model, swapped) == pytest.approx(min(losses), rel=1e-4)
    assert losses[-1] > min(losses) * 1.01


def test_a_loss_that_is_no_number_names_the_batch(fit, samples):
    order = data.order(8, 5, 0)
    with pytest.raises(Failure) as caught:
        fit(leg(learning_rate=1e30, optimizer="sgd", train="all"))
    named = ", ".join(samples[place].id for place in order[4:7])
    assert str(caught.value) == (
        f"the loss became nan in phase p, epoch 1, batch 2 ({named} ...)\n"
        "  hint: lower the learning rate, now 1e+30: --set p.learning_rate=1e+29"
    )
    assert caught.value.exit_code == 1


def test_memory_that_does_not_suffice_is_told_with_remedies(model, fit):
    class Full(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")

    with pytest.raises(DeviceError) as caught:
        fit(leg(), callbacks=[Full()])
    gigabytes = cost.of(model).training_bytes(4) / 1e9
    assert str(caught.value) == (
        "out of memory in phase p with batches of 4, pictures of 8x8: a step takes about "
        f"{gigabytes:.2g} GB\n"
        "  hint: --fit-memory, --set p.accumulate=2, a smaller --input-size, or a lighter head: "
        "one that pools (pool=avg) or has fewer units"
    )


def rate_test_rows(path: Path) -> list[float]:
    return [float(row["learning_rate"]) for row in rows(path)]


def test_the_rate_follows_its_schedule(fit, tmp_path):
    seen = []

    class See(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(float(self.model.optimizer.learning_rate))

    falling = leg(epochs=2, schedule={"kind": "cosine", "warmup": 0.25, "floor": 0.1})
    fit(falling, callbacks=[See()])
    # Four steps: one to warm up, then half a cosine over the other three.
    cosine = [0.1 + 0.9 * (1 + math.cos(math.pi * done)) / 2 for done in (0, 1 / 3, 2 / 3)]
    assert seen == pytest.approx([0.01 * 1e-3, *(0.01 * factor for factor in cosine)], rel=1e-5)
    assert rate_test_rows(tmp_path / "history.csv") == pytest.approx(seen[1::2], rel=1e-5)


def test_a_plateau_lowers_the_rate(samples, fit, tmp_path):
    swapped = [replace(sample, label=1 - sample.label) for sample in samples[8:]]
    plateau = {"kind": "plateau", "patience": 2, "by": 0.5}
    fit(leg(train="head", epochs=7, learning_rate=0.2, schedule=plateau), val=swapped)
    table = rows(tmp_path / "history.csv")
    losses = [float(row["val_loss"]) for row in table]
    rate, best, waited, expected = 0.2, math.inf, 0, []
    for loss_now in losses:
        expected.append(rate)
        waited = 0 if loss_now < best else waited + 1
        best = min(best, loss_now)
        if waited == 2:
            rate, waited = rate / 2, 0
    assert rate < 0.2
    assert rate_test_rows(tmp_path / "history.csv") == pytest.approx(expected)


def test_a_batch_in_parts_is_the_batch(model, fit, tmp_path):
    """Under Adam too, and with a last part that is shorter."""
    began = variables(model)
    results = []
    for parts in (1, 3):
        for each in model.variables:
            if each.path in began:
                each.assign(began[each.path])
        (tmp_path / "history.csv").unlink(missing_ok=True)
        fit(leg(train="all", batch_size=4, accumulate=parts, class_weights={"dark": 3.0}))
        results.append((variables(model), rows(tmp_path / "history.csv")))
    (whole, told), (parted, told_parted) = results
    for path, value in whole.items():
        np.testing.assert_allclose(parted[path], value, rtol=1e-4, atol=1e-5)
    for key in ("loss", "accuracy", "val_loss"):
        ours, theirs = (float(each[-1][key]) for each in (told_parted, told))
        assert ours == pytest.approx(theirs, rel=1e-3)


def test_the_moving_average_is_what_is_kept(model, fit):
    trained: list[list[np.ndarray]] = []

    class See(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            trained.append([each.numpy() for each in self.model.trainable_variables])

    fit(leg(train="head", epochs=1, learning_rate=0.1, ema=0.5), callbacks=[See()])
    first, second = trained  # The average begins as the weights after the first step.
    for kept, a, b in zip(model.trainable_variables, first, second, strict=True):
        np.testing.assert_allclose(kept.numpy(), 0.5 * a + 0.5 * b, rtol=1e-5, atol=1e-7)


def test_steps_are_rounded_up_to_epochs(fit):
    assert fit(leg(epochs=None, steps=5)) == 3  # two steps an epoch


class Killed(Exception):
    """Stands for the end of the process."""


def test_going_on_from_any_epoch_gives_the_same(model, samples, fit, tmp_path, monkeypatch):
    """Weights, optimizer, average, schedule, patience, best epoch and rows, to the bit."""
    monkeypatch.setattr(checkpoint, "SHARE", math.inf)  # a checkpoint after every epoch
    began = variables(model)
    swapped = [replace(sample, label=1 - sample.label) for sample in samples[8:]]
    plateau = {"kind": "plateau", "patience": 1, "by": 0.7}
    asked = leg(epochs=8, learning_rate=0.1, schedule=plateau, patience=4, ema=0.9)

    def start() -> None:
        for each in model.variables:
            if each.path in began:
                each.assign(began[each.path])

    def told() -> list[dict[str, str]]:
        return [{**row, "seconds": ""} for row in rows(tmp_path / "history.csv")]

    taken = fit(asked, val=swapped)
    expected, table = variables(model), told()
    for kill_after in (1, 3):
        start()
        (tmp_path / "history.csv").unlink()

        def save(point: Checkpoint, last: int = kill_after) -> None:
            point.write(tmp_path)
            if point.facts["done"] == last:
                raise Killed

        with pytest.raises(Killed):
            fit(asked, val=swapped, save=save)
        with (tmp_path / "history.csv").open("a") as file:
            file.write("half a row")
        start()
        assert fit(asked, val=swapped, point=Checkpoint.read(tmp_path)) == taken
        assert told() == table
        reached = variables(model)
        assert all(np.array_equal(reached[path], expected[path]) for path in expected)


def test_auxiliary_classifiers_train_and_come_back_with_the_best_epoch(model, fit):
    tap = anatomy.tap_tensor(model, "stage1")
    dense = keras.layers.Dense(2, name="aux1_logits")
    model.zoo_auxiliary = {"aux1": dense(keras.layers.Flatten(name="aux1_flatten")(tap))}
    before = dense.kernel.numpy()
    frozen = paths(model, ["stage1", "stage2"])
    start = variables(model)
    best: list[np.ndarray] = []

    class See(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if not best or logs["val_loss"] < best[-1][0]:
                best.append((logs["val_loss"], dense.kernel.numpy()))

    fit(leg(train="head", learning_rate=0.1, epochs=3), callbacks=[See()])
    assert not np.array_equal(dense.kernel.numpy(), before)
    assert not moved(start, model) & frozen
    np.testing.assert_array_equal(dense.kernel.numpy(), best[-1][1])


def test_without_weight_auxiliary_classifiers_teach_nothing(model, fit):
    tap = anatomy.tap_tensor(model, "stage1")
    dense = keras.layers.Dense(2, name="aux1_logits")
    model.zoo_auxiliary = {"aux1": dense(keras.layers.Flatten(name="aux1_flatten")(tap))}
    before = dense.kernel.numpy()
    fit(leg(auxiliary=0))
    np.testing.assert_array_equal(dense.kernel.numpy(), before)
