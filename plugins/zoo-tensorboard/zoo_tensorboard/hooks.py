"""TensorBoard: logs of every training where the package is installed, and a command to show them.

Keras' callback imports without the package and then fails at the end of the first epoch, so its
presence is asked for before a training starts.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.api import ZooError, hookimpl

if TYPE_CHECKING:
    import click
    import keras

LOGS = "logs"


@hookimpl
def zoo_callbacks(run: Path) -> list[keras.callbacks.Callback]:
    """Log losses and metrics of every epoch under the run's `logs/`, if TensorBoard is there."""
    if not _installed():
        return []
    import keras

    # The graph is left out: writing that of a large model takes longer than an epoch on few
    # pictures.
    return [keras.callbacks.TensorBoard(str(run / LOGS), write_graph=False)]


@hookimpl
def zoo_commands() -> list[click.Command]:
    """Give `zoo tensorboard`."""
    import click

    @click.command("tensorboard")
    @click.argument("runs", nargs=-1, required=True, metavar="RUN...")
    @click.option("--port", type=click.IntRange(1, 65535), default=6006, show_default=True)
    def tensorboard(runs: tuple[str, ...], port: int) -> None:
        """Show the curves of one or more run folders in TensorBoard, until interrupted."""
        logs = {name: _logs(Path(name)) for name in runs}
        if not _installed():
            raise ZooError("TensorBoard is not installed", "pip install 'keras-zoo[tensorboard]'")
        # TensorBoard reads a name that begins with a separator as a path with a colon in it.
        places = ",".join(f"{name.strip('/')}:{folder}" for name, folder in logs.items())
        subprocess.run(
            [sys.executable, "-m", "tensorboard.main", f"--logdir_spec={places}", f"--port={port}"],
            check=False,
        )

    return [tensorboard]


def _logs(run: Path) -> Path:
    """The folder of a run's logs."""
    if not run.is_dir():
        raise ZooError(f"no run folder {run}", "give a folder that zoo train wrote")
    if not (run / LOGS).is_dir():
        raise ZooError(
            f"{run} has no {LOGS} folder: TensorBoard was not installed when it was trained",
            "pip install 'keras-zoo[tensorboard]', and train again",
        )
    return run / LOGS


def _installed() -> bool:
    return importlib.util.find_spec("tensorboard") is not None
