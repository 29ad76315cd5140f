"""Export from end to end: what the folder holds, and that nothing half done bears its name."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import onnx
import pytest
from keras import layers
from PIL import Image

import zoo
from zoo import registry
from zoo.engine import artefact, run
from zoo.engine.export import bundle, convert, fold
from zoo.errors import ExportError, ParityFailure

FILES = [
    *("MODEL_CARD.md", "SHA256SUMS", "golden.npz", "kserve.yaml", "labels.txt", "model.onnx"),
    *("parity.json", "predict.py", "sbom.cdx.json", "zoo.json"),
]


@pytest.fixture(scope="module")
def deployed(small, tmp_path_factory):
    """An exported model's folder, and what the export returned."""
    out = tmp_path_factory.mktemp("deployed") / "deep" / "deploy"
    return out, zoo.export(small(), out)


def names(folder):
    return sorted(path.name for path in folder.iterdir() if path.is_file())


def test_the_folder_is_whole(deployed):
    out, document = deployed

    assert names(out) == FILES
    assert [path.name for path in out.parent.iterdir()] == ["deploy"]
    assert (out / "labels.txt").read_text() == "0\n1\n2\n3\n"
    facts = json.loads((out / "zoo.json").read_text())
    digest = hashlib.sha256((out / "model.onnx").read_bytes()).hexdigest()
    assert facts["sha256"] == digest
    assert facts["bytes"] == (out / "model.onnx").stat().st_size
    assert json.loads((out / "parity.json").read_text())["sha256"] == digest
    assert facts["inputs"] == [{"name": "image", "dtype": "uint8", "shape": ["batch", 32, 32, 3]}]
    given = [each["name"] for each in facts["outputs"]]
    assert given == ["probabilities", "logits", "embedding", "cam"]
    assert facts["preprocess"]["size"] == [32, 32]
    assert facts["classes"] == ["0", "1", "2", "3"]
    assert facts["operations"]["Conv"] == 9
    assert {**facts, "out": str(out)}.items() <= document.items()
    assert document["parity"]["max_difference"] <= document["parity"]["tolerance"]


def test_the_checksums_are_those_of_sha256sum(deployed):
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=deployed[0], check=True)


def test_the_file_describes_itself(deployed):
    out, document = deployed
    held = {each.key: each.value for each in onnx.load(out / "model.onnx").metadata_props}

    assert json.loads(held["zoo.labels"]) == document["classes"]
    assert json.loads(held["zoo.preprocess"]) == document["preprocess"]
    assert json.loads(held["zoo.arch"]) == document["arch"] == "small-cnn:width=0.125+linear"
    assert list(json.loads(held["zoo.outputs"])) == ["cam", "embedding", "logits", "probabilities"]


def test_golden_logits_are_those_of_keras(deployed, small):
    with np.load(deployed[0] / "golden.npz") as golden:
        images, logits = golden["images"], golden["logits"]
    network = keras.Model(small().input, small().get_layer("logits").output)

    expected = network.predict(images, verbose=0)

    np.testing.assert_allclose(logits, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def test_a_run_is_asked_about_its_own_pictures(small, tmp_path):
    for split in ("train", "test"):
        for label, shade in (("dark", 40), ("light", 200)):
            folder = tmp_path / "data" / split / label
            folder.mkdir(parents=True)
            Image.new("RGB", (40, 30), (shade, shade, 7)).save(folder / "one.png")
    facts = {
        "spec": "small-cnn:width=0.125+linear",
        "classes": ["0", "1", "2", "3"],
        "input_size": [32, 32],
        "seed": 0,
        "data": {"root": str(tmp_path / "data")},
    }
    with run.create(tmp_path / "run", facts) as made:
        artefact.save(small(), made.model)

    zoo.export(tmp_path / "run", tmp_path / "deploy")

    with np.load(tmp_path / "deploy" / "golden.npz") as golden:
        real = golden["images"][4:]
    assert real.shape == (8, 32, 32, 3)
    assert {tuple(pixel) for pixel in real.reshape(-1, 3)} == {(40, 40, 7), (200, 200, 7)}


def test_a_run_whose_pictures_are_gone_is_asked_about_photographs(small, tmp_path):
    facts = {"input_size": [32, 32], "seed": 0, "data": {"root": str(tmp_path / "gone")}}
    with run.create(tmp_path / "run", facts) as made:
        artefact.save(small(), made.model)

    document = zoo.export(tmp_path / "run", tmp_path / "deploy", input_dtype="float32")

    assert document["inputs"][0]["dtype"] == "float32"
    assert len(document["parity"]["pictures"]) == 12


def test_a_sequential_model_of_somebody_else(tmp_path):
    chain = [layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(3, activation="softmax")]
    model = keras.Sequential([keras.Input((8, 7, 3)), *chain], name="My Model")

    document = zoo.export(model, tmp_path / "deploy")

    assert document["arch"] == ""
    assert document["name"] == "my-model"
    assert document["classes"] == ["0", "1", "2"]


def test_mixed_precision_is_compared_in_float32(tmp_path):
    model = zoo.build("small-cnn:width=0.125+linear", classes=2, dtype="mixed_bfloat16")

    document = zoo.export(model, tmp_path / "deploy")

    assert document["parity"]["max_difference"] <= 1e-5 * document["parity"]["largest_logit"]


def test_a_folder_in_use_is_left_alone(small, tmp_path):
    (tmp_path / "deploy").mkdir()
    (tmp_path / "deploy" / "mine").write_text("keep")

    with pytest.raises(ExportError) as error:
        zoo.export(small(), tmp_path / "deploy")

    assert str(error.value) == (
        f"{tmp_path / 'deploy'} already holds something\n  hint: choose another --out, or remove it"
    )
    assert names(tmp_path / "deploy") == ["mine"]


def test_a_folder_that_cannot_be_made(small, tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(ExportError) as error:
        zoo.export(small(), tmp_path / "file" / "deploy")

    assert str(error.value) == (
        f"{tmp_path / 'file' / 'deploy'} cannot be made: {tmp_path / 'file'} is no folder one can "
        "write to"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"opset": 9}, "opset 9 is not accepted\n  hint: accepted: 13 to 18; 17 is best"),
        (
            {"input_dtype": "float16"},
            "input dtype 'float16' is not accepted\n  hint: accepted: uint8, float32",
        ),
    ],
)
def test_options_that_are_not_accepted(options, message, small, tmp_path):
    with pytest.raises(ExportError) as error:
        zoo.export(small(), tmp_path / "deploy", **options)

    assert str(error.value) == message
    assert not list(tmp_path.iterdir())


def test_a_model_that_lost_its_meaning_is_kept_under_another_name(small, tmp_path, monkeypatch):
    right = fold.affine
    # The classic slip: the variance where its root belongs.
    monkeypatch.setattr(
        fold, "affine", lambda layer, values: fold.Affine(right(layer).scale ** 2, 0.0)
    )

    with pytest.raises(ParityFailure) as error:
        zoo.export(small(), tmp_path / "deploy")

    assert error.value.hint == f"the file is kept as {tmp_path / 'deploy.failed.onnx'}"
    assert names(tmp_path) == ["deploy.failed.onnx"]
    onnx.checker.check_model(tmp_path / "deploy.failed.onnx")


def test_an_operation_that_onnx_lacks_is_named(tmp_path, classifier):
    # tf2onnx leaves what it has no rule for in the graph and says nothing.
    model = classifier([keras.layers.Rescaling(1 / 512), keras.ops.erfinv])

    with pytest.raises(ExportError) as error:
        zoo.export(model, tmp_path / "deploy")

    assert error.value.message == "no ONNX operation of opset 17 for Erfinv"
    assert names(tmp_path) == ["deploy.failed.onnx"]


def test_what_a_manifest_says_of_it_is_repeated(small, tmp_path, monkeypatch):
    def refuse(*args, **kwargs):
        raise ExportError("no ONNX operation of opset 17 for Erfinv", "replace the layers")

    (plugin,) = (each for each in registry.load().plugins if each.name == "heads")
    declared = {"head/linear::converts_to_onnx": "its quantile has no rule"}
    monkeypatch.setattr(registry, "load", lambda: Plugins(replace(plugin, xfail=declared)))
    monkeypatch.setattr(convert, "convert", refuse)

    with pytest.raises(ExportError) as error:
        zoo.export(small(), tmp_path / "deploy")

    assert str(error.value) == (
        "no ONNX operation of opset 17 for Erfinv\n  hint: known: its quantile has no rule"
    )


class Plugins:
    """A registry of one plugin."""

    def __init__(self, plugin):
        self.plugins = [plugin]


def test_a_second_try_takes_the_failed_file_away(small, tmp_path):
    (tmp_path / "deploy.failed.onnx").write_text("old")

    zoo.export(small(), tmp_path / "deploy")

    assert [path.name for path in tmp_path.iterdir()] == ["deploy"]


COMMAND = "from zoo.cli.main import main; raise SystemExit(main())"

DEEP = ("convnext-tiny", "minception", "nasnet-mobile", "efficientnet-v2-b0", "resnet50", "vgg16bn")
"""Graphs of every kind, in which tf2onnx has most to find its way through."""


@pytest.mark.slow
@pytest.mark.parametrize("backbone", DEEP)
def test_processes_of_any_hash_seed_write_the_same_folder(backbone, tmp_path):
    sums = set()
    for seed in ("0", "1", "77"):
        out = tmp_path / seed
        words = ["export", f"{backbone}+linear", "--classes", "5", "--seed", "1", "--out", str(out)]
        subprocess.run(
            [sys.executable, "-c", COMMAND, *words],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        )
        # parity.json holds what was measured.
        lines = (out / bundle.SUMS).read_text().splitlines()
        sums.add("\n".join(line for line in lines if not line.endswith(bundle.PARITY)))

    assert "model.onnx" in next(iter(sums))
    assert len(sums) == 1


@pytest.mark.slow
def test_the_flagship_takes_at_most_three_times_its_weights(tmp_path):
    path = Path(__file__).parents[3] / "benchmarks" / "export.py"
    spec = importlib.util.spec_from_file_location("benchmark", path)
    benchmark = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.parent))  # for its neighbour `record`
    try:
        spec.loader.exec_module(benchmark)
    finally:
        sys.path.remove(str(path.parent))
    baseline = benchmark.measured([sys.executable, "-c", "import tensorflow"])["peak"]
    words = ["export", "vgg16bn+dense-bn", "--out", str(tmp_path / "deploy"), "--json"]

    facts = benchmark.export([*benchmark.ZOO, *words])

    assert facts["bytes"] == pytest.approx(4 * 138_400_000, rel=0.01)
    assert facts["peak"] - baseline <= 3 * facts["bytes"]
    assert facts["difference"] <= 1e-4 * facts["largest_logit"]
