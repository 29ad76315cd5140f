"""Pictures named by an exported model, or by any ONNX classifier; neither needs TensorFlow."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from zoo import exported
from zoo.engine import picture
from zoo.engine.export.session import Session
from zoo.engine.ranking import ranked
from zoo.errors import DataError, ExportError

VALUES = {
    "0..255": (1.0, 0.0, 1.0),
    "0..1": (255.0, 0.0, 1.0),
    "-1..1": (127.5, 1.0, 1.0),
    "imagenet": (255.0, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
}
"""What a file from elsewhere may take: divide by the first, take off the second, divide by the
third."""


class Classifier:
    """An ONNX classifier with all that is needed to ask it about pictures.

    Args:
        target: An exported folder, one of its files, or any ONNX file.
        values: One of `VALUES`, for a file from elsewhere that takes floats.

    Raises:
        ExportError: The file cannot be run, or it does not say enough and neither does the caller.
    """

    def __init__(self, target: str | Path, values: str | None = None) -> None:
        path = exported.locate(target)
        facts = exported.facts(path)
        self.session = Session(path)
        self._described = bool(facts) or "zoo.preprocess" in self.session.metadata
        if values is not None and (self._described or self.session.dtype == np.uint8):
            raise ExportError(f"{path.name} says itself what values it takes", "leave --values out")
        if values is None and not self._described and self.session.dtype != np.uint8:
            raise ExportError(
                f"{path.name} takes floats and does not say of what range",
                f"say it: --values {'|'.join(VALUES)}, as the model was trained",
            )
        self._scale, self._mean, self._std = VALUES[values or "0..255"]
        self.preprocessing = self._preprocessing(facts)
        self.size = self._size()
        self.output = self._output()
        self.classes = self._classes(facts)

    def _preprocessing(self, facts: Mapping[str, Any]) -> dict[str, Any]:
        if facts:
            return dict(facts["preprocess"])
        held = self.session.metadata.get("zoo.preprocess")
        return json.loads(held) if held else dict(picture.DESCRIPTION)

    def _size(self) -> tuple[int, int]:
        told = self.preprocessing.get("size") or _literal(self.session.metadata.get("imgsz"))
        sides = self.session.size
        if None not in sides:
            return sides
        if isinstance(told, Sequence) and len(told) == 2:
            return tuple(told)
        raise ExportError(
            f"{self.session.path.name} takes pictures of any size and does not say which is right",
            "export it with a fixed height and width",
        )

    def _output(self) -> str:
        if "probabilities" in self.session.outputs:
            return "probabilities"
        found = [name for name, shape in self.session.shapes.items() if len(shape) == 2]
        if not found:
            given = ", ".join(f"{name} {shape}" for name, shape in self.session.shapes.items())
            raise ExportError(
                f"{self.session.path.name} gives {given}; a classifier gives [N, classes]"
            )
        return found[0]

    def _classes(self, facts: Mapping[str, Any]) -> tuple[str, ...]:
        if facts:
            return tuple(facts["classes"])
        count = self.session.shapes[self.output][1]
        count = count if isinstance(count, int) else self._asked_count()
        named = _literal(self.session.metadata.get("names"))
        if isinstance(named, Mapping) and len(named) == max(count, 2):
            return tuple(map(str, named.values()))
        return tuple(str(index) for index in range(max(count, 2)))

    def _asked_count(self) -> int:
        grey = np.full((1, *self.size, 3), 128, np.uint8)
        return self.session.answers(grey, [self.output])[self.output].shape[1]

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Probabilities [N, classes] of pictures, uint8 [N, H, W, 3].

        Raises:
            ExportError: The answers are no numbers.
        """
        if self.session.dtype == np.float32 and not self._described:
            images = (images.astype(np.float32) / self._scale - self._mean) / self._std
        given = self.session.answers(images, [self.output])[self.output].astype(np.float64)
        if not np.isfinite(given).all():
            raise ExportError(f"{self.session.path.name} answers with NaN or infinite numbers")
        if given.shape[1] == 1:
            one = given if _are_shares(given, sums=False) else 1 / (1 + np.exp(-given))
            return np.concatenate([1 - one, one], axis=1)
        if self.output == "probabilities" or _are_shares(given):
            return given
        powers = np.exp(given - given.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)


def records(
    classifier: Classifier,
    pictures: Sequence[Path],
    *,
    batch_size: int = 32,
    top: int = 5,
) -> Iterator[dict[str, Any]]:
    """Name what is on pictures, as `zoo.engine.predict.records` does.

    Args:
        classifier: The model.
        pictures: Picture files.
        batch_size: Pictures that go through the model at once.
        top: How many classes to name.
    """
    for start in range(0, len(pictures), batch_size):
        rows: dict[Path, dict[str, Any]] = {}
        read: dict[Path, np.ndarray] = {}
        for path in pictures[start : start + batch_size]:
            try:
                read[path] = picture.load(path, classifier.size, classifier.preprocessing)
            except DataError as error:
                rows[path] = {"error": error.message.removeprefix(f"{path}: ")}
        if read:
            given = classifier.probabilities(np.stack(list(read.values())))
            rows |= dict(
                zip(read, (ranked(r, classifier.classes, top) for r in given), strict=True)
            )
        for path in pictures[start : start + batch_size]:
            yield {"path": str(path), **rows[path]}


def _are_shares(given: np.ndarray, *, sums: bool = True) -> bool:
    within = given.min() >= 0 and given.max() <= 1.001
    return bool(within and (not sums or np.abs(given.sum(axis=1) - 1).max() < 1e-2))


def _literal(text: str | None) -> Any:
    """A value written as JSON or as a Python literal, the way others write names; else None."""
    for parse in (json.loads, ast.literal_eval):
        try:
            return parse(text) if text else None
        except (ValueError, SyntaxError, RecursionError):
            continue
    return None
