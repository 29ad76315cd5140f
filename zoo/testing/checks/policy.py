"""What holds for policies: plain transforms, the same at every call, that change pictures well.

A policy is data that the engine draws from and applies, so that independence of the batch, of the
type of the pictures and of the pipeline are the engine's, and are tested there.
"""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from zoo import transform
from zoo.engine.augment import Plan, compile
from zoo.errors import ZooError
from zoo.testing.checks.options import others
from zoo.testing.subject import Skip, Subject

TRANSFORMS = transform.TRANSFORMS


def gives_transforms(subject: Subject) -> None:
    """The policy is a list of the transforms of zoo.api, and no class of its own."""
    given = _transforms(subject)
    assert isinstance(given, list), f"the policy gives {type(given).__name__}, expected a list"
    strange = [each for each in given if type(each) not in TRANSFORMS]
    assert not strange, f"the policy gives {strange[0]!r}, which is no transform of zoo.api"


def draws_nothing_itself(subject: Subject) -> None:
    """The policy gives the same list at every call, and takes no global random number."""
    before = random.getstate(), str(np.random.get_state())
    first, second = _transforms(subject), _transforms(subject)
    assert first == second, f"{first} became {second}: the engine draws, a policy gives ranges"
    after = random.getstate(), str(np.random.get_state())
    assert before == after, "the policy takes numbers from a global random generator"


def gives_pictures(subject: Subject) -> None:
    """Pictures keep their shape and become finite float32 within 0 to 255."""
    pictures = subject.pictures()
    out = _apply(subject, pictures)
    assert out.shape == pictures.shape, f"{pictures.shape} became {out.shape}"
    assert out.dtype == np.float32, f"pictures become {out.dtype}"
    assert np.isfinite(out).all(), "values are not finite"
    assert out.min() >= 0, f"values go down to {out.min():.3g}"
    assert out.max() <= 255, f"values go up to {out.max():.3g}"


def leaves_something_to_see(subject: Subject) -> None:
    """A picture still varies after the policy: it was not moved or blown up out of sight."""
    out = _apply(subject, subject.pictures(16))
    empty = int((np.ptp(out, axis=(1, 2, 3)) < 1).sum())
    assert not empty, f"of 16 pictures {empty} came out blank"


def epochs_and_seeds_differ(subject: Subject) -> None:
    """Another epoch and another seed draw anew, unless the policy changes nothing."""
    pictures = subject.pictures(16)
    first = _apply(subject, pictures)
    if np.array_equal(first, pictures):
        raise Skip("the policy leaves pictures as they are")
    assert not np.array_equal(first, _apply(subject, pictures, epoch=1)), "every epoch is the same"
    assert not np.array_equal(first, _apply(subject, pictures, seed=1)), "every seed is the same"


def pictures_draw_for_themselves(subject: Subject) -> None:
    """Sixteen copies of one picture do not all come out the same."""
    pictures = np.repeat(subject.pictures(1), 16, axis=0)
    out = _apply(subject, pictures)
    if np.array_equal(out, pictures):
        raise Skip("the policy leaves pictures as they are")
    assert len({picture.tobytes() for picture in out}) > 1, "all pictures undergo the same"


def nothing_happens_at_strength_zero(subject: Subject) -> None:
    """With every number 0 and every switch off, pictures stay as they are."""
    options = {
        name: type(value)(0)
        for name, value in subject.defaults.items()
        if isinstance(value, bool | int | float)
    }
    if subject.defaults and not options:
        raise Skip("no option is a strength")
    pictures = subject.pictures()
    try:
        out = _apply(subject, pictures, **options)
    except ZooError as error:
        raise Skip(f"0 is not accepted: {error.message}") from error
    assert np.array_equal(out, pictures), "pictures change though every strength is 0"


def every_option_has_an_effect(subject: Subject) -> None:
    """Another value of an option gives other transforms."""
    if not subject.part.options:
        raise Skip("there are no options")
    before = _transforms(subject)
    for option in subject.part.options:
        for value in others(option, option.default):
            try:
                after = _transforms(subject, **{option.name: value})
            except ZooError:  # a value that the policy refuses
                continue
            assert after != before, f"{option.name}={value} changes nothing"
            break


def _transforms(subject: Subject, **options: Any) -> Any:
    return subject.function()(**(subject.defaults | options))


def _apply(
    subject: Subject, pictures: np.ndarray, seed: int = 0, epoch: int = 0, **options: Any
) -> np.ndarray:
    plan: Plan = compile(_transforms(subject, **options))
    places = np.arange(len(pictures))
    seen, _ = plan.batch(pictures, places, seed, epoch, places, classes=len(pictures))
    return np.asarray(seen)


CHECKS = (
    gives_transforms,
    draws_nothing_itself,
    gives_pictures,
    leaves_something_to_see,
    epochs_and_seeds_differ,
    pictures_draw_for_themselves,
    nothing_happens_at_strength_zero,
    every_option_has_an_effect,
)
