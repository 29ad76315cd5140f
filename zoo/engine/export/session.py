"""An exported model in onnxruntime, asked with pictures as they lie in memory.

Whatever the file takes (either type and layout, one batch size or any), this is asked alike. It
imports neither Keras nor TensorFlow.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnxruntime

from zoo.errors import ExportError

PROVIDERS = ["CPUExecutionProvider"]
QUIET = 3
"""onnxruntime's level of messages: errors alone."""


def options(threads: int | None = None) -> onnxruntime.SessionOptions:
    """Options of a session that says nothing.

    Args:
        threads: Threads inside of an operation; None lets onnxruntime choose.
    """
    chosen = onnxruntime.SessionOptions()
    chosen.log_severity_level = QUIET
    # Threads that wait in a loop take the cores from those who work wherever there are few or they
    # are shared: ResNet50 in 8 bits took 48 ms with them and 25 ms without on two cores.
    chosen.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if threads is not None:
        chosen.intra_op_num_threads = threads
    return chosen


class Session:
    """A loaded ONNX classifier.

    Args:
        path: The file.
        given: Options of the session; quiet ones by default.

    Raises:
        ExportError: onnxruntime cannot load it, or it does not take one batch of RGB pictures.
    """

    def __init__(self, path: Path, given: onnxruntime.SessionOptions | None = None) -> None:
        try:
            self._session = onnxruntime.InferenceSession(
                path, given or options(), providers=PROVIDERS
            )
        except Exception as error:  # onnxruntime has a class per status, without a common base
            raise ExportError(f"onnxruntime cannot load {path.name}: {_reason(error)}") from error
        self.path = path
        self.inputs = self._session.get_inputs()
        self.outputs = [output.name for output in self._session.get_outputs()]
        self.shapes = {output.name: output.shape for output in self._session.get_outputs()}
        self._check()
        (image,) = self.inputs
        self.name = image.name
        self.dtype = {"tensor(uint8)": np.uint8, "tensor(float)": np.float32}[image.type]
        self.channels_first = image.shape[1] == 3
        sides = image.shape[2:] if self.channels_first else image.shape[1:3]
        self.size = tuple(side if isinstance(side, int) else None for side in sides)
        self.batch = image.shape[0] if isinstance(image.shape[0], int) else None
        self.metadata = dict(self._session.get_modelmeta().custom_metadata_map)

    def _check(self) -> None:
        taken = ", ".join(f"{each.name} {each.type} {each.shape}" for each in self.inputs)
        fits = len(self.inputs) == 1 and len(self.inputs[0].shape) == 4
        fits = fits and 3 in (self.inputs[0].shape[1], self.inputs[0].shape[3])
        if not fits or self.inputs[0].type not in ("tensor(uint8)", "tensor(float)"):
            raise ExportError(
                f"{self.path.name} takes {taken or 'nothing'}; accepted is one batch of RGB "
                "pictures, uint8 or float32, [N, H, W, 3] or [N, 3, H, W]"
            )

    def feed(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """Pictures [N, H, W, 3] as the file takes them."""
        if self.channels_first:
            images = images.transpose(0, 3, 1, 2)
        return {self.name: np.ascontiguousarray(images, self.dtype)}

    def step(self, feed: dict[str, np.ndarray]) -> Callable[[], object]:
        """A function that runs the model once on what `feed` gave, for a clock."""
        return lambda: self.run(self.outputs[:1], feed)

    def run(self, outputs: Sequence[str], feed: dict[str, np.ndarray]) -> list[np.ndarray]:
        """Outputs for what `feed` gave, with nothing around that a clock would count."""
        given: list[np.ndarray] = self._session.run(outputs, feed)
        return given

    def answers(self, images: np.ndarray, outputs: Sequence[str]) -> dict[str, np.ndarray]:
        """What the model answers to a batch of pictures.

        Args:
            images: RGB pictures [N, H, W, 3], uint8 or float32. A file that takes one batch size
                is asked as often as needed, the last batch filled up.
            outputs: Names of outputs.

        Returns:
            The outputs by name, [N, ...].

        Raises:
            ExportError: onnxruntime fails.
        """
        step = self.batch or len(images)
        given: list[list[np.ndarray]] = []
        for start in range(0, len(images), step):
            batch = images[start : start + step]
            missing = step - len(batch)
            filled = np.concatenate([batch, batch[-1:].repeat(missing, axis=0)])
            try:
                answered = self._session.run(list(outputs), self.feed(filled))
            except Exception as error:  # as above
                raise ExportError(
                    f"onnxruntime cannot run {self.path.name}: {_reason(error)}"
                ) from error
            given.append([array[: len(batch)] for array in answered])
        columns = [np.concatenate(parts) for parts in zip(*given, strict=True)]
        return dict(zip(outputs, columns, strict=True))


def _reason(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
