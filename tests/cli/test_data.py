from __future__ import annotations

import json
from pathlib import Path

import pytest

from zoo.cli.main import main
from zoo.engine import folder


def test_shapes_are_made(tmp_path: Path, capsys):
    out = tmp_path / "shapes"
    words = ["data", "make", "shapes", str(out), "--count", "100", "--size", "16", "--seed", "4"]
    assert main(words) == 0
    assert capsys.readouterr().out == (
        f"{out}: shapes, 10 classes, 60 train, 20 val, 20 test\n"
        f"next: zoo train small-cnn+linear {out} --recipe scratch --out runs/shapes\n"
    )
    assert folder.read(out).counts == {"train": 60, "val": 20, "test": 20}


def test_digits_as_json(tmp_path: Path, capsys):
    out = tmp_path / "digits"
    assert main(["data", "make", "digits", str(out), "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert made["set"] == "digits"
    assert sum(made["pictures"].values()) == 1797


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["digits", "OUT", "--size", "64"], "digits takes no --size\n  hint: only shapes does\n"),
        (["shapes", "OUT", "--size", "8"], "pictures of 8 pixels; accepted are 16 to 1024\n"),
        (
            ["digts", "OUT"],
            "no set called 'digts'; sets are digits and shapes\n  hint: did you mean digits?\n",
        ),
    ],
)
def test_what_cannot_be_made(tmp_path: Path, capsys, words: list[str], told: str):
    out = str(tmp_path / "out")
    assert main(["data", "make", *(out if word == "OUT" else word for word in words)]) == 2
    assert capsys.readouterr().err == f"error: {told}"
    assert not list(tmp_path.iterdir())
