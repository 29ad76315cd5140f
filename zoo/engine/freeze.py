"""What a phase may change: layers set free or held, and the proof afterwards that both held."""

from __future__ import annotations

import difflib
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import keras

from zoo.engine import anatomy
from zoo.errors import Failure, RecipeError, RunError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from zoo.recipe import Phase

NAMED = 3


def free(model: keras.Model, phase: Phase) -> list[str]:
    """Set the layers free that a phase trains, and hold all others.

    Batch normalisation of the backbone is held by itself unless the phase says bn = "train":
    calling a model with training=False does not keep its moving statistics while `fit` runs, and
    `model.trainable = True` would set it free again, so each layer gets its own flag.

    Args:
        model: A model whose stages `anatomy` knows.
        phase: The phase.

    Returns:
        Names of the groups that were set free wholly or in part, in order, "head" last.

    Raises:
        RecipeError: If the phase names a layer, or asks for more stages, than the model has, or
            sets nothing free that has variables.
    """
    groups = anatomy.stages(model)
    chosen = _chosen(model, phase, groups)
    freed = []
    for name, layers in groups.items():
        for layer in layers:
            held = name != anatomy.HEAD and phase.bn == "frozen" and _is_batch_norm(layer)
            layer.trainable = layer.name in chosen and not held
        if any(layer.name in chosen for layer in layers):
            freed.append(name)
    if not model.trainable_variables:
        raise RecipeError(
            f"phase {phase.name} trains nothing: what follows {phase.train!r} has no variables",
            hint="train = 'head' trains the head, 'all' everything",
        )
    return freed


def factors(model: keras.Model, phase: Phase) -> dict[str, float]:
    """The factor on the learning rate of each variable that may be trained, by its path.

    Args:
        model: The model.
        phase: Its `lowest_rate` is the factor of the first stage; that of the head is 1, and each
            group between has the same ratio to the next, frozen groups counted. Its `rates` go
            over that.

    Returns:
        Path to factor, for every variable of every group.

    Raises:
        RecipeError: If `rates` names a group that the model does not have.
    """
    groups = anatomy.stages(model)
    for name in phase.rates:
        if name not in groups:
            near = difflib.get_close_matches(name, groups, n=1)
            advice = f"did you mean {near[0]}?" if near else f"groups: {', '.join(groups)}"
            raise RecipeError(f"phase {phase.name}: rates names no group {name!r}; {advice}")
    last = max(len(groups) - 1, 1)
    found = {}
    for place, (name, layers) in enumerate(groups.items()):
        even = phase.lowest_rate ** ((last - place) / last)
        factor = phase.rates.get(name, even)
        found.update({each.path: factor for layer in layers for each in layer.variables})
    return found


def moving(model: keras.Model) -> list[keras.Variable]:
    """The variables that training may change as the layers are now.

    Those of layers that are free, statistics included, and the states of random generators, which
    count their draws wherever they are.
    """
    held = {
        id(variable)
        for layer in model.layers
        if not layer.trainable
        for variable in layer.weights
        if "seed_generator" not in variable.path
    }
    return [each for each in anatomy.whole(model).variables if id(each) not in held]


@dataclass(frozen=True)
class Contract:
    """The digest of every variable before a phase, to be held against those after it.

    Args:
        before: Path to digest.
    """

    before: Mapping[str, str]

    @classmethod
    def of(cls, model: keras.Model) -> Contract:
        """Take the digests of a model's variables as they are now."""
        return cls({each.path: _digest(each) for each in anatomy.whole(model).variables})

    def check_held(self, model: keras.Model) -> None:
        """Make sure that what is held is what it was when the phase began, in whatever process.

        Raises:
            RunError: If it is not.
        """
        may = {variable.path for variable in moving(model)}
        held = (each for each in model.variables if each.path not in may)
        if other := [each.path for each in held if self.before.get(each.path) != _digest(each)]:
            raise RunError(
                f"the model differs from the one that was being trained: {_some(other)}",
                hint="resume with the weights, and the versions of zoo and its plugins, that it "
                "began with",
            )

    def check(self, model: keras.Model, phase: Phase) -> dict[str, object]:
        """Compare: nothing that was held moved, and every group that was free did.

        Args:
            model: The model, its layers still as `free` set them.
            phase: The phase that has ended.

        Returns:
            What was compared: the numbers of variables held and moved, and the names of those
            that were free and did not move. A variable without a gradient, such as the bias of a
            unit that is never active, is no fault by itself.

        Raises:
            Failure: If a variable that was held moved, or a group that was free did not.
        """
        may = {variable.path for variable in moving(model)}
        every = anatomy.whole(model)
        moved = {
            each.path for each in every.variables if _digest(each) != self.before.get(each.path)
        }
        if astray := sorted(moved - may):
            raise Failure(
                f"phase {phase.name} moved what it holds frozen: {_some(astray)}",
                hint="something outside of the phase changes these variables: a callback of a "
                "plugin, or a layer that updates itself",
            )
        trained = {each.path for each in every.trainable_variables}
        for name, layers in anatomy.stages(model).items():
            own = {each.path for layer in layers for each in layer.trainable_variables}
            if own and not own & moved and phase.rates.get(name) != 0:
                raise Failure(
                    f"phase {phase.name} trains {name}, and nothing of it moved: "
                    f"{_some(sorted(own))}",
                    hint="the learning rate may be too low, or the head does not read these layers",
                )
        still = sorted(trained - moved)
        return {"held": len(self.before) - len(may), "moved": len(moved & trained), "still": still}


def _chosen(
    model: keras.Model, phase: Phase, groups: Mapping[str, list[keras.layers.Layer]]
) -> set[str]:
    """Names of the layers that a phase trains."""
    stages = [name for name in groups if name != anatomy.HEAD]
    if phase.start is not None:
        if phase.start not in groups:
            return _following(model, phase, stages)
        count = len(stages) - list(groups).index(phase.start)
    else:
        count = len(stages) if phase.stages is None else phase.stages
    if count > len(stages):
        raise RecipeError(
            f"phase {phase.name} trains the last {count} stages; the model has {len(stages)}: "
            + ", ".join(stages),
            hint=f"write train = 'last:{len(stages)}' or 'all'",
        )
    wanted = [*stages[len(stages) - count :], anatomy.HEAD]
    return {layer.name for name in wanted for layer in groups[name]}


def _following(model: keras.Model, phase: Phase, stages: list[str]) -> set[str]:
    """Names of a layer and of all that depend on it."""
    names = [layer.name for layer in model.layers]
    if phase.start not in names:
        near = difflib.get_close_matches(str(phase.start), [*stages, *names], n=1)
        meant = f"did you mean {near[0]}? " if near else ""
        raise RecipeError(
            f"phase {phase.name} trains from {phase.start!r}, which is no tap and no layer",
            hint=f"{meant}taps: {', '.join(stages)}",
        )
    found = {str(phase.start)}
    for layer in model.layers:  # In the order of the graph: what a layer reads comes before it.
        read = {
            node.operation.name for inner in layer._inbound_nodes for node in inner.parent_nodes
        }
        if read & found:
            found.add(layer.name)
    return found


def _digest(variable: keras.Variable) -> str:
    value = keras.ops.convert_to_numpy(variable.value)
    return hashlib.blake2b(value.tobytes(), digest_size=16).hexdigest()


def _some(names: Iterable[str]) -> str:
    names = list(names)
    rest = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _is_batch_norm(layer: keras.layers.Layer) -> bool:
    return isinstance(layer, keras.layers.BatchNormalization)
