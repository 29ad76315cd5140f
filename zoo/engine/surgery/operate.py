"""Surgery on a run: the operated model and its certificate in a folder of their own."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo import stored, surgery
from zoo.engine import anatomy, artefact, assemble, folder, machine, picture, report
from zoo.engine import run as runs
from zoo.engine.folder import Sample
from zoo.engine.surgery import certificate as certificates
from zoo.engine.surgery.apply import apply, at
from zoo.engine.surgery.insert import precision
from zoo.engine.surgery.pictures import Pictures
from zoo.errors import DataError, RunError, SurgeryFailure

if TYPE_CHECKING:
    from collections.abc import Sequence

    import keras

    from zoo.engine.run import Run
    from zoo.engine.surgery.certificate import Certificate

CARRIED = ("recipe.toml", "history.csv", "zoo.lock")
"""What an operated run keeps of the one before: how its weights came to be."""

REPEATED = 1e-4
"""How far a figure that promises nothing may move when it is measured again."""


@dataclass(frozen=True)
class Patient:
    """What is operated on, and the pictures for it.

    Args:
        model: The model.
        samples: Pictures to calibrate and check with.
        root: The folder they are in.
        run: The run it comes from, or None for a name or a file.
        name: What the user called it.
    """

    model: keras.Model
    samples: Sequence[Sample]
    root: Path
    run: Run | None
    name: str


def operate(
    target: str | Path,
    step: Any,
    out: str | Path,
    *,
    pictures: str | Path | None = None,
    classes: int | None = None,
) -> Run:
    """Operate on a run, a file or a named model; the result is a new run.

        zoo.operate("runs/flowers", {"do": "dropout", "rate": 0.6}, "runs/wetter")

    Args:
        target: A run folder, a `.keras` file, or a name such as `vgg16@imagenet+dense`.
        step: An operation of `zoo.surgery`, or the plain data of one.
        out: Folder of the new run; must not exist.
        pictures: Folder of pictures to calibrate and check with; a run's training pictures if
            None.
        classes: Outputs of a named model; None for those of its weights, or 1000.

    Returns:
        The new run: `model.keras`, and the certificate in `run.json` under `surgery`.

    Raises:
        SurgeryError: The operation cannot be done to this model.
        SurgeryFailure: It changed what the model says by more than is accepted. Nothing is
            written then.
        DataError: There are no pictures, too few, or they do not vary.
    """
    step = surgery.parse(step) if isinstance(step, dict) else step
    out = runs.check(out)
    patient = admit(target, pictures, classes)
    model, certificate, before = apply(patient.model, step, patient.samples)
    with runs.create(out, _facts(patient, model)) as draft:
        for name in CARRIED:
            if patient.run and (patient.run.path / name).is_file():
                shutil.copy2(patient.run.path / name, draft.path / name)
        artefact.save(model, draft.model)
        checked = Pictures.of(patient.model, patient.samples).checked()
        earlier = draft.facts.get("surgery", [])
        row = record(draft.path, len(earlier) + 1, certificate, before, checked, patient.root)
        report.write(draft.update(surgery=[*earlier, row]), model)
    return runs.open(out)


def admit(target: str | Path, pictures: str | Path | None, classes: int | None = None) -> Patient:
    """Load a model and list its pictures.

    Args:
        target: As `operate`.
        pictures: As `operate`.
        classes: As `operate`.

    Raises:
        DataError: There are no pictures.
        RunError: The run is unfinished or none.
    """
    path = Path(target)
    run = runs.open(path) if stored.is_path(str(target)) and not path.is_file() else None
    if pictures is None and run is None:
        raise DataError(f"{target} does not say which pictures to use", "name a folder: --data DIR")
    root = Path(pictures) if pictures is not None else run.data  # type: ignore[union-attr]
    if not root.exists():
        raise DataError(f"{root} does not exist", "name a folder of pictures: --data DIR")
    if pictures is None and run is not None:
        samples: Sequence[Sample] = folder.read(root, seed=run.seed).split("train")
    else:
        found = picture.find(root)
        samples = [Sample(os.path.relpath(each, root), each, 0, "", 0) for each in found]
    if stored.is_path(str(target)):
        model = artefact.load(target)
    else:
        model = assemble.build(str(target), classes=classes, seed=0)
    return Patient(model, samples, root.absolute(), run, str(target))


def record(
    folder: Path,
    number: int,
    certificate: Certificate,
    before: np.ndarray,
    checked: Pictures,
    root: Path,
    file: str = stored.MODEL,
) -> dict[str, Any]:
    """Put into a run's folder what it takes to measure a certificate again.

    Args:
        folder: The run's folder, which holds the operated model.
        number: Which operation it is, from 1.
        certificate: The certificate.
        before: Logits of the checked pictures before the operation.
        checked: Those pictures.
        root: The folder they are in.
        file: The operated model's file in the run; one that was trained on is kept apart.

    Returns:
        A row of `surgery` in run.json.
    """
    name = f"surgery-{number}.npz"
    np.savez(folder / name, before=before)
    return {
        **certificate.document(),
        "model": file,
        "logits": name,
        "data": {
            "root": str(root),
            "pictures": [sample.id for sample in checked.samples],
            "preprocessing": dict(checked.preprocessing),
        },
    }


def recheck(target: str | Path) -> dict[str, Any]:
    """Measure the last certificate of a run again: on the same pictures, from the model on disk.

    Args:
        target: The run.

    Returns:
        The certificate with `measured`: `largest`, `relative` and `agreement` as they are now.

    Raises:
        RunError: The run was never operated on.
        DataError: The pictures are gone or are others.
        SurgeryFailure: The model's answers are not what the certificate says.
    """
    run = runs.open(target)
    rows = run.facts.get("surgery") or ()
    if not rows:
        raise RunError(
            f"{run.path} was not operated on: there is no certificate to measure again",
            "zoo surgery makes one; zoo verify takes exported folders too",
        )
    row = rows[-1]
    model = artefact.load(run.path / row["model"])
    root = Path(row["data"]["root"])
    samples = [Sample(name, root / name, 0, "", 0) for name in row["data"]["pictures"]]
    gone = [sample.id for sample in samples if not sample.path.is_file()]
    if gone:
        raise DataError(
            f"{len(gone)} of the {len(samples)} pictures are gone from {root}: {gone[0]} ..."
        )
    size = (row["size"][0], row["size"][1])
    pictures = Pictures(tuple(samples), size, row["data"]["preprocessing"])
    if pictures.digest != row["digest"]:
        raise DataError(
            f"the pictures in {root} are not those of the certificate: their digest differs",
            "put the old ones back; another set needs another operation",
        )
    with np.load(run.path / row["logits"], allow_pickle=False) as file:
        before = file["before"]
    asked = at(model, size)
    grey = asked.input.shape[3] == 1
    after = certificates.logits(asked, pictures.batches(certificates.BATCH), grey=grey)
    found = certificates.difference(*certificates.columns(row["kept"], before, after))
    relative = found.largest / (found.scale or 1.0)
    accepted = row["tolerance"] if row["tolerance"] is not None else row["relative"] + REPEATED
    measured = {"largest": found.largest, "relative": relative, "agreement": found.agreement}
    if not relative <= accepted:
        raise SurgeryFailure(
            f"{run.path}: the logits differ by {relative:.2g} of the largest from those before "
            f"{row['step']['do']}, accepted is {accepted:.2g}",
            "the model was changed since; operate again from the original",
        )
    return {"run": str(run.path), **row, "measured": measured}


def _facts(patient: Patient, model: keras.Model) -> dict[str, Any]:
    """What run.json says: all that was so before, and what the operation changed."""
    known = anatomy.of(model)
    if patient.run is not None:
        facts = {key: value for key, value in patient.run.facts.items() if key != "schema"}
    else:
        facts = {
            "recipe": "surgery",
            "policy": None,
            "seed": 0,
            "device": "",
            "data": {"root": str(patient.root), "digest": "", "pictures": {}},
            "timings": {"total": 0.0},
            "load_report": known.load_report,
        }
    return {
        **facts,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "parent": patient.name,
        "spec": known.spec or patient.name,
        "resolved": known.resolved,
        "classes": list(known.classes),
        "input_size": list(known.input_size),
        "preprocessing": {**known.preprocessing, "size": list(known.input_size)},
        "normalization": known.normalization,
        "parameters": model.count_params(),
        "dtype": precision(model),
        "versions": facts.get("versions") or machine.versions(),
    }
