"""A part under test, with the small models that checks need, each built once."""

from __future__ import annotations

from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from zoo.part import Part
from zoo.registry import ResolvedModel, ResolvedPart, load
from zoo.spec import ModelSpec, PartSpec
from zoo.testing import stand_ins

if TYPE_CHECKING:
    import keras
    import numpy as np

    from zoo.discovery import Plugin

CLASSES = 3
SMALL_WIDTH = 0.125
SEED = 7


class Skip(Exception):
    """A check does not apply to a part."""


class Subject:
    """One part of a plugin.

    A backbone is tried with a plain pooled head of the kit, a head on a plain backbone of the kit,
    an interpreter on both. A backbone that offers `width` is tried at an eighth of it.

    Args:
        part: The part.
        plugin: The plugin that gives it.
    """

    def __init__(self, part: Part, plugin: Plugin) -> None:
        self.part = part
        self.plugin = plugin
        self.model = cache(self._model)

    def resolved(self, **options: Any) -> ResolvedPart:
        """The part with its options at their defaults, width apart, or as given."""
        settings = {option.name: option.default for option in self.part.options}
        if self.part.kind == "backbone" and isinstance(settings.get("width"), float):
            settings["width"] = SMALL_WIDTH
        return ResolvedPart(self.part, settings | options)

    @cached_property
    def size(self) -> tuple[int, int]:
        """The smallest picture that suits: what the manifest declares, or 32 pixels."""
        if self.part.kind == "backbone":
            low = self.part.minimum or (32, 32)
            return max(32, low[0]), max(32, low[1])
        return 32, 32

    def _model(
        self,
        classes: int = CLASSES,
        size: tuple[int, int] | None = None,
        dtype: str = "float32",
        seed: int = SEED,
        again: int = 0,
    ) -> keras.Model:
        """A model that holds the part; the same arguments give the same object.

        Args:
            classes: Number of classes.
            size: Height and width, by default the smallest that suits.
            dtype: Keras dtype policy.
            seed: Seed of the initial weights.
            again: Another number gives another model of the same kind.
        """
        from zoo.engine.assemble import assemble

        resolved = self.resolved()
        backbone = resolved if self.part.kind == "backbone" else stand_ins.resolved("backbone")
        head = resolved if self.part.kind == "head" else stand_ins.resolved("head")
        spec = ModelSpec(
            PartSpec("backbone", backbone.part.id, None, {}),
            PartSpec("head", head.part.id, None, {}),
        )
        return assemble(
            ResolvedModel(spec, backbone, head),
            classes=classes,
            input_size=size or self.size,
            dtype=dtype,
            seed=seed,
        )

    def function(self) -> Any:
        """The part's function, imported."""
        return load().function(self.part)

    def pictures(self, count: int = 4, size: tuple[int, int] | None = None) -> np.ndarray:
        """Smooth random pictures, uint8 [count,h,w,3], the same every time."""
        return stand_ins.pictures(count, size or self.size)
