"""`zoo plugins check`: the conformance kit on one plugin."""

from __future__ import annotations

from typing import Any

import click

from zoo.cli import show
from zoo.cli.command import Command, load_registry
from zoo.errors import HealthFailure

# As in zoo.testing.kit, which imports Keras.
LEVELS = ("static", "import", "build", "train", "export", "network")


@click.command("check", cls=Command)
@click.argument("target")
@click.option(
    "--level",
    "levels",
    multiple=True,
    type=click.Choice(LEVELS),
    help="Only this level; may be repeated. All but network by default.",
)
@click.option("--only", metavar="TEXT", default="", help="Only checks whose name holds TEXT.")
def command(target: str, levels: tuple[str, ...], only: str) -> None:
    """Run the conformance kit on TARGET: an installed plugin, or the folder of a project."""
    load_registry()

    from zoo.engine import runtime

    runtime.start("cpu")
    from zoo.testing import kit
    from zoo.testing.locate import locate

    def watch(result: Any) -> None:
        show.note(f"{result.outcome:<10} {result.case.id}  {result.seconds:.1f} s")

    plugin = locate(target)
    report = kit.run_all(
        plugin,
        [level for level in kit.LEVELS if level in levels] or kit.DEFAULT_LEVELS,
        only,
        watch=watch,
    )
    facts = {
        "plugin": plugin.name,
        "origin": plugin.origin,
        "kit": kit.KIT_VERSION,
        "badge": report.badge,
        "faults": list(report.faults),
        "results": [
            {
                "check": result.case.id,
                "level": result.case.level,
                "what": result.case.summary,
                "outcome": result.outcome,
                "message": result.message,
                "seconds": round(result.seconds, 3),
            }
            for result in report.results
        ],
    }
    show.document(facts, _render)
    if report.failed:
        failed = len(report.faults) + sum(result.failed for result in report.results)
        raise HealthFailure(f"{plugin.origin} does not conform: {failed} failed")


def _render(facts: dict[str, Any]) -> str:
    parts: dict[str, dict[str, int]] = {}
    for row in facts["results"]:
        counts = parts.setdefault(row["check"].split("::")[0], {})
        counts[row["outcome"]] = counts.get(row["outcome"], 0) + 1
    rows = [
        (
            part,
            counts.get("passed", 0),
            counts.get("skipped", 0),
            counts.get("failed", 0) + counts.get("unexpected", 0),
        )
        for part, counts in parts.items()
    ]
    blocks = [show.table(rows, ("part", "passed", "not applicable", "failed"), right=(1, 2, 3))]
    blocks += [f"FAIL  manifest\n      {fault}" for fault in facts["faults"]]
    blocks += [
        f"FAIL  {row['check']}: {row['what']}\n      {row['message']}"
        for row in facts["results"]
        if row["outcome"] in ("failed", "unexpected")
    ]
    return "\n\n".join([*blocks, facts["badge"]])
