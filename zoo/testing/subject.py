"""A part under test, with the small models that checks need, each built once."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from zoo.part import Part
from zoo.registry import ResolvedModel, ResolvedPart, load
from zoo.spec import ModelSpec, PartSpec

if TYPE_CHECKING:
    import keras
    import numpy as np

    from zoo.discovery import Plugin

T = TypeVar("T")

CLASSES = 3
SEED = 7
SMALL = {"width": 0.125, "units": 16}
"""Options by which a part is made small, where it offers them as a number of this type."""


class Skip(Exception):
    """A check does not apply to a part."""


class Subject:
    """One part of a plugin.

    A backbone is tried with a plain pooled head of the kit, a head on a plain backbone of the kit,
    an interpreter on both. A part that offers `width` is tried at an eighth of it, one that offers
    `units` at sixteen. Models are held for one part at a time: the largest take gigabytes.

    Args:
        part: The part.
        plugin: The plugin that gives it.
    """

    _holder: ClassVar[Callable[[], Subject | None]] = staticmethod(lambda: None)

    def __init__(self, part: Part, plugin: Plugin) -> None:
        self.part = part
        self.plugin = plugin
        self._models: dict[tuple[Any, ...], keras.Model] = {}
        self._made: dict[Callable[[Subject], Any], Any] = {}

    @property
    def name(self) -> str:
        """What its checks are called by: `head/acme/gem`."""
        return f"{self.part.kind}/{self.part.id}"

    @property
    def kind(self) -> str:
        """backbone, head, policy or interpreter."""
        return self.part.kind

    @property
    def defaults(self) -> dict[str, Any]:
        """The part's options as users get them."""
        return {option.name: option.default for option in self.part.options}

    def resolved(self, **options: Any) -> ResolvedPart:
        """The part with small options, the others at their defaults, or as given."""
        small = {n: v for n, v in SMALL.items() if type(self.defaults.get(n)) is type(v)}
        return ResolvedPart(self.part, self.defaults | small | options)

    @cached_property
    def size(self) -> tuple[int, int]:
        """The smallest picture that suits: what the manifest declares, or 32 pixels."""
        low = self.part.minimum or (32, 32)
        return max(32, low[0]), max(32, low[1])

    @property
    def twin(self) -> keras.Model:
        """A second model of the same seed; a backbone's takes larger pictures of odd sides."""
        height, width = self.size
        size = (height + 1, width + 15) if self.kind == "backbone" else self.size
        return self.model(size=size, again=1)

    @property
    def half(self) -> keras.Model:
        """A model in half precision, of another seed."""
        return self.model(dtype="mixed_float16", seed=SEED + 1)

    def once(self, make: Callable[[Subject], T]) -> T:
        """What a function makes of the part, made once."""
        if make not in self._made:
            self._made[make] = make(self)
        return self._made[make]

    def model(
        self,
        *,
        classes: int = CLASSES,
        size: tuple[int, int] | None = None,
        dtype: str = "float32",
        seed: int = SEED,
        again: int = 0,
    ) -> keras.Model:
        """A small model that holds the part; the same arguments give the same object.

        Args:
            classes: Number of classes.
            size: Height and width, by default the smallest that suits.
            dtype: Keras dtype policy.
            seed: Seed of the initial weights.
            again: Another number gives another model of the same kind.
        """
        before = Subject._holder()
        if before is not self:
            if before is not None:
                before.forget()
            Subject._holder = weakref.ref(self)
        size = size or self.size
        key = classes, size, dtype, seed, again
        if key not in self._models:
            self._models[key] = self.build(
                self.resolved(), classes=classes, size=size, dtype=dtype, seed=seed
            )
        return self._models[key]

    def alone(self) -> keras.Model:
        """The small model, and no other is held any longer: training takes the memory of four."""
        model = self.model()
        self._models = {key: each for key, each in self._models.items() if each is model}
        gc.collect()
        return model

    def forget(self) -> None:
        """Hold no model, and nothing that was made of one."""
        self._models.clear()
        self._made.clear()
        gc.collect()

    def build(
        self,
        resolved: ResolvedPart,
        *,
        classes: int = CLASSES,
        size: tuple[int, int] | None = None,
        dtype: str = "float32",
        seed: int = SEED,
    ) -> keras.Model:
        """A new model that holds the part with these options."""
        from zoo.engine.assemble import assemble
        from zoo.testing import stand_ins

        backbone = resolved if self.kind == "backbone" else stand_ins.resolved("backbone")
        head = resolved if self.kind == "head" else stand_ins.resolved("head")
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

    def layers(self, model: keras.Model) -> list[keras.layers.Layer]:
        """The layers of a model that the part made."""
        from zoo.engine import anatomy

        stages = anatomy.stages(model)
        head = stages.pop(anatomy.HEAD)
        return head if self.kind == "head" else [each for made in stages.values() for each in made]

    def function(self) -> Any:
        """The part's function, imported."""
        return load().function(self.part)

    def pictures(self, count: int = 4, size: tuple[int, int] | None = None) -> np.ndarray:
        """Smooth random pictures, uint8 [count,h,w,3], the same every time."""
        from zoo.testing import stand_ins

        return stand_ins.pictures(count, size or self.size)
