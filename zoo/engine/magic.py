"""Which picture format a file holds, told by its first bytes and never by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF")
"""The formats that are read, by Pillow's names for them."""

HEAD = 32
"""Bytes of a file that are enough to tell its format."""

_PREFIXES = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF8", "GIF"),
    (b"BM", "BMP"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    # Pictures too, but not read: known here so that a message can say what was found.
    (b"8BPS", "PSD"),
    (b"%PDF", "PDF"),
    (b"<svg", "SVG"),
    (b"\0\0\0\x0cjP", "JPEG 2000"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\0\x0cJXL", "JPEG XL"),
)
_BRANDS = {b"heic": "HEIC", b"heix": "HEIC", b"mif1": "HEIC", b"avif": "AVIF", b"avis": "AVIF"}


def kind(head: bytes) -> str | None:
    """Name the picture format that begins with these bytes.

    Args:
        head: The first `HEAD` bytes of a file, or all of a shorter one.

    Returns:
        One of `FORMATS`, the name of a picture format that is not read ("HEIC", "SVG" ...), or
        None where the bytes begin no picture known here.
    """
    for prefix, name in _PREFIXES:
        if head.startswith(prefix):
            return name
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12])
    return None


def sniff(path: Path) -> str | None:
    """Name the picture format of a file by its first bytes; see `kind`."""
    with path.open("rb") as file:
        return kind(file.read(HEAD))


def accepted() -> str:
    """List the formats that are read, for messages."""
    return ", ".join(FORMATS[:-1]) + f" and {FORMATS[-1]}"
