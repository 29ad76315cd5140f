"""Explain what a model sees: an interpreter's heat map for each picture, with what it answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from PIL import Image

from zoo import registry, stored
from zoo.engine import anatomy, artefact, assemble, picture, predict
from zoo.errors import DataError, ExplainError, ModelError
from zoo.registry import ResolvedPart

Pictures = str | Path | Iterable[str | Path] | np.ndarray

SHOWN = 1024
"""Pixels of a picture's longer side that are kept to show it; a camera's picture holds 36 MB."""


@dataclass(frozen=True)
class Explanation:
    """The heat map of one picture, and what the model says of it.

    Args:
        model: Name of the model.
        name: The picture's path, or its number.
        picture: The picture in its own proportions, RGB, uint8 [H,W,3].
        heat: Raw values of the map, float32 [h,w].
        class_name: The class explained.
        probabilities: What the model answers, class by class.
        label: The true class where the picture's folder tells it, or empty.
        interpreter: The interpreter with its options, as it was asked for.
        tap: The tap that the map was made at, or empty.
        note: Why the map is empty, or empty.
    """

    model: str
    name: str
    picture: np.ndarray
    heat: np.ndarray
    class_name: str
    probabilities: dict[str, float]
    label: str
    interpreter: str
    tap: str
    note: str

    @property
    def predicted(self) -> str:
        """The likeliest class."""
        return max(self.probabilities, key=self.probabilities.__getitem__)

    @property
    def probability(self) -> float:
        """What the model answers for the class explained."""
        return self.probabilities[self.class_name]

    def document(self) -> dict[str, Any]:
        """All but the pixels, as plain data."""
        likeliest = sorted(self.probabilities.items(), key=lambda pair: -pair[1])[:5]
        return {
            "path": self.name,
            "class": self.class_name,
            "probability": self.probability,
            "predicted": self.predicted,
            "label": self.label or None,
            "top": [{"class": name, "probability": value} for name, value in likeliest],
            "map": {"shape": list(self.heat.shape), "max": float(self.heat.max())},
            "note": self.note or None,
        }


def explain(
    model: keras.Model | str | Path,
    images: Pictures,
    *,
    interpreter: str = "grad-cam",
    targets: str | Sequence[str] = "predicted",
    batch_size: int = 32,
) -> list[Explanation]:
    """Draw up where a model sees a class in pictures.

        for each in zoo.explain("runs/flowers", "rose.jpg"):
            print(each.class_name, each.probability, each.heat.shape)

    Args:
        model: A model, a run folder, a `.keras` file, or a name to build with random weights.
        images: Picture files or folders of them, or RGB pictures 0..255, [N,H,W,3].
        interpreter: Name and options, such as `grad-cam:tap=block4`.
        targets: Which class to explain in each picture: `predicted`, `true` (the name of the
            picture's folder), one class for all, or a list with a class for each picture.
        batch_size: Pictures that go through the model at once.

    Returns:
        One explanation a picture, in order.

    Raises:
        ExplainError: There is no such class, or the tap has no places to tell apart.
        DataError: A picture cannot be read.
        ZooError: The interpreter or the model cannot be had.
    """
    parts = registry.load()
    spec = parts.parse_part("interpreter", interpreter)
    method = parts.resolve_part(spec)
    function = parts.function(method.part)
    loaded = _model(model)
    facts = anatomy.of(loaded)
    tap = _tap(loaded, method)
    pictures = _pictures(images, facts)
    labels = [_label(name, facts.classes) for name, _, _ in pictures]
    wanted = _wanted(targets, labels, facts.classes)

    explained = []
    for start in range(0, len(pictures), batch_size):
        batch = pictures[start : start + batch_size]
        inputs = np.stack([pixels for _, _, pixels in batch])
        answers = predict.probabilities(loaded, inputs)
        likeliest = answers.argmax(axis=1)
        index = np.array(
            [
                facts.classes.index(name) if name else likeliest[row]
                for row, name in enumerate(wanted[start : start + batch_size])
            ]
        )
        maps = _checked(function(loaded, inputs, index, **method.options), len(batch), method)
        for row, (name, shown, _) in enumerate(batch):
            class_name = facts.classes[index[row]]
            explained.append(
                Explanation(
                    model=facts.spec or loaded.name,
                    name=name,
                    picture=shown,
                    heat=maps[row],
                    class_name=class_name,
                    probabilities=dict(zip(facts.classes, answers[row].tolist(), strict=True)),
                    label=labels[start + row],
                    interpreter=str(spec),
                    tap=tap,
                    note="" if maps[row].any() else f"all zero: nothing speaks for {class_name}",
                )
            )
    return explained


def _model(model: keras.Model | str | Path) -> keras.Model:
    if isinstance(model, keras.Model):
        return model
    return artefact.load(model) if stored.is_path(str(model)) else assemble.build(str(model))


def _pictures(images: Pictures, facts: anatomy.Anatomy) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Each picture's name, its pixels to show, and those that the model gets."""
    size, way = facts.input_size, facts.preprocessing
    if not isinstance(images, np.ndarray):
        return [
            (
                str(path),
                _shrunk(picture.seen(picture.read(path), size, way)),
                picture.load(path, size, way),
            )
            for path in picture.find(images)
        ]
    if images.ndim != 4 or images.shape[3] != 3 or not len(images):
        raise DataError(f"pictures come as [N,H,W,3], received shape {images.shape}")
    low, high = float(images.min()), float(images.max())
    if not 0 <= low <= high <= 255 or (images.dtype.kind == "f" and high <= 1):
        raise DataError(
            f"pictures hold RGB from 0 to 255, received {low:.3g} to {high:.3g}",
            hint="the model normalises by itself: give the pixels as they were decoded",
        )
    return [
        (
            f"picture {number}",
            _shrunk(picture.seen(pixels, size, way)),
            picture.fit(pixels, size, way),
        )
        for number, pixels in enumerate(np.round(images).astype(np.uint8))
    ]


def _shrunk(pixels: np.ndarray) -> np.ndarray:
    if max(pixels.shape[:2]) <= SHOWN:
        return pixels
    image = Image.fromarray(pixels)
    image.thumbnail((SHOWN, SHOWN))
    return np.asarray(image)


def _label(name: str, classes: Sequence[str]) -> str:
    """The class that a picture's folder is called by, or nothing."""
    folder = Path(name).parent.name
    return folder if folder in classes else ""


def _wanted(
    targets: str | Sequence[str], labels: Sequence[str], classes: Sequence[str]
) -> list[str]:
    """The class to explain in each picture; empty for the predicted one."""
    if targets == "predicted":
        return [""] * len(labels)
    if targets == "true":
        if "" in labels:
            raise ExplainError(
                "the true class of a picture is not known",
                hint="explain pictures from folders called by their class, or name the class",
            )
        return list(labels)
    names = [targets] * len(labels) if isinstance(targets, str) else list(targets)
    if len(names) != len(labels):
        raise ExplainError(f"{len(labels)} pictures need as many classes, received {len(names)}")
    for name in names:
        stored.check_class(name, classes)
    return names


def _tap(model: keras.Model, method: ResolvedPart) -> str:
    """The tap that an interpreter with the option `tap` works at, checked; else nothing."""
    if "tap" not in method.options:
        return ""
    tap = str(method.options["tap"])
    taps = anatomy.of(model).taps
    name = list(taps)[-1] if tap == anatomy.LAST else tap
    places = {each: anatomy.tap_tensor(model, each).shape[1:3] for each in taps}
    there = ", ".join(f"{each} ({h}x{w})" for each, (h, w) in places.items() if (h, w) != (1, 1))
    hint = f"taps with places: {there or 'none'}, or the name of a layer that gives a map"
    try:
        extent = places.get(name) or anatomy.tap_tensor(model, name).shape[1:3]
    except ModelError as error:
        raise ExplainError(error.message, hint) from None
    if tuple(extent) == (1, 1):
        raise ExplainError(f"tap {name!r} is 1x1: it has no places to tell apart", hint)
    return name


def _checked(maps: np.ndarray, count: int, method: ResolvedPart) -> np.ndarray:
    """Hold an interpreter to its contract."""
    maps = np.asarray(maps, np.float32)
    if maps.ndim != 3 or len(maps) != count or not np.isfinite(maps).all():
        what = "values that are not numbers" if maps.shape[:1] == (count,) else "other maps"
        raise ExplainError(
            f"interpreter {method.part.id} ({method.part.origin}) gave {what}, shape {maps.shape}",
            hint=f"an interpreter gives finite maps [{count},h,w]",
        )
    return maps
