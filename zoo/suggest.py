"""Did you mean: what to offer for a name that was not found."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from zoo.catalog import Catalog, CatalogPart
from zoo.part import KINDS


def part(kind: str, name: str, catalog: Catalog) -> str:
    """Offer the parts most like a name, of another kind if need be, or list what there is."""
    names = catalog.names(kind)
    if likest := near(name, names):
        return f"did you mean {', '.join(likest)}?"
    for other in KINDS:
        if likest := near(name, catalog.names(other)):
            return f"did you mean the {other} {likest[0]}?"
    if not names:
        return f"no {kind} is installed; zoo doctor tells more"
    more = f", ... (zoo list --kind {kind} shows all)" if len(names) > 6 else ""
    return f"known: {', '.join(names[:6])}{more}"


def option(key: str, names: Sequence[str]) -> str:
    """Offer the option most like a key, and list all."""
    known = f"options: {', '.join(names)}" if names else "it takes no options"
    likest = difflib.get_close_matches(key.lower().replace("-", "_"), names, n=1)
    return f"did you mean {likest[0]!r}? {known}" if likest else known


def tag(part: CatalogPart, written: str, catalog: Catalog) -> str:
    """Offer the tag most like this, list what a backbone has, and who has what was asked for."""
    available = f"available: {', '.join([*part.weights, 'none'])}"
    if likest := difflib.get_close_matches(written.lower(), part.weights, n=1):
        return f"did you mean @{likest[0]}? {available}"
    backbones = [catalog.find("backbone", name) for name in catalog.names("backbone")]
    havers = [each.id for each in backbones if each is not None and written in each.weights]
    if not havers:
        return available
    first = near(part.id, havers) or havers[:3]
    return f"{available}; @{written} is there for {', '.join(first)}"


def near(name: str, names: Sequence[str]) -> list[str]:
    """Return up to three ids most like a name, the likest first.

    Args:
        name: What was written; its namespace may be missing.
        names: The ids there are; those of other namespaces are given with theirs.
    """
    spellings: dict[str, list[str]] = {}
    for each in names:
        spellings.setdefault(each, []).append(each)
        if "/" in each:
            spellings.setdefault(each.partition("/")[2], []).append(each)
    close = difflib.get_close_matches(name, spellings, n=3)
    return list(dict.fromkeys(each for spelling in close for each in spellings[spelling]))[:3]
