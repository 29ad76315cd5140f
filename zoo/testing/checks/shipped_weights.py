"""What holds for pretrained weights as far as it can be told without a network."""

from __future__ import annotations

from zoo.registry import ResolvedPart
from zoo.testing.subject import Skip, Subject


def tags_can_be_built(subject: Subject) -> None:
    """The backbone takes the options that each set of weights needs."""
    needed = [weights.options for weights in subject.part.weights.values() if weights.options]
    if not needed:
        raise Skip("no set of weights needs an option")
    for options in needed:
        subject.build(subject.resolved(**options))


def shipped_weights_fit(subject: Subject) -> None:
    """Weights that lie in the package have their digest and fill every layer of the backbone."""
    tags = [tag for tag, each in subject.part.weights.items() if is_shipped(each.source)]
    if not tags:
        raise Skip("no weights lie in the package")
    for tag in tags:
        load(subject, tag)


def is_shipped(source: str) -> bool:
    """Whether weights lie in the plugin's package."""
    return source.startswith("package://")


def load(subject: Subject, tag: str) -> None:
    """Build the backbone as users get it, and fill it with a set of weights."""
    weights = subject.part.weights[tag]
    options = {**subject.defaults, **weights.options}
    subject.build(ResolvedPart(subject.part, options, weights), size=subject.part.input)


CHECKS = (tags_can_be_built, shipped_weights_fit)
