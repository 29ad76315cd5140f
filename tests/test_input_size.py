from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo import input_size, registry
from zoo.errors import ModelError


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_reads_one_number_and_two(height: int, width: int) -> None:
    assert input_size.parse(f"{height}x{width}") == (height, width)
    assert input_size.parse(f"{height}") == (height, height)


@given(st.text(max_size=12).filter(lambda text: not re.fullmatch("[0-9]+(x[0-9]+)?", text)))
def test_any_other_text_is_a_model_error(text: str) -> None:
    with pytest.raises(ModelError) as caught:
        input_size.parse(text)
    assert str(caught.value) == (
        f"input size {text!r} cannot be read\n  hint: write 224 or HEIGHTxWIDTH: 224x192"
    )


def test_default_is_the_backbones_own() -> None:
    part = registry.load().part("backbone", "vgg16")
    assert input_size.accept(part, None) == (224, 224)
    assert input_size.accept(part, 64) == (64, 64)
    assert input_size.accept(part, (64, 96)) == (64, 96)
    assert input_size.accept(replace(part, input=None), None) == (224, 224)


@pytest.mark.parametrize("size", [(31, 64), (64, 31), 0])
def test_says_the_smallest_accepted(size) -> None:
    part = registry.load().part("backbone", "vgg16")
    height, width = (size, size) if isinstance(size, int) else size
    with pytest.raises(ModelError) as caught:
        input_size.accept(part, size)
    assert str(caught.value) == (
        f"vgg16 cannot take pictures of {height}x{width}, the smallest it accepts is 32x32\n"
        "  hint: its own size is 224x224"
    )


def test_refuses_slips_of_the_keyboard() -> None:
    part = registry.load().part("backbone", "vgg16")
    with pytest.raises(ModelError) as caught:
        input_size.accept(part, 22400)
    assert str(caught.value) == (
        "input size 22400x22400 is out of range, accepted are 1 to 4096 pixels\n"
        "  hint: vgg16's own size is 224x224"
    )
