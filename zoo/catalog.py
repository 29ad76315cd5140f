"""What reading a name asks of the parts there are; the registry answers it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from zoo.option import Option


class CatalogWeights(Protocol):
    """What a name needs to know of a weights tag."""

    @property
    def options(self) -> Mapping[str, Any]:
        """Options of the backbone that the weights settle."""


class CatalogPart(Protocol):
    """What a name needs to know of a part."""

    @property
    def id(self) -> str:
        """The name users type, without `zoo/`."""

    @property
    def options(self) -> tuple[Option, ...]:
        """What the user may set."""

    @property
    def weights(self) -> Mapping[str, CatalogWeights]:
        """Pretrained weights by tag."""


class Catalog(Protocol):
    """The parts that names can stand for."""

    def find(self, kind: str, name: str) -> CatalogPart | None:
        """Return the part of exactly this id; raise PluginError where it is broken."""

    def names(self, kind: str) -> Sequence[str]:
        """Return all ids of a kind."""

    def alias(self, text: str) -> str | None:
        """Return the id that a short name stands for."""

    def package(self, name: str) -> str | None:
        """Return the package to install for a part that is not there, where that is known."""
