"""`zoo plugins check`: the conformance kit on one plugin."""

from __future__ import annotations

from typing import Any

import click

from zoo.cli import show
from zoo.cli.command import Command, load_registry
from zoo.errors import HealthFailure

# As in zoo.testing.kit, which imports numpy.
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
@click.option(
    "--every-size",
    is_flag=True,
    help="Train and export also what is another size of a part that is.",
)
def command(target: str, levels: tuple[str, ...], only: str, every_size: bool) -> None:
    """Run the conformance kit on TARGET: an installed plugin, or the folder of a project."""
    load_registry()
    from zoo.testing import kit
    from zoo.testing.locate import locate

    plugin = locate(target)
    chosen = [level for level in kit.LEVELS if level in levels] or list(kit.DEFAULT_LEVELS)
    if chosen != ["static"]:
        from zoo.engine import runtime

        runtime.start("cpu")
    total = len(kit.cases(plugin, chosen, only))
    results = []
    with show.progress(f"checking {plugin.name}") as advance:

        def watch(result: Any) -> None:
            results.append(result)
            advance(len(results), total)

        report = kit.run_all(plugin, chosen, only, watch=watch, every_size=every_size)
    facts = {
        "plugin": plugin.name,
        "origin": plugin.origin,
        "kit": kit.KIT_VERSION,
        "levels": chosen,
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
                "left_out": bool(result.case.left_out),
            }
            for result in report.results
        ],
    }
    show.document(facts, _render)
    if report.failed:
        failed = len(report.faults) + sum(result.failed for result in report.results)
        raise HealthFailure(f"{plugin.name} ({plugin.origin}) does not conform: {failed} failed")


def _render(facts: dict[str, Any]) -> str:
    blocks = [_table(facts["results"], facts["levels"])] if facts["results"] else []
    blocks += [f"FAIL  manifest\n      {fault}" for fault in facts["faults"]]
    alike: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in facts["results"]:
        if row["outcome"] in ("failed", "unexpected"):
            # A part that cannot be built fails one check after the other for one reason.
            alike.setdefault((row["check"].split("::")[0], row["message"]), []).append(row)
    for (_, message), (row, *more) in alike.items():
        lines = [f"FAIL  {row['check']}", row["what"], *message.splitlines()]
        if more:
            names = ", ".join(each["check"].split("::")[1] for each in more)
            lines.append(f"so does {names}" if len(more) == 1 else f"so do {names}")
        blocks.append("\n      ".join(lines))
    blocks += _left_out(facts["results"])
    blocks += [
        f"declared  {row['check']}\n          {row['message']}"
        for row in facts["results"]
        if row["outcome"] == "expected"
    ]
    return "\n\n".join([*blocks, facts["badge"]])


def _left_out(results: list[dict[str, Any]]) -> list[str]:
    """What was not trained and exported since another size of it was."""
    parts: dict[str, dict[str, None]] = {}
    for row in results:
        if row["left_out"]:
            parts.setdefault(row["message"], {})[row["check"].split("::")[0]] = None
    return [
        f"skipped  {', '.join(names)}\n         {reason} (--every-size does so with all)"
        for reason, names in parts.items()
    ]


def _table(results: list[dict[str, Any]], levels: list[str]) -> str:
    """How many checks passed of those that apply, by part and level."""
    parts = list(dict.fromkeys(row["check"].split("::")[0] for row in results))
    counts = {(part, level): [0, 0] for part in parts for level in levels}
    for row in results:
        if row["outcome"] != "skipped":
            count = counts[row["check"].split("::")[0], row["level"]]
            count[0] += row["outcome"] == "passed"
            count[1] += 1
    rows = [(part, *(_share(*counts[part, level]) for level in levels)) for part in parts]
    return show.table(rows, ("part", *levels), right=range(1, len(levels) + 1))


def _share(passed: int, counted: int) -> str:
    return f"{passed}/{counted}" if counted else "-"
