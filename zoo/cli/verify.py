"""`zoo verify`: measure again what an export or an operation has promised."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from zoo.cli import show
from zoo.cli.command import Command
from zoo.cli.location import LocalPath


@click.command("verify", cls=Command)
@click.argument("folder", type=LocalPath())
def command(folder: Path) -> None:
    """Check the files, structure and answers of FOLDER, which zoo export or zoo surgery made.

    An exported folder is checked where it is deployed, without TensorFlow. Of an operated run the
    last certificate is measured again, on the same pictures.
    """
    if (folder / "run.json").is_file():
        from zoo.cli.surgery import operation
        from zoo.engine import run as runs
        from zoo.engine import runtime

        runs.open(folder)
        show.note(f"device: {runtime.start('cpu')}")
        from zoo.engine import surgery

        show.document(surgery.recheck(folder), operation.render)
        return
    from zoo.engine.export import verify

    show.document(verify(folder, progress=show.note), _render)


def _render(facts: dict[str, Any]) -> str:
    parity = facts["parity"]
    return show.pairs(
        {
            "folder": facts["folder"],
            "files": f"{len(facts['files'])} unchanged",
            "parity": f"logits differ by {parity['max_difference']:.2g} at most, accepted is "
            f"{parity['tolerance']:.2g} (onnxruntime {parity['onnxruntime']})",
        }
    )
