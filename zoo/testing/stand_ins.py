"""The kit's own plain parts and pictures, which hold the other end of what is tested."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from zoo.part import Part
from zoo.registry import ResolvedModel, ResolvedPart
from zoo.spec import ModelSpec, PartSpec

if TYPE_CHECKING:
    import keras

PATCH = 8
"""Height and width of a patch of planted evidence."""

RED, BLUE = (4, 20), (20, 4)
"""Top left corner of the red and of the blue patch."""


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


def model() -> keras.Model:
    """The kit's backbone and head together, for three classes of 32x32 pixels."""
    from zoo.engine.assemble import assemble

    spec = ModelSpec(
        PartSpec("backbone", "kit/plain", None, {}), PartSpec("head", "kit/pooled", None, {})
    )
    parts = ResolvedModel(spec, resolved("backbone"), resolved("head"))
    return assemble(parts, classes=3, input_size=32, seed=0)


def pictures(count: int, size: tuple[int, int], seed: int = 0) -> np.ndarray:
    """Smooth random pictures, uint8 [count,h,w,3]."""
    draws = np.random.default_rng(seed)
    rows, columns = np.mgrid[0 : size[0], 0 : size[1]]
    waves = draws.uniform(0.05, 0.6, (count, 3, 2, 1, 1))
    phase = draws.uniform(0, 6, (count, 3, 1, 1))
    values = np.sin(waves[:, :, 0] * rows + waves[:, :, 1] * columns + phase)
    return np.round(127.5 + 127.5 * values).astype(np.uint8).transpose(0, 2, 3, 1)


def planted_model(size: tuple[int, int] = (32, 32), *, exchanged: bool = False) -> keras.Model:
    """A model of two classes that knows two things: red speaks for class 1, blue for class 0.

    Args:
        size: Height and width.
        exchanged: Let red speak for class 0 and blue for class 1: other weights, and nothing else.
    """
    import keras
    from keras import layers

    from zoo.engine.anatomy import Anatomy

    image = keras.Input((*size, 3), name="image")
    x = layers.Rescaling(1 / 255, name="normalize")(image)
    x = layers.Conv2D(2, 3, padding="same", activation="relu", name="colours")(x)
    x = layers.MaxPooling2D(4, name="stage1")(x)
    mean = layers.GlobalAveragePooling2D(name="head_pool")(x)
    logits = layers.Dense(2, name="logits")(mean)
    model = keras.Model(image, layers.Activation("softmax", name="probabilities")(logits))
    # The first map is red without the other two colours, the second blue without them.
    kernel = np.full((3, 3, 3, 2), -1 / 9, np.float32)
    kernel[:, :, 0, 0] = kernel[:, :, 2, 1] = 1 / 9
    model.get_layer("colours").set_weights([kernel, np.zeros(2, np.float32)])
    speaks = np.array([[-8.0, 8.0], [8.0, -8.0]], np.float32)
    weights = speaks[::-1] if exchanged else speaks
    model.get_layer("logits").set_weights([weights, np.zeros(2, np.float32)])
    model.zoo_anatomy = Anatomy(
        spec="kit/colours+kit/pooled",
        taps={"stage1": "stage1"},
        classes=("blue", "red"),
        input_size=size,
        normalization={"order": "rgb", "mean": [0.0] * 3, "std": [1.0] * 3, "scale": 255.0},
    )
    return model


def planted_picture(size: tuple[int, int] = (32, 32)) -> np.ndarray:
    """A grey picture with a red patch at `RED` and a blue one at `BLUE`, uint8 [1,h,w,3]."""
    picture = np.full((1, *size, 3), 120, np.uint8)
    for (top, left), colour in ((RED, (230, 20, 20)), (BLUE, (20, 20, 230))):
        picture[:, top : top + PATCH, left : left + PATCH] = colour
    return picture
