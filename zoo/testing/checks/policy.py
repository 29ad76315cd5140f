"""What holds for policies: range, seeds, independence."""

from __future__ import annotations

import numpy as np

from zoo.engine.augment import Plan, compile
from zoo.errors import ZooError
from zoo.testing.subject import Skip, Subject


def gives_pictures(subject: Subject) -> None:
    """Pictures keep their shape and become finite float32 within 0 to 255."""
    pictures = subject.pictures()
    out = _apply(subject, pictures)
    assert out.shape == pictures.shape, f"{pictures.shape} became {out.shape}"
    assert np.isfinite(out).all(), "values are not finite"
    assert out.min() >= 0, f"values go down to {out.min():.3g}"
    assert out.max() <= 255, f"values go up to {out.max():.3g}"


def takes_float_pictures(subject: Subject) -> None:
    """uint8 and float32 pictures of the same values give the same result."""
    pictures = subject.pictures()
    off = np.abs(_apply(subject, pictures) - _apply(subject, pictures.astype(np.float32))).max()
    assert off < 1e-3, f"uint8 and float32 differ by {off:.1e}"


def the_seed_decides(subject: Subject) -> None:
    """The same seed, epoch and picture give the same bits."""
    pictures = subject.pictures()
    assert np.array_equal(_apply(subject, pictures), _apply(subject, pictures))


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
    assert len({picture.tobytes() for picture in out}) > 4, "the batch shares its draws"


def the_batch_does_not_matter(subject: Subject) -> None:
    """A picture comes out the same whatever the batch it is in."""
    pictures = subject.pictures(6)
    plan = _plan(subject)
    together = np.asarray(plan.apply(pictures, seed=0, epoch=0, indices=np.arange(6)))
    for index in (5, 0, 3):
        alone = plan.apply(pictures[index : index + 1], seed=0, epoch=0, indices=np.array([index]))
        off = np.abs(np.asarray(alone)[0] - together[index]).max()
        assert off < 1e-3, f"picture {index} alone and in a batch differ by {off:.1e}"


def nothing_happens_at_strength_zero(subject: Subject) -> None:
    """With every number 0 and every switch off, pictures stay as they are."""
    options = {
        option.name: False if isinstance(option.default, bool) else type(option.default)(0)
        for option in subject.part.options
        if isinstance(option.default, bool | int | float)
    }
    if not options and subject.part.options:
        raise Skip("no option is a strength")
    pictures = subject.pictures()
    try:
        plan = _plan(subject, **options)
    except ZooError as error:
        raise Skip(f"0 is not accepted: {error.message}") from error
    out = np.asarray(plan.apply(pictures, seed=0, epoch=0, indices=np.arange(len(pictures))))
    assert np.array_equal(out, pictures), "pictures change though every strength is 0"


def _plan(subject: Subject, **options: object) -> Plan:
    return compile(subject.function()(**subject.resolved(**options).options))


def _apply(subject: Subject, pictures: np.ndarray, seed: int = 0, epoch: int = 0) -> np.ndarray:
    indices = np.arange(len(pictures))
    return np.asarray(_plan(subject).apply(pictures, seed=seed, epoch=epoch, indices=indices))


CHECKS = (
    gives_pictures,
    takes_float_pictures,
    the_seed_decides,
    epochs_and_seeds_differ,
    pictures_draw_for_themselves,
    the_batch_does_not_matter,
    nothing_happens_at_strength_zero,
)
