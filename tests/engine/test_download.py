"""Downloads from a server on this machine: whole and verified, or not there."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from zoo.engine.download import digest, download
from zoo.errors import WeightsError

BODY = bytes(range(256)) * 9000  # more than two chunks
SHA256 = hashlib.sha256(BODY).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Serves `/whole`, `/short` (breaks off) and `/other`; keeps what it was asked."""

    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        body = {"/whole": BODY, "/short": BODY, "/other": b"x" * len(BODY)}.get(self.path)
        if body is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:1000] if self.path == "/short" else body)

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@pytest.fixture
def server() -> Iterator[str]:
    Handler.asked = []
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_keeps_what_it_verified_and_asks_once(tmp_path, server: str) -> None:
    path = tmp_path / "weights" / "file.h5"
    for _ in range(2):
        assert download(f"{server}/whole", path, sha256=SHA256, size=len(BODY)) == path
    assert path.read_bytes() == BODY
    assert Handler.asked == ["/whole"]
    assert [entry.name for entry in path.parent.iterdir()] == ["file.h5"]
    assert digest(path) == SHA256
    assert digest(path, "md5") == hashlib.md5(BODY).hexdigest()


@pytest.mark.parametrize(
    ("page", "size", "text"),
    [
        (
            "other",
            len(BODY),
            "{url} has sha256 " + hashlib.sha256(b"x" * len(BODY)).hexdigest() + ", the manifest "
            f"says {SHA256}\n  hint: nothing was kept; the publisher changed the file",
        ),
        (
            "whole",
            len(BODY) - 1,
            f"{{url}} holds more than {len(BODY) - 1} bytes, the manifest says {len(BODY) - 1}\n"
            "  hint: nothing was kept; the publisher changed the file or the transfer broke off",
        ),
        (
            "short",
            len(BODY),
            f"{{url}} holds 1000 bytes, the manifest says {len(BODY)}\n"
            "  hint: nothing was kept; the publisher changed the file or the transfer broke off",
        ),
        (
            "nowhere",
            len(BODY),
            "{url} cannot be downloaded: Not Found\n"
            "  hint: try again, or see that the address is right",
        ),
    ],
)
def test_keeps_nothing_else(tmp_path, server: str, page: str, size: int, text: str) -> None:
    url = f"{server}/{page}"
    with pytest.raises(WeightsError) as caught:
        download(url, tmp_path / "file.h5", sha256=SHA256, size=size)
    assert str(caught.value) == text.format(url=url)
    assert list(tmp_path.iterdir()) == []


def test_offline_says_what_to_put_where(tmp_path, server: str, monkeypatch) -> None:
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    path = tmp_path / "file.h5"
    with pytest.raises(WeightsError) as caught:
        download(f"{server}/whole", path, sha256=SHA256, size=len(BODY))
    assert str(caught.value) == (
        f"{server}/whole is not on this machine and ZOO_OFFLINE forbids the network\n"
        f"  hint: put the file of {len(BODY)} bytes with sha256 {SHA256} at {path}"
    )
    assert Handler.asked == []
    path.write_bytes(BODY)
    assert download(f"{server}/whole", path, sha256=SHA256, size=len(BODY)) == path
