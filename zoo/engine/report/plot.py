"""Charts as SVG that takes the colours of the page it stands in, light or dark."""

from __future__ import annotations

import html
import io
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import matplotlib
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, QUIET, RULE, FIRST, SECOND = ("#010101", "#020202", "#030303", "#040404", "#050505")
"""Stand-ins that no drawing has by itself; each becomes a variable of the page's style."""

VARIABLES = {
    INK: "var(--ink)",
    QUIET: "var(--quiet)",
    RULE: "var(--rule)",
    FIRST: "var(--validation)",
    SECOND: "var(--training)",
}

STYLE = {
    "svg.fonttype": "none",  # text stays text: it is read aloud, searched and themed
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": QUIET,
    "axes.labelcolor": QUIET,
    "axes.edgecolor": RULE,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.spines.left": False,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "grid.color": RULE,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "legend.frameon": False,
    "lines.linewidth": 2,
    "lines.solid_capstyle": "round",
}

SIZE = (4.4, 2.7)
"""Inches at 72 points: a phone's width, so that text is not shrunk there."""


def curves(
    title: str, series: Mapping[str, Sequence[float | None]], phases: Sequence[str]
) -> str | None:
    """Draw values over epochs, each phase of the training marked.

    Args:
        title: What is drawn.
        series: Values per epoch by name; None and NaN leave a gap.
        phases: The phase of each epoch.

    Returns:
        The SVG, or None if there is no finite value to show.
    """
    clean = {
        name: [v if v is not None and math.isfinite(v) else math.nan for v in values]
        for name, values in series.items()
    }
    if not any(math.isfinite(v) for values in clean.values() for v in values):
        return None
    epochs = range(1, len(phases) + 1)
    with _drawing(title) as (axes, finish):
        for (name, values), colour, dash in zip(
            clean.items(), (SECOND, FIRST), ("--", "-"), strict=False
        ):
            axes.plot(epochs, values, dash, color=colour, label=name, marker="o", markersize=3)
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.set_xlim(epochs[0] - 0.5, epochs[-1] + 0.5)
        starts = [i for i in epochs if i == 1 or phases[i - 1] != phases[i - 2]]
        for start in starts if len(starts) > 1 else ():
            if start > 1:
                axes.axvline(start - 0.5, color=RULE, linewidth=1)
            axes.annotate(
                phases[start - 1], (start - 0.5, 1.02), xycoords=("data", "axes fraction"),
                fontsize=9, color=QUIET,
            )  # fmt: skip
        axes.legend(loc="best", labelcolor=INK)
        return finish(_ends(clean))


def reliability(calibration: Mapping[str, Any]) -> str:
    """Draw accuracy against confidence, beside the line of a model that knows how sure it is."""
    with _drawing("Confidence and accuracy") as (axes, finish):
        axes.plot((0, 1), (0, 1), ":", color=QUIET, linewidth=1)
        told = {"as it is": (calibration, FIRST)}
        if softened := calibration.get("softened"):
            told[f"at temperature {softened['temperature']:.2f}"] = (softened, SECOND)
        for name, (facts, colour) in told.items():
            rows = facts["bins"]
            sure, right = ([row[key] for row in rows] for key in ("confidence", "accuracy"))
            dash = "-" if facts is calibration else "--"
            axes.plot(sure, right, dash, color=colour, marker="o", markersize=3, label=name)
        _shares(axes, "confidence", "accuracy")
        axes.legend(loc="best", labelcolor=INK)
        return finish(f"expected calibration error {100 * calibration['ece']:.1f} points")


def risk_coverage(facts: Mapping[str, Any]) -> str:
    """Draw the accuracy on the pictures that the model is surest about, against their share."""
    with _drawing("Accuracy where it is surest") as (axes, finish):
        axes.plot(facts["coverage"], facts["accuracy"], color=FIRST)
        axes.set_xlim(0, 1)
        axes.set_ylim(min(*facts["accuracy"], 0.98) - 0.02, 1.005)
        _shares(axes, "share of pictures answered", "accuracy")
        return finish(f"{100 * facts['accuracy'][-1]:.1f} % when all are answered")


def roc(facts: Mapping[str, Any]) -> str:
    """Draw the receiver operating characteristic."""
    with _drawing("ROC") as (axes, finish):
        axes.plot((0, 1), (0, 1), ":", color=QUIET, linewidth=1)
        axes.plot(facts["false_positive"], facts["true_positive"], color=FIRST)
        _shares(axes, "false positives", "true positives")
        return finish(f"area under the curve {facts['auc']:.3f}")


def precision_recall(facts: Mapping[str, Any]) -> str:
    """Draw precision against recall."""
    with _drawing("Precision and recall") as (axes, finish):
        axes.plot(facts["recall"], facts["precision"], color=FIRST)
        axes.set_ylim(0, 1.02)
        _shares(axes, "recall", "precision")
        return finish(f"average precision {facts['average_precision']:.3f}")


def _shares(axes: Axes, across: str, up: str) -> None:
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1, decimals=None, symbol=" %"))


def _ends(series: Mapping[str, Sequence[float]]) -> str:
    """Where each line ends, for those who hear the chart."""
    last = {name: [v for v in values if math.isfinite(v)] for name, values in series.items()}
    return ", ".join(f"{name} ends at {values[-1]:.4g}" for name, values in last.items() if values)


@contextmanager
def _drawing(title: str) -> Iterator[tuple[Axes, Callable[[str], str]]]:
    """An empty chart, and what turns it into the page's SVG with a sentence that says it."""
    name = re.sub(r"\W+", "-", title.lower())
    with matplotlib.rc_context({**STYLE, "svg.hashsalt": name}):
        figure = Figure(figsize=SIZE, layout="constrained")

        def finish(told: str) -> str:
            file = io.StringIO()
            figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
            return _themed(file.getvalue(), name, f"{title}: {told}" if told else title)

        yield figure.add_subplot(), finish


def _themed(text: str, name: str, label: str) -> str:
    """The drawing alone, its colours those of the page, its ids its own."""
    svg = text[text.index("<svg") :]
    for stand_in, variable in VARIABLES.items():
        svg = svg.replace(stand_in, variable)
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<!--.*?-->", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\b(id="|href="#|url\(#)', rf"\g<1>{name}-", svg)
    svg = svg.replace('xlink:href="', 'href="')
    svg = re.sub(r' xmlns(:xlink)?="[^"]*"| version="[^"]*"', "", svg)
    svg = re.sub(
        r' width="[\d.]+pt" height="[\d.]+pt"| (?:width|height)="[\d.]+pt"', "", svg, count=2
    )
    svg = re.sub(r"\n\s*", "\n", svg).strip()
    return svg.replace("<svg", f'<svg role="img" aria-label="{html.escape(label)}"', 1)
