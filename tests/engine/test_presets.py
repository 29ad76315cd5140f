"""Every preset end to end, small: its model without the weights that would be fetched."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zoo import recipe, registry
from zoo.cli.main import main

PRESETS = sorted(registry.load().presets())


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Noise of two colours."""
    draws = np.random.default_rng(0)
    root = tmp_path_factory.mktemp("set")
    for split, count in (("train", 6), ("val", 2), ("test", 2)):
        for name, channel in (("cat", 0), ("dog", 2)):
            place = root / split / name
            place.mkdir(parents=True)
            for number in range(count):
                pixels = draws.integers(0, 128, (64, 64, 3))
                pixels[..., channel] += 127
                Image.fromarray(pixels.astype(np.uint8)).save(place / f"{number}.png")
    return root


def smallest(backbone: registry.ResolvedPart) -> int:
    """The least that a backbone takes, but no less than policies cut out of."""
    return max(*backbone.part.minimum, 48)


@pytest.mark.slow
@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_trains(name, pictures, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    known = registry.load()
    row = known.preset(name)
    spec = re.sub(r"@[\w-]+", "", row["spec"])
    size = smallest(known.resolve(known.parse(spec)).backbone)
    if "crop-from" in row:  # The policy says what it cuts out.
        size = int(row["input-size"])
    words = ["train", spec, str(pictures), "--recipe", row["recipe"], "--input-size", str(size)]
    words += ["--policy", row["policy"]] if "policy" in row else []
    words += ["--crop-from", row["crop-from"]] if "crop-from" in row else []
    words += ["--epochs", "1", "--batch-size", "4", "--device", "cpu", "--json"]
    assert main([*words, "--out", str(tmp_path / "run")]) == 0
    facts = json.loads(capsys.readouterr().out)
    legs = recipe.load(row["recipe"]).phases
    assert list(facts["contracts"]) == [leg.name for leg in legs]
    assert all(facts["contracts"][leg.name]["moved"] for leg in legs)
    assert len((tmp_path / "run" / "history.csv").read_text().splitlines()) == 1 + len(legs)
    assert facts["metrics"]["pictures"] == 4
