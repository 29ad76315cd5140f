"""Files anywhere: what has a scheme, such as s3://bucket/name, is reached through fsspec."""

from __future__ import annotations

import mimetypes
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from zoo.errors import DataError

PACKAGES = {"s3": "s3fs", "gs": "gcsfs", "az": "adlfs", "abfs": "adlfs"}
"""What fsspec needs for the commonest schemes."""

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]+)://")


def is_one(name: object) -> bool:
    """Whether a name has a scheme other than that of local files."""
    found = _SCHEME.match(str(name))
    return found is not None and found[1] not in ("file", "local")


def local(name: str) -> Path:
    """The path of a local file, with or without a scheme."""
    return Path(re.sub(r"^(file|local)://", "", name))


def check(name: str) -> None:
    """See that what a scheme needs is installed.

    Raises:
        DataError: It is not, or there is no such scheme.
    """
    filesystem(name)


def filesystem(name: str) -> tuple[Any, str]:
    """The filesystem of a name, and the name there.

    Raises:
        DataError: As `check`.
    """
    scheme = _SCHEME.match(name)[1]  # type: ignore[index]
    try:
        import fsspec
    except ImportError:
        raise DataError(f"{name} needs fsspec", "pip install 'keras-zoo[remote]'") from None
    try:
        found, path = fsspec.core.url_to_fs(name)
    except ImportError:
        needed = PACKAGES.get(scheme, f"what fsspec needs for {scheme}")
        raise DataError(f"{name} needs {needed}", f"pip install {needed}") from None
    except ValueError:
        known = ", ".join(f"{each}://" for each in (*PACKAGES, "https"))
        raise DataError(f"{scheme}:// is no scheme of fsspec: {name}", f"such as {known}") from None
    return found, path


def exists(name: str) -> bool:
    """Whether there is something of that name.

    Raises:
        DataError: It cannot be told.
    """
    files, path = filesystem(name)
    try:
        files.invalidate_cache()
        return bool(files.exists(path))
    except Exception as error:
        raise unreachable(name, error) from None


def find(name: str) -> dict[str, int]:
    """Pictures in a folder, or a file: name to bytes, sorted; told by what they are called.

    Raises:
        DataError: There is nothing of that name, or no picture, or it cannot be reached.
    """
    files, path = filesystem(name)
    try:
        facts = files.find(path, detail=True) or {path: files.info(path)}
    except Exception as error:
        raise unreachable(name, error) from None
    head, chained, chain = name.partition("::")
    scheme = head.partition("://")[0]
    found = {
        (key if "://" in key else f"{scheme}://{key.lstrip('/')}") + chained + chain: int(
            each.get("size") or 0
        )
        for key, each in sorted(facts.items())
        if key == path or (mimetypes.guess_type(key)[0] or "").startswith("image/")
    }
    if not found:
        raise DataError(f"no picture found in {name}", "pictures there are told by their names")
    return found


def unreachable(name: str, error: Exception) -> DataError:
    """An error of any filesystem as one of ours."""
    if isinstance(error, FileNotFoundError):
        return DataError(f"{name} does not exist", "see to bucket and name")
    reason = " ".join(str(error).split())[:200] or type(error).__name__
    return DataError(f"{name} cannot be reached: {reason}", "see to credentials and network")


@contextmanager
def fetched(name: str) -> Iterator[Path]:
    """A copy of a file on this machine, of the same name, which is deleted.

    Raises:
        DataError: There is none, or it cannot be reached.
    """
    files, path = filesystem(name)
    with tempfile.TemporaryDirectory(prefix="zoo-") as folder:
        copy = Path(folder, Path(path).name)
        try:
            files.get_file(path, str(copy))
        except Exception as error:
            raise unreachable(name, error) from None
        yield copy


@contextmanager
def writing(name: str) -> Iterator[IO[str]]:
    """A text file that is there once all is written, or not at all."""
    files, path = filesystem(name)
    with files.transaction, files.open(path, "w", newline="", encoding="utf-8") as file:
        yield file


def batches(names: Sequence[str], batch_size: int) -> Iterator[list[Path | DataError]]:
    """Give files in batches as files of this machine.

    Those that are elsewhere are fetched into a temporary folder, one batch ahead, and deleted as
    soon as the next batch is asked for: no more than two of them take room.

    Args:
        names: Paths and names with a scheme.
        batch_size: Files in a batch.

    Yields:
        A path for each, or the error of one that does not exist. One that cannot be reached for
        another reason is an error of the filesystem.
    """
    runs = [names[first : first + batch_size] for first in range(0, len(names), batch_size)]
    if not any(map(is_one, names)):
        yield from ([local(name) for name in run] for run in runs)
        return
    with (
        tempfile.TemporaryDirectory(prefix="zoo-") as folder,
        ThreadPoolExecutor(1) as thread,
    ):
        folders = [Path(folder, str(number)) for number in range(len(runs))]
        ahead = thread.submit(_fetch, runs[0], folders[0])
        for number, kept in enumerate(folders):
            here = ahead.result()
            if number + 1 < len(runs):
                ahead = thread.submit(_fetch, runs[number + 1], folders[number + 1])
            yield here
            shutil.rmtree(kept)


def _fetch(names: Sequence[str], folder: Path) -> list[Path | DataError]:
    """Fetch files at once, as many as the filesystem likes."""
    folder.mkdir()
    found: dict[str, Path | DataError] = {name: local(name) for name in names if not is_one(name)}
    away = {name: filesystem(name) for name in names if is_one(name)}
    for files in {id(each): each for each, _ in away.values()}.values():
        paths = {name: path for name, (each, path) in away.items() if each is files}
        content = files.cat(list(paths.values()), on_error="return")
        for number, (name, path) in enumerate(paths.items()):
            given = content[path]
            if isinstance(given, FileNotFoundError):
                found[name] = DataError(f"{name}: No such file or directory")
            elif isinstance(given, Exception):
                raise given
            else:
                found[name] = folder / f"{number}{Path(path).suffix}"
                found[name].write_bytes(given)
    return [found[name] for name in names]
