"""Whether the licence of pretrained weights is one that the user accepts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zoo.errors import WeightsError


def stated(spdx: str) -> bool:
    """Whether a publisher gives a licence; NOASSERTION is SPDX's word for giving none."""
    return spdx not in ("", "NOASSERTION")


def accepted(text: str) -> frozenset[str]:
    """Read a list of licences.

    Args:
        text: SPDX ids, separated by commas, such as `MIT,Apache-2.0`.

    Returns:
        The ids in lower case: SPDX ids are the same in any case.

    Raises:
        WeightsError: The list is empty.
    """
    ids = frozenset(each.strip().lower() for each in text.split(",") if each.strip())
    if not ids:
        raise WeightsError(
            f"{text!r} names no licence", "write SPDX ids: --license-allow MIT,Apache-2.0"
        )
    return ids


def check(weights: Mapping[str, Any] | None, allowed: str | None) -> None:
    """See that weights are under an accepted licence.

    Args:
        weights: What a resolved document says of a backbone's weights: `tag`, `source`, `license`;
            None for random initialisation, which needs no licence.
        allowed: SPDX ids separated by commas, or None to accept all.

    Raises:
        WeightsError: They are under another licence, or under none that is stated.
    """
    if allowed is None:
        return
    ids = accepted(allowed)
    if weights is None:
        return
    given = str(weights.get("license") or "")
    if given.lower() not in ids:
        told = f"the licence {given}" if stated(given) else "no licence that is stated"
        raise WeightsError(
            f"the weights @{weights['tag']} ({weights['source']}) are under {told}, "
            f"accepted: {', '.join(sorted(ids))}",
            "use other weights, or add the licence to --license-allow",
        )
