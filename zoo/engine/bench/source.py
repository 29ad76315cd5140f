"""Where the pictures of a step come from, from the device itself to a folder of JPEG files."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from zoo.engine.folder import Sample
from zoo.errors import BenchError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from zoo.benchmark.case import Case
    from zoo.engine.bench.program import Program

JPEG = (375, 500)
"""Height and width of the pictures that are made: about the median of ImageNet."""
QUALITY = 90
MADE = 64
"""How many are made."""


def pictures(shape: tuple[int, ...], dtype: str) -> np.ndarray:
    """Random pictures 0..255 of a shape, the same every time."""
    return np.random.default_rng(0).integers(0, 256, shape, dtype="uint8").astype(dtype)


def labels(count: int, classes: int) -> np.ndarray:
    """Random labels, int64 [count], the same every time."""
    return np.random.default_rng(0).integers(0, max(classes, 2), count)


def dtype(case: Case) -> str:
    """Type of the pictures that a case's source gives."""
    return "float32" if case.policy and case.source in ("cache", "folder") else "uint8"


def of(
    case: Case,
    program: Program,
    shape: tuple[int, ...],
    classes: int,
    preprocessing: Mapping[str, Any],
) -> Callable[[], tuple[Any, Any]]:
    """What gives the next pictures and labels of a case, ready for its program.

    Args:
        case: The configuration.
        program: Takes them.
        shape: Of a batch, [N,H,W,3].
        classes: Labels are below it.
        preprocessing: How files become pictures.

    Raises:
        BenchError: The folder holds no pictures.
    """
    images, truth = pictures(shape, dtype(case)), labels(shape[0], classes)
    if case.source == "device":
        resident = program.put(images), program.put(truth)
        return lambda: resident
    if case.source == "host":
        return lambda: (program.put(images), program.put(truth))
    samples = _samples(case, classes)
    given = batches(
        samples * -(-shape[0] // len(samples)),  # a compiled step takes whole batches only
        shape[1:3],
        shape[0],
        policy=case.policy,
        keep=case.source == "cache",
        classes=classes,
        preprocessing=preprocessing,
    )
    if case.backend == "tensorflow":
        return lambda: next(given)

    def copied() -> tuple[Any, Any]:
        some, marks = next(given)
        return program.put(some.numpy()), program.put(marks.numpy())

    return copied


def transforms(text: str | None) -> list[Any]:
    """What a policy is made of, empty for none."""
    from zoo import policy as policies
    from zoo import registry

    return list(policies.transforms(text, registry.load())) if text else []


def batches(
    samples: Sequence[Sample],
    size: tuple[int, int],
    batch_size: int,
    *,
    policy: str | None,
    keep: bool,
    classes: int = 2,
    preprocessing: Mapping[str, Any] | None = None,
) -> Iterator[Any]:
    """Batches as training has them, without end and all of one size.

    Args:
        samples: The pictures, as many as batches hold, or more.
        size: Height and width.
        batch_size: Pictures in a batch.
        policy: Augmentation on the way; None for none.
        keep: Keep the pictures decoded.
        classes: Labels are below it.
        preprocessing: How files become pictures; as by default for None.
    """
    from zoo.engine import augment, data, picture

    plan = augment.for_training(transforms(policy), size)
    found = data.batches(
        samples[: len(samples) // batch_size * batch_size],
        size,
        batch_size,
        shuffle=0,
        epochs=None,
        policy=plan and partial(plan.batch, classes=classes),
        cache_bytes=data.CACHE_BYTES if keep else 0,
        preprocessing=preprocessing or picture.DESCRIPTION,
    )
    return iter(found.map(_of_one_class))


def _of_one_class(images: Any, labels: Any) -> tuple[Any, Any]:
    """Labels as integers: the compiled step takes them so, whatever a policy has mixed."""
    import tensorflow as tf

    return images, tf.argmax(labels, axis=-1) if labels.dtype.is_floating else labels


def made(folder: Path, count: int = MADE) -> list[Path]:
    """Write JPEG files cut from two photographs, each another piece.

    Args:
        folder: Where to.
        count: How many.
    """
    from zoo.engine.export import probes

    whole = [Image.fromarray(pixels) for pixels in probes.photographs((427, 640))]
    chance = np.random.default_rng(0)
    height, width = JPEG
    paths = []
    for number in range(count):
        top, left = (int(chance.integers(0, room + 1)) for room in (427 - height, 640 - width))
        piece = whole[number % len(whole)].crop((left, top, left + width, top + height))
        paths.append(folder / f"{number:04}.jpg")
        piece.save(paths[-1], quality=QUALITY)
    return paths


def _samples(case: Case, classes: int) -> list[Sample]:
    from zoo.engine import picture

    if case.data is None:
        # Kept until the process ends, which is when the measurement does.
        folder = tempfile.TemporaryDirectory(prefix="zoo-bench-")
        paths = made(Path(folder.name))
        _KEPT.append(folder)
    else:
        paths = picture.find(case.data)
        if not paths:
            raise BenchError(f"{case.data} holds no pictures", "give a folder of pictures")
    marks = labels(len(paths), classes).tolist()
    return [
        Sample(str(path), path, label=mark, split="train", size=path.stat().st_size)
        for path, mark in zip(paths, marks, strict=True)
    ]


_KEPT: list[tempfile.TemporaryDirectory[str]] = []
