"""`zoo export` and `zoo verify`: what they print, what they refuse, and that typos cost nothing."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest
import tensorflow  # noqa: F401  # where it is imported, exports need no process of their own

from zoo.cli.main import main

SMALL = "small-cnn:width=0.125+linear"


def run(capsys, *words: object) -> tuple[int, str, str]:
    code = main([str(word) for word in words])
    out, err = capsys.readouterr()
    return (
        code,
        out,
        "".join(
            line for line in err.splitlines(keepends=True) if not re.match(r"[EIW]\d{4} ", line)
        ),
    )


@pytest.fixture(scope="module")
def deployed(tmp_path_factory):
    out = tmp_path_factory.mktemp("cli") / "deploy"
    assert main(["export", SMALL, "--classes", "3", "--input-size", "32", "--out", str(out)]) == 0
    return out


def test_says_what_was_exported_and_what_to_do_next(capsys, tmp_path) -> None:
    out = tmp_path / "deploy"

    code, text, progress = run(
        capsys, "export", SMALL, "--classes", 3, "--input-size", "32x40", "--out", out
    )

    assert code == 0
    text = re.sub(r"\d+,\d+ bytes", "N bytes", re.sub(r"\d\.?\d*e-\d\d", "X", text))
    assert text == (
        f"""\
model    {out}/model.onnx
size     N bytes, opset 17
input    image uint8 [batch, 32, 40, 3]
output   probabilities float32 [batch, 3], logits float32 [batch, 3], embedding float32 \
[batch, 12], cam float32 [batch, 4, 5]
classes  3
parity   logits differ by X at most, X of the largest; same first class on 100% of 12 pictures
added    triton (triton)
next     zoo verify {out}
"""
    )
    assert progress == (
        f"""\
building {SMALL}
asking Keras about 12 pictures
converting and writing
comparing with onnxruntime
"""
    )


def test_the_document_is_the_only_thing_on_stdout(capsys, tmp_path) -> None:
    code, text, _ = run(capsys, "export", SMALL, "--out", tmp_path / "deploy", "--json")

    facts = json.loads(text)
    assert code == 0
    assert len(facts["classes"]) == 1000
    assert facts["inputs"][0]["shape"] == ["batch", 64, 64, 3]
    assert facts["sha256"] == facts["parity"]["sha256"]


def test_a_name_has_the_classes_of_its_weights(capsys, tmp_path) -> None:
    out = tmp_path / "deploy"

    code, text, _ = run(capsys, "export", "small-cnn@shapes+linear", "--out", out)

    names = (out / "labels.txt").read_text().split()
    assert code == 0
    assert {"circle", "square", "triangle"} < set(names)
    assert f"classes  {len(names)}\n" in text
    assert f"probabilities float32 [batch, {len(names)}]" in text


def test_verify_says_what_it_found(capsys, deployed) -> None:
    code, text, progress = run(capsys, "verify", deployed)

    assert code == 0
    lines = text.splitlines()
    assert lines[0] == f"folder  {deployed}"
    assert lines[1] == "files   24 unchanged"
    assert re.fullmatch(
        r"parity  logits differ by \S+ at most, accepted is \S+ \(onnxruntime \S+\)", lines[2]
    )
    assert progress == (
        "checking checksums\nchecking the structure\ncomparing model.onnx with the golden logits\n"
    )


def test_verify_ends_with_1_where_a_file_was_changed(capsys, deployed, tmp_path) -> None:
    import shutil

    copy = shutil.copytree(deployed, tmp_path / "copy")
    (copy / "labels.txt").write_text("rose\n")

    code, text, err = run(capsys, "verify", copy)

    assert (code, text) == (1, "")
    assert err.endswith(
        f"error: {copy}: changed since the export: labels.txt\n  hint: export again\n"
    )


REFUSED = {
    "a misspelt name": (
        ["smal-cnn+linear"],
        "error: no backbone named 'smal-cnn'\n  smal-cnn+linear\n  ^\n"
        "  hint: did you mean small-cnn?\n",
    ),
    "a missing file": (
        ["runs/none"],
        "error: runs/none does not exist\n  hint: give the folder of a run, or a .keras file\n",
    ),
    "a size that is too small": (
        ["vgg16+linear", "--input-size", "16"],
        "error: vgg16 cannot take pictures of 16x16, the smallest it accepts is 32x32\n"
        "  hint: its own size is 224x224\n",
    ),
    "an opset that is not offered": (
        [SMALL, "--opset", "21"],
        "error: Invalid value for '--opset': 21 is not in the range 13<=x<=18.\n"
        "  hint: zoo export --help shows what it takes\n",
    ),
    "pictures without the eight bits": (
        [SMALL, "--calibrate", "data"],
        "error: --calibrate is for --int8\n  hint: add --int8, or leave it out\n",
    ),
    "eight bits without pictures": (
        [SMALL, "--int8"],
        "error: --int8 needs pictures to take the ranges of activations from\n"
        "  hint: give the folder of the training's pictures: --calibrate DATA\n",
    ),
    "pictures that are not there": (
        [SMALL, "--int8", "--calibrate", "no-such-folder"],
        "error: no folder no-such-folder\n  hint: give a folder with one folder per class\n",
    ),
    "two choices that do not go together": (
        [SMALL, "--size", "resize", "--layout", "nchw"],
        "error: size 'resize' takes pictures as they are decoded, uint8 and nhwc; received uint8 "
        "and nchw\n  hint: leave the input dtype and layout out\n",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_wrong_call_is_answered_and_nothing_is_written(case, capsys, tmp_path) -> None:
    words, message = REFUSED[case]

    code, text, err = run(capsys, "export", *words, "--out", tmp_path / "deploy")

    assert (code, text, err) == (2, "", message)
    assert not list(tmp_path.iterdir())


def test_a_folder_in_use_is_refused(capsys, deployed) -> None:
    code, _, err = run(capsys, "export", SMALL, "--out", deployed)

    assert code == 2
    assert err == (
        f"error: {deployed} already holds an exported model\n"
        "  hint: choose another --out, or remove it\n"
    )


def test_a_stored_model_takes_no_options_of_a_new_one(capsys, tmp_path) -> None:
    import zoo
    from zoo.engine import artefact

    file = artefact.save(zoo.build(SMALL, classes=2), tmp_path / "model.keras")

    code, _, err = run(
        capsys, "export", file, "--classes", 2, "--seed", 1, "--out", tmp_path / "deploy"
    )

    assert code == 2
    assert err == (
        f"error: {file} has its own classes, size and weights; received --classes, --seed\n"
        "  hint: leave them out, or give a name to build\n"
    )


def test_an_exported_folder_is_asked_and_timed(capsys, deployed) -> None:
    picture = deployed / "golden" / "real-1.png"

    code, text, progress = run(capsys, "predict", deployed, picture, "--top", 2)

    assert (code, progress) == (0, "")
    assert text.splitlines()[2].startswith(f"{picture}  ")

    code, text, _ = run(
        capsys, "bench", deployed / "model.onnx", "--batch-size", 1, "--seconds", 0, "--json"
    )

    assert code == 0
    (row,) = json.loads(text)["rows"]
    assert (row["case"]["backend"], row["error"]) == ("onnxruntime", None)
    assert row["step_seconds"]["p50"] > 0


def test_what_an_onnx_file_cannot_do(capsys, deployed) -> None:
    code, _, err = run(capsys, "bench", deployed, "--mode", "train")

    assert code == 2
    assert err.endswith(
        f"error: {deployed} is an ONNX file, which only onnxruntime runs, and inference only\n"
        "  hint: bench the model that it was exported from\n"
    )


@pytest.mark.parametrize(
    "words",
    [
        ["export", "smal-cnn+linear", "--out", "x"],
        ["verify", "no-such-folder"],
        ["predict", "no-such.onnx", "x.png"],
        ["bench", "no-such.onnx"],
    ],
)
def test_a_typo_costs_no_import_of_tensorflow(words) -> None:
    code = (
        "import sys\nfrom zoo.cli.main import main\n"
        f"assert main({words!r}) == 2\n"
        "assert not {'keras', 'tensorflow', 'tf2onnx'} & set(sys.modules)"
    )

    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
