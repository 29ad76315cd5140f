"""Generalised-mean pooling, between average (p = 1) and maximum (p without bound)."""

from __future__ import annotations

from keras import layers

from zoo.api import Features, Tensor


def gem(features: Features, num_classes: int, *, dropout: float = 0.0) -> Tensor:
    """Generalised-mean pooling with p = 2, then one Dense layer.

    Filip Radenović et al., Fine-tuning CNN Image Retrieval (arXiv:1711.02512).

    Args:
        features: Taps of the backbone; the last one is used, [N,h,w,c].
        num_classes: Number of logits.
        dropout: Share of pooled features that are dropped in training, 0 to 1.

    Returns:
        Logits, [N,num_classes], float32.
    """
    x = list(features.values())[-1]
    x = layers.Multiply(name="head_square")([x, x])
    x = layers.GlobalAveragePooling2D(name="head_mean", dtype="float32")(x)
    # A map of zeros has no direction: LiteRT divides it by nothing, and answers with no number.
    x = layers.Rescaling(1.0, offset=1e-6, name="head_floor", dtype="float32")(x)
    x = layers.UnitNormalization(name="head_norm", dtype="float32")(x)
    if dropout:
        x = layers.Dropout(dropout, name="head_dropout")(x)
    return layers.Dense(num_classes, name="logits", dtype="float32")(x)
