"""The executor for CPUs: OpenCV's warp, and a table of 256 values for what touches single pixels.

Pictures in bytes are warped in bytes, and then looked up in one table that holds all their
pointwise colour; floats are warped in 16 bits, which OpenCV does twice as fast as floats and
which leaves 1/512 of a grey level of error.
"""

from zoo.engine.augment.cpu.execute import masks, run

__all__ = ["masks", "run"]
