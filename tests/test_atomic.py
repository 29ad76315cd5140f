"""A file is there whole or not at all, whoever writes it at the same time."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from zoo import atomic


def test_what_was_there_is_read_until_the_end(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text("old")
    with atomic.replacing(path) as beside:
        beside.write_text("new")
        assert path.read_text() == "old"
        assert beside.suffix == ".csv"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_after_an_error_all_is_as_it_was(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text("old")

    def interrupted() -> None:
        with atomic.replacing(path) as beside:
            beside.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_two_who_write_one_file_do_not_meet(tmp_path):
    path = tmp_path / "part"
    with ExitStack() as stack:
        first, second = (stack.enter_context(atomic.replacing(path)) for _ in range(2))
        first.write_text("first")
        second.write_text("second")
    # The stack leaves the second before the first.
    assert path.read_text() == "first"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_names_the_file_that_was_to_be(tmp_path):
    def write(path: Path) -> None:
        with atomic.replacing(path) as beside:
            beside.write_text("lost")

    with pytest.raises(FileNotFoundError) as caught:
        write(tmp_path / "no" / "list.csv")
    assert caught.value.filename == str(tmp_path / "no" / "list.csv")
    path = tmp_path / "list.csv"
    path.mkdir()
    with pytest.raises(IsADirectoryError) as caught:
        write(path)
    assert (caught.value.filename, caught.value.filename2) == (str(path), str(path))
    assert list(tmp_path.iterdir()) == [path]
