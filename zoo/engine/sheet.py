"""Sheets of pictures for a report or a paper, drawn with Pillow alone.

Sizes are in pixels of the PNG, which is meant for 200 pixels per inch: a sheet of explanations is
then as wide as a page's text.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from zoo import atomic

MARGIN = 48

INK, GREY, ACCENT = "#1a1a1a", "#6b6b6b", "#3a5a80"
TITLE, SMALL, TINY = 34, 20, 15

SYSTEM_FONTS = (
    "NotoSansCJK-Regular.ttc",
    "NotoSans-Regular.ttf",
    "DejaVuSans.ttf",
    "Arial Unicode.ttf",
    "arial.ttf",
)
"""Fonts of Linux, macOS and Windows that hold more than ASCII, tried in this order."""


def contact(
    rows: Sequence[Sequence[np.ndarray]],
    *,
    title: str,
    subtitle: str,
    header: Sequence[str],
    captions: Sequence[Sequence[Sequence[str]]] | None = None,
) -> Image.Image:
    """Draw pictures in a grid.

    Args:
        rows: Pictures of any size, RGB, uint8 [H,W,3].
        title: Line at the top.
        subtitle: Smaller line below it.
        header: Words over each column.
        captions: Lines below each picture; long ones are shortened.

    Returns:
        The sheet, RGB.
    """
    side, gap = 220, 12
    lines = max((len(each) for row in captions or () for each in row), default=0)
    below = lines * (TINY + 5) + 6 if lines else 0
    top = MARGIN + TITLE + 12 + SMALL + 40
    width = 2 * MARGIN + len(header) * (side + gap) - gap
    height = top + SMALL + 14 + len(rows) * (side + gap + below) - gap + MARGIN
    sheet = Image.new("RGB", (width, height), "white")
    pen = ImageDraw.Draw(sheet)
    write(pen, (MARGIN, MARGIN), title, TITLE, room=width - 2 * MARGIN)
    write(pen, (MARGIN, MARGIN + TITLE + 12), subtitle, SMALL, GREY, room=width - 2 * MARGIN)
    for column, words in enumerate(header):
        write(pen, (MARGIN + column * (side + gap), top), words, SMALL, GREY, room=side)
    for row, pictures in enumerate(rows):
        y = top + SMALL + 14 + row * (side + gap + below)
        for column, picture in enumerate(pictures):
            x = MARGIN + column * (side + gap)
            place(sheet, fitted(picture, side), (x, y), side)
            for number, words in enumerate(captions[row][column] if captions else ()):
                at = (x, y + side + 6 + number * (TINY + 5))
                write(pen, at, words, TINY, GREY, room=side)
    return sheet


def histograms(columns: Sequence[tuple[str, np.ndarray, tuple[float, float]]]) -> Image.Image:
    """Draw how often values occur.

    Args:
        columns: Name, values [N], and the smallest and largest that there can be.

    Returns:
        Four histograms in a row, RGB.
    """
    wide, high, gap, across = 420, 110, 24, 4
    rows = -(-len(columns) // across)
    step_x, step_y = wide + gap, high + 2 * SMALL + 36
    sheet = Image.new("RGB", (2 * MARGIN + across * step_x - gap, rows * step_y + MARGIN), "white")
    pen = ImageDraw.Draw(sheet)
    for number, (name, values, (low, high_end)) in enumerate(columns):
        x, y = MARGIN + number % across * step_x, number // across * step_y
        counts, _ = np.histogram(values, bins=42, range=(low, high_end))
        write(pen, (x, y), name, SMALL, room=wide)
        floor = y + SMALL + 12 + high
        for bin, count in enumerate(counts):
            top = floor - round(high * count / counts.max())
            pen.rectangle((x + 10 * bin, top, x + 10 * bin + 8, floor), fill=ACCENT)
        write(pen, (x, floor + 4), f"{low:.3g}", TINY, GREY)
        write(pen, (x + wide, floor + 4), f"{high_end:.3g}", TINY, GREY, anchor="ra")
    return sheet


def stacked(upper: Image.Image, lower: Image.Image) -> Image.Image:
    """Two sheets one above the other, both from the left."""
    size = (max(upper.width, lower.width), upper.height + lower.height)
    sheet = Image.new("RGB", size, "white")
    sheet.paste(upper, (0, 0))
    sheet.paste(lower, (0, upper.height))
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
    with atomic.replacing(path) as beside:
        sheet.save(beside, "PNG", optimize=True, dpi=(200, 200))
    return path


def place(sheet: Image.Image, panel: np.ndarray, at: tuple[int, int], side: int) -> None:
    """Paste a picture into the middle of a square cell.

    Args:
        sheet: Gets it.
        panel: RGB, uint8 [H,W,3].
        at: The cell's top left corner.
        side: The cell's height and width in pixels.
    """
    height, width = panel.shape[:2]
    sheet.paste(Image.fromarray(panel), (at[0] + (side - width) // 2, at[1] + (side - height) // 2))


def write(
    pen: ImageDraw.ImageDraw,
    at: tuple[int, int],
    text: str,
    size: int,
    fill: str = INK,
    *,
    anchor: str = "la",
    room: int | None = None,
) -> None:
    """Write one line, shortened in its middle where it needs more than `room` pixels.

    Args:
        pen: Draws on the sheet.
        at: Place of the anchor in pixels.
        text: One line.
        size: Height of the letters in pixels.
        fill: Colour.
        anchor: Pillow's, such as `la` for left and top.
        room: Width in pixels that there is, or None.
    """
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
