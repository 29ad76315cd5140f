"""Random numbers as a function of what they are for: seed, epoch, picture and slot.

No state is kept, so a draw does not depend on batch size, order, workers or where a run was
resumed. TensorFlow's own stateless draws do not serve: they are keyed by position in the batch,
and their floats differ between eager and XLA (it takes other bits of the same word).
"""

from __future__ import annotations

import numpy as np

# The golden ratio's bits: keeps zero, the mixer's fixed point, out of the chain.
GOLDEN = np.uint32(0x9E3779B9)


def bits(seed: int, epoch: int, indices: np.ndarray, slots: int) -> np.ndarray:
    """32 random bits for each picture and slot.

    Args:
        seed: 0 to 2**32-1.
        epoch: 0 to 2**32-1.
        indices: Which picture of the data each row is, integers [N]; their low 32 bits count.
        slots: Number of draws per picture, P.

    Returns:
        uint32 [N,P].
    """
    start = _mixed(np.array([seed], np.uint32) + GOLDEN)
    start = _mixed((start ^ np.uint32(epoch)) + GOLDEN)
    pictures = (np.asarray(indices).astype(np.int64) & 0xFFFFFFFF).astype(np.uint32)
    return words(_mixed((start ^ pictures) + GOLDEN), slots)


def words(state: np.ndarray, count: int) -> np.ndarray:
    """As many further words as wanted from each of some words: uint32 [N,count]."""
    keys = _mixed(np.arange(1, count + 1, dtype=np.uint32))
    return _mixed((state[:, None] ^ keys[None, :]) + GOLDEN)


def uniform(words: np.ndarray) -> np.ndarray:
    """Numbers in [0, 1) from the upper 24 bits of each word; float64, exact in float32 too."""
    return (words >> np.uint32(8)).astype(np.float64) * 2.0**-24


def _mixed(x: np.ndarray) -> np.ndarray:
    # "lowbias32", the two-multiply mixer with the least known bias (C. Wellons, hash-prospector).
    x = (x ^ (x >> np.uint32(16))) * np.uint32(0x7FEB352D)
    x = (x ^ (x >> np.uint32(15))) * np.uint32(0x846CA68B)
    return x ^ (x >> np.uint32(16))
