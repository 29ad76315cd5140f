"""`zoo weights` and `zoo build` with weights: what they print, fetch, keep and refuse."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import zoo
from tests.engine.weights.server import BODY, CERTIFICATE, SHA256, Handler, served
from zoo import registry
from zoo.cli.main import main
from zoo.engine.weights import local
from zoo.index import cache_folder

PARTS = '''
    def tiny(inputs):
        """One convolution."""
'''


@pytest.fixture
def server(tmp_path, monkeypatch, install) -> Iterator[str]:
    """A server, and a plugin whose backbone has one set of weights there."""
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    with served() as address:
        manifest = f"""
            schema = 1
            [backbone.tiny]
            target = "wts.parts:tiny"
            [backbone.tiny.weights.far]
            source = "{address}/whole"
            sha256 = "{SHA256}"
            size = {len(BODY)}
            license = "MIT"
        """
        install("wts", {"registry.toml": manifest, "parts.py": PARTS})
        yield address


def run(capsys, *words: object) -> tuple[int, str, str]:
    code = main([str(word) for word in words])
    out, err = capsys.readouterr()
    return code, out, err


def test_a_bundle_serves_a_machine_without_a_network(tmp_path, capsys, server, monkeypatch) -> None:
    kept = cache_folder() / "weights" / SHA256
    bundle = tmp_path / "bundle"
    code, out, _ = run(capsys, "weights", "fetch", "wts/tiny@far", "--bundle", bundle)
    assert (code, out) == (
        0,
        "weights           bytes  file\n"
        f"------------  ---------  {'-' * len(str(bundle / 'weights' / SHA256))}\n"
        f"wts/tiny@far  {len(BODY):,}  {bundle / 'weights' / SHA256}\n\n"
        f"on the other machine: export ZOO_MIRROR={bundle} ZOO_OFFLINE=1\n",
    )
    assert kept.read_bytes() == BODY

    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    assert run(capsys, "weights", "fetch", "wts/tiny@far")[0] == 2
    monkeypatch.setenv("ZOO_MIRROR", str(bundle))
    assert run(capsys, "weights", "fetch", "wts/tiny@far")[0] == 0
    assert (tmp_path / "elsewhere" / "weights" / SHA256).read_bytes() == BODY
    assert [page for page, _ in Handler.asked] == ["whole"]


def test_an_altered_file_is_found_and_fetched_again(capsys, server) -> None:
    run(capsys, "weights", "fetch", "wts/tiny@far")
    path = cache_folder() / "weights" / SHA256
    assert run(capsys, "weights", "verify")[:2] == (0, "1 files verified\n")
    path.write_bytes(b"other")
    code, out, err = run(capsys, "weights", "verify")
    assert (code, out) == (1, f"0 files verified\n{path}\n")
    assert err == (
        "error: 1 of 1 files were altered and are deleted\n"
        "  hint: they are fetched again when they are needed\n"
    )
    assert not path.exists()
    path.write_bytes(b"other")
    assert run(capsys, "weights", "fetch", "wts/tiny@far")[0] == 0
    assert path.read_bytes() == BODY


def test_where_list_and_gc(capsys, server) -> None:
    path = cache_folder() / "weights" / SHA256
    code, out, _ = run(capsys, "weights", "where", "wts/tiny@far", "--json")
    assert (code, json.loads(out)["file"], json.loads(out)["here"]) == (0, str(path), False)
    run(capsys, "weights", "fetch", "wts/tiny@far")
    _, out, _ = run(capsys, "weights", "list", "wts/tiny")
    assert out.splitlines()[2].split() == [
        "wts/tiny@far", f"{len(BODY):,}", "MIT", "yes", f"{server}/whole",
    ]  # fmt: skip
    stray, part = path.with_name("a" * 64), path.with_name("b" * 64 + ".part")
    stray.write_bytes(b"12345")
    part.write_bytes(b"123")
    words = f"2 files, 8 bytes\n{stray}\n{part}\n"
    assert run(capsys, "weights", "gc", "--dry-run")[1] == f"would delete {words}"
    assert run(capsys, "weights", "gc")[1] == f"deleted {words}"
    assert (path.exists(), stray.exists(), part.exists()) == (True, False, False)
    run(capsys, "weights", "gc", "--all")
    assert not path.exists()


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (
            ["weights", "fetch", "small-cnn"],
            "small-cnn names a backbone, weights are named NAME@TAG\n"
            "  hint: write small-cnn@shapes",
        ),
        (
            ["build", "small-cnn@shapes+linear", "--license-allow", "MIT,BSD-3-Clause"],
            "the weights @shapes (package://shapes.weights.h5) are under the licence Apache-2.0, "
            "accepted: bsd-3-clause, mit\n"
            "  hint: use other weights, or add the licence to --license-allow",
        ),
        (
            ["build", "vgg16@imagenet+linear", "--license-allow", "MIT"],
            "the weights @imagenet "
            "(keras://vgg16/vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5) are under no "
            "licence that is stated, accepted: mit\n"
            "  hint: use other weights, or add the licence to --license-allow",
        ),
        (
            ["build", "small-cnn+linear", "--weights", "no.h5"],
            "no.h5 does not exist\n  hint: give a file of weights",
        ),
        (
            ["build", "small-cnn+linear", "--weights-format", "timm-vgg"],
            "--weights-format is for a file\n  hint: name it: --weights FILE",
        ),
        (
            ["export", "small-cnn+linear", "--out", "x", "--weights-normalization", "tf"],
            "--weights-normalization is for a file\n  hint: name it: --weights FILE",
        ),
    ],
)
def test_says_what_is_wrong(capsys, words: list[str], text: str) -> None:
    assert run(capsys, *words) == (2, "", f"error: {text}\n")


def test_a_tag_that_does_not_exist(capsys) -> None:
    code, _, err = run(capsys, "info", "small-cnn@shape")
    assert code == 2
    assert "small-cnn has no weights tagged 'shape'" in err
    assert "available: shapes, none" in err


def test_info_of_a_tag(capsys) -> None:
    code, out, _ = run(capsys, "info", "small-cnn@shapes")
    facts = dict(line.split(maxsplit=1) for line in out.splitlines())
    assert code == 0
    assert facts["weights"] == "@shapes"
    assert (facts["size"], facts["resize"]) == ("64x64", "stretched")
    assert facts["license"] == "Apache-2.0"
    assert facts["published"].startswith("95 % top-1 (")


def test_build_tells_what_was_loaded(capsys) -> None:
    words = ("build", "small-cnn@shapes+linear", "--license-allow", "apache-2.0")
    _, out, _ = run(capsys, *words, "--classes", 10)
    assert "\n19 layers loaded from package://shapes.weights.h5\n  sha256 " in out
    assert "new:" not in out
    _, out, _ = run(capsys, *words, "--classes", 7)
    assert "18 layers loaded" in out
    assert out.endswith("  new: logits (the model has 7 classes, the weights have 10)\n")


def test_export_asks_for_the_licence_of_a_stored_model(capsys, tmp_path: Path) -> None:
    file = tmp_path / "m.keras"
    run(capsys, "build", "small-cnn@shapes+linear", "--classes", 10, "--out", file)
    words = ("export", file, "--out", tmp_path / "deploy", "--license-allow", "MIT")
    code, _, err = run(capsys, *words)
    assert (code, err.count("under the licence Apache-2.0")) == (2, 1)


def test_a_checkpoint_of_another_library_says_its_pixels(capsys, tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    file.write_bytes((2).to_bytes(8, "little") + b"{}")
    words = ("build", "vgg11+linear", "--weights", file, "--weights-format", "timm-vgg")
    code, _, err = run(capsys, *words)
    assert (code, err) == (
        2,
        f"error: {file} does not say what pixels its weights expect\n"
        "  hint: look it up where they come from, and say --weights-normalization torch (mean and "
        "deviation of ImageNet), tf (-1 to 1) or caffe (BGR, mean taken)\n",
    )


def test_export_takes_weights_of_ones_own(capsys, tmp_path: Path) -> None:
    file, deploy = tmp_path / "own.weights.h5", tmp_path / "deploy"
    spec = "small-cnn:width=0.1+linear"
    zoo.build(spec, classes=3, input_size=16, seed=1).save_weights(file)
    words = ("export", spec, "--out", deploy, "--classes", 3, "--input-size", 16)
    code, *_ = run(capsys, *words, "--weights", file, "--weights-normalization", "torch")
    assert code == 0
    facts = json.loads((deploy / "zoo.json").read_text())
    weights = facts["resolved"]["backbone"]["weights"]
    assert weights["source"] == f"file://{file}"
    assert weights["normalization"]["std"] == [0.229, 0.224, 0.225]


def test_train_takes_weights_of_ones_own(capsys, tmp_path: Path, colours: Path) -> None:
    file, out = tmp_path / "own.weights.h5", tmp_path / "run"
    spec = "small-cnn:width=0.1+linear"
    zoo.build(spec, classes=5, input_size=16, seed=1).save_weights(file)
    words = ("train", spec, colours, "--out", out, "--recipe", "head", "--epochs", 1)
    words += ("--input-size", 16, "--weights", file, "--weights-normalization", "torch")
    code, _, err = run(capsys, *words)
    assert code == 0, err
    facts = json.loads((out / "run.json").read_text())
    assert facts["load_report"]["source"] == f"file://{file}"
    assert "the weights have 5" in facts["load_report"]["reinitialised"]["logits"]
    assert facts["normalization"]["std"] == [0.229, 0.224, 0.225]
    parts = registry.load()
    named = parts.resolve(parts.parse(facts["spec"]))
    begun = local.use(named, file, None, "torch")
    assert local.again(named, facts["resolved"]).document() == begun.document()
