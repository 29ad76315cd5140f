"""The rule of guided backpropagation: through a ReLU goes back only what is positive."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from zoo.engine import subject, watch
from zoo.engine.program import Tensor
from zoo.errors import ExplainError

RELUS = {"relu", "relu6"}
BENT = {
    *("celu", "elu", "gelu", "hardsigmoid", "hardsilu", "hardswish", "leakyrelu", "mish", "prelu"),
    *("selu", "sigmoid", "silu", "softplus", "softsign", "swish", "tanh"),
}
"""Other ways to bend a map, by which a gradient would pass as if there were no rule."""


def gates(model: keras.Model) -> dict[Any, watch.See]:
    """A gate behind every ReLU that lets only positive gradients back.

    ReLU's own gradient already stops where its input is negative.

    Args:
        model: A classifier.

    Returns:
        What `watch.watching` takes.

    Raises:
        ExplainError: The model bends its maps by something else, where the rule has no meaning.
    """
    found = watch.layers(model)
    ends = (found[subject.of(model).scores.path], model.layers[-1])
    gated: dict[Any, watch.See] = {}
    for path, layer in found.items():
        kind = getattr(getattr(layer, "activation", None), "__name__", type(layer).__name__)
        name = kind.lower().replace("_", "")
        if name in RELUS:
            gated[layer] = lambda given, gives: _positive_gradient(gives)
        elif name in BENT and layer not in ends:
            raise ExplainError(
                f"guided backprop is defined for ReLU alone, layer {path!r} applies {name}",
                "take saliency, smoothgrad or a method of the CAM family",
            )
    return gated


@ops.custom_gradient
def _positive_gradient(at: Tensor) -> tuple[Tensor, Callable[..., Tensor]]:
    def backward(*args: Any, upstream: Tensor | None = None) -> Tensor:
        return ops.maximum(args[0] if upstream is None else upstream, 0)

    return at, backward
