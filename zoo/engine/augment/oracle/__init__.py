"""The same augmentation said plainly in numpy, one picture at a time and in double precision.

Slow on purpose: it multiplies centring matrices instead of folding them, does every colour
transform by itself and shares no line with the compiled plan, so that the two can be held against
each other.
"""

from zoo.engine.augment.oracle.draw import share, word
from zoo.engine.augment.oracle.run import apply
from zoo.engine.augment.oracle.warp import matrix, resample

__all__ = ["apply", "matrix", "resample", "share", "word"]
