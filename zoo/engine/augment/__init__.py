"""Augmentation as one warp: a policy compiles to draws, one matrix and one resampling.

    policy -> compile -> Plan:  sample(seed, epoch, index) -> params [N,P]
                                matrix(params)             -> output-to-input maps [N,3,3]
                                warp(images, params)       -> float32 [N,H,W,3]

However many transforms a policy has, every pixel is interpolated once. `oracle` says the same in
plain numpy at double precision, and is what the warp is checked against.
"""

from zoo.engine.augment.plan import Plan, compile

__all__ = ["Plan", "compile"]
