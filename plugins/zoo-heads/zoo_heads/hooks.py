"""Advice on models whose head outweighs everything before it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zoo.api import hookimpl

if TYPE_CHECKING:
    import keras

HEADS = ("dense", "dense-bn")


@hookimpl
def zoo_model_built(model: keras.Model, document: dict[str, Any]) -> str | None:
    """Point out a first Dense layer that holds most of the parameters, and the lighter spelling."""
    head = document["head"]
    if head["id"] not in HEADS or head["options"]["pool"] != "flatten":
        return None
    if not head["options"]["layers"]:
        return None
    first = model.get_layer("head_dense1")
    share = first.count_params() / model.count_params()
    if share <= 0.5:
        return None
    pixels = model.get_layer("head_pool").output.shape[-1] // _channels(model)
    return (
        f"{share:.0%} of the {model.count_params():,} parameters are in the first Dense layer, "
        f"which reads {pixels} places of the last map; "
        f"{head['id']}:pool=avg reads their mean and needs {pixels} times fewer there"
    )


def _channels(model: keras.Model) -> int:
    return int(model.get_layer("head_pool").input.shape[-1])
