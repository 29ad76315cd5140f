"""Train the weights `acme/squeeze@shapes` that this plugin ships.

    zoo data make shapes shapes --count 8000 --size 64
    python train_shapes.py shapes

It writes `acme_zoo/shapes.weights.h5` and prints what belongs into `acme_zoo/registry.toml`.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import tempfile
from pathlib import Path

import zoo

SPEC = "acme/squeeze:width=0.25+acme/gem"
SIZE = 64
FILE = Path(__file__).parent / "acme_zoo" / "shapes.weights.h5"


def main() -> None:
    """Train, write the file, say what it is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pictures", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        run = zoo.train(
            SPEC,
            options.pictures,
            out=out,
            recipe="scratch",
            policy="acme/tilt",
            input_size=SIZE,
            device="cpu",
        )
        zoo.load(out).save_weights(FILE)
        accuracy = run.metrics["accuracy"]
    sys.stdout.write(
        f'sha256 = "{hashlib.sha256(FILE.read_bytes()).hexdigest()}"\n'
        f"size = {FILE.stat().st_size}\n"
        f"top1 = {100 * accuracy:.1f}\n"
    )


if __name__ == "__main__":
    main()
