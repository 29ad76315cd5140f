"""A file from an address, whole and verified or not there at all."""

from __future__ import annotations

import hashlib
import os
import urllib.error
import urllib.request
from pathlib import Path

from zoo.errors import WeightsError

CHUNK = 1 << 20
TIMEOUT = 60
"""Seconds without a byte after which a connection counts as dead."""


def offline() -> bool:
    """Whether `ZOO_OFFLINE` forbids the network."""
    return os.environ.get("ZOO_OFFLINE", "") not in ("", "0")


def download(url: str, path: Path, *, sha256: str, size: int) -> Path:
    """Fetch a file of known size and digest, unless it is there.

    The bytes go to a `.part` beside the final name and are renamed once they are verified.

    Args:
        url: Where the file is.
        path: Where it is kept; its folder is made.
        sha256: 64 hexadecimal digits.
        size: Bytes. The transfer stops beyond it.

    Returns:
        `path`.

    Raises:
        WeightsError: The network is forbidden or fails, or the bytes are not those expected.
    """
    if path.is_file():
        return path
    if offline():
        raise WeightsError(
            f"{url} is not on this machine and ZOO_OFFLINE forbids the network",
            f"put the file of {size} bytes with sha256 {sha256} at {path}",
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        _stream(url, part, sha256, size)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path


def _stream(url: str, part: Path, sha256: str, size: int) -> None:
    digest, received = hashlib.sha256(), 0
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT) as response, part.open("wb") as file:
            if url.startswith("https:") and not response.url.startswith("https:"):
                raise WeightsError(f"{url} leads to {response.url}, accepted is https only")
            while chunk := response.read(CHUNK):
                received += len(chunk)
                if received > size:
                    break
                digest.update(chunk)
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
    except (urllib.error.URLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        if isinstance(error, urllib.error.HTTPError):
            error.close()  # it holds the connection
        raise WeightsError(
            f"{url} cannot be downloaded: {reason}", "try again, or see that the address is right"
        ) from error
    if received != size:
        more = "more than " if received > size else ""
        raise WeightsError(
            f"{url} holds {more}{min(received, size)} bytes, the manifest says {size}",
            "nothing was kept; the publisher changed the file or the transfer broke off",
        )
    if digest.hexdigest() != sha256:
        raise WeightsError(
            f"{url} has sha256 {digest.hexdigest()}, the manifest says {sha256}",
            "nothing was kept; the publisher changed the file",
        )


def digest(path: Path, algorithm: str = "sha256") -> str:
    """Hexadecimal digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()
