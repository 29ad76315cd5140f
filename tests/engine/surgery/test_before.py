from __future__ import annotations

import numpy as np

from tests.engine.surgery.test_insert import answers
from zoo.engine import artefact
from zoo.engine.surgery import before


def test_operations_follow_each_other_and_the_model_is_kept(model, samples, images, tmp_path):
    steps = [{"do": "insert-bn", "after": ["head_dense*"]}, {"do": "dropout", "rate": 0.6}]
    built, rows = before(
        model, steps, samples, run=tmp_path, file="operated.keras", root=samples[0].path.parent
    )

    assert [row["step"] for row in rows] == steps
    assert [row["logits"] for row in rows] == ["surgery-1.npz", "surgery-2.npz"]
    assert all(row["holds"] and row["model"] == "operated.keras" for row in rows)
    kept = artefact.load(tmp_path / "operated.keras")
    assert np.array_equal(answers(kept, images), answers(built, images))
    assert kept.get_layer("head_dropout2").rate == 0.6
    with np.load(tmp_path / "surgery-1.npz") as file:
        assert np.allclose(file["before"], answers(model, images), atol=1e-6)
