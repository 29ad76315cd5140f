"""A result as one HTML file: the table, throughput against batch, latencies, the roofline."""

from __future__ import annotations

from html import escape

from zoo.benchmark import table
from zoo.benchmark.document import Document, Row
from zoo.benchmark.plot import Series, axis, draw

STYLE = """
:root { color-scheme: light dark;
  --ink: #1b1f24; --paper: #fff; --quiet: #59636e; --rule: #d9dde3; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8eaed; --paper: #14171b; --quiet: #9aa4af; --rule: #333a43; }
}
body { max-width: 70rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; color: var(--ink);
  background: var(--paper); font: 1rem/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .6rem; border-bottom: 1px solid var(--rule); text-align: left; }
th { color: var(--quiet); font-weight: 500; }
.number { text-align: right; }
.plots { display: grid; gap: 1.5rem;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 30rem), 1fr)); }
figure { margin: 0; }
figcaption, small, .quiet, .legend { color: var(--quiet); }
svg { width: 100%; height: auto; }
svg text { fill: var(--quiet); font: 13px system-ui, sans-serif; }
svg .end { text-anchor: end; }
svg .middle { text-anchor: middle; }
svg polyline { fill: none; stroke-width: 2.5; stroke-linejoin: round; }
svg .grid { stroke: var(--rule); }
.legend span { margin-right: 1.25rem; white-space: nowrap; }
.legend i { display: inline-block; width: 1rem; height: .2rem; margin-right: .4rem;
  vertical-align: middle; }
"""
DRAWN = 24
"""More distributions than this are no picture."""


def render(document: Document) -> str:
    """The page, which needs nothing from elsewhere.

    Args:
        document: The result.
    """
    header, lines = table.cells(document.rows)
    numbers = table.right(header)

    def row(cells: list[str], tag: str) -> str:
        inner = "".join(
            f"<{tag}{' class=number' if index in numbers else ''}>{escape(cell)}</{tag}>"
            for index, cell in enumerate(cells)
        )
        return f"<tr>{inner}</tr>"

    body = "".join(row(line, "td") for line in lines)
    remarks = "".join(f"<li>{escape(each)}</li>" for each in table.remarks(document.rows))
    measured = [each for each in document.rows if each.images_per_second]
    plots = [_throughput(measured), _latencies(measured), *_rooflines(document)]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>zoo bench</title><style>{STYLE}</style></head><body>\n"
        f"<h1>zoo bench</h1>\n<p class=quiet>{escape(table.machine(document))}</p>\n"
        f"<div class=wide><table><thead>{row(header, 'th')}</thead>"
        f"<tbody>{body}</tbody></table></div>\n"
        f"<ul>{remarks}</ul>\n"
        f"<div class=plots>{''.join(plot for plot in plots if plot)}</div>\n</body></html>\n"
    )


def _throughput(rows: list[Row]) -> str:
    """Throughput against batch, for configurations measured at several."""
    lines: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        name = ", ".join(table.configuration(row, rows)) or row.name
        lines.setdefault(name, []).append((row.case.batch_size, row.images_per_second or 0.0))
    series = [Series(name, tuple(sorted(points))) for name, points in lines.items()]
    if not any(len(each.points) > 1 for each in series):
        return ""
    points = [point for each in series for point in each.points]
    return draw(
        "Throughput",
        series,
        axis("batch", [x for x, _ in points], 2),
        axis(f"{rows[0].case.unit} a second", [y for _, y in points], zero=True),
    )


def _latencies(rows: list[Row]) -> str:
    """The share of steps that take no longer than a time."""
    series = []
    for row in rows[:DRAWN]:
        assert row.step_seconds is not None
        points = tuple(
            (1000 * seconds, 5.0 * index)
            for index, seconds in enumerate(row.step_seconds.quantiles)
            if seconds > 0
        )
        if points:
            series.append(Series(table.label(row, rows), points))
    if not series:
        return ""
    times = [x for each in series for x, _ in each.points]
    return draw(
        "Latency", series, axis("ms a step", times, 10), axis("% of steps", [0.0, 100.0], zero=True)
    )


def _rooflines(document: Document) -> list[str]:
    """What was achieved, below what the device can: one plot a backend and precision."""
    plots = []
    for peak in document.peaks:
        rows = [row for row in document.rows if peak.holds_for(row.case) and row.gflops_per_second]
        points = [
            Series(
                table.label(row, rows),
                ((row.intensity, row.gflops_per_second or 0.0),),
                joined=False,
            )
            for row in rows
            if row.intensity
        ]
        if not points:
            continue
        ridge = peak.gemm_gflops / peak.copy_gbytes
        places = [each.points[0][0] for each in points]
        low, high = min(*places, ridge) / 2, max(*places, ridge) * 2
        roof = Series(
            "what the device can",
            ((low, low * peak.copy_gbytes), (ridge, peak.gemm_gflops), (high, peak.gemm_gflops)),
            dashed=True,
        )
        series = [*points, roof]
        plots.append(
            draw(
                f"Roofline, {peak.backend}, {peak.precision}",
                series,
                axis("operations a byte", [low, high], 10),
                axis("GFLOP/s", [y for each in series for _, y in each.points], 10),
            )
        )
    return plots
