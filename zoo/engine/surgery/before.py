"""Operations that a recipe asks for before a phase, in a way that a resumed training repeats."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo import surgery
from zoo.engine import artefact
from zoo.engine.surgery.apply import apply
from zoo.engine.surgery.operate import record
from zoo.engine.surgery.pictures import Pictures

if TYPE_CHECKING:
    from collections.abc import Sequence

    import keras

    from zoo.engine.folder import Sample


def before(
    model: keras.Model,
    steps: Sequence[dict[str, Any]],
    samples: Sequence[Sample],
    *,
    run: Path,
    file: str,
    root: Path,
    earlier: Sequence[dict[str, Any]] = (),
) -> tuple[keras.Model, list[dict[str, Any]]]:
    """Operate on a model that is being trained.

    Args:
        model: The model as the phase before left it.
        steps: The operations, one after another, as plain data.
        samples: Training pictures, to calibrate and check with.
        run: The run's folder.
        file: Where in it the operated model is kept, which `zoo verify` asks; it is trained on
            afterwards, and no longer what it was.
        root: The folder of the pictures.
        earlier: Certificates of the operations before.

    Returns:
        The operated model, and all certificates of the run so far, for `surgery` in run.json.

    Raises:
        SurgeryError: An operation cannot be done to this model.
        SurgeryFailure: It changed what the model says by more than is accepted.
        DataError: The pictures are too few or do not vary.
    """
    rows = list(earlier)
    for step in steps:
        checked = Pictures.of(model, samples).checked()
        model, certificate, logits = apply(model, surgery.parse(step), samples)
        rows.append(record(run, len(rows) + 1, certificate, logits, checked, root, file))
    artefact.save(model, run / file, auxiliary=True)
    return model, rows
