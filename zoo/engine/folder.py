"""Labelled pictures: a folder per class, optionally under train/, val/ and test/; or a CSV.

Reading lists them and looks at the first bytes of each file; nothing is decoded, and neither Keras
nor numpy is imported, so that a wrong folder is answered at once.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from zoo import remote
from zoo.engine import magic, table, tiny_imagenet, tree
from zoo.engine.sample import Sample
from zoo.engine.table import SPLITS
from zoo.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from zoo.engine.tree import Tree

UNREADABLE_LIMIT = 0.01
"""The share of a folder's pictures that may be unreadable; they are named and left out."""

_NAMED = 3


@dataclass(frozen=True)
class ImageFolder:
    """The labelled pictures of a folder, or of a CSV.

    Args:
        root: The folder or the CSV; its name, if it is elsewhere.
        classes: Names in the order of their labels, which is the sorted order.
        samples: Every picture, ordered by split and id.
        unreadable: Reasons by id, of files that should be pictures and are not.
        notes: What the reader decided by itself, one sentence each, for the user to see.
    """

    root: Path | str
    classes: tuple[str, ...]
    samples: tuple[Sample, ...]
    unreadable: Mapping[str, str]
    notes: tuple[str, ...] = ()

    def split(self, name: str) -> tuple[Sample, ...]:
        """Give the samples of one split: "train", "val" or "test"; empty where there is none."""
        return tuple(sample for sample in self.samples if sample.split == name)

    @property
    def counts(self) -> dict[str, int]:
        """Samples by split, of those splits that have any."""
        found = Counter(sample.split for sample in self.samples)
        return {name: found[name] for name in ("train", "val", "test") if found[name]}

    @property
    def digest(self) -> str:
        """The sha256 of every id, label, split and file size in order: the same for equal data."""
        lines = (f"{s.id}\0{s.label}\0{s.split}\0{s.size}\n" for s in self.samples)
        return hashlib.sha256("".join(lines).encode()).hexdigest()


def read(
    root: str | Path,
    *,
    seed: int = 0,
    val: float = 0.15,
    test: float = 0.15,
    limit: float = UNREADABLE_LIMIT,
    elsewhere: bool = False,
) -> ImageFolder:
    """List labelled pictures, and hold out what they do not hold out themselves.

    A folder with train/ is taken as split already, any other as a folder per class; one with
    wnids.txt is Tiny ImageNet; a file is a CSV of path, label and, if one likes, split. Pictures
    may lie deeper inside their class. Hidden files are skipped; so are files that neither are
    pictures nor are called so, and they are named in `notes`. Where val or test is missing, that
    share of each class is held out of train, chosen by a hash of seed and picture name, so that
    adding pictures moves none of the old ones.

    Args:
        root: The folder or the CSV.
        seed: Chooses the pictures that are held out.
        val: Share of train to hold out for validation where there is no such folder; 0 for none.
        test: The same for the test split.
        limit: The share of files that may be no pictures though they should.
        elsewhere: Whether they, or the pictures that a CSV lists, may be elsewhere, as
            s3://bucket/name. A folder there is listed, and its files are told by their names.

    Returns:
        The classes and samples.

    Raises:
        DataError: If there is nothing of that name, it is empty, has one class only, a class
            without pictures or one that train/ lacks, or more unreadable files than
            the limit allows.

    Example:
        >>> folder = read("flowers")           # doctest: +SKIP
        >>> folder.classes, folder.counts      # doctest: +SKIP
        (('daisy', 'rose'), {'train': 70, 'val': 15, 'test': 15})
    """
    notes: list[str] = []
    unreadable: dict[str, str] = {}
    if not elsewhere:
        remote.here(root)
    root = str(root) if remote.is_one(root) else remote.local(root)
    if remote.is_file(root):
        classes, samples = _listed(root, unreadable, notes, elsewhere)
    elif tiny_imagenet.found(pictures := tree.of(root)):
        classes, samples = tiny_imagenet.read(pictures, unreadable, notes)
    else:
        classes, samples = _by_folder(pictures, unreadable, notes)
    _check_unreadable(root, unreadable, len(samples), limit)
    if unreadable:
        notes.append(f"unreadable, left out: {_some(unreadable)}")
    _check_classes(root, classes, samples)
    if any(sample.split == "train" for sample in samples):
        samples = _hold_out(samples, "test", test, seed, notes)
        samples = _hold_out(samples, "val", val, seed, notes)
    order = {"train": 0, "val": 1, "test": 2}
    samples.sort(key=lambda sample: (order[sample.split], sample.id))
    return ImageFolder(root, classes, tuple(samples), unreadable, tuple(notes))


def _listed(
    name: Path | str, unreadable: dict[str, str], notes: list[str], elsewhere: bool
) -> tuple[tuple[str, ...], list[Sample]]:
    """Read a file that lists pictures."""
    if not str(name).lower().endswith(".csv"):
        raise DataError(
            f"{name} is a file; a folder that holds one folder per class is needed",
            hint="or a CSV with the columns path,label,split",
        )
    classes, samples = table.read(name, unreadable, notes, elsewhere)
    if len(classes) < 2:
        which = f"one label, {classes[0]!r}" if classes else "no label"
        raise DataError(f"{name} has {which}; at least two are needed")
    return classes, samples


def _by_folder(
    pictures: Tree, unreadable: dict[str, str], notes: list[str]
) -> tuple[tuple[str, ...], list[Sample]]:
    """Read a folder per class, in splits or not."""
    tops = _tops(pictures, notes)
    classes = _classes(pictures, tops)
    others: list[str] = []
    found = [
        pictures.sample(name, label, split, unreadable, others)
        for split, top in tops
        for label, each in enumerate(classes)
        for name in pictures.files(f"{top}/{each}" if top else each)
    ]
    if others:
        notes.append(f"not pictures, skipped: {_some(others)}")
    return classes, [sample for sample in found if sample is not None]


def _check_classes(root: Path | str, classes: Sequence[str], samples: Sequence[Sample]) -> None:
    """Refuse a class without a picture to train on, or in the only split there is."""
    splits = {sample.split for sample in samples}
    first = next((name for name in ("train", "val", "test") if name in splits), "train")
    empty = sorted(set(range(len(classes))) - {s.label for s in samples if s.split == first})
    if empty:
        several = len(splits) > 1
        named = ", ".join(f"{first}/{classes[i]}" if several else classes[i] for i in empty)
        raise DataError(f"{root}: no picture in {named}", hint="add pictures, or remove the folder")


def _tops(pictures: Tree, notes: list[str]) -> list[tuple[str, str]]:
    """Give the folders whose children are classes, with their splits; training first."""
    root, folders = pictures.root, pictures.folders()
    if not folders:
        raise DataError(
            f"{root} holds no folders; one folder per class is needed",
            hint=f"sort the pictures into {root}/<class>, or {root}/train/<class>",
        )
    splits = [name for name in folders if name.lower() in SPLITS]
    if not (len(splits) == len(folders) or any(name.lower() == "train" for name in splits)):
        return [("train", "")]
    beside = [f"{name}/" for name in folders if name not in splits]
    if beside:
        notes.append(f"beside the splits, not read: {_some(beside)}")
    named = Counter(SPLITS[name.lower()] for name in splits)
    if double := [name for name, count in named.items() if count > 1]:
        which = ", ".join(name for name in splits if SPLITS[name.lower()] in double)
        raise DataError(f"{root} has two folders for one split: {which}", hint="keep one of them")
    tops = [(SPLITS[name.lower()], name) for name in splits]
    return sorted(tops, key=lambda top: ("train", "val", "test").index(top[0]))


def _classes(pictures: Tree, tops: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """Name the classes, which the first split decides."""
    found = {top: pictures.folders(top) for _, top in tops}
    first = tops[0][1]
    where = {top: f"{pictures.root}/{top}" if top else str(pictures.root) for top in found}
    classes = tuple(found[first])
    if len(classes) < 2:
        which = f"one class, {classes[0]!r}" if classes else "no class"
        raise DataError(
            f"{where[first]} holds {which}; at least two classes, a folder each, are needed",
            hint=f"for one kind of thing add a folder of what it is not, {where[first]}/other",
        )
    for top, names in found.items():
        strangers = [name for name in names if name not in classes]
        if strangers:
            raise DataError(
                f"{where[top]} has classes that {where[first]} lacks: {_some(strangers)}",
                hint=f"the classes of {pictures.root} are the folders of {first}/",
            )
    return classes


def _check_unreadable(
    root: Path | str, unreadable: Mapping[str, str], readable: int, limit: float
) -> None:
    """Refuse a folder with too many files that should be pictures and are not."""
    total = readable + len(unreadable)
    if len(unreadable) > limit * total:
        named = _some([f"{id} ({reason})" for id, reason in unreadable.items()])
        raise DataError(
            f"{root}: {len(unreadable)} of {total} pictures cannot be read: {named}",
            hint=f"mend or remove them; read are {magic.accepted()}",
        )


def _hold_out(
    samples: list[Sample], split: str, share: float, seed: int, notes: list[str]
) -> list[Sample]:
    """Move a share of each class's training pictures to a split that is missing."""
    if share <= 0 or any(sample.split == split for sample in samples):
        return samples
    by_class: dict[int, list[Sample]] = {}
    for sample in samples:
        if sample.split == "train":
            by_class.setdefault(sample.label, []).append(sample)
    held: set[str] = set()
    for members in by_class.values():
        # A class of two or three pictures still gives one away, but never its last.
        count = min(max(1, round(share * len(members))), len(members) - 1)
        key = {s.id: hashlib.sha256(f"{seed}\0{split}\0{s.id}".encode()).digest() for s in members}
        held.update(sorted(key, key=key.__getitem__)[:count])
    if held:
        notes.append(
            f"no {split} split: {len(held)} of the training pictures are held out for it, "
            f"{share:.0%} of each class, by seed {seed}"
        )
    return [replace(s, split=split) if s.id in held else s for s in samples]


def _some(names: Iterable[str]) -> str:
    """Name a few, and count the rest."""
    names = list(names)
    rest = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {rest} more" if rest > 0 else "")
