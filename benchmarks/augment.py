"""Pictures per second of whole policies and of single transforms, beside those who do the same.

Everybody has one core, the same 32 pictures of 224x224 and turns in one process; a ratio is the
median over rounds of the quotient within a round. Needs the extra `peers`.
"""

from __future__ import annotations

import os
import statistics
import time
import warnings
from collections.abc import Callable

# Before anything that starts threads.
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
warnings.simplefilter("ignore")

import albumentations as peers  # noqa: E402
import cv2  # noqa: E402
import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from record import record  # noqa: E402

from zoo import policy, registry  # noqa: E402
from zoo.engine import augment  # noqa: E402
from zoo.transform import Fill, Flip, Rotate, Shear, Shift, Skew, Zoom  # noqa: E402

SIDE, BATCH, ROUNDS = 224, 32, int(os.environ.get("ROUNDS", "5"))
BYTES = np.random.default_rng(0).integers(0, 256, (BATCH, SIDE, SIDE, 3), np.uint8)
FLOATS = BYTES.astype(np.float32)
INDICES = np.arange(BATCH)
Run = Callable[[], object]


def zoo(transforms: list, images: np.ndarray) -> Run:
    plan = augment.compile(transforms)
    return lambda: plan.apply(images, 0, 0, INDICES)


def named(spec: str) -> list:
    return policy.transforms(spec, registry.load())


def layers(*chain: keras.layers.Layer) -> Run:
    images = tf.constant(FLOATS)

    @tf.function
    def run(batch: tf.Tensor) -> tf.Tensor:
        for layer in chain:
            batch = layer(batch, training=True)
        return batch

    return lambda: run(images).numpy()


def generator(**options: object) -> Run:
    made = tf.keras.preprocessing.image.ImageDataGenerator(**options)
    return lambda: np.stack([made.random_transform(image) for image in FLOATS])


def albumentations(transforms: list, images: np.ndarray) -> Run:
    """Its answer as float32 [N,H,W,3], which is what everybody else gives."""
    whole = peers.Compose(transforms)
    return lambda: np.stack([whole(image=image)["image"] for image in images]).astype(np.float32)


def moves_of_peers(rotate: float, shift: float, shear: float, zoom: float, border: int) -> list:
    low, high = 1 - zoom, 1 + zoom
    affine = peers.Affine(
        rotate=(-rotate, rotate),
        translate_percent=(-shift, shift),
        shear={"x": (-shear, shear), "y": 0},
        scale={"x": (low, high), "y": (low, high)},
        border_mode=border,
        p=1,
    )
    return [affine, peers.HorizontalFlip(p=0.5)]


def keras_moves(rotate: float, shift: float, shear: float, zoom: float, fill: str) -> list:
    slant = float(np.tan(np.radians(shear)))
    return [
        keras.layers.RandomRotation(rotate / 360, fill_mode=fill),
        keras.layers.RandomTranslation(shift, shift, fill_mode=fill),
        keras.layers.RandomShear(slant, 0.0, fill_mode=fill),
        keras.layers.RandomZoom((-zoom, zoom), (-zoom, zoom), fill_mode=fill),
        keras.layers.RandomFlip("horizontal"),
    ]


def timed(runs: dict[str, Run]) -> dict[str, list[float]]:
    """Seconds of each by round, taking turns, after one that is not counted."""
    for run in runs.values():
        run()
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(ROUNDS):
        for name, run in runs.items():
            begun = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - begun)
    return seconds


def ratio(slow: list[float], fast: list[float]) -> float:
    return statistics.median(a / b for a, b in zip(slow, fast, strict=True))


def rate(seconds: list[float]) -> float:
    return BATCH / statistics.median(seconds)


def policies() -> list[dict]:
    light = [
        peers.RandomBrightnessContrast(brightness_limit=0.5, contrast_limit=0, p=1),
        peers.RandomGamma(gamma_limit=(90, 108), p=1),
    ]
    square = peers.CoarseDropout((1, 1), (10, 10), (10, 10), p=1)
    tiny = [*moves_of_peers(30, 0.2, 5, 0.2, cv2.BORDER_REFLECT), *light, square]
    idg = [
        *moves_of_peers(40, 0.2, 5, 0.2, cv2.BORDER_REPLICATE),
        peers.RandomBrightnessContrast(brightness_limit=0.5, contrast_limit=0, p=1),
    ]
    options = {
        "rotation_range": 40, "width_shift_range": 0.2, "height_shift_range": 0.2,
        "shear_range": 5, "zoom_range": 0.2, "horizontal_flip": True,
        "brightness_range": (0.5, 1.5),
    }  # fmt: skip
    spec = (
        "image-data-generator:rotation_range=40:width_shift_range=0.2:height_shift_range=0.2"
        ":shear_range=5:zoom_range=0.2:horizontal_flip=true:brightness_range=0.5,1.5"
    )
    bright = keras.layers.RandomBrightness(0.25)
    centred = peers.Normalize(normalization="image", p=1)
    cases = [
        ("tiny-imagenet", named("tiny-imagenet"),
         layers(*keras_moves(30, 0.2, 5, 0.2, "reflect"), bright,
                keras.layers.RandomErasing(1.0, scale=(0.002, 0.002))),
         generator(**{**options, "rotation_range": 30, "fill_mode": "reflect"}),
         tiny),
        ("tiny-imagenet, centred", named("tiny-imagenet:center=true"), None, None,
         [*tiny, centred]),
        ("image-data-generator", named(spec), layers(*keras_moves(40, 0.2, 5, 0.2, "nearest"),
         bright), generator(**options), idg),
        ("image-data-generator, compat=keras", named(f"{spec}:compat=keras"), None,
         generator(**options), None),
        ("randaugment", named("randaugment"),
         layers(keras.layers.RandAugment(value_range=(0, 255), num_ops=2, factor=0.3)), None, None),
    ]  # fmt: skip
    rows = []
    for name, transforms, by_layers, by_generator, by_peers in cases:
        runs = {"zoo": zoo(transforms, BYTES), "zoo floats": zoo(transforms, FLOATS)}
        if by_layers:
            runs["layers"] = by_layers
        if by_generator:
            runs["generator"] = by_generator
        if by_peers:
            runs["albumentations"] = albumentations(by_peers, BYTES)
            # It takes floats from 0 to 1.
            runs["albumentations floats"] = albumentations(by_peers, FLOATS / np.float32(255))
        rows.append({"policy": name, "seconds": timed(runs)})
    return rows


def singles() -> list[dict]:
    fill = Fill("reflect")
    cases = {
        "rotation": ([Rotate(30), fill], keras.layers.RandomRotation(30 / 360)),
        "translation": ([Shift(0.2, 0.2), fill], keras.layers.RandomTranslation(0.2, 0.2)),
        "shear": ([Skew(0.2, 0.2), fill], keras.layers.RandomShear(0.2, 0.2)),
        "zoom": ([Zoom(0.8, 1.2), fill], keras.layers.RandomZoom((-0.2, 0.2), (-0.2, 0.2))),
        "flip": ([Flip("horizontal"), fill], keras.layers.RandomFlip("horizontal")),
    }
    return [
        {
            "policy": name,
            "seconds": timed(
                {
                    "zoo": zoo(ours, BYTES),
                    "zoo floats": zoo(ours, FLOATS),
                    "layers": layers(layer),
                }
            ),
        }
        for name, (ours, layer) in cases.items()
    ]


def growth() -> dict[str, list[float]]:
    moves = [Rotate(30), Shift(0.2, 0.2), Shear(5), Zoom(0.8, 1.2), Flip(), Skew(0.1)]
    counted = {str(n): zoo([*moves[:n], Fill("reflect")], BYTES) for n in range(1, len(moves) + 1)}
    return timed(counted)


def line(case: dict) -> tuple[str, ...]:
    seconds = case["seconds"]
    cells = [case["policy"], f"{rate(seconds['zoo']):.0f} / {rate(seconds['zoo floats']):.0f}"]
    for peer in ("layers", "generator"):
        if peer in seconds:
            cells.append(f"{rate(seconds[peer]):.0f}: {ratio(seconds[peer], seconds['zoo']):.1f} / "
                         f"{ratio(seconds[peer], seconds['zoo floats']):.1f} x")  # fmt: skip
        else:
            cells.append("")
    if "albumentations" in seconds:
        floats = ratio(seconds["albumentations floats"], seconds["zoo floats"])
        cells.append(
            f"{rate(seconds['albumentations']):.0f} / "
            f"{rate(seconds['albumentations floats']):.0f}: "
            f"{ratio(seconds['albumentations'], seconds['zoo']):.1f} / {floats:.1f} x"
        )
    else:
        cells.append("")
    return tuple(cells)


def main() -> None:
    cv2.setNumThreads(1)
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    cases = [*policies(), *singles()]
    grown = growth()
    steps = [ratio(grown[str(n + 1)], grown[str(n)]) for n in range(1, len(grown))]
    further = ", ".join(f"{100 * (step - 1):+.0f} %" for step in steps)
    record(
        "augment",
        "Augmentation",
        ("policy", "zoo, bytes / floats", "Keras layers", "ImageDataGenerator", "albumentations"),
        [line(case) for case in cases],
        f"Pictures per second, {SIDE}x{SIDE}, batches of {BATCH}, one core, float32 out; and how "
        "many times as fast zoo is, given bytes / floats. Keras's layers and ImageDataGenerator "
        f"take floats; albumentations {peers.__version__} has all moves in one Affine. A second "
        f"to sixth geometric transform in a policy costs {further}. Medians of {ROUNDS} rounds.",
        cases=cases,
        growth=grown,
    )


if __name__ == "__main__":
    main()
