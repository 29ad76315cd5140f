"""A picture of an assembled model: one slab a stage, high as its map, wide as its channels."""

from __future__ import annotations

from dataclasses import dataclass
from math import log2
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont

from zoo import atomic
from zoo.engine import anatomy, cost

if TYPE_CHECKING:
    import keras

    from zoo.engine.cost import Row

SCALE = 2
"""Pixels of the file for each unit of the drawing: sharp on a dense screen."""

MARGIN, GAP, TOP, FLOOR, LABELS = 24, 30, 84, 296, 76
PAPER, INK, PALE = "#ffffff", "#1f2430", "#6b7280"
FACES = {
    "image": ("#e5e7eb", "#d1d5db", "#9ca3af"),
    "backbone": ("#bfdbfe", "#93c5fd", "#3b82f6"),
    "head": ("#fed7aa", "#fdba74", "#ea580c"),
}
"""Front, side and outline of a slab."""


@dataclass(frozen=True)
class Slab:
    """One stage as it is drawn.

    Args:
        kind: One of `FACES`.
        shape: Height, width and channels of its last map, or the number of classes.
        labels: The lines under it.
    """

    kind: str
    shape: tuple[int, ...]
    labels: tuple[str, ...]

    @property
    def height(self) -> float:
        """Units of the drawing: a logarithm, for maps of 224 and 7 places to be seen at once."""
        return 14 + 20 * log2(min(max(self.shape[:2]), 224)) if len(self.shape) == 3 else 14

    @property
    def width(self) -> float:
        """Units of the drawing, for the channels."""
        return 6 + 4 * log2(self.shape[-1])

    @property
    def depth(self) -> float:
        """Units of the drawing by which the slab goes into the page."""
        return self.height / 4


def draw(model: keras.Model, path: str | Path) -> Path:
    """Draw the stages of a model from input to probabilities.

    Args:
        model: A model built by zoo.
        path: The PNG file to write; it is written beside and renamed.

    Returns:
        The path.
    """
    path = Path(path)
    facts, costs = anatomy.of(model), cost.of(model)
    height, width = facts.input_size
    slabs = [Slab("image", (height, width, 3), ("image", f"{height}x{width}x3"))]
    slabs += [_slab(row) for row in costs.rows]
    title = facts.spec or model.name
    subtitle = (
        f"{costs.total('parameters'):,} parameters, {costs.total('macs') / 1e9:.2f} GMACs a picture"
    )
    with atomic.replacing(path) as beside:
        _paint(title, subtitle, slabs).save(beside, "PNG")
    return path


def _slab(row: Row) -> Slab:
    head = row.stage == anatomy.HEAD
    size = "x".join(map(str, row.output)) + (" outputs" if head else "")
    count = f"{row.parameters / 1e6:.2f} M" if row.parameters >= 1e5 else f"{row.parameters:,}"
    labels = (row.stage, size, f"{row.layers} layers", f"{count} parameters")
    return Slab("head" if head else "backbone", row.output, labels)


def _paint(title: str, subtitle: str, slabs: list[Slab]) -> Image.Image:
    large, small = ImageFont.load_default(15 * SCALE), ImageFont.load_default(11 * SCALE)
    columns = [
        max(slab.width + slab.depth, *(small.getlength(text) / SCALE for text in slab.labels))
        for slab in slabs
    ]
    heading = max(large.getlength(title), small.getlength(subtitle)) / SCALE
    width = 2 * MARGIN + max(sum(columns) + GAP * (len(slabs) - 1), heading)
    canvas = Image.new("RGB", (round(width * SCALE), (FLOOR + LABELS) * SCALE), PAPER)
    pen = ImageDraw.Draw(canvas)
    pen.text((MARGIN * SCALE, 18 * SCALE), title, fill=INK, font=large)
    pen.text((MARGIN * SCALE, 42 * SCALE), subtitle, fill=PALE, font=small)

    left, axis = float(MARGIN), (TOP + FLOOR) / 2
    for index, (slab, column) in enumerate(zip(slabs, columns, strict=True)):
        centre = left + column / 2
        _paint_slab(pen, slab, centre, axis)
        for line, text in enumerate(slab.labels):
            at = (centre * SCALE, (FLOOR + 4 + 15 * line) * SCALE)
            pen.text(at, text, fill=PALE if line else INK, font=small, anchor="ma")
        left += column + GAP
        if index < len(slabs) - 1:
            _paint_arrow(pen, left - GAP + 9, left - 9, axis)
    return canvas


def _paint_slab(pen: ImageDraw.ImageDraw, slab: Slab, centre: float, axis: float) -> None:
    front, side, outline = FACES[slab.kind]
    left, right = centre - (slab.width + slab.depth) / 2, centre + (slab.width - slab.depth) / 2
    top, bottom = axis - (slab.height - slab.depth) / 2, axis + (slab.height + slab.depth) / 2
    lid = [(left, top), (left + slab.depth, top - slab.depth)]
    lid += [(right + slab.depth, top - slab.depth), (right, top)]
    flank = [(right, top), (right + slab.depth, top - slab.depth)]
    flank += [(right + slab.depth, bottom - slab.depth), (right, bottom)]
    face = [(left, top), (right, top), (right, bottom), (left, bottom)]
    for corners, fill in ((face, front), (lid, PAPER), (flank, side)):
        scaled = [(x * SCALE, y * SCALE) for x, y in corners]
        pen.polygon(scaled, fill=fill, outline=outline, width=SCALE)


def _paint_arrow(pen: ImageDraw.ImageDraw, start: float, end: float, axis: float) -> None:
    start, end, axis = start * SCALE, end * SCALE, axis * SCALE
    pen.line([(start, axis), (end - 3 * SCALE, axis)], fill=PALE, width=SCALE)
    tip = [(end, axis), (end - 5 * SCALE, axis - 3 * SCALE), (end - 5 * SCALE, axis + 3 * SCALE)]
    pen.polygon(tip, fill=PALE)
