"""A run is a folder: all that one training made, whole or clearly unfinished."""

from __future__ import annotations

import csv
import json
import os
import shlex
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo import atomic, stored
from zoo.errors import RunError
from zoo.stored import UNFINISHED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SCHEMA = 1
"""Version of run.json; a newer one is refused."""

FACTS = "run.json"


@dataclass(frozen=True)
class Run:
    """One training's folder.

    Args:
        path: The folder.
        facts: What run.json holds: `spec`, `resolved`, `classes`, `input_size`, `preprocessing`,
            `dtype`, `policy`, `recipe`, `seed`, `device`, `data`, `versions`, `timings`.
    """

    path: Path
    facts: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The folder's name, which it bears once it is finished."""
        return self.path.name.removesuffix(UNFINISHED)

    @property
    def spec(self) -> str:
        """The model's canonical name."""
        return str(self.facts["spec"])

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in the order of the outputs."""
        return tuple(self.facts["classes"])

    @property
    def input_size(self) -> tuple[int, int]:
        """Height and width of the model's input."""
        height, width = self.facts["input_size"]
        return height, width

    @property
    def preprocessing(self) -> dict[str, Any]:
        """How a picture becomes an input."""
        return dict(self.facts.get("preprocessing", {}))

    @property
    def seed(self) -> int:
        """Seed of initial weights, data split, order and augmentation."""
        return int(self.facts["seed"])

    @property
    def data(self) -> Path:
        """The folder of pictures that it was trained on."""
        return Path(self.facts["data"]["root"])

    @property
    def model(self) -> Path:
        """The trained model's file."""
        return self.path / "model.keras"

    @property
    def checkpoints(self) -> Path:
        """The folder of the best weights of each phase."""
        return self.path / "checkpoints"

    @property
    def metrics(self) -> dict[str, Any] | None:
        """What metrics.json holds, or None before the model was scored."""
        path = self.path / "metrics.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None

    @property
    def measured_on(self) -> Path:
        """The folder of pictures that metrics.json and predictions.csv are about."""
        return Path((self.metrics or {}).get("data", self.data))

    def history(self) -> list[dict[str, Any]]:
        """Read history.csv: a row per epoch, `phase` as text, all else as numbers; [] without."""
        if not (self.path / "history.csv").is_file():
            return []
        with (self.path / "history.csv").open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        return [{k: _number(v) if k != "phase" else v for k, v in row.items()} for row in rows]

    def write(self, name: str, content: str | Mapping[str, Any]) -> Path:
        """Write one of the folder's files beside its name and rename it.

        Args:
            name: File name, such as "metrics.json".
            content: Text, or plain data for JSON.

        Returns:
            The file.
        """
        if not isinstance(content, str):
            content = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        path = self.path / name
        with atomic.replacing(path) as beside:
            beside.write_text(content, encoding="utf-8")
        return path

    def update(self, **facts: Any) -> Run:
        """Write run.json anew with some facts changed, and give the run that has them."""
        changed = Run(self.path, {**self.facts, **facts})
        changed.write(FACTS, changed.facts)
        return changed


def open(path: str | Path) -> Run:
    """Open a finished run.

    Args:
        path: The run's folder.

    Returns:
        The run with its facts.

    Raises:
        RunError: If the folder is missing, unfinished, no run, or of a newer zoo.
    """
    path = Path(path)
    stored.refuse_unfinished(path)
    if not path.exists():
        raise RunError(f"no run {path}", hint="zoo train MODEL DATA --out DIR makes one")
    if not path.is_dir() or not (path / FACTS).is_file():
        raise RunError(f"{path} is no run: it holds no {FACTS}", hint="give a training's folder")
    return _read(path)


def _read(path: Path) -> Run:
    """Read what run.json holds."""
    try:
        facts = json.loads((path / FACTS).read_text(encoding="utf-8"))
        schema = facts["schema"]
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise RunError(f"{path / FACTS} cannot be read: {error}") from None
    if schema != SCHEMA:
        raise RunError(
            f"{path} was written in schema {schema}; this zoo reads {SCHEMA}", hint="upgrade zoo"
        )
    return Run(path, facts)


def check(out: str | Path) -> Path:
    """Refuse an output folder that is in use, before any work is done.

    Args:
        out: Folder of the run to be.

    Returns:
        The folder as a path.

    Raises:
        RunError: If it exists, if an unfinished run of that name does, or if it cannot be made.
    """
    out = Path(out)
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        what = "a finished run" if (out / FACTS).is_file() else "in use"
        raise RunError(f"{out} is {what}", hint="choose another --out, or remove it")
    unfinished = out.with_name(out.name + UNFINISHED)
    if unfinished.exists():
        raise RunError(
            f"{unfinished} is left from a training that did not finish",
            hint=f"zoo train --resume {shlex.quote(str(out))} goes on with it; or choose another "
            "--out, or remove it",
        )
    parent = next(folder for folder in out.absolute().parents if folder.exists())
    if not parent.is_dir() or not os.access(parent, os.W_OK):
        raise RunError(f"{out} cannot be made: {parent} is not a folder one can write to")
    return out


@contextmanager
def create(
    out: str | Path, facts: Mapping[str, Any], texts: Mapping[str, str] | None = None
) -> Iterator[Run]:
    """Fill a run's folder; it bears its name only when all of it is there.

    What an error or Ctrl-C cuts short stays as `<out>.unfinished` if a checkpoint was reached,
    and vanishes if not.

    Args:
        out: Folder of the run to be.
        facts: What is known at the start, for run.json.
        texts: Further files by name. They are there before run.json, which says that the run has
            begun: what a process was killed over can be gone on with, or is seen to hold nothing.

    Yields:
        The run in its unfinished folder.

    Raises:
        RunError: As `check`.
    """
    out = check(out)
    folder = out.with_name(out.name + UNFINISHED)
    draft = Run(folder, {"schema": SCHEMA, **facts})
    draft.checkpoints.mkdir(parents=True)
    try:
        with _alone(draft):
            for name, text in (texts or {}).items():
                draft.write(name, text)
            draft.write(FACTS, draft.facts)
            yield draft
            _finish(draft, out)
    except BaseException:
        discard(folder)
        raise


def discard(folder: Path) -> None:
    """Remove the folder of an unfinished run, if there is one and it reached no checkpoint."""
    if folder.exists() and not any(Run(folder, {}).checkpoints.glob("[!.]*")):
        shutil.rmtree(folder)


def unfinished(path: str | Path) -> Run:
    """Open a run that did not finish, to go on with it.

    Args:
        path: The folder that the run was to have, or the unfinished one itself.

    Returns:
        The run in its unfinished folder.

    Raises:
        RunError: If there is none, or what it reached cannot be read.
    """
    path = Path(path)
    whole = path.with_name(path.name.removesuffix(UNFINISHED))
    folder = path.with_name(whole.name + UNFINISHED)
    if not folder.exists():
        if (whole / FACTS).is_file():
            raise RunError(f"the run {whole} is finished already", hint="nothing is left to do")
        raise RunError(
            f"no unfinished run {whole}", hint="zoo train MODEL DATA --out DIR begins one"
        )
    if not (folder / FACTS).is_file():
        raise RunError(
            f"{folder} holds nothing to go on from: the training had not begun",
            hint="remove it and train again",
        )
    return _read(folder)


@contextmanager
def reopened(draft: Run) -> Iterator[Run]:
    """Go on filling the folder of a run that `unfinished` gave; it bears its name when whole.

    Args:
        draft: The run in its unfinished folder.

    Yields:
        The same.

    Raises:
        RunError: If another process is at it.
    """
    with _alone(draft):
        yield draft
        _finish(draft, draft.path.with_name(draft.name))


@contextmanager
def aside(facts: Mapping[str, Any], checkpoints: Path | None = None) -> Iterator[Run]:
    """Give a worker that is not to write the run a folder of its own, which vanishes.

    Args:
        facts: As for `create`.
        checkpoints: Where the run stood, if it goes on.

    Yields:
        A run that nobody else sees.
    """
    with tempfile.TemporaryDirectory(prefix="zoo-worker-") as folder:
        draft = Run(Path(folder) / "run", {"schema": SCHEMA, **facts})
        draft.checkpoints.mkdir(parents=True)
        for file in checkpoints.glob("[!.]*") if checkpoints else ():
            # What it writes itself is renamed to there, and does not go through the link.
            (draft.checkpoints / file.name).symlink_to(file.absolute())
        yield draft


@contextmanager
def _alone(draft: Run) -> Iterator[None]:
    """Keep other processes from going on with a run that one is at; the system ends it with them.

    Raises:
        RunError: If another process has it.
    """
    try:
        import fcntl
    except ImportError:  # Windows has no such module.
        yield
        return
    folder = os.open(draft.path, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RunError(
                f"another process is at {draft.path}", hint="wait for it, or end it first"
            ) from None
        yield
    finally:
        os.close(folder)


def _finish(draft: Run, out: Path) -> None:
    """Give a folder its name, now that all of it is there."""
    if out.exists():
        out.rmdir()
    draft.path.rename(out)


def _number(text: str) -> float | int | None:
    """Read a cell of history.csv."""
    if text == "":
        return None
    value = float(text)
    return int(value) if value.is_integer() and "." not in text and "e" not in text else value
