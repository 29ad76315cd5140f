"""What maps cost: beside pytorch-grad-cam, a full gradient, and a loop over channels.

VGG16 at 224x224 with random weights, 16 pictures a batch, on CPU. Bounds: Grad-CAM at least 1.5
times as fast as pytorch-grad-cam, and 3 times as a gradient through the whole network, to pixels
and weights as a backward pass gives it; Score-CAM at least 5 times as a loop over all channels;
memory flat over 10,000 pictures. The peer runs in a process of its own and needs the extra
`reference`; without it its row is left out.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from record import record

BATCH, RUNS, LOOPED, CHANNELS = 16, 2, 8, 512
SPEC = "vgg16+dense:layers=2:units=4096"
MANY, FEW = 10_000, 1_000

PEER = """
import json, sys, time
from importlib.machinery import ModuleSpec
from unittest import mock
for unused in ("cv2", "ttach", "tqdm", "matplotlib", "matplotlib.pyplot", "matplotlib.lines"):
    try:
        __import__(unused)
    except ImportError:
        sys.modules[unused] = mock.MagicMock(__spec__=ModuleSpec(unused, None))
import torch
library = torch.library.Library("torchvision", "DEF")
for name in ("nms", "qnms"):
    library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
import torchvision
from pytorch_grad_cam import GradCAM, base_cam
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
base_cam.scale_cam_image = lambda cam, size=None: cam  # raw maps, as ours are
batch, runs = int(sys.argv[1]), int(sys.argv[2])
torch.manual_seed(0)
model = torchvision.models.vgg16(weights=None).eval()
cam = GradCAM(model=model, target_layers=[model.features[-1]])
images = torch.randn(batch, 3, 224, 224)
targets = [ClassifierOutputTarget(1)] * batch
seconds = []
for _ in range(runs + 1):
    start = time.perf_counter()
    cam(input_tensor=images, targets=targets)
    seconds.append(time.perf_counter() - start)
print(json.dumps([seconds[1:], torch.get_num_threads()]))
"""


def main() -> None:
    peer = timed_peer()
    import keras

    import zoo
    from zoo import registry
    from zoo.engine import answer, runtime
    from zoo.engine.differentiate import gradient
    from zoo.engine.heatmap import enlarge

    runtime.start("cpu")
    growth = memory()  # first: a peak that is there already would hide it
    model = zoo.build(SPEC, input_size=224, seed=0)
    images = np.random.default_rng(0).integers(0, 256, (BATCH, 224, 224, 3), np.uint8)
    classes = np.ones(BATCH, int)

    def made(name: str, count: int = BATCH) -> Callable[[], object]:
        parts = registry.load()
        part = parts.resolve_part(parts.parse_part("interpreter", name))
        function = parts.function(part.part)
        return lambda: function(model, images[:count], classes[:count], **part.options)

    seconds: dict[str, float] = {}
    seconds["grad-cam"] = timed(made("grad-cam")) / BATCH
    seconds["gradient to pixels and weights"] = timed(backward(model, images)) / BATCH
    to_pixels = timed(lambda: gradient(model, images, classes, tap="input")) / BATCH
    seconds["gradient to pixels alone"] = to_pixels

    # The loop that most implementations have: one masked picture after the other.
    maps = answer.activations(model, images[:1])[0]
    one = images[0].astype(np.float32)

    def loop() -> None:
        for channel in range(LOOPED):
            mask = enlarge(maps[..., channel], (224, 224))
            mask = (mask - mask.min()) / max(np.ptp(mask), 1e-12)
            keras.ops.convert_to_numpy(model((one * mask[..., None])[None], training=False))

    seconds["score-cam, a loop over 512 channels"] = timed(loop, 1) / LOOPED * CHANNELS
    few = timed(made(f"score-cam:channels={LOOPED}", 1), 1)
    seconds["score-cam, 512 channels at once"] = few / LOOPED * CHANNELS
    seconds["score-cam, the default 64 channels"] = timed(made("score-cam", 1), 1)

    ratios = {
        "grad-cam, to a full gradient": seconds["gradient to pixels and weights"]
        / seconds["grad-cam"],
        "grad-cam, to a gradient to pixels alone": to_pixels / seconds["grad-cam"],
        "score-cam, to the loop": seconds["score-cam, a loop over 512 channels"]
        / seconds["score-cam, the default 64 channels"],
    }
    bounds = {
        "grad-cam, to pytorch-grad-cam": 1.5,
        "grad-cam, to a full gradient": 3,
        "score-cam, to the loop": 5,
    }
    if peer is not None:
        seconds["pytorch-grad-cam, grad-cam"] = peer / BATCH
        ratios["grad-cam, to pytorch-grad-cam"] = peer / BATCH / seconds["grad-cam"]
    rows = [(name, f"{1000 * value:,.0f}", "", "") for name, value in seconds.items()]
    rows += [(name, "", f"{value:.1f}", bounds.get(name, "")) for name, value in ratios.items()]
    record(
        "explain",
        "Explain",
        ("what", "ms a picture", "times as fast", "bound"),
        rows,
        f"{SPEC}, 224x224, random weights, {BATCH} pictures a batch, medians of {RUNS}; Score-CAM "
        f"on one picture, both ways over all channels from {LOOPED} of them; the default takes "
        "the 64 that vary most. A gradient to the pixels alone costs about one more forward pass, "
        "so that two is all that leaving it out can gain. Memory grows by "
        f"{growth:.1f} MB from picture {FEW:,} to {MANY:,} of a small model.",
        seconds=seconds,
        ratios=ratios,
        growth_mb=growth,
    )


def backward(model: Any, images: np.ndarray) -> Callable[[], object]:
    """A compiled gradient of the class's logit to the pixels and to every weight."""
    import keras
    import tensorflow as tf

    from zoo.engine import anatomy

    network = keras.Model(model.input, anatomy.logits_tensor(model))

    @tf.function(jit_compile=False)
    def gradients(pixels: tf.Tensor) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(pixels)
            score = tf.reduce_sum(network(pixels, training=False)[:, 1])
        return tape.gradient(score, [pixels, *(each.value for each in model.trainable_variables)])

    return lambda: gradients(tf.constant(images, tf.float32))[0].numpy()


def timed(call: Callable[[], object], runs: int = RUNS) -> float:
    """Median seconds of a call, after one that compiles."""
    call()
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def timed_peer() -> float | None:
    """Median seconds of a batch in pytorch-grad-cam, forward and backward."""
    if find_spec("pytorch_grad_cam") is None:
        return None
    words = [sys.executable, "-c", PEER, str(BATCH), str(RUNS)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return statistics.median(json.loads(done.stdout)[0])


def memory() -> float:
    """Megabytes by which the peak grows between few and many pictures."""
    from PIL import Image

    import zoo
    from zoo.engine import explain

    model = zoo.build("small-cnn:width=0.25+linear", classes=4, input_size=64, seed=0)
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder, f"{number}.png") for number in range(100)]
        for number, path in enumerate(files):
            Image.new("RGB", (64, 64), (number, 2 * number, 99)).save(path)
        peaks = {}
        explained = explain.each(model, files * (MANY // len(files)), batch_size=16)
        for number, _ in enumerate(explained, 1):
            if number in (FEW, MANY):
                peaks[number] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return peaks[MANY] - peaks[FEW]


if __name__ == "__main__":
    main()
