"""The executor for accelerators: a whole batch in TensorFlow, fused by XLA where it compiles."""

from zoo.engine.augment.device.execute import run

__all__ = ["run"]
