"""Look into a model while it runs: what passes through a layer, wherever the layer is nested.

For the length of a block a layer's own `call` is lent to a function that sees its output and may
pass on another. No graph is cut or built anew, so nested, subclassed, shared and branched models
are all alike, and nothing is left behind on the user's layers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import keras
import numpy as np
from keras import Operation

See: TypeAlias = Callable[[tuple[Any, ...], Any], Any]
"""(what a layer was given, what it gives) -> what the layers after it get."""


def layers(model: keras.Model) -> dict[str, Operation]:
    """All layers of a model by path, those of nested models too.

    Args:
        model: Any Keras model.

    Returns:
        Path to layer, such as `resnet50/conv1_relu`. A layer that two models share has two paths.
    """
    return dict(_walk(model, ""))


def _walk(model: keras.Layer, prefix: str) -> Iterator[tuple[str, Operation]]:
    # A graph may hold operations that are no layers, such as the sum of two maps.
    inside = model.operations if isinstance(model, keras.Function) else model._layers
    for each in inside:
        if isinstance(each, Operation):
            yield prefix + each.name, each
            if isinstance(each, keras.Layer):
                yield from _walk(each, f"{prefix}{each.name}/")


def call(model: keras.Model, images: Any) -> Any:
    """Run a model as for predictions, whatever structure its one input is wrapped in."""
    struct = getattr(model, "_inputs_struct", None)
    if isinstance(struct, (list, tuple, dict)):
        images = keras.tree.pack_sequence_as(struct, [images])
    return model(images, training=False)


@contextmanager
def watching(watched: dict[Operation, See]) -> Iterator[None]:
    """Show each layer's output to a function, and let it pass on another.

    Args:
        watched: Layers, and the function that sees what each is given and gives.
    """
    with ExitStack() as stack:
        for layer, see in watched.items():
            stack.enter_context(_lent(layer, see))
        yield


@contextmanager
def _lent(layer: Operation, see: See) -> Iterator[None]:
    call = layer.call
    own = vars(layer).get("call")

    def watched(*args: Any, **kwargs: Any) -> Any:
        return see(args, call(*args, **kwargs))

    # Past Keras' own __setattr__, which tracks what a layer is made of.
    vars(layer)["call"] = watched
    try:
        yield
    finally:
        if own is None:
            del vars(layer)["call"]
        else:
            vars(layer)["call"] = own


@dataclass(frozen=True)
class Call:
    """One call of a layer.

    Args:
        path: The layer's path.
        layer: The layer.
        given: Its inputs.
        gives: Its outputs.
    """

    path: str
    layer: Operation
    given: tuple[Any, ...]
    gives: tuple[Any, ...]

    @property
    def map_size(self) -> tuple[int, int] | None:
        """Height and width of the map that it gives, if it gives one with places to tell apart."""
        shape = tuple(getattr(self.gives[0], "shape", ())) if len(self.gives) == 1 else ()
        return shape[1:3] if len(shape) == 4 and shape[1:3] != (1, 1) else None


def trace(model: keras.Model, size: tuple[int, int]) -> tuple[list[Call], list[Any]]:
    """Run a model on one black picture and note every call of a layer.

    Args:
        model: Any Keras model of one picture input.
        size: The picture's height and width.

    Returns:
        The calls in the order in which they end, and the model's outputs.
    """
    calls: list[Call] = []

    def note(path: str, layer: Operation) -> See:
        def see(given: tuple[Any, ...], gives: Any) -> Any:
            inputs, outputs = (tuple(keras.tree.flatten(each)) for each in (given, gives))
            calls.append(Call(path, layer, inputs, outputs))
            return gives

        return see

    found = {layer: note(path, layer) for path, layer in layers(model).items()}
    with watching(found):
        outputs = call(model, np.zeros((1, *size, 3), np.float32))
    return calls, keras.tree.flatten(outputs)
