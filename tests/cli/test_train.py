from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zoo.cli.main import main


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Thirty grey pictures, dark or light."""
    root = tmp_path / "greys"
    draws = np.random.default_rng(0)
    for number in range(30):
        place = root / ("dark", "light")[number % 2]
        place.mkdir(parents=True, exist_ok=True)
        pixels = draws.integers(0, 100, (16, 16)) + 150 * (number % 2)
        Image.fromarray(pixels.astype(np.uint8)).save(place / f"{number}.png")
    return root


SPEC = "small-cnn:width=0.05+linear"
QUICK = ["--recipe", "scratch", "--epochs", "1", "--input-size", "16", "--device", "cpu"]


def test_a_training_ends_in_what_to_do_next(pictures: Path, tmp_path: Path, capsys):
    out = tmp_path / "run"
    assert main(["train", SPEC, str(pictures), "--out", str(out), *QUICK]) == 0
    told = capsys.readouterr()
    first, *lines = told.out.splitlines()
    assert first.startswith("accuracy  ")
    assert first.endswith(" on 4 pictures, test")
    assert lines[0].startswith("time      ")
    assert lines[0].endswith(" cores)")
    assert lines[1:] == [
        f"run       {out}, report.html tells more",
        "",
        "next",
        f"  zoo predict {out} PICTURE",
        f"  zoo explain {out} PICTURE",
        f"  zoo export {out} --out deploy",
    ]
    assert f"{SPEC} on {pictures}: 2 classes, 22 train, 4 val, 4 test" in told.err


def test_json_is_one_document(pictures: Path, tmp_path: Path, capsys):
    out = tmp_path / "run"
    words = ["train", SPEC, str(pictures), "--out", str(out), *QUICK, "--json"]
    words += ["--set", "all.learning_rate=0.5", "--set", "all.optimizer=sgd", "--seed", "9"]
    assert main(words) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["run"] == str(out)
    assert facts["metrics"] == json.loads((out / "metrics.json").read_text())
    assert facts["seed"] == 9
    recipe = (out / "recipe.toml").read_text()
    assert "learning_rate = 0.5" in recipe
    assert 'optimizer = "sgd"' in recipe


def test_a_preset_names_model_recipe_and_policy(pictures, tmp_path, capsys):
    registry = tmp_path / "registry.toml"
    registry.write_text(
        f'[presets.tiny]\nspec = "{SPEC}"\nrecipe = "scratch"\npolicy = "light:rotation=3"\n'
    )
    words = ["train", str(pictures), "--preset", "tiny", "--registry", str(registry)]
    words += ["--out", str(tmp_path / "run"), *QUICK[2:], "--json"]
    assert main(words) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["spec"], facts["recipe"]) == (SPEC, "scratch")
    assert facts["policy"] == "light:rotation=3"


TYPOS = {
    "small-cn+linear DATA --out OUT": (
        "error: no backbone named 'small-cn'\n"
        "  small-cn+linear\n"
        "  ^\n"
        "  hint: did you mean small-cnn?\n"
    ),
    "small-cnn+linear DATA --out OUT --recipe fintune": (
        "error: no recipe named 'fintune'\n"
        "  hint: did you mean finetune? zoo recipe list shows all, and files: PATH.toml\n"
    ),
    "small-cnn+linear DATA --out OUT --set head.epoch=3": (
        "error: recipe finetune: phase head.epoch is unknown; did you mean epochs?\n"
    ),
    "small-cnn+linear DATA --out OUT --policy lite": (
        "error: no policy named 'lite'\n  lite\n  ^\n  hint: did you mean light?\n"
    ),
    "small-cnn+linear DATA --out OUT --policy light:rotation=500": (
        "error: Rotate takes degrees between 0 and 180, received 500.0\n"
    ),
    "small-cnn+linear DATA --out OUT --input-size 8": (
        "error: small-cnn cannot take pictures of 8x8, the smallest it accepts is 16x16\n"
        "  hint: its own size is 64x64\n"
    ),
    "small-cnn+linear DATA --out OUT --device cuda": (
        "error: no device called 'cuda'; devices are cpu, gpu:0, gpu:1 ...\n"
    ),
    "small-cnn+linear NO --out OUT": (
        "error: no folder NO\n  hint: give a folder that holds one folder per class\n"
    ),
    "small-cnn+linear DATA --out DATA": (
        "error: DATA is in use\n  hint: choose another --out, or remove it\n"
    ),
    "small-cnn+linear --out OUT": (
        "error: zoo train takes SPEC and DATA, received small-cnn+linear\n"
        "  hint: such as: zoo train vgg16@imagenet+dense flowers/ --out runs/flowers\n"
    ),
    "small-cnn+linear DATA": (
        "error: zoo train needs a folder for the run\n  hint: such as: --out runs/flowers\n"
    ),
    "--resume OUT": (
        "error: no unfinished run OUT\n  hint: zoo train MODEL DATA --out DIR begins one\n"
    ),
    "--resume OUT DATA": (
        "error: zoo train --resume OUT takes nothing else, received DATA\n"
        "  hint: model, data and recipe are those that the run began with\n"
    ),
    "DATA --preset no --out OUT": "error: no preset named 'no'\n  hint: zoo list --kind preset\n",
}


def test_typos_are_answered_without_tensorflow(pictures: Path, tmp_path: Path):
    names = {"DATA": str(pictures), "NO": str(tmp_path / "no"), "OUT": str(tmp_path / "run")}
    calls = [[names.get(word, word) for word in typo.split()] for typo in TYPOS]
    # One process for all: what one of them had imported would be seen after the last.
    code = (
        "import json, sys\n"
        "from zoo.cli.main import main\n"
        "for words in json.loads(sys.argv[1]):\n"
        "    code = main(['train', *words])\n"
        "    print(f'-- {code}', file=sys.stderr)\n"
        "print(*sorted({'tensorflow', 'keras', 'numpy', 'PIL', 'sklearn'} & set(sys.modules)))\n"
    )
    child = subprocess.run(
        [sys.executable, "-c", code, json.dumps(calls)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert child.stdout.strip() == ""
    answers = child.stderr.split("-- 2\n")[:-1]
    for typo, told in zip(TYPOS, answers, strict=True):
        for name, place in names.items():
            told = told.replace(place, name)
        assert told == TYPOS[typo], typo
    assert not (tmp_path / "run").exists()


def test_too_many_words(capsys, tmp_path):
    assert main(["train", "a", "b", "c", "--out", str(tmp_path / "run")]) == 2
    assert capsys.readouterr().err.startswith(
        "error: zoo train takes SPEC and DATA, received a b c"
    )
