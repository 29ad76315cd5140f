from __future__ import annotations

import pytest

from zoo.benchmark.document import Agreement, Row, Spread
from zoo.benchmark.verdict import judged, noise, run_spread


def spread(seconds: float, **more) -> Spread:
    told = {"n": 100, "mean": seconds, "p50": seconds, "mad": 0.0, "max": seconds}
    told |= {"low": seconds, "high": seconds, "p90": seconds, "p95": None, "p99": None}
    return Spread(**(told | {"quantiles": [seconds] * 21} | more))


def flags(*rows: Row) -> list[list[str]]:
    return [row.flags for row in judged(rows)]


def test_a_quiet_row_has_no_flag(row):
    assert flags(row()) == [[]]


def test_a_row_that_failed_has_no_flag_of_its_own(row):
    assert flags(row(step_seconds=None, images_per_second=None, error="full", drift=0.5)) == [[]]


@pytest.mark.parametrize(
    ("facts", "flag"),
    [
        ({"lost": 0.4}, "not synchronised: the steps account for 60% of the wall time"),
        (
            {"steady": False},
            "never became steady: something else runs here, or the time to warm up is too short",
        ),
        ({"drift": 0.08}, "drifted by +8% from the first tenth of the steps to the last"),
        ({"drift": -0.08}, "drifted by -8% from the first tenth of the steps to the last"),
        ({"foreign_load": 0.25}, "other processes took 25% of the machine meanwhile"),
        ({"first_step": 4.0}, "warm-up leaked: the first timed step took 4.0 medians"),
        ({"share_of_peak": 1.2}, "above the peak of the device as measured: 120%"),
        ({"runs": [90.0, 100.0, 104.0]}, "runs differ by ±7.0%, more than ±3%"),
        (
            {"step": spread(0.1, p99=0.15)},
            "p99 is 1.5 medians: other load, or tracing anew",
        ),
        (
            {"step": spread(0.1, p95=0.14)},
            "p95 is 1.4 medians: other load, or tracing anew",
        ),
        (
            {"case": {"source": "folder", "threads": 1}, "images_per_second": 9000.0},
            "more pictures than 1 cores can decode: are they decoded at all?",
        ),
    ],
)
def test_what_makes_a_row_doubtful(row, facts, flag):
    assert flags(row(**facts)) == [[flag]]


@pytest.mark.parametrize(
    "facts",
    [
        {"lost": 0.04},
        {"drift": 0.04},
        {"foreign_load": 0.09},
        {"first_step": 2.9},
        {"share_of_peak": 0.99},
        {"runs": [97.5, 100.0, 102.5]},
        {"step": spread(0.1, p99=0.129)},
        # Input from elsewhere may well be uneven.
        {"step": spread(0.1, p99=0.5), "case": {"source": "host"}},
        {"case": {"source": "folder", "threads": 2}, "images_per_second": 4900.0},
    ],
)
def test_what_a_quiet_machine_shows_as_well(row, facts):
    assert flags(row(**facts)) == [[]]


def test_a_fast_wrong_model_is_disqualified(row):
    def agreement(relative: float, difference: float, top1: float = 1.0) -> Agreement:
        return Agreement(
            top1=top1, max_difference=difference, relative_difference=relative, pictures=4,
            reference="the others",
        )  # fmt: skip

    wrong = row(agreement=agreement(1.2, 0.0))
    far = row(agreement=agreement(0.0, 0.01))
    # Where no class is likelier than others by much, rounding decides which comes first.
    half = row(agreement=agreement(0.1, 0.01, top1=0.5), case={"precision": "mixed_bfloat16"})

    assert flags(wrong) == [
        ["disqualified: answers differ by 120% of what they say from the others"]
    ]
    assert flags(far) == [["disqualified: answers differ by up to 0.01 from the others"]]
    assert flags(half) == [[]]


def test_a_larger_batch_that_is_slower_by_more_than_noise(row):
    one = row(0.1, case={"batch_size": 1})
    # 10 images/s against 10 x 0.93 and 10 x 0.95: a single run may be off by 3 %, two by 6.
    slower = row(2 / 9.3, case={"batch_size": 2})
    near = row(2 / 9.5, case={"batch_size": 2})

    assert flags(slower, one) == [
        ["fewer images a second than batch 1: 9.3 and 10.0"],
        [],
    ]
    assert flags(near, one) == [[], []]
    # Other threads make it another configuration.
    other = row(2 / 9.3, case={"batch_size": 2, "threads": 1})
    assert flags(other, one) == [[], []]


def test_batch_normalisation_that_costs_less_than_nothing(row):
    plain = row(0.1, target="vgg16+dense")
    bn = row(0.05, target="vgg16bn+dense", batch_norms=13)

    assert flags(plain, bn) == [
        [],
        ["faster than vgg16+dense, its twin without batch normalisation"],
    ]
    assert flags(plain, row(0.099, target="vgg16bn+dense", batch_norms=13)) == [[], []]
    # Where it was folded, nothing is left to cost.
    assert flags(plain, row(0.05, target="vgg16bn+dense", batch_norms=0)) == [[], []]


def test_training_that_costs_less_than_two_forward_passes(row):
    inference = row(0.1)
    assert flags(inference, row(0.2, case={"mode": "train"})) == [
        [],
        ["training at 50% of inference; a third is expected"],
    ]
    assert flags(inference, row(0.3, case={"mode": "train"})) == [[], []]


def test_mixed_precision_that_gains_nothing(row):
    mixed = row(0.2, case={"precision": "mixed_bfloat16"})
    assert flags(row(0.1), mixed) == [[], ["slower than float32"]]
    assert flags(row(0.2), mixed) == [[], []]


def test_noise_is_the_largest_of_interval_drift_and_runs(row):
    assert noise(row()) == pytest.approx(0.03)  # a single run
    assert noise(row(half=0.07)) == pytest.approx(0.07)
    assert noise(row(drift=-0.2)) == pytest.approx(0.2)
    assert noise(row(half=0.001, runs=[99.0, 100.0, 101.0])) == pytest.approx(0.01)
    few = row(step=spread(0.1, low=None, high=None))
    assert noise(few) == 1.0
    assert noise(row(step_seconds=None)) == 1.0


def test_throughput_is_judged_by_its_windows(row):
    assert noise(row(half=0.5, window_seconds=spread(0.1, low=0.096, high=0.104))) == pytest.approx(
        0.04
    )


def test_spread_of_runs_is_half_their_range():
    assert run_spread([95.0, 100.0, 103.0]) == pytest.approx(0.04)
    assert run_spread([]) == 0.0
