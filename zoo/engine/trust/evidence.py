"""Whether a map lies on what is known to be the evidence: a mask of the thing itself.

The pointing game of Zhang et al., arXiv:1608.00507, and the energy-based one of arXiv:1910.01279.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.ndimage import distance_transform_edt

from zoo.engine import picture
from zoo.engine.heatmap import enlarge
from zoo.engine.subject import Subject
from zoo.errors import DataError

TOLERANCE = 15 / 224
"""How far from the evidence is still a hit, in units of the picture's longer side: the paper's
fifteen pixels. A map of few places cannot say it any closer."""


def pointing(heat: np.ndarray, masks: np.ndarray, tolerance: float = TOLERANCE) -> np.ndarray:
    """Whether the hottest pixel lies on the mask, or close to it.

    Args:
        heat: Maps, [N,h,w].
        masks: True on the evidence, bool [N,H,W].
        tolerance: How close, in units of the picture's longer side.

    Returns:
        1 or 0; where several pixels are the hottest, the share of them that hit, [N].
    """
    hits = []
    for own, mask in zip(heat, masks, strict=True):
        large = enlarge(own, mask.shape)
        near = distance_transform_edt(~mask) <= tolerance * max(mask.shape)
        hits.append(near[large == large.max()].mean())
    return np.array(hits)


def energy(heat: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """The share of a map's positive values that lies on the mask.

    Args:
        heat: Maps, [N,h,w].
        masks: True on the evidence, bool [N,H,W].

    Returns:
        0 to 1; of an empty map the share of the picture that the mask covers, [N].
    """
    shares = []
    for own, mask in zip(heat, masks, strict=True):
        large = np.maximum(enlarge(own, mask.shape), 0).astype(np.float64)
        shares.append(large[mask].sum() / large.sum() if large.any() else mask.mean())
    return np.array(shares)


def read(folder: str | Path, name: str, about: Subject) -> np.ndarray:
    """The mask of a picture, as the model sees it.

    Args:
        folder: Holds masks under the picture's own path, as `zoo data make shapes` writes them:
            masks/train/star/0007.png for train/star/0007.jpg. White is the evidence.
        name: The picture's path.
        about: The model.

    Returns:
        bool [H,W].

    Raises:
        DataError: There is no mask for the picture.
    """
    parts = Path(name).with_suffix(".png").parts
    for start in range(len(parts)):
        path = Path(folder, *parts[start:])
        if path.is_file() and not Path(name).samefile(path):
            mask = picture.load(path, about.input_size, about.preprocessing)
            return mask[..., 0] > 127
    raise DataError(
        f"{folder} holds no mask for {name}",
        f"a mask lies under the picture's own path: {Path(folder, *parts[-2:])}",
    )
