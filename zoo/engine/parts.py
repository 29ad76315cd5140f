"""A batch that goes through the model in parts: the memory of one part, the gradient of all."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from zoo.engine.step import Stepped


class InParts(Stepped):
    """A functional model whose training step splits its batch.

    The parts' gradients are weighted by their pictures and summed before the optimizer sees them,
    so that one batch is one step: of the moments of Adam, of the schedule, of clipping and decay.
    Keras's own accumulation counts each part as a step, and weighs a short one as a long one.
    Batch normalisation that learns sees parts, not the batch.
    """

    parts = 1

    def train_step(self, data: Any) -> dict[str, Any]:
        """Train on one batch."""
        if self.parts == 1:
            whole: dict[str, Any] = super().train_step(data)
            return whole
        x, labels, weights = keras.utils.unpack_x_y_sample_weight(data)
        total = tf.shape(x)[0]
        size = (total + self.parts - 1) // self.parts
        variables = self.trainable_variables

        def part(start: tf.Tensor, *sums: tf.Tensor) -> tuple[tf.Tensor, ...]:
            inside = slice(start, start + size)
            chosen = None if weights is None else weights[inside]
            count = tf.shape(x[inside])[0]
            with tf.GradientTape() as tape:
                logits = self(x[inside], training=True)
                loss = self.compute_loss(x[inside], labels[inside], logits, chosen, training=True)
                share = tf.cast(count, loss.dtype) / tf.cast(total, loss.dtype)
                scaled = self.optimizer.scale_loss(loss * share)
            gradients = tape.gradient(
                scaled, [each.value for each in variables], unconnected_gradients="zero"
            )
            self._loss_tracker.update_state(loss, sample_weight=count)
            self.compute_metrics(x[inside], labels[inside], logits, chosen)
            sums = [a + tf.convert_to_tensor(b) for a, b in zip(sums, gradients, strict=True)]
            return (start + size, *sums)

        zeros = [tf.zeros(each.shape, each.dtype) for each in variables]
        _, *gradients = tf.while_loop(
            lambda start, *_: start < total, part, (tf.constant(0), *zeros), parallel_iterations=1
        )
        self.optimizer.apply_gradients(zip(gradients, variables, strict=True))
        return self.get_metrics_result()
