"""Name what is on pictures with the model in this folder.

    python predict.py rose.jpg tulip.jpg
    python predict.py --self-test

It needs numpy, onnxruntime and pillow, nothing else.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image, ImageOps

HERE = Path(__file__).resolve().parent
FACTS = json.loads((HERE / "zoo.json").read_text(encoding="utf-8"))
METHODS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
MULTIPLIES_BYTES = {"avx512_vnni", "avx_vnni", "amx_int8"}


def choose() -> tuple[str, str]:
    """The file that suits this processor, and why."""
    files = FACTS["files"]
    if "int8" not in files:
        return files["float32"], "the only one"
    if platform.machine().lower() in ("arm64", "aarch64"):
        return files["int8"], "ARM multiplies 8-bit integers without overflow"
    found = sorted(cpu_flags() & MULTIPLIES_BYTES)
    if found:
        return files["int8"], f"the processor has {found[0]}"
    if cpu_flags():
        return files["int8_reduce_range"], "no VNNI: 8-bit products of x86 could overflow"
    return files["float32"], "this system does not tell what its processor can do"


def cpu_flags() -> set[str]:
    """Names of instruction sets, as Linux tells them; empty elsewhere."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return set()
    lines = (line for line in text.splitlines() if line.startswith(("flags", "Features")))
    return set(next(lines, "").partition(":")[2].split())


def read(path: Path) -> np.ndarray:
    """A picture as the model was trained on it: RGB, uint8 [H, W, 3]."""
    with Image.open(path) as image:
        rules = FACTS["preprocess"]
        if image.format == "JPEG":
            side = max(rules.get("cover", rules["size"])) * rules.get("jpeg_draft", 2)
            image.draft(None, (side, side))
        return fit(np.asarray(rgb(ImageOps.exif_transpose(image))))


def rgb(image: Image.Image) -> Image.Image:
    """Any mode to RGB: transparency over white, the high byte of 16-bit channels."""
    if image.mode.startswith("I;16"):
        high = (np.asarray(image) >> 8).astype(np.uint8)
        return Image.fromarray(high).convert("RGB")
    if image.mode in ("I", "F"):
        raise ValueError("32-bit channels have no agreed range; save it with 8 or 16 bits")
    if image.has_transparency_data:
        drawn = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", drawn.size, "white"), drawn).convert("RGB")
    return image.convert("RGB")


def fit(pixels: np.ndarray) -> np.ndarray:
    """The size that the model takes, by the rule in zoo.json."""
    rules = FACTS["preprocess"]
    height, width = rules["size"]
    if rules.get("resize_in_graph"):
        return pixels
    method = METHODS[rules.get("interpolation", "bilinear")]
    if rules.get("resize", "stretch") == "stretch":
        return resized(pixels, (height, width), method)
    box, have = rules["cover"], pixels.shape
    if box[0] * have[1] >= box[1] * have[0]:
        size = box[0], max(box[1], int(box[0] * have[1] / have[0]))
    else:
        size = max(box[0], int(box[1] * have[0] / have[1])), box[1]
    pixels = resized(pixels, size, method)
    top, left = round((size[0] - height) / 2), round((size[1] - width) / 2)
    return pixels[top : top + height, left : left + width]


def resized(pixels: np.ndarray, size: tuple[int, int], method: int) -> np.ndarray:
    if pixels.shape[:2] == size:
        return pixels
    return np.asarray(Image.fromarray(pixels).resize(size[::-1], method))


class Model:
    """A file of this folder in onnxruntime."""

    def __init__(self, name: str) -> None:
        options = onnxruntime.SessionOptions()
        # Threads that wait in a loop slow the others down where cores are few or shared.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        providers = ["CPUExecutionProvider"]
        self.session = onnxruntime.InferenceSession(HERE / name, options, providers=providers)

    def __call__(self, pixels: np.ndarray, output: str) -> np.ndarray:
        """One output for one picture, uint8 [H, W, 3]."""
        (image,) = self.session.get_inputs()
        if FACTS["preprocess"]["layout"] == "NCHW":
            pixels = pixels.transpose(2, 0, 1)
        count = image.shape[0] if isinstance(image.shape[0], int) else 1
        kind = np.uint8 if image.type == "tensor(uint8)" else np.float32
        batch = np.ascontiguousarray(np.repeat(pixels[None], count, axis=0), kind)
        return self.session.run([output], {image.name: batch})[0][0]


def predict(model: Model, path: Path, top: int) -> str:
    """One line about a picture."""
    try:
        pixels = read(path)
    except (OSError, ValueError) as error:
        return f"{path}: cannot be read: {error}"
    given = model(pixels, "probabilities")
    if len(given) == 1:  # One sigmoid separates two classes.
        given = np.concatenate([1 - given, given])
    order = np.argsort(-given, kind="stable")[:top]
    return f"{path}: " + ", ".join(f"{FACTS['classes'][i]} {100 * given[i]:.1f} %" for i in order)


def self_test(name: str) -> bool:
    """Whether the file answers the golden pictures as it did when it was exported."""
    model = Model(name)
    with np.load(HERE / "golden.npz") as golden:
        images, expected = golden["images"], golden["logits"]
    given = np.stack([model(image, "logits") for image in images])
    off = float(np.abs(given - expected).max() / max(float(np.abs(expected).max()), 1e-6))
    same = float((given.argmax(axis=1) == expected.argmax(axis=1)).mean())
    accepted = FACTS["tolerances"][name]
    passed = off <= accepted  # Numbers that are none are not.
    word = "ok" if passed else "FAILED"
    limit = f", accepted {accepted:.2g}"
    print(f"{name}: {word}: logits off by {off:.2g} of the largest{limit}; same class {same:.0%}")
    return passed


def main() -> int:
    parser = argparse.ArgumentParser(description="Name what is on pictures.")
    parser.add_argument("pictures", nargs="*", type=Path, metavar="PICTURE")
    parser.add_argument("--top", type=int, default=3, help="classes to name")
    parser.add_argument("--model", choices=sorted(FACTS["files"]), help="instead of the best one")
    parser.add_argument("--self-test", action="store_true", help="ask about the golden pictures")
    asked = parser.parse_args()
    if asked.self_test:
        files = [FACTS["files"][asked.model]] if asked.model else FACTS["files"].values()
        return 1 if False in [self_test(name) for name in files] else 0
    if not asked.pictures:
        parser.error("give pictures, or --self-test")
    name, why = (FACTS["files"][asked.model], "asked for") if asked.model else choose()
    print(f"{name} ({why})", file=sys.stderr)
    model = Model(name)
    lines = [predict(model, path, asked.top) for path in asked.pictures]
    print("\n".join(lines))
    return 1 if any(": cannot be read: " in line for line in lines) else 0


if __name__ == "__main__":
    raise SystemExit(main())
