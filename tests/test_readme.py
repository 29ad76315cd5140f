"""What the README tells a newcomer to type is typed here."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from zoo.cli.main import main

README = Path(__file__).parent.parent / "README.md"


def console() -> list[tuple[str, str]]:
    """(command, output shown below it) of every console block."""
    found = []
    for block in re.findall(r"```console\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL):
        for piece in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, shown = piece.partition("\n")
            found.append((command, shown))
    return found


def test_the_two_commands_come_first():
    assert re.findall(r"^    (make \w+)$", README.read_text(), re.MULTILINE)[:2] == [
        "make demo",
        "make test",
    ]


def test_a_typo_is_answered_as_shown(capsys):
    ((command, shown),) = [each for each in console() if "vgg61bn" in each[0]]
    assert main(shlex.split(command)[1:]) == 2
    assert capsys.readouterr().err == shown


def test_a_build_prints_what_is_shown(capsys):
    ((command, shown),) = [each for each in console() if "units=512" in each[0]]
    assert main(shlex.split(command)[1:]) == 0
    assert capsys.readouterr().out == shown


def test_the_python_example_runs(capsys):
    source = re.findall(r"```python\n(import zoo.*?)```", README.read_text(), re.DOTALL)[0]
    exec(compile(source, str(README), "exec"), {})
    assert "normalize" in capsys.readouterr().out


def test_the_fifteen_lines_are_a_plugin(install, capsys):
    text = README.read_text()
    (source,) = re.findall(r"```python\n(# acme_zoo/nets.py.*?)```", text, re.DOTALL)
    (manifest,) = re.findall(r"```toml\n(schema.*?)```", text, re.DOTALL)
    install("acme-zoo", {"registry.toml": manifest, "nets.py": source}, entry="acme")
    assert main(["build", "acme/tiny+linear", "--classes", "2", "--input-size", "64"]) == 0
    assert capsys.readouterr().out.startswith("acme/tiny+linear\n")
    assert len([line for line in source.splitlines() if line.strip()]) <= 17


@pytest.mark.slow
def test_every_command_runs_in_order(tmp_path):
    zoo = [sys.executable, "-c", "import sys; from zoo.cli.main import main; sys.exit(main())"]
    for command, _ in console():
        words = shlex.split(command)
        assert words[0] == "zoo"
        done = subprocess.run(
            zoo + words[1:], cwd=tmp_path, env=os.environ, capture_output=True, text=True
        )
        assert done.returncode == (2 if "vgg61bn" in command else 0), done.stderr
