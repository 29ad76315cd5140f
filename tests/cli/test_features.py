from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zoo.cli.main import main


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    root = tmp_path / "set"
    draws = np.random.default_rng(0)
    for split, count in (("train", 4), ("val", 2), ("test", 1)):
        for name in ("cat", "dog"):
            place = root / split / name
            place.mkdir(parents=True)
            for number in range(count):
                pixels = draws.integers(0, 256, (16, 16, 3), np.uint8)
                Image.fromarray(pixels).save(place / f"{number}.png")
    return root


def test_features_are_computed_listed_used_and_deleted(pictures, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    spec = "small-cnn:width=0.05+linear"
    device = ["--device", "cpu"]
    assert main(["features", "list"]) == 0
    assert capsys.readouterr().out == "no features are stored\n"
    words = ["features", "extract", spec, str(pictures), "--input-size", "16", *device, "--json"]
    assert main(words) == 0
    rows = json.loads(capsys.readouterr().out)["features"]
    assert [(row["samples"], row["complete"], row["cut"]) for row in rows] == [
        (8, True, "head_pool"),
        (4, True, "head_pool"),
    ]
    # A training of the head finds them.
    words = [
        "train",
        spec,
        str(pictures),
        "--recipe",
        "head",
        "--epochs",
        "1",
        "--input-size",
        "16",
    ]
    assert main([*words, "--out", str(tmp_path / "run"), *device]) == 0
    assert "reads stored features of head_pool" in capsys.readouterr().err
    assert main(["features", "list", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["features"]) == 2
    assert main(["features", "gc"]) == 0
    assert capsys.readouterr().out.startswith("deleted 2 sets of features, ")
    assert not list((tmp_path / "cache" / "features").iterdir())
