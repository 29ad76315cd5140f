"""Files of weights taken apart: the layers they hold, in order, one in memory at a time.

Read are HDF5 files as `Model.save_weights` and keras.applications write them, the weights inside a
`.keras` file, and safetensors through a converter. Nothing in a file is executed, and no link out
of a file is followed.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import h5py

from zoo.errors import WeightsError

HDF5 = b"\x89HDF\r\n\x1a\n"
WEIGHTS = "model.weights.h5"
"""The member of a `.keras` file that holds the weights."""

Layer = tuple[str, Sequence[Any]]
"""A layer's name and its variables, each an array or what `numpy.asarray` makes one of."""


def kind(path: Path) -> str:
    """Tell what a file is by its content.

    Args:
        path: The file.

    Returns:
        `hdf5`, `keras` or `safetensors`.

    Raises:
        WeightsError: It is missing, or of a kind that is not opened.
    """
    try:
        with path.open("rb") as file:
            start = file.read(9)
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror or error}") from error
    if start.startswith(HDF5):
        return "hdf5"
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            if WEIGHTS in archive.namelist():
                return "keras"
        what = "a zip without weights, as PyTorch writes with pickle inside"
    elif start[8:9] == b"{":
        return "safetensors"
    elif start[:1] == b"\x80" or path.suffix in (".pth", ".pt", ".pkl", ".pickle"):
        what = "a pickle, which runs code when it is opened"
    else:
        what = "no file of weights, or a damaged one"
    raise WeightsError(
        f"{path} is {what}; read are .weights.h5, .h5 of weights alone, .keras and .safetensors",
        "write it anew where it was made: model.save_weights or safetensors.torch.save_file",
    )


def read_layers(path: Path) -> Iterator[Layer]:
    """Layer names and their variables from a file that holds Keras' own.

    Args:
        path: A `.weights.h5`, an `.h5` in the older layout of keras.applications, or a `.keras`.

    Yields:
        Name and variables of each layer that has any. They are valid until the next is asked for.

    Raises:
        WeightsError: The file is not of this kind, holds a whole model or is damaged.
    """
    try:
        with _opened(path) as stream, h5py.File(stream, "r") as file:
            if "model_config" in file.attrs:
                raise WeightsError(
                    f"{path} is a whole model in HDF5, whose loader runs code that it finds inside",
                    "open it where it was made, and save it with model.save_weights",
                )
            yield from _legacy_layers(file) if "layer_names" in file.attrs else layers(file)
    except (OSError, KeyError, TypeError, RuntimeError, zipfile.BadZipFile) as error:
        reason = str(error).partition("\n")[0]
        raise WeightsError(f"{path} is no HDF5 file of Keras weights: {reason}") from error


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    if not zipfile.is_zipfile(path):
        with path.open("rb") as stream:
            yield stream
        return
    with zipfile.ZipFile(path) as archive, archive.open(WEIGHTS) as stream:
        yield stream


def _legacy_layers(file: h5py.File) -> Iterator[Layer]:
    """The older layout: the names of layers and variables are attributes."""
    for name in map(_text, file.attrs["layer_names"]):
        variables = [_text(each) for each in file[name].attrs["weight_names"]]
        if variables:
            yield name, [_dataset(file[name], each) for each in variables]


def layers(file: h5py.File) -> Iterator[Layer]:
    """Layers of an open file in the layout of Keras 3, valid while it is open.

    There groups called `vars` hold the layer's name as an attribute.

    Raises:
        KeyError: A variable does not lie in the file, or is not what it says.
    """
    groups: list[h5py.Group] = []
    # Unlike indexing, visiting never follows a link out of the file.
    file.visititems(lambda path, item: groups.append(item) if path.endswith("/vars") else None)
    for group in groups:
        if len(group) and not group.name.startswith("/optimizer/"):
            yield (
                _text(group.attrs["name"]),
                [_dataset(group, str(index)) for index in range(len(group))],
            )


def _dataset(group: h5py.Group, name: str) -> h5py.Dataset:
    """A variable that lies in this very file and is as large as it says."""
    if isinstance(group.get(name, getlink=True), h5py.ExternalLink):
        raise KeyError(f"{name} is a link to another file")
    dataset = group[name]
    if not isinstance(dataset, h5py.Dataset) or dataset.external or dataset.is_virtual:
        raise KeyError(f"{name} does not lie in the file")
    if dataset.dtype.kind not in "fiub":
        raise KeyError(f"{name} holds no numbers")
    # A file of a kilobyte can declare terabytes that it does not hold.
    if dataset.nbytes > 64 * dataset.id.get_storage_size() + 4096:
        raise KeyError(f"{name} declares {dataset.nbytes} bytes and does not hold them")
    return dataset


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
