"""What goes along with a model: how to ask it, how to serve it, what it is and is made of."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from PIL import Image

from zoo.engine.export import bundle

TEMPLATES = Path(__file__).parents[1] / "templates" / "bundle"
PREDICT, CARD, KSERVE, BOM = "predict.py", "MODEL_CARD.md", "kserve.yaml", "sbom.cdx.json"
PICTURES = "golden"

RUNTIME = ("numpy", "onnxruntime", "pillow")
"""Packages that `predict.py` needs."""


def write(folder: Path, facts: dict[str, Any], results: dict[str, Any]) -> None:
    """Write them into an export's folder.

    Args:
        folder: The folder, with its models.
        facts: What `zoo.json` holds.
        results: What `parity.json` holds, with `fp16` and `int8` where there are such models.
    """
    shutil.copyfile(TEMPLATES / PREDICT, folder / PREDICT)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,
    )
    known = {"fp16": results.get("fp16"), "int8": results.get("int8"), "parity": results}
    # A process that serves it holds the weights about twice, and its libraries.
    memory = 256 + 2 * facts["bytes"] // 2**20
    for name in (CARD, KSERVE):
        text = environment.get_template(f"{name}.jinja").render(**facts, **known, memory=memory)
        (folder / name).write_text(text, encoding="utf-8")
    bundle.write_json(folder / BOM, bill(folder, facts))
    _pictures(folder)


def bill(folder: Path, facts: dict[str, Any]) -> dict[str, Any]:
    """The bill of materials, CycloneDX 1.6: the model's files, what made them, what runs them.

    It has neither a serial number nor a time, so that the same model gives the same bill.

    Args:
        folder: The folder, with its models.
        facts: What `zoo.json` holds.
    """
    licenses = sorted(set(facts["license"].values()) - {"NOASSERTION"})
    files = [
        {
            "type": "machine-learning-model",
            "bom-ref": name,
            "name": name,
            "hashes": [{"alg": "SHA-256", "content": bundle.sha256(folder / name)}],
            **({"licenses": [{"expression": " AND ".join(licenses)}]} if licenses else {}),
        }
        for name in facts["files"].values()
    ]
    made = [_package(name, version) for name, version in sorted(facts["versions"].items())]
    needed = [_package(name, None) for name in RUNTIME if name not in facts["versions"]]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": facts["name"],
                "name": facts["name"],
                "description": facts["arch"] or "a Keras classifier",
            }
        },
        "components": [*files, *made, *needed],
        "dependencies": [
            {"ref": facts["name"], "dependsOn": [*facts["files"].values(), *RUNTIME]},
            *(
                {"ref": name, "dependsOn": sorted(facts["versions"])}
                for name in facts["files"].values()
            ),
        ],
    }


def _package(name: str, version: str | None) -> dict[str, Any]:
    purl = f"pkg:pypi/{name.lower()}" + (f"@{version}" if version else "")
    told = {"version": version} if version else {}
    return {"type": "library", "bom-ref": name, "name": name, **told, "purl": purl}


def _pictures(folder: Path) -> None:
    """The golden pictures as files that people and browsers can open."""
    (folder / PICTURES).mkdir()
    with np.load(folder / bundle.GOLDEN) as golden:
        for name, image in zip(golden["names"], golden["images"], strict=True):
            Image.fromarray(image).save(folder / PICTURES / f"{name}.png")
