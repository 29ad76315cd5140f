from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest
from PIL import Image

from zoo.engine import folder
from zoo.errors import DataError


def fill(root: Path, counts: dict[str, int]) -> Path:
    """Put so many pictures into each folder."""
    for name, count in counts.items():
        place = root / name
        place.mkdir(parents=True, exist_ok=True)
        for number in range(count):
            Image.new("RGB", (4, 4), (number, 0, 0)).save(place / f"{number:03}.png")
    return root


def refused(root: Path) -> str:
    with pytest.raises(DataError) as caught:
        folder.read(root)
    return str(caught.value)


def test_a_folder_per_class_is_split_evenly_and_says_so(tmp_path: Path):
    found = folder.read(fill(tmp_path / "d", {"b": 40, "a": 20, "c": 3}))
    assert found.classes == ("a", "b", "c")
    by_class = {
        split: [sum(s.label == label for s in found.split(split)) for label in range(3)]
        for split in ("train", "val", "test")
    }
    # 15 % for test, then 15 % of what is left for val, at least one each.
    assert by_class == {"train": [14, 29, 1], "val": [3, 5, 1], "test": [3, 6, 1]}
    assert found.notes == (
        "no test split: 10 of the training pictures are held out for it, 15% of each class, "
        "by seed 0",
        "no val split: 9 of the training pictures are held out for it, 15% of each class, "
        "by seed 0",
    )


def test_the_split_is_a_matter_of_seed_and_name(tmp_path: Path):
    root = fill(tmp_path / "d", {"a": 30, "b": 30})
    held = {s.id for s in folder.read(root, seed=1).split("test")}
    assert held == {s.id for s in folder.read(root, seed=1).split("test")}
    assert held != {s.id for s in folder.read(root, seed=2).split("test")}
    # By definition those with the smallest hashes: told here in other words.
    names = [f"a/{number:03}.png" for number in range(30)]
    ranked = sorted(names, key=lambda id: hashlib.sha256(f"1\0test\0{id}".encode()).hexdigest())
    assert {id for id in held if id.startswith("a/")} == set(ranked[:4])


def test_the_shares_can_be_refused(tmp_path: Path):
    found = folder.read(fill(tmp_path / "d", {"a": 5, "b": 5}), val=0, test=0)
    assert found.counts == {"train": 10}
    assert found.notes == ()


@pytest.mark.parametrize("val", ["val", "valid", "validation", "Val"])
def test_splits_by_folder(tmp_path: Path, val: str):
    counts = {"train/x": 3, "train/y": 2, f"{val}/x": 1, f"{val}/y": 1, "test/y": 2}
    found = folder.read(fill(tmp_path / "d", counts))
    assert found.counts == {"train": 5, "val": 2, "test": 2}
    assert [s.id for s in found.split("val")] == [f"{val}/x/000.png", f"{val}/y/000.png"]
    assert [s.label for s in found.split("test")] == [1, 1]
    assert found.notes == ()


def test_what_lies_beside_the_splits_is_not_a_class(tmp_path: Path):
    root = fill(tmp_path / "d", {"train/x": 9, "train/y": 9, "masks/train/x": 2, "test/x": 1})
    found = folder.read(root)
    assert found.classes == ("x", "y")
    assert found.notes[0] == "beside the splits, not read: masks/"


def test_pictures_may_lie_deeper_and_hidden_files_do_not_count(tmp_path: Path):
    root = fill(tmp_path / "d", {"train/x/images": 2, "train/y/images": 2, "train/.cache": 1})
    (root / "train/x/images/.DS_Store").write_bytes(b"x")
    (root / "train/x/boxes.txt").write_text("0 0 1 1")
    found = folder.read(root, val=0, test=0)
    assert [s.id for s in found.samples] == [
        "train/x/images/000.png",
        "train/x/images/001.png",
        "train/y/images/000.png",
        "train/y/images/001.png",
    ]
    assert found.notes == ("not pictures, skipped: train/x/boxes.txt",)


def test_content_tells_a_picture(tmp_path: Path):
    root = fill(tmp_path / "d", {"x": 2, "y": 2})
    (root / "x/000.png").rename(root / "x/a-picture-without-suffix")
    assert len(folder.read(root).samples) == 4


def test_the_digest_changes_with_the_data_only(tmp_path: Path):
    one = folder.read(fill(tmp_path / "one", {"x": 9, "y": 9}))
    two = folder.read(fill(tmp_path / "two", {"x": 9, "y": 9}))
    assert one.digest == two.digest
    expected = hashlib.sha256()
    for s in one.samples:
        expected.update(f"{s.id}\0{s.label}\0{s.split}\0{s.path.stat().st_size}\n".encode())
    assert one.digest == expected.hexdigest()
    (tmp_path / "two/x/000.png").write_bytes((tmp_path / "two/x/001.png").read_bytes() + b"\0")
    assert folder.read(tmp_path / "two").digest != one.digest
    (tmp_path / "one/x/000.png").rename(tmp_path / "one/x/100.png")
    assert folder.read(tmp_path / "one").digest != one.digest


def test_unreadable_files_are_named_and_refused(tmp_path: Path):
    root = fill(tmp_path / "d", {"x": 20, "y": 20})
    (root / "x/broken.jpg").write_bytes(b"")
    (root / "y/photo.heic").write_bytes(b"\0\0\0\x18ftypheic")
    (root / "y/text.png").write_text("no picture")
    assert refused(root) == (
        f"{root}: 3 of 43 pictures cannot be read: x/broken.jpg (empty file), "
        "y/photo.heic (HEIC), y/text.png (no picture inside)\n"
        "  hint: mend or remove them; read are JPEG, PNG, GIF, BMP, WEBP and TIFF"
    )


def test_few_unreadable_files_are_named_and_left_out(tmp_path: Path):
    root = fill(tmp_path / "d", {"x": 60, "y": 60})
    (root / "x/broken.jpg").write_bytes(b"")
    found = folder.read(root)
    assert found.unreadable == {"x/broken.jpg": "empty file"}
    assert len(found.samples) == 120
    assert "unreadable, left out: x/broken.jpg" in found.notes


def test_a_missing_folder(tmp_path: Path):
    assert refused(tmp_path / "flowers") == (
        f"no folder {tmp_path / 'flowers'}\n  hint: give a folder that holds one folder per class"
    )


def test_a_file_for_a_folder(tmp_path: Path):
    (tmp_path / "f").write_text("")
    assert refused(tmp_path / "f") == (
        f"{tmp_path / 'f'} is a file; a folder that holds one folder per class is needed\n"
        "  hint: or a CSV with the columns path,label,split"
    )


def test_no_folders(tmp_path: Path):
    Image.new("RGB", (2, 2)).save(tmp_path / "a.png")
    assert refused(tmp_path) == (
        f"{tmp_path} holds no folders; one folder per class is needed\n"
        f"  hint: sort the pictures into {tmp_path}/<class>, or {tmp_path}/train/<class>"
    )


def test_one_class(tmp_path: Path):
    root = fill(tmp_path / "d", {"cat": 2})
    assert refused(root) == (
        f"{root} holds one class, 'cat'; at least two classes, a folder each, are needed\n"
        f"  hint: for one kind of thing add a folder of what it is not, {root}/other"
    )


def test_an_empty_class(tmp_path: Path):
    assert refused(fill(tmp_path / "d", {"cat": 2, "dog": 0})) == (
        f"{tmp_path / 'd'}: no picture in dog\n  hint: add pictures, or remove the folder"
    )


def test_a_class_that_training_lacks(tmp_path: Path):
    root = fill(tmp_path / "d", {"train/a": 2, "train/b": 2, "val/a": 1, "val/images": 1})
    assert refused(root) == (
        f"{root}/val has classes that {root}/train lacks: images\n"
        f"  hint: the classes of {root} are the folders of train/"
    )


def test_two_folders_for_one_split(tmp_path: Path):
    root = fill(tmp_path / "d", {"train/a": 1, "val/a": 1, "valid/a": 1})
    assert refused(root) == (
        f"{root} has two folders for one split: val, valid\n  hint: keep one of them"
    )


def test_only_a_test_split_can_be_read_to_be_measured_on(tmp_path: Path):
    found = folder.read(fill(tmp_path / "d", {"test/a": 1, "test/b": 1}))
    assert found.counts == {"test": 2}


def test_reading_a_folder_needs_neither_keras_nor_numpy(tmp_path: Path):
    import subprocess

    fill(tmp_path, {"a": 1, "b": 1})
    code = (
        "import sys; from zoo.engine import folder; folder.read(sys.argv[1]);"
        "print(*sorted({'keras', 'tensorflow', 'numpy', 'PIL'} & set(sys.modules)))"
    )
    told = subprocess.check_output([sys.executable, "-c", code, str(tmp_path)], text=True)
    assert told.strip() == ""
