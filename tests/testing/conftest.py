"""One check of the kit on the good plugin, whole or with one thing made wrong."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from zoo import registry
from zoo.testing import kit
from zoo.testing.kit import Result

from . import good

Try = Callable[..., Result]


@pytest.fixture
def spoil(install) -> Try:
    """Install the good plugin with a piece of a file replaced, and run one check on it."""

    def run(name: str, file: str = "", old: str = "", new: str = "", **files: str) -> Result:
        texts = {**good.FILES, **files}
        if file:
            assert old in texts[file], f"{file} does not hold {old!r}"
            texts[file] = texts[file].replace(old, new)
        install("zoo-good", texts, package="good_zoo", entry="good")
        return check(name)

    return run


def check(name: str) -> Result:
    """Run the one check of the installed plugin that has this id."""
    (case,) = (c for c in kit.cases(registry.load().plugin("good"), kit.LEVELS) if c.id == name)
    return kit.run(case)


@pytest.fixture
def project(tmp_path, monkeypatch) -> Iterator[Path]:
    """The good plugin as a project folder that is not installed."""
    # Finding the plugin of a folder puts the folder on the path of the process.
    monkeypatch.setattr(sys, "path", [*sys.path])
    folder = tmp_path / "zoo-good"
    for name, text in good.FILES.items():
        path = folder / "good_zoo" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (folder / "good_zoo" / "__init__.py").touch()
    (folder / "pyproject.toml").write_text(good.PYPROJECT)
    (folder / "README.md").write_text(good.README)
    yield folder
    for name in [name for name in sys.modules if name.partition(".")[0] == "good_zoo"]:
        del sys.modules[name]
