from __future__ import annotations

import json
import time

import pytest

from zoo.cli import demo
from zoo.cli.main import main

FACTS = {
    "out": "demo",
    "spec": "small-cnn+linear",
    "device": "cpu (2 cores)",
    "accuracy": 0.98141,
    "accuracy_interval": [0.9574, 0.99203],
    "pictures": 269,
    "images_per_second": {1: 836.4, 32: 2670.1},
    "parity": {"max_difference": 2.4e-6, "largest_logit": 12.0},
    "seconds": {"data": 1.25, "train": 35.0},
    "files": {"model": "demo/run/model.keras", "ONNX": "demo/onnx/model.onnx"},
}


def test_the_closing_words():
    assert demo._render(FACTS) == (
        "model     small-cnn+linear on cpu (2 cores)\n"
        "accuracy  98.14 %  (95 %: 95.74 to 99.20 %) on 269 test pictures\n"
        "images/s  836 at batch 1, 2,670 at batch 32\n"
        "ONNX      logits differ from those of Keras by 2e-07 of the largest\n"
        "seconds   data 1.2, train 35.0\n"
        "in all    36 s\n"
        "\n"
        "what   where\n"
        "-----  --------------------\n"
        "model  demo/run/model.keras\n"
        "ONNX   demo/onnx/model.onnx\n"
        "\n"
        "next\n"
        "  open demo/run/report.html in a browser, look at demo/explain.png\n"
        "  zoo predict demo/run demo/digits/test/3\n"
        "  zoo train small-cnn+linear YOUR_PICTURES --recipe scratch --out runs/yours\n"
        "  zoo list"
    )


def test_a_folder_in_use_is_left_alone(tmp_path, capsys):
    out = tmp_path / "demo"
    out.mkdir()
    (out / "mine.txt").write_text("mine")

    assert main(["demo", "--out", str(out)]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == f"error: {out} is in use\n  hint: zoo demo --out ANOTHER, or remove it\n"
    assert [path.name for path in out.iterdir()] == ["mine.txt"]


def test_steps_are_told_and_timed(capsys, monkeypatch):
    moments = iter([10.0, 12.5])
    monkeypatch.setattr(time, "perf_counter", lambda: next(moments))
    steps = demo.Steps()
    with steps.step("train", "a model"):
        assert capsys.readouterr().err == "train: a model\n"

    assert steps.seconds == {"train": 2.5}


@pytest.mark.slow
def test_the_whole_job(tmp_path, capsys):
    out = tmp_path / "demo"

    assert main(["demo", "--out", str(out), "--device", "cpu", "--json"]) == 0

    document = json.loads(capsys.readouterr().out)
    assert document["accuracy"] >= 0.97
    assert document["pictures"] == 269
    parity = document["parity"]
    assert parity["max_difference"] < 1e-4 * parity["largest_logit"]
    steps = ["import", "data", "train", "evaluate", "explain", "bench", "export", "verify"]
    assert list(document["seconds"]) == steps
    missing = [path for path in document["files"].values() if not (tmp_path / path).exists()]
    assert missing == []
    assert (out / "run" / "metrics.json").is_file()
    assert (out / "onnx" / "SHA256SUMS").is_file()
