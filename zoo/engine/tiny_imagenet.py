"""The layout of Tiny ImageNet: 200 classes of 64x64 pictures, a level deeper than others.

wnids.txt                      the classes
train/<wnid>/images/*.JPEG     500 each
val/images/*.JPEG              labelled by val/val_annotations.txt: file, wnid, box
test/images/*.JPEG             without labels
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from zoo.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zoo.engine.sample import Sample
    from zoo.engine.tree import Tree

WNIDS = "wnids.txt"
ANNOTATIONS = "val/val_annotations.txt"


def found(pictures: Tree) -> bool:
    """Whether a folder has this layout."""
    return pictures.text(WNIDS) is not None and "train" in pictures.folders()


def read(
    pictures: Tree, unreadable: dict[str, str], notes: list[str]
) -> tuple[tuple[str, ...], list[Sample]]:
    """Read the folder.

    Its val/ is the test split here, as in most figures told of it: the pictures of test/ have no
    labels. Validation is then held out of train.

    Args:
        pictures: The folder.
        unreadable: Gets the reason, by name, of a file that should be a picture and is not.
        notes: Gets what was decided.

    Returns:
        The classes, sorted by name, and the samples of train and test.

    Raises:
        DataError: If a listed class has no pictures, or an annotation cannot be read.
    """
    classes = tuple(sorted((pictures.text(WNIDS) or "").split()))
    numbers = {name: number for number, name in enumerate(classes)}
    named = itertools.chain(_trained(pictures, classes), _annotated(pictures, numbers))
    others: list[str] = []
    samples = [
        pictures.sample(file, numbers[name], split, unreadable, others)
        for file, name, split in named
    ]
    notes.append("Tiny ImageNet: its val/ is the test split; its own test/ has no labels")
    return classes, [sample for sample in samples if sample is not None]


def _trained(pictures: Tree, classes: tuple[str, ...]) -> Iterator[tuple[str, str, str]]:
    """Files of train/, their classes and split."""
    for name in classes:
        folder = f"train/{name}/images"
        files = list(pictures.files(folder))
        if not files:
            raise DataError(
                f"{pictures.root}/{WNIDS} names the class {name}, and there is nothing in "
                f"{pictures.root}/{folder}",
                hint="unpack the archive again",
            )
        yield from ((file, name, "train") for file in files)


def _annotated(pictures: Tree, classes: dict[str, int]) -> Iterator[tuple[str, str, str]]:
    """Files of val/, their classes and split."""
    table = f"{pictures.root}/{ANNOTATIONS}"
    for line, text in enumerate((pictures.text(ANNOTATIONS) or "").splitlines(), 1):
        file, *rest = text.split("\t")
        if not rest:
            raise DataError(f"{table}, line {line}: expected file, class and box between tabs")
        if rest[0] not in classes:
            raise DataError(
                f"{table}, line {line}: the class {rest[0]} is not in {pictures.root}/{WNIDS}"
            )
        yield f"val/images/{file}", rest[0], "test"
