"""An export as a work: from the model in memory to an ONNX file that is proven equal."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.engine.bench.program import Work
from zoo.engine.bench.subjects import model as models
from zoo.engine.export import export

if TYPE_CHECKING:
    import keras

    from zoo.benchmark.case import Case


def load(case: Case) -> keras.Model | None:
    """The model that is exported."""
    return models.load(case)


def work(case: Case, model: keras.Model) -> Work:
    """One export: it fills a cache of its own, so a second one would be another measurement."""
    figures: dict[str, float] = {}

    def launch() -> Any:
        with tempfile.TemporaryDirectory(prefix="zoo-bench-") as name:
            out = Path(name, "onnx")
            facts = export(model, out)
            parity = facts["parity"]
            figures.update(
                file_bytes=float((out / "model.onnx").stat().st_size),
                max_difference=float(parity["max_difference"]),
                top1_agreement=float(parity["top1_agreement"]),
            )
            shutil.rmtree(out)

    return Work(
        launch=launch,
        count=1,
        model=models.facts(case, model),
        figures=lambda: figures,
        repeats=False,
    )
