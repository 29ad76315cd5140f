from __future__ import annotations

import pytest

from zoo.benchmark.compare import compare
from zoo.benchmark.document import Agreement
from zoo.errors import BenchError


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        (0.100, 0.090, "faster"),
        (0.090, 0.100, "slower"),
        (0.100, 0.095, "cannot tell"),  # 5.3 % apart, 6.1 % is the noise of two single runs
        (0.095, 0.100, "cannot tell"),
        (0.100, 0.100, "cannot tell"),
    ],
)
def test_a_verdict_is_given_beyond_the_noise_of_both(before, after, verdict, row, document):
    (pair,) = compare(document(row(before)), document(row(after)))

    assert pair.verdict == verdict
    assert pair.ratio == pytest.approx(before / after)
    assert pair.noise == pytest.approx(1.03**2 - 1)
    assert pair.why == ("the noise of both is ±6.1%" if verdict == "cannot tell" else "")


def test_repeated_runs_that_agree_tell_a_smaller_difference(row, document):
    before = row(0.100, runs=[9.98, 10.0, 10.02])
    after = row(0.098, runs=[10.18, 10.2, 10.22])

    assert compare(document(before), document(after))[0].verdict == "faster"
    assert compare(document(row(0.100)), document(row(0.098)))[0].verdict == "cannot tell"


def test_a_noisy_side_takes_the_verdict_away(row, document):
    quiet, noisy = row(0.1), row(0.08, half=0.3)
    assert compare(document(quiet), document(noisy))[0].verdict == "cannot tell"
    assert compare(document(noisy), document(quiet))[0].verdict == "cannot tell"


def test_a_figure_that_is_wrong_is_not_compared(row, document):
    flags = ["disqualified: answers differ by 100% of what they say from the others"]
    wrong = row(0.01, flags=flags, agreement=Agreement(
        top1=0.5, max_difference=0.0, relative_difference=1.0, pictures=4, reference="the others",
    ))  # fmt: skip
    (pair,) = compare(document(row(0.1)), document(wrong))

    assert (pair.verdict, pair.why) == ("cannot tell", flags[0])


def test_only_what_both_measured_is_compared(row, document):
    one, eight = row(case={"batch_size": 1}), row(case={"batch_size": 8})
    failed = row(case={"batch_size": 64}, images_per_second=None, error="does not fit")

    pairs = compare(document(one, eight, failed), document(failed, eight))

    assert [pair.case.batch_size for pair in pairs] == [8]


def test_nothing_in_common_is_said(row, document):
    with pytest.raises(BenchError) as error:
        compare(document(row()), document(row(case={"batch_size": 2})))

    assert str(error.value) == (
        "the results have no configuration in common\n  hint: measure the same targets, modes, "
        "batch sizes and settings in both"
    )


def test_results_of_two_machines_are_refused_unless_forced(row, document):
    here, there = document(row(0.1)), document(row(0.05), cpu="Acme 2", usable_cores=8)
    with pytest.raises(BenchError) as error:
        compare(here, there)

    assert str(error.value) == (
        "the results are of different machines: cpu Acme 1 and Acme 2; usable_cores 2 and 8\n"
        "  hint: measure both on one machine, or compare all the same with --force"
    )
    assert compare(here, there, force=True)[0].verdict == "faster"


def test_another_gpu_makes_another_machine_and_another_clock_does_not(row, document):
    def gpu(name: str, clock: str) -> list[dict[str, str]]:
        return [{"name": name, "clocks.sm": clock}]

    here = document(row(), gpu_state=gpu("H200", "1980 MHz"))
    assert compare(here, document(row(), gpu_state=gpu("H200", "345 MHz")))
    with pytest.raises(BenchError, match="different machines: GPU H200 and H100"):
        compare(here, document(row(), gpu_state=gpu("H100", "1980 MHz")))
    with pytest.raises(BenchError, match="different machines: GPU H200 and none"):
        compare(here, document(row()))


def test_other_packages_on_the_same_machine_are_what_one_compares(row, document):
    assert compare(document(row()), document(row(), packages={"keras": "4"}))
