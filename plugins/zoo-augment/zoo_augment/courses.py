"""The augmentation of courses and books, under their own names and with their own numbers."""

from __future__ import annotations

from typing import Literal

from zoo.api import (
    Brightness,
    Center,
    ChannelShift,
    Contrast,
    Crop,
    Fill,
    Flip,
    Gamma,
    Occlude,
    Policy,
    PolicyError,
    Rotate,
    Shear,
    Shift,
    Zoom,
)


def dlwp(
    *,
    rotation: float = 40.0,
    shift: float = 0.2,
    shear: float = 0.2,
    zoom: float = 0.2,
    flip: bool = True,
    fill: Literal["nearest", "reflect", "constant", "wrap"] = "nearest",
) -> Policy:
    """Deep Learning with Python 5.2: the strong moves that cats and dogs are trained with.

    Args:
        rotation: Largest angle in degrees, either way.
        shift: Largest move, as a share of width and of height.
        shear: Largest slant in degrees; the book's 0.2 is hardly any.
        zoom: Width and height are each stretched by a factor of 1-zoom to 1+zoom.
        flip: Mirror half of the pictures left to right.
        fill: What is seen beyond the border.

    Raises:
        PolicyError: A range is outside of what its transform takes.
    """
    return [
        Rotate(rotation),
        Shift(shift, shift),
        Shear(shear),
        _zoom("dlwp", zoom),
        _flip(flip),
        Fill(fill),
    ]


def fastai(
    *,
    rotation: float = 15.0,
    shift: float = 0.1,
    shear: float = 0.0,
    zoom: float = 0.1,
    channel_shift: float = 0.0,
    flip: bool = True,
) -> Policy:
    """Practical Deep Learning for Coders 2017, lesson 3: cats and dogs again, a little gentler.

    The lesson's sheet of eight variants is `fastai:rotation=10:shear=0.15:channel_shift=10`.

    Args:
        rotation: Largest angle in degrees, either way.
        shift: Largest move, as a share of width and of height.
        shear: Largest slant in degrees.
        zoom: Width and height are each stretched by a factor of 1-zoom to 1+zoom.
        channel_shift: Largest number added to all values, of 255.
        flip: Mirror half of the pictures left to right.

    Raises:
        PolicyError: A range is outside of what its transform takes.
    """
    return [
        Rotate(rotation),
        Shift(shift, shift),
        Shear(shear),
        _zoom("fastai", zoom),
        _flip(flip),
        ChannelShift(channel_shift),
    ]


def tiny_imagenet(
    *,
    rotation: float = 30.0,
    shift: float = 0.2,
    shear: float = 5.0,
    zoom: float = 0.2,
    flip: bool = True,
    brightness: float = 0.5,
    gamma_low: float = 0.9,
    gamma_high: float = 1.08,
    occlusion: int = 10,
    crop: int = 0,
    contrast: float = 0.0,
    center: bool = False,
) -> Policy:
    """TensorFlow in Action 7: moves, light and a covered square, for 64x64 pictures.

    Args:
        rotation: Largest angle in degrees, either way.
        shift: Largest move, as a share of width and of height.
        shear: Largest slant in degrees.
        zoom: Width and height are each stretched by a factor of 1-zoom to 1+zoom.
        flip: Mirror half of the pictures left to right.
        brightness: Values are multiplied by 1-brightness to 1+brightness.
        gamma_low: Smallest power that values are raised to.
        gamma_high: Largest power.
        occlusion: Side in pixels of a square that is covered with black, grey or white.
        crop: Side in pixels of a part that is cut out anywhere, as the book does for its small
            Inception-ResNet: 56, of 64; 0 for none.
        contrast: Differences from the mean grey are multiplied by 1-contrast to 1+contrast; 0.3
            for that network.
        center: Subtract each picture's mean, as the book does; not for `zoo train`, whose models
            normalise by themselves.

    Raises:
        PolicyError: A range is outside of what its transform takes.
    """
    if not 0 <= brightness <= 1:
        raise PolicyError(f"tiny-imagenet takes brightness from 0 to 1, received {brightness}")
    if not 0 <= contrast <= 1:
        raise PolicyError(f"tiny-imagenet takes contrast from 0 to 1, received {contrast}")
    return [
        Rotate(rotation),
        Shift(shift, shift),
        Shear(shear),
        _zoom("tiny-imagenet", zoom),
        _flip(flip),
        *([Crop(crop, crop)] if crop else []),
        Fill("reflect"),
        Brightness((1 - brightness, 1 + brightness)),
        Gamma((gamma_low, gamma_high)),
        Occlude(occlusion),
        *([Contrast((1 - contrast, 1 + contrast))] if contrast else []),
        *([Center()] if center else []),
    ]


def keras_layers(*, rotation: float = 0.1, zoom: float = 0.1, flip: bool = True) -> Policy:
    """What the layers RandomFlip, RandomRotation and RandomZoom of Keras's examples do.

    Args:
        rotation: Largest angle as a share of a full turn, either way.
        zoom: Pictures are stretched by a factor of 1-zoom to 1+zoom, their proportions kept.
        flip: Mirror half of the pictures left to right.

    Raises:
        PolicyError: A range is outside of what its transform takes.
    """
    return [
        _flip(flip),
        Rotate(360 * rotation),
        _zoom("keras-layers", zoom, proportional=True),
        Fill("reflect"),
    ]


def _zoom(policy: str, zoom: float, proportional: bool = False) -> Zoom:
    if not 0 <= zoom < 1:
        raise PolicyError(f"{policy} takes zoom from 0 up to but not including 1, received {zoom}")
    return Zoom(1 - zoom, 1 + zoom, proportional)


def _flip(flip: bool) -> Flip:
    return Flip("horizontal", 0.5 if flip else 0.0)
