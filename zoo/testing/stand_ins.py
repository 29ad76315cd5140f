"""The kit's own plain parts and pictures, which hold the other end of what is tested."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from zoo.part import Part
from zoo.registry import ResolvedPart

if TYPE_CHECKING:
    import keras

BLOB = (8, 20)
"""Where the evidence is planted: the top left corner of a patch of PATCH pixels."""
PATCH = 8


def plain(inputs: keras.KerasTensor) -> dict[str, keras.KerasTensor]:
    """Two strided convolutions with batch normalisation."""
    from keras import layers

    taps = {}
    x = inputs
    for stage, channels in enumerate((8, 16), 1):
        x = layers.Conv2D(channels, 3, 2, padding="same", name=f"stage{stage}_conv")(x)
        x = layers.BatchNormalization(name=f"stage{stage}_bn")(x)
        x = layers.Activation("relu", name=f"stage{stage}_relu")(x)
        taps[f"stage{stage}"] = x
    return taps


def pooled(features: dict[str, keras.KerasTensor], num_classes: int) -> keras.KerasTensor:
    """Global average pooling and one Dense layer."""
    from keras import layers

    x = layers.GlobalAveragePooling2D(name="head_pool", dtype="float32")(
        list(features.values())[-1]
    )
    return layers.Dense(num_classes, name="logits", dtype="float32")(x)


def resolved(kind: Literal["backbone", "head"]) -> ResolvedPart:
    """The kit's backbone or head as the registry would give it."""
    function: Any = {"backbone": plain, "head": pooled}[kind]
    part = Part(
        kind=kind,
        id=f"kit/{function.__name__}",
        target=f"zoo.testing.stand_ins:{function.__name__}",
        summary=function.__doc__ or "",
        options=(),
        plugin="kit",
        distribution="keras-zoo",
        version="",
        file=__file__,
        line=function.__code__.co_firstlineno,
    )
    return ResolvedPart(part, {})


def pictures(count: int, size: tuple[int, int], seed: int = 0) -> np.ndarray:
    """Smooth random pictures, uint8 [count,h,w,3]."""
    draws = np.random.default_rng(seed)
    rows, columns = np.mgrid[0 : size[0], 0 : size[1]]
    waves = draws.uniform(0.05, 0.6, (count, 3, 2, 1, 1))
    phase = draws.uniform(0, 6, (count, 3, 1, 1))
    values = np.sin(waves[:, :, 0] * rows + waves[:, :, 1] * columns + phase)
    return np.round(127.5 + 127.5 * values).astype(np.uint8).transpose(0, 2, 3, 1)


def planted_model() -> keras.Model:
    """A model of two classes that knows one thing: red speaks for class 1, and nothing for 0."""
    import keras
    from keras import layers

    from zoo.engine.anatomy import Anatomy

    image = keras.Input((32, 32, 3), name="image")
    x = layers.Rescaling(1 / 255, name="normalize")(image)
    x = layers.Conv2D(2, 3, padding="same", activation="relu", name="red")(x)
    x = layers.MaxPooling2D(4, name="stage1")(x)
    pooled = layers.GlobalAveragePooling2D(name="head_pool")(x)
    logits = layers.Dense(2, name="logits")(pooled)
    model = keras.Model(image, layers.Activation("softmax", name="probabilities")(logits))
    kernel = np.zeros((3, 3, 3, 2), np.float32)
    kernel[:, :, 0, 0] = 1 / 9
    kernel[:, :, 1:, 0] = -1 / 9
    kernel[:, :, 2, 1] = 1 / 9
    model.get_layer("red").set_weights([kernel, np.zeros(2, np.float32)])
    weights = np.array([[-4.0, 8.0], [1.0, -1.0]], np.float32)
    model.get_layer("logits").set_weights([weights, np.zeros(2, np.float32)])
    model.zoo_anatomy = Anatomy(
        spec="kit/red+kit/pooled",
        taps={"stage1": "stage1"},
        classes=("other", "red"),
        input_size=(32, 32),
        normalization={"order": "rgb", "mean": [0.0] * 3, "std": [1.0] * 3, "scale": 255.0},
    )
    return model


def planted_picture() -> np.ndarray:
    """A grey picture with one red patch at `BLOB`, uint8 [1,32,32,3]."""
    picture = np.full((1, 32, 32, 3), 120, np.uint8)
    top, left = BLOB
    picture[:, top : top + PATCH, left : left + PATCH] = (230, 20, 20)
    return picture
