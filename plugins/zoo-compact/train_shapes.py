"""Train the weights `small-cnn@shapes` that this plugin ships, and write their card.

    python plugins/zoo-compact/train_shapes.py

takes about five minutes on a CPU and needs no download. It writes `shapes.weights.h5` and
`shapes.md` into `zoo_compact/`; sha256 and size then go into `zoo_compact/registry.toml`.
"""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import Any

from zoo import recipe
from zoo.engine import artefact, evaluate, generate
from zoo.engine.train import train

PACKAGE = Path(__file__).parent / "zoo_compact"
SPEC = "small-cnn+linear"
SIZE = 64
COUNT, PIXELS = 6000, 96
EPOCHS, RATE = 8, 0.003

CARD = """\
# small-cnn@shapes

{spec} at {size}x{size} pixels, {parameters:,} parameters, trained from random weights on pictures
that `zoo data make shapes` draws: one of ten shapes each ({classes}) on a textured ground.

Made by `plugins/zoo-compact/train_shapes.py`: {count:,} pictures of {pixels}x{pixels} pixels, seed
0, recipe scratch with a learning rate of {rate}, {epochs} epochs, policy light, seed 0.

| pictures | accuracy |
|---|---|
| test split of the same set ({tested}) | {accuracy:.1%} |
| a set with another seed ({fresh_tested}) | {fresh:.1%} |

Input is RGB 0..255 stretched to {size}x{size}, bilinear; the graph maps it to -1..1. The file holds
the backbone and the classifier, {bytes:,} bytes, sha256 {sha256}.
It is under the licence of this plugin, Apache-2.0. It knows drawn shapes and nothing else: it is
here so that transfer learning can be tried, taught and tested without a network.
"""


def main() -> None:
    """Draw, train, score on pictures of another seed, and write."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        generate.shapes(place / "shapes", count=COUNT, size=PIXELS, seed=0)
        run = train(
            SPEC,
            place / "shapes",
            out=place / "run",
            recipe=recipe.override(recipe.load("scratch"), [f"all.learning_rate={RATE}"]),
            policy="light",
            epochs=EPOCHS,
            input_size=SIZE,
            device="cpu",
        )
        generate.shapes(place / "fresh", count=1000, size=PIXELS, seed=1)
        model = artefact.load(run.path)
        fresh = evaluate.evaluate(model, place / "fresh", split="all")
        file = PACKAGE / "shapes.weights.h5"
        model.save_weights(file)
        card = CARD.format(**_facts(run, fresh, file))
        (PACKAGE / "shapes.md").write_text(card, encoding="utf-8")


def _facts(run: Any, fresh: dict[str, Any], file: Path) -> dict[str, Any]:
    return {
        "spec": SPEC,
        "size": SIZE,
        "parameters": run.facts["parameters"],
        "classes": ", ".join(run.classes),
        "count": COUNT,
        "pixels": PIXELS,
        "rate": RATE,
        "epochs": EPOCHS,
        "tested": run.metrics["pictures"],
        "accuracy": run.metrics["accuracy"],
        "fresh_tested": fresh["pictures"],
        "fresh": fresh["accuracy"],
        "bytes": file.stat().st_size,
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
    }


if __name__ == "__main__":
    main()
