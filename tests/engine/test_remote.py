"""Files elsewhere, in filesystems that fsspec has of its own: in memory, in an archive."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from zoo.engine import folder, remote
from zoo.errors import DataError

fsspec = pytest.importorskip("fsspec")


@pytest.fixture
def memory():
    files = fsspec.filesystem("memory")
    yield files
    files.rm("/", recursive=True)


@pytest.fixture
def archive(tmp_path: Path) -> str:
    """A zip of two pictures and a text, as a filesystem."""
    path = tmp_path / "set.zip"
    with zipfile.ZipFile(path, "w") as file:
        for name, pixel in (("b", (0, 0, 250)), ("a", (250, 0, 0))):
            Image.new("RGB", (8, 8), pixel).save(tmp_path / f"{name}.png")
            file.write(tmp_path / f"{name}.png", f"pics/{name}.png")
        file.writestr("pics/notes.txt", "none")
    return f"zip://{{}}::{path}"


@pytest.mark.parametrize(
    ("name", "elsewhere"),
    [
        ("s3://bucket/a.png", True),
        ("memory://a.png", True),
        ("zip://a.png::/x.zip", True),
        ("file:///a.png", False),
        ("a.png", False),
        ("/a/b.png", False),
        ("C:/a.png", False),
    ],
)
def test_what_has_a_scheme_is_elsewhere(name, elsewhere):
    assert remote.is_one(name) is elsewhere


def test_a_local_file_may_have_a_scheme():
    assert remote.local("file:///a/b.png") == Path("/a/b.png") == remote.local("/a/b.png")


def test_pictures_are_found_by_what_they_are_called(archive):
    found = remote.find(archive.format("pics"))
    assert list(found) == [archive.format("pics/a.png"), archive.format("pics/b.png")]
    assert all(size > 50 for size in found.values())
    # A file that is named is taken, whatever it is called.
    assert list(remote.find(archive.format("pics/notes.txt"))) == [archive.format("pics/notes.txt")]


def test_what_is_not_there_is_said(memory, archive):
    with pytest.raises(DataError, match=r"^memory://none does not exist\n  hint: see to bucket"):
        remote.find("memory://none")
    memory.pipe_file("/set/notes.txt", b"")
    with pytest.raises(DataError, match=r"^no picture found in memory://set\n  hint: pictures"):
        remote.find("memory://set")


def test_what_a_scheme_needs_is_said(monkeypatch):
    with pytest.raises(DataError) as caught:
        remote.check("s5://bucket/a.png")
    assert str(caught.value) == (
        "s5:// is no scheme of fsspec: s5://bucket/a.png\n"
        "  hint: such as s3://, gs://, az://, abfs://, https://"
    )
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    with pytest.raises(DataError) as caught:
        remote.check("gs://bucket/a.png")
    assert str(caught.value) == "gs://bucket/a.png needs gcsfs\n  hint: pip install gcsfs"
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(DataError) as caught:
        remote.check("s3://bucket/a.png")
    assert str(caught.value) == (
        "s3://bucket/a.png needs fsspec\n  hint: pip install 'keras-zoo[remote]'"
    )


def test_files_are_fetched_a_batch_ahead_and_deleted(memory, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    names = []
    for number in range(10):
        memory.pipe_file(f"/set/{number}.png", bytes([number]))
        names.append(f"memory://set/{number}.png")
    names[4] = "memory://set/none.png"
    here = tmp_path / "here.png"
    here.write_bytes(b"here")
    names[7] = str(here)
    seen, most = [], 0
    for batch in remote.batches(names, 3):
        seen += [each if isinstance(each, DataError) else each.read_bytes() for each in batch]
        most = max(most, len(list(tmp_path.glob("zoo-*/*/*"))))
    expected = [bytes([number]) for number in range(10)]
    assert str(seen[4]) == "memory://set/none.png: No such file or directory"
    assert seen[:4] + seen[5:7] + seen[8:] == expected[:4] + expected[5:7] + expected[8:]
    assert seen[7] == b"here"
    assert most <= 6
    assert here.exists()
    assert not list(tmp_path.glob("zoo-*"))


def test_a_network_that_fails_is_no_picture_that_is_missing(memory, monkeypatch):
    memory.pipe_file("/a.png", b"")

    def cat(self, paths, on_error):
        return dict.fromkeys(paths, TimeoutError("read timed out"))

    monkeypatch.setattr(type(memory), "cat", cat)
    with pytest.raises(TimeoutError):
        list(remote.batches(["memory://a.png"], 2))


def test_a_file_is_there_once_all_is_written(memory):
    with remote.writing("memory://out.csv") as file:
        file.write("a,ü\n")
        assert not remote.exists("memory://out.csv")
    assert memory.cat_file("/out.csv") == "a,ü\n".encode()

    def careless():
        with remote.writing("memory://other.csv") as file:
            file.write("a,b\n")
            raise ValueError

    with pytest.raises(ValueError):
        careless()
    assert not remote.exists("memory://other.csv")


def test_a_list_of_pictures_elsewhere(memory, tmp_path):
    table = "path,label,split,bytes\ncat/1.png,cat,test,77\ns3://other/2.png,dog,test,\n"
    memory.pipe_file("/lists/set.csv", table.encode())
    found = folder.read("memory://lists/set.csv", val=0, test=0, elsewhere=True)
    assert found.classes == ("cat", "dog")
    assert [(each.id, each.place, each.size) for each in found.samples] == [
        ("memory://lists/cat/1.png", "memory://lists/cat/1.png", 77),
        ("s3://other/2.png", "s3://other/2.png", 0),
    ]
    for name, told in (
        ("memory://lists/set.csv", "memory://lists/set.csv is elsewhere; a folder or a CSV of"),
        (tmp_path / "set.csv", "lists pictures that are elsewhere: s3://other/2.png"),
    ):
        (tmp_path / "set.csv").write_text("path,label\ns3://other/2.png,dog\na.png,cat\n")
        with pytest.raises(DataError) as caught:
            folder.read(name)
        assert told in str(caught.value)
        assert "zoo predict, evaluate and data check read" in str(caught.value)
    with pytest.raises(DataError, match="memory://lists is no CSV; what is elsewhere is read from"):
        folder.read("memory://lists", elsewhere=True)
