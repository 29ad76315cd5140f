"""What a phase reads: batches for training and validation, and the part of the model they enter."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from zoo.engine import anatomy, data

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import keras
    import numpy as np
    import tensorflow as tf

    from zoo.engine.augment import Plan
    from zoo.engine.folder import Sample
    from zoo.engine.shards import Shards
    from zoo.recipe import Phase


@dataclass(frozen=True)
class Feed:
    """Batches, and the way from them to the logits.

    Args:
        part: Builds the part of the model that batches enter, up to what the loss is taken on, as
            a functional model of the class it is given.
        train: Gives endless training batches from an epoch on, (x, labels) or with weights, and
            for a share its count of pictures at the end.
        val: Batches of the validation pictures in their order, once through.
        ids: Names of the training samples, in the order whose permutations `data.order` gives.
        val_count: Number of validation samples.
        policy: What the training step does to batches before they enter, where x of these are
            pictures and rows of `Plan.prepared`; None where they enter as they come.
    """

    part: Callable[[type[keras.Model]], keras.Model]
    train: Callable[[int], tf.data.Dataset]
    val: tf.data.Dataset
    ids: tuple[str, ...]
    val_count: int
    policy: Plan | None = None


def pictures(
    model: keras.Model,
    phase: Phase,
    train: Sequence[Sample],
    val: Sequence[Sample],
    *,
    policy: Plan | None,
    weights: np.ndarray | None,
    seed: int,
    unreadable: tuple[data.Unreadable, data.Unreadable],
    stored: tuple[Shards | None, Shards | None] = (None, None),
    in_step: bool = False,
    share: tuple[int, int] = data.WHOLE,
) -> Feed:
    """Read pictures anew in every epoch, for a phase that trains more than stored features allow.

    Args:
        model: The model.
        phase: The phase.
        train: Training pictures.
        val: Validation pictures, never augmented.
        policy: A compiled augmentation of pictures for the model, or None.
        weights: Factor on the loss by class, or None.
        seed: Of the order and the augmentation.
        unreadable: Collectors for training and validation pictures that do not decode.
        stored: Training and validation pictures that `decoded.keep` decoded before, or None.
        in_step: Augment in the training step, on its device, instead of ahead of it on the CPU.
        share: As for `data.batches`. What a policy mixes is mixed before it is shared.

    Returns:
        The feed; its batches enter where pictures do.
    """
    known = anatomy.of(model)
    how = {"preprocessing": known.preprocessing}
    mixes = policy is not None and bool(policy.mixes) and share != data.WHOLE
    size = tuple(model.input.shape[1:3])
    given, augment = size, None
    if policy is not None:
        given = policy.given(size, known.preprocessing.get("cover"))
        augment = partial(policy.prepared if in_step else policy.batch, classes=len(known.classes))

    def batches(epoch: int) -> tf.data.Dataset:
        # An endless dataset with counted steps keeps its iterator: Keras starts a new one at the
        # end of an epoch otherwise, which decodes a few batches for nobody.
        found = data.batches(
            train, given, phase.batch_size, shuffle=seed, epoch=epoch, epochs=None, policy=augment,
            weights=weights, stored=stored[0], unreadable=unreadable[0],
            share=data.WHOLE if mixes else share, **how,
        )  # fmt: skip
        return data.untuned(found.map(partial(_shared, share))) if mixes else found

    clean = data.batches(
        val, size, phase.batch_size, stored=stored[1], unreadable=unreadable[1], share=share, **how
    )
    ids = tuple(sample.id for sample in train)

    def part(kind: type[keras.Model]) -> keras.Model:
        return kind(model.input, anatomy.training_logits(model))

    return Feed(part, batches, once(clean), ids, len(val), policy if in_step else None)


def _shared(share: tuple[int, int], *batch: tf.Tensor) -> tuple[tf.Tensor, ...]:
    """What `data.shared` gives of a batch that was made whole."""
    import tensorflow as tf

    number, shares = share
    length = tf.shape(batch[0])[0]
    count = tf.maximum(length - number + shares - 1, 0) // shares
    own = slice(tf.minimum(number, length - 1), None, shares)
    return (*(each[own] for each in batch), tf.cast(count, tf.int64))


def once(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """Batches for validation, to be counted by Keras.

    Keras starts an iterator anew for each validation. An endless one would go on decoding for
    nobody; at the end of one whose length it knows, Keras starts another for nobody.
    """
    return dataset.filter(lambda *_: True)  # what comes out of a filter has no known length
