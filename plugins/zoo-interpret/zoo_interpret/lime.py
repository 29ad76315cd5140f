"""LIME: Ribeiro et al., arXiv:1602.04938."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from zoo.api import ExplainError, HeatMaps, masked_scores

if TYPE_CHECKING:
    import keras


def lime(
    model: keras.Model,
    images: np.ndarray,
    class_index: np.ndarray,
    *,
    segments: int = 50,
    samples: int = 500,
    width: float = 0.25,
    penalty: float = 1.0,
    score: Literal["probability", "logit"] = "probability",
    baseline: Literal["mean", "black", "blur"] = "mean",
    seed: int = 0,
) -> HeatMaps:
    """What each patch of like pixels adds to the score, by a linear model fitted around it.

    Superpixels (SLIC, of scikit-image) are hidden at random, and a ridge regression (of
    scikit-learn) of the score on what is left says what each is worth.

    Args:
        model: The classifier.
        images: RGB pictures of the model's input size, 0..255, [N,H,W,3].
        class_index: The class explained in each picture, integers [N]; [N,2] for the lead of the
            first over the second.
        segments: About how many superpixels a picture is cut into.
        samples: How many times some are hidden, a forward pass each.
        width: Of the kernel that weights a sample by its cosine distance from the whole picture.
        penalty: Of the ridge regression; 0 is plain least squares.
        score: What is explained.
        baseline: What hidden places become.
        seed: Decides what is hidden.

    Returns:
        Raw values, float32 [N,H,W], the same all over a superpixel; negative speaks against the
        class.

    Raises:
        ExplainError: scikit-image is not installed.
    """
    try:
        from skimage.segmentation import slic
    except ImportError as error:
        raise ExplainError(
            "lime needs scikit-image to cut pictures into patches",
            "pip install 'keras-zoo[lime]'",
        ) from error
    from sklearn.linear_model import Ridge

    heat = np.empty(images.shape[:3], np.float32)
    for row, picture in enumerate(np.asarray(images)):
        patches = slic(picture.astype(np.uint8), n_segments=segments, start_label=0)
        count = patches.max() + 1
        kept = np.random.default_rng(seed).integers(0, 2, (samples, count))
        kept[0] = 1
        here = slice(row, row + 1)
        seen = masked_scores(
            model,
            images[here],
            kept.astype(np.float32)[:, patches],
            class_index[here],
            baseline=baseline,
            of=score,
        )[0]
        # The cosine of 0s and 1s with all 1s is the root of the share that is kept.
        distance = 1 - np.sqrt(kept.mean(axis=1))
        near = np.exp(-((distance / width) ** 2))
        fitted = Ridge(alpha=penalty).fit(kept, seen, sample_weight=near)
        heat[row] = fitted.coef_[patches]
    return heat
