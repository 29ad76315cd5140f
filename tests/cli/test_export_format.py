"""Formats that plugins add to `zoo export` are held to the same proof as ONNX."""

from __future__ import annotations

import hashlib
import json
import re

import keras
import numpy as np
import pytest

import zoo
from zoo import registry
from zoo.cli.main import main
from zoo.engine import artefact
from zoo.errors import ExportError

from ..test_plugins import with_hooks

# A format whose files Keras reads again: what they answer is known.
FORMAT = """
    from zoo.api import ExportError, ExportFormat, hookimpl

    def write(model, folder):
        model.save(folder / "weights.keras")
        return [folder / "weights.keras"]

    def logits(folder, images):
        import keras
        return keras.models.load_model(folder / "weights.keras")(images)["logits"]

    @hookimpl
    def zoo_export_formats():
        return [ExportFormat("again", "Keras once more.", write, logits)]
"""


def run(capsys, *words: object) -> tuple[int, str, str]:
    code = main([str(word) for word in words])
    return (code, *capsys.readouterr())


@pytest.fixture
def file(tmp_path, colour_model):
    return artefact.save(colour_model, tmp_path / "colours.keras")


@pytest.fixture
def acme(install):
    return install("acme-zoo", with_hooks(FORMAT), entry="acme")


def test_a_plugins_format_stands_where_the_onnx_file_would(capsys, acme, file, tmp_path):
    out = tmp_path / "deploy"
    code, text, err = run(capsys, "export", file, "--format", "again", "--out", out)
    size = f"{(out / 'weights.keras').stat().st_size:,}"
    assert (code, text) == (
        0,
        f"model    {out}/weights.keras ({size} bytes)\n"
        "format   again of acme-zoo 0.3\n"
        "classes  3\n"
        "parity   logits differ by 0 at most, 0 of the largest; same first class on 100% of 12 "
        "pictures\n",
    )
    assert err == (
        f"loading {file}\n"
        "asking Keras about 12 pictures\n"
        "converting and writing\n"
        "comparing with what again answers\n"
    )
    names = sorted(path.name for path in out.iterdir())
    assert names == [
        "SHA256SUMS",
        "golden.npz",
        "labels.txt",
        "parity.json",
        "weights.keras",
        "zoo.json",
    ]
    facts = json.loads((out / "zoo.json").read_text())
    assert (facts["format"], facts["plugin"]) == ("again", "acme-zoo 0.3")
    assert facts["classes"] == ["blue", "green", "red"]
    digest = hashlib.sha256((out / "weights.keras").read_bytes()).hexdigest()
    assert f"{digest}  weights.keras" in (out / "SHA256SUMS").read_text()


def test_verify_says_that_it_reads_another_format(capsys, acme, file, tmp_path):
    out = tmp_path / "deploy"
    assert run(capsys, "export", file, "--format", "again", "--out", out)[0] == 0
    assert run(capsys, "verify", out) == (
        2,
        "",
        f"error: {out} is in the format again of acme-zoo 0.3; zoo verify reads ONNX\n"
        f"  hint: the files are checked by: cd {out} && sha256sum -c SHA256SUMS\n",
    )


def test_the_python_function_takes_a_format_too(acme, colour_model, tmp_path):
    facts = zoo.export(colour_model, tmp_path / "deploy", format="again")
    assert facts["parity"]["max_difference"] == 0
    assert list(facts["files"]) == ["weights.keras"]
    with pytest.raises(ExportError, match="no export format named 'agin'"):
        zoo.export(colour_model, tmp_path / "other", format="agin")


def test_a_model_of_mixed_precision_is_handed_over_in_float32(acme, tmp_path):
    model = zoo.build(
        "small-cnn:width=0.125+linear", classes=3, input_size=32, dtype="mixed_float16", seed=1
    )
    facts = zoo.export(model, tmp_path / "deploy", format="again")
    written = keras.models.load_model(tmp_path / "deploy" / "weights.keras")
    assert {layer.compute_dtype for layer in written.layers} == {"float32"}
    assert facts["parity"]["largest_logit"] > 0
    picture = np.full((1, 32, 32, 3), 90.0, np.float32)
    given, expected = written(picture)["probabilities"], model(picture)
    assert np.abs(np.asarray(given) - np.asarray(expected)).max() < 1e-2


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["--format", "agian"], "no export format named 'agian'\n  hint: did you mean again?"),
        (["--format", "coreml"], "no export format named 'coreml'\n  hint: formats: onnx, again"),
        (["--format", "again", "--opset", "17"], "--opset is for ONNX\n  hint: leave it out"),
        (
            ["--format", "again", "--input-dtype", "uint8"],
            "--input-dtype is for ONNX\n  hint: leave it out",
        ),
    ],
)
def test_a_wrong_call_is_refused(capsys, acme, tmp_path, words, error):
    out = tmp_path / "deploy"
    assert run(capsys, "export", "vgg16+linear", *words, "--out", out) == (
        2,
        "",
        f"error: {error}\n",
    )


def test_two_formats_of_one_name_are_nobodys(capsys, acme, install, tmp_path):
    files = {
        name: text.replace("acme_zoo", "twin_zoo") for name, text in with_hooks(FORMAT).items()
    }
    install("twin-zoo", files, entry="twin")
    words = ("export", "vgg16+linear", "--format", "again", "--out", tmp_path / "deploy")
    assert run(capsys, *words) == (
        2,
        "",
        "error: the format 'again' is given by acme-zoo 0.3 and twin-zoo 0.3\n"
        "  hint: switch one off: zoo plugins disable\n",
    )


REPORT = "report it to the authors of acme-zoo"


@pytest.mark.parametrize(
    ("old", "new", "code", "error"),
    [
        (
            '["logits"]',
            '["logits"] + 1',
            1,
            "the exported model differs from its original: logits are off by 1 on A, "
            "accepted is 0.00026",
        ),
        (
            '["logits"]',
            '["logits"][:, :2]',
            2,
            "the format again of acme-zoo 0.3 gave logits of shape (12, 2), expected (12, 3)\n"
            f"  hint: {REPORT}",
        ),
        (
            '["logits"]',
            '["nothing"]',
            2,
            "the format again of acme-zoo 0.3 could not ask its own file: KeyError: 'nothing'\n"
            f"  hint: {REPORT}",
        ),
        (
            'model.save(folder / "weights.keras")',
            "raise SystemExit(3)",
            2,
            "the format again of acme-zoo 0.3 could not write the model: SystemExit: 3\n"
            f"  hint: {REPORT}",
        ),
        (
            'model.save(folder / "weights.keras")',
            'raise ExportError("too large for a phone", "use a smaller width")',
            2,
            "too large for a phone\n  hint: use a smaller width",
        ),
        (
            'model.save(folder / "weights.keras")',
            "pass",
            2,
            f"the format again of acme-zoo 0.3 wrote no file weights.keras\n  hint: {REPORT}",
        ),
        (
            'return [folder / "weights.keras"]',
            "return []",
            2,
            f"the format again of acme-zoo 0.3 wrote nothing\n  hint: {REPORT}",
        ),
    ],
)
def test_a_format_that_fails_leaves_nothing(capsys, install, file, tmp_path, old, new, code, error):
    install("acme-zoo", with_hooks(FORMAT.replace(old, new)), entry="acme")
    words = ("export", file, "--format", "again", "--out", tmp_path / "deploy")
    failed, text, err = run(capsys, *words)
    assert (failed, text) == (code, "")
    # Which picture is worst is up to the last digit.
    err = re.sub(r"on [a-z0-9-]+, accepted", "on A, accepted", err)
    assert err[err.index("error: ") :] == f"error: {error}\n"
    assert not (tmp_path / "deploy").exists()


def test_what_is_no_format_is_a_problem_of_the_plugin(capsys, install, tmp_path):
    source = FORMAT.replace('[ExportFormat("again", "Keras once more.", write, logits)]', '["x"]')
    install("acme-zoo", with_hooks(source), entry="acme")
    words = ("export", "vgg16+linear", "--format", "again", "--out", tmp_path / "deploy")
    assert run(capsys, *words) == (
        2,
        "",
        "warning: plugin acme (acme-zoo 0.3): zoo_export_formats gave a list of something else "
        "than zoo.api.ExportFormat\n"
        "error: no export format named 'again'\n  hint: formats: onnx\n",
    )
    assert registry.load().problems
