"""Whether data fit a model; needs no Keras, so that a wrong folder is answered at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zoo.engine.folder import ImageFolder, Sample

SPLITS = ("test", "val", "train", "all")


def samples(classes: Sequence[str], pictures: ImageFolder, split: str) -> Sequence[Sample]:
    """The pictures that a model of these classes can be measured on.

    Args:
        classes: What the model's outputs mean, in order.
        pictures: The data.
        split: One of `SPLITS`; "all" takes every picture.

    Returns:
        The samples; their labels are indices into `classes`.

    Raises:
        DataError: The classes differ, or the split is empty or unknown; says how.
    """
    _check_classes(tuple(classes), pictures)
    if split not in SPLITS:
        raise DataError(f"no split called {split!r}", hint=f"splits are {', '.join(SPLITS)}")
    chosen = pictures.samples if split == "all" else pictures.split(split)
    if not chosen:
        there = ", ".join(pictures.counts)
        raise DataError(
            f"{pictures.root} has no pictures in split {split!r}", hint=f"there are: {there}"
        )
    return chosen


def _check_classes(classes: tuple[str, ...], pictures: ImageFolder) -> None:
    if classes == pictures.classes:
        return
    lacking = [name for name in classes if name not in pictures.classes]
    strange = [name for name in pictures.classes if name not in classes]
    told = [f"{pictures.root} lacks {_some(lacking)}"] if lacking else []
    told += [f"the model does not know {_some(strange)}"] if strange else []
    raise DataError(
        f"the classes of model ({len(classes)}) and data ({len(pictures.classes)}) differ: "
        + "; ".join(told or ["their order"]),
        hint=f"give data with one folder for each class of the model: {_some(classes)}",
    )


def _some(names: Sequence[str], limit: int = 5) -> str:
    rest = len(names) - limit
    return ", ".join(names[:limit]) + (f" and {rest} more" if rest > 0 else "")
