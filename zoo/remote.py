"""Files anywhere: what has a scheme, such as s3://bucket/name, is reached through fsspec."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from zoo.errors import DataError, Unreachable, ZooError

PACKAGES = {
    "s3": "s3fs",
    "gs": "gcsfs",
    "az": "adlfs",
    "abfs": "adlfs",
    "https": "aiohttp",
    "http": "aiohttp",
}
"""What fsspec needs for the commonest schemes."""

READERS = (
    "copy or mount them; zoo predict, evaluate, features extract and data check read them there, "
    "with --workers N"
)
"""What to do where pictures are needed on this machine."""

ASKED = 32
"""Files whose sizes are asked for at once."""

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")


def is_one(name: object) -> bool:
    """Whether a name has a scheme other than that of local files."""
    found = _SCHEME.match(str(name))
    return found is not None and found[1] not in ("file", "local")


def local(name: str | Path) -> Path:
    """The path of a local file, with or without a scheme."""
    return Path(re.sub(r"^(file|local)://", "", str(name)))


def here(name: str | Path) -> None:
    """Refuse pictures that are elsewhere, for whoever needs them on this machine.

    Raises:
        DataError: They are.
    """
    if is_one(name):
        raise DataError(f"{name} is elsewhere; pictures of this machine are needed", READERS)


def join(folder: str, name: str) -> str:
    """The name of a file in a folder that is elsewhere."""
    head, chained, chain = folder.partition("::")
    return f"{head if head.endswith('/') else f'{head}/'}{name}{chained}{chain}"


def parent(name: str) -> str:
    """The folder of a file that is elsewhere."""
    head, chained, chain = name.partition("::")
    return head[: head.rfind("/") + 1] + chained + chain


def filesystem(name: str) -> tuple[Any, str]:
    """The filesystem of a name, and the name there.

    Raises:
        DataError: There is no such scheme, what it needs is not installed, or the filesystem itself
            lies where there is nothing.
        Unreachable: It cannot be opened.
    """
    scheme = _SCHEME.match(name)[1]  # type: ignore[index]
    try:
        import fsspec
    except ImportError:
        raise DataError(f"{name} needs fsspec", "pip install 'keras-zoo[remote]'") from None
    if scheme not in fsspec.available_protocols():
        known = ", ".join(f"{each}://" for each in PACKAGES)
        raise DataError(f"{scheme}:// is no scheme of fsspec: {name}", f"such as {known}")
    try:
        with reaching(name):
            found, path = fsspec.core.url_to_fs(name)
    except ImportError:
        needed = PACKAGES.get(scheme, f"what fsspec needs for {scheme}")
        raise DataError(f"{name} needs {needed}", f"pip install {needed}") from None
    return found, path


@contextmanager
def reaching(name: str) -> Iterator[None]:
    """Tell whatever a filesystem says against a name in a sentence.

    Raises:
        DataError: There is nothing of that name.
        Unreachable: Anything else.
    """
    try:
        yield
    except (ZooError, ImportError):
        raise
    except FileNotFoundError:
        raise DataError(f"{name} does not exist", "see to bucket and name") from None
    except Exception as error:
        raise _unreachable(name, error) from None


def _unreachable(name: str, error: Exception) -> Unreachable:
    reason = " ".join(str(error).split())[:200] or type(error).__name__
    return Unreachable(f"{name} cannot be reached: {reason}", "see to credentials and network")


def exists(name: str | Path) -> bool:
    """Whether there is something of that name, here or elsewhere.

    Raises:
        Unreachable: It cannot be told.
    """
    if not is_one(name):
        return local(name).exists()
    files, path = filesystem(str(name))
    with reaching(str(name)):
        files.invalidate_cache()
        return bool(files.exists(path))


def is_file(name: str | Path) -> bool:
    """Whether a name, here or elsewhere, is that of a file; none that ends in a slash is."""
    if not is_one(name):
        return local(name).is_file()
    files, path = filesystem(str(name))
    with reaching(str(name)):
        return not str(name).endswith("/") and bool(files.isfile(path))


def listing(name: str) -> dict[str, int | None]:
    """Files in a folder elsewhere, at any depth.

    Args:
        name: Of the folder.

    Returns:
        Their names below it and their bytes, None where nobody tells; of a folder in it, where it
        is known of, the name with a slash. A file has one name below it, the empty one.

    Raises:
        DataError: There is nothing of that name.
        Unreachable: It cannot be reached.
    """
    files, path = filesystem(name)
    with reaching(name):
        files.invalidate_cache()
        facts = files.find(path, detail=True, withdirs=True) or {path: files.info(path)}
    inside = f"{path.strip('/')}/".lstrip("/")
    found: dict[str, int | None] = {}
    for key, each in facts.items():
        key = key.lstrip("/")
        folder = each.get("type") == "directory" or key.endswith("/")
        if f"{key.rstrip('/')}/" == inside:
            if not folder:
                found[""] = each.get("size")
        elif key.startswith(inside):
            below = key[len(inside) :].rstrip("/")
            found[f"{below}/" if folder else below] = each.get("size")
    return found


def find(name: str) -> dict[str, int]:
    """Pictures in a folder elsewhere, or a file: name to bytes, in the order of paths.

    Raises:
        DataError: There is nothing of that name, or nothing that is called a picture.
        Unreachable: It cannot be reached.
    """
    import mimetypes

    listed = listing(name)
    if "" in listed:
        return {name: listed[""] or 0}
    found = {
        join(name, key): listed[key] or 0
        for key in sorted(listed, key=lambda key: key.split("/"))
        if not key.rpartition("/")[2].startswith(".")
        and (mimetypes.guess_type(key)[0] or "").startswith("image/")
    }
    if not found:
        raise DataError(f"no picture found in {name}", "pictures there are told by their names")
    return found


def sizes(names: Sequence[str]) -> list[int | None]:
    """Bytes of files elsewhere; None of one that does not exist.

    Raises:
        Unreachable: They cannot be reached.
    """
    from concurrent.futures import ThreadPoolExecutor

    def size(name: str) -> int | None:
        files, path = filesystem(name)
        with reaching(name):
            try:
                return int(files.info(path).get("size") or 0)
            except FileNotFoundError:
                return None

    with ThreadPoolExecutor(ASKED) as threads:
        return list(threads.map(size, names))


@contextmanager
def fetched(name: str | Path) -> Iterator[Path]:
    """A file as one of this machine: itself, or a copy of the same name, which is deleted.

    Raises:
        DataError: There is none elsewhere.
        Unreachable: It cannot be reached.
    """
    if not is_one(name):
        yield local(name)
        return
    files, path = filesystem(str(name))
    with tempfile.TemporaryDirectory(prefix="zoo-") as folder:
        copy = Path(folder, Path(path).name)
        with reaching(str(name)):
            files.get_file(path, str(copy))
        yield copy


def put(file: Path, name: str) -> None:
    """Copy a file of this machine to elsewhere, where it is there whole or not at all.

    Raises:
        DataError: There is no such bucket.
        Unreachable: It cannot be reached.
    """
    files, path = filesystem(name)
    with (
        reaching(name),
        file.open("rb") as source,
        files.transaction,
        files.open(path, "wb") as target,
    ):
        shutil.copyfileobj(source, target)


def batches(names: Sequence[str], batch_size: int) -> Iterator[Sequence[Path | DataError]]:
    """Give files in batches as files of this machine.

    Those that are elsewhere are fetched into a temporary folder, one batch ahead, and deleted as
    soon as the next batch is asked for: no more than two of them take room.

    Args:
        names: Paths and names with a scheme.
        batch_size: Files in a batch.

    Yields:
        A path for each, or the error of one that does not exist, which says so and no name.

    Raises:
        Unreachable: Files cannot be reached for another reason.
    """
    from concurrent.futures import ThreadPoolExecutor

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
    copies = {
        name: folder / f"{number}{Path(path).suffix}"
        for number, (name, (_, path)) in enumerate(away.items())
    }
    for files in {id(each): each for each, _ in away.values()}.values():
        paths = {name: path for name, (each, path) in away.items() if each is files}
        # Unlike `cat` it takes names for what they are, with brackets and stars in them.
        contents = files.cat_ranges(list(paths.values()), None, None, on_error="return")
        for name, content in zip(paths, contents, strict=True):
            if isinstance(content, FileNotFoundError):
                found[name] = DataError("No such file or directory")
            elif isinstance(content, Exception):
                raise _unreachable(name, content)
            else:
                copies[name].write_bytes(content)
                found[name] = copies[name]
    return [found[name] for name in names]
