"""Policies made wrong, one thing at a time, and what the kit says of each."""

from __future__ import annotations

import re

import pytest

from zoo.option import Option
from zoo.testing.checks import options

from . import good

MOVES = "policy/good/moves::"
LIST = '[Rotate(rotation), Flip("horizontal", 0.5 if flip else 0.0), Fill("reflect")]'

WRONG = [
    pytest.param("gives_transforms", f"tuple({LIST})", "gives tuple, expected a list", id="tuple"),
    pytest.param(
        "gives_transforms",
        f"[*{LIST}, lambda x: x]",
        "gives <function .*>, which is no transform of zoo.api",
        id="function",
    ),
    pytest.param(
        "gives_transforms",
        '[type("Turn", (Rotate,), {})(rotation)]',
        r"gives Turn\(degrees=10.0\), which is no transform of zoo.api",
        id="class of its own",
    ),
    pytest.param(
        "draws_nothing_itself",
        "[Rotate(__import__('random').uniform(0, rotation))]",
        "the engine draws, a policy gives ranges",
        id="draws by itself",
    ),
    pytest.param(
        "draws_nothing_itself",
        f"{LIST} if __import__('numpy').random.rand() < 2 else []",
        "takes numbers from a global random generator",
        id="moves the global generator",
    ),
    pytest.param(
        "gives_pictures",
        "[Rotate(rotation * 100)]",
        "Rotate takes degrees between 0 and 180, received 1000.0",
        id="out of range",
    ),
    pytest.param(
        "leaves_something_to_see",
        '[Shift(1.0, 1.0), Fill("constant")]',
        r"of 16 pictures \d+ came out blank",
        id="out of sight",
    ),
    pytest.param(
        "epochs_and_seeds_differ",
        '[Flip("horizontal", 1.0)]',
        "every epoch is the same",
        id="always the same",
    ),
    pytest.param(
        "pictures_draw_for_themselves",
        '[Flip("horizontal", 1.0)]',
        "all pictures undergo the same",
        id="all alike",
    ),
    pytest.param(
        "nothing_happens_at_strength_zero",
        '[Rotate(rotation + 5), Flip("horizontal", 0.5 if flip else 0.0)]',
        "pictures change though every strength is 0",
        id="turns at zero",
    ),
    pytest.param(
        "every_option_has_an_effect",
        '[Rotate(rotation), Flip("horizontal", 0.5)]',
        "flip=False changes nothing",
        id="option not read",
    ),
]


@pytest.mark.parametrize(("name", "new", "says"), WRONG)
def test_what_is_wrong_is_said(spoil, name, new, says) -> None:
    files = {"moves.py": "from zoo.api import Shift\n" + good.POLICY}
    result = spoil(MOVES + name, "moves.py", LIST, new, **files)
    assert result.outcome == "failed", result.message
    assert re.search(says, result.message), result.message


@pytest.mark.parametrize("default", [0.0, 1.0, 2.5, 1e-6])
def test_other_values_are_never_the_same(default) -> None:
    given = list(options.others(Option("share", "float", default), default))
    assert given
    assert default not in given


@pytest.mark.parametrize(
    "name", ["epochs_and_seeds_differ", "pictures_draw_for_themselves"], ids=str
)
def test_a_policy_that_only_flips_is_right(spoil, name) -> None:
    """It has two outcomes for a picture, and that is enough."""
    result = spoil(MOVES + name, "moves.py", LIST, '[Flip("horizontal")]')
    assert result.outcome == "passed", result.message


@pytest.mark.parametrize(
    "name", ["epochs_and_seeds_differ", "pictures_draw_for_themselves"], ids=str
)
def test_a_policy_that_does_nothing_draws_nothing(spoil, name) -> None:
    result = spoil(MOVES + name, "moves.py", LIST, "[]")
    assert (result.outcome, result.message) == (
        "skipped",
        "the policy leaves pictures as they are",
    )


def test_a_strength_that_may_not_be_zero(spoil) -> None:
    result = spoil(
        MOVES + "nothing_happens_at_strength_zero",
        "moves.py",
        LIST,
        "[Zoom(rotation, rotation + 1)]",
        **{"moves.py": "from zoo.api import Zoom\n" + good.POLICY},
    )
    assert result.outcome == "skipped"
    assert result.message.startswith("0 is not accepted: Zoom takes a low factor between")
