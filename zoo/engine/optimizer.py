"""A phase's optimizer, with a learning rate of its own for each variable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from zoo.engine import anatomy, freeze
from zoo.errors import RecipeError

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
    classes = {name.lower(): getattr(keras.optimizers, name) for name in dir(keras.optimizers)}
    variables = anatomy.whole(model).trainable_variables
    by_path = freeze.factors(model, phase)
    factors = [by_path.get(variable.path, 1.0) for variable in variables]
    options: dict[str, Any] = dict(phase.options)
    if phase.ema is not None:
        options |= {"use_ema": True, "ema_momentum": phase.ema}
    chosen = classes[phase.optimizer]
    try:
        if set(factors) == {1.0}:
            optimizer = chosen(learning_rate=phase.learning_rate, **options)
        else:
            optimizer = scaled(chosen, factors)(learning_rate=phase.learning_rate, **options)
    except (TypeError, ValueError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise RecipeError(
            f"phase {phase.name}: {phase.optimizer} does not take its options: {reason}"
        ) from None
    # Left to the first step, the optimizer's variables cost a second trace of the whole step.
    optimizer.build(variables)
    # Gradients of half precision vanish unless the loss is scaled up. Keras does so by itself
    # only where the model that is compiled has the policy, not where its layers have.
    if any(layer.dtype_policy.name == "mixed_float16" for layer in model.layers):
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
        optimizer.build(variables)
    return optimizer


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
