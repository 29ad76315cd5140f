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

import zoo
from zoo.engine import anatomy, data, phase
from zoo.errors import DeviceError, Failure, RecipeError
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

    def fit(leg: Phase, callbacks=(), first_epoch: int = 0, val=samples[8:]) -> int:
        phase.free(model, leg)
        return phase.fit(
            model,
            leg,
            samples[:8],
            val,
            policy=None,
            seed=5,
            first_epoch=first_epoch,
            checkpoint=tmp_path / "best.weights.h5",
            history=tmp_path / "history.csv",
            callbacks=callbacks,
            unreadable=(data.Unreadable(8, 0), data.Unreadable(4, 0)),
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


def free(model: keras.Model, leg: Phase) -> list[str]:
    """The groups that a phase sets free, after a look at the variables that are."""
    groups = phase.free(model, leg)
    count = {"head": 2, "stage1": 3, "stage2": 3} if leg.bn == "train" else {"head": 2}
    assert len(model.trainable_variables) == sum(count.get(name, 1) for name in groups)
    return groups


def test_flags_of_an_earlier_phase_are_forgotten(model):
    for _ in range(2):
        assert free(model, leg(train="all", bn="train")) == ["stage1", "stage2", "head"]
        assert free(model, leg(train="last:1")) == ["stage2", "head"]
        assert free(model, leg(train="head")) == ["head"]


def test_batch_normalisation_of_a_head_learns(model):
    # It is new, however much of the backbone is held.
    model = zoo.build("small-cnn:width=0.05+dense-bn:pool=avg:units=4", classes=2, input_size=16)
    phase.free(model, leg(train="head"))
    learns = [
        layer.name for layer in model.layers if isinstance(layer, BATCH_NORM) and layer.trainable
    ]
    assert learns == [
        layer.name for layer in anatomy.stages(model)["head"] if isinstance(layer, BATCH_NORM)
    ]
    assert learns


def test_more_stages_than_there_are(model):
    with pytest.raises(RecipeError) as caught:
        phase.free(model, leg(train="last:3"))
    assert str(caught.value) == (
        "phase p trains the last 3 stages; the model has 2: stage1, stage2\n"
        "  hint: write train = 'last:2' or 'all'"
    )


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
    assert tuple(told[0]) == phase.COLUMNS
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


def test_weights_that_cannot_be_written_leave_no_half_of_them(model, tmp_path, monkeypatch):
    def fill_the_disk(path):
        path.write_bytes(b"half of")
        raise OSError("no space left on device")

    monkeypatch.setattr(model, "save_weights", fill_the_disk)
    with pytest.raises(OSError, match="no space"):
        phase.BestWeights(model, tmp_path / "best.weights.h5").on_epoch_end(0, {"val_loss": 1.0})
    assert not list(tmp_path.iterdir())


def test_memory_that_does_not_suffice_is_told_with_remedies(fit):
    class Full(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")

    with pytest.raises(DeviceError) as caught:
        fit(leg(), callbacks=[Full()])
    assert str(caught.value) == (
        "out of memory in phase p with batches of 4 pictures of 8x8\n"
        "  hint: --batch-size 2, a smaller --input-size, or a lighter head: one that pools "
        "(pool=avg) or has fewer units"
    )


def test_options_reach_the_optimizer(model):
    made = phase._optimizer(model, leg(optimizer="sgd", options={"momentum": 0.75}))
    assert isinstance(made, keras.optimizers.SGD)
    assert made.momentum == 0.75
    assert float(made.learning_rate) == pytest.approx(0.01)


def test_options_that_an_optimizer_does_not_take(model):
    with pytest.raises(RecipeError) as caught:
        phase._optimizer(model, leg(options={"momentun": 0.9}))
    assert caught.value.message.startswith("phase p: adam does not take its options: ")
    assert "momentun" in caught.value.message


@pytest.mark.parametrize("name", ["adam", "adamw", "lamb", "muon", "rmsprop", "sgd"])
def test_optimizers_are_found(model, name):
    assert type(phase._optimizer(model, leg(optimizer=name))).__name__.lower() == name


def test_half_precision_scales_the_loss():
    half = zoo.build(
        "small-cnn:width=0.125+linear", classes=2, input_size=16, dtype="mixed_float16"
    )
    assert isinstance(phase._optimizer(half, leg()), keras.optimizers.LossScaleOptimizer)


def test_auxiliary_classifiers_add_their_weighted_losses():
    """Three rows of logits: the first counts fully and decides accuracy, the others 0.3 each."""
    logits = np.random.default_rng(0).normal(0, 2, (5, 3, 4)).astype("float32")
    labels = np.array([0, 1, 2, 3, 1])
    shares = np.log(np.exp(logits).sum(-1)) - np.take_along_axis(
        logits, labels[:, None, None].repeat(3, 1), 2
    ).squeeze(-1)
    found = phase._cross_entropy(0.0, 0.3)(labels, tf.constant(logits))
    np.testing.assert_allclose(found, shares @ [1, 0.3, 0.3], rtol=1e-5)
    hits = phase._accuracy(labels, tf.constant(logits))
    np.testing.assert_array_equal(hits, logits[:, 0].argmax(-1) == labels)


def test_auxiliary_classifiers_train_and_come_back_with_the_best_epoch(model, fit, tmp_path):
    tap = anatomy.tap_tensor(model, "stage1")
    dense = keras.layers.Dense(2, name="aux1_logits")
    model.zoo_auxiliary = {"aux1": dense(keras.layers.Flatten(name="aux1_flatten")(tap))}
    before = dense.kernel.numpy()
    frozen = paths(model, ["stage1", "stage2"])
    start = variables(model)
    fit(leg(train="head", learning_rate=0.1))
    assert not np.array_equal(dense.kernel.numpy(), before)
    assert not moved(start, model) & frozen
    after = dense.kernel.numpy()
    dense.kernel.assign(before)
    anatomy.whole(model).load_weights(tmp_path / "best.weights.h5")
    np.testing.assert_array_equal(dense.kernel.numpy(), after)


def test_without_weight_auxiliary_classifiers_teach_nothing(model, fit):
    tap = anatomy.tap_tensor(model, "stage1")
    dense = keras.layers.Dense(2, name="aux1_logits")
    model.zoo_auxiliary = {"aux1": dense(keras.layers.Flatten(name="aux1_flatten")(tap))}
    before = dense.kernel.numpy()
    fit(leg(auxiliary=0))
    np.testing.assert_array_equal(dense.kernel.numpy(), before)
