"""What was trained, on what, with what, and how to repeat it: enough to judge a run."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from zoo import license as licenses
from zoo.engine import run as runs
from zoo.option import spell

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zoo.engine.run import Run


def facts(run: Run) -> list[tuple[str, str]]:
    """Names and values of all that run.json knows."""
    known = run.facts
    resolved = known["resolved"]
    data = known["data"]
    kinds = [kind for kind in ("backbone", "head") if kind in resolved]
    rows = [("model", run.spec), *((kind, _part(resolved[kind])) for kind in kinds)]
    weights = resolved.get("backbone", {}).get("weights")
    if weights:
        rows.append(("pretrained weights", _weights(weights)))
    counts = ", ".join(f"{count:,} {split}" for split, count in data["pictures"].items())
    rows += [
        ("parameters", f"{known['parameters']:,}"),
        ("input", f"{size(run)} RGB, 0..255"),
        ("dtype", known["dtype"]),
        ("augmentation", known["policy"] or "none"),
        ("recipe", known["recipe"]),
        ("seed", str(run.seed)),
        ("data", f"{data['root']}: {counts}"),
        ("data digest", data["digest"]),
        ("trained", f"{known['created']}, {known['timings']['total']:.0f} s on {known['device']}"),
        ("versions", ", ".join(f"{name} {number}" for name, number in known["versions"].items())),
    ]
    return rows


def _part(part: Mapping[str, Any]) -> str:
    options = " ".join(f"{name}={spell(value)}" for name, value in part["options"].items())
    return f"{part['id']} {options}".rstrip() + f" ({part['distribution']} {part['version']})"


def license(run: Run) -> str:
    """The licence of the pretrained weights as the hub spells it, or nothing."""
    weights = run.facts["resolved"].get("backbone", {}).get("weights") or {}
    return str(weights.get("license") or "").lower()


def _weights(weights: Mapping[str, Any]) -> str:
    given = weights["license"] or ""
    license = given if licenses.stated(given) else "not stated by the publisher"
    return f"@{weights['tag']} from {weights['source']}, license {license}"


def commands(run: Run) -> list[str]:
    """How to repeat and use the run, a command each."""
    place = shlex.quote(folder(run))
    if parent := run.facts.get("parent"):
        return [*_operate(run, parent, place), *_use(place)]
    # Whatever else was asked for is in the recipe, which holds every value.
    again = ["zoo train", shlex.quote(run.spec), shlex.quote(str(run.data))]
    again += [f"--recipe {place}/recipe.toml --input-size {size(run)} --seed {run.seed}"]
    if run.facts["dtype"] != "float32":
        again += [f"--dtype {run.facts['dtype']}"]
    return ["pip install keras-zoo", " ".join([*again, "--out again"]), *_use(place)]


def _use(place: str) -> list[str]:
    return [
        f"zoo evaluate {place}",
        f"zoo predict {place} picture.png",
        f"zoo explain {place} picture.png",
        f"zoo export {place} --out deploy",
    ]


def _operate(run: Run, parent: str, place: str) -> list[str]:
    """The last operation in Python, which takes its options as run.json has them."""
    step = run.facts["surgery"][-1]["step"]
    code = f"import zoo; zoo.operate({parent!r}, {step!r}, 'again')"
    return ["pip install keras-zoo", f"python -c {shlex.quote(code)}", f"zoo verify {place}"]


def timings(run: Run) -> list[tuple[str, str]]:
    """What took how long, in seconds; the phases of the training one by one."""
    rows = []
    for name, taken in run.facts.get("timings", {}).items():
        if isinstance(taken, dict):
            rows += [(f"phase {phase}", f"{seconds:,.1f} s") for phase, seconds in taken.items()]
        elif isinstance(taken, int | float):
            rows.append((name, f"{taken:,.1f} s"))
    return rows


def size(run: Run) -> str:
    """The input's height and width, such as 224x224."""
    return "x".join(map(str, run.input_size))


def folder(run: Run) -> str:
    """The name that the run's folder will bear, also while it is being filled."""
    return run.path.name.removesuffix(runs.UNFINISHED)


def percent(share: float) -> str:
    """A share as a person reads it."""
    return f"{100 * share:.1f}\N{NO-BREAK SPACE}%"
