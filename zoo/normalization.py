"""What pretrained weights expect of pixels, by the names under which Keras knows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NAMED: Mapping[str, Mapping[str, Any]] = {
    "tf": {"order": "rgb", "mean": [0.5] * 3, "std": [0.5] * 3, "scale": 255.0},
    "torch": {
        "order": "rgb",
        "mean": [0.485, 0.456, 0.406],
        "std": [0.229, 0.224, 0.225],
        "scale": 255.0,
    },
    "caffe": {
        "order": "bgr",
        "mean": [103.939, 116.779, 123.68],
        "std": [1.0] * 3,
        "scale": 1.0,
    },
}
"""From -1 to 1; mean and deviation of ImageNet; BGR without the mean of ImageNet.

A model without pretrained weights has `tf`, and so have the weights that it is saved with.
"""
