"""Explain what a model sees: an interpreter's heat map for each picture, with what it answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
from PIL import Image

from zoo import registry
from zoo.engine import anatomy, answer, artefact, assemble, differentiate, picture, subject
from zoo.engine.subject import INPUT, Subject
from zoo.engine.target import Chosen, Targets
from zoo.errors import DataError, ExplainError
from zoo.registry import ResolvedPart
from zoo.stored import is_path

Pictures = str | Path | Iterable[str | Path] | np.ndarray

SHOWN = 1024
"""Pixels of a picture's longer side that are kept to show it; a camera's picture holds 36 MB."""


@dataclass(frozen=True)
class Explanation:
    """The heat map of one picture, and what the model says of it.

    Args:
        model: Name of the model.
        name: The picture's path, or its number.
        heat: Raw values of the map, float32 [h,w].
        class_name: The class explained.
        against: The class whose score is subtracted, or empty.
        classes: Names of the classes.
        answers: What the model answers, float32 [classes].
        label: The true class where the picture's folder tells it, or empty.
        interpreter: The interpreter with its options, as it was asked for.
        tap: The tap that the map was made at, or empty.
        score: What the map explains: `logit` or `probability`.
        baseline: What the interpreter takes for nothing, or empty.
        note: Why the map is empty, or empty.
        source: The picture itself, and how a model sees it.
    """

    model: str
    name: str
    heat: np.ndarray
    class_name: str
    against: str
    classes: tuple[str, ...]
    answers: np.ndarray
    label: str
    interpreter: str
    tap: str
    score: str
    baseline: str
    note: str
    source: Source = field(repr=False)

    @property
    def picture(self) -> np.ndarray:
        """The picture in its own proportions, RGB, uint8 [H,W,3]; read again at each use."""
        return self.source.shown()

    @property
    def probabilities(self) -> dict[str, float]:
        """What the model answers, class by class."""
        return dict(zip(self.classes, self.answers.tolist(), strict=True))

    @property
    def predicted(self) -> str:
        """The likeliest class."""
        return self.classes[int(self.answers.argmax())]

    @property
    def probability(self) -> float:
        """What the model answers for the class explained."""
        return float(self.answers[self.classes.index(self.class_name)])

    @property
    def target(self) -> str:
        """The class explained, with the one that it is compared with."""
        return f"{self.class_name}, not {self.against}" if self.against else self.class_name

    def document(self) -> dict[str, Any]:
        """All but the pixels, as plain data."""
        likeliest = np.argsort(-self.answers, kind="stable")[:5]
        return {
            "path": self.name,
            "class": self.class_name,
            "against": self.against or None,
            "probability": self.probability,
            "predicted": self.predicted,
            "label": self.label or None,
            "top": [
                {"class": self.classes[index], "probability": float(self.answers[index])}
                for index in likeliest
            ],
            "interpreter": self.interpreter,
            "tap": self.tap or None,
            "score": self.score,
            "baseline": self.baseline or None,
            "map": {
                "shape": list(self.heat.shape),
                "min": float(self.heat.min()),
                "max": float(self.heat.max()),
            },
            "note": self.note or None,
        }


@dataclass(frozen=True)
class Source:
    """A picture where it lies: a file, or pixels in memory.

    Args:
        name: Its path, or its number.
        at: The path, or pixels [h,w,3] of uint8.
        size: Height and width that the model takes.
        way: How it becomes an input.
    """

    name: str
    at: Path | np.ndarray
    size: tuple[int, int]
    way: dict[str, Any]

    def shown(self) -> np.ndarray:
        """The part that the model sees, in its own proportions, uint8 [H,W,3]."""
        pixels = picture.read(self.at) if isinstance(self.at, Path) else self.at
        pixels = picture.seen(pixels, self.size, self.way)
        if max(pixels.shape[:2]) <= SHOWN:
            return pixels
        image = Image.fromarray(pixels)
        image.thumbnail((SHOWN, SHOWN))
        return np.asarray(image)

    def pixels(self) -> np.ndarray:
        """What the model is given, uint8 [H,W,3]."""
        if isinstance(self.at, Path):
            return picture.load(self.at, self.size, self.way)
        return picture.fit(self.at, self.size, self.way)


@dataclass(frozen=True)
class Method:
    """An interpreter that was asked for, ready to be called."""

    spec: str
    part: ResolvedPart
    tap: str

    def maps(self, model: keras.Model, inputs: np.ndarray, index: np.ndarray) -> np.ndarray:
        """Heat maps of a batch, held to the interpreter's contract, float32 [N,h,w]."""
        function = registry.load().function(self.part.part)
        return _checked(function(model, inputs, index, **self.part.options), len(inputs), self.part)


def explain(
    model: keras.Model | str | Path,
    images: Pictures,
    *,
    interpreter: str | Sequence[str] = "grad-cam",
    targets: Targets = "predicted",
    batch_size: int = 32,
) -> list[Explanation]:
    """Draw up where a model sees a class in pictures.

        for each in zoo.explain("runs/flowers", "rose.jpg"):
            print(each.class_name, each.probability, each.heat.shape)

    Args:
        model: A model, a run folder, a `.keras` file, or a name to build with random weights. A
            Keras classifier from elsewhere may be nested or subclassed; of several outputs the
            first that scores classes is explained.
        images: Picture files or folders of them, or RGB pictures 0..255, [N,H,W,3].
        interpreter: Name and options, such as `grad-cam:tap=block4`; or several.
        targets: What to explain in each picture: `predicted`, `true` (the name of the picture's
            folder), `top-3` for the three likeliest, one class for all, or a list with a class for
            each picture. A pair of classes, `("cat", "dog")`, is the first one's lead.
        batch_size: Pictures that go through the model at once.

    Returns:
        An explanation for each picture, class and interpreter, in this order.

    Raises:
        ExplainError: There is no such class, or the tap has no places to tell apart.
        DataError: A picture cannot be read.
        ZooError: The interpreter or the model cannot be had.
    """
    return list(
        each(model, images, interpreter=interpreter, targets=targets, batch_size=batch_size)
    )


def each(
    model: keras.Model | str | Path,
    images: Pictures,
    *,
    interpreter: str | Sequence[str] = "grad-cam",
    targets: Targets = "predicted",
    batch_size: int = 32,
) -> Iterator[Explanation]:
    """Give the explanations of `explain` one by one, so that any number of pictures fits."""
    loaded = load(model)
    anatomy.require_rgb(loaded)
    about = subject.of(loaded)
    specs = [interpreter] if isinstance(interpreter, str) else interpreter
    methods = [method(loaded, spec) for spec in specs]
    found = sources(images, about)
    chosen = Chosen.read(targets, [label(each.name, about) for each in found], about)
    return _explained(loaded, methods, found, chosen, batch_size)


def _explained(
    model: keras.Model,
    methods: Sequence[Method],
    pictures: Sequence[Source],
    chosen: Chosen,
    batch_size: int,
) -> Iterator[Explanation]:
    about = subject.of(model)
    for start in range(0, len(pictures), batch_size):
        batch = pictures[start : start + batch_size]
        inputs = np.stack([source.pixels() for source in batch])
        answers = answer.probabilities(model, inputs)
        rows, index = chosen.of(start, answers)
        maps = [batched(each, model, inputs[rows], index, batch_size) for each in methods]
        for place, row in enumerate(rows):
            first, *rest = np.atleast_1d(index[place]).tolist()
            for each, heats in zip(methods, maps, strict=True):
                yield Explanation(
                    model=about.name,
                    name=batch[row].name,
                    heat=heats[place],
                    class_name=about.classes[first],
                    against=about.classes[rest[0]] if rest else "",
                    classes=about.classes,
                    answers=answers[row],
                    label=label(batch[row].name, about),
                    interpreter=each.spec,
                    tap=each.tap,
                    score=str(each.part.options.get("score", "logit")),
                    baseline=str(each.part.options.get("baseline", "")),
                    note=""
                    if heats[place].any()
                    else _why_empty(
                        model, each, inputs[row : row + 1], index[place : place + 1], about
                    ),
                    source=batch[row],
                )


def load(model: keras.Model | str | Path) -> keras.Model:
    """The model itself, or the one of a run, a file or a name.

    A name gets the classes of its weights, so that their classifier comes with it.
    """
    if isinstance(model, keras.Model):
        return model
    if is_path(str(model)):
        return artefact.load(model)
    return assemble.build(str(model))


def is_trained(model: keras.Model) -> bool:
    """Whether the classifier of a model that was built by name came with its weights."""
    return "logits" in anatomy.of(model).load_report.get("loaded", ())


def method(model: keras.Model, spec: str) -> Method:
    """An interpreter by name and options, and the tap that it will work at.

    Raises:
        ZooError: There is no such interpreter, option or tap.
    """
    parts = registry.load()
    parsed = parts.parse_part("interpreter", spec)
    part = parts.resolve_part(parsed)
    tap = str(part.options.get("tap", ""))
    if tap:
        path = subject.tap_path(model, tap)
        taps = {path: name for name, path in subject.of(model).taps.items()}
        tap = taps.get(path, path)
    return Method(str(parsed), part, tap)


def label(name: str, about: Subject) -> str:
    """The class that a picture's folder is called by, or nothing."""
    folder = Path(name).parent.name
    return folder if folder in about.classes else ""


def batched(
    each: Method, model: keras.Model, inputs: np.ndarray, index: np.ndarray, size: int
) -> np.ndarray:
    """Maps of any number of pictures, a batch at a time."""
    return np.concatenate(
        [
            each.maps(model, inputs[start : start + size], index[start : start + size])
            for start in range(0, len(inputs), size)
        ]
    )


def sources(images: Pictures, about: Subject) -> list[Source]:
    """The pictures, not yet read.

    Raises:
        DataError: There are none, or arrays of another kind.
    """
    size, way = about.input_size, about.preprocessing
    if not isinstance(images, np.ndarray):
        return [Source(str(path), path, size, way) for path in picture.find(images)]
    if images.ndim != 4 or images.shape[3] != 3 or not len(images):
        raise DataError(f"pictures come as [N,H,W,3], received shape {images.shape}")
    low, high = float(images.min()), float(images.max())
    if not 0 <= low <= high <= 255 or (images.dtype.kind == "f" and high <= 1):
        raise DataError(
            f"pictures hold RGB from 0 to 255, received {low:.3g} to {high:.3g}",
            hint="the model normalises by itself: give the pixels as they were decoded",
        )
    return [
        Source(f"picture {number}", pixels, size, way)
        for number, pixels in enumerate(np.round(images).astype(np.uint8))
    ]


def _why_empty(
    model: keras.Model, each: Method, inputs: np.ndarray, index: np.ndarray, about: Subject
) -> str:
    """Say why a map is zero everywhere."""
    names = " over ".join(about.classes[one] for one in np.atleast_1d(index[0]))
    where = each.tap or INPUT
    _, slope = differentiate.gradient(model, inputs, index, tap=where)
    if not slope.any():
        return f"all zero: the score of {names} does not change with anything at {where}"
    return f"all zero: nothing speaks for {names}"


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
