"""A file from an address, whole and verified or not there at all.

The bytes go to a `.part` beside the final name. A transfer that breaks off, or whose process is
killed, leaves the part and is continued by the next one where the server can do that. Only what has
the right digest ever bears the final name.
"""

from __future__ import annotations

import http.client
import os
import re
import shutil
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from email.message import Message
from pathlib import Path
from typing import IO, Any

from zoo.engine.weights.lock import locked
from zoo.engine.weights.pin import Pin, digest
from zoo.errors import WeightsError

__all__ = ["digest", "download", "offline"]

CHUNK = 1 << 20
TIMEOUT = 60.0
"""Seconds without a byte after which a connection counts as dead."""

ATTEMPTS = 5
"""How often a transfer that broke off is continued, while each attempt brings bytes."""


def offline() -> bool:
    """Whether `ZOO_OFFLINE` forbids the network."""
    return os.environ.get("ZOO_OFFLINE", "") not in ("", "0")


def download(address: str, path: Path, pin: Pin, mirrors: Sequence[str] = ()) -> Path:
    """Fetch a file of known digest, unless it is there.

    Of processes that ask for the same file at the same time one fetches it and the others wait.
    The system's certificates decide whom to trust, `SSL_CERT_FILE` adds to them; `https_proxy` and
    `no_proxy` are obeyed.

    Args:
        address: Where the file is, https only.
        path: Where it is kept; its folder is made.
        pin: What it must be. The transfer stops beyond its size.
        mirrors: Addresses and files to try before, in order.

    Returns:
        `path`.

    Raises:
        WeightsError: The network is forbidden or fails, the folder cannot be written, or the bytes
            are not those expected.
    """
    if path.is_file():
        return path
    places = [*(each for each in mirrors if not (offline() and "://" in each)), address]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with locked(path.with_name(f"{path.name}.lock")):
            if not path.is_file():  # or another process was quicker
                _first(places, path, pin)
    except OSError as error:
        raise _unwritable(path, error) from error
    return path


def _first(places: Sequence[str], path: Path, pin: Pin) -> None:
    """Take the file from the first place that gives it; the last one is the publisher's."""
    part = path.with_name(f"{path.name}.part")
    *mirrors, address = places
    for mirror in mirrors:
        try:
            _take(mirror, part, pin)
        except WeightsError:
            continue
        part.replace(path)
        return
    if offline():
        raise WeightsError(
            f"{address} is not on this machine and ZOO_OFFLINE forbids the network",
            f"put {pin} at {path}",
        )
    try:
        _take(address, part, pin)
    except _Unreachable as error:
        raise WeightsError(error.message, f"or put {pin} at {path}") from error
    part.replace(path)


def _take(place: str, part: Path, pin: Pin) -> None:
    """Bring a place's bytes into the part and see that they are the right ones."""
    if "://" in place:
        _transfer(place, part, pin)
    else:
        _copy(Path(place), part)
    found = digest(part, pin.algorithm)
    if found != pin.digest:
        part.unlink()
        raise WeightsError(
            f"{place} has {pin.algorithm} {found}, the manifest says {pin.digest}",
            "nothing was kept; the publisher changed the file",
        )


def _copy(source: Path, part: Path) -> None:
    if not source.is_file():
        raise WeightsError(f"{source} does not exist")
    with source.open("rb") as given, part.open("wb") as file:
        shutil.copyfileobj(given, file, CHUNK)


def _transfer(url: str, part: Path, pin: Pin) -> None:
    """Bring the whole of a file, in as many connections as it takes."""
    if not url.startswith("https://"):
        raise WeightsError(f"{url} is no https address, accepted is https only")
    with _shown(url, pin.size) as progress:
        for attempt in range(1, ATTEMPTS + 1):
            before = _bytes(part)
            if before == pin.size > 0:
                return
            try:
                _stream(url, part, pin, progress)
                return
            except _BrokenOff:
                if attempt == ATTEMPTS or _bytes(part) <= before:
                    raise


def _stream(url: str, part: Path, pin: Pin, progress: Callable[[int, int], None]) -> None:
    """Read from where the part ends to where the file ends.

    Raises:
        _BrokenOff: The connection ended too early; the part holds what came.
        WeightsError: The server refuses, or sends another file.
    """
    with _opened(url, _bytes(part)) as response:
        start, total = _span(url, response, pin)
        received = start
        with part.open("r+b" if start else "wb") as file:
            file.seek(start)
            file.truncate()
            while chunk := _read(url, response, received, total):
                received += len(chunk)
                if received > pin.limit:
                    break
                _write(file, chunk, part)
                progress(received, total)
            file.flush()
            os.fsync(file.fileno())
    if received > pin.limit or (total and total != received and not pin.size):
        part.unlink()
        raise WeightsError(
            f"{url} holds more than {pin.limit} bytes, the manifest says {pin.limit}",
            "nothing was kept; the publisher changed the file",
        )
    if received < total:
        raise _BrokenOff(url, received, total)


def _opened(url: str, start: int) -> http.client.HTTPResponse:
    """Ask for a file from a byte on."""
    headers = {"User-Agent": "keras-zoo", "Range": f"bytes={start}-"} if start else {}
    request = urllib.request.Request(url, headers=headers)
    try:
        return urllib.request.build_opener(_HttpsOnly).open(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        error.close()  # it holds the connection
        if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE and start:
            return _opened(url, 0)
        raise WeightsError(
            f"{url} answers {error.code} {error.reason}",
            "try later" if error.code >= 500 else "the publisher took the file away or moved it",
        ) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _Unreachable(f"{url} cannot be reached: {_reason(error)}") from error


def _span(url: str, response: http.client.HTTPResponse, pin: Pin) -> tuple[int, int]:
    """First byte and length of the file, as a response declares them."""
    if response.status != http.client.PARTIAL_CONTENT:
        declared = int(response.headers.get("Content-Length") or 0)
        start = 0
    else:
        given = response.headers.get("Content-Range", "")
        match = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", given)
        if match is None:
            raise WeightsError(f"{url} answers with a part of a file: {given or 'unnamed'}")
        start, declared = map(int, match.groups())
    if pin.size and declared and declared != pin.size:
        raise WeightsError(
            f"{url} holds {declared} bytes, the manifest says {pin.size}",
            "nothing was kept; the publisher changed the file",
        )
    return start, pin.size or declared


def _read(url: str, response: http.client.HTTPResponse, received: int, total: int) -> bytes:
    try:
        return response.read(CHUNK)
    except http.client.IncompleteRead as error:
        return error.partial
    except TimeoutError as error:
        raise _BrokenOff(url, received, total, f"no byte for {TIMEOUT:g} seconds") from error
    except (OSError, http.client.HTTPException) as error:
        raise _BrokenOff(url, received, total, _reason(error)) from error


def _write(file: IO[bytes], chunk: bytes, part: Path) -> None:
    try:
        file.write(chunk)
    except OSError:
        part.unlink(missing_ok=True)  # a full disk is of no use to anybody
        raise


class _Unreachable(WeightsError):
    """No answer at all."""


class _BrokenOff(WeightsError):
    """A transfer that ended before the file did."""

    def __init__(self, url: str, received: int, total: int, reason: str = "") -> None:
        because = f" ({reason})" if reason else ""
        of = f" of {total}" if total else ""
        super().__init__(
            f"{url} broke off after {received}{of} bytes{because}",
            "what came is kept: the same command goes on from there",
        )


class _HttpsOnly(urllib.request.HTTPRedirectHandler):
    """Follows a redirect to https and refuses any other."""

    def redirect_request(
        self, req: Any, fp: Any, code: int, msg: str, headers: Message, newurl: str
    ) -> Any:
        if not newurl.startswith("https://"):
            fp.close()
            raise WeightsError(f"{req.full_url} leads to {newurl}, accepted is https only")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


@contextmanager
def _shown(url: str, size: int) -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr where somebody sees it move, one line where nobody does."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    name = url.rpartition("/")[2]
    if not sys.stderr.isatty():
        console.print(f"downloading {url}" + (f" ({size:,} bytes)" if size else ""), markup=False)
        yield lambda received, total: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, TransferSpeedColumn(), console=console, transient=True) as bar:
        task = bar.add_task(name, total=size or None)
        yield lambda received, total: bar.update(task, completed=received, total=total or None)


def _unwritable(path: Path, error: OSError) -> WeightsError:
    return WeightsError(
        f"{path} cannot be written: {error.strerror or error}",
        "set ZOO_CACHE to a folder on a disk with room that you may write to",
    )


def _bytes(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _reason(error: BaseException) -> str:
    reason = getattr(error, "reason", None) or error
    return str(getattr(reason, "strerror", None) or reason) or type(error).__name__
