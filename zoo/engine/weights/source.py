"""A source's address becomes a verified file on this machine."""

from __future__ import annotations

import logging
import os
import re
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from zoo import registry
from zoo.engine.download import download, offline
from zoo.engine.weights import cache
from zoo.engine.weights.pin import Pin
from zoo.errors import WeightsError

if TYPE_CHECKING:
    from zoo.part import Part, Weights

log = logging.getLogger("zoo")

HUB = re.compile(r"hf://(?P<repo>[^/]+/[^/]+)/(?P<file>.+)@(?P<revision>[^@/]+)")


def fetch(part: Part, weights: Weights) -> Path:
    """The verified local file of a set of weights.

    Args:
        part: The backbone they belong to.
        weights: The row of its manifest. `https://` is downloaded once and kept in zoo's cache,
            `hf://owner/repo/file@revision` is kept by huggingface-hub in its own, `package://`
            lies in the plugin's package, `file://` on this machine; any other scheme is a
            plugin's to resolve.

    Returns:
        Path of the file.

    Raises:
        WeightsError: The file cannot be had or is not the one that the manifest describes.
    """
    scheme, _, rest = weights.source.partition("://")
    if scheme == "https":
        return cached(weights.source, weights)
    if scheme == "package":
        path = _in_package(part, rest)
    elif scheme == "file":
        path = Path(rest)
    elif scheme == "hf":
        path = _from_hub(weights)
    else:
        path = _from_plugin(weights)
    cache.check(path, Pin.of(weights))
    return path


def cached(address: str, weights: Weights) -> Path:
    """The verified file of an https address, downloaded into the cache where it is not there.

    Args:
        address: Where the file is.
        weights: The row that pins it.

    Returns:
        Path of the file in the cache.

    Raises:
        WeightsError: It cannot be had.
    """
    pin = Pin.of(weights)
    path = cache.place(pin)
    if path.is_file() and not cache.is_right(path, pin):
        log.warning("%s was altered; it is fetched again", path)
        cache.remove([cache.Kept(path, 0, True)])
    download(address, path, pin, cache.mirrors(pin))
    if not cache.is_right(path, pin):
        cache.remove([cache.Kept(path, 0, True)])
        raise WeightsError(f"{path} changed while it was read", "run it again")
    return path


def here(part: Part, weights: Weights) -> Path | None:
    """The file if it is on this machine, unchecked and without asking the network."""
    scheme, _, rest = weights.source.partition("://")
    in_cache = cache.place(Pin.of(weights))
    if in_cache.is_file():
        return in_cache
    if scheme == "package":
        try:
            return _in_package(part, rest)
        except WeightsError:
            return None
    return None


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


def _from_hub(weights: Weights) -> Path:
    """A file of the Hugging Face hub, kept where other programs look for it too."""
    match = HUB.fullmatch(weights.source)
    if match is None:
        raise WeightsError(
            f"{weights.source} cannot be read", "write hf://owner/repo/file@revision"
        )
    try:
        import huggingface_hub
    except ImportError as error:
        raise WeightsError(
            f"{weights.source} needs the package huggingface-hub, which is not installed",
            'pip install "keras-zoo[hub]"',
        ) from error
    pin = Pin.of(weights)
    if (path := cache.place(pin)).is_file():  # put there by hand, or by a bundle
        return path
    for mirror in cache.mirrors(pin):
        if Path(mirror).is_file():
            return Path(mirror)
    try:
        return Path(
            huggingface_hub.hf_hub_download(
                match["repo"],
                match["file"],
                revision=match["revision"],
                local_files_only=offline(),
            )
        )
    except Exception as error:  # of the hub's, of requests or httpx, of the system
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise WeightsError(
            f"{weights.source} cannot be downloaded: {reason}",
            f"or put {pin} at {os.fspath(path)}",
        ) from error


def _from_plugin(weights: Weights) -> Path:
    answers = registry.load().hooks.call(
        "zoo_resolve_weights", source=weights.source, weights=weights
    )
    if not answers:
        raise WeightsError(
            f"no plugin can fetch {weights.source}",
            "zoo itself reads https://, hf:// and package://; "
            "zoo plugins list shows what is installed",
        )
    return Path(answers[0][1])
