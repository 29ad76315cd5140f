"""What pytorch-grad-cam computes: run as a program, in a process of its own.

    python pytorch_grad_cam_reference.py FOLDER

writes `model.safetensors` of a VGG16 with batch normalisation, average pooling, a linear layer and
random weights, and `maps.npz` with pictures, classes and the raw maps at the last ReLU, before that
library scales them.
"""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from unittest import mock

import numpy as np
import torch

# Drawing and test-time augmentation, which have no part in the maps.
for unused in ("cv2", "ttach", "tqdm", "matplotlib", "matplotlib.pyplot", "matplotlib.lines"):
    try:
        __import__(unused)
    except ImportError:
        sys.modules[unused] = mock.MagicMock(__spec__=ModuleSpec(unused, None))
sys.modules["tqdm"].tqdm = lambda steps: steps

sys.path.insert(0, str(Path(__file__).parent.parent / "engine"))
import torch_reference  # noqa: E402

torchvision = torch_reference.import_torchvision()

from pytorch_grad_cam import (  # noqa: E402
    EigenCAM,
    GradCAM,
    GradCAMPlusPlus,
    HiResCAM,
    LayerCAM,
    ScoreCAM,
    base_cam,
)
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget  # noqa: E402

METHODS = {
    "grad-cam": GradCAM,
    "grad-cam-plus-plus": GradCAMPlusPlus,
    "hires-cam": HiResCAM,
    "layer-cam": LayerCAM,
    "eigen-cam": EigenCAM,
    "score-cam": ScoreCAM,
}
CLASSES = (3, 8)
SIDE = 112
LAST_RELU = -2


def main(folder: Path) -> None:
    torch.manual_seed(0)
    features = torchvision.models.vgg16_bn(weights=None).features
    pooled = (torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
    model = torch.nn.Sequential(features, *pooled, torch.nn.Linear(512, 10)).eval()
    torch_reference.randomise(model)
    names = {"0.": "features.", "3.": "classifier.6."}
    tensors = {names[key[:2]] + key[2:]: value for key, value in model.state_dict().items()}
    torch_reference.write(folder / "model.safetensors", tensors)
    pictures = np.random.default_rng(0).integers(0, 256, (2, SIDE, SIDE, 3), dtype="uint8")
    image = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1
    targets = [ClassifierOutputTarget(index) for index in CLASSES]
    # The maps themselves: what follows only scales each to 0..1 and enlarges it.
    base_cam.scale_cam_image = lambda cam, size=None: cam
    found = {
        name: method(model=model, target_layers=[features[LAST_RELU]])(image, targets)
        for name, method in METHODS.items()
        if name != "score-cam"
    }
    few = image[:1]
    scored = ScoreCAM(model=model, target_layers=[features[LAST_RELU]])
    found["score-cam"] = scored(few, targets[:1])
    # The same with masks enlarged about the centres of pixels, as the network's own maps lie.
    torch.nn.UpsamplingBilinear2d = lambda size: torch.nn.Upsample(
        size=tuple(size), mode="bilinear", align_corners=False
    )
    found["score-cam about centres"] = scored(few, targets[:1])
    np.savez(folder / "maps.npz", pictures=pictures, classes=np.array(CLASSES), **found)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
