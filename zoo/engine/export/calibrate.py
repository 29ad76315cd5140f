"""Ranges of activations, from pictures of the training: what 8 bits have to cover.

Three methods of onnxruntime's are offered: the smallest and largest value seen (`minmax`), the
range that holds 99.999 % of the values (`percentile`), and the range whose 8-bit histogram loses
the least information (`entropy`; Migacz, 2017). Which is best depends on the model, so it is tried.
"""

from __future__ import annotations

import io
import tempfile
import warnings
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from onnxruntime.quantization.calibrate import (
    CalibrationDataReader,
    CalibrationMethod,
    TensorsData,
    create_calibrator,
)

from zoo.engine import folder, match, picture
from zoo.engine.export.session import Session
from zoo.errors import DataError

METHODS = {
    "minmax": (CalibrationMethod.MinMax, {}),
    "percentile": (CalibrationMethod.Percentile, {"percentile": 99.999, "symmetric": False}),
    "entropy": (CalibrationMethod.Entropy, {}),
}
"""By name: onnxruntime's method and its options."""

COUNT = 300
"""Pictures that ranges are taken from; more change them little."""

FEWEST = 16
"""Pictures below which ranges are chance, and accuracies too."""

HELD_OUT = 2000
"""Pictures that accuracy is measured on, at most."""

CHUNK = 8
"""Pictures whose activations are in memory at once while histograms are made."""


@dataclass(frozen=True)
class Pictures:
    """Labelled pictures for calibration and, apart from them, for measuring.

    Args:
        calibration: Of the training split, classes in turn.
        held_out: Of the validation split, or the test split where that is empty.
        size: Height and width to bring them to.
        preprocessing: How.
        document: Where they come from, as plain data.
    """

    calibration: Sequence[folder.Sample]
    held_out: Sequence[folder.Sample]
    size: tuple[int, int]
    preprocessing: dict[str, Any]
    document: dict[str, Any]

    def read(self, samples: Sequence[folder.Sample]) -> Iterator[np.ndarray]:
        """Decode pictures one by one: uint8 [1, H, W, 3]."""
        for sample in samples:
            yield picture.load(sample.path, self.size, self.preprocessing)[None]


def pictures(
    root: str | Path, classes: Sequence[str], size: Sequence[int], preprocessing: dict[str, Any]
) -> Pictures:
    """Choose pictures of a folder of labelled pictures.

    Args:
        root: The folder, as for training.
        classes: The model's.
        size: Height and width of its input.
        preprocessing: How pictures come to it.

    Raises:
        DataError: The classes are not the model's, or the pictures are too few.
    """
    found = folder.read(root)
    training = match.samples(classes, found, "train")
    held_out = found.split("val") or found.split("test")
    for what, samples in (("calibration", training), ("held-out", held_out)):
        if len(samples) < FEWEST:
            raise DataError(
                f"{root} has {len(samples)} pictures for {what}, {FEWEST} are the least that "
                "quantisation can be judged by",
                "give the pictures that the model was trained on",
            )
    chosen = _in_turn(training, COUNT)
    measured = _in_turn(held_out, HELD_OUT)
    document = {
        "root": str(root),
        "digest": found.digest,
        "calibration": len(chosen),
        "held_out": len(measured),
    }
    return Pictures(chosen, measured, (size[0], size[1]), preprocessing, document)


def _in_turn(samples: Sequence[folder.Sample], count: int) -> list[folder.Sample]:
    """One picture of each class in turn, spread evenly over the class, until there are enough."""
    by_class: dict[int, list[folder.Sample]] = defaultdict(list)
    for sample in samples:
        by_class[sample.label].append(sample)
    share = -(-count // len(by_class))
    spread = [
        [each[i] for i in np.linspace(0, len(each) - 1, min(share, len(each))).astype(int)]
        for _, each in sorted(by_class.items())
    ]
    rounds = max(map(len, spread))
    return [each[i] for i in range(rounds) for each in spread if i < len(each)][:count]


def ranges(model: Path, images: Iterator[np.ndarray], method: str) -> TensorsData:
    """The range of every activation.

    Args:
        model: A float32 model.
        images: Pictures, uint8 [1, H, W, 3] each.
        method: One of `METHODS`.
    """
    kind, options = METHODS[method]
    taken = Session(model)
    with (
        tempfile.TemporaryDirectory() as scratch,
        warnings.catch_warnings(),
        # It prints what it does, where only our answers belong.
        redirect_stdout(io.StringIO()),
    ):
        warnings.simplefilter("ignore")  # of histograms without a spread
        calibrator = create_calibrator(
            model,
            augmented_model_path=str(Path(scratch, "augmented.onnx")),
            calibrate_method=kind,
            providers=["CPUExecutionProvider"],
            extra_options=options,
        )
        feeds = [taken.feed(image) for image in images]
        # What each call collects is merged with the calls before; onnxruntime's own limit on what
        # it holds (max_intermediate_outputs) drops it instead.
        for start in range(0, len(feeds), CHUNK):
            calibrator.collect_data(_Reader(feeds[start : start + CHUNK]))
            calibrator.intermediate_outputs = []
        return calibrator.compute_data()


class _Reader(CalibrationDataReader):
    """Feeds one after another, as onnxruntime asks for them."""

    def __init__(self, feeds: Sequence[dict[str, np.ndarray]]) -> None:
        self._feeds = iter(feeds)

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self._feeds, None)
