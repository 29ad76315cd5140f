"""What `zoo export` takes beside the stock path: memory of all its processes, seconds, parity."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from record import record

from zoo.engine.export.bounded import resident

CAP = 16 * 10**9
"""Bytes at which the stock path is ended: on the way to more than most machines have."""

CLASSES = 1000
POLL_SECONDS = 0.01
MIB = 2**20
ZOO = [sys.executable, "-c", "from zoo.cli.main import main; raise SystemExit(main())"]

MODELS = ("vgg16bn+dense-bn", "resnet50+linear")

STOCK = """
import sys, tensorflow, keras, zoo
model = zoo.load(sys.argv[1])
import tf2onnx, tensorflow as tf
serve = tf.function(lambda image: model(tf.cast(image, tf.float32), training=False))
signature = [tf.TensorSpec((None, *model.input.shape[1:]), tf.uint8, name="image")]
tf2onnx.convert.from_function(serve, signature, opset=17, output_path=sys.argv[2])
"""
"""What Keras' own `model.export(format="onnx")` does, with the type of input that zoo takes."""


def main() -> None:
    baseline = measured([sys.executable, "-c", "import tensorflow"])["peak"]
    rows, facts = [], {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for i, spec in enumerate(MODELS):
            file = folder / f"{i}.keras"
            build = [*ZOO, "build", spec, "--classes", str(CLASSES), "--seed", "0"]
            subprocess.run([*build, "--out", str(file)], check=True, capture_output=True)
            ours = export([*ZOO, "export", str(file), "--out", str(folder / f"{i}"), "--json"])
            script = [sys.executable, "-c", STOCK, str(file), str(folder / f"{i}.onnx")]
            stock = measured(script, cap=CAP)
            facts[spec] = {"zoo": ours, "stock": stock}
            rows += [_ours(spec, ours, baseline), _stock(spec, stock, ours, baseline)]
    header = ("model", "by", "peak", "beyond TensorFlow", "seconds", "largest difference")
    note = (
        f"224x224, {CLASSES} classes, from a .keras file. Peak is the largest resident memory of "
        f"the command and its children together, seen every {POLL_SECONDS * 1000:.0f} ms; a "
        f"process that only imported TensorFlow takes {baseline / MIB:.0f} MiB. The stock path "
        f"(tf2onnx on a frozen function, as Keras calls it) is ended at {CAP / 1e9:.0f} GB. "
        "Seconds of zoo are with its parity check, and without it in brackets; the stock path "
        "checks nothing."
    )
    record("export", "Export", header, rows, note, baseline=baseline, exports=facts)


def _ours(spec: str, row: dict[str, float], baseline: int) -> tuple[str, ...]:
    beyond = row["peak"] - baseline
    return (
        spec,
        "zoo",
        f"{row['peak'] / MIB:.0f} MiB",
        f"{beyond / MIB:.0f} MiB, {beyond / row['bytes']:.2f} x the weights",
        f"{row['seconds']:.1f} ({row['seconds'] - row['parity_seconds']:.1f})",
        f"{row['difference'] / row['largest_logit']:.1e} of the largest logit",
    )


def _stock(
    spec: str, row: dict[str, float], ours: dict[str, float], baseline: int
) -> tuple[str, ...]:
    beyond = row["peak"] - baseline
    ended = "over " if row["ended"] else ""
    return (
        spec,
        "stock",
        f"{ended}{row['peak'] / MIB:.0f} MiB",
        f"{ended}{beyond / MIB:.0f} MiB, {beyond / (ours['peak'] - baseline):.1f} x zoo's",
        f"ended after {row['seconds']:.1f}" if row["ended"] else f"{row['seconds']:.1f}",
        "no file" if row["ended"] else "not checked",
    )


def export(command: list[str]) -> dict[str, float]:
    """Run an export and tell what it took and what it gave."""
    taken = measured(command)
    document = json.loads(taken.pop("output"))
    proof = ("asking", "comparing")
    compared = sum(s for step, s in document["seconds"].items() if step.startswith(proof))
    return {
        **taken,
        "parity_seconds": compared,
        "steps": document["seconds"],
        "bytes": document["bytes"],
        "difference": document["parity"]["max_difference"],
        "largest_logit": document["parity"]["largest_logit"],
        "top1_agreement": document["parity"]["top1_agreement"],
    }


def measured(command: list[str], cap: int | None = None) -> dict[str, object]:
    """Peak resident bytes of a command's process tree, its seconds, and what it printed.

    Args:
        command: The command.
        cap: Bytes at which it is ended, which is then no failure.
    """
    start = time.perf_counter()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.DEVNULL)
        peak, ended = 0, False
        while process.poll() is None:
            peak = max(peak, resident(process.pid))
            if cap is not None and peak > cap:
                process.kill()
                ended = True
            time.sleep(POLL_SECONDS)
        seconds = time.perf_counter() - start
        if process.returncode and not ended:
            raise SystemExit(f"{' '.join(command)} exited with {process.returncode}")
        output.seek(0)
        text = output.read().decode()
        return {"peak": peak, "seconds": seconds, "ended": ended, "output": text}


if __name__ == "__main__":
    main()
