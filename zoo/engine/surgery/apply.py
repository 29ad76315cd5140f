"""One operation from its description to the changed model and its certificate."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import keras

from zoo.engine import anatomy
from zoo.engine.surgery import certificate as certificates
from zoo.engine.surgery.certificate import Certificate
from zoo.engine.surgery.channels import adapt_channels
from zoo.engine.surgery.convert import convert
from zoo.engine.surgery.convolve import convolve
from zoo.engine.surgery.dropout import set_dropout
from zoo.engine.surgery.fold import fold
from zoo.engine.surgery.head import replace_head
from zoo.engine.surgery.insert import insert, precision
from zoo.engine.surgery.pictures import Pictures
from zoo.engine.surgery.rebuild import rebuild
from zoo.engine.surgery.transfer import copy_weights
from zoo.errors import SurgeryError, SurgeryFailure

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from zoo.engine.folder import Sample
    from zoo.engine.surgery.outcome import Outcome

OPERATIONS: dict[str, Callable[[keras.Model, Any, Pictures], Outcome]] = {
    "insert-bn": insert,
    "fold-bn": fold,
    "dropout": set_dropout,
    "head": replace_head,
    "copy": copy_weights,
    "convolve": convolve,
    "channels": adapt_channels,
    "convert": convert,
}


def at(model: keras.Model, size: tuple[int, int]) -> keras.Model:
    """The model for pictures of a size: itself, or its layers on another input."""
    if tuple(model.input.shape[1:3]) == tuple(size):
        return model
    return rebuild(model, image=keras.Input((*size, model.input.shape[3]), name="image"))


def apply(
    model: keras.Model, step: Any, samples: Sequence[Sample]
) -> tuple[keras.Model, Certificate, np.ndarray]:
    """Carry out one operation and measure what it did.

    Args:
        model: A flat functional model; it stays as it is.
        step: An operation of `zoo.surgery`.
        samples: Pictures to calibrate on where the operation does; a few of them check.

    Returns:
        The changed model with its anatomy, the certificate, and the logits of the pictures of
        the check before the operation, float32 [N, classes].

    Raises:
        SurgeryError: The operation cannot be done to this model.
        SurgeryFailure: It changed what the model says by more than is accepted.
        DataError: The pictures are too few or do not vary.
    """
    begun = time.perf_counter()
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            raise SurgeryError(
                f"the model nests another, {layer.name!r}; accepted are flat models",
                "models that zoo builds are flat",
            )
    pictures = Pictures.of(model, samples)
    outcome = OPERATIONS[step.do](model, step, pictures)
    checked = pictures.checked()
    asked = at(outcome.model, checked.size)
    grey = asked.input.shape[3] == 1
    before = certificates.logits(model, checked.batches(certificates.BATCH), grey=grey)
    after = certificates.logits(asked, checked.batches(certificates.BATCH), grey=grey)
    found = certificates.difference(*certificates.columns(outcome.kept, before, after))
    certificate = Certificate(
        step=step.document(),
        changed=outcome.changed,
        details=outcome.details,
        pictures=len(before),
        digest=checked.digest,
        largest=found.largest,
        mean=found.mean,
        scale=found.scale,
        agreement=found.agreement,
        tolerance=outcome.tolerance,
        kept=outcome.kept,
        size=checked.size,
        dtype=precision(model),
        seconds=round(time.perf_counter() - begun, 3),
    )
    if not certificate.holds:
        raise SurgeryFailure(
            f"{step.do} changed the logits by {certificate.relative:.2g} of the largest, accepted "
            f"is {certificate.tolerance:g}; {certificate.agreement:.1%} of the answers stayed",
            "nothing was written",
        )
    known = anatomy.of(outcome.model)
    surgery = [*known.resolved.get("surgery", ()), certificate.step]
    outcome.model.zoo_anatomy = replace(known, resolved={**known.resolved, "surgery": surgery})
    return outcome.model, certificate, before
