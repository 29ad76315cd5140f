from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zoo.engine import magic, picture
from zoo.errors import DataError

RED, BLUE = (200, 30, 20), (10, 40, 220)


@pytest.fixture
def pixels() -> np.ndarray:
    """A picture whose four corners differ, smooth enough for a JPEG to keep."""
    coarse = np.array([[RED, BLUE], [(240, 240, 10), (10, 200, 90)]], np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((40, 24), Image.Resampling.BILINEAR))


@pytest.mark.parametrize("format", ["PNG", "BMP", "TIFF"])
def test_exact_formats_give_back_their_pixels(tmp_path: Path, pixels: np.ndarray, format: str):
    Image.fromarray(pixels).save(tmp_path / "p", format)
    assert magic.sniff(tmp_path / "p") == format
    np.testing.assert_array_equal(picture.read(tmp_path / "p"), pixels)


def test_webp_without_loss_gives_back_its_pixels(tmp_path: Path, pixels: np.ndarray):
    Image.fromarray(pixels).save(tmp_path / "p", "WEBP", lossless=True)
    np.testing.assert_array_equal(picture.read(tmp_path / "p"), pixels)


def test_jpeg_is_near_its_pixels(tmp_path: Path, pixels: np.ndarray):
    Image.fromarray(pixels).save(tmp_path / "p", "JPEG", quality=95, subsampling=0)
    assert np.abs(picture.read(tmp_path / "p").astype(int) - pixels).max() < 16


@pytest.mark.parametrize("shape", [(64, 48), (33, 17), (1, 1)])
@pytest.mark.parametrize(
    "written",
    [
        {"quality": 92},
        {"quality": 75, "subsampling": "4:2:0"},
        {"quality": 95, "subsampling": "4:4:4"},
        {"quality": 60, "subsampling": "4:2:2", "progressive": True},
        {"quality": 90, "keep_rgb": True},
        {"quality": 90, "restart_marker_rows": 1},
    ],
)
def test_a_jpeg_is_decoded_to_the_bits_of_pillow(tmp_path: Path, shape, written) -> None:
    """Also where it does not go through Pillow."""
    drawn = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    Image.fromarray(drawn).save(tmp_path / "a.jpg", **written)
    with Image.open(tmp_path / "a.jpg") as image:
        expected = np.asarray(image.convert("RGB"))
    np.testing.assert_array_equal(picture.read(tmp_path / "a.jpg"), expected)


def test_the_name_does_not_tell_the_format(tmp_path: Path, pixels: np.ndarray):
    Image.fromarray(pixels).save(tmp_path / "cat.jpg", "PNG")
    np.testing.assert_array_equal(picture.read(tmp_path / "cat.jpg"), pixels)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_undone(tmp_path: Path, pixels: np.ndarray, orientation: int):
    # What each value says was done to the upright picture, by the EXIF standard, in numpy.
    stored = {
        1: pixels,
        2: pixels[:, ::-1],
        3: pixels[::-1, ::-1],
        4: pixels[::-1],
        5: pixels.transpose(1, 0, 2),
        6: np.rot90(pixels, 1),
        7: np.rot90(pixels, 2).transpose(1, 0, 2),
        8: np.rot90(pixels, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.ascontiguousarray(stored)).save(tmp_path / "p.png", exif=exif)
    np.testing.assert_array_equal(picture.read(tmp_path / "p.png"), pixels)


def test_a_rotated_jpeg_is_scaled_and_turned(tmp_path: Path):
    wide = np.zeros((480, 800, 3), np.uint8)
    wide[:, :400] = RED
    exif = Image.Exif()
    exif[0x0112] = 6  # shown turned clockwise: left becomes top
    Image.fromarray(wide).save(tmp_path / "p.jpg", exif=exif, quality=95)
    loaded = picture.load(tmp_path / "p.jpg", (40, 24))
    assert loaded.shape == (40, 24, 3)
    assert np.abs(loaded[5:15].astype(int) - RED).max() < 8
    assert loaded[25:].max() < 8


def test_transparency_is_laid_over_white(tmp_path: Path):
    for alpha, expected in ((0, 255), (255, 40), (102, 255 + 0.4 * (40 - 255))):
        Image.new("RGBA", (4, 4), (40, 40, 40, alpha)).save(tmp_path / "p.png")
        assert np.abs(picture.read(tmp_path / "p.png") - expected).max() <= 1
    Image.new("LA", (4, 4), (40, 0)).save(tmp_path / "grey.png")
    assert (picture.read(tmp_path / "grey.png") == 255).all()


def test_a_palette_with_a_transparent_entry(tmp_path: Path):
    indexed = Image.new("P", (2, 1))
    indexed.putpalette([*RED, *BLUE])
    indexed.putpixel((1, 0), 1)
    indexed.save(tmp_path / "opaque.png")
    indexed.save(tmp_path / "clear.png", transparency=1)
    assert picture.read(tmp_path / "opaque.png").tolist() == [[list(RED), list(BLUE)]]
    assert picture.read(tmp_path / "clear.png").tolist() == [[list(RED), [255, 255, 255]]]


def test_grey_and_one_bit_fill_three_channels(tmp_path: Path):
    Image.new("L", (3, 2), 77).save(tmp_path / "grey.png")
    Image.new("1", (3, 2), 1).save(tmp_path / "bit.png")
    assert picture.read(tmp_path / "grey.png").tolist() == [[[77] * 3] * 3] * 2
    assert picture.read(tmp_path / "bit.png").tolist() == [[[255] * 3] * 3] * 2


def test_sixteen_bits_keep_their_high_byte(tmp_path: Path):
    values = np.array([[0, 255, 256, 0x1234, 65535]], np.uint16)
    for name in ("p.png", "p.tif"):
        Image.fromarray(values).save(tmp_path / name)
        assert picture.read(tmp_path / name)[0, :, 0].tolist() == [0, 0, 1, 0x12, 255]


def test_cmyk_becomes_rgb(tmp_path: Path):
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(tmp_path / "p.jpg", quality=95)
    assert np.abs(picture.read(tmp_path / "p.jpg").astype(int) - (255, 0, 0)).max() < 4


def test_the_first_frame_of_an_animation_counts(tmp_path: Path):
    frames = [Image.new("RGB", (4, 4), colour) for colour in (RED, BLUE)]
    frames[0].save(tmp_path / "p.png", save_all=True, append_images=frames[1:])
    assert (picture.read(tmp_path / "p.png") == RED).all()
    frames[0].save(tmp_path / "p.gif", save_all=True, append_images=frames[1:])
    assert picture.read(tmp_path / "p.gif").shape == (4, 4, 3)


def test_fit_averages_what_it_shrinks():
    # Without antialiasing a checkerboard shrinks to black or white; with it, to grey.
    board = np.indices((64, 64)).sum(0) % 2 * 255
    small = picture.fit(np.repeat(board[..., None], 3, 2).astype(np.uint8), (8, 8))
    assert np.abs(small.astype(int) - 127).max() <= 2


def test_fit_leaves_the_right_size_alone(pixels: np.ndarray):
    assert picture.fit(pixels, pixels.shape[:2]) is pixels


def test_load_is_fit_after_read(tmp_path: Path, pixels: np.ndarray):
    Image.fromarray(pixels).save(tmp_path / "p.png")
    expected = picture.fit(pixels, (10, 12))
    np.testing.assert_array_equal(picture.load(tmp_path / "p.png", (10, 12)), expected)


def test_a_large_jpeg_decoded_in_reduced_scale_looks_the_same(tmp_path: Path):
    noise = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    large = Image.fromarray(noise).resize((1600, 1200), Image.Resampling.BICUBIC)
    large.save(tmp_path / "p.jpg", quality=90)
    reduced = picture.load(tmp_path / "p.jpg", (150, 200)).astype(int)
    full = picture.fit(picture.read(tmp_path / "p.jpg"), (150, 200))
    assert np.abs(reduced - full).max() <= 4
    assert np.abs(reduced - full).mean() < 0.5


def message(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        picture.load(path, (8, 8))
    return caught.value.message


FORMATS = "read are JPEG, PNG, GIF, BMP, WEBP and TIFF"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", f"an empty file; {FORMATS}"),
        (b"hello, this is text", f"no picture; {FORMATS}"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", f"HEIC; {FORMATS}"),
        (b"\0\0\0\x1cftypavif", f"AVIF; {FORMATS}"),
        (b"8BPS\0\x01", f"PSD; {FORMATS}"),
        (b"<svg xmlns=", f"SVG; {FORMATS}"),
    ],
)
def test_what_is_not_read_is_named(tmp_path: Path, content: bytes, told: str):
    path = tmp_path / "cat.jpg"
    path.write_bytes(content)
    assert message(path) == f"{path}: {told}"


def test_a_missing_file(tmp_path: Path):
    assert message(tmp_path / "no.jpg") == f"{tmp_path / 'no.jpg'}: No such file or directory"


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF"])
@pytest.mark.parametrize("share", [0.1, 0.6])
def test_a_cut_file_is_named(tmp_path: Path, pixels: np.ndarray, format: str, share: float):
    path = tmp_path / "p"
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path, format)
    whole = path.read_bytes()
    path.write_bytes(whole[: max(40, int(share * len(whole)))])
    assert message(path).startswith(f"{path}: {format} that cannot be decoded (")


def test_floats_have_no_range(tmp_path: Path):
    Image.fromarray(np.ones((4, 4), np.float32)).save(tmp_path / "p.tif")
    assert "32-bit channels have no agreed range" in message(tmp_path / "p.tif")


def test_a_picture_too_large_is_refused_before_it_is_decoded(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(picture, "MAX_PIXELS", 1000)
    Image.new("1", (40, 30)).save(tmp_path / "p.png")
    told = f"{tmp_path / 'p.png'}: more than 1,000 pixels, which is too large"
    assert message(tmp_path / "p.png") == told


def test_pillow_warns_nobody(tmp_path: Path):
    # Pillow warns of bombs from 89 million pixels, and of palettes with bytes of transparency.
    Image.new("1", (10_000, 9_000)).save(tmp_path / "large.png")
    indexed = Image.new("P", (2, 1))
    indexed.putpalette([*RED, *BLUE])
    indexed.save(tmp_path / "p.png", transparency=b"\0\xff")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert picture.read(tmp_path / "p.png").shape == (1, 2, 3)
        assert picture.load(tmp_path / "large.png", (2, 2)).shape == (2, 2, 3)


@pytest.mark.parametrize("shape", [(300, 400), (400, 300), (260, 1001), (100, 90), (256, 256)])
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_a_published_transform_is_resize_and_centre_crop(shape, interpolation: str) -> None:
    """torchvision's Resize(256) and CenterCrop(224), written down from its source."""
    pixels = np.random.default_rng(0).integers(0, 256, (*shape, 3)).astype("uint8")
    way = picture.centred((256, 256), interpolation)
    assert way["cover"] == [256, 256]

    height, width = shape
    short, long = sorted(shape)
    other = int(256 * long / short)
    size = (256, other) if height <= width else (other, 256)
    method = getattr(Image.Resampling, interpolation.upper())
    resized = np.asarray(Image.fromarray(pixels).resize(size[::-1], method))
    top, left = round((size[0] - 224) / 2.0), round((size[1] - 224) / 2.0)
    expected = resized[top : top + 224, left : left + 224]
    np.testing.assert_array_equal(picture.fit(pixels, (224, 224), way), expected)


def test_what_a_model_sees_of_a_picture() -> None:
    pixels = np.zeros((300, 600, 3), "uint8")
    pixels[:, 200:400] = 255
    way = picture.centred((256, 256), "bilinear")
    seen = picture.seen(pixels, (224, 224), way)
    assert seen.shape[:2] == (262, 262)  # 224 / 256 of 300
    assert picture.seen(pixels, (224, 224), picture.DESCRIPTION) is pixels
    full = picture.fit(pixels, (224, 224), way)
    again = picture.fit(seen, (224, 224))
    assert np.abs(full.astype(int) - again).mean() < 2
