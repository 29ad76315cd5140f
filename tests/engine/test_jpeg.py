"""JPEGs that need no more than decoding are told by their headers."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from zoo.engine import jpeg


def written(shape: tuple[int, int] = (9, 14), mode: str = "RGB", **how: Any) -> bytes:
    file = io.BytesIO()
    drawn = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    Image.fromarray(drawn).convert(mode).save(file, "JPEG", **how)
    return file.getvalue()


@settings(deadline=None, max_examples=30)
@given(
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    progressive=st.booleans(),
    comment=st.binary(max_size=300),
)
def test_the_size_is_what_was_written(
    height: int, width: int, progressive: bool, comment: bytes
) -> None:
    data = written((height, width), progressive=progressive, comment=comment)
    assert jpeg.plain_size(data) == (height, width)


def test_a_colour_profile_is_passed_over() -> None:
    assert jpeg.plain_size(written(icc_profile=b"x" * 70_000)) == (9, 14)


def turned() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return written(exif=exif)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\x89PNG\r\n\x1a\n", id="another format"),
        pytest.param(written()[:-2], id="breaks off"),
        pytest.param(written(mode="L"), id="grey"),
        pytest.param(written(mode="CMYK"), id="four channels"),
        pytest.param(turned(), id="may be turned"),
        pytest.param(b"\xff\xd8\xff\xe0\xff\xff" + b"\xff\xd9" * 8, id="length beyond the end"),
        pytest.param(b"\xff\xd8\xff\xd9", id="nothing between"),
    ],
)
def test_what_wants_a_closer_look_has_no_plain_size(data: bytes) -> None:
    assert jpeg.plain_size(data) is None


@settings(deadline=None, max_examples=200)
@given(data=st.binary(max_size=64))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    size = jpeg.plain_size(jpeg.START + data + jpeg.END)
    assert size is None or min(size) > 0
