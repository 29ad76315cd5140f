"""Draw the pictures of the gallery: `python docs/gallery.py [policies | RUN PICTURES]`.

Without a run it trains one on drawn shapes, which takes a few minutes on two cores; `policies`
draws those alone, in seconds.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from zoo import policy, registry
from zoo.engine import answer, augment, explain, figure, generate, heatmap, picture, sheet
from zoo.engine.train import train
from zoo.engine.trust import randomise

OUT = Path(__file__).parent / "gallery"
SHOWN = ("star", "heart", "crescent")
EPOCHS = 6
SIDE = 128
WIDTH = 960

GIVEN = {"image-data-generator": ":rotation_range=40:zoom_range=0.2:brightness_range=0.5,1.5"}
"""Options of policies that do nothing without any."""

TRAINED = "small-cnn@shapes+linear"
COARSE = ("grad-cam", "score-cam", "occlusion", "lime")
FINE = ("layer-cam:tap=stage2", "saliency", "integrated-gradients", "guided-backprop")
CHECKED = ("grad-cam", "integrated-gradients:steps=16", "guided-backprop", "vargrad:samples=16")


def main(words: list[str]) -> None:
    """Make pictures and a run where none are given, then every sheet."""
    with tempfile.TemporaryDirectory() as folder:
        if words == ["policies"]:
            shapes = Path(folder) / "shapes"
            generate.shapes(shapes, count=2000)
            draw_policies([min((shapes / "test" / name).iterdir()) for name in SHOWN])
            return
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
        draw_policies(found)
        for interpreter in ("grad-cam", "grad-cam:tap=stage2"):
            rows = explain.explain(run, found, interpreter=interpreter)
            keep(figure.draw(rows, title=interpreter), interpreter.replace(":tap=", "-"))
        draw_interpreters(found)


def draw_interpreters(pictures: list[Path]) -> None:
    """Interpreters side by side, and what becomes of their maps in a random model."""
    for name, interpreters in (("coarse", COARSE), ("fine", FINE)):
        rows = explain.explain(TRAINED, pictures, interpreter=interpreters)
        keep(figure.draw(rows, title=TRAINED), name)
    model = explain.load(TRAINED)
    image = picture.load(pictures[0], (64, 64))
    index = answer.probabilities(model, image[None]).argmax(1)
    rows, header = [], []
    for spec in CHECKED:
        method = explain.method(model, spec)
        maps = [method.maps(model, image[None], index)[0]]
        header = ["trained"]
        for stage in randomise.randomised(model, np.random.default_rng(0)):
            maps.append(method.maps(model, image[None], index)[0])
            header.append(f"random from {stage}")
        rows.append(
            [
                heatmap.overlay(
                    np.asarray(image), heat, alpha=0.8, signed=heatmap.is_signed(maps[0])
                )
                for heat in maps
            ]
        )
    title = "The sanity check"
    subtitle = f"by row: {', '.join(CHECKED)}"
    keep(sheet.contact(rows, title=title, subtitle=subtitle, header=header), "sanity", 720)


def draw_policies(pictures: list[Path]) -> None:
    """Every policy there is: the originals, and what it makes of them in the first epochs."""
    known = registry.load()
    originals = [picture.load(path, (SIDE, SIDE)) for path in pictures]
    indices, labels = np.arange(len(originals)), np.arange(len(originals))
    for part in known.parts(kind="policy"):
        spec = part.id + GIVEN.get(part.id, "")
        plan = augment.compile(policy.transforms(spec, known))
        rows = [[original] for original in originals]
        for epoch in range(EPOCHS):
            seen, _ = plan.batch(np.stack(originals), labels, 0, epoch, indices, classes=len(rows))
            for row, image in zip(rows, np.round(seen).astype(np.uint8), strict=True):
                row.append(image)
        header = ["picture", *(f"epoch {epoch}" for epoch in range(EPOCHS))]
        drawn = sheet.contact(rows, title=spec, subtitle=part.summary, header=header)
        keep(drawn, part.id, 640, 60)


def keep(drawn: Image.Image, name: str, width: int = WIDTH, quality: int = 82) -> None:
    """Write a sheet, as wide as a page shows it."""
    OUT.mkdir(exist_ok=True)
    small = drawn.convert("RGB")
    small.thumbnail((width, width * 4), Image.Resampling.LANCZOS)
    small.save(OUT / f"{name}.jpg", quality=quality, optimize=True)


if __name__ == "__main__":
    main(sys.argv[1:])
