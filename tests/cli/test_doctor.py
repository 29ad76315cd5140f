import json

import pytest

from zoo import environment, registry
from zoo.cli.main import main
from zoo.environment import Accelerators
from zoo.index import Index

from ..conftest import ACME
from ..test_plugins import GOOD, with_hooks

CHECKS = """\
ok    what keras-zoo 0.1.0 requires is installed
ok    cache folder can be written
ok    index of manifests is fresh
"""


def told(capsys, *words):
    """Exit code, blocks of the output, and what was said on stderr."""
    code = main(["doctor", *words])
    out, err = capsys.readouterr()
    return code, out.split("\n\n"), err


@pytest.fixture
def starts(monkeypatch):
    """TensorFlow starts and sees no GPU."""
    monkeypatch.setattr(environment, "accelerators", lambda: Accelerators([]))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")


@pytest.fixture
def alone(monkeypatch):
    """Nothing of zoo itself is imported, which takes its seconds."""
    load = registry.load

    def strangers(*words, **names):
        found = load(*words, **names)
        others = [plugin for plugin in found.plugins if plugin.distribution != "keras-zoo"]
        return registry.Registry(others, found.config)

    monkeypatch.setattr(registry, "load", strangers)


def test_a_healthy_zoo_has_no_problem(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path))
    (tmp_path / "weights.h5").write_bytes(b"x" * 2_500_000)
    registry.refresh()
    code, (environment, plugins, checks), err = told(capsys, "--static")
    assert (code, err, checks) == (0, "", CHECKS)
    rows = dict(line.split(maxsplit=1) for line in environment.splitlines())
    assert rows["zoo"] == "0.1.0"
    size = sum(path.stat().st_size for path in tmp_path.iterdir())
    assert rows["cache"] == f"{tmp_path} (2 files, {size / 1e6:.1f} MB)"
    assert "accelerators" not in rows
    assert plugins.splitlines()[0].split() == ["plugin", "from", "state", "reason"]


def test_it_says_what_it_calculates_on(capsys, starts, alone):
    code, (environment, _, checks), err = told(capsys)
    assert (code, err, checks) == (0, "", f"{CHECKS[:-1]}\nok    TensorFlow starts\n")
    assert environment.splitlines()[-1] == "accelerators  none"


def test_a_gpu_that_is_not_used_is_a_finding(capsys, starts, alone, monkeypatch, tmp_path):
    (tmp_path / "0000:01:00.0").mkdir()
    monkeypatch.setattr(environment, "DRIVER", tmp_path)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    code, (_, _, checks), err = told(capsys)
    assert (code, err) == (1, "error: 1 problem found\n")
    assert checks.splitlines()[-1] == (
        "FAIL  TensorFlow sees the GPU: pip install 'keras-zoo[gpu]' brings CUDA's libraries"
    )


def test_tensorflow_that_does_not_start_is_a_finding(capsys, alone, monkeypatch):
    fault = Accelerators(None, "ImportError: libcudart")
    monkeypatch.setattr(environment, "accelerators", lambda: fault)
    code, blocks, _ = told(capsys)
    assert code == 1
    assert "FAIL  TensorFlow starts: ImportError: libcudart; reinstall it" in blocks[-1]


def test_what_is_missing_or_too_old_is_named(capsys, monkeypatch):
    faults = [("keras>=9 is needed, 3.15.1 is installed", "keras>=9")]
    monkeypatch.setattr(
        environment, "unmet", lambda name: iter(faults if name == "keras-zoo" else ())
    )
    code, blocks, _ = told(capsys, "--static")
    assert code == 1
    assert blocks[-1].splitlines()[0] == (
        "FAIL  what keras-zoo 0.1.0 requires is installed: keras>=9 is needed, 3.15.1 is "
        "installed: pip install 'keras>=9'"
    )


def test_what_a_plugin_requires_is_told_with_its_name(capsys, install):
    folder = install("acme-zoo", ACME, entry="acme")
    metadata = folder.parent / "acme_zoo-0.3.dist-info" / "METADATA"
    metadata.write_text(metadata.read_text() + "Requires-Dist: pluggy<1\n")
    code, blocks, err = told(capsys, "--static")
    assert (code, err) == (1, "error: 1 problem found\n")
    assert blocks[-1].startswith("acme (acme-zoo 0.3): pluggy<1 is needed, ")
    assert blocks[-1].endswith("  remedy: pip install 'pluggy<1'\n")


def test_a_cache_that_is_no_folder(capsys, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "file" / "cache"))
    registry.refresh()
    code, blocks, _ = told(capsys, "--static")
    assert code == 1
    assert blocks[-1].splitlines()[1] == (
        f"FAIL  cache folder can be written: make {tmp_path}/file a folder that you can write to, "
        "or point ZOO_CACHE at one of yours"
    )


def test_an_index_that_cannot_be_replaced(capsys, acme, monkeypatch):
    registry.load()
    monkeypatch.setattr(Index, "save", lambda index: None)
    (acme / "parts.py").write_text((acme / "parts.py").read_text() + "\n")
    registry.refresh()
    code, blocks, _ = told(capsys, "--static")
    assert code == 1
    assert blocks[-1].startswith(CHECKS[: CHECKS.index("ok    index")])
    line = blocks[-1].splitlines()[2]
    assert line.startswith("FAIL  index of manifests is fresh: acme-zoo 0.3 acme ")
    assert line.endswith("cannot be replaced: delete it")


def test_a_plugins_own_checks_stand_beside_ours(capsys, install, starts, alone):
    install("acme-zoo", with_hooks(GOOD.replace("True", "False")), entry="acme")
    code, blocks, err = told(capsys)
    assert (code, err) == (1, "error: 1 problem found\n")
    assert blocks[-1].splitlines()[-1] == "FAIL  the moon is there (acme): look up"


def test_a_plugin_that_hangs_or_ends_does_not_end_the_doctor(
    capsys, install, starts, alone, monkeypatch
):
    monkeypatch.setenv("ZOO_PROBE_TIMEOUT", "5")
    ends = GOOD.replace("return [", "import os; os._exit(0); return [")
    install("acme-zoo", with_hooks(ends), entry="acme")
    hangs = with_hooks("import time; time.sleep(60)")
    hangs = {name: text.replace("acme_zoo", "slow_zoo") for name, text in hangs.items()}
    install("slow-zoo", hangs, entry="slow")
    code, blocks, err = told(capsys)
    assert (code, err) == (1, "error: 2 problems found\n")
    assert [block.strip() for block in blocks[-2:]] == [
        "slow (slow-zoo 0.3): slow_zoo.hooks takes more than 5 s to import\n"
        "  remedy: report it to the authors, or switch it off: ZOO_DISABLE=slow",
        "acme (acme-zoo 0.3): zoo_doctor_checks of acme_zoo.hooks ends the process "
        "(exit status 0)\n"
        "  remedy: report it to the authors, or switch it off: ZOO_DISABLE=acme",
    ]


def test_the_culprit_is_named_and_the_exit_code_is_1(capsys, install, monkeypatch, starts):
    source = "raise OSError('gone')\n" + ACME["parts.py"].replace("\n        ", "\n")
    folder = install("acme-zoo", ACME | {"parts.py": source}, entry="acme")
    monkeypatch.setenv("PYTHONPATH", str(folder.parent))
    monkeypatch.setenv("ZOO_NO_PLUGINS", "")
    assert main(["doctor", "--json"]) == 1
    out, err = capsys.readouterr()
    facts = json.loads(out)
    (problem,) = facts["problems"]
    assert problem["plugin"] == "acme"
    assert problem["origin"] == "acme-zoo 0.3"
    assert problem["reason"] == "acme_zoo.parts raises OSError when imported: gone"
    assert problem["remedy"] == "report it to the authors, or switch it off: ZOO_DISABLE=acme"
    assert err == "error: 1 problem found\n"
    assert facts["environment"]["keras"].startswith("3.")


def test_a_manifest_that_is_missing_is_named(capsys, install):
    install("acme-zoo", {}, entry="acme")
    assert main(["doctor", "--static"]) == 1
    out, _ = capsys.readouterr()
    assert "acme (acme-zoo 0.3): registry.toml is not inside acme_zoo" in out
    assert "remedy: is it in the wheel? see the build's file list" in out
