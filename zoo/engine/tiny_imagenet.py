"""The layout of Tiny ImageNet: 200 classes of 64x64 pictures, a level deeper than others.

wnids.txt                      the classes
train/<wnid>/images/*.JPEG     500 each
val/images/*.JPEG              labelled by val/val_annotations.txt: file, wnid, box
test/images/*.JPEG             without labels
"""

from __future__ import annotations

from pathlib import Path

from zoo.engine.sample import Sample, look
from zoo.errors import DataError

WNIDS = "wnids.txt"
ANNOTATIONS = "val_annotations.txt"


def found(root: Path) -> bool:
    """Whether a folder has this layout."""
    return (root / WNIDS).is_file() and (root / "train").is_dir()


def read(
    root: Path, unreadable: dict[str, str], notes: list[str]
) -> tuple[tuple[str, ...], list[Sample]]:
    """Read the folder.

    Its val/ is the test split here, as in most figures told of it: the pictures of test/ have no
    labels. Validation is then held out of train.

    Args:
        root: The folder.
        unreadable: Gets the reason, by name, of a file that should be a picture and is not.
        notes: Gets what was decided.

    Returns:
        The classes, sorted by name, and the samples of train and test.

    Raises:
        DataError: If a listed class has no folder, or an annotation cannot be read.
    """
    classes = tuple(sorted((root / WNIDS).read_text(encoding="utf-8").split()))
    numbers = {name: number for number, name in enumerate(classes)}
    others: list[str] = []
    samples: list[Sample] = []
    for name, number in numbers.items():
        folder = root / "train" / name / "images"
        if not folder.is_dir():
            raise DataError(
                f"{root / WNIDS} names the class {name}, and there is no {folder}",
                hint="unpack the archive again",
            )
        for path in sorted(folder.iterdir()):
            id = path.relative_to(root).as_posix()
            samples.append(look(path, id, number, "train", unreadable, others))  # type: ignore[arg-type]
    for path, name in _annotations(root):
        if name not in numbers:
            raise DataError(f"{path}: its class {name} is not in {root / WNIDS}")
        id = path.relative_to(root).as_posix()
        samples.append(look(path, id, numbers[name], "test", unreadable, others))  # type: ignore[arg-type]
    notes.append("Tiny ImageNet: its val/ is the test split; its own test/ has no labels")
    return classes, [sample for sample in samples if sample is not None]


def _annotations(root: Path) -> list[tuple[Path, str]]:
    """Files of val/ and their classes."""
    table = root / "val" / ANNOTATIONS
    if not table.is_file():
        return []
    rows = []
    for line, text in enumerate(table.read_text(encoding="utf-8").splitlines(), 1):
        cells = text.split("\t")
        if len(cells) < 2:
            raise DataError(f"{table}, line {line}: expected file, class and box between tabs")
        rows.append((root / "val" / "images" / cells[0], cells[1]))
    return rows
