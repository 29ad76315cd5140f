"""An interpreter as a work: heat maps of a batch of pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from zoo import registry
from zoo.engine import anatomy
from zoo.engine.bench import source
from zoo.engine.bench.program import Work
from zoo.engine.bench.subjects import model as models

if TYPE_CHECKING:
    import keras

    from zoo.benchmark.case import Case


def load(case: Case) -> keras.Model:
    """The model that is explained."""
    model = models.load(case.model_copy(update={"target": case.model, "subject": "model"}))
    assert model is not None
    return model


def work(case: Case, model: keras.Model) -> Work:
    """A call of the interpreter, whose maps come back to the host by contract."""
    parts = registry.load()
    method = parts.resolve_part(parts.parse_part("interpreter", case.target))
    function = parts.function(method.part)
    images = source.pictures((case.batch_size, *anatomy.of(model).input_size, 3), "uint8")
    chosen = np.zeros(case.batch_size, "int64")
    facts = models.facts(case, model)
    return Work(
        launch=lambda: function(model, images, chosen, **method.options),
        count=case.batch_size,
        wait=lambda maps: float(np.asarray(maps).sum()),
        model=facts.model_copy(update={"name": anatomy.of(model).spec or str(case.model)}),
    )
