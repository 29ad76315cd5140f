"""A static page that runs the model in a browser, with onnxruntime-web beside it.

Nothing is fetched when the page is looked at. The runtime comes from npm when the page is made, in
one fixed version whose files are compared with their digests.
"""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from zoo import index
from zoo.engine.export import bundle, papers
from zoo.errors import ExportError

TEMPLATES = Path(__file__).parents[1] / "templates" / "web"
FOLDER = "web"

RUNTIME = "onnxruntime-web@1.30.0"
INTEGRITY = (
    "sha512-q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8p"
    "ZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
)
"""Digest of the package as npm publishes it."""

FILES = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
"""The part of the package that runs on the processor."""


def write(folder: Path, facts: dict[str, Any]) -> None:
    """Write `web/` into an export's folder.

    Args:
        folder: The folder, with its model and golden pictures.
        facts: What `zoo.json` holds.

    Raises:
        ExportError: npm is missing, or what it gives is not the runtime.
    """
    home = folder / FOLDER
    (home / "runtime").mkdir(parents=True)
    with tarfile.open(runtime()) as archive:
        for name in FILES:
            member = archive.extractfile(f"package/dist/{name}")
            if member is None:
                raise ExportError(f"{RUNTIME} holds no dist/{name}")
            (home / "runtime" / name).write_bytes(member.read())
    for name in ("index.html", "app.mjs", "style.css"):
        shutil.copyfile(TEMPLATES / name, home / name)
    told = ("name", "arch", "classes", "inputs", "outputs", "preprocess")
    known = {name: facts[name] for name in told}
    known["examples"] = sorted(path.name for path in (folder / papers.PICTURES).glob("real-*.png"))
    bundle.write_json(home / "model.json", known)
    bundle.link(folder / bundle.MODEL, home / bundle.MODEL)
    (home / "examples").mkdir()
    for name in known["examples"]:
        bundle.link(folder / papers.PICTURES / name, home / "examples" / name)


def check() -> None:
    """Refuse early where the runtime can neither be found nor be fetched.

    Raises:
        ExportError: npm is missing and the runtime was never fetched.
    """
    if not _cached().is_file() and shutil.which("npm") is None:
        raise ExportError(
            "the web page needs onnxruntime-web, which npm fetches, and there is no npm",
            "install Node.js, or leave --web out",
        )


def runtime() -> Path:
    """The package of the runtime, fetched once and kept.

    Raises:
        ExportError: npm is missing or fails, or the package is not the one that is known.
    """
    check()
    path = _cached()
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as scratch:
            done = subprocess.run(
                ["npm", "pack", RUNTIME, "--json", "--pack-destination", scratch],
                capture_output=True,
                text=True,
                check=False,
            )
            found = list(Path(scratch).glob("*.tgz"))
            if done.returncode or not found:
                reason = done.stderr.strip().rpartition("\n")[2] or "no file came"
                raise ExportError(f"npm cannot fetch {RUNTIME}: {reason}", "try again online")
            found[0].replace(path)
    digest = hashlib.sha512(path.read_bytes()).digest()
    if f"sha512-{base64.b64encode(digest).decode()}" != INTEGRITY:
        path.unlink()
        raise ExportError(f"what npm gave is not {RUNTIME}: its digest differs", "try again")
    return path


def _cached() -> Path:
    return index.cache_folder() / "web" / f"{RUNTIME}.tgz"
