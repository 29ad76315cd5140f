"""A plugin's project from nothing: working parts of the chosen kinds, their tests, readme, CI."""

from __future__ import annotations

import keyword
import os
import re
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from zoo import __version__
from zoo.errors import PluginError
from zoo.part import Kind

if TYPE_CHECKING:
    from zoo.registry import Registry

TEMPLATES = Path(__file__).with_name("templates") / "plugin"
LONGEST = 40

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


@dataclass(frozen=True)
class Starter:
    """The part that a new plugin begins with.

    Args:
        kind: backbone, head, policy or interpreter.
        name: Its name without the namespace.
        paper: Where it was published.
        about: What it is, for the readme.
    """

    kind: Kind
    name: str
    paper: str
    about: str

    @property
    def module(self) -> str:
        """Name of its module and function."""
        return self.name.replace("-", "_")


STARTERS = (
    Starter("backbone", "conv-net", "arXiv:1412.6806", "a backbone of strided convolutions"),
    Starter("head", "two-pool", "arXiv:1509.08985", "a head on average and maximum"),
    Starter("policy", "hand-held", "", "a policy that turns and moves a little"),
    Starter("interpreter", "hires-cam", "arXiv:2011.08891", "an interpreter, HiResCAM"),
)


@dataclass(frozen=True)
class Project:
    """A plugin that does not exist yet: its names, and what it begins with.

    Args:
        namespace: What stands before the `/` in the names of its parts; also its entry point.
        starters: Its parts, in the order of `STARTERS`.
    """

    namespace: str
    starters: tuple[Starter, ...]

    @property
    def distribution(self) -> str:
        """What pip calls it."""
        return f"zoo-{self.namespace}"

    @property
    def package(self) -> str:
        """What Python calls it."""
        return f"{self.namespace.replace('-', '_')}_zoo"

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of its parts, as users type them."""
        return tuple(f"{self.namespace}/{starter.name}" for starter in self.starters)

    @property
    def trial(self) -> str:
        """A command that uses the first part."""
        kind, part = self.starters[0].kind, self.parts[0]
        if kind == "backbone":
            return f"zoo build {part}+linear"
        return f"zoo build small-cnn+{part}" if kind == "head" else f"zoo info {part}"

    @property
    def files(self) -> dict[str, str]:
        """The template of each file, by its path."""
        files = {
            "pyproject.toml": "pyproject.toml",
            "README.md": "README.md",
            ".gitignore": "gitignore",
            ".github/workflows/test.yml": "workflow.yml",
            f"{self.package}/__init__.py": "init.py",
            f"{self.package}/registry.toml": "registry.toml",
            "tests/test_conformance.py": "test_conformance.py",
        }
        for starter in self.starters:
            files[f"{self.package}/{starter.module}.py"] = f"{starter.kind}.py"
            files[f"tests/test_{starter.module}.py"] = f"test_{starter.kind}.py"
        return files


def plan(name: str, kinds: Sequence[str], registry: Registry) -> Project:
    """Derive a project's names from the one that was chosen.

    Args:
        name: `acme` or `zoo-acme`.
        kinds: Kinds of the parts to begin with; doubles count once.
        registry: Its plugins and reserved namespaces are not to be taken again.

    Returns:
        The project.

    Raises:
        PluginError: The name cannot be one, or is in use.
    """
    namespace = name.removeprefix("zoo-")
    if not _NAME.fullmatch(namespace) or len(namespace) > LONGEST:
        near = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:LONGEST].rstrip("-")
        raise PluginError(
            f"a plugin's name is words of a-z and 0-9 joined by hyphens, {LONGEST} characters at "
            f"most, received {name!r}",
            f"such as {near if _NAME.fullmatch(near) and near != 'zoo' else 'zoo-acme'}",
        )
    if keyword.iskeyword(namespace):
        raise PluginError(f"{namespace!r} is a word of Python itself", "choose another name")
    if namespace in registry.config.table("namespaces"):
        raise PluginError(
            f"the namespace {namespace!r} is reserved", "choose one of your own, such as zoo-acme"
        )
    for plugin in registry.plugins:
        if namespace in (plugin.name, plugin.namespace, plugin.distribution.removeprefix("zoo-")):
            raise PluginError(
                f"{namespace!r} is the name of a plugin of {plugin.origin}, which is installed",
                "choose another: of two plugins with one name zoo sets both aside",
            )
    starters = tuple(starter for starter in STARTERS if starter.kind in kinds)
    return Project(namespace, starters)


def write(project: Project, out: Path) -> list[str]:
    """Write a project into a new folder, which appears when all of it is there.

    Args:
        project: What to write.
        out: Folder to make; an empty one may be there.

    Returns:
        The files, as paths within the folder.

    Raises:
        PluginError: The folder is in use or cannot be made.
    """
    if out.is_symlink() or (out.exists() and not (out.is_dir() and not any(out.iterdir()))):
        raise PluginError(f"{out} is in use", "choose another folder: --out DIR")
    parent = next(folder for folder in out.absolute().parents if folder.exists())
    if not parent.is_dir() or not os.access(parent, os.W_OK):
        raise PluginError(f"{out} cannot be made: {parent} is no folder one can write to")
    out.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.absolute().parent))
    try:
        for name, text in _render(project).items():
            path = beside / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        # mkdtemp keeps others out, which a project does not.
        beside.chmod(0o755)
        beside.replace(out)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return list(project.files)


def _render(project: Project) -> dict[str, str]:
    import jinja2

    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    major, minor, *_ = __version__.split(".")
    return {
        path: templates.get_template(f"{template}.jinja").render(
            project=project, zoo=f"{major}.{minor}"
        )
        for path, template in project.files.items()
    }
