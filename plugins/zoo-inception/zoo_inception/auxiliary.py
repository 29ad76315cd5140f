"""The classifiers of GoogLeNet, two of them for training only: Szegedy et al., arXiv:1409.4842."""

from __future__ import annotations

from typing import Literal

from keras import layers

from zoo.api import Features, ModelError, Tensor, scaled

FILTERS, UNITS = 128, 1024
POOL, STRIDES = 5, 3


def aux(
    features: Features,
    num_classes: int,
    *,
    taps: tuple[str, ...] = (),
    width: float = 1.0,
    variant: Literal["bn", "paper"] = "bn",
    dropout: float = 0.4,
    aux_dropout: float = 0.7,
) -> dict[str, Tensor]:
    """Classify the mean of the last map, and in training two earlier maps as well.

    The recipe's `auxiliary` weighs the losses of the two; a saved model does not hold them.

    Args:
        features: Taps of the backbone, [N, h, w, c] each.
        num_classes: Number of logits.
        taps: Where the auxiliary classifiers read. Without any, the first and the last but one of
            the maps of the last size but one: `inception4a` and `inception4d` on `inception-v1`.
        width: Factor on the filters and units of the auxiliary classifiers.
        variant: `bn` normalises after their convolution, `paper` does not.
        dropout: Share of the pooled values dropped in training, 0 to below 1.
        aux_dropout: The same for the hidden layer of each auxiliary classifier.

    Returns:
        Logits [N, num_classes], float32: `logits`, then `aux1`, `aux2`.
    """
    for name, share in (("dropout", dropout), ("aux-dropout", aux_dropout)):
        if not 0 <= share < 1:
            raise ModelError(f"aux takes {name} from 0 to below 1, received {share}")
    if unknown := [name for name in taps if name not in features]:
        raise ModelError(
            f"aux reads the taps {', '.join(unknown)}, which the backbone does not have",
            f"taps: {', '.join(features)}",
        )
    *_, last = features.values()
    x = layers.GlobalAveragePooling2D(name="head_pool")(last)
    if dropout:
        x = layers.Dropout(dropout, name="head_dropout")(x)
    logits = {"logits": _classifier(x, num_classes, "logits")}
    for number, tap in enumerate(taps or _before_the_last_size(features), 1):
        name = f"aux{number}"
        x = _hidden(features[tap], width, variant, name)
        if aux_dropout:
            x = layers.Dropout(aux_dropout, name=f"{name}_dropout")(x)
        logits[name] = _classifier(x, num_classes, f"{name}_logits")
    return logits


def _before_the_last_size(features: Features) -> tuple[str, ...]:
    """The first and the last but one tap of the last size but one; fewer where it has fewer."""
    sizes: dict[tuple[int, ...], list[str]] = {}
    for name, tensor in features.items():
        sizes.setdefault(tuple(tensor.shape[1:3]), []).append(name)
    *earlier, _ = sizes.values()
    if not earlier:
        return ()
    names = earlier[-1]
    return tuple(dict.fromkeys((names[0], names[-2]) if len(names) > 1 else names))


def _hidden(x: Tensor, width: float, variant: str, name: str) -> Tensor:
    """Average over 5x5 places, of a smaller map over all of it, convolution 1x1, one Dense."""
    pool = tuple(min(POOL, extent) for extent in x.shape[1:3])
    x = layers.AveragePooling2D(pool, strides=STRIDES, name=f"{name}_pool")(x)
    x = layers.Conv2D(
        scaled(FILTERS, width),
        1,
        use_bias=variant == "paper",
        kernel_initializer="he_uniform",
        name=f"{name}_conv",
    )(x)
    if variant == "bn":
        x = layers.BatchNormalization(epsilon=1e-3, momentum=0.9, name=f"{name}_bn")(x)
    x = layers.ReLU(name=f"{name}_relu")(x)
    x = layers.Flatten(name=f"{name}_flatten")(x)
    return layers.Dense(scaled(UNITS, width), activation="relu", name=f"{name}_dense")(x)


def _classifier(x: Tensor, num_classes: int, name: str) -> Tensor:
    # float32 whatever the policy: a softmax over half-precision logits loses the small classes.
    return layers.Dense(num_classes, dtype="float32", name=name)(x)
