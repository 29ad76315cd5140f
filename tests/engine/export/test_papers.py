"""What goes along with a model: a program without TensorFlow, papers, and a bill of materials."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import zoo
from zoo.engine.export import papers

# What a machine has that only serves the model.
FORBIDDEN = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("tensorflow", "keras", "zoo", "onnx", "tf2onnx", "sklearn"):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Absent())
import runpy
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture(scope="module")
def deployed(small, tmp_path_factory):
    out = tmp_path_factory.mktemp("deployed") / "deploy"
    zoo.export(small(), out)
    return out


def ask(folder, *words):
    command = [sys.executable, "-c", FORBIDDEN, str(folder / "predict.py"), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_names_a_picture_as_zoo_does(deployed, small, picture):
    answer = ask(deployed, "--top", 2, picture)

    (expected,) = zoo.predict(small(), picture, top=2)
    first, second = expected["top"]
    assert answer.stderr == "model.onnx (the only one)\n"
    assert answer.stdout == (
        f"{picture}: {first['class']} {100 * first['probability']:.1f} %, "
        f"{second['class']} {100 * second['probability']:.1f} %\n"
    )


def test_a_picture_that_cannot_be_read_is_named(deployed, tmp_path):
    (tmp_path / "rose.jpg").write_bytes(b"none")

    answer = ask(deployed, tmp_path / "rose.jpg")

    assert answer.returncode == 1
    assert answer.stdout.startswith(f"{tmp_path / 'rose.jpg'}: cannot be read: ")


def test_tests_itself(deployed):
    answer = ask(deployed, "--self-test")

    assert answer.returncode == 0
    assert answer.stdout.startswith("model.onnx: ok: logits off by ")


def test_the_self_test_sees_other_weights(deployed, tmp_path, classifier):
    copy = shutil.copytree(deployed, tmp_path / "deploy")
    golden = dict(np.load(copy / "golden.npz"))
    golden["logits"] = golden["logits"] * 1.01
    np.savez_compressed(copy / "golden.npz", **golden)

    answer = ask(copy, "--self-test")

    assert answer.returncode == 1
    assert "FAILED" in answer.stdout


@pytest.mark.parametrize(
    ("machine", "flags", "form"),
    [
        ("x86_64", "fpu avx2 avx512f avx512_vnni", "int8"),
        ("x86_64", "fpu avx_vnni", "int8"),
        ("x86_64", "fpu avx2 avx512f", "int8_reduce_range"),
        ("arm64", "", "int8"),
        ("AMD64", "", "float32"),
    ],
)
def test_the_form_that_suits_the_processor(machine, flags, form, tmp_path, monkeypatch):
    files = {"float32": "a", "int8": "b", "int8_reduce_range": "c"}
    (tmp_path / "zoo.json").write_text(json.dumps({"files": files}))
    shutil.copyfile(papers.TEMPLATES / "predict.py", tmp_path / "predict.py")
    code = (
        "import runpy, platform, sys\n"
        f"sys.path.insert(0, {str(tmp_path)!r})\n"
        "import predict\n"
        f"predict.platform.machine = lambda: {machine!r}\n"
        f"predict.cpu_flags = lambda: set({flags!r}.split())\n"
        "print(predict.choose()[0])"
    )

    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert told.stdout.strip() == files[form]


def test_the_card_says_what_it_is(deployed):
    card = (deployed / "MODEL_CARD.md").read_text()

    assert "small-cnn:width=0.125+linear, exported to ONNX by zoo" in card
    assert "It sorts pictures into 4 classes: 0, 1, 2, 3." in card
    assert "| input | `image`, uint8 ['batch', 32, 32, 3], RGB 0..255 |" in card
    assert "stretch to 32x32, bilinear, antialiased; normalised in the graph" in card
    assert "{" not in card


def test_kserve_is_told_the_protocol_that_its_runtime_speaks(deployed):
    text = (deployed / "kserve.yaml").read_text()

    yaml = pytest.importorskip("yaml")
    service = yaml.safe_load(text)
    assert service["kind"] == "InferenceService"
    model = service["spec"]["predictor"]["model"]
    assert model["modelFormat"] == {"name": "onnx"}
    assert model["protocolVersion"] == "v2"
    assert service["metadata"]["name"] == "small-cnn-linear"


def test_the_bill_of_materials(deployed):
    bill = json.loads((deployed / "sbom.cdx.json").read_text())
    sums = dict(
        reversed(line.split("  ")) for line in (deployed / "SHA256SUMS").read_text().splitlines()
    )

    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    by_name = {each["name"]: each for each in bill["components"]}
    assert by_name["model.onnx"]["hashes"][0]["content"] == sums["model.onnx"]
    assert by_name["tf2onnx"]["purl"] == "pkg:pypi/tf2onnx@1.17.0"
    refs = {each["bom-ref"] for each in bill["components"]}
    assert all(set(each["dependsOn"]) <= refs for each in bill["dependencies"])


def test_the_bill_keeps_to_its_schema(deployed):
    validation = pytest.importorskip("cyclonedx.validation.json")
    schema = pytest.importorskip("cyclonedx.schema")
    validator = validation.JsonStrictValidator(schema.SchemaVersion.V1_6)

    assert validator.validate_str((deployed / "sbom.cdx.json").read_text()) is None


def test_the_golden_pictures_can_be_opened(deployed):
    with np.load(deployed / "golden.npz") as golden:
        names, images = golden["names"], golden["images"]
    for name, image in zip(names, images, strict=True):
        with Image.open(deployed / "golden" / f"{name}.png") as opened:
            np.testing.assert_array_equal(np.asarray(opened), image)


@pytest.mark.slow
def test_serves_in_an_environment_without_tensorflow(deployed, picture, tmp_path):
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run(
        [python, "-m", "pip", "install", "-q", "numpy", "onnxruntime", "pillow"], check=True
    )
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}

    for words in (["--self-test"], [str(picture)]):
        answer = subprocess.run(
            [python, "predict.py", *words],
            cwd=Path(deployed),
            env=clean,
            capture_output=True,
            text=True,
            check=False,
        )
        assert answer.returncode == 0, answer.stderr
