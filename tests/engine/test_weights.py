"""Pretrained weights: the file of a manifest's row ends in the layers of the same names."""

from __future__ import annotations

import hashlib
import sys
import types
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from keras.src.applications import imagenet_utils

import zoo
from zoo import registry
from zoo.engine import anatomy, artefact
from zoo.engine.assemble import assemble
from zoo.engine.weights import local, reader, source
from zoo.engine.weights.pin import Pin, digest
from zoo.errors import WeightsError

PARTS = '''
    import keras


    def pair(inputs, *, filters: int = 4):
        """Two convolutions."""
        x = keras.layers.Conv2D(filters, 3, name="one")(inputs)
        x = keras.layers.BatchNormalization(name="norm")(x)
        return {"a": x, "b": keras.layers.Conv2D(5, 3, name="two")(x)}
'''
HOOKS = '''
    from pathlib import Path

    from zoo.api import hookimpl


    @hookimpl
    def zoo_resolve_weights(source, weights):
        """Files in a folder beside this one."""
        if source.startswith("beside://"):
            return Path(__file__).parent / source.removeprefix("beside://")
'''


@pytest.fixture
def trained() -> keras.Model:
    """A model like the plugin's backbone, with weights of its own and a layer too many."""
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, name="one")(inputs)
    x = keras.layers.BatchNormalization(name="norm")(x)
    x = keras.layers.Conv2D(5, 3, name="two")(x)
    model = keras.Model(inputs, keras.layers.Dense(2, name="classifier")(x))
    random = np.random.default_rng(0)
    model.set_weights([random.uniform(0.1, 1, w.shape) for w in model.get_weights()])
    return model


def _install(install, file: Path | None, **row: str) -> Path:
    """The plugin with one row of weights; `file` is put into its package as `pair.h5`."""
    content = file.read_bytes() if file else b""
    facts = {"source": "package://pair.h5", "sha256": hashlib.sha256(content).hexdigest()} | row
    lines = "".join(f'        {key} = "{value}"\n' for key, value in facts.items())
    manifest = (
        '        schema = 1\n        hooks = "wts.hooks"\n'
        '        [backbone.pair]\n        target = "wts.parts:pair"\n        input = [8, 8]\n'
        f"        [backbone.pair.weights.own]\n{lines}"
        "        normalization = { mean = [0.5, 0.25, 0.125], std = [2, 4, 8], scale = 255 }\n"
    )
    files = {"registry.toml": manifest, "parts.py": PARTS, "hooks.py": HOOKS}
    return install("wts", files | ({"pair.h5": content} if file else {}))


@pytest.mark.parametrize("source", ["package://pair.h5", "beside://pair.h5"])
def test_layers_are_filled_by_name(tmp_path, install, trained, source: str) -> None:
    file = tmp_path / "pair.weights.h5"
    trained.save_weights(file)
    _install(install, file, source=source, license="MIT")
    model = zoo.build("wts/pair@own+linear", classes=3)
    for name in ("one", "norm", "two"):
        for ours, theirs in zip(
            model.get_layer(name).get_weights(), trained.get_layer(name).get_weights(), strict=True
        ):
            np.testing.assert_array_equal(ours, theirs)
    assert anatomy.of(model).load_report == {
        "source": source,
        "sha256": digest(file),
        "md5": "",
        "license": "MIT",
        "loaded": ["one", "norm", "two"],
        "transformed": {},
        "adapted": {},
        "reinitialised": {"logits": "nothing in the file"},
        "skipped": {},
        "unmatched": ["classifier"],
        "classes": [],
    }


def test_the_tags_normalisation_is_in_the_graph(tmp_path, install, trained) -> None:
    file = tmp_path / "pair.weights.h5"
    trained.save_weights(file)
    _install(install, file)
    model = zoo.build("wts/pair@own+linear", classes=3)
    pixel = np.full((1, 8, 8, 3), 51.0)
    normalized = keras.Model(model.input, model.get_layer("normalize").output)(pixel)
    expected = [(0.2 - 0.5) / 2, (0.2 - 0.25) / 4, (0.2 - 0.125) / 8]
    np.testing.assert_allclose(normalized[0, 0, 0], expected, atol=1e-6)
    assert anatomy.of(model).normalization == {
        "order": "rgb",
        "mean": [0.5, 0.25, 0.125],
        "std": [2.0, 4.0, 8.0],
        "scale": 255.0,
    }


def test_https_is_fetched_once_into_the_cache(tmp_path, install, trained, monkeypatch) -> None:
    file = tmp_path / "pair.weights.h5"
    trained.save_weights(file)
    url = "https://weights.example/pair.weights.h5"
    package = _install(install, file, source=url)
    manifest = package / "registry.toml"
    size = file.stat().st_size
    manifest.write_text(manifest.read_text().replace("sha256 =", f"size = {size}\nsha256 ="))
    fetched = []

    def fetch(address: str, path: Path, pin: Pin, mirrors: list[str]) -> None:
        fetched.append((address, pin, mirrors))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.read_bytes())

    monkeypatch.setattr(source, "download", fetch)
    model = zoo.build("wts/pair@own+linear", classes=3)
    assert fetched == [(url, Pin(digest(file), size=size), [])]
    assert anatomy.of(model).load_report["loaded"] == ["one", "norm", "two"]


def test_altered_files_are_refused(tmp_path, install, trained) -> None:
    file = tmp_path / "pair.weights.h5"
    trained.save_weights(file)
    package = _install(install, file)
    (package / "pair.h5").write_bytes(b"other")
    with pytest.raises(WeightsError) as caught:
        zoo.build("wts/pair@own+linear", classes=3)
    assert str(caught.value) == (
        f"{package / 'pair.h5'} has sha256 {hashlib.sha256(b'other').hexdigest()}, "
        f"the manifest says {digest(file)}\n  hint: delete the file, and it is fetched again"
    )


def test_other_shapes_are_refused(tmp_path, install, trained) -> None:
    file = tmp_path / "pair.weights.h5"
    trained.save_weights(file)
    _install(install, file)
    with pytest.raises(WeightsError) as caught:
        zoo.build("wts/pair@own:filters=6+linear", classes=3)
    assert str(caught.value) == (
        "the weights wts/pair@own do not fit: layer norm has 6, 6, 6, 6, the file has 4, 4, 4, 4\n"
        "  hint: leave out options that change the architecture, or build without the tag"
    )


def test_missing_layers_are_refused(tmp_path, install, trained) -> None:
    file = tmp_path / "pair.weights.h5"
    keras.Model(trained.input, trained.get_layer("one").output).save_weights(file)
    _install(install, file)
    with pytest.raises(WeightsError) as caught:
        zoo.build("wts/pair@own+linear", classes=3)
    assert str(caught.value) == (
        "the weights wts/pair@own do not fit: nothing in the file for norm, two\n"
        "  hint: leave out options that change the architecture, or build without the tag"
    )


@pytest.mark.parametrize(
    ("row", "text"),
    [
        (
            {"source": "package://none.h5"},
            "the package wts (wts 0.3) holds no file none.h5\n"
            "  hint: is it in the wheel? Reinstall the plugin",
        ),
        (
            {"source": "package://../secret.h5"},
            "the package wts (wts 0.3) holds no file ../secret.h5\n"
            "  hint: is it in the wheel? Reinstall the plugin",
        ),
        (
            {"source": "moon://pair.h5"},
            "no plugin can fetch moon://pair.h5\n"
            "  hint: zoo itself reads https://, hf:// and package://; "
            "zoo plugins list shows what is installed",
        ),
    ],
)
def test_says_what_cannot_be_had(install, tmp_path, row, text: str) -> None:
    package = _install(install, None, **row)
    (package.parent / "secret.h5").write_bytes(b"")
    with pytest.raises(WeightsError) as caught:
        zoo.build("wts/pair@own+linear", classes=3)
    assert str(caught.value) == text


def test_links_out_of_the_file_are_not_followed(tmp_path) -> None:
    with h5py.File(tmp_path / "outside.h5", "w") as file:
        file.create_group("one/vars").attrs["name"] = "one"
        file["one/vars/0"] = np.ones(3)
    with h5py.File(tmp_path / "linking.h5", "w") as file:
        file["layers"] = h5py.ExternalLink(str(tmp_path / "outside.h5"), "/")
    assert list(reader.read_layers(tmp_path / "linking.h5")) == []


def test_what_is_no_hdf5_is_refused(tmp_path) -> None:
    path = tmp_path / "text.h5"
    path.write_text("hello")
    with pytest.raises(WeightsError, match=r"text\.h5 is no HDF5 file of Keras weights: "):
        list(reader.read_layers(path))


SMALL = "small-cnn:width=0.1+linear"


@pytest.fixture
def saved(tmp_path) -> Path:
    """A checkpoint of ours with five classes."""
    model = zoo.build(SMALL, classes=5, input_size=16, seed=1)
    model.save_weights(tmp_path / "own.weights.h5")
    return tmp_path / "own.weights.h5"


def _build(file: Path, name: str = SMALL, format: str | None = None, **asked) -> keras.Model:
    parts = registry.load()
    resolved = local.use(parts.resolve(parts.parse(name)), file, format)
    return assemble(resolved, **{"classes": 5, "input_size": 16, **asked})


def _rewritten(file: Path, layer: str, change) -> Path:
    """The file with the first variable of a layer changed."""
    with h5py.File(file, "a") as stored:
        found = {}

        def note(path: str, item: object) -> None:
            if path.endswith("/vars") and "name" in item.attrs:
                found[item.attrs["name"]] = path

        stored.visititems(note)
        values = change(stored[found[layer]]["0"][()])
        del stored[found[layer]]["0"]
        stored[found[layer]]["0"] = values
    return file


def test_a_file_of_ones_own_is_a_full_match(saved) -> None:
    model = _build(saved, strict=True)
    expected = zoo.build(SMALL, classes=5, input_size=16, seed=1)
    for ours, theirs in zip(model.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    report = anatomy.of(model).load_report
    assert (report["source"], report["sha256"]) == (f"file://{saved}", digest(saved))
    assert len(report["loaded"]) == 19
    assert report["reinitialised"] == report["skipped"] == {}


def test_another_number_of_classes_is_a_new_classifier_and_said(saved) -> None:
    why = "the model has 3 classes, the weights have 5"
    report = anatomy.of(_build(saved, classes=3)).load_report
    assert (report["reinitialised"], report["skipped"]) == ({"logits": why}, {"logits": why})
    with pytest.raises(WeightsError) as caught:
        _build(saved, classes=3, strict=True)
    assert str(caught.value) == (
        f"the weights {saved} are no full match: new logits\n"
        "  hint: leave out --strict, or build the model that they were made with"
    )


def test_a_model_file_brings_classes_normalisation_and_transform(tmp_path) -> None:
    source_model = zoo.build("small-cnn@shapes+linear", classes=10, input_size=32)
    file = artefact.save(source_model, tmp_path / "m.keras")
    model = _build(file, "small-cnn+linear", classes=10, input_size=32, strict=True)
    assert anatomy.of(model).classes == anatomy.of(source_model).classes
    assert anatomy.of(model).classes[0] == "arrow"
    # Digits are names as good as any, although a model without names calls its outputs so too.
    renamed = [str(index) for index in range(10)]
    report = anatomy.of(_build(file, "small-cnn+linear", classes=renamed)).load_report
    why = "the model's classes are others, or in another order"
    assert report["reinitialised"] == {"logits": why}


@pytest.mark.parametrize(("channels", "rule"), [(1, "a third of"), (4, "the first three")])
def test_other_input_channels_are_adapted(saved, channels: int, rule: str) -> None:
    draws = np.random.default_rng(0)
    kernel = draws.normal(size=(3, 3, channels, 2)).astype("float32")
    model = _build(_rewritten(saved, "stem_conv", lambda _: kernel))
    adapted = anatomy.of(model).load_report["adapted"]["stem_conv"]
    assert (adapted["before"], adapted["after"]) == ([3, 3, channels, 2], [3, 3, 3, 2])
    assert adapted["rule"].startswith(rule)
    ours = model.get_layer("stem_conv").get_weights()[0]
    grey = draws.normal(size=(3, 3, 1))
    if channels == 1:  # a grey picture gives what it gave
        np.testing.assert_allclose(
            (ours * grey[..., None]).sum(2), (kernel * grey[..., None])[:, :, 0], rtol=1e-5
        )
    else:
        np.testing.assert_array_equal(ours, kernel[:, :, :3])


DEPTHWISE = {
    "registry.toml": 'schema = 1\n[backbone.deep]\ntarget = "deep.parts:deep"\n',
    "parts.py": '''
        import keras


        def deep(inputs):
            """A depthwise convolution."""
            x = keras.layers.Conv2D(6, 1, name="one")(inputs)
            return {"a": keras.layers.DepthwiseConv2D((3, 5), padding="same", name="two")(x)}
    ''',
}


def test_a_convolution_in_as_many_groups_as_channels_fills_a_depthwise_one(
    tmp_path, install
) -> None:
    install("deep", DEPTHWISE)
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(6, 1, name="one")(inputs)
    x = keras.layers.Conv2D(6, (3, 5), padding="same", groups=6, name="two")(x)
    theirs = keras.Model(inputs, x)
    theirs.get_layer("two").bias.assign(np.arange(6) / 7)
    theirs.save_weights(tmp_path / "groups.weights.h5")
    model = _build(tmp_path / "groups.weights.h5", "deep/deep+linear", input_size=8)
    assert anatomy.of(model).load_report["transformed"] == {
        "two": "kernel of a convolution in as many groups as channels, as a depthwise one"
    }
    both = [model.get_layer("normalize").output, anatomy.tap_tensor(model)]
    pictures = np.random.default_rng(0).uniform(0, 255, (2, 8, 8, 3)).astype("float32")
    normalized, features = keras.Model(model.input, both)(pictures)
    expected = theirs(normalized)
    assert np.abs(expected).max() > 1
    np.testing.assert_allclose(features, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def test_numbers_that_are_none_are_refused(saved) -> None:
    with pytest.raises(WeightsError) as caught:
        _build(_rewritten(saved, "stage1_1_conv", lambda kernel: kernel * np.nan))
    assert str(caught.value).startswith(
        f"the weights {saved} hold numbers that are not finite in stage1_1_conv\n"
    )


def test_a_deeper_architecture_is_told_from_a_shallower(tmp_path) -> None:
    zoo.build("vgg19:width=0.03+linear", classes=2, input_size=32).save_weights(
        tmp_path / "deep.weights.h5"
    )
    with pytest.raises(WeightsError) as caught:
        _build(tmp_path / "deep.weights.h5", "vgg16:width=0.03+linear", input_size=32)
    assert str(caught.value) == (
        f"the weights {tmp_path / 'deep.weights.h5'} belong to another architecture: nothing in "
        "vgg16 takes block3_conv4, block4_conv4, block5_conv4\n"
        "  hint: name the backbone that the file was made with"
    )


def test_a_checkpoint_of_another_library_names_its_converter(tmp_path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes((2).to_bytes(8, "little") + b"{}")
    with pytest.raises(WeightsError) as caught:
        _build(path)
    assert str(caught.value) == (
        f"{path} is a safetensors file, which does not say who wrote it\n"
        "  hint: name the converter: --weights-format timm-vgg"
    )


def test_whole_models_and_truncated_files_are_refused(tmp_path, saved) -> None:
    whole = tmp_path / "whole.h5"
    with h5py.File(whole, "w") as file:
        file.attrs["model_config"] = "{}"
    with pytest.raises(WeightsError, match=r"is a whole model in HDF5, whose loader runs code"):
        _build(whole)
    saved.write_bytes(saved.read_bytes()[:-5000])
    with pytest.raises(WeightsError, match=r"own\.weights\.h5 is no HDF5 file of Keras weights: "):
        _build(saved)
    (tmp_path / "m.pth").write_bytes(b"\x80\x02}")
    with pytest.raises(WeightsError, match=r"m\.pth is a pickle, which runs code"):
        _build(tmp_path / "m.pth")


def test_a_bomb_of_a_shape_is_refused(tmp_path, saved) -> None:
    with h5py.File(saved, "a") as file:
        group = file.create_group("layers/bomb/vars")
        group.attrs["name"] = "bomb"
        group.create_dataset("0", shape=(1 << 40,), dtype="float32", chunks=(1 << 20,))
    with pytest.raises(WeightsError, match=r"0 declares 4398046511104 bytes and does not hold"):
        _build(saved)


def test_the_hub_needs_its_package(install, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    address = "hf://owner/repo/model.h5@0123abc"
    _install(install, None, source=address)
    with pytest.raises(WeightsError) as caught:
        zoo.build("wts/pair@own+linear", classes=3)
    assert str(caught.value) == (
        f"{address} needs the package huggingface-hub, which is not installed\n"
        '  hint: pip install "keras-zoo[hub]"'
    )


def test_the_hub_is_asked_for_the_revision(tmp_path, install, trained, monkeypatch) -> None:
    file = tmp_path / "pair.weights.h5"
    trained.save_weights(file)
    asked = []
    hub = types.ModuleType("huggingface_hub")
    hub.hf_hub_download = lambda repo, name, **rest: asked.append((repo, name, rest)) or str(file)
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub)
    _install(install, file, source="hf://owner/repo/sub/model.h5@0123abc")
    zoo.build("wts/pair@own+linear", classes=3)
    rest = {"revision": "0123abc", "local_files_only": False}
    assert asked == [("owner/repo", "sub/model.h5", rest)]


@pytest.mark.parametrize("name", ["tf", "torch", "caffe"])
def test_a_named_normalisation_is_that_of_keras(saved, name: str) -> None:
    """What the graph does first, against `preprocess_input` in the mode of that name."""
    parts = registry.load()
    resolved = local.use(parts.resolve(parts.parse(SMALL)), saved, None, name)
    model = assemble(resolved, classes=5, input_size=16)
    pixels = np.random.default_rng(0).uniform(0, 255, (2, 16, 16, 3)).astype("float32")
    found = keras.Model(model.input, model.get_layer("normalize").output).predict(pixels, verbose=0)
    expected = imagenet_utils.preprocess_input(pixels.copy(), mode=name)
    # Weights for BGR are turned when they are loaded, so that the graph stays RGB.
    expected = expected[..., ::-1] if name == "caffe" else expected
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_an_unknown_normalisation_lists_what_there_is(saved) -> None:
    parts = registry.load()
    with pytest.raises(WeightsError) as caught:
        local.use(parts.resolve(parts.parse(SMALL)), saved, None, "imagenet")
    assert str(caught.value) == (
        "no normalisation named 'imagenet'\n  hint: there are tf, torch, caffe"
    )
