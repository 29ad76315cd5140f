"""A folder elsewhere, or a list of pictures there, is read as its copy on this machine is."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from zoo.engine import folder
from zoo.errors import DataError


@pytest.fixture
def lay(tmp_path: Path, memory):
    """Lay files, and folders, out here and elsewhere: pictures where nothing else is said."""
    Image.new("RGB", (4, 4)).save(tmp_path / "one.png")
    content = (tmp_path / "one.png").read_bytes()

    def lay(*names: str, **texts: str) -> tuple[Path, str]:
        files = {
            **dict.fromkeys(names),
            **{name.replace("__", "/"): t for name, t in texts.items()},
        }
        for name, text in files.items():
            path = tmp_path / "set" / name
            if name.endswith("/"):
                path.mkdir(parents=True, exist_ok=True)
                memory.makedirs(f"/set/{name}", exist_ok=True)
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if text is None else text.encode())
            memory.pipe_file(f"/set/{name}", path.read_bytes())
        return tmp_path / "set", "memory://set"

    return lay


def facts(found: folder.ImageFolder) -> tuple:
    samples = [(s.id, s.label, s.split, s.size) for s in found.samples]
    return found.classes, samples, found.digest, found.unreadable, found.notes


CLASSES = [f"{name}/{n}.png" for name in ("cat", "Dog", "ant-eater") for n in range(40)]
SPLITS = [
    f"{split}/{name}/{deep}{n}.jpg"
    for split in ("train", "Valid", "test")
    for name in ("b", "a")
    for deep in ("", "x/y/")
    for n in range(3)
]
TINY = [f"train/n{k}/images/n{k}_{n}.JPEG" for k in range(2) for n in range(4)]


@pytest.mark.parametrize(
    ("names", "texts"),
    [
        (CLASSES, {}),
        (SPLITS, {}),
        # What is beside, hidden, or no picture, in a class and out of it.
        ([*SPLITS, "raw/1.png", ".cache/1.png", "train/a/.x.png", "train/a/.x/1.png"], {}),
        (CLASSES, {"cat__notes.txt": "none", "readme": "none", "Dog__deep__labels.csv": "a"}),
        ([*(f"{name}/{n}.png" for name in "ab" for n in range(99))], {"a__empty.png": ""}),
        (
            [*TINY, "val/images/0.JPEG", "val/images/1.JPEG", "test/images/9.JPEG"],
            {
                "wnids.txt": "n1\nn0\n", "val__val_annotations.txt": "0.JPEG\tn1\n1.JPEG\tn0\n",
                "train__n0__n0_boxes.txt": "box",
            },
        ),
    ],
)  # fmt: skip
def test_a_folder(lay, names, texts):
    here, there = lay(*names, **texts)
    found = folder.read(there, seed=3, elsewhere=True)
    assert facts(found) == facts(folder.read(here, seed=3))
    assert facts(folder.read(f"{there}/", seed=3, elsewhere=True)) == facts(found)
    assert {sample.place for sample in found.samples} == {
        f"memory://set/{sample.id}" for sample in found.samples
    }


@pytest.mark.parametrize(
    ("names", "texts"),
    [
        (["a/1.png"], {}),
        (["a/1.png", "b/"], {}),
        (["1.png"], {}),
        (["train/a/1.png", "train/b/1.png", "val/c/1.png"], {}),
        (["train/a/1.png", "train/b/1.png", "val/a/1.png", "valid/a/1.png"], {}),
        (["a/1.png", "b/1.png"], {"a__2.png": ""}),
        (TINY, {"wnids.txt": "n0\nn7\n"}),
        (TINY, {"wnids.txt": "n0\nn1\n", "val__val_annotations.txt": "0.JPEG n0\n"}),
        (TINY, {"wnids.txt": "n0\nn1\n", "val__val_annotations.txt": "0.JPEG\tn7\n"}),
    ],
)
def test_a_folder_that_cannot_be_used(lay, names, texts):
    told = []
    for place in lay(*names, **texts):
        with pytest.raises(DataError) as caught:
            folder.read(place, elsewhere=True)
        told.append(str(caught.value).replace(str(place), "DATA"))
    assert told[0] == told[1]


def test_what_else_is_told_by_its_name(lay):
    """Here the first bytes tell; elsewhere nobody looks inside."""
    names = [f"{name}/{n}.png" for name in "ab" for n in range(99)]
    _, there = lay(*names, "a/picture", "a/photo.HEIC")
    found = folder.read(there, elsewhere=True)
    assert found.unreadable == {"a/photo.HEIC": "HEIC"}
    assert "not pictures, skipped: a/picture" in found.notes


def test_nothing_of_that_name(memory):
    memory.pipe_file("/set/a.txt", b"a")
    for name, told in (
        ("memory://none", "memory://none does not exist\n  hint: see to bucket and name"),
        ("memory://none.csv", "memory://none.csv does not exist\n  hint: see to bucket and name"),
        (
            "memory://set/a.txt",
            "memory://set/a.txt is a file; a folder that holds one folder per class is needed\n"
            "  hint: or a CSV with the columns path,label,split",
        ),
    ):
        with pytest.raises(DataError) as caught:
            folder.read(name, elsewhere=True)
        assert str(caught.value) == told


def test_a_list(lay, memory):
    pictures = [f"{name}/{n}.png" for name in ("cat", "dog") for n in range(60)]
    rows = [f"{name},{name.partition('/')[0]},test" for name in [*pictures, "cat/none.png"]]
    here, there = lay(*pictures, **{"list.csv": "\n".join(["path,label,split", *rows])})
    found = folder.read(f"{there}/list.csv", elsewhere=True)
    assert facts(found) == facts(folder.read(here / "list.csv"))
    assert found.unreadable == {"cat/none.png": "No such file or directory"}
    assert found.samples[0].place == "memory://set/cat/0.png"


def test_a_list_of_pictures_here_and_there(lay, memory, tmp_path):
    here, there = lay("cat/1.png", "dog/1.png")
    listed = here / "list.csv"
    rows = [f"{there}/cat/1.png,cat,", "s3://other/2.png,dog,77", "dog/1.png,dog,"]
    listed.write_text("\n".join(["path,label,bytes", *rows]))
    found = folder.read(listed, val=0, test=0, elsewhere=True)
    size = (here / "dog/1.png").stat().st_size
    assert [(each.id, each.place, each.size) for each in found.samples] == [
        ("dog/1.png", str(here / "dog/1.png"), size),
        (f"{there}/cat/1.png", f"{there}/cat/1.png", size),
        ("s3://other/2.png", "s3://other/2.png", 77),
    ]
    # A list elsewhere may name a picture of this machine by its whole path.
    memory.pipe_file("/set/list.csv", f"path,label\n{here}/dog/1.png,dog\ncat/1.png,cat".encode())
    found = folder.read(f"{there}/list.csv", val=0, test=0, elsewhere=True)
    assert {each.place for each in found.samples} == {
        str(here / "dog/1.png"), "memory://set/cat/1.png"
    }  # fmt: skip


def test_a_fault_in_a_list_is_told_under_its_name(memory):
    memory.pipe_file("/set/list.csv", b"path,label\na.png,\n")
    with pytest.raises(DataError, match=r"^memory://set/list\.csv, line 2: the label is empty$"):
        folder.read("memory://set/list.csv", elsewhere=True)


def test_who_needs_pictures_here_says_so(memory, tmp_path):
    listed = tmp_path / "list.csv"
    listed.write_text("path,label\ns3://other/2.png,dog\na.png,cat\n")
    for name, told in (
        (
            "memory://set",
            "memory://set is elsewhere; pictures of this machine are needed\n",
        ),
        (listed, f"{listed} lists pictures that are elsewhere: s3://other/2.png\n"),
    ):
        with pytest.raises(DataError) as caught:
            folder.read(name)
        assert str(caught.value).startswith(told)
        assert "predict, evaluate, features extract and data check read" in str(caught.value)
