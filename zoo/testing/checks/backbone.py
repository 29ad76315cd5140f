"""What holds for backbones: sizes, taps, architecture."""

from __future__ import annotations

from zoo.engine import anatomy
from zoo.errors import ModelError
from zoo.testing.subject import Skip, Subject


def takes_its_own_size(subject: Subject) -> None:
    """The model can be built at the size that the manifest declares."""
    subject.model(size=subject.part.input or (224, 224))


def takes_its_smallest_size(subject: Subject) -> None:
    """The model can be built at the smallest size that the manifest declares."""
    if subject.part.minimum is None:
        raise Skip("the manifest declares no minimum")
    subject.model(size=subject.part.minimum)


def takes_odd_and_oblong_sizes(subject: Subject) -> None:
    """The model can be built for pictures of odd and unequal sides, and answers."""
    height, width = subject.size[0] + 1, subject.size[1] + 15
    model = subject.model(size=(height, width))
    assert model(subject.pictures(2, (height, width)), training=False).shape == (2, 3)


def taps_shrink_in_order(subject: Subject) -> None:
    """Taps come in order: each map is as large as the one before it, or smaller."""
    model = subject.model()
    before = model.input.shape[1:3]
    for tap in anatomy.of(model).taps:
        extent = anatomy.tap_tensor(model, tap).shape[1:3]
        assert extent[0] <= before[0] and extent[1] <= before[1], (  # noqa: PT018
            f"tap {tap} is {extent[0]}x{extent[1]}, larger than the one before it"
        )
        before = extent


def the_size_does_not_change_the_weights(subject: Subject) -> None:
    """The variables have the same names and shapes at every picture size."""
    small, large = (
        [(v.path, tuple(v.shape)) for v in subject.model(size=size).weights]
        for size in (subject.size, (subject.size[0] + 32, subject.size[1] + 32))
    )
    assert small == large, "weights depend on the picture size: they would not load elsewhere"


def refuses_what_is_too_small(subject: Subject) -> None:
    """A picture below the smallest size is an error of zoo, not one from deep inside Keras."""
    if subject.part.minimum is None:
        raise Skip("the manifest declares no minimum")
    low = subject.part.minimum[0] - 1
    try:
        subject.model(size=(low, low))
    except ModelError:
        return
    raise AssertionError(f"a model was built at {low}x{low}, below the declared minimum")


CHECKS = (
    takes_its_own_size,
    takes_its_smallest_size,
    takes_odd_and_oblong_sizes,
    taps_shrink_in_order,
    the_size_does_not_change_the_weights,
    refuses_what_is_too_small,
)
