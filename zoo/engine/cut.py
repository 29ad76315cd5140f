"""A backbone cut at a tap or layer: what lies above is not in the model."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

import keras

from zoo.engine.anatomy import LAST
from zoo.errors import ModelError

if TYPE_CHECKING:
    from zoo.part import Part

Taps = dict[str, keras.KerasTensor]


def at(tap: str, taps: Taps, image: keras.KerasTensor, part: Part) -> Taps:
    """The taps of a backbone up to one of them, or up to any of its layers.

        cut.at("mixed7", taps, image, part)

    Args:
        tap: Name of a tap or of a layer that gives a map; `last` cuts nothing.
        taps: All taps of the backbone, in order.
        image: The model's input.
        part: The backbone, for the message.

    Returns:
        The taps below the cut, in order, then the cut itself.

    Raises:
        ModelError: The backbone has no such tap or layer, or it gives no map.
    """
    if tap == LAST:
        return taps
    *_, top = taps.values()
    layers = {
        layer.name: layer.output
        for layer in keras.Model(image, top).layers
        if layer.name not in ("image", "normalize")
    }
    tensor = taps.get(tap, layers.get(tap))
    if tensor is None or len(tensor.shape) != 4:
        fault = "has no tap or layer" if tensor is None else "gives no map at"
        near = difflib.get_close_matches(tap, [*taps, *layers], n=1)
        suggestion = f"did you mean {near[0]!r}? " if near and tensor is None else ""
        raise ModelError(
            f"backbone {part.id} {fault} {tap!r}",
            f"{suggestion}taps: {', '.join((*taps, LAST))}, or a layer's name",
        )
    kept = {id(layer.output) for layer in keras.Model(image, tensor).layers}
    below = {name: each for name, each in taps.items() if id(each) in kept and each is not tensor}
    return {**below, tap: tensor}
