from __future__ import annotations

import json

import jsonschema
import pytest

from zoo.benchmark import document as documents
from zoo.benchmark.case import Case
from zoo.benchmark.document import SCHEMA, Document, ModelFacts, Peak, Row, Spread
from zoo.cli.bench import options, suite
from zoo.cli.main import main

TINY = "small-cnn:width=0.0625+linear"


def row(case: Case, speed: float = 100.0, **more) -> Row:
    seconds = case.batch_size / speed
    spread = Spread(
        n=70, mean=seconds, p50=seconds, mad=seconds / 25, low=seconds, high=seconds,
        p90=1.2 * seconds, p95=None, p99=None, max=2 * seconds, quantiles=[seconds] * 21,
    )  # fmt: skip
    told = {
        "device": "cpu (2 cores)",
        "step_seconds": spread,
        "images_per_second": speed,
        "steady": True,
        "phases": {"import": 3.0, "build": 0.5, "trace": 0.2, "steady": 1.0},
        "peak_memory_bytes": 700 << 20,
        "gflops_per_second": 64.0,
        "model": ModelFacts(
            name=case.target,
            parameters=187_264,
            gmacs=0.01,
            input_size=[32, 32],
            classes=10,
            batch_norms=0,
            dtype="float32",
        ),
    }
    return Row(case=case, **(told | more))


@pytest.fixture
def measured(monkeypatch):
    """The cases that a command measures, none of which is really run."""
    from zoo.engine.bench import process

    cases: list[Case] = []

    def measure(case, environment, verbose):
        cases.append(case)
        return row(case, 100.0 + case.batch_size)

    monkeypatch.setattr(process, "measure", measure)
    monkeypatch.setattr(process, "peak", lambda case, environment: None)
    return cases


def test_a_name_is_measured_and_the_document_kept(tmp_path, capsys):
    out = tmp_path / "bench.json"
    words = ["bench", TINY, "--batch-size", "2", "--seconds", "0", "--device", "cpu"]
    words += ["--threads", "1"]

    assert main([*words, "--out", str(out), "--json"]) == 0

    told = capsys.readouterr()
    document = json.loads(told.out)
    assert document == json.loads(out.read_text())
    jsonschema.validate(document, Document.model_json_schema(by_alias=True))
    (only,) = document["rows"]
    assert only["case"]["batch_size"] == 2
    assert only["model"]["name"] == TINY
    assert only["device"] == "cpu (1 cores)"
    phases = {"import", "build", "trace", "first_step", "warm_up", "steady"}
    assert set(only["phases"]) == phases
    assert 0 < only["share_of_peak"] < 1
    assert document["peaks"][0]["gemm_gflops"] > 1
    assert document["peaks"][0]["copy_gbytes"] > 0.1
    assert told.err == f"{TINY}, inference, batch of 2\n"


def test_options_given_several_times_are_measured_in_every_combination(measured, colour_run):
    words = ["bench", TINY, str(colour_run), "--mode", "inference", "--mode", "train"]
    words += ["--batch-size", "1", "--batch-size", "4", "--jit-compile", "off"]
    assert main([*words, "--jit-compile", "on", "--threads", "1", "--seconds", "0.5"]) == 0

    assert len(measured) == len({case.key for case in measured}) == 2 * 2 * 2 * 2
    assert {case.target for case in measured} == {TINY, str(colour_run)}
    assert {(case.threads, case.seconds, case.backend) for case in measured} == {
        (1, 0.5, "tensorflow")
    }


def test_an_onnx_file_is_run_by_onnxruntime(measured, tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"")
    (tmp_path / "zoo.json").write_text("{}")
    assert main(["bench", str(tmp_path), "--batch-size", "1"]) == 0
    assert [case.backend for case in measured] == ["onnxruntime"]


def test_the_largest_batch_is_searched_for(measured, monkeypatch, capsys):
    from zoo.engine.bench import fit, process

    monkeypatch.setattr(fit, "LIMIT", 64)
    monkeypatch.setattr(
        process,
        "attempt",
        lambda case, environment: Row(case=case, error="full" if case.batch_size > 5 else None),
    )
    assert main(["bench", TINY, "--batch-size", "max", "--batch-size", "1"]) == 0

    assert [case.batch_size for case in measured] == [5, 1]
    assert f"{TINY}, does a batch of 8 fit?" in capsys.readouterr().err


def test_a_batch_that_does_not_fit_is_a_row_and_not_a_crash(monkeypatch, capsys):
    from zoo.engine.bench import process

    def measure(case, environment, verbose):
        if case.batch_size == 8:
            return Row(case=case, error="a batch of 8 does not fit into memory")
        return row(case, gflops_per_second=None)

    monkeypatch.setattr(process, "measure", measure)

    assert main(["bench", TINY, "--batch-size", "1", "--batch-size", "8"]) == 0
    assert "batch 8: a batch of 8 does not fit into memory" in capsys.readouterr().out

    assert main(["bench", TINY, "--batch-size", "8"]) == 1
    told = capsys.readouterr()
    assert told.err.endswith("error: a batch of 8 does not fit into memory\n")


def test_a_sweep_goes_on_where_it_was(measured, tmp_path, capsys):
    state = tmp_path / "sweep.json"
    words = ["bench", "sweep", "vgg1?bn", "--resume", str(state)]

    assert main(words) == 0
    names = ["vgg11bn+linear", "vgg13bn+linear", "vgg16bn+linear", "vgg19bn+linear"]
    assert [case.target for case in measured] == names
    document = documents.read(state)
    documents.write(document.model_copy(update={"rows": document.rows[:3]}), state)
    measured.clear()
    capsys.readouterr()

    assert main(words) == 0

    assert [case.target for case in measured] == names[3:]
    assert len(documents.read(state).rows) == 4
    told = capsys.readouterr()
    assert told.err.startswith(f"{state} holds 3 of 4 rows already\n")
    assert [line.split()[0] for line in told.out.splitlines()[2:6]] == names


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["augment", "light:rotation=30"], ("augment", "light:rotation=30.0", 32, None)),
        (["explain", "grad-cam", "--model", TINY], ("explain", "grad-cam", 8, TINY)),
        (["export", TINY], ("export", TINY, 1, None)),
        (["startup", "list --json"], ("startup", "list --json", 1, None)),
    ],
)
def test_other_subjects(words, expected, measured, capsys):
    assert main(["bench", *words]) == 0
    (case,) = measured
    assert (case.subject, case.target, case.batch_size, case.model) == expected
    assert f"{case.unit}/s" in capsys.readouterr().out


def test_a_folder_is_read_anew_and_kept(measured, colours):
    assert main(["bench", "data", str(colours), "--policy", "light"]) == 0
    assert [(case.source, case.policy) for case in measured] == [
        ("folder", "light"),
        ("cache", "light"),
    ]


def test_results_are_compared(tmp_path, capsys):
    from zoo.engine.bench import run

    case = Case(target="a+linear", batch_size=1)
    other = Case(target="a+linear", batch_size=8)
    before = run.document([row(case, 100.0), row(other, 100.0)])
    after = run.document([row(case, 120.0), row(other, 101.0)])
    after = after.model_copy(update={"machine": after.machine | {"packages": {"keras": "4.0"}}})
    before = before.model_copy(update={"machine": before.machine | {"packages": {"keras": "3.15"}}})
    paths = [tmp_path / "before.json", tmp_path / "after.json"]
    for document, path in zip((before, after), paths, strict=True):
        documents.write(document, path)
    words = ["bench", "compare", *map(str, paths)]

    assert main(words) == 0
    assert capsys.readouterr().out == (
        "configuration  before /s  after /s  ratio  noise  verdict\n"
        "-------------  ---------  --------  -----  -----  -----------\n"
        "batch 1            100.0     120.0  1.200  ±6.1%  faster\n"
        "batch 8            100.0     101.0  1.010  ±6.1%  cannot tell\n"
        "\n"
        "changed: keras 3.15 -> 4.0\n"
    )
    assert main([*words, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [pair["verdict"] for pair in document["pairs"]] == ["faster", "cannot tell"]

    machine = after.machine | {"cpu": "another"}
    documents.write(after.model_copy(update={"machine": machine}), paths[1])
    assert main(words) == 2
    assert "the results are of different machines: cpu " in capsys.readouterr().err
    assert main([*words, "--force"]) == 0


def test_every_form_of_a_result(measured, tmp_path):
    outs = [tmp_path / f"a{suffix}" for suffix in (".json", ".csv", ".md", ".html")]
    words = [word for out in outs for word in ("--out", str(out))]
    assert main(["bench", TINY, "--batch-size", "1", *words]) == 0

    assert documents.read(outs[0]).rows[0].images_per_second == 101
    assert [out.read_text()[:9] for out in outs[1:]] == ["target,su", "| batch |", "<!doctype"]


def test_the_table():
    case = Case(target="small-cnn+linear", batch_size=32, jit_compile=True)
    rows = [
        row(case.model_copy(update={"batch_size": 8}), 800.0, flags=["drifted"]),
        row(case, 3200.0, share_of_peak=0.5),
    ]
    peak = Peak(
        backend="tensorflow", precision="float32", threads=None, gemm_gflops=128, copy_gbytes=9.5
    )
    document = Document(
        schema=SCHEMA,
        created="2026-01-02T03:04:05+00:00",
        machine={"cpu": "Acme 1", "usable_cores": 2},
        peaks=[peak],
        rows=rows,
    )

    assert options.rendered(document) == (
        "small-cnn+linear, inference, 32x32, float32, XLA\n"
        "\n"
        "batch  images/s     ms  ± MAD    p90  p95  p99  GFLOP/s  of peak  steps\n"
        "-----  --------  -----  -----  -----  ---  ---  -------  -------  -----\n"
        "    8     800.0  10.00   0.40  12.00               64.0              70\n"
        "   32   3,200.0  10.00   0.40  12.00               64.0      50%     70\n"
        "\n"
        "device         cpu (2 cores)\n"
        "cpu            Acme 1, 2 cores\n"
        "parameters     187,264\n"
        "GMACs          0.010 a picture\n"
        "seconds        import 6.00, build 1.00, trace 0.40, steady 2.00\n"
        "peak memory    700 MiB\n"
        "device's peak  128 GFLOP/s, 9.5 GB/s (tensorflow, float32)\n"
        "\n"
        "batch 8: drifted\n"
        "\n"
        "A percentile that so few steps cannot tell is left out: raise --seconds."
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["small-cn+linear"], "error: no backbone named 'small-cn'\n"),
        (["runs/nosuch"], "error: runs/nosuch does not exist\n"),
        (["nosuch.keras"], "error: nosuch.keras does not exist\n"),
        (["nosuch.onnx"], "error: nosuch.onnx does not exist\n"),
        (["vgg16"], "error: a model needs exactly one head, found 0\n"),
        (
            ["comapre", "a", "b"],
            "error: no command named 'comapre'\n  hint: did you mean zoo bench",
        ),
        (["--json"], "error: nothing to measure\n  hint: name a model, a run, or a file\n"),
        ([TINY, "--device", "tpu"], "error: no device called 'tpu'; devices are cpu, gpu:0"),
        (
            [TINY, "--batch-size", "0"],
            "error: a batch size is a number from 1, or max: received '0'\n",
        ),
        (
            [TINY, "--policy", "light"],
            "error: --policy augments pictures on their way, and these are on the device already\n"
            "  hint: add --source cache or --source folder\n",
        ),
        (
            [TINY, "--out", "no/such/bench.json"],
            "error: the folder no/such does not exist\n  hint: make it first\n",
        ),
        (
            [TINY, "--out", "bench.txt"],
            "error: bench.txt is no name for a result\n  hint: accepted: .json, .csv, .md, .html\n",
        ),
        (["sweep", "nosuch*"], "error: no backbone fits the pattern 'nosuch*'\n"),
        (["compare", "no.json", "b.json"], "error: no.json cannot be read: No such file"),
        (["augment", "ligth"], "error: no policy named 'ligth'\n"),
        (["--suite", "nosuch"], "error: the suite has no 'nosuch'; it has: "),
    ],
)
def test_a_call_that_is_wrong_is_answered_before_anything_is_measured(
    words, message, capsys, monkeypatch
):
    from zoo.engine.bench import process

    monkeypatch.setattr(process, "measure", lambda *_: pytest.fail("something was measured"))

    assert main(["bench", *words]) == 2
    assert capsys.readouterr().err.startswith(message)


def test_the_suite_runs_the_scripts_and_names_those_that_miss(tmp_path, monkeypatch, capfd):
    (tmp_path / "good.py").write_text("print('fast')")
    (tmp_path / "bad.py").write_text("raise SystemExit(1)")
    (tmp_path / "record.py").write_text("raise SystemExit('is no script')")
    monkeypatch.setattr(suite, "HOME", tmp_path)

    assert main(["bench", "--suite", "good"]) == 0
    assert main(["bench", "--suite"]) == 1
    told = capfd.readouterr()
    assert told.out == "fast\nfast\n"
    assert "error: missed a bound, or failed: bad\n" in told.err

    monkeypatch.setattr(suite, "HOME", tmp_path / "none")
    assert main(["bench", "--suite"]) == 2
    assert "not in this installation" in capfd.readouterr().err
