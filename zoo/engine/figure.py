"""Sheets of heat maps for a report or a paper.

One interpreter gets a row for each picture with all that there is to say; several stand side by
side, a row for each picture and class.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from PIL import Image, ImageDraw

from zoo.engine import heatmap
from zoo.engine.explain import Explanation
from zoo.engine.heatmap import Colours
from zoo.engine.sheet import GREY, INK, MARGIN, SMALL, TITLE, fitted, place, write

CELL = 300
GAP = 24
WORDS = 520
BAR = 26
VALUE = 70
HEAD = MARGIN + TITLE + 12 + SMALL + 40

ACCENT, EMPTY, ALARM = "#3a5a80", "#eeeeee", "#a8322a"


@dataclass(frozen=True)
class Style:
    """How maps are coloured.

    Args:
        shared_scale: One top value for all maps of an interpreter, to compare pictures.
        alpha: Share of the colour over the picture, 0 to 1.
        colours: Table of maps that only speak for a class; those with two signs have their own.
    """

    shared_scale: bool = False
    alpha: float = 0.5
    colours: Colours = "inferno"


def draw(
    rows: Sequence[Explanation], *, title: str, style: Style | None = None, shown: int = 3
) -> Image.Image:
    """Draw a sheet of heat maps. Every colour bar holds zero, and says its ends.

    Args:
        rows: What `explain` returned.
        title: Name of the model.
        style: How maps are coloured.
        shown: How many classes have their probability drawn.

    Returns:
        The sheet, RGB.
    """
    style = style or Style()
    methods = list(dict.fromkeys(row.interpreter for row in rows))
    scales = {name: _scale([r for r in rows if r.interpreter == name]) for name in methods}
    if len(methods) == 1:
        return _one(rows, title, style, shown, scales[methods[0]])
    return _several(rows, methods, title, style, scales)


@dataclass(frozen=True)
class Scale:
    """The top value over all maps of an interpreter, and whether any of them has two signs."""

    top: float
    signed: bool


def _scale(rows: Sequence[Explanation]) -> Scale:
    return Scale(
        max(heatmap.limit(row.heat) for row in rows),
        any(heatmap.is_signed(row.heat) for row in rows),
    )


def _one(
    rows: Sequence[Explanation], title: str, style: Style, shown: int, scale: Scale
) -> Image.Image:
    """A row holds the picture, the map over it, the map as it is, its bar, and the answer."""
    first = rows[0]
    grid = "x".join(str(extent) for extent in first.heat.shape)
    subtitle = f"{first.interpreter}{_at(first)}, {grid} places, {_scale_words(style)}"
    columns = [MARGIN + index * (CELL + GAP) for index in range(3)]
    bar = columns[2] + CELL + 10
    words = bar + BAR + VALUE + 26
    headed = zip((*columns, words), ("picture", "map over it", "map", "answer"), strict=True)
    sheet, pen = _blank(words + WORDS + MARGIN, len(rows), title, subtitle, list(headed))
    for index, row in enumerate(rows):
        y = _top(index)
        limit = scale.top if style.shared_scale else heatmap.limit(row.heat)
        shown_picture = fitted(row.picture, CELL)
        raw = heatmap.colour(row.heat, limit, signed=scale.signed, colours=style.colours)
        panels = (
            shown_picture,
            _over(shown_picture, row, limit, scale, style),
            _blocks(raw, shown_picture.shape[:2]),
        )
        for x, panel in zip(columns, panels, strict=True):
            place(sheet, panel, (x, y), CELL)
        _colour_bar(sheet, pen, (bar, y), limit, scale.signed, style)
        _verdict(pen, (words, y), row, shown)
    return sheet


def _several(
    rows: Sequence[Explanation],
    methods: Sequence[str],
    title: str,
    style: Style,
    scales: dict[str, Scale],
) -> Image.Image:
    """A row holds the picture with its class, and each interpreter's map over it with its bar."""
    step = CELL + 10 + BAR // 2 + 8 + VALUE + GAP
    columns = [MARGIN + CELL + GAP + index * step for index in range(len(methods))]
    firsts = {name: next(row for row in rows if row.interpreter == name) for name in methods}
    headed = [(MARGIN, "picture")]
    headed += [(x, f"{name}{_at(firsts[name])}") for x, name in zip(columns, methods, strict=True)]
    groups = [
        list(group)
        for _, group in groupby(rows, lambda row: (row.name, row.class_name, row.against))
    ]
    width = columns[-1] + step - GAP + MARGIN
    sheet, pen = _blank(width, len(groups), title, _scale_words(style), headed, CELL + VALUE)
    for index, group in enumerate(groups):
        y = _top(index, caption=True)
        seen = fitted(group[0].picture, CELL)
        place(sheet, seen, (MARGIN, y), CELL)
        _caption(pen, (MARGIN, y + CELL + 6), group[0])
        for x, row in zip(columns, group, strict=True):
            scale = scales[row.interpreter]
            limit = scale.top if style.shared_scale else heatmap.limit(row.heat)
            place(sheet, _over(seen, row, limit, scale, style), (x, y), CELL)
            _colour_bar(sheet, pen, (x + CELL + 10, y), limit, scale.signed, style)
            if row.note:
                write(pen, (x, y + CELL + 6), row.note, SMALL, ALARM, room=CELL + VALUE)
    return sheet


CAPTION = 2 * (SMALL + 8) + 6


def _top(index: int, *, caption: bool = False) -> int:
    return HEAD + SMALL + 14 + index * (CELL + GAP + (CAPTION if caption else 0))


def _blank(
    width: int,
    count: int,
    title: str,
    subtitle: str,
    header: Sequence[tuple[int, str]],
    room: int | None = None,
) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """An empty sheet with its title and the words over its columns."""
    height = _top(count, caption=room is not None) - GAP + MARGIN
    sheet = Image.new("RGB", (width, height), "white")
    pen = ImageDraw.Draw(sheet)
    write(pen, (MARGIN, MARGIN), title, TITLE, room=width - 2 * MARGIN)
    write(pen, (MARGIN, MARGIN + TITLE + 12), subtitle, SMALL, GREY, room=width - 2 * MARGIN)
    for x, text in header:
        write(pen, (x, HEAD), text, SMALL, GREY, room=room)
    return sheet, pen


def _at(row: Explanation) -> str:
    return f" at {row.tap}" if row.tap and "tap=" not in row.interpreter else ""


def _scale_words(style: Style) -> str:
    return "all maps on one scale" if style.shared_scale else "each map on its own scale"


def _over(
    picture: np.ndarray, row: Explanation, limit: float, scale: Scale, style: Style
) -> np.ndarray:
    return heatmap.overlay(
        picture,
        row.heat,
        top=limit,
        alpha=style.alpha,
        signed=scale.signed,
        colours=style.colours,
    )


def _caption(pen: ImageDraw.ImageDraw, at: tuple[int, int], row: Explanation) -> None:
    """The class explained with its probability; below it the name, or the error."""
    x, y = at
    write(pen, (x, y), f"{row.target} {_percent(row.probability)}", SMALL, INK, room=CELL)
    wrong = row.label and row.label != row.predicted
    text = f"labelled {row.label}" if wrong else row.name
    write(pen, (x, y + SMALL + 8), text, SMALL, ALARM if wrong else GREY, room=CELL)


def _verdict(pen: ImageDraw.ImageDraw, at: tuple[int, int], row: Explanation, shown: int) -> None:
    """What the model says of a picture: its class, the class explained, and the likeliest few."""
    x, y = at
    write(pen, (x, y), row.predicted, TITLE, room=WORDS - 130)
    percent = _percent(row.probabilities[row.predicted])
    write(pen, (x + WORDS, y), percent, TITLE, anchor="ra")
    lines = [(row.name, GREY)]
    if row.label and row.label != row.predicted:
        lines.append((f"labelled {row.label}", ALARM))
    if row.target != row.predicted:
        lines.append((f"explained: {row.target}, {_percent(row.probability)}", INK))
    if row.note:
        lines.append((row.note, ALARM))
    y += TITLE + 12
    for line, ink in lines:
        write(pen, (x, y), line, SMALL, ink, room=WORDS)
        y += SMALL + 8

    likeliest = sorted(row.probabilities, key=row.probabilities.__getitem__, reverse=True)[:shown]
    y = at[1] + CELL - len(likeliest) * 44 + 16
    for name in likeliest:
        chance = row.probabilities[name]
        left, right = x + 190, x + WORDS - 100
        write(pen, (x, y), name, SMALL, room=180)
        pen.rectangle((left, y + 4, right, y + 18), fill=EMPTY)
        filled = left + round((right - left) * chance)
        if filled > left:
            pen.rectangle((left, y + 4, filled, y + 18), fill=ACCENT)
        write(pen, (x + WORDS, y), _percent(chance), SMALL, GREY, anchor="ra")
        y += 44


def _colour_bar(
    sheet: Image.Image,
    pen: ImageDraw.ImageDraw,
    at: tuple[int, int],
    limit: float,
    signed: bool,
    style: Style,
) -> None:
    x, y = at
    table = heatmap.table(signed, style.colours)
    ramp = np.repeat(table[::-1][:, None], BAR // 2, axis=1)
    bar = Image.fromarray(ramp).resize((BAR // 2, CELL), Image.Resampling.NEAREST)
    sheet.paste(bar, (x, y))
    right = x + BAR // 2 + 8
    write(pen, (right, y), f"{limit:.2g}" if limit else "", SMALL, GREY)
    if signed:
        write(pen, (right, y + CELL // 2), "0", SMALL, GREY, anchor="lm")
    low = f"-{limit:.2g}" if signed and limit else "0" if not signed else ""
    write(pen, (right, y + CELL), low, SMALL, GREY, anchor="ld")


def _blocks(raw: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    height, width = size
    finer = raw.shape[0] > height or raw.shape[1] > width
    way = Image.Resampling.BOX if finer else Image.Resampling.NEAREST
    return np.asarray(Image.fromarray(raw).resize((width, height), way))


def _percent(chance: float) -> str:
    return f"{100 * chance:.1f} %"
