"""A phase's optimizer, with a learning rate of its own for each variable."""

from __future__ import annotations

import difflib
import inspect
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from zoo.engine import anatomy, freeze
from zoo.errors import RecipeError
from zoo.phase import OWN_KEYS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zoo.recipe import Phase


def build(model: keras.Model, phase: Phase) -> keras.optimizers.Optimizer:
    """Make the optimizer of a phase, built for the variables that the model trains.

    Args:
        model: The model, its layers set free.
        phase: The phase.

    Returns:
        The optimizer. Where the model computes in half precision it scales the loss.

    Raises:
        RecipeError: If the optimizer does not take its options.
    """
    chosen = _class(phase)
    variables = anatomy.whole(model).trainable_variables
    by_path = freeze.factors(model, phase)
    factors = [by_path.get(variable.path, 1.0) for variable in variables]
    optimizer = _made(chosen if set(factors) == {1.0} else scaled(chosen, factors), phase)
    # Left to the first step, the optimizer's variables cost a second trace of the whole step.
    optimizer.build(variables)
    # Gradients of half precision vanish unless the loss is scaled up. Keras does so by itself
    # only where the model that is compiled has the policy, not where its layers have.
    if any(layer.dtype_policy.name == "mixed_float16" for layer in model.layers):
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
        optimizer.build(variables)
    return optimizer


def check(phase: Phase) -> None:
    """See that a phase's optimizer takes its options.

    Raises:
        RecipeError: If it does not.
    """
    chosen = _class(phase)
    accepted = [
        name
        for kind in chosen.__mro__
        for name, given in inspect.signature(kind.__init__).parameters.items()
        if given.kind is given.POSITIONAL_OR_KEYWORD and name not in ("self", "name", *OWN_KEYS)
    ]
    for name in phase.options:
        if name not in accepted:
            near = difflib.get_close_matches(name, accepted, n=1)
            known = ", ".join(dict.fromkeys(accepted))
            raise RecipeError(
                f"phase {phase.name}: {phase.optimizer} takes no option {name!r}; "
                + (f"did you mean {near[0]}?" if near else f"it takes {known}")
            )
    _made(chosen, phase)


def _class(phase: Phase) -> type[keras.optimizers.Optimizer]:
    classes = {name.lower(): getattr(keras.optimizers, name) for name in dir(keras.optimizers)}
    found: type[keras.optimizers.Optimizer] = classes[phase.optimizer]
    return found


def _made(kind: type[keras.optimizers.Optimizer], phase: Phase) -> keras.optimizers.Optimizer:
    options: dict[str, Any] = dict(phase.options)
    if phase.ema is not None:
        options |= {"use_ema": True, "ema_momentum": phase.ema}
    try:
        return kind(learning_rate=phase.learning_rate, **options)
    except (TypeError, ValueError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise RecipeError(
            f"phase {phase.name}: {phase.optimizer} does not take its options: {reason}"
        ) from None


def scaled(
    base: type[keras.optimizers.Optimizer], factors: Sequence[float]
) -> type[keras.optimizers.Optimizer]:
    """Derive an optimizer whose rate differs by variable.

    The factor goes on the rate inside the update. On the gradient it would do nothing under Adam
    and its kin, which divide by the gradient's own scale. Decoupled weight decay is a step of the
    rate too, and is scaled with it; clipping by the global norm happens before and stays global.

    Args:
        base: A class of `keras.optimizers`.
        factors: One for each variable, in the order in which the optimizer is built.

    Returns:
        The class; it is made as `base` is.
    """

    class Scaled(base):  # type: ignore[misc,valid-type]
        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            factor = factors[self._get_variable_index(variable)]
            super().update_step(gradient, variable, learning_rate * factor)

        def _apply_weight_decay(self, variables: Sequence[Any]) -> None:
            if self.weight_decay is None:
                return
            for variable in variables:
                if self._use_weight_decay(variable):
                    factor = factors[self._get_variable_index(variable)]
                    shrink = tf.cast(
                        self.learning_rate * self.weight_decay * factor, variable.dtype
                    )
                    self.assign_sub(variable, variable * shrink)

    Scaled.__name__ = base.__name__
    return Scaled
