"""What 8 bits cost of a trained model's accuracy, on pictures that no weight was fitted to.

    python benchmarks/int8.py

Bound: half a percentage point, the budget of `zoo export --int8` by default.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from record import record

from zoo.engine import runtime

TRAININGS = {
    "small-cnn@shapes+linear": ("finetune", 3),
    "resnet18:width=0.25+linear": ("scratch", 6),
}
"""By model: recipe, and epochs of each of its phases."""

PICTURES = 12_000
FORMS = {"int8": "8 bits", "reduce_range": "8 bits, 7 of each weight"}


def main() -> None:
    runtime.start("cpu")
    from zoo.engine import generate

    chosen = sys.argv[1:] or TRAININGS
    found: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        generate.shapes(root / "shapes", count=PICTURES, size=64, seed=1)
        for number, spec in enumerate(chosen):
            found[spec] = compared(root / "shapes", root / str(number), spec)
    rows = [row for spec, report in found.items() for row in _rows(spec, report)]
    report = next(iter(found.values()))
    note = (
        f"Models trained for a few epochs on drawn shapes of 64x64, exported by `zoo export RUN "
        f"--int8`: calibrated with {report['data']['calibration']} pictures of the training, held "
        f"to {report['data']['held_out']:,} others. Points are those of accuracy lost against "
        "float32 on the same pictures; brackets are intervals of 95 %. Agreement is the share of "
        f"pictures with the same answer. The bound is {report['max_drop']:g} points."
    )
    header = (
        *("model", "form", "MB", "accuracy", "points lost", "agreement"),
        *("calibrated by", "left in float32"),
    )
    record("int8", "Accuracy in 8 bits", header, rows, note, reports=found)


def compared(pictures: Path, folder: Path, spec: str) -> dict[str, Any]:
    """Train, export, and give what the export says of its 8-bit models."""
    import zoo

    recipe, epochs = TRAININGS[spec]
    zoo.train(spec, pictures, out=folder / "run", recipe=recipe, epochs=epochs, quiet=True)
    told = zoo.export(folder / "run", folder / "deploy", int8=True)
    report: dict[str, Any] = told["parity"]["int8"]
    print(spec, {form: report[form] for form in ("float32", *FORMS)}, file=sys.stderr)
    return report


def _rows(spec: str, report: dict[str, Any]) -> list[tuple[str, ...]]:
    exact = report["float32"]
    rows = [(spec, "float32", f"{exact['bytes'] / 1e6:.2f}", _accuracy(exact), "", "", "", "")]
    for form, name in FORMS.items():
        each = report[form]
        low, high = each["drop_interval"]
        rows.append(
            (
                spec,
                name,
                f"{each['bytes'] / 1e6:.2f}",
                _accuracy(each),
                f"{each['drop']:.2f} ({low:.2f} to {high:.2f})",
                f"{100 * each['agreement']:.2f} %",
                report["method"],
                ", ".join(report["floating"]) or "the logits",
            )
        )
    return rows


def _accuracy(form: dict[str, Any]) -> str:
    low, high = (100 * end for end in form["interval"])
    return f"{100 * form['accuracy']:.2f} % ({low:.2f} to {high:.2f})"


if __name__ == "__main__":
    main()
