from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from zoo.benchmark.case import Case
from zoo.benchmark.verdict import judged
from zoo.engine import machine, timing
from zoo.engine.bench import measure, subjects
from zoo.engine.bench.measure import bottleneck
from zoo.engine.bench.program import Work
from zoo.engine.bench.subjects.model import compared
from zoo.errors import BenchError

TINY = "small-cnn:width=0.0625+linear"


@pytest.fixture
def stored_model(tmp_path):
    import zoo
    from zoo.engine import artefact

    model = zoo.build(TINY, classes=3, input_size=32, seed=0)
    return artefact.save(model, tmp_path / "tiny.keras")


def measured(case: Case, work: Work, phases: timing.Phases | None = None):
    return measure._row(case, work, phases or timing.Phases(), "cpu")


def test_a_step_without_synchronisation_is_caught():
    with ThreadPoolExecutor(1) as device:
        queued = []

        def launch():
            queued.append(device.submit(time.sleep, 0.005))
            return queued[-1]

        def drain() -> None:
            for each in queued:
                each.result()

        case = Case(target="a", seconds=0)
        careless = Work(launch, 1, drain=drain)
        careful = Work(launch, 1, wait=lambda result: result.result(), drain=drain)
        (caught,) = judged([measured(case, careless)])
        (passed,) = judged([measured(case, careful)])

    assert any(flag.startswith("not synchronised") for flag in caught.flags)
    assert not any(flag.startswith("not synchronised") for flag in passed.flags)
    assert passed.step_seconds.p50 >= 0.005


def test_throughput_of_an_asynchronous_device_is_that_of_windows():
    work = Work(lambda: None, 4, asynchronous=True, wait=lambda result: time.sleep(0.002))
    row = measured(Case(target="a", seconds=0), work)

    # Fifty steps of 2 ms fill a window, which waits once.
    assert row.window_seconds.p50 < row.step_seconds.p50 / 10
    assert row.images_per_second == pytest.approx(4 / row.window_seconds.p50)


def test_what_is_done_once_is_done_once():
    calls = []
    row = measured(
        Case(target="a", subject="export"), Work(lambda: calls.append(1), 1, repeats=False)
    )

    assert calls == [1]
    assert row.step_seconds.n == 1
    assert row.warm_up_steps is None


def test_source_and_model_are_timed_apart():
    now = [0.0]

    def source() -> None:
        now[0] += 0.01

    def model() -> None:
        now[0] += 0.001

    def both() -> None:
        source()
        model()

    work = Work(both, 8, source=source, resident=model)
    clock = timing.Phases(lambda: now[0])
    row = measured(Case(target="a", source="host", seconds=0.05), work, clock)

    assert row.images_per_second == pytest.approx(8 / 0.011)
    assert row.input.images_per_second == pytest.approx(8 / 0.01)
    assert row.input.model_images_per_second == pytest.approx(8 / 0.001)
    assert row.input.bottleneck == "input"


@pytest.mark.parametrize(
    ("source", "model", "together", "limit"),
    [
        (100, 300, 98, "input"),
        (300, 100, 98, "model"),
        (110, 100, 95, "model"),  # side by side
        (110, 100, 52, "both"),  # in turns
        (100, 1000, 84, "input"),
        (1000, 100, 84, "model"),
        (100, 190, 65, "both"),
    ],
)
def test_the_bottleneck_is_named(source, model, together, limit):
    assert bottleneck(source, model, together) == limit


def test_answers_are_compared_by_class_and_by_value():
    expected = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7]])
    given = expected.copy()
    given[2] = [0.45, 0.55]
    told = compared(given, expected)

    assert told.top1 == 0.75
    assert told.max_difference == pytest.approx(0.15)
    # 0.15 twice, over distances from one half of 0.4, 0.3, 0.1 and 0.2, each twice.
    assert told.relative_difference == pytest.approx(0.15 / 0.3**0.5)
    assert told.pictures == 4


def test_answers_of_one_sigmoid_are_compared_by_its_side():
    told = compared(np.array([[0.4], [0.9]]), np.array([[0.6], [0.8]]))
    assert told.top1 == 0.5
    assert told.max_difference == pytest.approx(0.2)


def test_answers_that_are_no_numbers_agree_with_nothing():
    told = compared(np.array([[np.nan, 0.1]]), np.array([[0.9, 0.1]]))
    assert (told.max_difference, told.relative_difference) == (1.0, 1.0)


def test_a_wrong_model_is_told_from_rounding_where_no_class_stands_out():
    """Random weights: a thousand classes of about equal share."""
    chance = np.random.default_rng(0)
    expected, other = np.exp(chance.normal(0, 0.01, (2, 4, 1000)))
    expected, other = (each / each.sum(1, keepdims=True) for each in (expected, other))
    rounded = expected * (1 + chance.normal(0, 1e-3, expected.shape))

    assert compared(rounded, expected).relative_difference == pytest.approx(0.1, rel=0.1)
    assert compared(other, expected).relative_difference == pytest.approx(2**0.5, rel=0.1)


def test_xla_and_the_plain_graph_answer_alike():
    case = Case(target=TINY, batch_size=2, seconds=0, jit_compile=True)
    row = measure.row(case)

    assert row.settings["jit_compile"] is True
    assert row.agreement.top1 == 1.0
    assert 0 <= row.agreement.max_difference < 1e-5


def test_mixed_precision_is_compared_with_the_same_weights_in_float32():
    case = Case(
        target=TINY, batch_size=2, precision="mixed_bfloat16", seconds=0,
        classes=3,
    )  # fmt: skip
    row = measure.row(case)

    assert row.model.dtype == "mixed_bfloat16"
    # Not equal, which would mean that nothing was rounded, and not far.
    assert 0 < row.agreement.max_difference < 0.05


@pytest.mark.parametrize(
    ("source", "policy"), [("host", None), ("cache", None), ("folder", "light")]
)
def test_pictures_come_from_elsewhere(source, policy, colours):
    case = Case(
        target=TINY, batch_size=2, seconds=0, source=source, classes=3,
        policy=policy, data=None if source == "host" else str(colours),
    )  # fmt: skip
    row = measure.row(case)

    assert row.input.bottleneck in ("input", "model", "both")
    assert row.images_per_second > 0
    assert "input" in row.phases


def test_labels_that_a_policy_mixes_train_all_the_same(colours):
    case = Case(
        target=TINY, mode="train", batch_size=2, seconds=0, source="cache", classes=3,
        policy="mixup", data=str(colours),
    )  # fmt: skip
    row = measure.row(case)

    assert row.images_per_second > 0
    assert row.agreement is None


def test_pictures_are_made_where_none_are_given(tmp_path):
    from PIL import Image

    from zoo.engine.bench import source

    paths = source.made(tmp_path, 9)

    for path in paths:
        with Image.open(path) as picture:
            assert picture.size == (500, 375)
    # Photographs, each another piece: no two files are alike, and none is nearly empty.
    assert len({path.read_bytes() for path in paths}) == 9
    assert min(path.stat().st_size for path in paths) > 10_000


def test_every_other_subject_is_a_step_too(colours):
    small = TINY
    cases = [
        Case(target="light", subject="augment", batch_size=2, input_size=16, seconds=0),
        Case(target="grad-cam", subject="explain", model=small, batch_size=2, seconds=0),
        Case(target=str(colours), subject="data", batch_size=4, input_size=16, seconds=0),
        Case(target=str(colours), subject="data", source="cache", batch_size=4, seconds=0),
    ]
    rows = [measure.row(case) for case in cases]

    assert [row.step_seconds.n for row in rows] == [10] * 4
    assert rows[0].settings["input_size"] == 16
    assert rows[1].model.name == small
    assert rows[2].settings["pictures"] == 13


def test_an_export_tells_its_file_and_its_parity():
    row = measure.row(Case(target=TINY, subject="export", classes=3, input_size=32))

    assert row.step_seconds.n == 1
    assert row.figures["top1_agreement"] == 1.0
    assert 0 <= row.figures["max_difference"] < 1e-3
    assert row.figures["file_bytes"] > 4 * row.model.parameters * 0.9


def test_a_policy_that_does_nothing_cannot_be_measured():
    with pytest.raises(BenchError, match="policy none changes nothing"):
        subjects.of("augment").load(Case(target="none", subject="augment"))


def test_a_command_that_fails_cannot_be_measured():
    with pytest.raises(BenchError, match=r"zoo no-such ends with 2: error: no command named"):
        subjects.of("startup").load(Case(target="no-such", subject="startup"))


def test_onnxruntime_answers_as_keras_does(stored_model):
    row = measure.row(
        Case(target=str(stored_model), backend="onnxruntime", batch_size=2, seconds=0)
    )

    assert row.model.name == TINY
    assert row.model.gmacs > 0
    assert row.agreement.max_difference < 1e-5
    assert row.settings["providers"] == ["CPUExecutionProvider"]


def test_an_exported_folder_is_measured_as_it_is(stored_model, tmp_path):
    from zoo.engine.export import export

    export(str(stored_model), tmp_path / "deploy")
    for target in ("deploy", "deploy/model.onnx"):
        path = str(tmp_path / target)
        row = measure.row(Case(target=path, backend="onnxruntime", batch_size=3, seconds=0))
        assert row.model.input_size == [32, 32]
        assert row.model.batch_norms == 0  # folded
        assert row.images_per_second > 0

    with pytest.raises(BenchError, match="is an ONNX file, which only onnxruntime runs"):
        measure.row(Case(target=str(tmp_path / "deploy"), seconds=0))


def test_a_stored_model_keeps_its_precision(colour_run):
    with pytest.raises(BenchError, match="is stored in the precision it was trained in"):
        measure.row(Case(target=str(colour_run), precision="mixed_float16"))


def test_peak_memory_can_be_forgotten():
    block = b"x" * 200_000_000
    before = machine.peak_memory()
    del block
    machine.forget_peak_memory()
    if machine.peak_memory() == before:
        pytest.skip("this system does not let a process forget its peak")
    assert machine.peak_memory() < before - 100_000_000
