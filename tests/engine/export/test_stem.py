"""The first convolution takes up the scale of the pixels, wherever that changes nothing."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from zoo.engine.export.interface import Interface


def counted(graph, operation):
    return [node.op_type for node in graph.node].count(operation)


def by_channel(*scales):
    """Pixels as three channels of their own scale and shift."""
    return layers.Rescaling(list(scales), offset=[0.3, -0.1, 0.7])


@pytest.mark.parametrize("layout", ["nhwc", "nchw"])
@pytest.mark.parametrize(
    "convolution",
    [
        # What is padded with zeros shows whether they stay zeros.
        layers.Conv2D(4, 3, padding="same"),
        layers.Conv2D(4, (5, 3), strides=2, padding="same", use_bias=False),
        layers.Conv2D(4, 3),
    ],
)
def test_the_scale_goes_into_the_kernel(convolution, layout, agree, classifier):
    layer = type(convolution).from_config(convolution.get_config())
    model = classifier([by_channel(0.5, 2.0, -3.0), layer])

    graph = agree(model, Interface(layout=layout))

    # Of the two in a row the second is taken up; the first has another in between.
    assert counted(graph, "Mul") == 1
    assert counted(graph, "Add") == 2


def test_one_scale_for_all_channels(agree, classifier):
    assert counted(agree(classifier([layers.Conv2D(4, 3)])), "Mul") == 0


@pytest.mark.parametrize(
    "layer",
    [
        # Nothing divides by zero.
        lambda x: layers.Conv2D(4, 3)(by_channel(0.5, 0.0, 1.0)(x)),
        lambda x: layers.DepthwiseConv2D(3)(by_channel(0.5, 2.0, 1.0)(x)),
        # Others read the pixels as they are.
        lambda x: fork(by_channel(0.5, 2.0, 1.0)(x)),
    ],
    ids=["zero", "depthwise", "two readers"],
)
def test_it_stays_where_it_has_to(layer, agree, classifier):
    assert counted(agree(classifier([layer])), "Mul") == 2


def fork(x):
    return layers.Concatenate()([layers.Conv2D(4, 3, padding="same")(x), x])


def test_a_kernel_that_two_read_is_scaled_for_one(agree):
    image = keras.Input((8, 8, 3))
    shared = layers.Conv2D(3, 3, padding="same")
    x = shared(layers.Rescaling(1 / 64, offset=-2.0)(image))
    x = layers.GlobalAveragePooling2D()(shared(layers.Activation("relu")(x)))
    model = keras.Model(image, layers.Dense(4, activation="softmax")(x))
    shared.bias.assign(np.array([0.1, -0.2, 0.3]))

    assert counted(agree(model), "Mul") == 0
