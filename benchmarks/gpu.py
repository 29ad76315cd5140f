"""The backbones of the teaching sources on a GPU, beside the same models of torchvision and timm.

    python benchmarks/gpu.py [--minutes N] [--seconds S] [NAME ...]

Zoo runs on the backend that KERAS_BACKEND names, and each row in a process of its own. It stops
after nine minutes, or N; what `results/rows/gpu.json` holds is not measured again, so that a second
call goes on where the first had to stop. Peers need the extra `reference`.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from record import HERE, record

from zoo.benchmark import document, table
from zoo.benchmark.case import Case
from zoo.benchmark.document import Document, Row
from zoo.engine.bench import run

# Heads as torchvision has them, where it has the model.
MODELS = {
    "small-cnn": "small-cnn+linear",
    "minception": "minception+linear",
    "inception-v1": "inception-v1+linear",
    "vgg16": "vgg16+dense:layers=2:units=4096",
    "vgg16bn": "vgg16bn+dense:layers=2:units=4096",
    "inception-v3": "inception-v3+linear",
    "inception-resnet-v2": "inception-resnet-v2+linear",
}
BATCHES = {"inference": 256, "train": 128}
HALF, FULL = "mixed_bfloat16", "float32"
ALSO_FULL = ("vgg16bn", "inception-v3")
"""Also in float32."""
ALSO_COMPILED = ("vgg16bn", "inception-v3")
"""Whose peers are also compiled by torch, which takes a minute each."""
POLICY = "randaugment"
ROWS = HERE / "results" / "rows"


@dataclass(frozen=True)
class Peer:
    """The same model elsewhere: of torchvision, or else of timm."""

    name: str
    size: int = 224
    timm: bool = False
    options: tuple[tuple[str, Any], ...] = ()


PEERS = {
    "inception-v1": Peer("googlenet", options=(("aux_logits", False), ("init_weights", False))),
    "vgg16": Peer("vgg16"),
    "vgg16bn": Peer("vgg16_bn"),
    "inception-v3": Peer(
        "inception_v3", 299, options=(("aux_logits", False), ("init_weights", False))
    ),
    "inception-resnet-v2": Peer("inception_resnet_v2", 299, timm=True),
}


def main() -> None:
    reader = argparse.ArgumentParser()
    reader.add_argument("names", nargs="*", default=list(MODELS))
    reader.add_argument("--minutes", type=float, default=9.0)
    reader.add_argument("--seconds", type=float, default=2.0)
    asked = reader.parse_args()
    if shutil.which("nvidia-smi") is None:
        print("left out: no driver of an NVIDIA GPU is here", file=sys.stderr)
        return
    until = time.monotonic() + 60 * asked.minutes
    ROWS.mkdir(parents=True, exist_ok=True)
    zoo, torch = (
        Zoo(ROWS / "gpu.json", asked.seconds),
        Torch(ROWS / "gpu_torch.json", asked.seconds),
    )
    with small_programs_shared(asked.names):
        for measure in jobs(asked.names, zoo, torch):
            if time.monotonic() > until:
                print("time is over: run it again for the rest", file=sys.stderr)
                break
            measure()
    tell(asked.names, zoo, torch.measured)


def jobs(names: list[str], zoo: Zoo, torch: Torch) -> Iterator[Any]:
    """What is measured, in the order of what it tells; each a call."""
    peers = [name for name in names if name in PEERS and find_spec("torch")]

    def model(name: str, mode: str, batch: int, precision: str = HALF) -> Any:
        target = MODELS[name]
        return lambda: zoo.measure(target, mode=mode, batch_size=batch, precision=precision)

    for name in names:
        for mode, batch in BATCHES.items():
            yield model(name, mode, batch)
    for name in peers:
        for mode in BATCHES:
            yield partial(torch.measure, name, mode, "eager")
    yield partial(zoo.measure, POLICY, subject="augment", batch_size=256, input_size=224)
    for name in names:
        yield model(name, "inference", 1)
    for name in names:
        if name in ALSO_FULL:
            for mode, batch in BATCHES.items():
                yield model(name, mode, batch, FULL)
    for name in peers:
        if name in ALSO_COMPILED:
            for mode in BATCHES:
                yield partial(torch.measure, name, mode, "compiled")


# --- zoo ------------------------------------------------------------------------------------------


class Zoo:
    """Rows of zoo, kept in a file as they come."""

    def __init__(self, path: Path, seconds: float) -> None:
        self.path, self.seconds = path, seconds
        self.document: Document | None = document.read(path) if path.exists() else None
        self.cases = [row.case for row in self.document.rows] if self.document else []

    def measure(self, target: str, **configuration: Any) -> None:
        """Measure a row that is not there yet."""
        case = Case(
            target=target, backend=os.environ.get("KERAS_BACKEND", "tensorflow"),
            # JAX has no choice, and TensorFlow's models run faster with it on a GPU.
            jit_compile=True, seconds=self.seconds, **configuration,
        )  # fmt: skip
        if case.key in {each.key for each in self.cases}:
            return
        started = time.monotonic()
        self.cases.append(case)
        self.document = run.rows(self.cases, done=self.document)
        document.write(self.document, self.path)
        row = self.document.rows[-1]
        speed = f"{row.images_per_second:,.0f} images/s" if row.images_per_second else row.error
        phases = " ".join(f"{key} {value:.1f}" for key, value in row.phases.items())
        print(
            f"{run.sentence(case)}: {speed}  [{time.monotonic() - started:.0f} s: {phases}]",
            file=sys.stderr,
        )

    def row(self, target: str, mode: str, batch: int, precision: str) -> Row | None:
        """A row that was measured."""
        wanted = (target, mode, batch, precision)
        for row in self.document.rows if self.document else ():
            case = row.case
            if (case.target, case.mode, case.batch_size, case.precision) == wanted:
                return row
        return None


@contextmanager
def small_programs_shared(names: list[str]) -> Iterator[None]:
    """Let JAX keep its programs on disk, and make the small ones of all models at once.

    Initial weights, and the reference of the correctness guard, are hundreds of programs a model;
    the step that is timed is none of them, and is compiled by the process that times it.
    """
    if os.environ.get("KERAS_BACKEND") != "jax":
        yield
        return
    with tempfile.TemporaryDirectory(prefix="zoo-jax-") as folder:
        os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", folder)
        os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
        started = time.monotonic()
        together = os.environ | {"XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
        waiting = [
            subprocess.Popen([sys.executable, __file__, "--once", name], env=together)
            for name in names
        ]
        for each in waiting:
            each.wait()
        print(f"small programs: {time.monotonic() - started:.0f} s", file=sys.stderr)
        yield


def once(name: str) -> None:
    """Build a model and its reference, and call the reference once."""
    from zoo.engine.bench import on_jax, source
    from zoo.engine.bench.subjects import model as models

    on_jax.start(None, HALF)
    case = Case(target=MODELS[name], backend="jax", precision=HALF)
    models.load(case)
    twin = models.load(case.model_copy(update={"precision": FULL}))
    shape = (models.COMPARED, *twin.input.shape[1:3], 3)
    twin(source.pictures(shape, "uint8"), training=False)


# --- torch ----------------------------------------------------------------------------------------


class Torch:
    """What the peers do, kept in a file as it comes."""

    def __init__(self, path: Path, seconds: float) -> None:
        self.path, self.seconds = path, seconds
        self.measured: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}

    def measure(self, name: str, mode: str, way: str) -> None:
        """Measure a peer in a process of its own, if it is not there yet."""
        key = f"{name} {mode} {way}"
        if key in self.measured:
            return
        command = [sys.executable, __file__, "--peer", name, mode, way, str(self.seconds)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            print(f"{key} of torch failed", file=sys.stderr)
            return
        self.measured[key] = json.loads(done.stdout.splitlines()[-1])
        self.path.write_text(json.dumps(self.measured, indent=2))
        speed = self.measured[key]["images_per_second"]
        print(f"{key}, torch: {speed:,.0f} images/s", file=sys.stderr)


def peer(name: str, mode: str, way: str, seconds: float) -> None:
    """Time torch's step as zoo's: single steps, then windows waited for at their end."""
    import torch

    from zoo.engine import energy, timing

    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.backends.cudnn.benchmark = True
    torch.manual_seed(0)
    model = _model(name).to(device, memory_format=torch.channels_last)
    batch = BATCHES[mode]
    image = torch.rand(batch, 3, PEERS[name].size, PEERS[name].size, device=device) * 2 - 1
    image = image.contiguous(memory_format=torch.channels_last)
    labels = torch.randint(0, 1000, (batch,), device=device)
    mixed = torch.autocast(device, dtype=torch.bfloat16)

    @torch.inference_mode()
    def infer() -> Any:
        with mixed:
            return torch.softmax(forward(image), 1).float().sum()

    def train() -> Any:
        optimizer.zero_grad(set_to_none=True)
        with mixed:
            loss = torch.nn.functional.cross_entropy(forward(image), labels)
        loss.backward()
        optimizer.step()
        return loss.detach()

    model.train(mode == "train")
    forward = torch.compile(model) if way == "compiled" else model
    optimizer = torch.optim.SGD(model.parameters(), 1e-3, momentum=0.9)
    launch = train if mode == "train" else infer

    def step() -> float:
        return float(launch())

    step()
    timing.warm_up(step, seconds=seconds)
    meter = energy.meter("gpu:0" if device == "cuda" else None)
    single = timing.summarize(timing.repeat(step, seconds=seconds).durations)
    joules = meter.joules()
    shares = timing.windows(launch, float, step_seconds=single["p50"], seconds=seconds)
    window = timing.summarize(shares)
    print(
        json.dumps(
            {
                "images_per_second": batch / window["p50"],
                "step_seconds": single,
                "window_seconds": window,
                "joules_per_image": joules / single["n"] / batch if joules else None,
                "device_memory_bytes": torch.cuda.max_memory_allocated() if device == "cuda" else 0,
                "torch": torch.__version__,
            }
        )
    )


def _model(name: str) -> Any:
    from torch_peers import declared_operators

    declared_operators()
    about = PEERS[name]
    if about.timm:
        import timm

        return timm.create_model(about.name, **dict(about.options))
    import torchvision

    return getattr(torchvision.models, about.name)(weights=None, **dict(about.options))


# --- the table ------------------------------------------------------------------------------------


def tell(names: list[str], zoo: Zoo, torch: dict[str, Any]) -> None:
    """Write the table, with what makes a row doubtful below it."""
    measured = zoo.document
    if measured is None:
        return
    plans = [
        (name, mode, batch, precision)
        for name in names
        for precision in (HALF, FULL)
        for mode, batches in (
            ("inference", (1, BATCHES["inference"])),
            ("train", (BATCHES["train"],)),
        )
        for batch in batches
    ]
    lines = []
    for name, mode, batch, precision in plans:
        row = zoo.row(MODELS[name], mode, batch, precision)
        if row is None or row.step_seconds is None:
            continue
        lines.append(
            [name, mode, precision.removeprefix("mixed_"), str(batch), *_figures(row)]
            + [_peer(torch, row, name, mode, way) for way in ("eager", "compiled")]
        )
    peaks = "; ".join(
        f"{peak.gemm_gflops / 1e3:,.0f} TFLOP/s in a product of matrices, {peak.copy_gbytes:,.0f} "
        f"GB/s copied ({peak.precision.removeprefix('mixed_')})"
        for peak in measured.peaks
    )
    device = next((row.device for row in measured.rows if row.device), "")
    versions = {each["torch"] for each in torch.values()}
    note = (
        f"On {device}, Keras on {measured.rows[0].case.backend}. Each row in a fresh process, "
        "random weights, 1000 classes, uint8 pictures on the device, normalised in the graph; a "
        "training step is SGD with momentum. Images a second are those of windows of steps, ms the "
        "median of single steps that are waited for, with their median absolute deviation; mJ are "
        f"those of the board. The device itself: {peaks}."
    )
    augmented = zoo.row(POLICY, "inference", 256, FULL)
    if augmented and augmented.images_per_second:
        note += (
            f" {POLICY} augments {augmented.images_per_second:,.0f} pictures of 224x224 a second "
            "on the device, in batches of 256, what is drawn on the host included."
        )
    if versions:
        note += (
            f" Peers are torchvision's models and timm's inception-resnet-v2 on torch "
            f"{', '.join(sorted(versions))} in bfloat16 by autocast, channels last, with a float "
            "input; in brackets how many times as fast zoo is. What is left blank was not measured."
        )
    remarks = table.remarks([row for row in measured.rows if row.case.subject == "model"])
    if remarks:
        note += " Doubtful: " + "; ".join(remarks) + "."
    header = (
        "backbone", "mode", "precision", "batch", "images/s", "ms", "± MAD", "p90", "p99",
        "TFLOP/s", "of peak", "mJ/image", "GiB", "torch eager", "torch compiled",
    )  # fmt: skip
    record(
        "gpu", "On a GPU", header, lines, note, on=measured.machine, day=measured.created[:10],
        measured=[row.model_dump() for row in measured.rows],
        peaks=[peak.model_dump() for peak in measured.peaks], torch=torch,
    )  # fmt: skip


def _figures(row: Row) -> list[str]:
    assert row.step_seconds is not None
    joules, memory = row.joules_per_image, row.device_memory_bytes
    return [
        f"{row.images_per_second:,.0f}",
        *(table.milliseconds(row.step_seconds, key) for key in ("p50", "mad", "p90", "p99")),
        f"{row.gflops_per_second / 1e3:,.1f}" if row.gflops_per_second else "",
        f"{row.share_of_peak:.0%}" if row.share_of_peak else "",
        f"{1000 * joules:.2f}" if joules else "",
        f"{memory / 2**30:.1f}" if memory else "",
    ]


def _peer(torch: dict[str, Any], row: Row, name: str, mode: str, way: str) -> str:
    told = torch.get(f"{name} {mode} {way}")
    if told is None or row.case.precision != HALF or row.case.batch_size != BATCHES[mode]:
        return ""
    speed = told["images_per_second"]
    return f"{speed:,.0f} ({row.images_per_second / speed:.2f})"


if __name__ == "__main__":
    if sys.argv[1:2] == ["--once"]:
        once(sys.argv[2])
    elif sys.argv[1:2] == ["--peer"]:
        peer(*sys.argv[2:5], float(sys.argv[5]))
    else:
        main()
