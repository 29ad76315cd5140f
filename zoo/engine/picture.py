"""Pictures from files: the one place that decodes, so that every step sees the same pixels.

The rules, which belong to every stored figure of a model:

- The format is told by content; JPEG, PNG, GIF, BMP, WebP and TIFF are read.
- EXIF orientation is applied. Embedded colour profiles are ignored.
- Transparency is laid over white, the paper that most such pictures were drawn for.
- Grey and one-bit pictures fill all three channels; palettes and CMYK are converted to RGB.
- 16-bit channels keep their high byte. 32-bit integers and floats have no agreed range and are
  refused.
- Of an animation the first frame counts.
"""

from __future__ import annotations

import io
import mimetypes
import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from zoo import remote
from zoo.engine import jpeg, magic
from zoo.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

MAX_PIXELS = 150_000_000
"""A picture larger than this (450 MB decoded) is refused before it is decoded."""

DRAFT = 2
"""A JPEG is decoded at reduced scale while that leaves this many times the pixels asked for.

The decoder then averages blocks before the antialiased resize does; at 2 the two together stay
within a few grey levels of decoding in full, for an eighth of the time on a camera's picture.
"""

AT_ONCE = 1 << 16
"""Bytes that the first reading of a file asks for."""

DESCRIPTION: dict[str, object] = {
    "decode": "Pillow, EXIF orientation applied, transparency over white, 16-bit high byte",
    "jpeg_draft": DRAFT,
    "resize": "stretch",
    "interpolation": "bilinear",
    "antialias": True,
    "channels": "rgb",
    "range": [0, 255],
}
"""What a run stores about the way from file to model input, beside the size."""

INTERPOLATIONS = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}


def read(path: str | Path) -> np.ndarray:
    """Decode a picture file by the rules above.

    Args:
        path: A picture file of any accepted format, whatever its name.

    Returns:
        RGB pixels, uint8 [h, w, 3].

    Raises:
        DataError: If the file is missing, of another format, damaged or larger than `MAX_PIXELS`.
    """
    return _decode(path, None)


def centred(box: Sequence[int], interpolation: str) -> dict[str, object]:
    """Describe the way of most published figures: resize, then cut out the centre.

    Args:
        box: Height and width in pixels that the picture covers before the cut: 256, 256 for most
            models of 224, 224.
        interpolation: `bilinear` or `bicubic`.

    Returns:
        What `load` and `fit` take as `preprocessing`: DESCRIPTION with `resize` = `cover`.
    """
    return {
        **DESCRIPTION,
        "resize": "cover",
        "cover": list(box),
        "crop": "center",
        "interpolation": interpolation,
    }


def load(
    path: str | Path, size: Sequence[int], preprocessing: Mapping[str, Any] = DESCRIPTION
) -> np.ndarray:
    """Decode a picture file straight to a model's input size; the way every command goes.

    Args:
        path: A picture file of any accepted format.
        size: Height and width in pixels.
        preprocessing: As `fit`.

    Returns:
        RGB pixels, uint8 [H, W, 3].

    Raises:
        DataError: As `read`.
    """
    side = max(preprocessing.get("cover", size))
    return fit(_decode(path, side), size, preprocessing)


def fit(
    pixels: np.ndarray, size: Sequence[int], preprocessing: Mapping[str, Any] = DESCRIPTION
) -> np.ndarray:
    """Bring a picture to a size, antialiased when it shrinks.

    Args:
        pixels: RGB pixels, uint8 [h, w, 3].
        size: Height and width in pixels.
        preprocessing: An anatomy's `preprocessing`. Its `resize` is `stretch`, straight to the
            size, or `cover`: in its own proportions until it covers the box `cover`, whose centre
            is cut out. That is torchvision's Resize and CenterCrop for square sizes.

    Returns:
        RGB pixels, uint8 [H, W, 3]; the same array where the size already fits.
    """
    height, width = size
    method = INTERPOLATIONS[str(preprocessing.get("interpolation", "bilinear"))]
    if preprocessing.get("resize", "stretch") == "stretch":
        return _resized(pixels, (height, width), method)
    pixels = _resized(pixels, _covering(pixels.shape[:2], preprocessing["cover"]), method)
    top, left = (round((have - want) / 2) for have, want in zip(pixels.shape, size, strict=False))
    return pixels[top : top + height, left : left + width]


def seen(pixels: np.ndarray, size: Sequence[int], preprocessing: Mapping[str, Any]) -> np.ndarray:
    """The part of a picture that a model gets to see, at the picture's own resolution.

    Args:
        pixels: RGB pixels, uint8 [h, w, 3].
        size: Height and width of the model's input.
        preprocessing: As `fit`.

    Returns:
        RGB pixels: the picture itself where it is stretched, else the centre that is cut out.
    """
    if preprocessing.get("resize", "stretch") == "stretch":
        return pixels
    covering = _covering(pixels.shape[:2], preprocessing["cover"])
    height, width = (
        max(1, round(have * want / large))
        for have, want, large in zip(pixels.shape, size, covering, strict=False)
    )
    top, left = (pixels.shape[0] - height) // 2, (pixels.shape[1] - width) // 2
    return pixels[top : top + height, left : left + width]


def in_channels(images: np.ndarray, channels: int) -> np.ndarray:
    """Pictures as a model of another number of channels takes them.

    Args:
        images: Pictures of any type, 0..255, [N,H,W,c].
        channels: What the model takes.

    Returns:
        [N,H,W,channels]: their mean, rounded, for one channel; else theirs over and over.
    """
    have = images.shape[3]
    if channels == 1 < have:
        return images.mean(axis=3, keepdims=True).round()
    return images if channels == have else images[..., np.arange(channels) % have]


def _covering(have: Sequence[int], box: Sequence[int]) -> tuple[int, int]:
    """The smallest size in a picture's own proportions that covers a box."""
    if box[0] * have[1] >= box[1] * have[0]:
        return box[0], max(box[1], int(box[0] * have[1] / have[0]))
    return max(box[0], int(box[1] * have[0] / have[1])), box[1]


def _resized(pixels: np.ndarray, size: tuple[int, int], method: Image.Resampling) -> np.ndarray:
    if pixels.shape[:2] == size:
        return pixels
    return np.asarray(Image.fromarray(pixels).resize(size[::-1], method))


def find(pictures: str | Path | Iterable[str | Path]) -> list[Path]:
    """Picture files named one by one or found in folders, each folder sorted by path.

    Args:
        pictures: Files and folders.

    Returns:
        Every file that was named, whatever it holds, and every picture in a folder.

    Raises:
        DataError: A path does not exist or is elsewhere, or there is no picture.
    """
    given = [pictures] if isinstance(pictures, (str, Path)) else list(pictures)
    found: list[Path] = []
    for name in given:
        remote.here(name)
        path = remote.local(name)
        if path.is_dir():
            found += sorted(each for each in path.rglob("*") if _is_picture(each))
        elif path.exists():
            found.append(path)
        else:
            raise DataError(f"{path} does not exist", hint="give picture files or folders")
    if not found:
        where = ", ".join(map(str, given)) or "nothing"
        raise DataError(f"no picture found in {where}", hint=f"read are {magic.accepted()}")
    return found


def _is_picture(path: Path) -> bool:
    """Whether a file is a picture or called one; the second kind is then named as unreadable."""
    if path.name.startswith(".") or not path.is_file():
        return False
    called = (mimetypes.guess_type(path)[0] or "").startswith("image/")
    return called or magic.sniff(path) in magic.FORMATS


def _decode(path: str | Path, side: int | None) -> np.ndarray:
    """Decode a file, a JPEG at reduced scale where `side` pixels are all that is wanted."""
    data = _contents(path)
    size = jpeg.plain_size(data)
    if size is not None and size[0] * size[1] <= MAX_PIXELS and not _reducible(size, side):
        pixels = jpeg.decode(data)
        if pixels is not None:
            return pixels
    _silence_pillow()
    found = magic.kind(data)
    try:
        with Image.open(io.BytesIO(data), formats=[str(found)]) as image:
            if image.width * image.height > MAX_PIXELS:
                raise _TooLarge
            if side is not None and found == "JPEG":
                image.draft(None, (DRAFT * side, DRAFT * side))
            return np.asarray(_rgb(ImageOps.exif_transpose(image)))
    except (_TooLarge, Image.DecompressionBombError):
        raise DataError(f"{path}: more than {MAX_PIXELS:,} pixels, which is too large") from None
    except MemoryError:
        raise DataError(f"{path}: too large for the memory of this machine") from None
    except UnidentifiedImageError:
        raise DataError(f"{path}: {found} that cannot be decoded (damaged header)") from None
    except Exception as error:  # A decoder raises almost anything on damaged bytes.
        reason = str(error).strip() or type(error).__name__
        raise DataError(f"{path}: {found} that cannot be decoded ({reason})") from None


def _contents(path: str | Path) -> bytes:
    """All bytes of a file that holds a picture of an accepted format."""
    try:
        # In one piece if it is small: each call to the system lets another thread run, and waits
        # for it.
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123
            data = file.read(AT_ONCE)
            found = magic.kind(data)
            if found in magic.FORMATS and len(data) == AT_ONCE:
                data += file.readall()
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from None
    if found not in magic.FORMATS:
        what = found or ("no picture" if data else "an empty file")
        raise DataError(f"{path}: {what}; read are {magic.accepted()}")
    return data


def _reducible(size: tuple[int, int], side: int | None) -> bool:
    """Whether Pillow may decode a JPEG at a smaller scale: half of it holds what is asked for."""
    return side is not None and min(size) >= 2 * DRAFT * side


class _TooLarge(Exception):
    """More pixels than `MAX_PIXELS`."""


def _rgb(image: Image.Image) -> Image.Image:
    """Bring any mode of Pillow's to RGB by the rules at the top of this file."""
    if image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
    if image.mode in ("I", "F"):
        raise ValueError("32-bit channels have no agreed range; save it with 8 or 16 bits")
    if image.has_transparency_data:
        drawn = image.convert("RGBA")
        paper = Image.new("RGBA", drawn.size, "white")
        return Image.alpha_composite(paper, drawn).convert("RGB")
    return image.convert("RGB")


_PILLOW = ("ignore", None, Warning, re.compile(r"PIL\."), 0)


def _silence_pillow() -> None:
    """Keep Pillow's remarks on odd metadata away from the user; damage is raised all the same.

    A filter that stays: saving and restoring filters is not safe among threads. It is added only
    where it is missing, since every change of the filters makes Python repeat old warnings.
    """
    if _PILLOW not in warnings.filters:
        warnings.filterwarnings("ignore", module=r"PIL\.")
