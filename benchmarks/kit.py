"""What the conformance kit costs: on all that comes with zoo, and for a new plugin's author.

Bounds: every part of ours in 10 minutes of two cores, as the kit runs by default, counted in
processor time since it is long enough that others use the machine meanwhile; from `zoo plugins
new` to a green kit and a model with the new part, three commands in 2 minutes.

It may be stopped: parts whose checks stand in results/kit.parts.jsonl are not run again. The file
is removed at the end.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from record import HERE, record

ROOT = HERE.parent
KEPT = HERE / "results" / "kit.parts.jsonl"
WORKERS = 2
REGISTRY_BOUND, AUTHOR_BOUND = 600, 120

# The kit on a share of our parts, in a process of its own; one JSON line a part.
SHARE = """
import json, os, resource, sys
from zoo import registry
from zoo.engine import runtime
from zoo.testing import kit

def worked():
    return sum(os.times()[:4])

if __name__ == "__main__":
    runtime.start("cpu")
    for plugin_name, name in json.loads(sys.argv[1]):
        plugin, checks = registry.load().plugin(plugin_name), []
        for case in kit.cases(plugin, kit.DEFAULT_LEVELS, f"{name}::"):
            if case.id.startswith(f"{name}::"):
                start = worked()
                result = kit.run(case, plugin.xfail)
                outcome = "left out" if case.left_out else result.outcome
                checks.append([case.id, case.level, outcome, worked() - start])
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(json.dumps({"part": name, "checks": checks, "peak_kib": peak}), flush=True)
"""


def main() -> None:
    parts = first_party()
    checks = [check for part in parts for check in part["checks"]]
    levels: Counter[str] = Counter()
    for _, level, _, seconds in checks:
        levels[level] += seconds
    cost = Counter({part["part"]: sum(check[3] for check in part["checks"]) for part in parts})
    outcomes = Counter(outcome for _, _, outcome, _ in checks)
    seconds = sum(levels.values()) / WORKERS
    steps = author()
    total = sum(time for _, time in steps)

    rows = [(f"level {level}", f"{worked:.0f}", "") for level, worked in levels.items()]
    rows.append((f"all of ours, on {WORKERS} cores", f"{seconds:.0f}", REGISTRY_BOUND))
    rows += [(f"`{words}`", f"{time:.1f}", "") for words, time in steps]
    rows.append(("a plugin of one's own, all commands", f"{total:.1f}", AUTHOR_BOUND))
    slowest = ", ".join(f"{name} {worked:.0f}" for name, worked in cost.most_common(3))
    note = (
        f"{len(parts)} parts and plugins, {outcomes['passed']} checks passed, "
        f"{outcomes['expected']} declared, {outcomes['failed']} failed, "
        f"{outcomes['left out']} left out for another size of the same backbone that is trained "
        "and exported. Of ours processor time, "
        f"the levels on one core; of the commands wall time. The slowest: {slowest} s of one core."
    )
    record(
        "kit",
        "Conformance kit",
        ("what", "s", "bound"),
        rows,
        note,
        levels=levels,
        parts=cost,
        seconds=seconds,
        outcomes=outcomes,
        failed=[name for name, _, outcome, _ in checks if outcome == "failed"],
        author=steps,
    )
    KEPT.unlink(missing_ok=True)
    if seconds > REGISTRY_BOUND or total > AUTHOR_BOUND or outcomes["failed"]:
        raise SystemExit(1)


def first_party() -> list[dict[str, Any]]:
    """What each plugin and part of ours cost: its checks, and the most memory until then."""
    from zoo import registry

    ours = [each for each in registry.load().plugins if each.distribution == "keras-zoo"]
    names = [(each.name, f"plugin/{each.name}") for each in ours]
    names += [(each.name, f"{part.kind}/{part.id}") for each in ours for part in each.parts]
    done = {part["part"] for part in kept()}
    left = [pair for pair in names if pair[1] not in done]
    with KEPT.open("a") as file, tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "share.py")
        script.write_text(SHARE)
        said = Path(folder, "stderr")
        with said.open("a") as stderr:
            children = [
                subprocess.Popen(
                    [sys.executable, str(script), json.dumps(left[worker::WORKERS])],
                    stdout=file,
                    stderr=stderr,
                )
                for worker in range(WORKERS)
            ]
            codes = [child.wait() for child in children]
        if any(codes):
            raise SystemExit(f"a process ended before its last part\n{said.read_text()[-2000:]}")
    return kept()


def kept() -> list[dict[str, Any]]:
    """What stands in the file."""
    lines = KEPT.read_text().splitlines() if KEPT.exists() else []
    return [json.loads(line) for line in lines]


def author() -> list[tuple[str, float]]:
    """Seconds of each command from nothing to a model with one's own part."""
    with tempfile.TemporaryDirectory() as folder:
        environment = scratch(Path(folder, "venv"))
        made = zoo(environment, folder, "plugins", "new", "bench-mark", "--json")
        steps = [("zoo plugins new", made[1])]
        for line in json.loads(made[0])["next"]:
            command, *words = line.split()
            if command == "pip":
                # The build backend is here already: what is measured is no download.
                words += ["--no-build-isolation", "--no-deps", "--quiet"]
                words = ["-m", "pip", *words]
                steps.append((line, timed(environment, folder, words)[1]))
            else:
                steps.append((line, zoo(environment, folder, *words)[1]))
    return steps


def scratch(venv: Path) -> Path:
    """An environment of its own in which all that is installed here can be imported."""
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    (site,) = venv.glob("lib/python*/site-packages")
    there = [path for path in sys.path if path and Path(path).is_dir() and path != str(ROOT)]
    (site / "here.pth").write_text("\n".join([str(ROOT), *there]) + "\n")
    return venv / "bin" / "python"


def zoo(python: Path, folder: str, *words: str) -> tuple[str, float]:
    """Run a command of zoo."""
    code = "import sys; from zoo.cli.main import main; sys.exit(main())"
    return timed(python, folder, ["-c", code, *words])


def timed(python: Path, folder: str, words: list[str]) -> tuple[str, float]:
    """Output and seconds of a program."""
    start = time.perf_counter()
    child = subprocess.run(
        [str(python), *words],
        cwd=folder,
        env=os.environ | {"ZOO_CACHE": f"{folder}/cache"},
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - start
    if child.returncode:
        raise SystemExit(f"{' '.join(words)}\n{child.stdout}{child.stderr}")
    return child.stdout, seconds


if __name__ == "__main__":
    main()
