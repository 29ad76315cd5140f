from __future__ import annotations

import json

import pytest

from zoo.cli import bench as command
from zoo.cli.main import main

TINY = "small-cnn:width=0.0625+linear"


def test_a_name_is_measured_and_the_document_kept(tmp_path, capsys):
    out = tmp_path / "bench.json"
    words = ["bench", TINY, "--batch-size", "2", "--seconds", "0", "--device", "cpu"]

    assert main([*words, "--out", str(out), "--json"]) == 0

    told = capsys.readouterr()
    document = json.loads(told.out)
    assert document == json.loads(out.read_text())
    assert document["schema"] == 1
    assert document["spec"] == TINY
    assert document["mode"] == "inference"
    assert [row["batch_size"] for row in document["rows"]] == [2]
    assert set(document["phases"]) == {"import", "build"}
    assert document["device"].startswith("cpu (")
    assert told.err == "inference, batch of 2\n"


def test_a_run_is_measured_in_training(colour_run, capsys):
    words = ["bench", str(colour_run), "--mode", "train", "--batch-size", "1", "--seconds", "0"]

    assert main([*words, "--json"]) == 0

    document = json.loads(capsys.readouterr().out)
    assert document["spec"] == "colour+mean"
    assert document["mode"] == "train"


def test_the_table():
    step = {"n": 70, "mean": 0.0102, "p50": 0.01, "mad": 0.0004, "p90": 0.012, "max": 0.02}
    step |= {"p95": None, "p99": None}
    phases = {"trace": 0.2, "first_step": 0.1, "warm_up": 0.3, "steady": 1.0}
    row = {
        "batch_size": 32,
        "phases": phases,
        "warm_up_steps": 10,
        "steady": True,
        "step_seconds": step,
        "images_per_second": 3200.0,
        "gflops_per_second": 64.0,
    }
    document = {
        "target": "runs/a",
        "spec": "small-cnn+linear",
        "mode": "inference",
        "input_size": [32, 32],
        "dtype": "float32",
        "jit_compile": True,
        "parameters": 187_264,
        "gmacs": 0.01,
        "device": "cpu (2 cores)",
        "machine": {"cpu": "Acme 1", "usable_cores": 2},
        "phases": {"import": 3.0, "build": 0.5},
        "rows": [row | {"batch_size": 8, "steady": False}, row],
        "peak_memory_bytes": 700 * 2**20,
    }

    assert command._render(document) == (
        "small-cnn+linear, inference, 32x32, float32, XLA\n"
        "\n"
        "batch  images/s     ms  ± MAD    p90  p95  p99  GFLOP/s  steps\n"
        "-----  --------  -----  -----  -----  ---  ---  -------  -----\n"
        "    8   3,200.0  10.00   0.40  12.00               64.0     70\n"
        "   32   3,200.0  10.00   0.40  12.00               64.0     70\n"
        "\n"
        "device       cpu (2 cores)\n"
        "cpu          Acme 1, 2 cores\n"
        "parameters   187,264\n"
        "GMACs        0.010 a picture\n"
        "seconds      import 3.00, build 0.50, trace 0.40, first_step 0.20, warm_up 0.60, "
        "steady 2.00\n"
        "peak memory  700 MiB\n"
        "\n"
        "At batch 8 the steps never became steady: something else runs on this machine, "
        "or --seconds is too short to warm up.\n"
        "\n"
        "A percentile that so few steps cannot tell is left out: raise --seconds."
    )


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("small-cn+linear", "error: no backbone named 'small-cn'\n"),
        ("runs/nosuch", "error: runs/nosuch does not exist\n"),
        ("nosuch.keras", "error: nosuch.keras does not exist\n"),
        ("vgg16", "error: a model needs exactly one head, found 0\n"),
    ],
)
def test_a_target_that_is_nothing_is_said_before_tensorflow_starts(
    target, message, capsys, monkeypatch
):
    from zoo.engine import runtime

    monkeypatch.setattr(runtime, "start", lambda *_: pytest.fail("TensorFlow was started"))

    assert main(["bench", target]) == 2
    assert capsys.readouterr().err.startswith(message)


def test_a_folder_for_the_document_that_is_missing_is_said(capsys):
    assert main(["bench", TINY, "--out", "no/such/bench.json"]) == 2
    assert capsys.readouterr().err == (
        "error: the folder no/such does not exist\n  hint: make it first\n"
    )
