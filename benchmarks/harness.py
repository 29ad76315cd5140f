"""What the harness itself costs, and how far repeated runs lie apart.

Bounds: the harness adds less than 1 % to the steps that it times, beside the bare step of the same
compiled function in turns; runs of one configuration in fresh processes agree within 3 % on a quiet
machine. How quiet it was is told by loops without the harness in fresh processes between the runs:
no harness agrees better with itself than the machine does.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from record import record

from zoo.benchmark import verdict
from zoo.benchmark.case import Case
from zoo.engine import runtime, timing
from zoo.engine.bench import process

SPEC = "small-cnn+linear"
BATCH, BLOCK, BLOCKS, RUNS = 8, 20, 150, 5
REPEATED = (
    Case(target=SPEC, batch_size=BATCH, seconds=5.0),
    Case(target="vgg16+linear", batch_size=4, input_size=128, seconds=5.0),
)
"""One of many small steps, which memory decides, and one of products of matrices."""
OVERHEAD, SPREAD = 0.01, 0.03


def main() -> None:
    runtime.start("cpu")
    overhead, seconds = in_turns()
    told = [repeated(case) for case in REPEATED]
    cells = [
        ("a step by itself", f"{1000 * seconds['bare']:.3f} ms", ""),
        ("the same step timed by the harness", f"{1000 * seconds['harness']:.3f} ms", ""),
        ("what the harness adds", f"{overhead:+.2%}", f"{OVERHEAD:.0%}"),
        ("a step of the harness around nothing", f"{1e3 * around_nothing():.4f} ms", ""),
        ("the wait for the device, once a row", f"{1e3 * seconds['drain']:.3f} ms", ""),
    ]
    lines = []
    for case, each in zip(REPEATED, told, strict=True):
        name = f"{case.target}, batch {case.batch_size}"
        for way, bound in (("harness", f"±{SPREAD:.0%}"), ("bare", "")):
            what = f"{name}: {RUNS} runs" if bound else "bare loops between them"
            spread = verdict.run_spread(each[way])
            cells.append((what, f"±{spread:.1%} of their median", bound))
        lines.append(f"{name}: " + ", ".join(f"{speed:,.1f}" for speed in each["harness"]))
    note = (
        f"Inference. The step is that of {SPEC}, batch {BATCH}: {BLOCKS} times {BLOCK} steps of "
        "each way, in turns, in one process, medians. Runs and loops are fresh processes in turns, "
        f"5 s each. Images/s of the runs: {'; '.join(lines)}."
    )
    header = ("what", "measured", "bound")
    record(
        "harness", "Harness", header, cells, note,
        overhead=overhead, seconds=seconds,
        repeated={case.target: each for case, each in zip(REPEATED, told, strict=True)},
    )  # fmt: skip
    # Where a bare loop does not agree with itself either, the machine was not quiet.
    apart = [{way: verdict.run_spread(speeds) for way, speeds in each.items()} for each in told]
    unquiet = [each["harness"] > max(SPREAD, 1.5 * each["bare"]) for each in apart]
    if overhead > OVERHEAD or any(unquiet):
        raise SystemExit(1)


def repeated(case: Case) -> dict[str, list[float]]:
    """Images a second of runs in fresh processes, and of bare loops between them."""
    told: dict[str, list[float]] = {"harness": [], "bare": []}
    for _ in range(RUNS):
        told["harness"].append(process.measure(case).images_per_second or 0.0)
        command = [sys.executable, __file__, case.model_dump_json()]
        child = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        told["bare"].append(float(child.stdout.split()[-1]))
        print(case.target, {way: speeds[-1] for way, speeds in told.items()}, file=sys.stderr)
    return told


def loop(case: Case) -> float:
    """Images a second of a model called again and again, with nothing of the harness."""
    import numpy as np
    import tensorflow as tf

    import zoo

    runtime.start("cpu")
    model = zoo.build(case.target, input_size=case.input_size, seed=0)
    compiled = tf.function(lambda pictures: model(pictures, training=False))
    size = model.input.shape[1:3]
    noise = np.random.default_rng(0).integers(0, 256, (case.batch_size, *size, 3))
    pictures = tf.constant(noise, tf.float32)
    for _ in range(20):
        compiled(pictures).numpy()
    started, steps = time.perf_counter(), 0
    while time.perf_counter() < started + case.seconds:
        compiled(pictures).numpy()
        steps += 1
    return steps * case.batch_size / (time.perf_counter() - started)


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
    if sys.argv[1:]:
        print(loop(Case.model_validate_json(sys.argv[1])))
    else:
        main()
