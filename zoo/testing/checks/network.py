"""What holds for pretrained weights: they are there, and are what the manifest says. Opt-in."""

from __future__ import annotations

from zoo.engine import weights
from zoo.testing.subject import Skip, Subject


def weights_can_be_fetched(subject: Subject) -> None:
    """Each set of weights can be had from its source and has the digest of the manifest."""
    if not subject.part.weights:
        raise Skip("no pretrained weights")
    for row in subject.part.weights.values():
        weights.fetch(subject.part, row)


CHECKS = (weights_can_be_fetched,)
