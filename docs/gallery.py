"""Draw the pictures of the gallery: `python docs/gallery.py [RUN PICTURES]`.

Without a run it trains one on drawn shapes, which takes a few minutes on two cores.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from zoo import policy, registry
from zoo.engine import augment, figure, generate, picture, sheet
from zoo.engine.explain import explain
from zoo.engine.train import train

OUT = Path(__file__).parent / "gallery"
SHOWN = ("star", "heart", "crescent")
EPOCHS = 6
SIDE = 128
WIDTH = 960


def main(words: list[str]) -> None:
    """Make pictures and a run where none are given, then every sheet."""
    with tempfile.TemporaryDirectory() as folder:
        if words:
            run, shapes = map(Path, words)
        else:
            run, shapes = Path(folder) / "run", Path(folder) / "shapes"
            generate.shapes(shapes, count=2000)
            train(
                "small-cnn+linear",
                shapes,
                out=run,
                recipe="scratch",
                policy="light",
                epochs=30,
                batch_size=16,
                input_size=48,
            )
        found = [min((shapes / "test" / name).iterdir()) for name in SHOWN]
        draw_policy("light", found)
        for interpreter in ("grad-cam", "grad-cam:tap=stage2"):
            drawn = figure.draw(explain(run, found, interpreter=interpreter), title=interpreter)
            keep(drawn, interpreter.replace(":tap=", "-"))


def draw_policy(spec: str, pictures: list[Path]) -> None:
    """The originals, and what a policy makes of them in the first epochs."""
    plan = augment.compile(policy.transforms(spec, registry.load()))
    originals = [picture.load(path, (SIDE, SIDE)) for path in pictures]
    indices = np.arange(len(originals))
    seen = [plan.apply(np.stack(originals), 0, epoch, indices) for epoch in range(EPOCHS)]
    rows = [
        [original, *(np.round(epoch[row]).astype(np.uint8) for epoch in seen)]
        for row, original in enumerate(originals)
    ]
    header = ["picture", *(f"epoch {epoch}" for epoch in range(EPOCHS))]
    keep(sheet.contact(rows, title=spec, subtitle="seed 0", header=header), spec)


def keep(drawn: Image.Image, name: str) -> None:
    """Write a sheet, as wide as a page shows it."""
    OUT.mkdir(exist_ok=True)
    small = drawn.convert("RGB")
    small.thumbnail((WIDTH, WIDTH * 4), Image.Resampling.LANCZOS)
    small.save(OUT / f"{name}.jpg", quality=82, optimize=True)


if __name__ == "__main__":
    main(sys.argv[1:])
