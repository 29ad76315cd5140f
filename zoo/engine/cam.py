"""The class activation map as an output of the model itself, without any gradient.

B. Zhou et al., arXiv:1512.04150. Behind a head that pools by average and classifies with one Dense
layer, a logit is the sum over places of what the tap shows there times the class's weights. A 1x1
convolution with these weights gives every class's map in the same forward pass, so an exported
model can carry it. What is positive in a class's map is its Grad-CAM.
"""

from __future__ import annotations

import keras

from zoo.engine import subject, watch
from zoo.errors import ExplainError

LAYER = "class_maps"


def with_class_maps(model: keras.Model) -> keras.Model:
    """Give a model its class activation maps as a second output.

        export = with_class_maps(zoo.load("runs/shapes"))

    Args:
        model: A flat classifier whose head is average pooling and one Dense layer, with dropout
            between them or not. It is left as it is, and its layers are shared.

    Returns:
        A model from the same input to the same probabilities, and to `class_maps`, float32
        [N,h,w,units]: what each place adds to each logit, bias left out. For one sigmoid unit it
        is the map of class 1; that of class 0 is its negative.

    Raises:
        ExplainError: The head is of another form.
    """
    dense = watch.layers(model).get(subject.of(model).scores.path)
    pool = _before(model, dense)
    while isinstance(pool, keras.layers.Dropout):
        pool = _before(model, pool)
    if not isinstance(dense, keras.layers.Dense) or not isinstance(
        pool, keras.layers.GlobalAveragePooling2D
    ):
        kind = type(pool).__name__ if isinstance(dense, keras.layers.Dense) else "no Dense layer"
        raise ExplainError(
            f"the class maps of {model.name} have no closed form: before its scores stands {kind}, "
            "accepted is average pooling and one Dense layer",
            "take a head such as linear, or explain with grad-cam",
        )
    tap = pool.input
    height, width = tap.shape[1:3]
    project = keras.layers.Conv2D(dense.units, 1, use_bias=False, dtype="float32", name=LAYER)
    both = keras.Model(model.inputs, [model.outputs[0], project(tap)], name=model.name)
    kernel = keras.ops.convert_to_numpy(dense.kernel).astype("float32")
    project.set_weights([kernel[None, None] / (height * width)])
    return both


def _before(model: keras.Model, layer: keras.Layer | None) -> keras.Layer | None:
    """The layer whose output a layer takes, in a flat graph; None where that cannot be seen."""
    try:
        given = layer.input
        return next((each for each in model.layers if each.output is given), None)
    except (AttributeError, ValueError):
        return None
