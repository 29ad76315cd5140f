from __future__ import annotations

import subprocess
import sys

import pytest
from zoo_tensorboard import hooks

from zoo import registry
from zoo.cli.main import main


@pytest.fixture
def installed(monkeypatch):
    """Say whether TensorBoard is installed."""

    def say(there: bool) -> None:
        monkeypatch.setattr(hooks, "_installed", lambda: there)

    return say


def test_without_tensorboard_a_training_gets_no_callback(installed, tmp_path):
    installed(False)

    assert hooks.zoo_callbacks(tmp_path) == []


def test_with_tensorboard_every_epoch_is_logged_in_the_run(installed, tmp_path):
    installed(True)
    (callback,) = hooks.zoo_callbacks(tmp_path)

    assert type(callback).__name__ == "TensorBoard"
    assert callback.log_dir == str(tmp_path / "logs")
    assert callback.update_freq == "epoch"


def test_the_hooks_are_found_under_their_names():
    answers = registry.load().hooks.call("zoo_commands")

    commands = {command.name: plugin.name for plugin, given in answers for command in given}
    assert commands["tensorboard"] == "tensorboard"


def test_the_command_starts_tensorboard_on_the_logs_of_every_run(installed, monkeypatch, tmp_path):
    installed(True)
    started = []
    monkeypatch.setattr(subprocess, "run", lambda words, check: started.append(words))
    one, two = tmp_path / "one", tmp_path / "two"
    (one / "logs").mkdir(parents=True)
    (two / "logs").mkdir(parents=True)

    assert main(["tensorboard", f"{one}/", str(two), "--port", "7007"]) == 0
    assert started == [
        [
            sys.executable,
            "-m",
            "tensorboard.main",
            f"--logdir_spec={str(one)[1:]}:{one}/logs,{str(two)[1:]}:{two}/logs",
            "--port=7007",
        ]
    ]


def test_what_is_missing_is_said_and_what_to_install(installed, capsys, tmp_path):
    run = tmp_path / "run"
    assert main(["tensorboard", str(run)]) == 2
    assert capsys.readouterr().err == (
        f"error: no run folder {run}\n  hint: give a folder that zoo train wrote\n"
    )

    run.mkdir()
    assert main(["tensorboard", str(run)]) == 2
    assert capsys.readouterr().err == (
        f"error: {run} has no logs folder: TensorBoard was not installed when it was trained\n"
        "  hint: pip install 'keras-zoo[tensorboard]', and train again\n"
    )

    (run / "logs").mkdir()
    installed(False)
    assert main(["tensorboard", str(run)]) == 2
    assert capsys.readouterr().err == (
        "error: TensorBoard is not installed\n  hint: pip install 'keras-zoo[tensorboard]'\n"
    )
