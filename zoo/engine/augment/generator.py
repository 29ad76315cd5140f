"""The very numbers that Keras's ImageDataGenerator draws, from numpy's global generator as it was.

Keras seeds the generator anew for each batch and takes the numbers of its pictures one after
another, so that a picture's depend on its batch. Policies of zoo do not; this is for holding the
two against each other, and for repeating an old training.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from zoo import transform as t
from zoo.engine.augment.plan import Plan
from zoo.errors import PolicyError


def flow(
    plan: Plan, count: int, *, batch_size: int = 32, seed: int = 0, shuffle: bool = True
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The batches of `ImageDataGenerator.flow(...)`, without end: indices and parameters.

        for indices, params in flow(plan, len(images), seed=1):
            batch = plan.render(images[indices], params)

    Args:
        plan: A compiled `image-data-generator:compat=keras`.
        count: Number of pictures.
        batch_size: Pictures per batch; the last of a pass may be smaller.
        seed: The generator's.
        shuffle: Whether each pass has an order of its own.

    Yields:
        Indices [n], and parameters float64 [n,P] for `Plan.render`.
    """
    if not plan.as_keras:
        raise PolicyError("only image-data-generator:compat=keras draws as Keras does")
    seen, order = 0, np.arange(count)
    while True:
        for start in range(0, count, batch_size):
            rng = np.random.RandomState(seed + seen)
            if start == 0 and shuffle:
                order = rng.permutation(count)
            seen += 1
            batch = order[start : start + batch_size]
            yield batch, np.stack([draw(plan, rng) for _ in batch])


def draw(plan: Plan, rng: np.random.RandomState) -> np.ndarray:
    """The parameters of one picture, drawn in Keras's order: float64 [P]."""
    params = np.zeros(len(plan.columns))
    for leaf in plan.leaves.leaves:
        match leaf.transform:
            case t.GeneratorMoves() as moves:
                params[leaf.at] = _moves(moves, rng)
            case t.Flip(_, probability):
                # The coin is always tossed, and then held against the option.
                params[leaf.at] = (rng.random_sample() < 0.5) * (probability > 0)
            case t.ChannelShiftWithin(levels):
                params[leaf.at] = rng.uniform(-levels, levels)
            case t.BrightnessInBytes((low, high)):
                params[leaf.at] = rng.uniform(low, high)
    return params


def _moves(moves: t.GeneratorMoves, rng: np.random.RandomState) -> list[float]:
    theta, left, up, shear = (
        _both_ways(each, rng)
        for each in (moves.rotation, moves.sideways, moves.upwards, moves.shear)
    )
    zooms = [1.0, 1.0]
    match moves.zoom:
        case (low, high) if (low, high) != (1, 1):
            zooms = rng.uniform(low, high, 2).tolist()
    return [theta, left, up, shear, *zooms]


def _both_ways(given: t.Range, rng: np.random.RandomState) -> float:
    if isinstance(given, t.Choice):
        return rng.choice(given.values[::2]) * rng.choice([-1, 1])
    return rng.uniform(-given, given) if given else 0.0
