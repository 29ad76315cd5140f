"""`zoo info`: everything known of a part or a model name, without importing it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from zoo import license, policy, transform
from zoo import registry as registries
from zoo.cli import policy as policies
from zoo.cli import show
from zoo.cli.command import Command, load_registry
from zoo.option import CORE, Option


@click.command("info", cls=Command)
@click.argument("name")
def command(name: str) -> None:
    """Tell what is known of NAME: a part, its weights, a model, or a preset.

    Such as vgg16bn, light:rotation=10, vgg16@imagenet, vgg16bn+dense-bn or digits.
    """
    registry = load_registry()
    facts = registries.info(name)
    for part in facts.get("parts", ()):
        if part["kind"] == "policy":
            part.update(transform.stored(policy.transforms(name, registry)))
    show.document(facts, _render)


def _render(facts: dict[str, Any]) -> str:
    if "parts" in facts:
        return "\n\n".join(_part(part) for part in facts["parts"])
    if "weights" in facts:
        return _weights(facts["weights"], facts["input"])
    blocks = [_preset(facts["preset"])] if "preset" in facts else []
    blocks.append(facts["spec"])
    for kind in ("backbone", "head"):
        part = facts[kind]
        options = {f"  {name}": value for name, value in part["options"].items()}
        origin = f"{part['distribution']} {part['version']}"
        blocks.append(show.pairs({kind: part["id"], "from": origin, **options}))
        if part["weights"]:
            blocks.append(_weights(part["weights"], None))
    return "\n\n".join(blocks)


def _preset(preset: dict[str, str]) -> str:
    name = preset["name"]
    facts = {"preset": name, **{key: value for key, value in preset.items() if key != "name"}}
    return show.pairs({**facts, "train": f"zoo train DATA --preset {name} --out RUN"})


def _part(part: dict[str, Any]) -> str:
    size = "x".join(map(str, part["input"])) if part["input"] else None
    smallest = "x".join(map(str, part["minimum"])) if part["minimum"] else None
    head = show.pairs(
        {
            part["kind"]: part["id"],
            "summary": part["summary"],
            "paper": part["paper"] or None,
            "license": part["license"] or None,
            "input": size,
            "smallest input": smallest,
            "parameters": f"{part['parameters']:,}, without a head" if part["parameters"] else None,
            "multiplications": f"{part['macs'] / 1e9:.2f} G a picture of that size"
            if part["macs"]
            else None,
            "from": f"{part['distribution']} {part['version']}, plugin {part['plugin']}",
            "source": f"{part['file']}:{part['line']}",
        }
    )
    blocks = [head]
    options = [Option.from_json(option) for option in part["options"]]
    options += CORE.get(part["kind"], ())
    if options:
        rows = [(each.name, each.format(each.default), each.accepts) for each in options]
        blocks.append(show.table(rows, ("option", "default", "takes")))
    if part["taps"]:
        rows = [(tap, *facts) for tap, facts in part["taps"].items()]
        blocks.append(show.table(rows, ("tap", "stride", "channels"), right=(1, 2)))
    if "transforms" in part:
        blocks.append(policies.table(part["transforms"]))
    blocks += [_weights(weights, part["input"]) for weights in part["weights"].values()]
    return "\n\n".join(blocks)


def _weights(weights: dict[str, Any], native: Sequence[int] | None) -> str:
    norm = weights["normalization"]
    size = weights["input"] or native
    top = [f"{weights[key]:g} % {key.replace('top', 'top-')}" for key in ("top1", "top5")]
    published = ", ".join(
        text for key, text in zip(("top1", "top5"), top, strict=True) if weights[key]
    )
    return show.pairs(
        {
            "weights": f"@{weights['tag']}",
            "source": weights["source"],
            "sha256": weights["sha256"] or None,
            "md5": weights["md5"] or None,
            "bytes": weights["size"] or None,
            "license": weights["license"]
            if license.stated(weights["license"])
            else "not stated by the publisher",
            "classes": weights["classes"] or None,
            "size": "x".join(map(str, size)) if size else None,
            "resize": f"shorter side to {weights['resize']}, then the centre"
            if weights["resize"]
            else "stretched",
            "interpolation": weights["interpolation"],
            "order": norm.get("order"),
            "mean": norm.get("mean"),
            "std": norm.get("std"),
            "scale": norm.get("scale"),
            "options": weights["options"] or None,
            "published": f"{published} ({weights['measured']})" if published else None,
        }
    )
