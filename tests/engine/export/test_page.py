"""The web page: its runtime, and in a headless browser its answers."""

from __future__ import annotations

import contextlib
import functools
import html
import http.server
import json
import re
import shutil
import subprocess
import threading

import numpy as np
import pytest

import zoo
from zoo.engine.export import page
from zoo.errors import ExportError

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")


def test_without_npm_it_is_said_at_once(monkeypatch, tmp_path):
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path))
    monkeypatch.setenv("PATH", "")

    with pytest.raises(ExportError) as error:
        page.check()

    assert str(error.value) == (
        "the web page needs onnxruntime-web, which npm fetches, and there is no npm\n"
        "  hint: install Node.js, or leave --web out"
    )


def test_a_package_that_is_not_the_one_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path))
    page._cached().parent.mkdir(parents=True)
    page._cached().write_bytes(b"something else")

    with pytest.raises(ExportError) as error:
        page.runtime()

    assert error.value.message == (
        "what npm gave is not onnxruntime-web@1.30.0: its digest differs"
    )
    assert not page._cached().exists()


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves and says nothing."""

    extensions_map = {**http.server.SimpleHTTPRequestHandler.extensions_map}  # noqa: RUF012
    extensions_map[".mjs"] = "text/javascript"

    def log_message(self, *args):
        pass


@contextlib.contextmanager
def served(folder):
    """Serve a folder as any file server does; gives its address."""
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def looked_at(address, scratch):
    """The page's document once its scripts have come to rest."""
    words = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    words += [f"--user-data-dir={scratch}", "--virtual-time-budget=60000", "--dump-dom"]
    return subprocess.run(
        [BROWSER, *words, address], capture_output=True, text=True, check=True, timeout=120
    ).stdout


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="needs a Chromium")
@pytest.mark.skipif(shutil.which("npm") is None, reason="needs npm")
def test_the_page_answers_as_the_file_does(small, tmp_path):
    zoo.export(small(), tmp_path / "deploy", web=True)
    with np.load(tmp_path / "deploy" / "golden.npz") as golden:
        place = golden["names"].tolist().index("real-2")
        logits, cam = golden["logits"][place], golden["cam"][place]

    with served(tmp_path / "deploy" / "web") as address:
        document = looked_at(f"{address}/index.html#real-2.png", tmp_path / "browser")

    told = {
        name: json.loads(html.unescape(value))
        for name, value in re.findall(r'data-(logits|cam)="([^"]*)"', document)
    }
    np.testing.assert_allclose(told["logits"], logits, atol=1e-4 * np.abs(logits).max())
    np.testing.assert_allclose(np.reshape(told["cam"], cam.shape), cam, atol=1e-3 * cam.max())
    assert re.search(r'<p id="status" role="status">answered in \d+ ms</p>', document)
    assert f"<span>{logits.argmax()}</span>" in document
    assert 'id="switch" hidden' not in document
