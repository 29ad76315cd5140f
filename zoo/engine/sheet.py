"""Sheets of pictures for a report or a paper, drawn with Pillow alone.

Sizes are in pixels of the PNG, which is meant for 200 pixels per inch: a sheet of explanations is
then as wide as a page's text.
"""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from zoo.engine import heatmap

if TYPE_CHECKING:
    from zoo.engine.explain import Explanation

CELL = 300
GAP = 24
MARGIN = 48
WORDS = 520
BAR = 26

INK, GREY, ACCENT, EMPTY, ALARM = "#1a1a1a", "#6b6b6b", "#3a5a80", "#eeeeee", "#a8322a"
TITLE, SMALL = 34, 20

SYSTEM_FONTS = (
    "NotoSansCJK-Regular.ttc",
    "NotoSans-Regular.ttf",
    "DejaVuSans.ttf",
    "Arial Unicode.ttf",
    "arial.ttf",
)
"""Fonts of Linux, macOS and Windows that hold more than ASCII, tried in this order."""


def explanations(
    rows: Sequence[Explanation], *, title: str, shared_scale: bool = False, shown: int = 3
) -> Image.Image:
    """Draw a sheet of heat maps, a row for each picture.

    A row holds the picture, the map over it, the map as it is, its colour bar, and what the model
    says. Every colour bar starts at 0.

    Args:
        rows: What `explain` returned.
        title: Name of the model.
        shared_scale: One top value for all maps, to compare pictures; else each map's own.
        shown: How many classes have their probability drawn.

    Returns:
        The sheet, RGB.
    """
    first = rows[0]
    scale = "all maps on one scale" if shared_scale else "each map on its own scale"
    grid = "x".join(str(extent) for extent in first.heat.shape)
    at = f" at {first.tap}" if first.tap and "tap=" not in first.interpreter else ""
    subtitle = f"{first.interpreter}{at}, {grid} places, {scale} from 0"

    top = MARGIN + TITLE + 12 + SMALL + 40
    columns = [MARGIN + index * (CELL + GAP) for index in range(3)]
    bar = columns[2] + CELL + 10
    words = bar + BAR + 96
    width = words + WORDS + MARGIN
    height = top + SMALL + 14 + len(rows) * (CELL + GAP) - GAP + MARGIN
    sheet = Image.new("RGB", (width, height), "white")
    pen = ImageDraw.Draw(sheet)
    _write(pen, (MARGIN, MARGIN), title, TITLE, room=width - 2 * MARGIN)
    _write(pen, (MARGIN, MARGIN + TITLE + 12), subtitle, SMALL, GREY, room=width - 2 * MARGIN)
    for at_x, text in zip(
        (*columns, words), ("picture", "map over it", "map", "answer"), strict=True
    ):
        _write(pen, (at_x, top), text, SMALL, GREY)

    highest = max(float(row.heat.max()) for row in rows)
    for index, row in enumerate(rows):
        y = top + SMALL + 14 + index * (CELL + GAP)
        limit = highest if shared_scale else float(row.heat.max())
        picture = fitted(row.picture, CELL)
        size = picture.shape[:2]
        raw = heatmap.colour(row.heat, limit)
        panels = (picture, heatmap.overlay(picture, row.heat, top=limit), _blocks(raw, size))
        for x, panel in zip(columns, panels, strict=True):
            _place(sheet, panel, (x, y), CELL)
        _colour_bar(sheet, pen, (bar, y), limit)
        _verdict(pen, (words, y), row, shown)
    return sheet


def contact(
    rows: Sequence[Sequence[np.ndarray]], *, title: str, subtitle: str, header: Sequence[str]
) -> Image.Image:
    """Draw pictures in a grid.

    Args:
        rows: Pictures of any size, RGB, uint8 [H,W,3].
        title: Line at the top.
        subtitle: Smaller line below it.
        header: Words over each column.

    Returns:
        The sheet, RGB.
    """
    side, gap = 220, 12
    top = MARGIN + TITLE + 12 + SMALL + 40
    width = 2 * MARGIN + len(header) * (side + gap) - gap
    height = top + SMALL + 14 + len(rows) * (side + gap) - gap + MARGIN
    sheet = Image.new("RGB", (width, height), "white")
    pen = ImageDraw.Draw(sheet)
    _write(pen, (MARGIN, MARGIN), title, TITLE, room=width - 2 * MARGIN)
    _write(pen, (MARGIN, MARGIN + TITLE + 12), subtitle, SMALL, GREY, room=width - 2 * MARGIN)
    for column, words in enumerate(header):
        _write(pen, (MARGIN + column * (side + gap), top), words, SMALL, GREY, room=side)
    for row, pictures in enumerate(rows):
        y = top + SMALL + 14 + row * (side + gap)
        for column, picture in enumerate(pictures):
            _place(sheet, fitted(picture, side), (MARGIN + column * (side + gap), y), side)
    return sheet


def fitted(picture: np.ndarray, side: int) -> np.ndarray:
    """Bring a picture into a square cell, keeping its proportions."""
    height, width = picture.shape[:2]
    factor = side / max(height, width)
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    # Enlarged smoothly: blocks of pixels would compete with the blocks of the map.
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS))


def save(sheet: Image.Image, path: str | Path) -> Path:
    """Write a sheet as PNG, beside and renamed."""
    path = Path(path)
    content = io.BytesIO()
    sheet.save(content, "PNG", optimize=True, dpi=(200, 200))
    beside = path.with_name(f".{path.name}.unfinished")
    try:
        beside.write_bytes(content.getvalue())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    return path


def _place(sheet: Image.Image, panel: np.ndarray, at: tuple[int, int], side: int) -> None:
    """Paste a picture into the middle of a square cell."""
    height, width = panel.shape[:2]
    sheet.paste(Image.fromarray(panel), (at[0] + (side - width) // 2, at[1] + (side - height) // 2))


def _verdict(pen: ImageDraw.ImageDraw, at: tuple[int, int], row: Explanation, shown: int) -> None:
    """What the model says of a picture: its class, the class explained, and the likeliest few."""
    x, y = at
    _write(pen, (x, y), row.predicted, TITLE, room=WORDS - 130)
    percent = _percent(row.probabilities[row.predicted])
    _write(pen, (x + WORDS, y), percent, TITLE, anchor="ra")
    lines = [(row.name, GREY)]
    if row.label and row.label != row.predicted:
        lines.append((f"labelled {row.label}", ALARM))
    if row.class_name != row.predicted:
        lines.append((f"explained: {row.class_name}, {_percent(row.probability)}", INK))
    if row.note:
        lines.append((row.note, ALARM))
    y += TITLE + 12
    for line, ink in lines:
        _write(pen, (x, y), line, SMALL, ink, room=WORDS)
        y += SMALL + 8

    likeliest = sorted(row.probabilities, key=row.probabilities.__getitem__, reverse=True)[:shown]
    y = at[1] + CELL - len(likeliest) * 44 + 16
    for name in likeliest:
        chance = row.probabilities[name]
        left, right = x + 190, x + WORDS - 100
        _write(pen, (x, y), name, SMALL, room=180)
        pen.rectangle((left, y + 4, right, y + 18), fill=EMPTY)
        filled = left + round((right - left) * chance)
        if filled > left:
            pen.rectangle((left, y + 4, filled, y + 18), fill=ACCENT)
        _write(pen, (x + WORDS, y), _percent(chance), SMALL, GREY, anchor="ra")
        y += 44


def _colour_bar(
    sheet: Image.Image, pen: ImageDraw.ImageDraw, at: tuple[int, int], limit: float
) -> None:
    x, y = at
    ramp = np.repeat(heatmap.TABLE[::-1][:, None], BAR // 2, axis=1)
    bar = Image.fromarray(ramp).resize((BAR // 2, CELL), Image.Resampling.NEAREST)
    sheet.paste(bar, (x, y))
    _write(pen, (x + BAR // 2 + 8, y), f"{limit:.2g}" if limit else "", SMALL, GREY)
    _write(pen, (x + BAR // 2 + 8, y + CELL), "0", SMALL, GREY, anchor="ld")


def _blocks(raw: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    height, width = size
    return np.asarray(Image.fromarray(raw).resize((width, height), Image.Resampling.NEAREST))


def _percent(chance: float) -> str:
    return f"{100 * chance:.1f} %"


def _write(
    pen: ImageDraw.ImageDraw,
    at: tuple[int, int],
    text: str,
    size: int,
    fill: str = INK,
    *,
    anchor: str = "la",
    room: int | None = None,
) -> None:
    """Write one line, shortened in its middle where it needs more than `room` pixels."""
    font, text = _font_for(text, size)
    keep, whole = len(text), text
    while room is not None and keep > 4 and font.getlength(text) > room:
        keep -= 1
        text = f"{whole[: (keep + 1) // 2]}...{whole[len(whole) - keep // 2 :]}"
    pen.text(at, text, font=font, fill=fill, anchor=anchor)


@cache
def _font_for(text: str, size: int) -> tuple[ImageFont.FreeTypeFont, str]:
    """The font for a text, and the text as far as it can be drawn.

    Pillow brings a font of ASCII letters. Others need one of the system's; where there is none,
    accents are dropped and what is left over becomes a question mark.
    """
    if not text.isascii():
        for name in SYSTEM_FONTS:
            try:
                return ImageFont.truetype(name, size), text
            except OSError:
                continue
        plain = unicodedata.normalize("NFKD", text)
        text = "".join(each for each in plain if not unicodedata.combining(each))
        text = text.encode("ascii", "replace").decode()
    return ImageFont.load_default(size), text
