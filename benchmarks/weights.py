"""What loading weights takes in memory: the peak of a process that builds a model and fills it.

Bound: at most 1.3 times the weights, beyond what the process took before.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from record import record

SPECS = (
    "vgg19bn+linear",
    "resnet152-v1.5+linear",
    "vgg16+dense:layers=2:units=4096",
)
BOUND = 1.3
LOAD = """
import sys
from pathlib import Path
from zoo.engine import runtime
runtime.start("cpu")
from zoo import registry
from zoo.engine.assemble import assemble
from zoo.engine.weights import local
def kept(what):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(what))
parts = registry.load()
resolved = parts.resolve(parts.parse(sys.argv[1]))
# What TensorFlow takes once: a small model of each kind of layer.
assemble(parts.resolve(parts.parse("small-cnn+dense-bn:units=8")), classes=2)
if len(sys.argv) > 2:
    resolved = local.use(resolved, sys.argv[2])
before = kept("VmRSS")
Path("/proc/self/clear_refs").write_text("5")  # the peak from here on
assemble(resolved, classes=1000)
print(kept("VmHWM") - before)
"""


def main() -> None:
    measured = {spec: _measure(spec) for spec in SPECS}
    rows = [
        (spec, f"{size / 1e6:.0f}", f"{random / size:.2f}", f"{loaded / size:.2f}")
        for spec, (size, random, loaded) in measured.items()
    ]
    ratios = {spec: loaded / size for spec, (size, _, loaded) in measured.items()}
    note = (
        "1000 classes, 224x224, each in a process of its own: how much its resident memory grows "
        "at most while the model is built with random weights, and while it is built and filled "
        f"from a .weights.h5 file. The bound is {BOUND} times the weights, from a file."
    )
    header = ("model", "weights MB", "random, times the weights", "from a file, times the weights")
    record("weights", "Weights", header, rows, note, ratios=ratios, bound=BOUND, measured=measured)
    if max(ratios.values()) > BOUND:
        raise SystemExit(1)


def _measure(spec: str) -> tuple[int, int, int]:
    """Bytes of the weights, and by how many a process grows without and with a file of them."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.weights.h5"
        size = int(_run(SAVE, spec, str(file)))
        return size, int(_run(LOAD, spec)), int(_run(LOAD, spec, str(file)))


SAVE = """
import sys
import zoo
model = zoo.build(sys.argv[1])
model.save_weights(sys.argv[2])
print(4 * model.count_params())
"""


def _run(program: str, *words: str) -> str:
    command = [sys.executable, "-c", program, *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[-1]


if __name__ == "__main__":
    main()
