"""The height and width of a model's pictures: read from text and checked against a backbone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from zoo.errors import ModelError

if TYPE_CHECKING:
    from zoo.part import Part, Weights

Size = tuple[int, int]

LARGEST = 4096
"""Beyond this the first maps alone fill a GPU; a larger number is a slip of the keyboard."""


def parse(text: str) -> Size:
    """Read `224` or `HEIGHTxWIDTH`.

    Args:
        text: What the user typed after `--input-size`.

    Returns:
        Height and width in pixels.

    Raises:
        ModelError: The text is neither form.
    """
    match = re.fullmatch(r"(\d{1,9})(?:x(\d{1,9}))?", text, re.ASCII)
    if match is None:
        raise ModelError(
            f"input size {text!r} cannot be read", "write 224 or HEIGHTxWIDTH: 224x192"
        )
    height, width = match.groups()
    return int(height), int(width or height)


def accept(part: Part, size: int | Size | None, weights: Weights | None = None) -> Size:
    """The size to build a backbone at.

    Args:
        part: The backbone.
        size: Height and width, one number for both, or None for the backbone's own size.
        weights: Its pretrained weights, whose size goes before the backbone's own.

    Returns:
        Height and width in pixels.

    Raises:
        ModelError: The backbone cannot take the size.
    """
    native = (weights and weights.input) or part.input or (224, 224)
    height, width = native if size is None else (size, size) if isinstance(size, int) else size
    if part.minimum and (height < part.minimum[0] or width < part.minimum[1]):
        raise ModelError(
            f"{part.id} cannot take pictures of {height}x{width}, "
            f"the smallest it accepts is {_text(part.minimum)}",
            f"its own size is {_text(native)}",
        )
    if not (1 <= height <= LARGEST and 1 <= width <= LARGEST):
        raise ModelError(
            f"input size {height}x{width} is out of range, accepted are 1 to {LARGEST} pixels",
            f"{part.id}'s own size is {_text(native)}",
        )
    return height, width


def accept_crop(box: int | Size, size: Size) -> Size:
    """The size that pictures are brought to before a model's input is cut out of it.

    Args:
        box: Height and width, one number for both.
        size: Those of the model's input.

    Returns:
        Height and width in pixels.

    Raises:
        ModelError: The input does not fit in.
    """
    height, width = (box, box) if isinstance(box, int) else box
    if not (size[0] <= height <= LARGEST and size[1] <= width <= LARGEST):
        raise ModelError(
            f"pictures of {_text(size)} cannot be cut out of {height}x{width}",
            f"--crop-from takes {_text(size)} up to {LARGEST} pixels",
        )
    return height, width


def _text(size: Size) -> str:
    return f"{size[0]}x{size[1]}"
