"""Files elsewhere, in filesystems that fsspec has of its own: in memory, in an archive."""

from __future__ import annotations

import functools
import http.server
import sys
import threading
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from zoo import remote
from zoo.engine import folder, picture
from zoo.engine.sharded.place import RemotePlace
from zoo.engine.sharded.worker import trouble
from zoo.errors import DataError, Unreachable

pytest.importorskip("fsspec")


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
        ("S3://bucket/a.png", True),
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
        remote.filesystem("s5://bucket/a.png")
    assert str(caught.value) == (
        "s5:// is no scheme of fsspec: s5://bucket/a.png\n"
        "  hint: such as s3://, gs://, az://, abfs://, https://, http://"
    )
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    with pytest.raises(DataError) as caught:
        remote.filesystem("gs://bucket/a.png")
    assert str(caught.value) == "gs://bucket/a.png needs gcsfs\n  hint: pip install gcsfs"
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(DataError) as caught:
        remote.filesystem("s3://bucket/a.png")
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
    assert str(seen[4]) == "No such file or directory"
    assert seen[:4] + seen[5:7] + seen[8:] == expected[:4] + expected[5:7] + expected[8:]
    assert seen[7] == b"here"
    assert most <= 6
    assert here.exists()
    assert not list(tmp_path.glob("zoo-*"))


def test_a_name_is_no_pattern(memory):
    names = [f"memory://set/{name}.png" for name in ("a1", "a[1]", "a*", "b")]
    for number, name in enumerate(names):
        memory.pipe_file(name.removeprefix("memory:/"), bytes([number]))
    (contents,) = ([each.read_bytes() for each in batch] for batch in remote.batches(names, 4))
    assert contents == [b"\0", b"\1", b"\2", b"\3"]
    assert remote.sizes([*names, "memory://set/none.png"]) == [1, 1, 1, 1, None]

    for name in ("out1.csv", "out[1].csv", "out*.csv"):
        place = RemotePlace(f"memory://{name}.parts")
        place.write("claim.json", b"")
        place.write("0.part", name.encode())
    RemotePlace("memory://out*.csv.parts").remove("0.part")
    RemotePlace("memory://out[1].csv.parts").remove()
    left = [key for key in memory.find("/") if ".parts" in key]
    assert left == [
        "/out*.csv.parts/claim.json", "/out1.csv.parts/0.part", "/out1.csv.parts/claim.json",
    ]  # fmt: skip


def test_files_of_several_places_in_one_batch(memory, archive):
    memory.pipe_file("/a.png", b"here")
    names = [archive.format("pics/a.png"), "memory://a.png", archive.format("pics/b.png")]
    (contents,) = ([each.read_bytes() for each in batch] for batch in remote.batches(names, 3))
    assert len(set(contents)) == 3
    assert contents[1] == b"here"


def test_a_network_that_fails_is_no_picture_that_is_missing(memory, monkeypatch):
    memory.pipe_file("/a.png", b"")

    def fail(self, *words, **options):
        raise TimeoutError("read timed out")

    place = RemotePlace("memory://out.csv.parts")
    methods = ("cat_file", "pipe_file", "ls", "info", "exists", "find", "get_file", "rm")
    with monkeypatch.context() as broken:
        for method in methods:
            broken.setattr(type(memory), method, fail)
        for ask in (
            lambda: list(remote.batches(["memory://a.png"], 2)),
            lambda: remote.sizes(["memory://a.png"]),
            lambda: remote.exists("memory://a.png"),
            lambda: remote.find("memory://set"),
            lambda: remote.fetched("memory://a.png").__enter__(),
            lambda: place.read("0.part"),
            lambda: place.write("0.part", b""),
            lambda: place.names(),
            lambda: place.remove(),
        ):
            with pytest.raises(Unreachable) as caught:
                ask()
            told = "cannot be reached: read timed out\n  hint: see to credentials and network"
            assert str(caught.value).startswith("memory://")
            assert str(caught.value).endswith(told)
    # A worker that meets it tries again.
    assert trouble(caught.value) == {"failed": caught.value.message}


def test_an_archive_that_is_not_there(tmp_path):
    with pytest.raises(DataError, match=r"^zip://a\.png::.*none\.zip does not exist\n"):
        remote.find(f"zip://a.png::{tmp_path}/none.zip")


def test_pictures_come_in_the_order_of_paths(memory, tmp_path):
    for name in ("a-b/1.png", "a/2.png", "a/b/1.png", "a.png", ".hidden.png"):
        path = tmp_path / "set" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\x89PNG\r\n\x1a\n")
        memory.pipe_file(f"/set/{name}", path.read_bytes())
    here = [path.relative_to(tmp_path).as_posix() for path in picture.find(tmp_path / "set")]
    assert [name.removeprefix("memory://") for name in remote.find("memory://set")] == here


@pytest.fixture
def host(tmp_path):
    """A server of files."""
    pytest.importorskip("aiohttp")
    handler = functools.partial(Quiet, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *words):
        pass


def test_files_of_a_web_server(host, tmp_path):
    for name in ("set/cat/1.png", "set/dog/1.png", "set/dog/2.png"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8)).save(path)
    assert list(remote.find(f"{host}/set/cat/1.png")) == [f"{host}/set/cat/1.png"]
    (batch,) = (
        [each.read_bytes() for each in one] for one in remote.batches([f"{host}/set/cat/1.png"], 1)
    )
    assert batch == [path.read_bytes()]
    # Its pages of links are folders; a name with a slash says that one is meant.
    found = folder.read(f"{host}/set/", val=0, test=0, elsewhere=True)
    assert [sample.place for sample in found.samples] == [
        f"{host}/set/cat/1.png", f"{host}/set/dog/1.png", f"{host}/set/dog/2.png",
    ]  # fmt: skip
    # Its pages tell no sizes, which are asked for.
    assert [sample.size for sample in found.samples] == [path.stat().st_size] * 3
