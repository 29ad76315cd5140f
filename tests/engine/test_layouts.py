"""Pictures that lie otherwise than in a folder per class."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from zoo.engine import folder
from zoo.errors import DataError


def picture(path: Path, value: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (4, 4), (value, 0, 0)).save(path)
    return path


def refused(root: Path) -> str:
    with pytest.raises(DataError) as caught:
        folder.read(root)
    return str(caught.value).replace(str(root), "DATA")


@pytest.fixture
def table(tmp_path: Path):
    """Write a CSV beside twelve pictures."""
    for number in range(12):
        picture(tmp_path / f"p/{number}.png", number)

    def write(text: str) -> Path:
        path = tmp_path / "set.csv"
        path.write_text(text)
        return path

    return write


def test_a_csv_names_pictures_labels_and_splits(table):
    rows = [
        f"p/{n}.png,{'dog' if n % 2 else 'cat'},{('train', 'Valid', 'test')[n % 3]}"
        for n in range(12)
    ]
    found = folder.read(table("\n".join(["path,label,split", *rows])))
    assert found.classes == ("cat", "dog")
    assert found.counts == {"train": 4, "val": 4, "test": 4}
    assert {(s.id, s.label, s.split) for s in found.samples} >= {
        ("p/0.png", 0, "train"),
        ("p/1.png", 1, "val"),
        ("p/5.png", 1, "test"),
    }
    assert found.notes == ()


def test_a_csv_without_splits_is_split_as_a_folder_is(table):
    rows = [f"p/{n}.png,{'dog' if n % 2 else 'cat'}" for n in range(12)]
    found = folder.read(table("\n".join(["PATH, Label", *rows])))
    assert found.counts == {"train": 8, "val": 2, "test": 2}
    assert len(found.notes) == 2


def test_what_has_another_verdict_than_ok_is_left_out(table):
    rows = [f"p/{n}.png,{'dog' if n % 2 else 'cat'},train,ok" for n in range(10)]
    rows += ["p/10.png,cat,train,leaks: x.png", "p/11.png,dog,test,"]
    found = folder.read(table("\n".join(["path,label,split,verdict", *rows])))
    assert "p/10.png" not in {s.id for s in found.samples}
    assert found.notes[0] == "left out by their verdict: 1 of 12 pictures"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "file,label\n",
            "DATA has no column 'path', it has file, label\n"
            "  hint: the first line names the columns: path,label,split",
        ),
        (
            "path,labels\n",
            "DATA has no column 'label', it has path, labels; is labels meant?\n"
            "  hint: the first line names the columns: path,label,split",
        ),
        ("path,label\np/0.png,\n", "DATA, line 2: the label is empty"),
        (
            "path,label,split\np/0.png,cat,tset\n",
            "DATA, line 2: split 'tset' is unknown; did you mean test?",
        ),
        (
            "path,label\np/0.png,cat\np/0.png,dog\n",
            "DATA, line 3: p/0.png stands in line 2 already",
        ),
        (
            "path,label\np/0.png,cat\np/1.png,cat\n",
            "DATA has one label, 'cat'; at least two are needed",
        ),
        (
            "path,label\np/0.png,cat\np/99.png,dog\n",
            "DATA: 1 of 2 pictures cannot be read: p/99.png (No such file or directory)\n"
            "  hint: mend or remove them; read are JPEG, PNG, GIF, BMP, WEBP and TIFF",
        ),
        (
            "path,label\np/0.png,cat\nset.csv,dog\n",
            "DATA: 1 of 2 pictures cannot be read: set.csv (no picture inside)\n"
            "  hint: mend or remove them; read are JPEG, PNG, GIF, BMP, WEBP and TIFF",
        ),
    ],
)
def test_what_is_wrong_with_a_csv_is_told(table, text, told):
    assert refused(table(text)) == told


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """Tiny ImageNet with 200 classes of three pictures, one of which val/ has."""
    root = tmp_path / "tiny"
    wnids = [f"n{number * 7919 % 100000:08}" for number in range(200)]
    content = picture(tmp_path / "one.png").read_bytes()
    for place, wnid in enumerate(wnids):
        images = root / "train" / wnid / "images"
        images.mkdir(parents=True)
        for number in range(2):
            (images / f"{wnid}_{number}.JPEG").write_bytes(content)
        (images.parent / f"{wnid}_boxes.txt").write_text("box")
        val = root / "val" / "images"
        val.mkdir(parents=True, exist_ok=True)
        (val / f"val_{place}.JPEG").write_bytes(content)
    (root / "test" / "images").mkdir(parents=True)
    (root / "test" / "images" / "test_0.JPEG").write_bytes(content)
    lines = [f"val_{place}.JPEG\t{wnid}\t0\t0\t9\t9" for place, wnid in enumerate(wnids)]
    (root / "val" / "val_annotations.txt").write_text("\n".join(lines) + "\n")
    (root / "wnids.txt").write_text("\n".join(wnids) + "\n")
    (root / "words.txt").write_text("n00000000\tthing\n")
    return root


def test_tiny_imagenet(tiny: Path):
    found = folder.read(tiny)
    assert len(found.classes) == 200
    assert list(found.classes) == sorted(found.classes)
    assert found.counts == {"train": 200, "val": 200, "test": 200}
    for split in ("train", "val", "test"):
        assert {s.label for s in found.split(split)} == set(range(200))
    annotated = dict(
        line.split("\t")[:2] for line in (tiny / "val/val_annotations.txt").read_text().splitlines()
    )
    for sample in found.split("test"):
        assert found.classes[sample.label] == annotated[sample.path.name]
    for sample in found.split("train"):
        assert sample.id.split("/")[1] == found.classes[sample.label]
    assert found.notes[0] == (
        "Tiny ImageNet: its val/ is the test split; its own test/ has no labels"
    )


def test_tiny_imagenet_that_is_damaged(tiny: Path):
    table = tiny / "val" / "val_annotations.txt"
    table.write_text("val_0.JPEG n00000000\n")
    assert refused(tiny) == (
        "DATA/val/val_annotations.txt, line 1: expected file, class and box between tabs"
    )
    (tiny / "wnids.txt").write_text("n99999999\n")
    assert refused(tiny) == (
        "DATA/wnids.txt names the class n99999999, and there is nothing in "
        "DATA/train/n99999999/images\n  hint: unpack the archive again"
    )
