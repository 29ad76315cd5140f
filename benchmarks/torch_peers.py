"""Models of zoo beside the same models of torchvision, with the same weights.

    python benchmarks/torch_peers.py [NAME ...]

What `results/rows/torch_peers.json` holds is not measured again unless it is named, so that the
table can be filled in several sittings. Needs the extra `reference`. Each way runs in a process of
its own on all cores: torch itself, ONNX Runtime on torch's export, zoo on TensorFlow, and ONNX
Runtime on zoo's export. The checkpoint that torch wrote goes through zoo's converter, and answers
to the same pictures are compared first.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from record import HERE, record

from zoo.benchmark.verdict import RELATIVE
from zoo.engine import timing
from zoo.engine.bench.subjects.model import compared

BATCH, SECONDS, ROUNDS = 4, 3.0, 3
PICTURES = "pictures.npz"
ROWS = HERE / "results" / "rows" / "torch_peers.json"
TOLERANCE = RELATIVE["float32"]


@dataclass(frozen=True)
class Peer:
    """A model of torchvision and what reads its checkpoint."""

    model: str
    spec: str
    format: str
    size: int = 224
    options: tuple[tuple[str, Any], ...] = ()


AUXILIARY = (("aux_logits", True), ("init_weights", False))
PEERS = {
    "resnet50-v1.5": Peer("resnet50", "resnet50-v1.5+linear", "torch-resnet"),
    "vgg16bn": Peer("vgg16_bn", "vgg16bn+dense:layers=2:units=4096", "torchvision-vgg"),
    "inception-v1": Peer(
        "googlenet", "inception-v1+linear", "torchvision-googlenet", options=AUXILIARY
    ),
    "inception-v3-torch": Peer(
        "inception_v3", "inception-v3-torch+linear", "torch-inception-v3", 299, AUXILIARY
    ),
}
WAYS = {
    "torch": "torch",
    "torch_onnx": "ONNX Runtime, torch's export",
    "zoo": "zoo",
    "zoo_onnx": "ONNX Runtime, zoo's export",
}


def main() -> None:
    if find_spec("torch") is None or find_spec("torchvision") is None:
        print("left out: pip install 'keras-zoo[reference]' first", file=sys.stderr)
        return
    facts: dict[str, Any] = json.loads(ROWS.read_text()) if ROWS.exists() else {}
    for name in sys.argv[1:] or [name for name in PEERS if name not in facts]:
        rounds = [_round(name) for _ in range(ROUNDS)]
        # What a machine does beside slows a process from its beginning to its end.
        told = {way: min((each[way] for each in rounds), key=_median) for way in WAYS}
        expected = np.asarray(told["torch"]["probabilities"])
        for way, each in told.items():
            given = np.asarray(each.pop("probabilities"))
            difference = compared(given, expected).relative_difference
            if difference > TOLERANCE:
                raise SystemExit(f"{name}: {way} answers otherwise than torch, by {difference:.1%}")
            each["difference"] = difference
        facts[name] = told
        ROWS.write_text(json.dumps(facts, indent=2) + "\n")
        print(_row(name, told), file=sys.stderr)
    rows = [_row(name, facts[name]) for name in PEERS if name in facts]
    note = (
        "Images a second, median ± median absolute deviation, of the fastest of "
        f"{ROUNDS} processes; batch {BATCH}, float32, 1000 classes, the same random weights in "
        "all, pictures in memory. torch runs eager, in the faster of its layouts; zoo is "
        "TensorFlow without XLA. The last column is the largest difference from torch's answers, "
        "as a share of how far those lie from even shares of all classes."
    )
    header = ("backbone", *WAYS.values(), "difference")
    record("torch_peers", "Beside torchvision", header, rows, note, models=facts)


def _round(name: str) -> dict[str, dict[str, Any]]:
    """Every way once, each in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        return {way: _in_a_process(way, name, folder) for way in WAYS}


def _median(told: dict[str, Any]) -> float:
    return float(told["step_seconds"]["p50"])


def _row(name: str, told: dict[str, Any]) -> tuple[str, ...]:
    cells = []
    for each in told.values():
        seconds = each["step_seconds"]
        speed = BATCH / seconds["p50"]
        cells.append(f"{speed:.1f} ± {speed * seconds['mad'] / seconds['p50']:.1f}")
    worst = max(each["difference"] for each in told.values())
    return name, *cells, f"{worst:.0e}"


def _in_a_process(way: str, name: str, folder: str) -> dict[str, Any]:
    command = [sys.executable, __file__, "--way", way, name, folder]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{name}, {way}: failed; is the extra reference installed?")
    return json.loads(done.stdout.splitlines()[-1])


def _told(step: Any, probabilities: np.ndarray) -> None:
    """Time a step as zoo bench does, and print what came out."""
    step()
    timing.warm_up(step, seconds=SECONDS)
    timed = timing.repeat(step, seconds=SECONDS)
    facts = {"step_seconds": timing.summarize(timed.durations)}
    print(json.dumps(facts | {"probabilities": probabilities.tolist()}))


def torch(peer: Peer, folder: Path) -> None:
    """The model of torchvision; leaves its checkpoint, its export and the pictures."""
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(0)
    shape = (BATCH, peer.size, peer.size, 3)
    pictures = np.random.default_rng(0).integers(0, 256, shape, dtype="uint8")
    image = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1
    np.savez(folder / PICTURES, pictures=pictures, image=image.numpy())
    model = _in_range(torch, _torchvision(torch, peer), image)
    save_file(dict(model.state_dict()), folder / "model.safetensors")
    torch.onnx.export(
        model, (image,), folder / "torch.onnx", dynamo=False, input_names=["image"],
        output_names=["logits"],
    )  # fmt: skip

    def step() -> float:
        return float(torch.softmax(model(image), 1).sum())

    def seconds(layout: Any) -> float:
        nonlocal model, image
        model, image = model.to(memory_format=layout), image.contiguous(memory_format=layout)
        step()
        return min(timing.repeat(step, seconds=1).durations)

    with torch.inference_mode():
        # Channels last is the faster but for models whose pooling rounds its sizes up.
        seconds(min((torch.contiguous_format, torch.channels_last), key=seconds))
        _told(step, torch.softmax(model(image), 1).numpy())


def _in_range(torch: Any, model: Any, image: Any) -> Any:
    """Take the means and deviations of the batch, so that random weights neither fade nor grow.

    Else every class is as likely, or one certain, and answers agree whatever the model does.
    """
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None
    with torch.no_grad():
        model.train()(image)
    return model.eval()


def torch_onnx(peer: Peer, folder: Path) -> None:
    """ONNX Runtime on what torch exported."""
    import onnxruntime

    session = onnxruntime.InferenceSession(folder / "torch.onnx")
    image = np.load(folder / PICTURES)["image"]

    def answers() -> np.ndarray:
        (logits,) = session.run(["logits"], {"image": image})
        powers = np.exp(logits - logits.max(1, keepdims=True))
        return powers / powers.sum(1, keepdims=True)

    _told(lambda: float(answers().sum()), answers())


def zoo(peer: Peer, folder: Path) -> None:
    """Zoo's model with the checkpoint's weights, compiled by TensorFlow; leaves its export."""
    from zoo.engine import runtime

    runtime.start("cpu")
    from zoo import registry
    from zoo.engine.assemble import assemble
    from zoo.engine.bench import on_tensorflow
    from zoo.engine.export import export
    from zoo.engine.weights import local

    parts = registry.load()
    file = folder / "model.safetensors"
    resolved = local.use(parts.resolve(parts.parse(peer.spec)), file, peer.format, "tf")
    model = assemble(resolved, classes=1000, input_size=peer.size)
    pictures = np.load(folder / PICTURES)["pictures"]
    program = on_tensorflow.inference(model, pictures.shape, "uint8", False)
    there = program.put(pictures)
    _told(
        lambda: program.wait(program.launch(there, None)),
        program.answer(program.launch(there, None)),
    )
    export(model, folder / "zoo")


def zoo_onnx(peer: Peer, folder: Path) -> None:
    """ONNX Runtime on what zoo exported."""
    from zoo.engine.bench import on_onnxruntime

    pictures = np.load(folder / PICTURES)["pictures"]
    program, _ = on_onnxruntime.inference(folder / "zoo" / "model.onnx", BATCH)
    there = program.put(pictures)
    _told(
        lambda: program.wait(program.launch(there, None)),
        program.launch(there, None),
    )


def _torchvision(torch: Any, peer: Peer) -> Any:
    declared_operators()
    import torchvision

    return getattr(torchvision.models, peer.model)(weights=None, **dict(peer.options))


@cache
def declared_operators() -> Any:
    """Without its compiled operators torchvision imports once two of them are declared."""
    import torch

    try:
        import torchvision  # noqa: F401
    except RuntimeError:
        library = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        return library  # kept, since it is withdrawn when it is collected


if __name__ == "__main__":
    if sys.argv[1:2] == ["--way"]:
        way, name, folder = sys.argv[2:]
        globals()[way](PEERS[name], Path(folder))
    else:
        main()
