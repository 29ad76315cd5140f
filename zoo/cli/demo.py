"""`zoo demo`: the whole job on pictures that need no download, in a minute or two."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zoo.cli import device as devices
from zoo.cli import show
from zoo.cli.command import Command, load_registry
from zoo.cli.location import LocalPath
from zoo.errors import RunError

if TYPE_CHECKING:
    from zoo.engine.run import Run

SPEC, RECIPE, EPOCHS, SIZE = "small-cnn+linear", "scratch", 12, 32
PICTURES = 6


@click.command("demo", cls=Command)
@click.option(
    "--out",
    type=LocalPath(),
    default=Path("demo"),
    show_default=True,
    help="Folder to make.",
)
@devices.options
def command(out: Path, device: str | None, verbose: bool) -> None:
    """Train, evaluate, explain, measure and export a small model on handwritten digits."""
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise RunError(f"{out} is in use", "zoo demo --out ANOTHER, or remove it")
    registry = load_registry()
    registry.resolve(registry.parse(SPEC))

    steps = Steps()
    with steps.step("import", "TensorFlow"):
        from zoo.engine import runtime

        where = runtime.start(device, verbose)
    with steps.step("data", "1,797 handwritten digits"):
        from zoo.engine import data, generate

        generate.digits(out / "digits")
        pictures = data.read(out / "digits")
    with steps.step("train", f"{SPEC}, recipe {RECIPE}, at most {EPOCHS} epochs"):
        from zoo.engine.train import train

        run = train(
            SPEC,
            pictures,
            out=out / "run",
            recipe=RECIPE,
            epochs=EPOCHS,
            input_size=SIZE,
            device=device,
        )
    with steps.step("evaluate", "on the test pictures, which the training never saw"):
        from zoo.engine import evaluate

        metrics = evaluate.record(run, pictures)
    with steps.step("explain", f"the {PICTURES} pictures that the model finds hardest"):
        from zoo.engine import figure, sheet
        from zoo.engine.explain import explain

        hardest = _hardest(run)
        sheet.save(figure.draw(explain(run.path, hardest), title=SPEC), out / "explain.png")
    with steps.step("bench", "how fast it answers"):
        from zoo.engine.bench import bench

        speed = bench(run.path, batch_sizes=(1, 32), seconds=1.0)
        (out / "bench.json").write_text(json.dumps(speed, indent=2) + "\n", encoding="utf-8")
    with steps.step("export", "to ONNX"):
        from zoo.engine.export import export

        exported = export(run.path, out / "onnx")
    with steps.step("verify", "that onnxruntime gives the same logits"):
        from zoo.engine.export import verify

        verify(out / "onnx")

    document = {
        "out": str(out),
        "spec": SPEC,
        "device": where,
        "accuracy": metrics["accuracy"],
        "accuracy_interval": metrics["accuracy_interval"],
        "pictures": metrics["pictures"],
        "images_per_second": {
            row["case"]["batch_size"]: row["images_per_second"] for row in speed["rows"]
        },
        "parity": {key: exported["parity"][key] for key in ("max_difference", "largest_logit")},
        "seconds": steps.seconds,
        "files": {
            "pictures": str(out / "digits"),
            "model": str(run.model),
            "report": str(run.path / "report.html"),
            "answers": str(run.path / evaluate.PREDICTIONS),
            "explanations": str(out / "explain.png"),
            "speed": str(out / "bench.json"),
            "ONNX": str(out / "onnx" / "model.onnx"),
        },
    }
    show.document(document, _render)


class Steps:
    """Tells each step as it begins, and keeps how long it took."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str, text: str) -> Iterator[None]:
        """Tell and time what runs inside the `with` block."""
        show.note(f"{name}: {text}")
        started = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - started, 2)


def _hardest(run: Run) -> list[Path]:
    """The test pictures with the highest loss, mistakes among them if there are any."""
    import csv

    from zoo.engine.evaluate import PREDICTIONS

    with (run.path / PREDICTIONS).open(newline="", encoding="utf-8") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: -float(row["loss"]))
    return [run.data / row["path"] for row in rows[:PICTURES]]


def _render(facts: dict[str, Any]) -> str:
    low, high = facts["accuracy_interval"]
    seconds = [f"{name} {value:.1f}" for name, value in facts["seconds"].items()]
    speeds = [f"{speed:,.0f} at batch {size}" for size, speed in facts["images_per_second"].items()]
    parity = facts["parity"]
    relative = parity["max_difference"] / parity["largest_logit"]
    out = facts["out"]
    return "\n\n".join(
        [
            show.pairs(
                {
                    "model": f"{facts['spec']} on {facts['device']}",
                    "accuracy": f"{100 * facts['accuracy']:.2f} %  (95 %: {100 * low:.2f} to "
                    f"{100 * high:.2f} %) on {facts['pictures']} test pictures",
                    "images/s": ", ".join(speeds),
                    "ONNX": f"logits differ from those of Keras by {relative:.1g} of the largest",
                    "seconds": ", ".join(seconds),
                    "in all": f"{sum(facts['seconds'].values()):.0f} s",
                }
            ),
            show.table(list(facts["files"].items()), ("what", "where")),
            "next\n"
            f"  open {out}/run/report.html in a browser, look at {out}/explain.png\n"
            f"  zoo predict {out}/run {out}/digits/test/3\n"
            f"  zoo train {facts['spec']} YOUR_PICTURES --recipe {RECIPE} --out runs/yours\n"
            "  zoo list",
        ]
    )
