"""What building by name costs: every backbone through zoo beside keras.applications alone.

    python benchmarks/backbones.py [NAME ...]

Bound: at most 1.2 times, a row a model, the two taking turns in one process. With names, only these
are measured again.
"""

from __future__ import annotations

import gc
import inspect
import json
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from record import HERE, record

from zoo.engine import runtime

SIZE = 96
REPEATS = 3
BOUND = 1.2
RESULTS = HERE / "results" / "backbones.json"


def main() -> None:
    runtime.start("cpu")
    import keras

    import zoo
    from zoo import registry

    constructors = {
        name.lower(): each
        for name, each in vars(keras.applications).items()
        if inspect.isfunction(each)
    }
    parts = [part.id for part in registry.load().parts(kind="backbone")]
    there = [name for name in parts if name.replace("-", "") in constructors]
    known = json.loads(RESULTS.read_text()).get("measured", {}) if sys.argv[1:] else {}
    measured = {name: known[name] for name in there if name in known}
    for name in sys.argv[1:] or there:
        constructor = constructors[name.replace("-", "")]
        measured[name] = _medians(
            {
                "keras": partial(_alone, constructor),
                "zoo": partial(zoo.build, f"{name}+linear", input_size=SIZE),
            }
        )
        print(name, measured[name], file=sys.stderr)
    measured = {name: measured[name] for name in there if name in measured}
    ratios = {name: each["zoo"] / each["keras"] for name, each in measured.items()}
    rows = [
        (name, f"{each['keras']:.2f}", f"{each['zoo']:.2f}", f"{ratios[name]:.2f}")
        for name, each in measured.items()
    ]
    note = (
        f"{SIZE}x{SIZE}, 1000 classes after global average pooling, random weights; the bound is "
        f"{BOUND}. Medians of {REPEATS} builds of each, taking turns in one process, after one "
        "that is not counted: the ratio bears other work on the machine, the seconds do not."
    )
    header = ("backbone", "keras.applications s", "zoo s", "ratio")
    facts = {"ratios": ratios, "measured": measured, "bound": BOUND}
    record("backbones", "Backbones", header, rows, note, **facts)
    if max(ratios.values()) > BOUND:
        raise SystemExit(1)


def _alone(constructor: Callable[..., Any]) -> object:
    """The same classifier with keras.applications alone."""
    import keras

    body = constructor(include_top=False, weights=None, input_shape=(SIZE, SIZE, 3), pooling="avg")
    return keras.Model(body.input, keras.layers.Dense(1000, activation="softmax")(body.output))


def _medians(ways: dict[str, Callable[[], object]]) -> dict[str, float]:
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for build in ways.values():
        build()
    for _ in range(REPEATS):
        for way, build in ways.items():
            gc.collect()
            start = time.perf_counter()
            model = build()
            seconds[way].append(time.perf_counter() - start)
            del model
    return {way: statistics.median(times) for way, times in seconds.items()}


if __name__ == "__main__":
    main()
