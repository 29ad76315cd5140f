"""The kit itself: what runs, what a result is, what is declared, and a plugin that passes."""

from __future__ import annotations

import hashlib
import weakref
from pathlib import Path

import pytest

import zoo
from zoo import registry
from zoo.errors import PluginError
from zoo.testing import kit, suite
from zoo.testing.checks.answers import first_answers
from zoo.testing.kit import Case, Result
from zoo.testing.locate import locate
from zoo.testing.subject import Skip, Subject

from . import (
    good,
    test_kit_interpreters,
    test_kit_models,
    test_kit_plugin,
    test_kit_policies,
    test_kit_reading,
)


@pytest.fixture
def plugin(install):
    install("zoo-good", good.FILES, package="good_zoo", entry="good")
    return registry.load().plugin("good")


@pytest.fixture
def whole(project) -> Path:
    """The good project with weights in its package and weights that its hook fetches."""
    package = project / "good_zoo"
    rows = ""
    for tag, source in (
        ("shipped", "package://a.weights.h5"),
        ("fetched", "beside://a.weights.h5"),
    ):
        rows += good.WEIGHTS.format(tag=tag, source=source, sha256="0" * 64, size=1)
    (package / "registry.toml").write_text(good.MANIFEST + rows)
    plugin = locate(str(project))
    model = zoo.build("good/net:width=0.5+linear", classes=3, seed=0)
    model.save_weights(package / "a.weights.h5")
    content = (package / "a.weights.h5").read_bytes()
    text = (package / "registry.toml").read_text().replace("size = 1", f"size = {len(content)}")
    digest = hashlib.sha256(content).hexdigest()
    (package / "registry.toml").write_text(text.replace("0" * 64, digest))
    assert plugin.state == "ready"
    return project


def test_models_are_held_for_one_part_at_a_time(plugin):
    head, backbone = (Subject(part, plugin) for part in plugin.parts[:2])
    head.once(first_answers)
    model, half = weakref.ref(head.model()), weakref.ref(head.half)
    layer = weakref.ref(head.model().layers[1])
    assert head.alone() is model()
    assert half() is None
    backbone.model()
    assert model() is None
    assert layer() is None


def test_a_plugin_that_is_right_passes_every_check(whole) -> None:
    """And so every check has a part that it passes."""
    report = kit.run_all(locate(str(whole)), kit.LEVELS)
    assert not report.faults
    assert [(r.case.id, r.message) for r in report.results if r.outcome == "failed"] == []
    names = {result.case.id for result in report.results}
    skipped = {
        result.case.id: result.message for result in report.results if result.outcome == "skipped"
    }
    passed = {name.rpartition("::")[2] for name in names - skipped.keys()}
    assert passed == {name.rpartition("::")[2] for name in names}, skipped
    counted = len(names) - len(skipped)
    assert report.badge == (
        f"zoo conformance kit 1: good (zoo-good 0.3): {counted} of {counted} checks passed"
    )


def test_every_check_has_a_part_that_it_fails(plugin) -> None:
    modules = (
        test_kit_interpreters,
        test_kit_models,
        test_kit_plugin,
        test_kit_policies,
        test_kit_reading,
    )
    text = "".join(Path(module.__file__).read_text() for module in modules)
    names = {case.check.__name__ for case in kit.cases(plugin, kit.LEVELS)}
    assert not {name for name in names if f'{name}"' not in text}


def test_the_cases_of_a_level_are_those_of_each_kind(plugin) -> None:
    ids = [case.id for case in kit.cases(plugin, ("train",))]
    assert ids == [
        f"{part}::{check}"
        for part in ("backbone/good/net", "head/good/top", "head/good/top-2")
        for check in ("every_variable_learns", "statistics_move", "what_is_frozen_stays")
    ]
    ids = [case.id for case in kit.cases(plugin, ("static", "build"), "plugin/good::it")]
    assert ids == ["plugin/good::it_ships_whole"]


def test_one_size_of_each_function_is_trained_and_exported(spoil) -> None:
    spoil("backbone/good/net::licence_is_stated", **{"registry.toml": good.SIZES})
    plugin = registry.load().plugin("good")
    cases = [case for case in kit.cases(plugin) if "/net-wide::" in case.id]
    left_out = {case.id.partition("::")[2] for case in cases if case.left_out}
    assert left_out == {
        "every_variable_learns",
        "statistics_move",
        "what_is_frozen_stays",
        "converts_to_onnx",
    }
    assert {case.level for case in cases if not case.left_out} == {"static", "import", "build"}
    assert not any(case.left_out for case in kit.cases(plugin) if "/net-wide::" not in case.id)
    assert not any(case.left_out for case in kit.cases(plugin, every_size=True))
    statistics = "backbone/good/net-wide::statistics_move"
    report = kit.run_all(plugin, ("train",), "net-wide::statistics_move")
    assert [(r.case.id, r.outcome, r.message) for r in report.results] == [
        (statistics, "skipped", "another size of good/net, which is trained and exported")
    ]
    assert report.badge.endswith(
        "0 of 0 checks passed; only train; only 'net-wide::statistics_move'; "
        "one size of each trained and exported"
    )
    report = kit.run_all(plugin, ("train",), "net-wide::statistics_move", every_size=True)
    assert [(r.case.id, r.outcome) for r in report.results] == [(statistics, "passed")]
    assert "one size" not in report.badge
    reasons = []
    for every_size in (False, True):
        made = suite("zoo-good", levels=("train",), every_size=every_size)
        (parametrize,) = made.test_check.pytestmark
        reasons.append({each.id: each.values[0].left_out for each in parametrize.args[1]})
    assert [each[statistics] for each in reasons] == [
        "another size of good/net, which is trained and exported",
        "",
    ]


def passes(subject) -> None:
    """Nothing to see."""


def fails(subject) -> None:
    """One is two."""
    raise AssertionError("one is not two")


def skips(subject) -> None:
    """Only on Sundays."""
    raise Skip("today is no Sunday")


def crashes(subject) -> None:
    """Divide."""
    raise ZeroDivisionError("division by zero")


def exits(subject) -> None:
    """Leave."""
    raise SystemExit(3)


def refuses(subject) -> None:
    """An error of the family."""
    raise PluginError("no", "yes")


@pytest.mark.parametrize(
    ("check", "declared", "outcome", "message"),
    [
        (passes, False, "passed", ""),
        (passes, True, "unexpected", "passes, though declared: known"),
        (fails, False, "failed", "one is not two"),
        (fails, True, "expected", "known"),
        (skips, False, "skipped", "today is no Sunday"),
        (skips, True, "skipped", "today is no Sunday"),
        (crashes, False, "failed", "ZeroDivisionError: division by zero"),
        (exits, False, "failed", "SystemExit: 3"),
        (refuses, False, "failed", "no\n  hint: yes"),
    ],
)
def test_what_a_check_does_is_its_outcome(plugin, check, declared, outcome, message) -> None:
    case = Case(kit.cases(plugin, ("static",))[0].subject, "static", check)
    assert case.id == f"plugin/good::{check.__name__}"
    result = kit.run(case, {case.id: "known"} if declared else None)
    assert (result.outcome, result.message) == (outcome, message)
    assert result.failed == (outcome in ("failed", "unexpected"))
    assert result.seconds >= 0


def test_ctrl_c_goes_through(plugin) -> None:
    def interrupted(subject) -> None:
        """Wait."""
        raise KeyboardInterrupt

    subject = kit.cases(plugin, ("static",))[0].subject
    with pytest.raises(KeyboardInterrupt):
        kit.run(Case(subject, "static", interrupted))


def test_a_report_counts_and_says_what_was_left_out(plugin) -> None:
    subject = kit.cases(plugin, ("static",))[0].subject
    results = tuple(
        Result(Case(subject, "static", passes), outcome)
        for outcome in ("passed", "passed", "failed", "expected", "unexpected", "skipped")
    )
    report = kit.Report(plugin, results, (), kit.DEFAULT_LEVELS)
    head = "zoo conformance kit 1: good (zoo-good 0.3): "
    assert report.badge == head + "2 of 5 checks passed, 1 declared"
    assert report.failed
    report = kit.Report(plugin, results[:2], ("a", "b"), ("static", "import"), "net")
    assert report.badge == head + "2 of 2 checks passed, 2 faults; only static, import; only 'net'"
    assert report.failed
    assert not kit.Report(plugin, (results[0], results[3]), (), kit.LEVELS).failed


def test_declared_failures_of_manifest_and_caller_come_together(spoil) -> None:
    name = "head/good/top::every_option_is_explained"
    manifest = f'{good.MANIFEST}\n[xfail]\n"{name}" = "no words for it"\n'
    top = good.HEAD.replace("        units: Width of the hidden layer.\n", "")
    spoil(name, **{"registry.toml": manifest, "top.py": top})
    plugin = registry.load().plugin("good")
    (result,) = kit.run_all(plugin, ("static",), name).results
    assert (result.outcome, result.message) == ("expected", "no words for it")
    (result,) = kit.run_all(plugin, ("static",), name, {name: "said here"}).results
    assert result.message == "said here"


def test_a_declared_failure_that_names_no_check_is_a_fault(plugin) -> None:
    stray = {"head/good/top::is_flatt": "no", "nothing": "no"}
    report = kit.run_all(plugin, ("static",), xfail=stray)
    assert report.faults == (
        "xfail names 'head/good/top::is_flatt', which is no check of good; "
        "did you mean 'head/good/top::is_flat'?",
        "xfail names 'nothing', which is no check of good",
    )
    assert report.failed
    with pytest.raises(PluginError) as caught:
        suite("zoo-good", xfail=stray)
    assert str(caught.value) == "; ".join(report.faults) + (
        "\n  hint: take the declaration away, or correct the name"
    )


def test_a_pattern_that_holds_nothing_is_an_error(plugin) -> None:
    with pytest.raises(PluginError) as caught:
        kit.run_all(plugin, ("static",), "flart")
    assert str(caught.value) == (
        "no check of good holds 'flart' in its name\n"
        "  hint: names are such as head/acme/gem::is_flat; leave --only out to see all"
    )


def test_a_broken_plugin_has_its_reason_as_a_fault(install) -> None:
    folder = install("zoo-good", {"registry.toml": "schema = 7"}, package="good_zoo", entry="good")
    report = kit.run_all(registry.load().plugin("good"))
    assert report.results == ()
    assert report.faults == (
        f"{folder / 'registry.toml'}:1: schema 7 is newer than this zoo reads (1); "
        "upgrade keras-zoo",
    )
    assert report.failed


def test_results_are_told_as_they_come(plugin) -> None:
    seen: list[Result] = []
    report = kit.run_all(plugin, ("static",), "licence_is_stated", watch=seen.append)
    assert tuple(seen) == report.results
    assert [result.case.summary for result in seen] == [
        "The manifest names the licence of the code."
    ] * 5


def outcome(test, *arguments) -> str:
    """What pytest makes of a test."""
    try:
        test(*arguments)
    except pytest.skip.Exception as skip:
        return f"skipped: {skip}"
    except pytest.xfail.Exception as reason:
        return f"xfailed: {reason}"
    except AssertionError as error:
        return f"failed: {error}"
    return "passed"


def test_a_suite_is_a_class_of_pytest(spoil) -> None:
    unexplained = good.POLICY.replace("        flip: Mirror half of the pictures.\n", "")
    name = "policy/good/moves::every_option_is_explained"
    spoil(name, **{"moves.py": unexplained})
    made = suite(
        "zoo-good",
        levels=("static",),
        marks=lambda case: [pytest.mark.slow] if "weights" in case.id else [],
        xfail={name: "no words for it", "head/good/top::licence_is_stated": "it is stated"},
    )
    (parametrize,) = made.test_check.pytestmark
    cases = {each.id: each for each in parametrize.args[1]}
    assert all(bool(each.marks) == ("weights" in name) for name, each in cases.items())
    outcomes = {name: outcome(made().test_check, *each.values) for name, each in cases.items()}
    assert outcomes["backbone/good/net::licence_is_stated"] == "passed"
    assert outcomes["plugin/good::it_ships_whole"] == (
        "skipped: there is no project folder to build from"
    )
    assert outcomes[name] == "xfailed: no words for it"
    assert outcomes["head/good/top::licence_is_stated"].startswith(
        "failed: The manifest names the licence of the code.\npasses, though declared: it is stated"
    )
    assert outcome(made().test_manifest) == "passed"


def test_the_suite_of_a_plugin_with_problems_says_them(spoil) -> None:
    manifest = good.MANIFEST.replace("namespace", 'requires-zoo = ">=99"\nnamespace')
    spoil("head/good/top::is_flat", **{"registry.toml": manifest})
    made = suite("good", levels=("static",))
    assert f"requires zoo >=99, this is {zoo.__version__}; it may not work" in outcome(
        made().test_manifest
    )


def test_a_suite_of_what_is_not_installed(plugin) -> None:
    with pytest.raises(PluginError, match="no plugin named 'zoo-bad' is installed"):
        suite("zoo-bad")
