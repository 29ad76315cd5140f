"""A checkpoint read through the table of its format."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Set
from typing import TYPE_CHECKING

from zoo.engine.convert.googlenet import torchvision_googlenet
from zoo.engine.convert.inception_resnet_v2 import timm_inception_resnet_v2
from zoo.engine.convert.inception_v3 import torch_inception_v3
from zoo.engine.convert.resnet import torch_resnet
from zoo.engine.convert.table import TURNS, Drop, Row, Rows, turned
from zoo.engine.convert.vgg import timm_vgg, torchvision_vgg
from zoo.errors import WeightsError

if TYPE_CHECKING:
    import keras
    import numpy as np

Table = Callable[[Set[str], Set[str]], Rows]
"""Names of the model's layers and of the source's tensors to rows."""

FORMATS: dict[str, Table] = {
    "timm-inception-resnet-v2": timm_inception_resnet_v2,
    "timm-vgg": timm_vgg,
    "torch-inception-v3": torch_inception_v3,
    "torch-resnet": torch_resnet,
    "torchvision-googlenet": torchvision_googlenet,
    "torchvision-vgg": torchvision_vgg,
}
"""`torch-` where torchvision and timm write the same names, else the library that writes them."""


class Conversion(Mapping[str, "np.ndarray"]):
    """What a checkpoint gives a model: variable paths to values, each made when it is asked for.

    Args:
        tensors: The source.
        rows: Path of each variable that the source fills, and the row that fills it.
        missing: Path of each variable that the table knows and the source lacks, and the key that
            was looked for.
        dropped: Keys of the source that have no place in this model, and why.
        unexpected: Keys of the source that the table does not know.
    """

    def __init__(
        self,
        tensors: Mapping[str, np.ndarray],
        rows: Mapping[str, Row],
        *,
        missing: Mapping[str, str],
        dropped: Mapping[str, str],
        unexpected: tuple[str, ...],
    ) -> None:
        self._tensors = tensors
        self.rows = rows
        self.missing = missing
        self.dropped = dropped
        self.unexpected = unexpected

    def __getitem__(self, path: str) -> np.ndarray:
        row = self.rows[path]
        factor = self._tensors[row.factor] if row.factor else None
        return turned(row, self._tensors[row.key], factor)

    def __iter__(self) -> Iterator[str]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def source(self, path: str) -> str:
        """The key that fills a variable."""
        return self.rows[path].key

    def how(self, path: str) -> str:
        """What happens to the tensor on its way, such as `kernel OIHW to HWIO`."""
        row = self.rows[path]
        return TURNS[row.turn].name + (f", times {row.factor}" if row.factor else "")


def convert(format: str, tensors: Mapping[str, np.ndarray], model: keras.Model) -> Conversion:
    """Read a checkpoint of another library as the variables of a model.

    Shapes are not compared here: a variable of another shape is the caller's to adapt, to
    re-initialise or to refuse.

    Args:
        format: Name of the table, one of `FORMATS`.
        tensors: The checkpoint: names to arrays.
        model: The model to be filled; it is not changed.

    Returns:
        The values by path of variable, and what of the source has no place.

    Raises:
        WeightsError: No such format, or the model computes something else than the source.
    """
    table = FORMATS.get(format)
    if table is None:
        raise WeightsError(
            f"no converter for the format {format!r}", f"converters: {', '.join(FORMATS)}"
        )
    layers = {layer.name: layer for layer in model.layers}
    paths = {
        (layer.name, variable.name): variable.path
        for layer in model.layers
        for variable in layer.weights
    }
    rows: dict[str, Row] = {}
    missing: dict[str, str] = {}
    dropped: dict[str, str] = {}
    known: set[str] = set()
    for row in table(layers.keys(), tensors.keys()):
        needed = [row.key] if isinstance(row, Drop) or not row.factor else [row.key, row.factor]
        known.update(needed)
        if isinstance(row, Drop):
            if row.key in tensors:
                dropped[row.key] = row.reason
            continue
        path = paths.get((row.layer, row.variable))
        if path is None:
            if row.key in tensors:
                dropped[row.key] = f"the model has no {row.layer}/{row.variable}"
            continue
        _check_epsilon(format, row, layers[row.layer])
        if lacking := [key for key in needed if key not in tensors]:
            missing[path] = lacking[0]
        else:
            rows[path] = row
    return Conversion(
        tensors,
        rows,
        missing=missing,
        dropped=dropped,
        unexpected=tuple(key for key in tensors if key not in known),
    )


def _check_epsilon(format: str, row: Row, layer: keras.layers.Layer) -> None:
    """A constant of the graph that no shape gives away."""
    if row.epsilon is not None and layer.epsilon != row.epsilon:
        raise WeightsError(
            f"weights in the format {format} were made with epsilon {row.epsilon:g}, "
            f"layer {layer.name} has {layer.epsilon:g}",
            "they belong to another variant of this backbone",
        )
