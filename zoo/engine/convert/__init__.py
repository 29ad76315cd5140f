"""Checkpoints of other libraries, told in the names and layouts of our layers.

    conversion = convert("timm-vgg", safetensors.read(path), model)
    conversion["block1_conv1/kernel"]

One table per format says where each tensor of the source goes. Nothing is matched by likeness.
"""

from zoo.engine.convert.conversion import FORMATS, Conversion, convert

__all__ = ["FORMATS", "Conversion", "convert"]
