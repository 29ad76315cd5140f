"""What a model answers: the map at a tap, its scores for a class, its probabilities."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from zoo.engine import program, subject
from zoo.engine.baseline import Baseline, neutral
from zoo.engine.program import Classes, Look, Program, Score, Tensor
from zoo.engine.subject import INPUT
from zoo.errors import ModelError


def activations(model: keras.Model, images: np.ndarray, *, tap: str = "last") -> np.ndarray:
    """The map that a tap gives.

    Args:
        model: A classifier.
        images: RGB pictures of the model's input size, 0..255, [N,H,W,3].
        tap: Name of a tap, `last`, `input`, or the name of a layer that gives a map.

    Returns:
        float32 [N,h,w,c].

    Raises:
        ModelError: There is no such tap.
        ExplainError: The tap gives no map.
    """
    path = subject.tap_path(model, tap)
    if path == INPUT:
        return np.asarray(images, np.float32)
    return program.float32(program.of(model, _activations, path)(program.pixels(images)))


def scores(
    model: keras.Model, images: np.ndarray, class_index: Classes, *, of: Score = "logit"
) -> np.ndarray:
    """What a model says for a class, picture by picture.

    Args:
        model: A classifier.
        images: RGB pictures of the model's input size, 0..255, [N,H,W,3].
        class_index: Classes as in `gradient`: [N], or [N,2] for a lead.
        of: `logit`, or `probability`.

    Returns:
        float32 [N].

    Raises:
        ExplainError: The classes do not fit the pictures or the model.
    """
    chosen = program.factors(model, class_index, len(images))
    return program.float32(program.of(model, _scores, of)(program.pixels(images), chosen))


def masked_scores(
    model: keras.Model,
    images: np.ndarray,
    masks: np.ndarray,
    class_index: Classes,
    *,
    baseline: Baseline = "mean",
    of: Score = "logit",
    stretch: bool = False,
    batch_size: int = 32,
) -> np.ndarray:
    """What a model says of pictures of which a mask leaves only a part.

    What a mask hides becomes the baseline, b + M (x - b): black is a colour like any other and
    says something, the mean of the model's normalisation is what it takes for nothing.

    Args:
        model: A classifier.
        images: RGB pictures of the model's input size, 0..255, [N,H,W,3].
        masks: 1 keeps, 0 hides; [M,h,w] for all pictures or [N,M,h,w], of any size: they are
            enlarged by bilinear interpolation where the model runs.
        class_index: Classes as in `gradient`.
        baseline: `mean`, `black` or `blur`.
        of: `logit`, or `probability`.
        stretch: Bring each enlarged mask to 0..1 first, by its own smallest and largest value.
        batch_size: Masked pictures that go through the model at once.

    Returns:
        float32 [N,M].

    Raises:
        ExplainError: The classes do not fit the pictures or the model.
    """
    chosen = program.factors(model, class_index, len(images))
    answer = program.of(model, _masked, of, stretch)
    pixels = program.pixels(images)
    ground = program.pixels(neutral(model, images, baseline))
    masks = np.broadcast_to(masks, (len(images), *masks.shape[-3:]))
    rows = np.empty(masks.shape[:2], np.float32)
    for row, own in enumerate(masks):
        for start in range(0, len(own), batch_size):
            part = slice(start, start + batch_size)
            given = program.pixels(own[part])
            rows[row, part] = program.float32(answer(pixels[row], ground[row], given, chosen[row]))
    return rows


def ablated_scores(
    model: keras.Model,
    images: np.ndarray,
    class_index: Classes,
    *,
    tap: str = "last",
    of: Score = "logit",
    batch_size: int = 64,
) -> np.ndarray:
    """What a model says with one channel of a tap switched off, for each channel.

    The backbone runs once for many channels; only what comes after the tap runs for each.

    Args:
        model: A classifier.
        images: RGB pictures of the model's input size, 0..255, [N,H,W,3].
        class_index: Classes as in `gradient`.
        tap: As `activations`.
        of: `logit`, or `probability`.
        batch_size: Channels that are tried at once.

    Returns:
        float32 [N,c].

    Raises:
        ExplainError: The classes do not fit, or the tap gives no map.
    """
    chosen = program.factors(model, class_index, len(images))
    answer = program.of(model, _ablated, subject.tap_path(model, tap), of)
    pixels = program.pixels(images)
    channels = activations(model, images[:1], tap=tap).shape[-1]
    keep = 1 - np.eye(channels, dtype=np.float32)
    rows = np.empty((len(images), channels), np.float32)
    for row in range(len(images)):
        for start in range(0, channels, batch_size):
            part = slice(start, start + batch_size)
            given = program.pixels(keep[part])
            rows[row, part] = program.float32(answer(pixels[row : row + 1], given, chosen[row]))
    return rows


def probabilities(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """What a model answers, from its scores: also where it ends in them.

    Args:
        model: A classifier.
        images: RGB pictures of the model's input size, 0..255, [N,H,W,3].

    Returns:
        float32 [N,classes]; one sigmoid unit is spread over its two classes.

    Raises:
        ModelError: The answers are not numbers.
    """
    given = program.float32(program.of(model, _probabilities)(program.pixels(images)))
    if not np.isfinite(given).all():
        raise ModelError(
            "the model answers with probabilities that are not numbers (NaN or infinite)",
            hint="its weights diverged in training; lower the learning rate and train again",
        )
    return given


def _activations(model: keras.Model, path: str) -> Program:
    def activations(images: Tensor) -> Tensor:
        seen: list[Tensor] = []
        program.run(model, images, path, lambda at: seen.append(at) or at)
        return seen[-1]

    return program.compiled(activations)


def _scores(model: keras.Model, of: Score) -> Program:
    return program.compiled(
        lambda images, chosen: ops.sum(_answers(model, images, of) * chosen, axis=-1)
    )


def _masked(model: keras.Model, of: Score, stretch: bool) -> Program:
    def masked(picture: Tensor, ground: Tensor, masks: Tensor, chosen: Tensor) -> Tensor:
        height, width = picture.shape[:2]
        # Masks of the picture's own size pass through the resize unchanged.
        masks = ops.image.resize(masks[..., None], (height, width), interpolation="bilinear")
        if stretch:
            low, high = (f(masks, axis=(1, 2), keepdims=True) for f in (ops.min, ops.max))
            masks = (masks - low) / ops.maximum(high - low, 1e-12)
        return ops.sum(_answers(model, ground + masks * (picture - ground), of) * chosen, axis=-1)

    return program.compiled(masked)


def _ablated(model: keras.Model, path: str, of: Score) -> Program:
    def ablated(picture: Tensor, keep: Tensor, chosen: Tensor) -> Tensor:
        def switch(at: Tensor) -> Tensor:
            return at * ops.cast(keep, at.dtype)[:, None, None, :]

        return ops.sum(_answers(model, picture, of, path, switch) * chosen, axis=-1)

    return program.compiled(ablated)


def _probabilities(model: keras.Model) -> Program:
    return program.compiled(lambda images: _answers(model, images, "probability"))


def _answers(
    model: keras.Model, images: Tensor, of: Score, path: str = "", look: Look = lambda at: at
) -> Tensor:
    """Logits or probabilities for every class, float32 [N,classes]."""
    logits = program.run(model, images, path, look)
    if of == "logit":
        return program.spread(logits)
    if logits.shape[-1] == 1:
        chance = ops.sigmoid(logits)
        return ops.concatenate([1 - chance, chance], axis=-1)
    if subject.of(model).scores.ends == "sigmoid":
        return ops.sigmoid(logits)
    return ops.softmax(logits)
