"""Layers by name, pattern or kind, and what stands against operating on one."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence

import keras
from keras import layers as kinds

from zoo import suggest
from zoo.engine.export.network import Network
from zoo.errors import SurgeryError

KINDS: dict[str, tuple[type, ...]] = {
    "dense": (kinds.Dense,),
    "conv": (kinds.Conv2D, kinds.DepthwiseConv2D, kinds.SeparableConv2D, kinds.Conv2DTranspose),
}
"""Words for all layers of a kind; the classifier is never meant by them."""

LOGITS = "logits"


def select(
    model: keras.Model,
    patterns: Sequence[str],
    accepted: Sequence[keras.Layer],
    what: str,
    skip: Sequence[str] = (),
) -> list[keras.Layer]:
    """Layers that are meant by names, patterns or kinds.

    Args:
        model: The model.
        patterns: Names, shell patterns, or keys of `KINDS`.
        accepted: The layers that may be meant.
        what: What those are, for the message.
        skip: Names or patterns of layers that are left out.

    Returns:
        The layers in the order of the model.

    Raises:
        SurgeryError: A pattern means no layer, a layer of another kind, or a shared one.
    """
    meant: set[str] = set()
    names = [layer.name for layer in accepted]
    for pattern in patterns:
        found = _matches(pattern, accepted)
        if not found:
            raise _unknown(model, pattern, names, what)
        meant.update(found)
    for pattern in skip:
        left_out = _matches(pattern, accepted)
        if not left_out:
            raise _unknown(model, pattern, names, what)
        meant.difference_update(left_out)
    chosen = [layer for layer in accepted if layer.name in meant]
    network = Network(model)
    for layer in chosen:
        if not network.called_once(layer):
            raise SurgeryError(
                f"layer {layer.name!r} is shared: it is called at several places of the model",
                "a change would be right at one of them only; leave it out with --skip",
            )
    if not chosen:
        raise SurgeryError(f"nothing is left of {', '.join(patterns)} after --skip")
    return chosen


def _matches(pattern: str, accepted: Sequence[keras.Layer]) -> list[str]:
    if pattern in KINDS:
        kind = KINDS[pattern]
        return [each.name for each in accepted if isinstance(each, kind) and each.name != LOGITS]
    found = [each.name for each in accepted if fnmatch.fnmatchcase(each.name, pattern)]
    return found if pattern == LOGITS else [name for name in found if name != LOGITS]


def _unknown(model: keras.Model, pattern: str, names: Sequence[str], what: str) -> SurgeryError:
    there = {layer.name for layer in model.layers}
    if pattern in there:
        kind = type(model.get_layer(pattern)).__name__
        fault = f"layer {pattern!r} is of kind {kind}; accepted: {what}"
    elif not names:
        return SurgeryError(f"the model has none of what is accepted here: {what}")
    else:
        fault = f"the model has no {what} {pattern!r}"
    near = suggest.near(pattern, names)
    few = ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
    return SurgeryError(fault, f"did you mean {', '.join(near)}?" if near else f"there are: {few}")
