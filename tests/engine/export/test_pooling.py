"""Zeros around the maps of a maximum are left to it, wherever that changes nothing."""

from __future__ import annotations

import pytest
from keras import layers


def left(graph):
    """Whether the maps are still padded by an operation of their own."""
    return "Pad" in [node.op_type for node in graph.node]


def chain(activation, *end):
    """A convolution whose maps are padded, and what follows."""
    padding = layers.ZeroPadding2D(((1, 2), (0, 1)))
    return [layers.Conv2D(4, 3, padding="same", activation=activation), padding, *end]


@pytest.mark.parametrize("strides", [1, 2])
def test_what_is_nowhere_negative(strides, agree, classifier):
    model = classifier(chain("relu", layers.MaxPooling2D(3, strides=strides)))

    assert not left(agree(model))


@pytest.mark.parametrize(
    ("activation", "pool"),
    [
        # The zeros are larger than what they stand around.
        ("linear", layers.MaxPooling2D(3)),
        # A window holds nothing but zeros.
        ("relu", layers.MaxPooling2D((2, 3))),
        # The mean counts the zeros.
        ("relu", layers.AveragePooling2D(3)),
    ],
)
def test_what_is_not(activation, pool, agree, classifier):
    model = classifier(chain(activation, type(pool).from_config(pool.get_config())))

    agree(model)


def test_a_pooling_that_pads_by_itself(agree, classifier):
    agree(classifier(chain("relu", layers.MaxPooling2D(3, strides=2, padding="same"))))


def test_maps_that_somebody_else_reads(agree, classifier):
    def fork(x):
        pooled = layers.MaxPooling2D(3, strides=1, padding="valid")(x)
        return layers.Concatenate()(
            [layers.GlobalAveragePooling2D()(pooled), layers.GlobalMaxPooling2D()(x)]
        )

    agree(classifier(chain("relu", fork)))
