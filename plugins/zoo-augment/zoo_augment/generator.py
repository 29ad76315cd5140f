"""Keras's ImageDataGenerator by its own arguments."""

from __future__ import annotations

from typing import Literal

from zoo.api import (
    Brightness,
    BrightnessInBytes,
    Center,
    ChannelShiftWithin,
    Choice,
    Fill,
    Flip,
    GeneratorMoves,
    Normalize,
    Policy,
    PolicyError,
    Range,
    Rescale,
    Rotate,
    Shear,
    Shift,
    Standardize,
    Transform,
    Whiten,
    Zoom,
)


def image_data_generator(
    *,
    rotation_range: float = 0.0,
    width_shift_range: tuple[str, ...] = ("0",),
    height_shift_range: tuple[str, ...] = ("0",),
    brightness_range: tuple[float, float] | None = None,
    shear_range: float = 0.0,
    zoom_range: tuple[float, ...] = (0.0,),
    channel_shift_range: float = 0.0,
    fill_mode: Literal["nearest", "reflect", "constant", "wrap"] = "nearest",
    cval: float = 0.0,
    horizontal_flip: bool = False,
    vertical_flip: bool = False,
    rescale: float | None = None,
    samplewise_center: bool = False,
    samplewise_std_normalization: bool = False,
    featurewise_center: bool = False,
    featurewise_std_normalization: bool = False,
    zca_whitening: bool = False,
    zca_epsilon: float = 1e-6,
    preprocessing_function: str | None = None,
    validation_split: float = 0.0,
    interpolation_order: int = 1,
    data_format: Literal["channels_last", "channels_first"] = "channels_last",
    dtype: Literal["float32", "float16", "float64"] = "float32",
    mean: tuple[float, float, float] | None = None,
    std: tuple[float, float, float] | None = None,
    whitening: str | None = None,
    compat: Literal["none", "keras"] = "none",
) -> Policy:
    """Keras's ImageDataGenerator by its own arguments, without its two bugs unless asked for.

    Keras moves pictures sideways by `height_shift_range`, and turns oblong ones about a point
    beside their centre. `compat=keras` does both too, and rounds brightness to bytes.

    What is no policy's affair is taken with its default alone, and otherwise said where it
    belongs.

    Args:
        rotation_range: Largest angle in degrees, either way.
        width_shift_range: Largest move sideways: a share of the width below 1 (`0.2`), pixels
            (`3.0`), a whole number of pixels below it (`3`), or one of several (`1,4`).
        height_shift_range: The same up and down, of the height.
        brightness_range: Smallest and largest factor.
        shear_range: Largest slant in degrees.
        zoom_range: Smallest and largest factor, or what they differ by from 1; above 1 pictures
            shrink. Width and height draw their own.
        channel_shift_range: Largest number added to all values.
        fill_mode: What is seen beyond the border.
        cval: Grey level of `constant`.
        horizontal_flip: Mirror half of the pictures left to right.
        vertical_flip: Mirror half of the pictures top to bottom.
        rescale: Factor on all values after everything that changes them at random.
        samplewise_center: Subtract each picture's mean.
        samplewise_std_normalization: Divide by each picture's standard deviation, after its mean
            was subtracted.
        featurewise_center: Subtract `mean`.
        featurewise_std_normalization: Divide by `std`, after `mean` was subtracted.
        zca_whitening: Whiten by `whitening`, after `mean` was subtracted.
        zca_epsilon: Of the whitening matrix, and so of the function that makes it.
        preprocessing_function: A policy is data and holds no function.
        validation_split: Pictures are held out by `zoo train`, and are never augmented.
        interpolation_order: 1 for bilinear.
        data_format: `channels_last`.
        dtype: Pictures leave a policy in `float32`.
        mean: Of red, green and blue over the data set, after `rescale`.
        std: Their standard deviations.
        whitening: The .npz of the whitening matrix.
        compat: `keras` for the geometry of Keras, bugs included.

    Raises:
        PolicyError: A range is none that the generator takes, a statistic is missing, or
            something is asked for that is no policy's affair.
    """
    _elsewhere(
        zca_epsilon=zca_epsilon,
        preprocessing_function=preprocessing_function,
        validation_split=validation_split,
        interpolation_order=interpolation_order,
        data_format=data_format,
        dtype=dtype,
    )
    low, high = _zoom(zoom_range)
    if compat == "keras":
        moves: list[Transform] = [
            GeneratorMoves(
                rotation=rotation_range,
                # Sideways by what is called height, and the other way round.
                sideways=_shift("height_shift_range", height_shift_range),
                sideways_unit=_unit(height_shift_range),
                upwards=_shift("width_shift_range", width_shift_range),
                upwards_unit=_unit(width_shift_range),
                shear=shear_range,
                zoom=(low, high),
            )
        ]
    else:
        moves = [
            Rotate(rotation_range),
            Shift(_shift("width_shift_range", width_shift_range), 0.0, _unit(width_shift_range)),
            Shift(0.0, _shift("height_shift_range", height_shift_range), _unit(height_shift_range)),
            Shear(shear_range),
            Zoom(low, high),
        ]
    light: list[Transform] = [ChannelShiftWithin(channel_shift_range)]
    if channel_shift_range == 0:
        light = []
    if brightness_range is not None:
        kind = BrightnessInBytes if compat == "keras" else Brightness
        light.append(kind(brightness_range))
    return [
        *moves,
        Flip("horizontal", 0.5 if horizontal_flip else 0.0),
        Flip("vertical", 0.5 if vertical_flip else 0.0),
        Fill(fill_mode, cval),
        *light,
        *([Rescale(rescale)] if rescale is not None else []),
        # As in Keras, deviations are from the mean.
        *([Center()] if samplewise_center or samplewise_std_normalization else []),
        *([Standardize()] if samplewise_std_normalization else []),
        *_featurewise(
            featurewise_center or featurewise_std_normalization or zca_whitening,
            # Whitening makes deviations 1 by itself, and switches this off.
            featurewise_std_normalization and not zca_whitening,
            mean,
            std,
        ),
        *_whiten(zca_whitening, whitening),
    ]


_ELSEWHERE: dict[str, tuple[object, str]] = {
    "zca_epsilon": (
        1e-6,
        "it is part of the matrix: zoo.engine.augment.whitening.fit(images, epsilon={})",
    ),
    "preprocessing_function": (
        None,
        "a policy is data; a policy of your own is a plugin (zoo plugins new), and models "
        "normalise by themselves",
    ),
    "validation_split": (
        0.0,
        "zoo train holds pictures out by itself and never augments them; a val/ folder says which",
    ),
    "interpolation_order": (1, "a policy's one warp is bilinear; higher splines leave 0..255"),
    "data_format": ("channels_last", "pictures are [N,H,W,3] throughout; transpose yours"),
    "dtype": (
        "float32",
        "pictures leave a policy in float32; --dtype of zoo train is the model's arithmetic",
    ),
}
"""Arguments that are no policy's affair: the value they may have, and where they belong."""


def _elsewhere(**given: object) -> None:
    for name, value in given.items():
        accepted, where = _ELSEWHERE[name]
        if value != accepted:
            takes = f"takes {name} {accepted}" if accepted else f"takes no {name}"
            raise PolicyError(
                f"image-data-generator {takes}, received {value}", hint=where.format(value)
            )


def _zoom(given: tuple[float, ...]) -> tuple[float, float]:
    if len(given) == 1 and 0 <= given[0] < 1:
        return 1 - given[0], 1 + given[0]
    if len(given) == 2:
        return given
    raise PolicyError(
        "image-data-generator takes a zoom_range from 0 up to but not including 1, or low,high, "
        f"received {','.join(map(str, given))}"
    )


def _shift(name: str, given: tuple[str, ...]) -> Range:
    """What a move is drawn from, by the generator's rules for a float, an int and a list."""
    try:
        values = [float(each) for each in given]
    except ValueError:
        values = []
    if not values:
        raise PolicyError(
            f"image-data-generator takes numbers as {name}, received {','.join(map(str, given))}"
        )
    if len(values) == 1:
        if str(given[0]).isdigit() and values[0] > 0:
            # A whole number n means one of 0 to n-1 pixels, either way.
            values = list(map(float, range(int(values[0]))))
        else:
            return values[0]
    return Choice(tuple(sign * value for value in values for sign in (1, -1)))


def _unit(given: tuple[str, ...]) -> Literal["share", "pixels"]:
    largest = max(float(each) for each in given)
    return "share" if largest < 1 else "pixels"


def _featurewise(
    center: bool,
    scale: bool,
    mean: tuple[float, float, float] | None,
    std: tuple[float, float, float] | None,
) -> list[Transform]:
    for wanted, given, name, option in (
        (center, mean, "mean", "featurewise_center"),
        (scale, std, "std", "featurewise_std_normalization"),
    ):
        if wanted and given is None:
            raise PolicyError(
                f"image-data-generator needs the data set's {name} for {option}",
                hint=f"add {name}=R,G,B",
            )
        if given is not None and not wanted:
            raise PolicyError(f"{name} is of no use without {option}=true")
    if not center and not scale:
        return []
    return [Normalize((mean or (0.0, 0.0, 0.0)) if center else (0.0, 0.0, 0.0), std)]


def _whiten(wanted: bool, file: str | None) -> list[Transform]:
    if wanted and file is None:
        raise PolicyError(
            "image-data-generator needs the whitening matrix for zca_whitening",
            hint="add whitening=FILE.npz, which zoo.engine.augment.whitening.save wrote",
        )
    if file is not None and not wanted:
        raise PolicyError("whitening is of no use without zca_whitening=true")
    return [Whiten(file)] if file is not None else []
