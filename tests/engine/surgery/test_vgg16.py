"""The whole of VGG16, as people have it: every place at once, and what the certificate says."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import zoo
from zoo.engine.folder import Sample
from zoo.engine.surgery import apply
from zoo.surgery import parse


@pytest.mark.slow
def test_batch_norm_goes_into_vgg16_everywhere_and_out_again(tmp_path):
    random = np.random.default_rng(0)
    samples = []
    for number in range(16):
        path = tmp_path / f"{number}.png"
        grain = random.integers(0, 256, (14, 14, 3)).astype("uint8")
        Image.fromarray(grain).resize((224, 224), Image.Resampling.BILINEAR).save(path)
        samples.append(Sample(path.name, path, 0, "train", 0))
    model = zoo.build("vgg16+dense:units=4096:layers=2", classes=1000, seed=0)

    step = parse({"do": "insert-bn", "after": ["dense", "conv"]})
    inserted, certificate, _ = apply(model, step, samples)
    assert len(certificate.details["batch_norm"]) == 15
    assert certificate.relative < 1e-4
    assert certificate.agreement == 1.0

    _, folded, _ = apply(inserted, parse({"do": "fold-bn"}), samples)
    assert folded.relative < 1e-5
