"""The executor for accelerators: a batch on the backend of Keras, fused where XLA compiles it."""

from zoo.engine.augment.device.execute import run
from zoo.engine.augment.device.mixing import mix

__all__ = ["mix", "run"]
