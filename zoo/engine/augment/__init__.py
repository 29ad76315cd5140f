"""Augmentation as one warp and a few passes over colours.

    policy -> compile -> Plan:  sample(seed, epoch, indices) -> params [N,P], what is drawn
                                prepare(params)              -> rows [N,K], matrices and maps
                                render(images, params)       -> float32 [N,H,W,3]

However many geometric transforms a policy has, every pixel is interpolated once; colours that are
linear are multiplied into one map. `cpu` executes with OpenCV, `device` on the backend of Keras,
and `oracle` says the same in plain numpy at double precision, which both are checked against: they
are within 0.002 grey levels of it for pictures of 40 pixels, and `cpu`, whose places are in single
precision, within 0.016 for those of 224 if neighbours are as unlike as can be. Bytes are warped to
the nearest level.
"""

from zoo.engine.augment.caption import caption, frequencies
from zoo.engine.augment.plan import Plan, compile, for_training

__all__ = ["Plan", "caption", "compile", "for_training", "frequencies"]
