"""Rows of a table: which tensor of a PyTorch checkpoint goes to which variable, and turned how."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from zoo.errors import WeightsError


@dataclass(frozen=True)
class Turn:
    """How a tensor of the source becomes a variable.

    Args:
        name: What the load report says.
        dimensions: Dimensions of the tensor that it takes.
        apply: The turn itself; a view where that can be had.
    """

    name: str
    dimensions: int
    apply: Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Row:
    """One tensor that has a place.

    Args:
        key: Its name in the source.
        layer: Name of our layer.
        variable: Name of the variable in the layer.
        turn: Name in `TURNS`.
        epsilon: What a normalisation adds to its variance in the source; None elsewhere.
        factor: Tensor of the source that its output channels are multiplied by, empty for none.
    """

    key: str
    layer: str
    variable: str
    turn: str
    epsilon: float | None = None
    factor: str = ""


@dataclass(frozen=True)
class Drop:
    """One tensor of the source that has no place, and why."""

    key: str
    reason: str


Rows = Iterator[Row | Drop]

COUNTER = "counts the batches of training"
ABOVE = "lies above the cut"
AUXILIARY = "belongs to an auxiliary head"


def conv(module: str, layer: str, *, bias: bool = False) -> Rows:
    """The tensors of a `Conv2d`."""
    yield Row(f"{module}.weight", layer, "kernel", "kernel")
    if bias:
        yield Row(f"{module}.bias", layer, "bias", "same")


def norm(module: str, layer: str, *, epsilon: float) -> Rows:
    """The tensors of a `BatchNorm2d`."""
    for name, variable in (
        ("weight", "gamma"),
        ("bias", "beta"),
        ("running_mean", "moving_mean"),
        ("running_var", "moving_variance"),
    ):
        yield Row(f"{module}.{name}", layer, variable, "same", epsilon)
    yield Drop(f"{module}.num_batches_tracked", COUNTER)


def conv_and_norm_without_gamma(
    conv: str, norm: str, layer: str, normalisation: str, *, epsilon: float
) -> Rows:
    """A `Conv2d` without bias and its `BatchNorm2d`, into a normalisation that has no gamma.

    Gamma times (kernel * x - mean) is (gamma kernel) * x - gamma mean: the fold is exact.

    Args:
        conv: Name of the convolution in the source.
        norm: Name of its normalisation there.
        layer: Name of our convolution.
        normalisation: Name of our normalisation.
        epsilon: What the source adds to the variance.
    """
    gamma = f"{norm}.weight"
    yield Row(f"{conv}.weight", layer, "kernel", "kernel", factor=gamma)
    yield Row(f"{norm}.bias", normalisation, "beta", "same", epsilon)
    yield Row(f"{norm}.running_mean", normalisation, "moving_mean", "same", epsilon, gamma)
    yield Row(f"{norm}.running_var", normalisation, "moving_variance", "same", epsilon)
    yield Drop(f"{norm}.num_batches_tracked", COUNTER)


def linear(module: str, layer: str, *, kernel: str = "linear") -> Rows:
    """The tensors of a `Linear`, or of the convolution that stands for one.

    Args:
        module: Its name in the source.
        layer: Name of our Dense layer.
        kernel: `linear`; `chw` after a flattened map of 7x7 places; `conv` for a convolution
            that takes in the whole map.
    """
    yield Row(f"{module}.weight", layer, "kernel", kernel)
    yield Row(f"{module}.bias", layer, "bias", "same")


def turned(row: Row, array: np.ndarray, factor: np.ndarray | None = None) -> np.ndarray:
    """A tensor of the source as float32 in our layout.

    Args:
        row: Where it goes.
        array: The tensor.
        factor: What each of its output channels is multiplied by, or None.

    Raises:
        WeightsError: It cannot be what the table says it is.
    """
    turn = TURNS[row.turn]
    if array.ndim != turn.dimensions or not (
        np.issubdtype(array.dtype, np.floating) or array.dtype.name == "bfloat16"
    ):
        raise WeightsError(
            f"{row.key} is {'x'.join(map(str, array.shape)) or 'a scalar'} of {array.dtype}, "
            f"{row.layer}/{row.variable} needs {turn.dimensions} dimensions of floating point",
            "is the format right?",
        )
    if factor is not None:
        array = array * factor.reshape(-1, *[1] * (array.ndim - 1))
    try:
        return turn.apply(array).astype("float32", copy=False)
    except ValueError as error:
        raise WeightsError(
            f"{row.key} of {'x'.join(map(str, array.shape))} does not divide into maps of "
            f"{PLACES}x{PLACES} places",
            "is the format right?",
        ) from error


PLACES = 7
"""Height and width of the map that VGG's classifier reads, whatever the size of the picture."""


def _hwio(kernel: np.ndarray) -> np.ndarray:
    """[out, in, h, w] to [h, w, in, out]. `.T` would swap height and width, unseen in a square."""
    return kernel.transpose(2, 3, 1, 0)


def _after_flatten(weight: np.ndarray) -> np.ndarray:
    """[out, c·h·w] to [h·w·c, out]: torch flattens channels first, Keras channels last."""
    return _whole_map(weight.reshape(len(weight), -1, PLACES, PLACES))


def _whole_map(kernel: np.ndarray) -> np.ndarray:
    return _hwio(kernel).reshape(-1, len(kernel))


TURNS = {
    "same": Turn("as it is", 1, lambda array: array),
    "kernel": Turn("kernel OIHW to HWIO", 4, _hwio),
    "linear": Turn("transposed", 2, np.transpose),
    "chw": Turn("flattened map CHW to HWC, transposed", 2, _after_flatten),
    "conv": Turn("convolution over the whole map to a matrix", 4, _whole_map),
}
