"""LiteRT, which was TensorFlow Lite: one file for phones and small boards."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from zoo.api import ExportFormat

if TYPE_CHECKING:
    from pathlib import Path

    import keras
    import numpy as np

FILE = "model.tflite"


def write(model: keras.Model, folder: Path) -> list[Path]:
    """Let Keras convert the model; its outputs keep their names."""
    model.export(str(folder / FILE), format="litert", verbose=False)
    return [folder / FILE]


def logits(folder: Path, images: np.ndarray) -> np.ndarray:
    """Ask the file, as a phone would."""
    import tensorflow as tf

    with warnings.catch_warnings():
        # TensorFlow's interpreter works and names its successor, which is another package.
        warnings.simplefilter("ignore", UserWarning)
        interpreter = tf.lite.Interpreter(str(folder / FILE))
    answer: np.ndarray = interpreter.get_signature_runner()(image=images)["logits"]
    return answer


FORMAT = ExportFormat("litert", "LiteRT, for phones and small boards.", write, logits)
