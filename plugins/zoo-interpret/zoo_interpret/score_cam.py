"""Score-CAM: Wang et al., arXiv:1910.01279."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from zoo.api import HeatMaps, activations, masked_scores

if TYPE_CHECKING:
    import keras


def score_cam(
    model: keras.Model,
    images: np.ndarray,
    class_index: np.ndarray,
    *,
    tap: str = "last",
    channels: int = 64,
    score: Literal["probability", "logit"] = "probability",
    softmax: bool = False,
    baseline: Literal["mean", "black", "blur"] = "mean",
) -> HeatMaps:
    """A tap's maps, each weighted by what the model says of the picture seen through it.

    Args:
        model: The classifier.
        images: RGB pictures of the model's input size, 0..255, [N,H,W,3].
        class_index: The class explained in each picture, integers [N]; [N,2] for the lead of the
            first over the second.
        tap: Which map is weighted: a tap's or a layer's name; `last` enters the head.
        channels: How many channels are tried, those that vary most first; 0 for all. A forward
            pass each.
        score: What the model says: the probability, as in the paper, or the logit.
        softmax: Put the weights through a softmax over the channels, as the paper does to
            differences of scores; over probabilities it makes all weights nearly the same.
        baseline: What hidden places become.

    Returns:
        Raw values, float32 [N,h,w], never below 0.
    """
    maps = activations(model, images, tap=tap)
    order = np.argsort(-maps.std(axis=(1, 2)), axis=1, kind="stable")
    order = order[:, : channels or maps.shape[-1]]
    heat = np.zeros(maps.shape[:3], np.float32)
    for row, own in enumerate(order):
        # A channel that is the same everywhere hides nothing, and tells no places apart.
        own = own[maps[row].std(axis=(0, 1))[own] > 0]
        if not len(own):
            continue
        kept = maps[row][..., own].transpose(2, 0, 1)
        here = slice(row, row + 1)
        weights = masked_scores(
            model,
            images[here],
            kept,
            class_index[here],
            baseline=baseline,
            of=score,
            stretch=True,
        )[0]
        if softmax:
            weights = np.exp(weights - weights.max())
            weights /= weights.sum()
        heat[row] = np.maximum(np.einsum("khw,k->hw", kept, weights), 0)
    return heat
