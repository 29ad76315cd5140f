"""`zoo build`: what it prints, what it writes, and what it refuses before TensorFlow is there."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import zoo
from zoo.cli.main import main

SMALL = "small-cnn:width=0.25+dense:units=4"


def run(capsys, *words: object) -> tuple[int, str, str]:
    code = main([str(word) for word in words])
    out, err = capsys.readouterr()
    return code, out, err


def test_says_what_the_model_is(capsys) -> None:
    code, out, _ = run(capsys, "build", SMALL, "--classes", 2, "--input-size", 32)
    assert code == 0
    assert out == (
        """\
small-cnn:width=0.25+dense:units=4

stage   output   layers  parameters    MACs
------  -------  ------  ----------  ------
stage1  16x16x6      10         882  0.21 M
stage2  8x8x12       10       2,160  0.14 M
stage3  4x4x24       10       8,352  0.14 M
head    2             5       1,550   1,544

input       32x32x3, float32
classes     2
parameters  12,944
trainable   12,692
MACs        0.49 M a picture
weights     50.6 KiB
training    about 5.1 MiB at batch size 32 with Adam

backbone  small-cnn (plugin compact, keras-zoo 0.1.0) width=0.25
head      dense (plugin heads, keras-zoo 0.1.0) units=4 layers=1 pool=flatten dropout=0.5
"""
    )


def test_writes_model_and_picture(capsys, tmp_path) -> None:
    model, picture = tmp_path / "m.keras", tmp_path / "m.png"
    words = ("build", SMALL, "--classes", 2, "--input-size", "32x16", "--seed", 7)
    code, out, _ = run(capsys, *words, "--out", model, "--plot", picture)
    assert code == 0
    assert out.endswith(f"\nmodel    {model}\npicture  {picture}\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.keras", "m.png"]
    loaded = zoo.load(model)
    assert loaded.zoo_anatomy.input_size == (32, 16)
    again = zoo.build(SMALL, classes=2, input_size=(32, 16), seed=7)
    assert (loaded.get_weights()[0] == again.get_weights()[0]).all()


def test_json_is_one_document(capsys) -> None:
    words = ("build", SMALL, "--classes", 3, "--input-size", 32, "--dtype", "mixed_bfloat16")
    code, out, _ = run(capsys, *words, "--json", "--summary", "--batch-size", 4)
    facts = json.loads(out)
    assert code == 0
    assert facts["spec"] == SMALL
    assert facts["input"] == [32, 32, 3]
    assert facts["dtype"] == "mixed_bfloat16"
    assert facts["resolved"]["backbone"]["plugin"] == "compact"
    assert facts["training"]["batch_size"] == 4
    assert [row["stage"] for row in facts["stages"]] == ["stage1", "stage2", "stage3", "head"]
    assert sum(row["parameters"] for row in facts["layers"]) == facts["total"]["parameters"]
    assert facts["weight_bytes"] == 4 * facts["total"]["parameters"]


def test_summary_lists_every_layer(capsys) -> None:
    _, out, _ = run(capsys, "build", SMALL, "--classes", 2, "--input-size", 32, "--summary")
    rows = [line.split() for line in out.splitlines()]
    assert ["stem_conv", "Conv2D", "16x16x6", "162"] in rows
    assert ["head_dropout1", "Dropout", "4", "0"] in rows


def test_prints_what_plugins_advise(capsys) -> None:
    _, out, _ = run(capsys, "build", "vgg11:width=0.0625+dense", "--classes", 10)
    assert "\nnote: " in out
    assert "dense:pool=avg reads their mean" in out


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (
            ["--input-size", "8"],
            "small-cnn cannot take pictures of 8x8, the smallest it accepts is 16x16\n"
            "  hint: its own size is 64x64",
        ),
        (
            ["--input-size", "32*32"],
            "input size '32*32' cannot be read\n  hint: write 224 or HEIGHTxWIDTH: 224x192",
        ),
        (
            ["--out", "model.h5"],
            "model.h5 is no name for a .keras file\n  hint: let it end in .keras",
        ),
        (
            ["--out", "no/such/model.keras"],
            "the folder no/such does not exist\n  hint: make it first",
        ),
        (
            ["--plot", "there.png"],
            "there.png exists\n  hint: choose another name, or delete it first",
        ),
        (["--device", "tpu"], "no device called 'tpu'; devices are cpu, gpu:0, gpu:1 ..."),
    ],
)
def test_refuses_before_tensorflow_is_imported(tmp_path, words: list[str], text: str) -> None:
    (tmp_path / "there.png").touch()
    script = (
        "import sys; from zoo.cli.main import main; code = main(sys.argv[1:]); "
        "heavy = {'keras', 'tensorflow', 'numpy', 'pydantic'} & set(sys.modules); "
        "sys.exit(99 if heavy else code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "build", "small-cnn+linear", *words],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"error: {text}\n")
    assert [path.name for path in tmp_path.iterdir()] == ["there.png"]


def test_a_part_that_fails_writes_nothing(capsys, tmp_path: Path) -> None:
    out = tmp_path / "m.keras"
    code, printed, err = run(capsys, "build", "small-cnn+dense:units=0", "--out", out)
    assert (code, printed) == (2, "")
    assert err == "error: dense takes units from 1 to 65,536, received 0\n"
    assert not list(tmp_path.iterdir())
