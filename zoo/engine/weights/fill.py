"""Weights into a model, and an account of every layer: loaded, adapted, new, or left in the file.

The rules. A backbone is filled completely or not at all. A layer of the head is filled where the
file has a layer of its name and shape, the classifier only where its classes are the model's. A
first convolution made for grey pictures is spread evenly over red, green and blue, of one made for
four channels the first three are taken. Convolutions do not mind another input size; a layer that
reads a flattened map has another shape then, and is new.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from zoo import class_list
from zoo.engine import anatomy
from zoo.engine.convert import table
from zoo.engine.weights import deferred, reader, source
from zoo.engine.weights.reader import Layer
from zoo.errors import WeightsError

if TYPE_CHECKING:
    from pathlib import Path

    from zoo.part import Weights
    from zoo.registry import ResolvedModel, ResolvedPart

CLASSIFIER = "logits"
THEIR_CLASSIFIER = "predictions"
"""What keras.applications calls its last layer."""

BY_NAME, BY_ORDER = "keras", "keras-applications"
GROUPED = "kernel of a convolution in as many groups as channels, as a depthwise one"
OPTIONS = "leave out options that change the architecture, or build without the tag"
LOCAL = (
    "name the backbone that the file was made with, or --weights-format keras-applications "
    "if it comes from there"
)
NORMALISATION = "the normalisation belongs to the tag"
DECLARED = (NORMALISATION, table.COUNTER, table.AUXILIARY, table.ABOVE)
"""Why an entry of a file has no place in a model that takes all of it."""


def load(
    model: keras.Model,
    resolved: ResolvedModel,
    backbone: Sequence[keras.layers.Layer] = (),
    *,
    named: bool = False,
    strict: bool = False,
) -> dict[str, Any]:
    """Fill a model with the pretrained weights of its tag.

    Args:
        model: A model with its anatomy.
        resolved: Its resolved name.
        backbone: The layers of its backbone before it was cut, in their order, for files that know
            no names.
        named: Whether the model's classes were given by name, not as a number that says nothing
            of their names.
        strict: Refuse anything but a full match.

    Returns:
        The load report, empty without a tag. Where the weights come from and their licence;
        `loaded`: layers; `transformed`: how, by layer; `adapted`: shapes before and after and the
        rule, by layer; `reinitialised`: why, by layer; `skipped`: why, by entry of the file;
        `unmatched`: entries of the file that no layer takes; `classes`: names of the classes where
        the classifier was loaded, else empty.

    Raises:
        WeightsError: The file cannot be had, was altered, or does not fit the backbone.
    """
    weights = resolved.backbone.weights
    if weights is None:
        return {}
    path = source.fetch(resolved.backbone.part, weights)
    filling = _Filling(model, resolved, weights, backbone, named)
    for name, arrays in filling.layers(path):
        filling.take(name, arrays)
    report = filling.report()
    if strict:
        _refuse_less(filling.name, report)
    return report


class _Filling:
    """One file on its way into one model."""

    def __init__(
        self,
        model: keras.Model,
        resolved: ResolvedModel,
        weights: Weights,
        order: Sequence[keras.layers.Layer],
        named: bool,
    ) -> None:
        self.model, self.resolved, self.weights, self.order = model, resolved, weights, order
        self.named = named
        self.name = _name(resolved.backbone, weights)
        self.local = weights.source.startswith("file://")
        stages = anatomy.stages(model)
        self.head = {each.name: each for each in stages.pop(anatomy.HEAD) if each.weights}
        filled = [each for each in chain(*stages.values()) if each.weights]
        self.backbone = {each.name: each for each in filled}
        self.turned = weights.normalization.get("order") == "bgr"
        self.first = _first_convolutions(model, self.turned)
        self.loaded: set[str] = set()
        self.notes: dict[str, dict[str, Any]] = {
            kind: {} for kind in ("transformed", "adapted", "reinitialised", "skipped")
        }
        self.unmatched: dict[str, list[int]] = {}
        self.classes: tuple[str, ...] = ()

    def layers(self, path: Path) -> Iterator[Layer]:
        """The file's layers under the names of the model's."""
        found = reader.kind(path)
        if found == "safetensors":
            return self._converted(path)
        if self.weights.format == BY_NAME:
            return reader.read_layers(path)
        if self.weights.format == BY_ORDER:
            return self._in_order(path)
        raise WeightsError(
            f"the weights {self.name} have the format {self.weights.format!r}, "
            f"and their file is {found}",
            f"an HDF5 or .keras file has the format {BY_NAME} or {BY_ORDER}",
        )

    def take(self, name: str, arrays: Sequence[Any]) -> None:
        """Put one layer of the file where it belongs."""
        if name == THEIR_CLASSIFIER and name not in self.head:
            name = CLASSIFIER
        if name in self.backbone:
            self._fill(self.backbone[name], arrays)
        elif name not in self.head:
            self.unmatched[name] = [len(array.shape) for array in arrays]
        elif reason := self._unfit(name, arrays):
            self.notes["skipped"][name] = reason
            self.notes["reinitialised"][name] = reason
        else:
            self._fill(self.head[name], arrays)

    def report(self) -> dict[str, Any]:
        """The account, once all of the file was taken."""
        if missing := [name for name in self.backbone if name not in self.loaded]:
            raise WeightsError(
                f"the weights {self.name} do not fit: nothing in the file for {_few(missing)}",
                LOCAL if self.local else OPTIONS,
            )
        self._refuse_other_architecture()
        for name in self.head:
            if name not in self.loaded:
                self.notes["reinitialised"].setdefault(name, "nothing in the file")
        weights = self.weights
        return {
            "source": weights.source,
            "sha256": weights.sha256,
            "md5": weights.md5,
            "license": weights.license,
            "loaded": [name for name in (*self.backbone, *self.head) if name in self.loaded],
            **self.notes,
            "unmatched": list(self.unmatched),
            "classes": list(self.classes),
        }

    def _fill(self, layer: keras.layers.Layer, arrays: Sequence[Any]) -> None:
        given = [tuple(array.shape) for array in arrays]
        needed = [tuple(variable.shape) for variable in layer.weights]
        grouped = isinstance(layer, keras.layers.DepthwiseConv2D) and _grouped(given, needed)
        if grouped:
            given = needed
        widened = _widened(given, needed) if layer.name in self.first else None
        if given != needed and not widened:
            raise WeightsError(
                f"the weights {self.name} do not fit: layer {layer.name} has {_shapes(needed)}, "
                f"the file has {_shapes(given)}",
                LOCAL if self.local else OPTIONS,
            )
        for index, (variable, array) in enumerate(zip(layer.weights, arrays, strict=True)):
            values = deferred.aligned(array)
            if not np.isfinite(np.sum(values, dtype="float64")):
                raise WeightsError(
                    f"the weights {self.name} hold numbers that are not finite in {layer.name}",
                    "the training that made them diverged, or the file was damaged: use another",
                )
            if index == 0 and grouped:
                self.notes["transformed"][layer.name] = GROUPED
                values = values.swapaxes(2, 3)
            if index == 0 and layer.name in self.first:
                if widened:
                    rows = (list(given[0]), list(needed[0]), widened)
                    self.notes["adapted"][layer.name] = dict(
                        zip(("before", "after", "rule"), rows, strict=True)
                    )
                    values = _three_channels(values)
                if self.turned:
                    # Turning the kernel is exact; folding the means into a bias is not, at borders.
                    self.notes["transformed"][layer.name] = "kernel turned from BGR to RGB"
                    values = values[:, :, ::-1, :]
            deferred.put(variable, values)
            del values
        self.loaded.add(layer.name)

    def _unfit(self, name: str, arrays: Sequence[Any]) -> str:
        """Why a layer of the head is not filled, empty where it is."""
        theirs = [tuple(array.shape) for array in arrays]
        ours = [tuple(variable.shape) for variable in self.head[name].weights]
        owner = self.weights.head
        if owner and owner != self.resolved.head.part.id:
            return f"the file's classifier belongs to the head {owner}"
        if name == CLASSIFIER:
            listed = class_list.read(self.resolved.backbone.part, self.weights.classes)
            names = self.weights.class_names or listed
            known = anatomy.of(self.model).classes
            counts = ours[-1][-1], theirs[-1][-1]
            if counts[0] != counts[1]:
                return f"the model has {counts[0]} classes, the weights have {counts[1]}"
            if names and self.named and known != names:
                return "the model's classes are others, or in another order"
            if ours == theirs:
                self.classes = names or ()
        if ours != theirs:
            return f"it has {_shapes(ours)}, the file has {_shapes(theirs)}"
        return ""

    def _in_order(self, path: Path) -> Iterator[Layer]:
        """Keras.applications loads by the order of layers, which survives any renaming."""
        wanted = [layer for layer in self.order if layer.weights]
        for name, arrays in reader.read_layers(path):
            if name.startswith("normalization"):  # part of the graph of EfficientNet
                self.notes["skipped"][name] = NORMALISATION
            elif wanted:
                rest = list(arrays)
                while rest and wanted:  # ConvNeXt nests layers, which are one entry in the file
                    layer = wanted.pop(0)
                    count = len(layer.weights)
                    if layer.name in self.backbone:
                        yield layer.name, rest[:count]
                    else:
                        self.notes["skipped"][layer.name] = table.ABOVE
                    rest = rest[count:]
            else:
                yield name, arrays

    def _converted(self, path: Path) -> Iterator[Layer]:
        """A checkpoint of another library through its converter."""
        from zoo.engine import convert, safetensors

        conversion = convert.convert(self.weights.format, safetensors.read(path), self.model)
        self.notes["skipped"].update(conversion.dropped)
        self.unmatched.update({key: [] for key in conversion.unexpected})
        for layer in self.model.layers:
            paths = [variable.path for variable in layer.weights]
            if paths and all(path in conversion for path in paths):
                yield layer.name, [conversion[path] for path in paths]

    def _refuse_other_architecture(self) -> None:
        """A deeper network holds all layers of a shallower one: what is over tells them apart."""
        if not self.local:
            return  # its publisher knows what it is for
        over = sorted(name for name, ranks in self.unmatched.items() if 4 in ranks)
        if over and "tap" not in self.resolved.backbone.options:
            raise WeightsError(
                f"the weights {self.name} belong to another architecture: "
                f"nothing in {self.resolved.backbone.part.id} takes {_few(over)}",
                "name the backbone that the file was made with",
            )


def _refuse_less(name: str, report: dict[str, Any]) -> None:
    words = {
        "reinitialised": "new",
        "adapted": "adapted",
        "skipped": "skipped",
        "unmatched": "without a place",
    }
    told = report["reinitialised"]  # which names the entries of the file that were skipped for it
    skipped = [
        name for name, why in report["skipped"].items() if name not in told and why not in DECLARED
    ]
    left = report | {"skipped": skipped}
    faults = [f"{word} {_few(list(left[kind]))}" for kind, word in words.items() if left[kind]]
    if faults:
        raise WeightsError(
            f"the weights {name} are no full match: {'; '.join(faults)}",
            "leave out --strict, or build the model that they were made with",
        )


def _first_convolutions(model: keras.Model, turned: bool) -> list[str]:
    """The layers that read the normalised picture."""
    picture = model.get_layer("normalize").output
    readers = [layer for layer in model.layers[1:] if layer.input is picture]
    while len(readers) == 1 and isinstance(readers[0], keras.layers.ZeroPadding2D):
        picture = readers[0].output
        readers = [layer for layer in model.layers[1:] if layer.input is picture]
    strange = [layer.name for layer in readers if not isinstance(layer, keras.layers.Conv2D)]
    if strange and turned:
        raise WeightsError(
            f"weights for BGR pictures need a convolution first, found the layer {strange[0]!r}"
        )
    return [layer.name for layer in readers if layer.name not in strange]


def _grouped(given: list[tuple[int, ...]], needed: list[tuple[int, ...]]) -> bool:
    """Whether a kernel [h, w, 1, c] is that of a depthwise convolution, [h, w, c, 1]."""
    if given[1:] != needed[1:] or len(given[0]) != 4:
        return False
    height, width, one, channels = given[0]
    return one == 1 < channels and needed[0] == (height, width, channels, 1)


def _widened(given: list[tuple[int, ...]], needed: list[tuple[int, ...]]) -> str:
    """The rule by which a first convolution becomes one of three channels, empty if none does."""
    if given[1:] != needed[1:] or len(given[0]) != 4 or needed[0][2] != 3:
        return ""
    if (*given[0][:2], 3, given[0][3]) != needed[0]:
        return ""
    return {
        1: "a third of the grey kernel for each of red, green and blue",
        4: "the first three of four channels",
    }.get(given[0][2], "")


def _three_channels(kernel: np.ndarray) -> np.ndarray:
    return np.repeat(kernel / 3, 3, axis=2) if kernel.shape[2] == 1 else kernel[:, :, :3]


def _name(backbone: ResolvedPart, weights: Weights) -> str:
    local = weights.source.startswith("file://")
    return weights.source.removeprefix("file://") if local else f"{backbone.part.id}@{weights.tag}"


def _few(names: list[str]) -> str:
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")


def _shapes(shapes: list[tuple[int, ...]]) -> str:
    return ", ".join("x".join(map(str, shape)) or "a scalar" for shape in shapes)
