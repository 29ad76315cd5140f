"""`zoo verify`: check an exported folder where it is deployed, without TensorFlow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from zoo.cli import show
from zoo.cli.command import Command


@click.command("verify", cls=Command)
@click.argument("folder", type=click.Path(path_type=Path))
def command(folder: Path) -> None:
    """Check the files, structure and answers of FOLDER, which zoo export made."""
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
