"""`zoo data check|stats|sample` on pictures that were spoilt on purpose."""

from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zoo.cli.main import main
from zoo.engine import folder


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Splits of two classes, twenty noisy pictures each but for what is added to them."""
    root = tmp_path / "set"
    draws = np.random.default_rng(0)
    for split, count in (("train", 10), ("val", 5), ("test", 5)):
        for name in ("cat", "dog"):
            place = root / split / name
            place.mkdir(parents=True)
            for number in range(count):
                pixels = draws.integers(0, 256, (6, 8, 3), np.uint8)
                Image.fromarray(pixels).save(place / f"{number}.png")
    return root


def copy(root: Path, source: str, target: str) -> None:
    (root / target).write_bytes((root / source).read_bytes())


def run(capsys, *words: object) -> tuple[int, dict]:
    code = main([*map(str, words), "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_nothing_wrong(pictures: Path, capsys):
    code, found = run(capsys, "data", "check", pictures)
    assert code == 0
    assert found == {
        "pictures": 40,
        "unreadable": {},
        "leaks": {},
        "conflicts": {},
        "duplicates": {},
        "manifest": None,
    }


def test_what_is_wrong_is_named_and_left_out_of_the_manifest(pictures, capsys, tmp_path):
    copy(pictures, "test/cat/0.png", "train/cat/leak.png")
    copy(pictures, "train/cat/1.png", "train/dog/conflict.png")
    copy(pictures, "train/dog/2.png", "train/dog/twin.png")
    broken = pictures / "val/dog/3.png"
    broken.write_bytes(broken.read_bytes()[:60])
    (pictures / "train/cat/empty.jpg").touch()
    manifest = tmp_path / "lists" / "set.csv"
    manifest.parent.mkdir()
    code, found = run(capsys, "data", "check", pictures, "--out", manifest)
    assert code == 1
    assert found["pictures"] == 44
    assert found["leaks"] == {
        "train/cat/leak.png": "test/cat/0.png",
        "test/cat/0.png": "train/cat/leak.png",
    }
    assert found["conflicts"] == {
        "train/dog/conflict.png": "train/cat/1.png",
        "train/cat/1.png": "train/dog/conflict.png",
    }
    assert found["duplicates"] == {"train/dog/twin.png": "train/dog/2.png"}
    assert set(found["unreadable"]) == {"val/dog/3.png", "train/cat/empty.jpg"}

    rows = list(csv.DictReader(manifest.read_text().splitlines()))
    assert len(rows) == 43
    by_name = {row["path"]: row for row in rows}
    one = by_name["../set/test/cat/0.png"]
    content = (pictures / "test/cat/0.png").read_bytes()
    assert one == {
        "path": "../set/test/cat/0.png",
        "label": "cat",
        "split": "test",
        "width": "8",
        "height": "6",
        "format": "PNG",
        "bytes": str(len(content)),
        "sha256": hashlib.sha256(content).hexdigest(),
        "verdict": "ok",
    }
    refused = {Path(name).name for name, row in by_name.items() if row["verdict"] != "ok"}
    assert refused == {"leak.png", "conflict.png", "1.png", "3.png"}
    # And the manifest is a set of pictures to train on.
    again = folder.read(manifest)
    assert again.counts == {"train": 20, "val": 9, "test": 10}
    assert all(sample.path.is_file() for sample in again.samples)


def test_the_summary_is_for_people(pictures, capsys):
    copy(pictures, "test/cat/0.png", "train/cat/leak.png")
    assert main(["data", "check", str(pictures)]) == 1
    told = capsys.readouterr()
    assert told.out == (
        "41 pictures\n"
        "0 cannot be decoded\n"
        "2 lie in another split too\n"
        "  train/cat/leak.png: test/cat/0.png\n"
        "  test/cat/0.png: train/cat/leak.png\n"
        "0 lie under another label too\n"
        "0 are copies of another of their class\n"
    )
    assert told.err == (
        f"error: {pictures} has pictures that should not be trained on as they are\n"
        "  hint: zoo data check --out FILE.csv writes a manifest; train on that, or mend them\n"
    )


def test_the_next_command_can_be_pasted(pictures, capsys, tmp_path):
    manifest = tmp_path / "my list.csv"
    assert main(["data", "check", str(pictures), "--out", str(manifest)]) == 0
    *_, last = capsys.readouterr().out.splitlines()
    assert last == f"manifest: {manifest}; zoo train MODEL '{manifest}'"


def test_stats_are_those_of_numpy(pictures: Path, capsys):
    code, found = run(capsys, "data", "stats", pictures)
    assert code == 0
    assert found["pictures"] == {"train": 20, "val": 10, "test": 10}
    assert found["classes"]["dog"] == {"train": 10, "val": 5, "test": 5}
    assert found["formats"] == {"PNG": 40}
    assert (found["width"], found["height"]) == ([8, 8, 8], [6, 6, 6])
    pixels = np.stack([np.asarray(Image.open(p)) for p in sorted(pictures.glob("train/*/*"))])
    flat = pixels.reshape(-1, 3).astype(float)
    np.testing.assert_allclose(found["mean"], flat.mean(0), atol=0.01)
    np.testing.assert_allclose(found["std"], flat.std(0), atol=0.01)
    assert main(["data", "stats", str(pictures)]) == 0
    assert "dog       10    5     5" in capsys.readouterr().out


def test_a_sample_of_a_seed_holds_the_smaller_one(pictures, capsys, tmp_path):
    def drawn(name: str, *words: object) -> set[str]:
        code, found = run(capsys, "data", "sample", pictures, tmp_path / name, *words)
        assert code == 0
        assert found["classes"] == ["cat", "dog"]
        return {p.relative_to(tmp_path / name).as_posix() for p in (tmp_path / name).glob("*/*/*")}

    small = drawn("small", "--train", 3, "--val", 2)
    assert len(small) == 10
    assert small < drawn("large", "--train", 5, "--val", 2, "--link")
    assert small != drawn("other", "--train", 3, "--val", 2, "--seed", 1)
    assert folder.read(tmp_path / "small", test=0).counts == {"train": 6, "val": 4}
    for path in (tmp_path / "small").glob("*/*/*"):
        origin = pictures / path.parent.relative_to(tmp_path / "small") / path.name.rsplit("_")[-1]
        assert path.read_bytes() == origin.read_bytes()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            "SET OUT",
            "zoo data sample draws nothing\n  hint: give --train N, --val N or --test N",
        ),
        (
            "SET SET --train 1",
            "SET is in use\n  hint: name a folder that does not exist",
        ),
    ],
)
def test_a_sample_that_cannot_be_drawn(pictures, tmp_path, capsys, words, told):
    names = {"SET": str(pictures), "OUT": str(tmp_path / "out")}
    assert main(["data", "sample", *(names.get(word, word) for word in words.split())]) == 2
    assert capsys.readouterr().err == f"error: {told.replace('SET', str(pictures))}\n"
