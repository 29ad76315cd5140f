"""Raw maps against pytorch-grad-cam on the same weights: equal, or apart by a formula.

Needs the extra `reference`; torch runs in a process of its own.
"""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import zoo
from zoo import registry
from zoo.engine import safetensors
from zoo.engine.convert import convert
from zoo.engine.differentiate import gradient

TAP = "block5_relu3"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        any(find_spec(name) is None for name in ("torch", "torchvision", "pytorch_grad_cam")),
        reason="needs the extra reference",
    ),
]


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """Our VGG16 with their weights, their maps, and a function that makes ours."""
    folder = tmp_path_factory.mktemp("reference")
    script = Path(__file__).with_name("pytorch_grad_cam_reference.py")
    subprocess.run([sys.executable, str(script), str(folder)], check=True)
    model = zoo.build("vgg16bn+linear", classes=10, input_size=112)
    tensors = safetensors.read(folder / "model.safetensors")
    paths = {variable.path: variable for layer in model.layers for variable in layer.weights}
    for path, value in convert("torchvision-vgg", tensors, model).items():
        paths[path].assign(value)
    theirs = dict(np.load(folder / "maps.npz"))
    pictures, classes = theirs.pop("pictures"), theirs.pop("classes")

    def ours(spec: str, count: int = 2) -> np.ndarray:
        parts = registry.load()
        part = parts.resolve_part(parts.parse_part("interpreter", f"{spec}:tap={TAP}"))
        function = parts.function(part.part)
        return function(model, pictures[:count], classes[:count], **part.options)

    return model, pictures, classes, theirs, ours


def equal(ours: np.ndarray, theirs: np.ndarray) -> None:
    for one, other in zip(ours, theirs, strict=True):
        assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.999
        assert np.abs(one - other).max() < 1e-3 * np.abs(other).max()


@pytest.mark.parametrize("name", ["grad-cam", "hires-cam", "layer-cam"])
def test_equal(both, name):
    *_, theirs, ours = both
    equal(ours(name), theirs[name])


def test_eigen_cam_is_equal_once_centred_and_turned(both):
    """They subtract each channel's mean, leave the sign as the SVD gives it, and cut below 0."""
    *_, theirs, ours = both
    centred = ours("eigen-cam:center=true")
    signs = [
        max((1, -1), key=lambda sign: np.corrcoef(np.maximum(sign * a, 0).ravel(), b.ravel())[0, 1])
        for a, b in zip(centred, theirs["eigen-cam"], strict=True)
    ]
    turned = np.maximum(centred * np.array(signs)[:, None, None], 0)
    equal(turned, theirs["eigen-cam"])


def test_grad_cam_plus_plus_differs_by_a_constant_in_the_denominator(both):
    """They add 1e-6 to 2 g^2 + g^3 sum A, which is not small where g is below a thousandth."""
    model, pictures, classes, theirs, ours = both
    found = gradient(model, pictures, classes, tap=TAP)
    at, slope = (each.astype(np.float64) for each in found)
    below = 2 * slope**2 + slope**3 * at.sum((1, 2), keepdims=True)
    for added, expected in ((1e-6, theirs["grad-cam-plus-plus"]), (0, ours("grad-cam-plus-plus"))):
        share = slope**2 / np.where(slope > 0, below + added, 1)
        weights = (np.maximum(slope, 0) * share).sum((1, 2))
        equal(np.maximum(np.einsum("nhwc,nc->nhw", at, weights), 0), expected)


def test_score_cam_is_equal_once_masks_lie_alike(both):
    """They enlarge masks from corner to corner, which shifts them against the network's maps.

    Their softmax has a share for channels that are zero everywhere, which add nothing to the map:
    one factor for the whole of it.
    """
    *_, theirs, ours = both
    scored = ours("score-cam:channels=0:score=logit:softmax=true", 1)
    centred = theirs["score-cam about centres"]
    equal(scored / scored.max(), centred / centred.max())
    corner = np.corrcoef(scored.ravel(), theirs["score-cam"].ravel())[0, 1]
    assert corner > 0.9
