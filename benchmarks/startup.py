"""How long the quick commands take: `zoo list` warm, with many plugins, and a typo in `zoo train`.

Bounds: list 0.25 s with the first-party plugins, 0.5 s with a hundred more of ten parts each and
with all of the tests' broken ones, a typo answered in 0.5 s; none of them may load Keras,
TensorFlow, numpy or pydantic.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from record import record

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests.hostile import plugins as hostile

REPEATS = 21
HEAVY = ("keras", "tensorflow", "numpy", "pydantic")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        plain = {**os.environ, "ZOO_CACHE": f"{folder}/plain"}
        site = generate(Path(folder) / "site", plugins=100, parts=10)
        many = {**os.environ, "ZOO_CACHE": f"{folder}/many", "PYTHONPATH": str(site)}
        broken = {**os.environ, "ZOO_CACHE": f"{folder}/broken", "PYTHONPATH": f"{folder}/bad"}
        for plugin in hostile.HOSTILE:
            hostile.install(Path(folder, "bad"), plugin)
        cases = [
            ("python -c pass", None, plain, None),
            ("zoo list --json", ["list", "--json"], plain, 0.25),
            ("the same with 100 plugins of 10 parts", ["list", "--json"], many, 0.5),
            (
                f"the same with {len(hostile.HOSTILE)} broken plugins",
                ["list", "--json"],
                broken,
                0.5,
            ),
            ("zoo train with a typo", ["train", "vgg61bn+linear", "data"], plain, 0.5),
        ]
        rows, facts = [], {}
        for title, words, environment, bound in cases:
            seconds = [measure(words, environment) for _ in range(REPEATS + 1)][1:]
            loaded = heavy_modules(words, environment) if words else []
            median, worst = statistics.median(seconds), max(seconds)
            rows.append(
                (
                    title,
                    f"{median:.3f} s",
                    f"{worst:.3f} s",
                    f"{bound} s" if bound else "",
                    ", ".join(loaded) or "none",
                )
            )
            facts[title] = {"seconds": seconds, "bound": bound, "heavy_modules": loaded}
    record(
        "startup",
        "Quick commands",
        ("command, index warm", "median", "slowest", "bound", "heavy modules loaded"),
        rows,
        f"Wall time of a fresh process, {REPEATS} runs after one that fills the index.",
        cases=facts,
    )


def measure(words: list[str] | None, environment: dict[str, str]) -> float:
    start = time.perf_counter()
    subprocess.run(command(words), env=environment, capture_output=True, check=False)
    return time.perf_counter() - start


def command(words: list[str] | None) -> list[str]:
    if words is None:
        return [sys.executable, "-c", "pass"]
    return [str(Path(sys.executable).with_name("zoo")), *words]


def heavy_modules(words: list[str], environment: dict[str, str]) -> list[str]:
    code = (
        "import sys, json; from zoo.cli.main import main; main(sys.argv[1:]); "
        f"print('\\n' + json.dumps([m for m in {HEAVY!r} if m in sys.modules]))"
    )
    child = subprocess.run(
        [sys.executable, "-c", code, *words],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(child.stdout.splitlines()[-1])


def generate(site: Path, plugins: int, parts: int) -> Path:
    """Installed distributions, as pip would leave them."""
    for number in range(plugins):
        name = f"made{number:03d}"
        package = site / f"{name}_zoo"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text("raise RuntimeError('listing must not import me')\n")
        manifest, source = "schema = 1\n", ""
        for part in range(parts):
            manifest += f'[backbone.net{part}]\ntarget = "{name}_zoo.nets:net{part}"\n'
            source += f'def net{part}(inputs, *, width: float = 1.0):\n    """Net {part}."""\n\n\n'
        (package / "registry.toml").write_text(manifest)
        (package / "nets.py").write_text(source)
        info = site / f"{name}_zoo-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}-zoo\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[zoo]\n{name} = {name}_zoo\n")
    return site


if __name__ == "__main__":
    main()
