"""Scores on the model of drawn shapes that comes with zoo, whose evidence is known."""

from __future__ import annotations

import pytest

from zoo.engine import generate
from zoo.engine.trust.score import score

FAMILY = ["grad-cam", "hires-cam", "layer-cam", "grad-cam-plus-plus", "ablation-cam", "score-cam"]


@pytest.mark.slow
def test_grad_cam_points_at_the_shape_and_guided_backprop_is_caught(tmp_path):
    generate.shapes(tmp_path / "shapes", count=400, seed=5)
    found = score(
        "small-cnn@shapes+linear",
        tmp_path / "shapes" / "test",
        interpreters=[*FAMILY, "integrated-gradients:steps=16", "guided-backprop"],
        masks=tmp_path / "shapes" / "masks",
    )
    rows = {row["interpreter"]: row for row in found["methods"]}
    assert found["pictures"] == 60
    assert rows["grad-cam"]["scores"]["pointing"]["mean"] >= 0.95
    assert {name for name, row in rows.items() if not row["sane"]} == {"guided-backprop"}
    assert rows["integrated-gradients:steps=16"]["scores"]["incompleteness"]["mean"] < 0.03
