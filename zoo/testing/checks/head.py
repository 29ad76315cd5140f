"""What holds for heads: any number of classes, any backbone."""

from __future__ import annotations

import numpy as np
from keras import ops

from zoo.engine.assemble import assemble
from zoo.registry import ResolvedModel, ResolvedPart, load
from zoo.spec import ModelSpec, PartSpec
from zoo.testing.subject import SMALL_WIDTH, Subject


def takes_any_number_of_classes(subject: Subject) -> None:
    """1, 2 and 1000 classes give that many outputs."""
    for classes in (1, 2, 1000):
        probabilities = subject.model(classes=classes)(subject.pictures(2), training=False)
        assert probabilities.shape == (2, classes), (
            f"{classes} classes give an output of shape {probabilities.shape}"
        )


def one_class_is_a_sigmoid(subject: Subject) -> None:
    """With one class the probability is the sigmoid of the logit."""
    import keras

    model = subject.model(classes=1)
    both = keras.Model(model.input, [model.get_layer("logits").output, model.output])
    logit, probability = (ops.convert_to_numpy(t) for t in both(subject.pictures()))
    off = np.abs(1 / (1 + np.exp(-logit)) - probability).max()
    assert off < 1e-6, f"the probability is off the sigmoid of the logit by {off:.1e}"


def sits_on_every_backbone(subject: Subject) -> None:
    """The head can be assembled with every installed backbone of zoo itself."""
    registry = load()
    for name in registry.names("backbone"):
        if "/" in name:
            continue
        part = registry.part("backbone", name)
        options = {option.name: option.default for option in part.options}
        if isinstance(options.get("width"), float):
            options["width"] = SMALL_WIDTH
        low = part.minimum or (32, 32)
        spec = ModelSpec(
            PartSpec("backbone", name, None, {}), PartSpec("head", subject.part.id, None, {})
        )
        model = assemble(
            ResolvedModel(spec, ResolvedPart(part, options), subject.resolved()),
            classes=3,
            input_size=(max(32, low[0]), max(32, low[1])),
        )
        assert model.output.shape == (None, 3), f"on {name} the output is {model.output.shape}"


CHECKS = (takes_any_number_of_classes, one_class_is_a_sigmoid, sits_on_every_backbone)
