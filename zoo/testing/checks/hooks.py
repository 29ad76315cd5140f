"""What holds for hooks when they are called: they answer as promised, on material of the kit."""

from __future__ import annotations

import tempfile
from pathlib import Path

import keras

from zoo.errors import ZooError
from zoo.part import Weights
from zoo.plugins import Hooks
from zoo.testing import stand_ins
from zoo.testing.package import Package
from zoo.testing.subject import Skip


def hooks_answer(package: Package) -> None:
    """Each hook gives what it promises and raises nothing."""
    if not package.plugin.hooks:
        raise Skip("the manifest names no hooks")
    hooks = Hooks([package.plugin])
    model = stand_ins.model()
    with tempfile.TemporaryDirectory() as folder:
        hooks.call("zoo_doctor_checks")
        hooks.call("zoo_model_built", model=model, document=model.zoo_anatomy.resolved)
        given = hooks.call("zoo_callbacks", run=Path(folder))
        hooks.hints(ZooError("nothing is wrong", "look elsewhere"))
    assert not hooks.problems, hooks.problems[0].reason
    for _, callbacks in given:
        strange = [each for each in callbacks if not isinstance(each, keras.callbacks.Callback)]
        assert not strange, f"zoo_callbacks gave {strange[0]!r}, which is no callback of Keras"


def computed_parts_are_given(package: Package) -> None:
    """The hook gives parts of each kind that the manifest says are known at run time."""
    plugin = package.plugin
    if not plugin.computes:
        raise Skip("the manifest leaves no parts to run time")
    hooks = Hooks([plugin])
    without = [kind for kind in plugin.computes if not hooks.computed(kind)]
    assert not hooks.problems, hooks.problems[0].reason
    assert not without, f"zoo_parts gives no {without[0]}, which the manifest promises"


def strange_sources_are_left_to_others(package: Package) -> None:
    """Weights of a scheme that is not the plugin's own are answered with None."""
    if not package.plugin.hooks:
        raise Skip("the manifest names no hooks")
    hooks = Hooks([package.plugin])
    source = "no-such-scheme://kit/weights.h5"
    given = hooks.call("zoo_resolve_weights", source=source, weights=Weights("kit", source))
    assert not hooks.problems, hooks.problems[0].reason
    assert not given, f"zoo_resolve_weights answers to {source} with {given[0][1]}"


def commands_are_given(package: Package) -> None:
    """The hook gives the commands that the manifest names, and no other."""
    hooks = Hooks([package.plugin])
    given = {command.name for _, commands in hooks.call("zoo_commands") for command in commands}
    named = set(package.plugin.commands)
    if not given | named:
        raise Skip("there are no commands")
    assert not hooks.problems, hooks.problems[0].reason
    assert given == named, (
        f"the manifest names the commands {_listed(named)}, zoo_commands gives {_listed(given)}"
    )


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "none"


CHECKS = (
    hooks_answer,
    computed_parts_are_given,
    strange_sources_are_left_to_others,
    commands_are_given,
)
