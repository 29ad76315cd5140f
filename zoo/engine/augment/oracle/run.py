"""One picture through all transforms of a policy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from zoo import transform as t
from zoo.engine.augment.oracle.colour import colour
from zoo.engine.augment.oracle.draw import Drawn, Slots, walk
from zoo.engine.augment.oracle.warp import matrix, resample


def apply(
    transforms: Sequence[t.Transform],
    images: np.ndarray,
    *,
    seed: int,
    epoch: int,
    indices: Sequence[int],
) -> np.ndarray:
    """Augment pictures as `Plan.apply` does; float64 [N,H,W,C]."""
    fill = next((each for each in transforms if isinstance(each, t.Fill)), t.Fill())
    seen = []
    for image, index in zip(images, indices, strict=True):
        slots = Slots(seed, epoch, index)
        drawn = list(walk(transforms, slots, True))
        seen.append(_run(drawn, image.astype(np.float64), fill))
    return np.stack(seen)


def _run(drawn: Sequence[Drawn], image: np.ndarray, fill: t.Fill) -> np.ndarray:
    moves = [each for each in drawn if isinstance(each.transform, t.GEOMETRY)]
    size = image.shape[:2]
    total, bend = np.eye(3), None
    for each in moves:
        if isinstance(each.transform, t.Elastic):
            bend = each if each.on else None
            continue
        if each.on:
            total = total @ matrix(each.transform, each.shares, *size)
        if isinstance(each.transform, (t.Crop, t.Resize)):
            size = int(each.transform.height), int(each.transform.width)
    x = resample(image, total, fill, size, bend)
    rest = [each for each in drawn if each not in moves]
    for number, each in enumerate(rest):
        if each.on:
            x = _blend(each, x, fill) if each.chains else colour(each, x)
        after = rest[number + 1].transform if number + 1 < len(rest) else None
        # Values may leave 0..255 between linear transforms, and no others.
        inside = not isinstance(each.transform, t.NORMAL)
        between = isinstance(each.transform, _LINEAR) and isinstance(after, _LINEAR)
        if inside and not between:
            x = np.clip(x, 0, 255)
    return x


_LINEAR = (t.Brightness, t.Contrast, t.Saturation, t.Hue, t.Grayscale, t.Invert, t.ChannelShift)


def _blend(drawn: Drawn, x: np.ndarray, fill: t.Fill) -> np.ndarray:
    mixture, *weights = drawn.shares
    heights = [-np.log(1 - each) for each in weights]
    chains = [_run(chain, x, fill) for chain in drawn.chains]
    inner = sum(h / sum(heights) * c for h, c in zip(heights, chains, strict=True))
    return (1 - mixture) * x + mixture * inner
