"""Pretrained weights: from a manifest's row to a verified file to the variables of a model."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import keras
import numpy as np

from zoo import registry
from zoo.engine import anatomy
from zoo.engine.download import digest, download
from zoo.errors import WeightsError
from zoo.index import cache_folder

if TYPE_CHECKING:
    from zoo.part import Part, Weights
    from zoo.registry import ResolvedPart


def load(model: keras.Model, backbone: ResolvedPart) -> dict[str, Any]:
    """Fill a model's backbone with the pretrained weights of its tag.

    Args:
        model: A model with its anatomy; the head keeps its initial weights.
        backbone: The resolved backbone.

    Returns:
        The load report: where the weights come from, the names of the layers that were `loaded`,
        `transformed` (with how) and `reinitialised`, and the layers of the file that were
        `skipped`. Empty without a tag.

    Raises:
        WeightsError: The file cannot be had, was altered, or does not fit the backbone.
    """
    weights = backbone.weights
    if weights is None:
        return {}
    name = f"{backbone.part.id}@{weights.tag}"
    if weights.format != "keras":
        raise WeightsError(
            f"the weights {name} have the format {weights.format!r}",
            "the format that can be read is keras: HDF5 with the names of our layers",
        )
    stages = anatomy.stages(model)
    head = stages.pop(anatomy.HEAD)
    wanted = {layer.name: layer for layers in stages.values() for layer in layers if layer.weights}
    turned = _first_convolutions(model) if weights.normalization.get("order") == "bgr" else ()
    skipped = []
    for layer_name, arrays in read_layers(fetch(backbone.part, weights)):
        layer = wanted.pop(layer_name, None)
        if layer is None:
            skipped.append(layer_name)
            continue
        if layer_name in turned:
            # Turning the kernel is exact; folding the means into a bias is not, at the borders.
            arrays[0] = arrays[0][:, :, ::-1, :]
        _fill(layer, arrays, name)
    if wanted:
        raise WeightsError(
            f"the weights {name} do not fit: nothing in the file for {', '.join(wanted)}",
            "leave out options that change the architecture, or build without the tag",
        )
    return {
        "source": weights.source,
        "sha256": weights.sha256,
        "md5": weights.md5,
        "license": weights.license,
        "loaded": [layer.name for layers in stages.values() for layer in layers if layer.weights],
        "transformed": dict.fromkeys(turned, "kernel turned from BGR to RGB"),
        "reinitialised": [layer.name for layer in head if layer.weights],
        "skipped": skipped,
    }


def fetch(part: Part, weights: Weights) -> Path:
    """The verified local file of a set of weights.

    Args:
        part: The backbone they belong to.
        weights: The row of its manifest. `https://` is downloaded once and kept in zoo's cache,
            `package://` lies in the plugin's package, any other scheme is a plugin's to resolve.

    Returns:
        Path of the file.

    Raises:
        WeightsError: The file cannot be had or is not the one that the manifest describes.
    """
    scheme, _, rest = weights.source.partition("://")
    if scheme == "https":
        suffixes = "".join(Path(rest).suffixes[-2:])
        path = cache_folder() / "weights" / f"{weights.sha256}{suffixes}"
        download(weights.source, path, sha256=weights.sha256, size=weights.size)
    elif scheme == "package":
        path = _in_package(part, rest)
    else:
        path = _from_plugin(weights)
    _verify(path, weights)
    return path


def read_layers(path: Path) -> Iterator[tuple[str, list[np.ndarray]]]:
    """Layer names and their variables, one layer at a time, from an HDF5 file of weights.

    Args:
        path: What `Model.save_weights` wrote, as `.weights.h5` or in the older layout of
            keras.applications. Both keep the layers' names.

    Yields:
        Name and variables of each layer that has any.

    Raises:
        WeightsError: The file is not of this kind.
    """
    try:
        with h5py.File(path, "r") as file:
            names = file.attrs.get("layer_names")
            if names is None:
                yield from _keras3_layers(file)
                return
            for name in map(_text, names):
                variables = [_text(variable) for variable in file[name].attrs["weight_names"]]
                if variables:
                    yield name, [file[name][variable][()] for variable in variables]
    except (OSError, KeyError) as error:
        raise WeightsError(f"{path} is no HDF5 file of Keras weights: {error}") from error


def _keras3_layers(file: h5py.File) -> Iterator[tuple[str, list[np.ndarray]]]:
    """The layout of Keras 3: groups called `vars` that hold the layer's name as an attribute."""
    groups: list[h5py.Group] = []
    # Unlike indexing, visiting never follows a link out of the file.
    file.visititems(lambda path, item: groups.append(item) if path.endswith("/vars") else None)
    for group in groups:
        if len(group):
            yield _text(group.attrs["name"]), [group[str(i)][()] for i in range(len(group))]


def _fill(layer: keras.layers.Layer, arrays: list[np.ndarray], name: str) -> None:
    given = [tuple(array.shape) for array in arrays]
    needed = [tuple(variable.shape) for variable in layer.weights]
    if given != needed:
        raise WeightsError(
            f"the weights {name} do not fit: layer {layer.name} has {_shapes(needed)}, "
            f"the file has {_shapes(given)}",
            "leave out options that change the architecture, or build without the tag",
        )
    layer.set_weights(arrays)


def _first_convolutions(model: keras.Model) -> list[str]:
    """The layers that read the normalised picture."""
    picture = model.get_layer("normalize").output
    readers = [layer for layer in model.layers[1:] if layer.input is picture]
    strange = [layer.name for layer in readers if not isinstance(layer, keras.layers.Conv2D)]
    if strange:
        raise WeightsError(
            f"weights for BGR pictures need a convolution first, found the layer {strange[0]!r}"
        )
    return [layer.name for layer in readers]


def _in_package(part: Part, name: str) -> Path:
    package = part.target.partition(".")[0]
    spec = find_spec(package)
    for folder in (spec and spec.submodule_search_locations) or ():
        path = (Path(folder) / name).resolve()
        if path.is_file() and path.is_relative_to(Path(folder).resolve()):
            return path
    raise WeightsError(
        f"the package {package} ({part.origin}) holds no file {name}",
        "is it in the wheel? Reinstall the plugin",
    )


def _from_plugin(weights: Weights) -> Path:
    answers = registry.load().hooks.call(
        "zoo_resolve_weights", source=weights.source, weights=weights
    )
    if not answers:
        raise WeightsError(
            f"no plugin can fetch {weights.source}",
            "zoo itself reads https:// and package://; zoo plugins list shows what is installed",
        )
    return Path(answers[0][1])


def _verify(path: Path, weights: Weights) -> None:
    """Weights are checked each time they are read: a cache is a place where files change."""
    algorithm = "sha256" if weights.sha256 else "md5"
    found, declared = digest(path, algorithm), getattr(weights, algorithm)
    if found != declared:
        raise WeightsError(
            f"{path} has {algorithm} {found}, the manifest says {declared}",
            "delete the file, and it is fetched again",
        )


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _shapes(shapes: list[tuple[int, ...]]) -> str:
    return ", ".join("x".join(map(str, shape)) or "a scalar" for shape in shapes)
