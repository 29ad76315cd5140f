"""What holds for published weights: they are there, are what the manifest says, and fit. Opt-in."""

from __future__ import annotations

from zoo.testing.checks.shipped_weights import is_shipped, load
from zoo.testing.subject import Skip, Subject


def published_weights_fit(subject: Subject) -> None:
    """Each set of weights can be had, has its digest, and fills every layer of the backbone."""
    tags = [tag for tag, each in subject.part.weights.items() if not is_shipped(each.source)]
    if not tags:
        raise Skip("no weights are published")
    for tag in tags:
        load(subject, tag)


CHECKS = (published_weights_fit,)
