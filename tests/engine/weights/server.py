"""A server on this machine, over https, that can misbehave in every way that a test asks for."""

from __future__ import annotations

import hashlib
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

CERTIFICATE = Path(__file__).with_name("localhost.pem")
BODY = bytes(range(256)) * 12000  # three chunks
SHA256 = hashlib.sha256(BODY).hexdigest()
MIDDLE = 1_500_000


class Handler(BaseHTTPRequestHandler):
    """The page says how it behaves; what was asked is kept as (page, range)."""

    protocol_version = "HTTP/1.1"
    asked: list[tuple[str, str | None]]

    def do_GET(self) -> None:
        page = self.path.rpartition("/")[2]
        self.asked.append((page, self.headers["Range"]))
        self.close_connection = True
        if page in ("404", "500", "503"):
            self.send_error(int(page))
            return
        if page.startswith("to-"):
            target = {"to-http": "http://localhost:1/whole", "to-whole": "whole"}[page]
            self.send_response(302)
            self.send_header("Location", target)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self._send(page)

    def _send(self, page: str) -> None:
        body = b"x" * len(BODY) if page == "other" else BODY
        start = self._start(page)
        self.send_response(206 if start or page == "strange" else 200)
        if start or page == "strange":
            total = 7 if page == "strange" else len(body)
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{total}")
        if page != "unsized":
            self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        stop = len(body)
        if page in ("short", "stall") or (page == "once-short" and not start):
            stop = max(start, MIDDLE)
        if page == "long":
            body, stop = body + b"more", len(body) + 4
        self.wfile.write(body[start:stop])
        if page == "stall":
            self.wfile.flush()
            time.sleep(2)

    def _start(self, page: str) -> int:
        given = self.headers["Range"]
        return 0 if given is None or page == "rangeless" else int(given[6:].rstrip("-"))

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@contextmanager
def served() -> Iterator[str]:
    """Run the server; gives its address."""
    Handler.asked = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *_: None  # clients that break off are what this is for
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"https://localhost:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
