"""The drawing of an assembly, looked at pixel by pixel where it must differ."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageColor

import zoo
from zoo.engine import diagram


def test_a_larger_map_is_a_higher_slab_and_more_channels_a_wider_one() -> None:
    heights = [diagram.Slab("backbone", (n, n, 64), ()).height for n in (224, 112, 56, 7, 1)]
    assert np.allclose(np.diff(heights[:3]), -20)
    assert heights == sorted(heights, reverse=True)
    assert heights[-1] == diagram.Slab("head", (10,), ()).height == 14
    widths = [diagram.Slab("backbone", (7, 7, n), ()).width for n in (1, 64, 512)]
    assert widths == [6, 30, 42]


def test_draws_a_slab_for_each_stage(tmp_path) -> None:
    model = zoo.build("minception:width=0.1+dense:units=4", classes=3, input_size=32)
    path = diagram.draw(model, tmp_path / "assembly.png")
    assert [entry.name for entry in tmp_path.iterdir()] == ["assembly.png"]
    with Image.open(path) as picture:
        pixels = np.asarray(picture)
    assert _runs(pixels, "image") == 1
    assert _runs(pixels, "backbone") == 3  # stem, block_a, block_b
    assert _runs(pixels, "head") == 1


def test_a_picture_of_any_size_stays_on_its_sheet(tmp_path) -> None:
    model = zoo.build("small-cnn:width=0.1+linear", classes=3, input_size=(512, 16))
    with Image.open(diagram.draw(model, tmp_path / "tall.png")) as picture:
        pixels = np.asarray(picture)
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    assert (border == 255).all()


def _runs(pixels: np.ndarray, kind: str) -> int:
    """How many separate stretches of columns hold the colour of a kind's front."""
    front = ImageColor.getrgb(diagram.FACES[kind][0])
    columns = (pixels == front).all(-1).any(0).astype(int)
    return int((np.diff(columns, prepend=0) == 1).sum())
