from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zoo.engine import folder, generate, picture
from zoo.errors import DataError


def digest(root: Path) -> str:
    found = hashlib.sha256()
    for path in sorted(root.rglob("*.*")):
        found.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    return found.hexdigest()


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("sets") / "digits"
    made = generate.digits(out)
    assert made == {
        "set": "digits",
        "path": str(out),
        "classes": list("0123456789"),
        "pictures": {"train": 1259, "val": 269, "test": 269},
    }
    return out


def test_digits_are_read_back_with_their_labels(digits: Path):
    from sklearn.datasets import load_digits

    ink, labels = load_digits(return_X_y=True)
    found = folder.read(digits)
    assert found.classes == tuple("0123456789")
    assert found.counts == {"train": 1259, "val": 269, "test": 269}
    assert found.notes == ()
    assert {int(s.path.stem): s.label for s in found.samples} == dict(enumerate(labels))
    # Averaged back to its cells a picture is the original, but for the interpolation's swing.
    for sample in found.split("test")[::40]:
        seen = Image.fromarray(picture.read(sample.path)[..., 0])
        cells = np.asarray(seen.resize((10, 10), Image.Resampling.BOX))[1:9, 1:9] * (16 / 255)
        original = ink[int(sample.path.stem)].reshape(8, 8)
        assert np.corrcoef(cells.ravel(), original.ravel())[0, 1] > 0.97


def test_digits_are_split_evenly(digits: Path):
    found = folder.read(digits)
    for label in range(10):
        counts = [sum(s.label == label for s in found.split(name)) for name in ("val", "test")]
        assert all(26 <= count <= 28 for count in counts)


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("sets") / "shapes"
    generate.shapes(out, count=100, size=48, seed=3)
    return out


def test_the_same_seed_makes_the_same_bytes(shapes: Path, tmp_path: Path):
    generate.shapes(tmp_path / "again", count=100, size=48, seed=3)
    generate.shapes(tmp_path / "other", count=100, size=48, seed=4)
    assert digest(tmp_path / "again") == digest(shapes)
    assert digest(tmp_path / "other") != digest(shapes)


def test_masks_lie_beside_and_are_no_class(shapes: Path):
    found = folder.read(shapes)
    assert found.classes == tuple(sorted(generate.SHAPES))
    assert found.counts == {"train": 60, "val": 20, "test": 20}
    assert found.notes == ("beside the splits, not read: masks/",)
    for sample in found.samples:
        mask = np.asarray(Image.open(shapes / "masks" / Path(sample.id).with_suffix(".png")))
        assert mask.shape == (48, 48)
        assert set(np.unique(mask)) == {0, 255}


def test_the_mask_is_where_the_shape_is():
    # Two shapes drawn with the same chances differ where the shapes are and in their shadows.
    for number in range(5):
        one, mask_one = generate.draw("circle", 96, np.random.default_rng(number))
        two, mask_two = generate.draw("square", 96, np.random.default_rng(number))
        differ = np.abs(one.astype(int) - two).max(-1) > 0
        rows, columns = np.nonzero(np.maximum(mask_one, mask_two))
        outside = differ.copy()
        outside[max(0, rows.min() - 24) : rows.max() + 25][
            :, max(0, columns.min() - 24) : columns.max() + 25
        ] = False
        assert differ.any()
        assert not outside.any()


@pytest.mark.parametrize(
    ("name", "share"),
    [
        # Areas of the outlines over that of the circle of radius 1 that holds them.
        ("circle", 0.81),
        ("square", 2 / np.pi),
        ("triangle", 3 * np.sqrt(3) / 4 / np.pi),
        ("hexagon", 3 * np.sqrt(3) / 2 / np.pi),
        ("ring", 0.95**2 - 0.55**2),
        ("cross", (4 * 0.6 * 0.65 + 0.6**2) / np.pi),
        ("star", 5 * 0.42 * np.sin(np.pi / 5) / np.pi),
    ],
)
def test_a_shape_covers_its_area(name: str, share: float):
    size = 200
    for number in range(3):
        draws = np.random.default_rng(number)
        radius = np.random.default_rng(number).uniform(0.16, 0.36)
        covered = generate._coverage(name, size, draws).sum()
        assert covered == pytest.approx(share * np.pi * (radius * size) ** 2, rel=0.02)


def test_nothing_but_the_shape_tells_the_class():
    # The corner of the picture is drawn from the same chances whatever the shape.
    for number in range(3):
        corners = {
            generate.draw(name, 96, np.random.default_rng(number))[0][:3, :3].tobytes()
            for name in generate.SHAPES
        }
        assert len(corners) == 1


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"count": 99}, "99 pictures are too few for ten shapes and three splits; at least 100"),
        ({"size": 15}, "pictures of 15 pixels; accepted are 16 to 1024"),
        ({"size": 2000}, "pictures of 2000 pixels; accepted are 16 to 1024"),
    ],
)
def test_what_cannot_be_made_is_refused(tmp_path: Path, asked: dict[str, int], told: str):
    with pytest.raises(DataError) as caught:
        generate.shapes(tmp_path / "out", **asked)
    assert caught.value.message == told
    assert not list(tmp_path.iterdir())


def test_a_folder_in_use_is_refused(tmp_path: Path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("")
    with pytest.raises(DataError) as caught:
        generate.digits(tmp_path / "out")
    assert str(caught.value) == (
        f"{tmp_path / 'out'} is in use\n  hint: give a folder that does not exist yet"
    )
    assert [path.name for path in tmp_path.rglob("*")] == ["out", "mine.txt"]


def test_what_is_cut_short_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(generate, "draw", fail)
    with pytest.raises(KeyboardInterrupt):
        generate.shapes(tmp_path / "out")
    assert not list(tmp_path.iterdir())
