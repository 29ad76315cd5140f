"""`zoo explain`: where a model looked, as a sheet of heat maps, a page, or numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zoo import stored, suggest
from zoo.cli import device as devices
from zoo.cli import explain_scores, show
from zoo.cli import sheet as sheets
from zoo.cli.command import Command, load_registry
from zoo.cli.location import LocalPath
from zoo.errors import DataError, ExplainError
from zoo.registry import ResolvedPart

if TYPE_CHECKING:
    from zoo.engine.explain import Explanation
    from zoo.engine.figure import Style

MOST = 100
"""Rows of one sheet; a hundred are 33,000 pixels high."""

SHEET = "explanation.png"


@click.command("explain", cls=Command)
@click.argument("model", metavar="RUN|FILE.keras|SPEC")
@click.argument("pictures", nargs=-1, required=True, metavar="IMAGE|FOLDER...")
@click.option(
    "--interpreter",
    "interpreters",
    multiple=True,
    metavar="NAME[:option=value]",
    help="How to explain; by default grad-cam, or what registry.toml says. Several stand side "
    "by side.",
)
@click.option(
    "--class",
    "classes",
    multiple=True,
    metavar="NAME",
    help="Explain this class, not the predicted; may be repeated.",
)
@click.option("--true", "truth", is_flag=True, help="Explain the class that the folder is called.")
@click.option("--top", type=click.IntRange(1), metavar="K", help="Explain the K likeliest classes.")
@click.option(
    "--against", metavar="NAME", help="Explain the lead over this class, not the score itself."
)
@click.option("--shared-scale", is_flag=True, help="One colour scale for all pictures.")
@click.option(
    "--alpha",
    type=click.FloatRange(0, 1),
    default=0.5,
    show_default=True,
    help="Share of the map over the picture.",
)
@click.option(
    "--colours",
    type=click.Choice(["inferno", "viridis", "grey"]),
    default="inferno",
    show_default=True,
    help="Colours of maps without sign; those with two have their own.",
)
@sheets.option(SHEET)
@click.option(
    "--page",
    type=LocalPath(),
    metavar="FILE.html",
    help="Write one HTML file with a slider from picture to map, worst errors first.",
)
@click.option(
    "--maps",
    type=LocalPath(),
    metavar="FOLDER",
    help="Write each raw map as .npy, float32 [h,w].",
)
@click.option(
    "--score",
    is_flag=True,
    help="Draw nothing, and measure how far the maps can be trusted: a row for each interpreter.",
)
@click.option(
    "--masks",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="With --score: masks of what is to be seen, as zoo data make shapes writes them.",
)
@devices.options
def command(
    model: str,
    pictures: tuple[str, ...],
    interpreters: tuple[str, ...],
    classes: tuple[str, ...],
    truth: bool,
    top: int | None,
    against: str | None,
    shared_scale: bool,
    alpha: float,
    colours: str,
    out: Path,
    page: Path | None,
    maps: Path | None,
    score: bool,
    masks: Path | None,
    device: str | None,
    verbose: bool,
) -> None:
    """Draw a heat map over each picture that says where the model sees a class."""
    registry = load_registry()
    named = interpreters or (registry.default("interpreter"),)
    specs = [registry.parse_part("interpreter", name) for name in named]
    methods = [registry.resolve_part(spec) for spec in specs]
    _check_targets(classes, truth, top, against)
    _check_score(score, masks, top, against, classes)
    if stored.is_path(model):
        wanted = [*classes, *([against] if against else [])]
        _check_stored(stored.locate(model), methods, wanted)
    else:
        registry.resolve(registry.parse(model))
    for method in methods:
        if method.part.caution:
            show.note(f"caution: {method.part.id}: {method.part.caution}")
    found = _readable(pictures)
    rows = len(found) * (top or max(1, len(classes)))
    drawn = not score and _check_outputs(out, page, maps, found, rows)

    from zoo.engine import runtime

    where = runtime.start(device, verbose)
    show.note(f"device: {where}")
    from zoo.engine import explain, subject
    from zoo.engine.figure import Style

    loaded = explain.load(model)
    if not stored.is_path(model) and not explain.is_trained(loaded):
        show.note(f"warning: {model} has random weights; its maps say nothing about pictures")
    for note in subject.of(loaded).notes:
        show.note(note)
    targets = _targets(classes, truth, top, against, found)
    if score:
        facts = {"model": model, "spec": subject.of(loaded).name, "device": where}
        explain_scores.tell(loaded, found, [str(each) for each in specs], targets, masks, facts)
        return
    explained: Iterable[Explanation] = explain.each(
        loaded, found, interpreter=[str(spec) for spec in specs], targets=targets
    )
    style = Style(shared_scale=shared_scale, alpha=alpha, colours=colours)
    told = _write(explained, style, out if drawn else None, page, maps)
    facts = {
        "model": model,
        "spec": subject.of(loaded).name,
        "interpreters": [str(spec) for spec in specs],
        "scale": "shared" if shared_scale else "own",
        "device": where,
        "pictures": told,
        "sheet": str(out) if drawn else None,
        "page": str(page) if page else None,
        "maps": str(maps) if maps else None,
    }
    show.document(facts, _render)


def _write(
    explained: Iterable[Explanation],
    style: Style,
    out: Path | None,
    page: Path | None,
    maps: Path | None,
) -> list[dict[str, Any]]:
    """Write what was asked for as the explanations come; what is told of each."""
    from contextlib import ExitStack

    from zoo.engine import figure, heatmap, sheet
    from zoo.engine.album import Album
    from zoo.engine.raw_maps import RawMaps

    tops: dict[str, float] = {}
    if style.shared_scale:  # the top of the scale is known when all maps are
        explained = list(explained)
        for row in explained:
            tops[row.interpreter] = max(tops.get(row.interpreter, 0.0), heatmap.limit(row.heat))
    told, rows, folder = [], [], RawMaps(maps) if maps else None
    with ExitStack() as stack:
        album = None
        for _, group in groupby(explained, lambda row: row.name):
            card = list(group)
            if page and album is None:
                album = stack.enter_context(Album(page, title=card[0].model, style=style))
            if album is not None:
                album.add(card, tops)
            if folder is not None:
                for row in card:
                    folder.add(row)
            told += [row.document() for row in card]
            rows += card if out else []
    if out:
        sheet.save(figure.draw(rows, title=rows[0].model, style=style), out)
    return told


def _check_targets(
    classes: Sequence[str], truth: bool, top: int | None, against: str | None
) -> None:
    """Refuse two ways to say which class."""
    ways = [
        *(["--class"] if classes else []),
        *(["--true"] if truth else []),
        *(["--top"] if top else []),
    ]
    if len(ways) > 1:
        raise ExplainError(f"{' and '.join(ways)} both say which class to explain", "give one")
    if against and not classes:
        raise ExplainError("--against needs the class whose lead it is", "add --class NAME")


def _check_score(
    score: bool, masks: Path | None, top: int | None, against: str | None, classes: Sequence[str]
) -> None:
    """Refuse what scores cannot be told of."""
    if masks and not score:
        raise ExplainError("--masks says where the evidence is, for scores", "add --score")
    if score and (top or against or len(classes) > 1):
        raise ExplainError("scores are of one class a picture", "leave --top and --against out")


def _targets(
    classes: Sequence[str], truth: bool, top: int | None, against: str | None, found: Sequence[Path]
) -> Any:
    if truth:
        return "true"
    if classes:
        return [[(name, against) if against else name for name in classes]] * len(found)
    return f"top-{top}" if top else "predicted"


def _check_outputs(
    out: Path, page: Path | None, maps: Path | None, found: Sequence[Path], rows: int
) -> bool:
    """See that everything can be written, and whether a sheet is drawn: not of too many."""
    sheets.check(out, found)
    if page is not None:
        if page.suffix.lower() != ".html":
            raise DataError(f"{page} is no name for a page", "let it end in .html")
        if not page.parent.is_dir():
            raise DataError(f"the folder {page.parent} does not exist", "make it first")
    if maps is not None:
        from zoo.engine import raw_maps

        raw_maps.check(maps)
    if rows <= MOST:
        return True
    if page is None and maps is None:
        raise DataError(
            f"{rows} rows, a sheet holds up to {MOST}",
            "give fewer pictures, or --page or --maps, which hold any number",
        )
    show.note(f"no sheet: {rows} rows, it holds up to {MOST}")
    return False


def _check_stored(path: Path, methods: Sequence[ResolvedPart], names: Sequence[str]) -> None:
    """Find a wrong class or tap without Keras, where zoo wrote the model."""
    facts = stored.facts(path)
    if facts is None:
        return
    for name in names:
        stored.check_class(name, facts["classes"])
    for method in methods:
        tap = method.options.get("tap", "last")
        taps = [*facts["taps"], *stored.layers(path), "last"]
        if tap not in taps:
            near = suggest.near(tap, taps)
            there = ", ".join(facts["taps"])
            hint = f"did you mean {', '.join(near)}?" if near else f"taps: {there}"
            raise ExplainError(f"the model has no tap or layer {tap!r}", hint)


def _readable(pictures: Sequence[str]) -> list[Path]:
    from zoo.engine import picture

    found: list[Path] = picture.find(pictures)
    for path in found:
        picture.load(path, (32, 32))
    return found


def _render(facts: dict[str, Any]) -> str:
    several = len(facts["interpreters"]) > 1
    rows = [
        (
            row["path"],
            f"{row['class']}, not {row['against']}" if row["against"] else row["class"],
            f"{100 * row['probability']:.1f} %",
            "" if row["class"] == row["predicted"] else row["predicted"],
            row["interpreter"] if several else "",
            row["note"] or "",
        )
        for row in facts["pictures"]
    ]
    # A column that says nothing in any row is left out.
    kept = [column for column in range(6) if column < 3 or any(row[column] for row in rows)]
    header = ("picture", "class explained", "probability", "predicted", "interpreter", "note")
    table = show.table(
        [[row[column] for column in kept] for row in rows],
        [header[column] for column in kept],
        right=(2,),
    )
    taps = {row["interpreter"]: row["tap"] for row in facts["pictures"]}
    about = {
        "interpreter": ", ".join(facts["interpreters"]),
        "tap": ", ".join(dict.fromkeys(tap for tap in taps.values() if tap)),
        "sheet": facts["sheet"],
        "page": facts["page"],
        "maps": facts["maps"],
    }
    return f"{table}\n\n{show.pairs({key: value for key, value in about.items() if value})}"
