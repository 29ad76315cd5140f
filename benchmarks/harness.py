"""What the harness itself costs, and how far repeated runs lie apart.

Bounds: the harness adds less than 1 % to the steps that it times, beside the bare step of the same
compiled function in turns; runs of one configuration in fresh processes agree within 3 %.
"""

from __future__ import annotations

import statistics
import time

from record import record

from zoo.benchmark import verdict
from zoo.benchmark.case import Case
from zoo.engine import runtime, timing
from zoo.engine.bench import process

SPEC = "small-cnn+linear"
BATCH, BLOCK, BLOCKS, RUNS = 8, 20, 150, 5
OVERHEAD, SPREAD = 0.01, 0.03


def main() -> None:
    runtime.start("cpu")
    overhead, seconds = in_turns()
    case = Case(target=SPEC, batch_size=BATCH, seconds=5.0)
    rows = [process.measure(case) for _ in range(RUNS)]
    speeds = [row.images_per_second or 0.0 for row in rows]
    spread = verdict.run_spread(speeds)
    load = max(row.foreign_load or 0.0 for row in rows)
    cells = [
        ("a step by itself", f"{1000 * seconds['bare']:.3f} ms", ""),
        ("the same step timed by the harness", f"{1000 * seconds['harness']:.3f} ms", ""),
        ("what the harness adds", f"{overhead:+.2%}", f"{OVERHEAD:.0%}"),
        ("a step of the harness around nothing", f"{1e3 * around_nothing():.4f} ms", ""),
        ("the wait for the device, once a row", f"{1e3 * seconds['drain']:.3f} ms", ""),
        (f"{RUNS} runs in fresh processes", f"±{spread:.1%} of their median", f"±{SPREAD:.0%}"),
    ]
    told = ", ".join(f"{speed:,.0f}" for speed in speeds)
    note = (
        f"{SPEC}, batch {BATCH}, inference. {BLOCKS} times {BLOCK} steps of each way, in "
        f"turns, in one process, medians. The runs, of 5 s: {told} images/s. Others took up "
        f"to {load:.0%} of the machine during them."
    )
    header = ("what", "measured", "bound")
    record(
        "harness", "Harness", header, cells, note,
        overhead=overhead, seconds=seconds, speeds=speeds, spread=spread, foreign_load=load,
    )  # fmt: skip
    if overhead > OVERHEAD or spread > SPREAD:
        raise SystemExit(1)


def in_turns() -> tuple[float, dict[str, float]]:
    """The share that the harness adds, and the seconds of a step each way."""
    import zoo
    from zoo.engine.bench import on_tensorflow, source

    model = zoo.build(SPEC, seed=0)
    shape = (BATCH, *model.input.shape[1:3], 3)
    program = on_tensorflow.inference(model, shape, "uint8", False)
    pictures = program.put(source.pictures(shape, "uint8"))

    def step() -> float:
        return program.wait(program.launch(pictures, None))

    def bare() -> None:
        for _ in range(BLOCK):
            step()

    def harness() -> None:
        timing.repeat(step, seconds=0, at_least=BLOCK)

    told: dict[str, list[float]] = {"bare": [], "harness": []}
    for number in range(BLOCKS + 1):
        # Each goes first as often as second; what comes first of all warms up.
        for way in (bare, harness) if number % 2 else (harness, bare):
            started = time.perf_counter()
            way()
            if number:
                told[way.__name__].append((time.perf_counter() - started) / BLOCK)
    # Of neighbours, so that what the machine does meanwhile falls on both.
    pairs = zip(told["bare"], told["harness"], strict=True)
    overhead = statistics.median(ours / theirs for theirs, ours in pairs) - 1
    told["drain"] = list(timing.repeat(program.drain, seconds=0, at_least=20).durations)
    return overhead, {name: statistics.median(seconds) for name, seconds in told.items()}


def around_nothing() -> float:
    """Seconds of a step that does nothing, timed by the harness."""
    started = time.perf_counter()
    timing.repeat(lambda: None, seconds=0, at_least=10_000)
    return (time.perf_counter() - started) / 10_000


if __name__ == "__main__":
    main()
