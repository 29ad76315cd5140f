"""Downloads from a server on this machine that misbehaves: whole and verified, or not there."""

from __future__ import annotations

import errno
import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from zoo.engine import download as module
from zoo.engine.download import download
from zoo.engine.weights.pin import Pin, digest
from zoo.errors import WeightsError

from .server import BODY, CERTIFICATE, MIDDLE, SHA256, Handler, served

PIN = Pin(SHA256, size=len(BODY))
KEPT = "\n  hint: what came is kept: the same command goes on from there"
CHANGED = "\n  hint: nothing was kept; the publisher changed the file"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of the server, whose certificate is trusted as a company's would be."""
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    with served() as address:
        yield address


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.suffix != ".lock")


def refusal(url: str, path: Path, pin: Pin = PIN, mirrors: tuple[str, ...] = ()) -> str:
    with pytest.raises(WeightsError) as caught:
        download(url, path, pin, mirrors)
    return str(caught.value)


@pytest.mark.parametrize("page", ["whole", "to-whole", "unsized"])
def test_keeps_what_it_verified_and_asks_once(tmp_path, server: str, page: str) -> None:
    path = tmp_path / "weights" / "file"
    for _ in range(2):
        assert download(f"{server}/{page}", path, PIN) == path
    assert path.read_bytes() == BODY
    assert [each for each, _ in Handler.asked if each == page] == [page]
    assert names(path.parent) == ["file"]
    assert digest(path, "md5") == hashlib.md5(BODY).hexdigest()


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("404", "answers 404 Not Found\n  hint: the publisher took the file away or moved it"),
        ("500", "answers 500 Internal Server Error\n  hint: try later"),
        ("503", "answers 503 Service Unavailable\n  hint: try later"),
        ("to-http", "leads to http://localhost:1/whole, accepted is https only"),
        (
            "other",
            f"has sha256 {hashlib.sha256(b'x' * len(BODY)).hexdigest()}, the manifest says "
            f"{SHA256}{CHANGED}",
        ),
        ("strange", f"holds 7 bytes, the manifest says {len(BODY)}{CHANGED}"),
    ],
)
def test_keeps_nothing_else(tmp_path, server: str, page: str, text: str) -> None:
    url = f"{server}/{page}"
    assert refusal(url, tmp_path / "file") == f"{url} {text}"
    assert names(tmp_path) == []


def test_a_file_of_another_size_is_refused_before_it_is_read(tmp_path, server: str) -> None:
    url = f"{server}/whole"
    text = f"{url} holds {len(BODY)} bytes, the manifest says 7{CHANGED}"
    assert refusal(url, tmp_path / "file", Pin(SHA256, size=7)) == text
    assert names(tmp_path) == []


def test_the_size_caps_a_stream_of_no_stated_length(tmp_path, server: str) -> None:
    url = f"{server}/unsized"
    text = f"{url} holds more than 7 bytes, the manifest says 7{CHANGED}"
    assert refusal(url, tmp_path / "file", Pin(SHA256, size=7)) == text
    assert names(tmp_path) == []


def test_plain_http_is_refused_unasked(tmp_path) -> None:
    assert refusal("http://localhost/file", tmp_path / "file") == (
        "http://localhost/file is no https address, accepted is https only"
    )


def test_an_untrusted_certificate_is_refused(tmp_path, server: str, monkeypatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    assert "CERTIFICATE_VERIFY_FAILED" in refusal(f"{server}/whole", tmp_path / "file")
    assert Handler.asked == []


def test_a_truncated_transfer_says_so_and_is_kept(tmp_path, server: str) -> None:
    url = f"{server}/short"
    text = f"{url} broke off after {MIDDLE} of {len(BODY)} bytes{KEPT}"
    assert refusal(url, tmp_path / "file") == text
    assert (tmp_path / "file.part").read_bytes() == BODY[:MIDDLE]
    assert not (tmp_path / "file").exists()


def test_a_broken_transfer_is_continued_where_it_broke(tmp_path, server: str) -> None:
    assert download(f"{server}/once-short", tmp_path / "file", PIN).read_bytes() == BODY
    assert Handler.asked == [("once-short", None), ("once-short", f"bytes={MIDDLE}-")]
    assert names(tmp_path) == ["file"]


def test_without_ranges_it_starts_again(tmp_path, server: str) -> None:
    (tmp_path / "file.part").write_bytes(b"y" * 1000)
    assert download(f"{server}/rangeless", tmp_path / "file", PIN).read_bytes() == BODY
    assert Handler.asked == [("rangeless", "bytes=1000-")]


def test_a_part_of_another_file_never_becomes_the_file(tmp_path, server: str) -> None:
    (tmp_path / "file.part").write_bytes(b"y" * 1000)
    wrong = hashlib.sha256(b"y" * 1000 + BODY[1000:]).hexdigest()
    url = f"{server}/whole"
    text = f"{url} has sha256 {wrong}, the manifest says {SHA256}{CHANGED}"
    assert refusal(url, tmp_path / "file") == text
    assert names(tmp_path) == []


def test_a_stall_is_cut_short(tmp_path, server: str, monkeypatch) -> None:
    monkeypatch.setattr(module, "TIMEOUT", 0.3)
    monkeypatch.setattr(module, "CHUNK", 1 << 16)
    monkeypatch.setattr(module, "ATTEMPTS", 1)
    url = f"{server}/stall"
    text = refusal(url, tmp_path / "file")
    assert text.endswith(f" of {len(BODY)} bytes (no byte for 0.3 seconds){KEPT}")
    assert not (tmp_path / "file").exists()


def test_no_network_says_what_to_put_where(tmp_path) -> None:
    url = "https://nowhere.invalid/file"
    text = refusal(url, tmp_path / "file")
    assert text.startswith(f"{url} cannot be reached: ")
    assert text.endswith(
        f"\n  hint: or put the file of {len(BODY):,} bytes with sha256 {SHA256} "
        f"at {tmp_path / 'file'}"
    )


def test_offline_asks_nobody(tmp_path, server: str, monkeypatch) -> None:
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    url, path = f"{server}/whole", tmp_path / "file"
    assert refusal(url, path, mirrors=(url,)) == (
        f"{url} is not on this machine and ZOO_OFFLINE forbids the network\n"
        f"  hint: put the file of {len(BODY):,} bytes with sha256 {SHA256} at {path}"
    )
    assert Handler.asked == []
    path.write_bytes(BODY)
    assert download(url, path, PIN) == path


def test_mirrors_go_first_and_may_be_wrong(tmp_path, server: str) -> None:
    mirrors = (str(tmp_path / "nothing"), f"{server}/404", f"{server}/other", f"{server}/whole")
    assert download(f"{server}/500", tmp_path / "file", PIN, mirrors).read_bytes() == BODY
    assert [page for page, _ in Handler.asked] == ["404", "other", "whole"]
    assert names(tmp_path) == ["file"]


def test_a_folder_is_a_mirror_offline(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    (tmp_path / "mirror").write_bytes(BODY)
    path = tmp_path / "cache" / "file"
    download("https://nowhere.invalid/file", path, PIN, [str(tmp_path / "mirror")])
    assert path.read_bytes() == BODY


def test_a_full_disk_is_a_sentence_and_leaves_nothing(tmp_path, server: str, monkeypatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(module.os, "fsync", full)
    path = tmp_path / "file"
    assert refusal(f"{server}/whole", path) == (
        f"{path} cannot be written: No space left on device\n"
        "  hint: set ZOO_CACHE to a folder on a disk with room that you may write to"
    )
    assert not path.exists()


def test_a_cache_that_cannot_be_made_is_a_sentence(tmp_path, server: str) -> None:
    (tmp_path / "taken").touch()
    path = tmp_path / "taken" / "file"
    assert refusal(f"{server}/whole", path).startswith(f"{path} cannot be written: ")
    assert Handler.asked == []


CHILD = """
import sys
from pathlib import Path
from zoo.engine.download import download
from zoo.engine.weights.pin import Pin
url, path, sha256, size = sys.argv[1:]
download(url, Path(path), Pin(sha256, size=int(size)))
assert Path(path).stat().st_size == int(size)
"""


def start(url: str, path: Path) -> subprocess.Popen:
    words = [url, str(path), SHA256, str(len(BODY))]
    return subprocess.Popen([sys.executable, "-c", CHILD, *words], stderr=subprocess.DEVNULL)


def test_those_who_wait_find_it_there(tmp_path, server: str) -> None:
    with ThreadPoolExecutor(8) as pool:  # a lock that is opened twice excludes threads as well
        paths = pool.map(lambda _: download(f"{server}/whole", tmp_path / "file", PIN), range(8))
    assert set(paths) == {tmp_path / "file"}
    assert Handler.asked == [("whole", None)]


@pytest.mark.slow
def test_twenty_processes_download_it_once(tmp_path, server: str) -> None:
    children = [start(f"{server}/whole", tmp_path / "file") for _ in range(20)]
    assert [child.wait() for child in children] == [0] * 20
    assert Handler.asked == [("whole", None)]
    assert names(tmp_path) == ["file"]


def test_a_killed_download_is_resumed(tmp_path, server: str) -> None:
    child = start(f"{server}/stall", tmp_path / "file")
    part = tmp_path / "file.part"
    while not (part.exists() and part.stat().st_size):
        assert child.poll() is None
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    child.wait()
    have = part.stat().st_size
    download(f"{server}/whole", tmp_path / "file", PIN)
    assert (tmp_path / "file").read_bytes() == BODY
    assert Handler.asked == [("stall", None), ("whole", f"bytes={have}-")]
