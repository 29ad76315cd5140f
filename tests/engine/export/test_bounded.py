"""An export in a process of its own: its result, its errors, and its end."""

from __future__ import annotations

import pytest

from zoo import errors
from zoo.engine.export import bounded
from zoo.errors import ExportError

SMALL = "small-cnn:width=0.125+linear"


def test_memory_of_this_process_is_seen():
    import os

    before = bounded.resident(os.getpid())
    held = bytearray(64 << 20)

    assert bounded.resident(os.getpid()) - before > 48 << 20
    assert bounded.resident(2**30) == 0
    del held


def test_an_error_comes_back_as_it_was():
    error = bounded._error("DataError", "no picture", "give one")

    assert isinstance(error, errors.DataError)
    assert str(error) == "no picture\n  hint: give one"
    assert isinstance(bounded._error("Nonsense", "x", None), ExportError)


@pytest.mark.slow
def test_too_much_memory_ends_with_a_sentence(tmp_path):
    with pytest.raises(ExportError) as error:
        bounded.export(SMALL, tmp_path / "deploy", limit=200 << 20, progress=lambda sentence: None)

    assert error.value.message.startswith(f"exporting {SMALL} took 0.")
    assert error.value.message.endswith("GB of memory, and it may take 0.2 GB here")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_the_result_comes_back(tmp_path):
    told = []

    document = bounded.export(
        SMALL, tmp_path / "deploy", progress=told.append, classes=3, input_size=(32, 32)
    )

    assert document["classes"] == ["0", "1", "2"]
    assert told[0] == f"building {SMALL}"
    assert (tmp_path / "deploy" / "model.onnx").is_file()
