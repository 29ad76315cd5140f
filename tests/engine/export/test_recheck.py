"""An exported folder checked again: without TensorFlow, and whatever happened to its files."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

import zoo
from zoo.engine.export import bundle
from zoo.errors import ExportError, ParityFailure


@pytest.fixture(scope="module")
def original(small, tmp_path_factory):
    out = tmp_path_factory.mktemp("original") / "deploy"
    zoo.export(small(), out)
    return out


@pytest.fixture
def deployed(original, tmp_path):
    """A copy that a test may spoil."""
    return shutil.copytree(original, tmp_path / "deploy")


def failure(folder, kind=ParityFailure):
    with pytest.raises(kind) as error:
        zoo.verify(folder)
    return str(error.value)


def sign(folder):
    """Make the checksums right again, as somebody would who replaced a file on purpose."""
    (folder / bundle.SUMS).unlink()
    bundle.write_sums(folder)


def test_needs_neither_keras_nor_tensorflow(original):
    code = (
        "import sys, json, zoo\n"
        "facts = zoo.verify(sys.argv[1])\n"
        "heavy = {'keras', 'tensorflow', 'tf2onnx', 'sklearn'} & set(sys.modules)\n"
        "print(json.dumps([sorted(facts['files']), sorted(heavy)]))"
    )

    child = subprocess.run(
        [sys.executable, "-c", code, str(original)], capture_output=True, text=True, check=True
    )

    files, heavy = json.loads(child.stdout)
    assert heavy == []
    assert {"model.onnx", "zoo.json", "golden.npz", "labels.txt", "parity.json"} <= set(files)


def test_files_that_came_later_do_not_matter(deployed):
    (deployed / "notes.txt").write_text("mine")

    facts = zoo.verify(deployed)

    assert "notes.txt" not in facts["files"]
    assert facts["parity"]["max_difference"] <= facts["parity"]["tolerance"]


@pytest.mark.parametrize("name", ["model.onnx", "zoo.json", "labels.txt", "golden.npz"])
def test_a_changed_byte(name, deployed):
    path = deployed / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)

    assert (
        failure(deployed) == f"{deployed}: changed since the export: {name}\n  hint: export again"
    )


def test_a_missing_file(deployed):
    (deployed / "golden.npz").unlink()

    assert failure(deployed) == f"{deployed} lacks golden.npz\n  hint: export again"


def test_a_list_that_leaves_the_model_out(deployed):
    path = deployed / bundle.SUMS
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if "model.onnx" not in line))

    assert failure(deployed) == f"{deployed} lacks model.onnx\n  hint: export again"


@pytest.mark.parametrize("line", ["nonsense", f"{'0' * 64}  ../../etc/passwd", f"{'0' * 64}  /x"])
def test_a_list_that_is_no_list(line, deployed):
    (deployed / bundle.SUMS).write_text(line + "\n")

    assert failure(deployed) == (
        f"{deployed / 'SHA256SUMS'}: line 1 cannot be read\n  hint: export again"
    )


def test_weights_that_were_replaced_on_purpose(deployed):
    model = onnx.load(deployed / "model.onnx")
    (tensor,) = (t for t in model.graph.initializer if t.name == "logits/kernel")
    array = numpy_helper.to_array(tensor) * np.float32(1.01)
    tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
    onnx.save(model, deployed / "model.onnx")
    sign(deployed)

    message = failure(deployed)

    assert message.startswith(
        "model.onnx: the exported model differs from its original: logits are off by "
    )
    assert message.endswith(
        "  hint: export again on this machine to see whether it computes differently"
    )


def test_a_description_of_another_model(deployed):
    facts = json.loads((deployed / "zoo.json").read_text())
    facts["inputs"][0]["shape"] = ["batch", 64, 64, 3]
    bundle.write_json(deployed / "zoo.json", facts)
    sign(deployed)

    found = [{"name": "image", "dtype": "uint8", "shape": ["batch", 32, 32, 3]}]
    assert failure(deployed) == (
        f"{deployed / 'model.onnx'} has inputs {found}, its description says {facts['inputs']}\n"
        "  hint: export again"
    )


@pytest.mark.parametrize(
    "change",
    [
        {"files": None},
        {"files": {"float32": "other.onnx"}},
        {"tolerances": {}},
        {"outputs": []},
    ],
)
def test_a_description_of_nothing(change, deployed):
    facts = json.loads((deployed / "zoo.json").read_text())
    bundle.write_json(deployed / "zoo.json", {**facts, **change})
    sign(deployed)

    assert failure(deployed) == (
        f"{deployed / 'zoo.json'} does not describe the files beside it\n  hint: export again"
    )


def test_a_folder_does_not_choose_its_own_tolerance(deployed):
    facts = json.loads((deployed / "zoo.json").read_text())
    bundle.write_json(deployed / "zoo.json", {**facts, "tolerances": {"model.onnx": 1e9}})
    golden = dict(np.load(deployed / "golden.npz"))
    np.savez_compressed(deployed / "golden.npz", **{**golden, "logits": golden["logits"] * 1.01})
    sign(deployed)

    assert "logits are off by " in failure(deployed)


def test_a_model_that_is_none(deployed):
    (deployed / "model.onnx").write_bytes(b"no model")
    sign(deployed)

    assert failure(deployed) == f"{deployed / 'model.onnx'} is no ONNX file"


def test_folders_that_are_no_exports(tmp_path):
    assert failure(tmp_path / "none", ExportError) == (
        f"no folder {tmp_path / 'none'}\n  hint: give the --out of zoo export"
    )
    assert failure(tmp_path, ExportError) == (
        f"{tmp_path} is no exported model: it holds no SHA256SUMS\n"
        "  hint: give the --out of zoo export"
    )
