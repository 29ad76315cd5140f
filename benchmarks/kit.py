"""What the conformance kit costs: on all that comes with zoo, and for a new plugin's author.

Bounds: every part of ours in 10 minutes on two cores; from `zoo plugins new` to a green kit and a
model with the new part, three commands in 2 minutes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from record import record

ROOT = Path(__file__).parent.parent
WORKERS = 2
REGISTRY_BOUND, AUTHOR_BOUND = 600, 120

# The kit on a share of our parts, in a process of its own; one JSON line a check.
SHARE = """
import json, sys
from zoo import registry
from zoo.engine import runtime
from zoo.testing import kit

if __name__ == "__main__":
    runtime.start("cpu")
    for plugin_name, name in json.loads(sys.argv[1]):
        plugin = registry.load().plugin(plugin_name)
        for case in kit.cases(plugin, kit.DEFAULT_LEVELS, f"{name}::"):
            if case.id.startswith(f"{name}::"):
                result = kit.run(case, plugin.xfail)
                print(json.dumps([name, case.level, result.outcome, result.seconds]), flush=True)
"""


def main() -> None:
    levels, parts, seconds, outcomes = first_party()
    steps = author()
    rows = [(f"level {level}", f"{sum(each.values()):.0f}", "") for level, each in levels.items()]
    slowest = ", ".join(f"{name} {time:.0f}" for name, time in parts.most_common(3))
    rows.append((f"all of ours, {WORKERS} processes", f"{seconds:.0f}", REGISTRY_BOUND))
    rows += [(f"`{words}`", f"{time:.1f}", "") for words, time in steps]
    total = sum(time for _, time in steps)
    rows.append(("a plugin of one's own, all commands", f"{total:.1f}", AUTHOR_BOUND))
    note = (
        f"{len(parts)} parts and plugins, {outcomes['passed']} checks passed, "
        f"{outcomes['expected']} declared, {outcomes['failed']} failed; levels are summed over "
        f"both processes. The slowest: {slowest} s."
    )
    record(
        "kit",
        "Conformance kit",
        ("what", "s", "bound"),
        rows,
        note,
        levels={level: dict(each) for level, each in levels.items()},
        parts=dict(parts),
        seconds=seconds,
        outcomes=dict(outcomes),
        author=steps,
    )
    if seconds > REGISTRY_BOUND or total > AUTHOR_BOUND or outcomes["failed"]:
        raise SystemExit(1)


def first_party() -> tuple[dict[str, Counter[str]], Counter[str], float, Counter[str]]:
    """Seconds by level and part, by part, in all, and how often each outcome came."""
    from zoo import registry

    ours = [each for each in registry.load().plugins if each.distribution == "keras-zoo"]
    names = [(each.name, f"plugin/{each.name}") for each in ours]
    names += [(each.name, f"{part.kind}/{part.id}") for each in ours for part in each.parts]
    shares = [names[worker::WORKERS] for worker in range(WORKERS)]
    start = time.perf_counter()
    with ThreadPoolExecutor(WORKERS) as threads:
        lines = [line for share in threads.map(run_share, shares) for line in share]
    seconds = time.perf_counter() - start
    levels: dict[str, Counter[str]] = {}
    parts: Counter[str] = Counter()
    outcomes: Counter[str] = Counter()
    for name, level, outcome, took in lines:
        levels.setdefault(level, Counter())[name] += took
        parts[name] += took
        outcomes[outcome] += 1
    return levels, parts, seconds, outcomes


def run_share(share: list[tuple[str, str]]) -> list[Any]:
    """Run the kit on some parts in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "share.py")
        script.write_text(SHARE)
        child = subprocess.run(
            [sys.executable, str(script), json.dumps(share)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            check=True,
        )
    return [json.loads(line) for line in child.stdout.splitlines()]


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
