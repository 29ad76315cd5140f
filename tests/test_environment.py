"""What zoo runs in is told by asking, never by loading."""

import json
import subprocess
import sys

import pytest

from zoo import __version__, environment
from zoo.environment import Accelerators

from .conftest import ACME


def test_versions_are_those_of_the_environment(monkeypatch):
    monkeypatch.setattr(environment, "PACKAGES", ("pluggy", "no-such-package"))
    import pluggy

    found = environment.versions()
    assert (found["zoo"], found["environment"]) == (__version__, sys.prefix)
    assert (found["pluggy"], found["no-such-package"]) == (pluggy.__version__, "not installed")


def test_the_cache_is_measured(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    assert environment.cache() == {"path": str(tmp_path / "cache"), "files": 0, "bytes": 0}
    (tmp_path / "cache" / "weights").mkdir(parents=True)
    (tmp_path / "cache" / "weights" / "a.h5").write_bytes(b"x" * 1000)
    (tmp_path / "cache" / "index.json").write_bytes(b"{}")
    assert environment.cache() == {"path": str(tmp_path / "cache"), "files": 2, "bytes": 1002}


def test_what_is_required_and_not_there(install):
    folder = install("acme-zoo", ACME, entry="acme")
    metadata = folder.parent / "acme_zoo-0.3.dist-info" / "METADATA"
    requirements = (
        "pluggy>=1",
        "pluggy<1",
        "no-such-package==3",
        "no-such-package>4; python_version < '3'",
        "no-such-package>5; extra == 'fast'",
        "this is no requirement",
    )
    lines = "".join(f"Requires-Dist: {requirement}\n" for requirement in requirements)
    metadata.write_text(metadata.read_text() + lines)
    import pluggy

    assert list(environment.unmet("acme-zoo")) == [
        (f"pluggy<1 is needed, {pluggy.__version__} is installed", "pluggy<1"),
        ("no-such-package==3 is not installed", "no-such-package==3"),
    ]
    assert list(environment.unmet("nobody-zoo")) == []


def test_what_zoo_requires_is_there():
    assert list(environment.unmet("keras-zoo")) == []


@pytest.mark.parametrize(
    ("code", "answer"),
    [
        ("print('noise'); print('[\"NVIDIA H200\"]')", Accelerators(["NVIDIA H200"])),
        ("print([])", Accelerators([])),
        ("import no_such", Accelerators(None, "ModuleNotFoundError: No module named 'no_such'")),
        ("import os; os._exit(3)", Accelerators(None, "exit status 3")),
        ("import time; time.sleep(60)", Accelerators(None, "it takes more than 1 s")),
    ],
)
def test_tensorflow_is_asked_in_a_process_of_its_own(monkeypatch, code, answer):
    monkeypatch.setattr(environment, "_ASK", code)
    limit = 1 if "sleep" in code else 60
    assert environment.accelerators(timeout=limit) == answer


@pytest.mark.slow
def test_tensorflow_answers_and_is_not_loaded_here():
    code = (
        "import json, sys; from zoo import environment; found = environment.accelerators();"
        "print(json.dumps([found.names, found.fault, 'tensorflow' in sys.modules]))"
    )
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    names, fault, loaded = json.loads(child.stdout)
    assert (isinstance(names, list), fault, loaded) == (True, "", False)


@pytest.mark.parametrize(
    ("names", "visible", "idle"),
    [([], None, True), ([], "-1", False), ([], "", False), (["a"], None, False), (None, "", False)],
)
def test_a_gpu_that_tensorflow_does_not_see(monkeypatch, tmp_path, names, visible, idle):
    (tmp_path / "0000:01:00.0").mkdir()
    monkeypatch.setattr(environment, "DRIVER", tmp_path)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert Accelerators(names).idle is idle
    monkeypatch.setattr(environment, "DRIVER", tmp_path / "no-driver")
    assert not Accelerators(names).idle
