"""A model on disk comes back whole, and Keras alone can open it."""

from __future__ import annotations

import json
import pickle
import zipfile

import h5py
import keras
import numpy as np
import pytest

import zoo
from zoo.engine import anatomy, artefact
from zoo.errors import ModelError, RunError


@pytest.fixture
def model() -> keras.Model:
    return zoo.build("small-cnn:width=0.1+dense-bn:units=5", classes=["a", "b"], input_size=16)


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize(
    "name", ["small-cnn:width=0.1+dense-bn:units=5", "minception:width=0.1+linear:dropout=0.5"]
)
def test_comes_back_equal_with_its_anatomy(tmp_path, name: str, dtype: str) -> None:
    model = zoo.build(name, classes=["a", "b"], input_size=16, dtype=dtype)
    random = np.random.default_rng(0)
    model.set_weights([random.uniform(0.1, 1, w.shape) for w in model.get_weights()])
    path = artefact.save(model, tmp_path / "model.keras")
    again = zoo.load(path)
    x = random.integers(0, 256, (2, 16, 16, 3)).astype("uint8")
    np.testing.assert_array_equal(model(x), again(x))
    assert anatomy.of(again) == anatomy.of(model)
    assert list(anatomy.stages(again)) == list(anatomy.stages(model))
    assert [layer.name for layer in again.layers] == [layer.name for layer in model.layers]
    assert again.output.dtype == "float32"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["model.keras"]


def test_keras_alone_loads_it(tmp_path, model) -> None:
    path = artefact.save(model, tmp_path / "model.keras")
    again = keras.saving.load_model(path)
    x = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3)).astype("uint8")
    np.testing.assert_array_equal(model(x), again(x))


def test_loads_from_the_folder_of_a_run(tmp_path, model) -> None:
    artefact.save(model, tmp_path / "model.keras")
    assert anatomy.of(zoo.load(tmp_path)) == anatomy.of(model)


def test_a_file_of_keras_alone_gets_the_anatomy_of_a_stranger(tmp_path, model) -> None:
    path = tmp_path / "foreign.keras"
    model.save(path)
    facts = anatomy.of(zoo.load(path))
    assert facts.spec == ""
    assert facts.taps == {"stage3_out": "stage3_out"}


def test_says_what_is_inside(tmp_path, model) -> None:
    path = artefact.save(model, tmp_path / "model.keras")
    with zipfile.ZipFile(path) as archive:
        document = json.loads(archive.read("zoo.json"))
    assert document["format"] == 1
    assert document["spec"] == "small-cnn:width=0.1+dense-bn:units=5"
    assert document["classes"] == ["a", "b"]
    assert document["taps"] == {
        "stage1": "stage1_out",
        "stage2": "stage2_out",
        "stage3": "stage3_out",
    }


def test_a_failed_save_leaves_the_old_file(tmp_path, model, monkeypatch) -> None:
    path = artefact.save(model, tmp_path / "model.keras")
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(zipfile.ZipFile, "writestr", full)
    with pytest.raises(ModelError) as caught:
        artefact.save(model, path)
    assert str(caught.value) == f"{path} cannot be written: No space left on device"
    assert path.read_bytes() == before
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["model.keras"]


def test_refuses_a_name_that_is_no_models(tmp_path, model) -> None:
    with pytest.raises(ModelError) as caught:
        artefact.save(model, tmp_path / "model.h5")
    assert str(caught.value) == (
        f"{tmp_path / 'model.h5'} is no name for a model\n  hint: let it end in .keras"
    )
    with pytest.raises(ModelError) as caught:
        artefact.save(model, tmp_path / "no" / "model.keras")
    assert str(caught.value) == (
        f"the folder {tmp_path / 'no'} does not exist\n  hint: make it first"
    )


def _write_hdf5(path) -> None:
    with h5py.File(path, "w") as file:
        file["x"] = 1


def _write_torch(path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", b"")


def _write_zip(path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("photo.jpg", b"")


@pytest.mark.parametrize(
    ("write", "kind"),
    [
        (_write_hdf5, "an HDF5 file, whose loader runs code that it finds inside"),
        (
            lambda path: path.write_bytes(pickle.dumps({})),
            "a pickle, which runs code when it is opened",
        ),
        (_write_torch, "a PyTorch file"),
        (_write_zip, "a zip without a model"),
        (lambda path: path.write_bytes(b""), "no zip"),
        (lambda path: path.write_text("hello"), "no zip"),
    ],
)
def test_refuses_other_formats_whatever_their_suffix(tmp_path, write, kind: str) -> None:
    path = tmp_path / "model.keras"
    write(path)
    with pytest.raises(ModelError) as caught:
        zoo.load(path)
    assert str(caught.value) == (
        f"{path} is {kind}; zoo opens .keras files only\n"
        "  hint: open it where it was made, and save it with model.save('model.keras')"
    )


def test_refuses_what_is_not_there(tmp_path) -> None:
    hint = "\n  hint: give the folder of a run, or a .keras file"
    with pytest.raises(RunError) as caught:
        zoo.load(tmp_path / "nothing")
    assert str(caught.value) == f"{tmp_path / 'nothing'} does not exist{hint}"
    with pytest.raises(RunError) as caught:
        zoo.load(tmp_path)
    assert str(caught.value) == f"{tmp_path} is no finished run: it holds no model.keras{hint}"


def test_never_runs_a_function_that_a_file_holds(tmp_path) -> None:
    image = keras.Input((4, 4, 3))
    model = keras.Model(image, keras.layers.Lambda(lambda x: x)(image))
    path = tmp_path / "lambda.keras"
    model.save(path)
    with pytest.raises(ModelError, match=r"lambda\.keras holds a Lambda layer, which is code"):
        zoo.load(path)


@pytest.mark.parametrize(
    ("member", "text"),
    [
        (b"{", "zoo.json is damaged"),
        (b"[]", "zoo.json is damaged"),
        (b'{"format": 1, "zoo": "0.1"}', "zoo.json is damaged"),
        (
            b'{"format": 2, "zoo": "9"}',
            "zoo.json has format 2, this zoo reads 1\n  hint: upgrade keras-zoo",
        ),
    ],
)
def test_a_damaged_anatomy_is_named(tmp_path, model, member: bytes, text: str) -> None:
    path = tmp_path / "model.keras"
    model.save(path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("zoo.json", member)
    with pytest.raises(ModelError) as caught:
        zoo.load(path)
    assert str(caught.value) == f"{path}: {text}"
