from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from sklearn.utils.class_weight import compute_class_weight

from zoo.engine import data, loss
from zoo.errors import RecipeError
from zoo.recipe import Phase

LOGITS = np.array([[2.0, -1.0, 0.5], [0.0, 3.0, 1.0], [1.0, 1.5, -2.0], [0.3, 0.2, 0.1]], "f4")
LABELS = np.array([0, 2, 1, 1])


def leg(**changes) -> Phase:
    return Phase(name="p", epochs=1, learning_rate=0.1, **changes)


def by_hand(shares: np.ndarray, smoothing: float) -> np.ndarray:
    logits = LOGITS.astype(np.float64)
    log = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    return -((shares * (1 - smoothing) + smoothing / 3) * log).sum(1)


MIX = np.array([[0.7, 0.3, 0], [0, 0, 1], [0.2, 0.2, 0.6], [0, 1, 0]], "f4")


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_cross_entropy_of_plain_and_mixed_labels(smoothing):
    measure = loss.cross_entropy(smoothing)
    plain, mixed = by_hand(np.eye(3)[LABELS], smoothing), by_hand(MIX, smoothing)
    np.testing.assert_allclose(measure(LABELS, LOGITS), plain, rtol=1e-5)
    np.testing.assert_allclose(measure(LABELS[:, None], LOGITS), plain, rtol=1e-5)
    np.testing.assert_allclose(measure(MIX, LOGITS), mixed, rtol=1e-5)


def test_accuracy_of_plain_and_mixed_labels():
    metric = loss.accuracy()
    metric.update_state(LABELS, LOGITS)
    assert float(metric.result()) == 0.5  # the first and the third
    metric.reset_state()
    metric.update_state(MIX, LOGITS)
    assert float(metric.result()) == 0.25  # the largest share is 0, 2, 2, 1


def test_balanced_weights_are_those_of_scikit_learn():
    labels = [0] * 5 + [1] * 1 + [2] * 14
    ours = loss.class_weights(leg(class_weights="balanced"), ("a", "b", "c"), labels)
    theirs = compute_class_weight("balanced", classes=np.arange(3), y=np.array(labels))
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)
    assert np.mean(ours[labels]) == pytest.approx(1)


def test_weights_by_name():
    given = loss.class_weights(leg(class_weights={"b": 4.0}), ("a", "b"), [0, 1])
    assert given.tolist() == [1, 4]
    assert loss.class_weights(leg(), ("a", "b"), [0, 1]) is None
    np.testing.assert_array_equal(data.weigh(given, tf.constant([1, 0, 1])), [4, 1, 4])
    mix = np.array([[0.5, 0.5], [1, 0]], "f4")
    np.testing.assert_array_equal(data.weigh(given, tf.constant(mix)), [2.5, 1])


def test_a_class_that_is_not_there():
    with pytest.raises(RecipeError) as caught:
        loss.class_weights(leg(class_weights={"daisi": 2.0}), ("daisy", "rose"), [0, 1])
    assert str(caught.value) == "phase p weighs no class 'daisi'; did you mean daisy?"


def test_auxiliary_classifiers_add_their_weighted_losses():
    """Three rows of logits: the first counts fully and decides accuracy, the others 0.3 each."""
    logits = np.random.default_rng(0).normal(0, 2, (5, 3, 4)).astype("float32")
    labels = np.array([0, 1, 2, 3, 1])
    shares = np.log(np.exp(logits).sum(-1)) - np.take_along_axis(
        logits, labels[:, None, None].repeat(3, 1), 2
    ).squeeze(-1)
    found = loss.cross_entropy(0.0, 0.3)(labels, tf.constant(logits))
    np.testing.assert_allclose(found, shares @ [1, 0.3, 0.3], rtol=1e-5)
    metric = loss.accuracy()
    metric.update_state(labels, tf.constant(logits))
    expected = (logits[:, 0].argmax(-1) == labels).mean()
    assert float(metric.result()) == pytest.approx(expected)
