"""Transforms refuse what cannot be done, in a sentence, and are plain data otherwise."""

from __future__ import annotations

import json

import pytest

from zoo.errors import PolicyError
from zoo.transform import (
    Blend,
    Brightness,
    Choice,
    Equalize,
    Fill,
    Flip,
    Grayscale,
    Invert,
    Normalize,
    OneOf,
    Posterize,
    Rotate,
    Sharpness,
    Shear,
    Shift,
    SomeOf,
    Sometimes,
    Zoom,
    digest,
    document,
    read,
    stored,
)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Rotate(-5), "Rotate takes degrees between 0 and 180, received -5"),
        (lambda: Rotate(float("nan")), "Rotate takes degrees between 0 and 180, received nan"),
        (lambda: Rotate("15"), "Rotate takes degrees between 0 and 180, received '15'"),
        (lambda: Rotate(True), "Rotate takes degrees between 0 and 180, received True"),
        (
            lambda: Shift(10, 0),
            "Shift takes a horizontal share of the picture's width between 0 and 1, received 10",
        ),
        (
            lambda: Shift(0, -0.1),
            "Shift takes a vertical share of the picture's height between 0 and 1, received -0.1",
        ),
        (lambda: Shear(90), "Shear takes degrees between 0 and 89, received 90"),
        (lambda: Zoom(0, 1), "Zoom takes a low factor between 0.01 and 100, received 0"),
        (lambda: Zoom(1.2, 0.8), "Zoom takes low up to high, received 1.2 and 0.8"),
        (
            lambda: Flip("sideways"),
            "Flip takes the axis 'horizontal' or 'vertical', received 'sideways'",
        ),
        (lambda: Flip(probability=2), "Flip takes a probability between 0 and 1, received 2"),
        (
            lambda: Fill("mirror"),
            "Fill takes one of nearest, reflect, constant, wrap, received 'mirror'",
        ),
        (lambda: Fill(value=256), "Fill takes a grey level between 0 and 255, received 256"),
    ],
)
def test_a_range_that_cannot_be_is_refused_in_a_sentence(make, message):
    with pytest.raises(PolicyError) as caught:
        make()
    assert str(caught.value) == message


def test_a_policy_is_json():
    rows = document([Rotate(15.0), Fill("constant", 128)])
    assert json.loads(json.dumps(rows)) == [
        {"transform": "rotate", "degrees": 15.0},
        {"transform": "fill", "mode": "constant", "value": 128},
    ]


EVERY = [
    OneOf([Rotate(Choice((-1, 1))), [Equalize(), Sharpness((1, 2))], []]),
    SomeOf(1, [Invert(), Grayscale()]),
    Sometimes(0.5, [Blend([[Invert()], [Posterize(4)]])]),
    Normalize((1.0, 2.0, 3.0)),
    Fill("wrap"),
]


def test_a_stored_policy_is_read_as_it_was():
    kept = json.loads(json.dumps(stored(EVERY)))
    assert read(kept) == EVERY
    assert kept["hash"] == digest(EVERY) == digest(read(kept))
    assert digest(EVERY) != digest(EVERY[1:])
    # Written down once: a change of the form needs a new version.
    assert digest([Rotate(15.0), Flip()]) == (
        "3fcda6390694b7a7a4096be42304d25b5934738ec4b01fd83695768acb5d737f"
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda kept: kept.update(version=7),
            "the policy was stored in version 7, this zoo reads version 1\n"
            "  hint: install a newer keras-zoo",
        ),
        (lambda kept: kept.update(extra=1), "a stored policy has no 'extra'"),
        (
            lambda kept: kept["transforms"][0].update(transform="twist"),
            "no transform named 'twist'\n  hint: zoo knows ",
        ),
        (
            lambda kept: kept["transforms"][0].update(speed=3),
            "the transform rotate has no 'speed'",
        ),
        (lambda kept: kept["transforms"][0].pop("degrees"), "the transform rotate lacks 'degrees'"),
        (
            lambda kept: kept["transforms"][0].update(degrees=9),
            "the policy's hash is '",
        ),
        (
            lambda kept: kept["transforms"][0].update(degrees=900),
            "Rotate takes degrees between 0 and 180, received 900",
        ),
        (
            lambda kept: kept.pop("transforms"),
            "a stored policy has version, transforms and hash, this one lacks transforms",
        ),
    ],
)
def test_a_stored_policy_that_cannot_be_read_says_why(change, message):
    kept = json.loads(json.dumps(stored([Rotate(15.0)])))
    change(kept)
    with pytest.raises(PolicyError) as caught:
        read(kept)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: OneOf([]), "OneOf takes at least one of transforms, received none"),
        (lambda: OneOf(["x"]), "OneOf takes transforms, received 'x'"),
        (
            lambda: SomeOf(3, [Invert()]),
            "SomeOf takes a count up to the number of its transforms, 1, received 3",
        ),
        (
            lambda: Brightness((2, 1)),
            "Brightness takes a factor from low up to high, received 2 and 1",
        ),
        (
            lambda: Brightness((1, 2, 3)),
            "Brightness takes a factor as a number or (low, high), received (1, 2, 3)",
        ),
        (lambda: Posterize(2.5), "Posterize takes a whole number of bits, received 2.5"),
        (lambda: Choice(()), "Choice takes finite numbers, at least one, received ()"),
        (
            lambda: Shift(1, 2, "miles"),
            "Shift takes the unit share, pixels, received 'miles'",
        ),
        (
            lambda: Normalize((1.0, 2.0)),
            "Normalize takes three finite numbers as mean, received (1.0, 2.0)",
        ),
    ],
)
def test_what_a_transform_does_not_take_is_said(make, message):
    with pytest.raises(PolicyError) as caught:
        make()
    assert str(caught.value) == message
