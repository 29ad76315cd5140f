"""The sanity check of Adebayo et al., arXiv:1810.03292: a map must change when the model does.

Weights are made meaningless from the head down to the picture. A method whose maps stay alike shows
the picture's edges and not what the model has learned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import keras
import numpy as np

from zoo.engine import anatomy, watch
from zoo.engine.trust.agree import likeness


def likeness_by_stage(
    model: keras.Model,
    maps: Callable[[], np.ndarray],
    heat: np.ndarray,
    seed: int = 0,
) -> dict[str, np.ndarray]:
    """How alike the maps of a model are to those after more and more of it was randomised.

    Args:
        model: The classifier; it is as before when this returns.
        maps: Makes the maps of the same pictures and classes anew.
        heat: The maps of the model as it is, [N,h,w].
        seed: Decides the random weights.

    Returns:
        Stage to the rank correlation of each map with the first, without sign, [N]; from the head
        down, all stages before it randomised too.
    """
    alike = {}
    for stage in randomised(model, np.random.default_rng(seed)):
        again = maps()
        alike[stage] = np.array(
            [abs(likeness(one, other)) for one, other in zip(heat, again, strict=True)]
        )
    return alike


def randomised(model: keras.Model, random: np.random.Generator) -> Iterator[str]:
    """Randomise stage after stage, from the head down; put all back at the end.

    Args:
        model: The classifier.
        random: Decides the weights.

    Yields:
        The name of each stage, when it and all before it are random.
    """
    with _restored(model):
        for name, layers in _stages(model).items():
            for layer in layers:
                for variable in layer.variables:
                    if keras.backend.is_float_dtype(variable.dtype):
                        variable.assign(_shuffled(variable, random))
            yield name


def _shuffled(variable: keras.Variable, random: np.random.Generator) -> np.ndarray:
    # The same values at other places: as large as before, and positive where they have to be.
    values = keras.ops.convert_to_numpy(variable)
    return random.permutation(values.ravel()).reshape(values.shape)


def _stages(model: keras.Model) -> dict[str, list[keras.Layer]]:
    """Layers with weights, the head first."""
    if hasattr(model, "zoo_anatomy"):
        stages = anatomy.stages(model)
        return {name: stages[name] for name in reversed(stages) if _weighty(stages[name])}
    found = [
        layer
        for layer in watch.layers(model).values()
        if isinstance(layer, keras.Layer) and layer.variables and not layer._layers
    ]
    return {anatomy.HEAD: found[-1:], "the rest": found[:-1]} if found else {}


def _weighty(layers: list[keras.Layer]) -> bool:
    return any(layer.variables for layer in layers)


@contextmanager
def _restored(model: keras.Model) -> Iterator[None]:
    before = [(variable, keras.ops.convert_to_numpy(variable)) for variable in model.variables]
    try:
        yield
    finally:
        for variable, values in before:
            variable.assign(values)
