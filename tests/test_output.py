"""A file is written whole or not at all, here and elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from zoo import output, remote
from zoo.errors import DataError


@pytest.fixture(params=["here", "elsewhere"])
def folder(request, tmp_path: Path, memory):
    """A folder's name, and what reads a file in it."""
    if request.param == "here":
        yield str(tmp_path), lambda name: (tmp_path / name).read_bytes()
        assert not list(tmp_path.glob(".*"))
        return
    yield "memory://bucket", lambda name: memory.cat_file(f"/bucket/{name}")


def test_a_file_is_there_once_all_is_written(folder):
    place, read = folder
    with output.written(f"{place}/out.csv") as path:
        path.write_text("a,ü\n", encoding="utf-8")
        assert not remote.exists(f"{place}/out.csv")
    assert read("out.csv") == "a,ü\n".encode()

    def careless():
        with output.written(f"{place}/out.csv") as path:
            path.write_text("b")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        careless()
    assert read("out.csv") == "a,ü\n".encode()


def test_an_upload_that_is_cut_off(memory, monkeypatch):
    def fail(source, target):
        target.write(source.read(1))
        raise TimeoutError("write timed out")

    monkeypatch.setattr("shutil.copyfileobj", fail)
    with (
        pytest.raises(DataError, match=r"^memory://bucket/out\.csv cannot be reached: write timed"),
        output.written("memory://bucket/out.csv") as path,
    ):
        path.write_text("whole")
    assert not remote.exists("memory://bucket/out.csv")


def test_a_place_that_is_not_there(tmp_path, memory):
    with pytest.raises(DataError) as caught:
        output.check(tmp_path / "none" / "out.csv")
    assert (
        str(caught.value) == f"the folder {tmp_path / 'none'} does not exist\n  hint: make it first"
    )
    with pytest.raises(DataError) as caught:
        output.check("memory://none/out.csv")
    assert str(caught.value) == (
        "memory://none/out.csv cannot be written: there is no none\n  hint: make it first"
    )
    with pytest.raises(DataError, match=r"^https://host/out\.csv cannot be written: from a web"):
        output.check("https://host/out.csv")
    output.check(tmp_path / "out.csv")
    output.check("memory://out.csv")
