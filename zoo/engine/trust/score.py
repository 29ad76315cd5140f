"""Score explanations: a row for each interpreter, with intervals, and what it costs."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from zoo.engine import explain as explaining
from zoo.engine import subject
from zoo.engine.explain import Method, Pictures
from zoo.engine.target import Chosen, Targets
from zoo.engine.trust import agree, axioms, curves, evidence, randomise
from zoo.errors import ExplainError

RESAMPLES = 1000

BETTER = {
    "deletion": "low",
    "insertion": "high",
    "pointing": "high",
    "energy": "high",
    "incompleteness": "low",
    "infidelity": "low",
    "sensitivity": "low",
    "randomised": "low",
}
"""The scores in the order of the table, and which end of each is the good one."""

ALIKE = 0.5
"""Rank correlation from which the maps of a random model count as those of the trained one.

Measured on the shipped model of drawn shapes, with all but its first stage random: 0.12 to 0.40 for
the CAM family, 0.05 for integrated gradients, 0.59 for guided backprop and 0.62 for VarGrad.
"""


def score(
    model: keras.Model | str | Path,
    images: Pictures,
    *,
    interpreters: Sequence[str] = ("grad-cam",),
    targets: Targets = "predicted",
    masks: str | Path | None = None,
    batch_size: int = 32,
    seed: int = 0,
) -> dict[str, Any]:
    """Say how far the maps of interpreters can be trusted on some pictures.

        zoo.engine.trust.score.score("runs/shapes", "shapes/test", masks="shapes/masks")

    Args:
        model: As `zoo.explain`.
        images: As `zoo.explain`.
        interpreters: Names and options.
        targets: As `zoo.explain`, one class a picture.
        masks: Folder of masks of what is to be seen; without it there is no pointing game.
        batch_size: Pictures that go through the model at once.
        seed: Decides all that is random.

    Returns:
        `pictures`, their number; `methods`, a row for each interpreter with `seconds` a picture
        and for each score its `mean` and its `interval` of 95 %; `stages`, how alike maps stay
        while the model is randomised from the head down; `agreement` between interpreters.

    Raises:
        ZooError: As `zoo.explain`; or there is no mask for a picture.
    """
    loaded = explaining.load(model)
    about = subject.of(loaded)
    methods = [explaining.method(loaded, spec) for spec in interpreters]
    sources = explaining.sources(images, about)
    labels = [explaining.label(each.name, about) for each in sources]
    inputs = np.stack([source.pixels() for source in sources])
    index = _classes(loaded, inputs, Chosen.read(targets, labels, about), batch_size)
    known = (
        None
        if masks is None
        else np.stack([evidence.read(masks, each.name, about) for each in sources])
    )
    rows, maps = [], {}
    for each in methods:
        made, heat, seconds = _timed(each, loaded, inputs, index, batch_size)
        maps[each.spec] = heat
        found, stages = _scores(loaded, each, made, inputs, index, heat, known, seed)
        rows.append(
            {
                "interpreter": each.spec,
                "tap": each.tap or None,
                "seconds": seconds / len(inputs),
                "scores": {name: _summary(values, seed) for name, values in found.items()},
                "stages": {name: float(values.mean()) for name, values in stages.items()},
                "sane": bool(found["randomised"].mean() < ALIKE),
            }
        )
    return {
        "pictures": len(inputs),
        "methods": rows,
        "agreement": agree.agreement(maps, about.input_size),
    }


Maps = Callable[[np.ndarray], np.ndarray]


def _classes(model: keras.Model, inputs: np.ndarray, chosen: Chosen, batch_size: int) -> np.ndarray:
    from zoo.engine import answer

    answers = np.concatenate(
        [
            answer.probabilities(model, inputs[start : start + batch_size])
            for start in range(0, len(inputs), batch_size)
        ]
    )
    rows, index = chosen.of(0, answers)
    if len(rows) != len(inputs) or index.ndim > 1:
        raise ExplainError("scores are of one class a picture", "leave --top and --against out")
    return index


def _timed(
    each: Method, model: keras.Model, inputs: np.ndarray, index: np.ndarray, batch_size: int
) -> tuple[Maps, np.ndarray, float]:
    """What makes maps of pictures, the maps of these, and the seconds without compilation."""

    def maps(pictures: np.ndarray) -> np.ndarray:
        return explaining.batched(each, model, pictures, index, batch_size)

    maps(inputs)  # a batch of another size is compiled anew
    start = time.perf_counter()
    heat = maps(inputs)
    return maps, heat, time.perf_counter() - start


def _scores(
    model: keras.Model,
    each: Method,
    maps: Maps,
    inputs: np.ndarray,
    index: np.ndarray,
    heat: np.ndarray,
    masks: np.ndarray | None,
    seed: int,
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Each score, picture by picture; and how alike maps stay, stage by stage."""
    found = {
        "deletion": curves.deletion(model, inputs, index, heat),
        "insertion": curves.insertion(model, inputs, index, heat),
    }
    if masks is not None:
        found["pointing"] = evidence.pointing(heat, masks)
        found["energy"] = evidence.energy(heat, masks)
    if each.part.part.complete:
        baseline = each.part.options.get("baseline", "mean")
        found["incompleteness"] = axioms.incompleteness(model, inputs, index, heat, baseline)
    found["infidelity"] = axioms.infidelity(model, inputs, index, heat, seed=seed)
    found["sensitivity"] = axioms.sensitivity(maps, inputs, heat, seed=seed)
    stages = randomise.likeness_by_stage(model, lambda: maps(inputs), heat, seed)
    # All but the first stage: with random edge detectors every map changes, and what a method shows
    # of the edges alone would not be told apart from what it shows of the class.
    alike = list(stages.values())
    found["randomised"] = alike[max(0, len(alike) - 2)] if alike else np.ones(len(inputs))
    return found, stages


def _summary(values: np.ndarray, seed: int) -> dict[str, Any]:
    """The mean, and the interval of 95 % by resampling the pictures."""
    draws = np.random.default_rng(seed).integers(0, len(values), (RESAMPLES, len(values)))
    low, high = np.percentile(values[draws].mean(axis=1), [2.5, 97.5])
    return {"mean": float(values.mean()), "interval": [float(low), float(high)]}
