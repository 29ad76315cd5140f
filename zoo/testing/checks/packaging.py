"""What holds for the distribution: it brings its own package, whole, and its README tells truth."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from packaging.utils import canonicalize_name

from zoo.errors import ZooError
from zoo.registry import load
from zoo.testing.package import Package
from zoo.testing.subject import Skip

# PEP 517, in a process of its own: a backend works in the current folder and prints.
BUILD = """
import importlib, sys
module, _, name = sys.argv[1].partition(":")
backend = importlib.import_module(module)
backend = getattr(backend, name) if name else backend
backend.build_wheel(sys.argv[2])
backend.build_sdist(sys.argv[2])
"""


def the_package_is_its_own(package: Package) -> None:
    """No other distribution brings the package that the entry point names."""
    plugin = package.plugin
    owners = metadata.packages_distributions().get(plugin.package, [])
    mine = canonicalize_name(plugin.distribution)
    others = sorted({owner for owner in owners if canonicalize_name(owner) != mine})
    assert not others, f"the package {plugin.package} belongs to {', '.join(others)}; rename yours"


def it_ships_whole(package: Package) -> None:
    """The wheel and the source distribution hold the manifest, the modules, the weights."""
    if package.project is None:
        raise Skip("there is no project folder to build from")
    backend = _backend(package.project)
    if importlib.util.find_spec(backend.partition(":")[0].partition(".")[0]) is None:
        raise Skip(f"{backend} is not installed here")
    name = package.plugin.package
    needed = {f"{name}/{file.as_posix()}" for file in _files(package)}
    with tempfile.TemporaryDirectory() as out:
        child = subprocess.run(
            [sys.executable, "-c", BUILD, backend, out],
            cwd=package.project,
            capture_output=True,
            text=True,
            check=False,
        )
        last = child.stderr.strip().rpartition("\n")[2]
        assert child.returncode == 0, f"{backend} cannot build the project: {last}"
        for built in sorted(Path(out).iterdir()):
            missing = sorted(n for n in needed if not any(m.endswith(n) for m in _members(built)))
            what = "the wheel" if built.suffix == ".whl" else "the source distribution"
            assert not missing, f"{missing[0]} is not in {what}; see {backend}'s list of files"


def readme_names_exist(package: Package) -> None:
    """The models and parts that the README names are there."""
    if not package.readme.strip():
        raise Skip("there is no README")
    for word in _code_words(package.readme):
        fault = _fault(word, package)
        assert fault is None, f"the README names {word}: {fault}"


def _backend(project: Path) -> str:
    table = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))
    backend = table.get("build-system", {}).get("build-backend")
    return str(backend or "setuptools.build_meta:__legacy__")


def _files(package: Package) -> set[Path]:
    """What an installed plugin needs, from its package's folder."""
    files = {Path(part.file).relative_to(package.folder) for part in package.plugin.parts}
    if package.plugin.hooks:
        spec = package.plugin.hooks.split(".")[1:]
        module = package.folder.joinpath(*spec)
        module = module / "__init__.py" if module.is_dir() else module.with_suffix(".py")
        files.add(module.relative_to(package.folder))
    for part in package.plugin.parts:
        for weights in part.weights.values():
            scheme, _, name = weights.source.partition("://")
            if scheme == "package":
                files.add(Path(name))
    return files | {Path("registry.toml")}


def _members(built: Path) -> list[str]:
    if built.suffix == ".whl":
        return zipfile.ZipFile(built).namelist()
    with tarfile.open(built) as archive:
        return archive.getnames()


def _code_words(text: str) -> Iterator[str]:
    """The words of a README that stand in code: in backticks, or in an indented block."""
    code = re.findall(r"`+([^`]+)`+", text) + re.findall(r"(?m)^ {4}(.*)$", text)
    for piece in code:
        # Brackets and quotes end a name, unless they hold a head's options.
        yield from re.findall(r"[^\s\"'`]+", piece)


def _fault(word: str, package: Package) -> str | None:
    """What is wrong with a word that looks like a model or a part; None for any other."""
    registry, namespace = load(), package.plugin.namespace
    ours = {part.id for part in package.plugin.parts}
    ours |= {name for kind in package.plugin.computes for name in registry.computed(kind)}
    parts = [re.split(r"[@:(]", piece)[0] for piece in word.split("+")]
    if len(parts) > 1 and all(re.fullmatch(r"([a-z0-9.-]+/)?[a-z0-9.-]+", each) for each in parts):
        known = {name for kind in ("backbone", "head") for name in registry.names(kind)}
        if not any(each in known or each.startswith(f"{namespace}/") for each in parts):
            return None
        try:
            registry.parse(word)
        except ZooError as error:
            return error.message
    elif re.fullmatch(rf"{re.escape(namespace)}/[a-z0-9-]+", parts[0]) and parts[0] not in ours:
        folder = package.project
        if folder is None or not (folder / parts[0]).exists():
            return f"{package.plugin.name} has no such part"
    return None


CHECKS = (the_package_is_its_own, it_ships_whole, readme_names_exist)
