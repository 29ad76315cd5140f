from __future__ import annotations

import json
import re

import numpy as np
import pytest
from PIL import Image

import zoo
from zoo.cli.main import main


@pytest.fixture
def many(colours):
    """More pictures to train on than the three that the colours begin with."""
    random = np.random.default_rng(0)
    for number in range(1, 7):
        for colour in ("red", "green", "blue"):
            pixels = random.integers(0, 256, (8, 8, 3)).astype("uint8")
            Image.fromarray(pixels).save(colours / "train" / colour / f"{number}.png")
    return colours


def test_a_run_is_operated_on_and_verified(colour_run, many, tmp_path, capsys):
    out = tmp_path / "operated"
    words = ["surgery", "insert-bn", str(colour_run), "--after", "same", "--out", str(out)]
    assert main([*words, "--device", "cpu"]) == 0

    told = capsys.readouterr().out
    assert re.fullmatch(
        r"insert-bn\n"
        r"  same_bn: batch normalisation at the output of same, 3 units\n"
        r"\n"
        rf"run       {out}\n"
        r"logits    differ by \S+ at most, \S+ of the largest; accepted 0.0001\n"
        r"answers   100.0 % the same on 21 pictures\n"
        rf"pictures  sha256 [0-9a-f]{{16}}..., {many}\n"
        r"dtype     float32\n"
        r"time      \d+\.\d s\n"
        r"\n"
        rf"next\n  zoo verify {out}\n",
        told,
    )
    (row,) = json.loads((out / "run.json").read_text())["surgery"]
    assert row["step"] == {"do": "insert-bn", "after": ["same"]}
    assert row["holds"] is True
    assert row["relative"] < 1e-6
    assert "same_bn" in [layer.name for layer in zoo.load(out).layers]
    assert (out / "history.csv").read_text() == (colour_run / "history.csv").read_text()

    assert main(["verify", str(out), "--json"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert again["measured"]["relative"] == pytest.approx(row["relative"], abs=1e-7)
    assert main(["evaluate", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["accuracy"] == pytest.approx(6 / 7)


def test_a_model_that_was_changed_since_fails_the_certificate(colour_run, many, tmp_path, capsys):
    from zoo.engine import artefact

    out = tmp_path / "operated"
    assert (
        main(["surgery", "insert-bn", str(colour_run), "--after", "same", "--out", str(out)]) == 0
    )
    model = zoo.load(out)
    model.get_layer("logits").kernel.assign(model.get_layer("logits").kernel * 1.01)
    artefact.save(model, out / "model.keras")
    capsys.readouterr()

    assert main(["verify", str(out)]) == 1
    told = capsys.readouterr().err
    assert f"error: {out}: the logits differ by 0.01 of the largest from those before" in told
    assert "accepted is 0.0001" in told

    (many / "train" / "red" / "0.png").write_bytes((many / "train" / "red" / "1.png").read_bytes())
    assert main(["verify", str(out)]) == 2
    assert "are not those of the certificate: their digest differs" in capsys.readouterr().err


def refused(words, capsys) -> str:
    assert main(words) == 2
    told = capsys.readouterr()
    assert told.out == ""
    return told.err


def test_nothing_is_written_when_it_cannot_be_done(colour_run, many, tmp_path, capsys):
    out = tmp_path / "operated"
    words = ["surgery", "insert-bn", str(colour_run), "--after", "sme", "--out", str(out)]
    assert refused(words, capsys).endswith(
        "error: the model has no Dense or convolution layer 'sme'\n  hint: did you mean same?\n"
    )
    words = ["surgery", "dropout", str(colour_run), "--rate", "0.5", "--out", str(out)]
    assert refused(words, capsys).endswith(
        "error: the model has none of what is accepted here: dropout layer\n"
    )
    assert not list(tmp_path.glob("operated*"))


def test_a_typo_is_answered_before_tensorflow_starts(colour_run, tmp_path, capsys, monkeypatch):
    from zoo.engine import runtime

    monkeypatch.setattr(runtime, "start", lambda *_: pytest.fail("TensorFlow was started"))
    out = ["--out", str(tmp_path / "out")]
    assert refused(["surgery", "dropout", str(colour_run), "--rate", "2", *out], capsys) == (
        "error: dropout: rate: input should be less than 1, received 2.0\n"
        "  hint: options: rate, layers, legacy_non_inverted\n"
    )
    assert "did you mean" in refused(
        ["surgery", "convert", str(colour_run), "--to", "vgg61bn+dense", *out], capsys
    )
    assert refused(["surgery", "dropout", "vgg11+dense", "--rate", "0.1", *out], capsys) == (
        "error: vgg11+dense does not say which pictures to use\n  hint: name a folder: --data DIR\n"
    )
    unfinished = colour_run.rename(colour_run.with_name("other.unfinished"))
    assert "did not finish" in refused(
        ["surgery", "dropout", str(unfinished), "--rate", "0.1", *out], capsys
    )


def test_a_named_model_becomes_a_run(many, tmp_path, capsys):
    out = tmp_path / "named"
    words = ["surgery", "dropout", "small-cnn+dense:units=4", "--rate", "0.2", "--classes", "3"]
    assert main([*words, "--data", str(many / "train"), "--out", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["largest"] == 0.0
    assert main(["verify", str(out)]) == 0


def test_a_run_without_surgery_has_nothing_to_verify(colour_run, capsys):
    assert refused(["verify", str(colour_run)], capsys).endswith(
        f"error: {colour_run} was not operated on: there is no certificate to measure again\n"
        "  hint: zoo surgery makes one; zoo verify takes exported folders too\n"
    )
