"""A page of many explanations in one HTML file: a slider from picture to map, worst errors first.

Cards wait in a file beside until their order is known, so that memory does not grow with them.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import jinja2
import numpy as np
from markupsafe import Markup
from PIL import Image

from zoo import atomic
from zoo.engine import heatmap
from zoo.engine.explain import Explanation
from zoo.engine.figure import Style
from zoo.engine.sheet import fitted

SIDE = 256
"""Pixels of a picture's longer side on the page."""

STOPS = 9
"""Colours of a bar's gradient."""


class Album:
    """Collects explanations, and writes the page.

        with Album("rose.html", title="runs/flowers") as album:
            album.add([explanation])

    Args:
        path: The page; one that is there is replaced when all is done.
        title: Name of the model.
        style: How maps are coloured. A shared scale is that of each interpreter over the page.
    """

    def __init__(self, path: str | Path, *, title: str, style: Style | None = None) -> None:
        self.path, self.title, self.style = Path(path), title, style or Style()
        self._cards = TemporaryFile()  # noqa: SIM115 - closed on exit
        self._places: list[tuple[float, int, int]] = []
        self._mistakes = 0
        self._labels = False
        self._pages = _environment()

    def __enter__(self) -> Album:
        return self

    def __exit__(self, kind: object, *error: object) -> None:
        with self._cards:
            if kind is None:
                self._write()

    def add(self, rows: Sequence[Explanation], tops: dict[str, float] | None = None) -> None:
        """Add a card: all explanations of one picture.

        Args:
            rows: One for each class and interpreter.
            tops: The value at the top of each interpreter's colour bar, where it is shared.
        """
        first = rows[0]
        picture = fitted(first.picture, SIDE)
        height, width = picture.shape[:2]
        mistake = bool(first.label) and first.label != first.predicted
        card = self._pages.get_template("explain_card.html.jinja").render(
            picture=_data(picture),
            width=width,
            height=height,
            name=first.name,
            predicted=first.predicted,
            probability=float(first.answers.max()),
            mistake=mistake,
            label=first.label,
            label_probability=first.probabilities.get(first.label, 0.0),
            maps=[
                self._map(row, (height, width), (tops or {}).get(row.interpreter)) for row in rows
            ],
        )
        text = card.encode()
        self._labels |= bool(first.label)
        self._mistakes += mistake
        # The least likely true class is the worst error; without labels the order stays.
        worst = first.probabilities[first.label] if first.label else 1.0
        self._places.append((worst, self._cards.tell(), len(text)))
        self._cards.write(text)

    def _map(self, row: Explanation, size: tuple[int, int], top: float | None) -> dict[str, Any]:
        signed = heatmap.is_signed(row.heat)
        top = heatmap.limit(row.heat) if top is None else top
        large = heatmap.enlarge(row.heat, size)
        seen = heatmap.colour(large, top, signed=signed, colours=self.style.colours)
        table = heatmap.table(signed, self.style.colours)
        stops = table[np.linspace(0, 255, STOPS).round().astype(int)].tolist()
        return {
            "picture": _data(seen),
            "colours": ", ".join(f"rgb({red} {green} {blue})" for red, green, blue in stops),
            "ends": [f"-{top:.2g}", "0", f"{top:.2g}"] if signed else ["0", f"{top:.2g}"],
            "target": row.target,
            "probability": row.probability,
            "interpreter": row.interpreter,
            "tap": "" if "tap=" in row.interpreter else row.tap,
            "note": row.note,
        }

    def _write(self) -> None:
        page = self._pages.get_template("explain.html.jinja").stream(
            title=self.title,
            count=len(self._places),
            order="worst errors first" if self._labels else "in the order given",
            scale="one scale for all" if self.style.shared_scale else "each map on its own scale",
            mistakes=self._mistakes,
            alpha=self.style.alpha,
            side=SIDE,
            cards=self._sorted(),
        )
        with atomic.replacing(self.path) as beside, beside.open("wb") as file:
            page.dump(file, encoding="utf-8")

    def _sorted(self) -> Iterator[Markup]:
        for _, start, length in sorted(self._places, key=lambda place: place[0]):
            self._cards.seek(start)
            yield Markup(self._cards.read(length).decode())


def _environment() -> jinja2.Environment:
    pages = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    )
    pages.filters["percent"] = lambda share: f"{100 * share:.1f}\N{NO-BREAK SPACE}%"
    return pages


def _data(pixels: np.ndarray) -> str:
    """A picture as the address of itself."""
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "JPEG", quality=85)
    return f"data:image/jpeg;base64,{base64.b64encode(content.getvalue()).decode()}"
