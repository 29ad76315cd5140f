from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
import tensorflow as tf

from zoo.benchmark.case import Case
from zoo.benchmark.document import Row, Spread
from zoo.engine import runtime
from zoo.engine.bench import fit, process, run, worker
from zoo.engine.bench.fit import largest
from zoo.errors import BenchError, DeviceError

TINY = "small-cnn:width=0.0625+linear"


def row(case: Case, speed: float, **more) -> Row:
    told = {"n": 10, "mean": 1.0, "p50": 1.0, "mad": 0.0, "low": 1.0, "high": 1.0, "max": 1.0}
    spread = Spread(**told, p90=None, p95=None, p99=None, quantiles=[1.0] * 21)
    return Row(case=case, images_per_second=speed, step_seconds=spread, **more)


def asked(case: Case, answer: Path, monkeypatch) -> dict:
    monkeypatch.setattr(sys, "stdin", io.StringIO(case.model_dump_json()))
    rounds = tf.config.experimental.tensor_float_32_execution_enabled()
    try:
        worker.main("row", answer)
    finally:  # the worker sets its process for good, and here that is the tests'
        tf.config.experimental.enable_tensor_float_32_execution(rounds)
    return json.loads(answer.read_text())


def test_the_worker_answers_with_a_row(tmp_path, monkeypatch):
    monkeypatch.setattr(runtime, "bound_memory", lambda: None)  # it would bind the tests
    told = asked(Case(target=TINY, batch_size=2, seconds=0), tmp_path / "answer", monkeypatch)

    row = Row.model_validate(told["row"])
    assert row.images_per_second > 0
    assert row.phases["import"] > 0
    assert [path.name for path in tmp_path.iterdir()] == ["answer"]


def test_a_call_that_is_wrong_is_told_by_the_parent(tmp_path, monkeypatch):
    told = asked(Case(target=TINY, device="gpu:9"), tmp_path / "answer", monkeypatch)

    def run(command, **_):
        Path(command[-1]).write_text(json.dumps(told))
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(DeviceError, match="no device 'gpu:9'; there are: cpu"):
        process.measure(Case(target=TINY, device="gpu:9"))


def test_a_rounding_of_gpus_is_refused_on_a_cpu(tmp_path, monkeypatch):
    case = Case(target=TINY, precision="tf32", device="cpu")
    told = asked(case, tmp_path / "answer", monkeypatch)

    assert told["problem"] == {
        "class": "BenchError",
        "message": "tf32 is how GPUs round the products of float32, and this runs on a CPU",
        "hint": "leave --precision out",
    }


def test_memory_that_runs_out_is_a_row_with_an_error(tmp_path, monkeypatch):
    from zoo.engine.bench import measure

    def full(*_, **__):
        raise RuntimeError("RESOURCE_EXHAUSTED: Out of memory")

    monkeypatch.setattr(runtime, "bound_memory", lambda: None)
    monkeypatch.setattr(measure, "row", full)
    told = asked(Case(target=TINY, batch_size=64), tmp_path / "answer", monkeypatch)

    assert told["row"]["error"] == "a batch of 64 does not fit into memory"


@pytest.mark.slow
def test_a_batch_beyond_the_memory_there_is_does_not_crash():
    # 65,536 pictures of 512x512 take 51 GB before a layer has run.
    case = Case(target=TINY, batch_size=65_536, input_size=512, seconds=0)
    row = process.measure(case)

    assert row.images_per_second is None
    assert "fit into memory" in row.error or "memory ran out" in row.error


def test_a_process_that_died_is_a_row(monkeypatch):
    def died(code: int, words: str = ""):
        child = subprocess.CompletedProcess([], code, "", words)
        monkeypatch.setattr(subprocess, "run", lambda *_, **__: child)
        return process.measure(Case(target=TINY))

    assert died(-9).error == "the process was ended by SIGKILL (memory ran out, most likely)"
    assert died(-15).error == "the process was ended by SIGTERM"
    assert "SIGSEGV (memory ran out, perhaps" in str(died(-11).error)
    assert died(1, "a\n\nValueError: b\n").error == "the process failed: a | ValueError: b"
    assert died(1).images_per_second is None


@pytest.mark.parametrize(
    ("error", "full"),
    [
        (MemoryError(), True),
        (RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 5 bytes"), True),
        (RuntimeError("OOM when allocating tensor with shape[1]"), True),
        (RuntimeError("std::bad_alloc"), True),
        (RuntimeError("no such layer"), False),
    ],
)
def test_memory_that_is_full_is_known_from_every_backend(error, full):
    assert worker.is_full(error) is full


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8, 9, 100, 1000, 4096, 9999])
def test_the_largest_batch_is_found_within_an_eighth(limit):
    tried = []

    def fits(count: int) -> bool:
        tried.append(count)
        return count <= limit

    found = largest(fits)

    assert found <= limit
    assert found > min(limit, 4096) * 8 / 9 - 1
    assert len(tried) == len(set(tried)) <= 17
    assert max(tried) <= 4096


def test_nothing_fits():
    assert largest(lambda count: False) == 0


def test_a_search_tells_its_tries_and_gives_up_with_a_sentence(monkeypatch):
    said = []
    monkeypatch.setattr(process, "attempt", lambda case, environment: Row(case=case, error="full"))
    with pytest.raises(BenchError) as error:
        fit.batch_size(Case(target="a+b"), progress=said.append)

    assert said == ["a+b, does a batch of 1 fit?"]
    assert str(error.value) == (
        "not even a batch of one fits into memory: a+b, inference\n"
        "  hint: take a smaller model or --input-size, or free memory"
    )


def test_rows_measured_before_are_not_measured_again(monkeypatch):
    measured, kept = [], []

    def measure(case, environment, verbose):
        measured.append(case.batch_size)
        return row(case, 10.0)

    monkeypatch.setattr(process, "measure", measure)
    cases = [Case(target="a", batch_size=size) for size in (1, 2, 3)]
    before = run.document([row(cases[1], 99.0)])

    result = run.rows(cases, done=before, keep=kept.append)

    assert measured == [1, 3]
    assert [each.images_per_second for each in result.rows] == [10.0, 99.0, 10.0]
    # Whoever interrupts finds all that was measured until then.
    assert [len(document.rows) for document in kept] == [1, 2, 3]


def test_a_repeated_row_is_the_median_run_and_says_when_runs_differ(monkeypatch):
    speeds = iter([100.0, 80.0, 101.0])
    monkeypatch.setattr(process, "measure", lambda case, *_: row(case, next(speeds)))

    (told,) = run.rows([Case(target="a")], runs=3).rows

    assert told.images_per_second == 100.0
    assert told.runs == [100.0, 80.0, 101.0]
    assert told.flags == ["runs differ by ±10.5%, more than ±3%"]


def test_the_peak_is_measured_once_for_what_it_holds_for(monkeypatch):
    from zoo.benchmark.document import Peak

    asked = []

    def peak(case, environment):
        asked.append((case.backend, case.threads))
        return Peak(
            backend=case.backend, precision=case.precision, threads=case.threads,
            gemm_gflops=50.0, copy_gbytes=5.0,
        )  # fmt: skip

    monkeypatch.setattr(process, "peak", peak)
    monkeypatch.setattr(process, "measure", lambda case, *_: row(case, 1.0, gflops_per_second=20.0))
    cases = [
        Case(target="a"),
        Case(target="b", backend="onnxruntime"),
        Case(target="a", threads=1),
    ]

    result = run.rows(cases)

    # ONNX Runtime is held to TensorFlow's.
    assert asked == [("tensorflow", None), ("tensorflow", 1)]
    assert [each.share_of_peak for each in result.rows] == [0.4, 0.4, 0.4]


def test_whoever_waits_is_told_what_is_measured():
    assert run.sentence(Case(target="a+b", batch_size=8)) == "a+b, inference, batch of 8"
    assert (
        run.sentence(
            Case(
                target="a",
                mode="train",
                precision="mixed_bfloat16",
                jit_compile=True,
                source="host",
            )
        )
        == "a, train, batch of 1, mixed_bfloat16, XLA, pictures from host"
    )
    assert run.sentence(Case(target="list", subject="startup")) == "list, startup"
