"""A policy as JSON: a version, its transforms with every range, and a digest of both."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from zoo import transform
from zoo.errors import PolicyError
from zoo.transform.base import Choice, Transform

VERSION = 1
"""Of the form of a stored policy; one from a newer zoo is refused."""


def document(transforms: Sequence[Transform]) -> list[dict[str, Any]]:
    """The transforms as JSON-ready rows, each with its name and its ranges."""
    return [_row(each) for each in transforms]


def stored(transforms: Sequence[Transform]) -> dict[str, Any]:
    """The policy as it is stored: `version`, `transforms` and `hash`."""
    facts: dict[str, Any] = {"version": VERSION, "transforms": document(transforms)}
    return {**facts, "hash": digest(transforms)}


def digest(transforms: Sequence[Transform]) -> str:
    """SHA-256 of the policy's version and transforms, 64 hexadecimal digits."""
    text = json.dumps([VERSION, document(transforms)], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def read(facts: Any) -> list[Transform]:
    """The transforms that `stored` described.

    Raises:
        PolicyError: It is of a newer version, was altered, or holds what zoo does not know.
    """
    if not isinstance(facts, Mapping):
        raise PolicyError(f"a stored policy is a table, received {type(facts).__name__}")
    if lacking := {"version", "transforms", "hash"} - set(facts):
        raise PolicyError(
            "a stored policy has version, transforms and hash, this one lacks "
            + " and ".join(sorted(lacking))
        )
    version = facts["version"]
    if version != VERSION:
        raise PolicyError(
            f"the policy was stored in version {version!r}, this zoo reads version {VERSION}",
            hint="install a newer keras-zoo" if isinstance(version, int) else None,
        )
    if unknown := set(facts) - {"version", "transforms", "hash"}:
        raise PolicyError(f"a stored policy has no {sorted(unknown)[0]!r}")
    made = [_transform(row) for row in facts["transforms"]]
    if facts["hash"] != digest(made):
        raise PolicyError(
            f"the policy's hash is {str(facts['hash'])[:12]!r}, its transforms have "
            f"{digest(made)[:12]!r}: one of them was altered"
        )
    return made


def _row(each: Transform) -> dict[str, Any]:
    return {
        "transform": each.name(),
        **{one.name: _plain(getattr(each, one.name)) for one in fields(each)},
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Transform):
        return _row(value)
    if isinstance(value, Choice):
        return {"choice": list(value.values)}
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return value


def _transform(row: Any) -> Transform:
    name = row.get("transform") if isinstance(row, Mapping) else None
    kinds = {kind.name(): kind for kind in transform.TRANSFORMS}
    if name not in kinds:
        raise PolicyError(
            f"no transform named {name!r}", hint=f"zoo knows {', '.join(sorted(kinds))}"
        )
    kind = kinds[name]
    known = {each.name for each in fields(kind)}
    if strange := set(row) - known - {"transform"}:
        raise PolicyError(f"the transform {name} has no {sorted(strange)[0]!r}")
    if lacking := known - set(row):
        # A default may change between versions, so that nothing is filled in.
        raise PolicyError(f"the transform {name} lacks {sorted(lacking)[0]!r}")
    return kind(**{key: _value(row[key]) for key in known})


def _value(plain: Any) -> Any:
    if isinstance(plain, Mapping):
        return Choice(tuple(plain["choice"])) if "choice" in plain else _transform(plain)
    if isinstance(plain, list):
        return tuple(_value(each) for each in plain)
    return plain
