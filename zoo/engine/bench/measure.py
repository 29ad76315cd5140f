"""One configuration measured in this process, from building to the steady state."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from zoo.benchmark.document import Input, Row, Spread
from zoo.engine import energy, load, machine, runtime, timing
from zoo.engine.bench import subjects

if TYPE_CHECKING:
    import keras

    from zoo.benchmark.case import Case
    from zoo.engine.bench.program import Work

APART = 0.9
"""From this share of the slower of source and model on, the other costs nothing beside it."""
MOST = 2 / 3
"""Where the two take turns, one that takes this share of the time is what limits."""


def row(
    case: Case,
    *,
    model: keras.Model | None = None,
    phases: timing.Phases | None = None,
    device: str | None = None,
) -> Row:
    """Measure one configuration.

    Args:
        case: The configuration.
        model: The model, where it is at hand; else it is built or loaded.
        phases: Holds phases timed before, such as `import`, and gives the clock.
        device: Where it runs, to be shown.

    Returns:
        The row, but for its flags and its share of a peak, which need other rows.
    """
    phases = phases or timing.Phases()
    prepare = subjects.of(case.subject)
    if model is None:
        with phases.phase("build"):
            model = prepare.load(case)
    machine.forget_peak_memory()
    with phases.phase("trace"):
        work = prepare.work(case, model)
    return _row(case, work, phases, device)


def attempt(case: Case) -> None:
    """Run two steps, after which every allocator has seen its sizes."""
    prepare = subjects.of(case.subject)
    work = prepare.work(case, prepare.load(case))
    for _ in range(2):
        work.step()


def _row(case: Case, work: Work, phases: timing.Phases, device: str | None) -> Row:
    clock = phases.clock
    if not work.repeats:
        with phases.phase("steady"):
            timed = timing.repeat(work.step, seconds=0, at_least=1, clock=clock)
        return _told(case, work, phases, device, timed, warm={})
    with phases.phase("first_step"):  # XLA compiles, and every allocator sees its sizes.
        work.step()
    with phases.phase("warm_up"):
        warm = timing.warm_up(work.step, seconds=case.seconds, clock=clock)
    watch, meter = load.Watch(), energy.meter(device)
    with phases.phase("steady"):
        timed = timing.repeat(work.step, seconds=case.seconds, drain=work.drain, clock=clock)
    foreign, joules = watch.foreign(), meter.joules()
    shares = None
    if work.asynchronous:
        with phases.phase("windows"):
            shares = timing.windows(
                work.launch,
                work.wait,
                step_seconds=timing.summarize(timed.durations)["p50"],
                seconds=case.seconds,
                clock=clock,
            )
    told = _told(case, work, phases, device, timed, warm, shares)
    steps = len(timed.durations)
    way = _input(case, work, told, phases)
    return told.model_copy(
        update={
            "phases": dict(phases.seconds),
            "foreign_load": foreign,
            "joules_per_image": joules / steps / work.count if joules is not None else None,
            "agreement": work.agreement(),
            "input": way,
        }
    )


def _told(
    case: Case,
    work: Work,
    phases: timing.Phases,
    device: str | None,
    timed: timing.Timed,
    warm: dict[str, Any],
    shares: list[float] | None = None,
) -> Row:
    spread = Spread(**timing.summarize(timed.durations))
    window = Spread(**timing.summarize(shares)) if shares else None
    step = (window or spread).p50
    return Row(
        case=case,
        model=work.model,
        device=device,
        settings=work.settings | {"cores": runtime.cores()},
        phases=dict(phases.seconds),
        warm_up_steps=warm.get("steps"),
        steady=warm.get("steady"),
        step_seconds=spread,
        window_seconds=window,
        images_per_second=work.count / step,
        gflops_per_second=work.gflop / step if work.gflop else None,
        first_step=timed.durations[0] / spread.p50,
        drift=timing.drift(timed.durations),
        lost=timed.lost,
        peak_memory_bytes=machine.peak_memory(),
        device_memory_bytes=work.device_memory(),
        figures=work.figures(),
    )


def _input(case: Case, work: Work, told: Row, phases: timing.Phases) -> Input | None:
    """Time source and model apart, and say which of them the step waits for."""
    if work.source is None or work.resident is None:
        return None
    seconds = case.seconds / 2
    with phases.phase("input"):
        for alone in (work.source, work.resident):
            timing.repeat(alone, seconds=0, clock=phases.clock)
        source, model = (
            work.count / timing.summarize(durations)["mean"]
            for durations in (
                timing.repeat(work.source, seconds=seconds, clock=phases.clock).durations,
                timing.repeat(work.resident, seconds=seconds, clock=phases.clock).durations,
            )
        )
    return Input(
        images_per_second=source,
        model_images_per_second=model,
        bottleneck=bottleneck(source, model, told.images_per_second or math.nan),
    )


def bottleneck(source: float, model: float, together: float) -> str:
    """What a step waits for.

    Args:
        source: Images per second of the source alone.
        model: Of the model alone.
        together: Of both.

    Returns:
        The slower, `input` or `model`, where the other costs nothing beside it, or takes little
        of the time; else `both`, which compete for the same cores.
    """
    share = model / (source + model)  # of the time, if the two take turns
    if together >= APART * min(source, model) or max(share, 1 - share) >= MOST:
        return "input" if source < model else "model"
    return "both"
