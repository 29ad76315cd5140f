"""Transforms refuse what cannot be done, in a sentence, and are plain data otherwise."""

from __future__ import annotations

import json

import pytest

from zoo.errors import PolicyError
from zoo.transform import Fill, Flip, Rotate, Shear, Shift, Zoom, document


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
