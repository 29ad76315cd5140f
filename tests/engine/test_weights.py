"""Pretrained weights: the file of a manifest's row ends in the layers of the same names."""

from __future__ import annotations

import hashlib
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

import zoo
from zoo.engine import anatomy, weights
from zoo.engine.download import digest
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
        "reinitialised": ["logits"],
        "skipped": ["classifier"],
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

    def fetch(address: str, path: Path, *, sha256: str, size: int) -> None:
        fetched.append((address, sha256, size))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.read_bytes())

    monkeypatch.setattr(weights, "download", fetch)
    model = zoo.build("wts/pair@own+linear", classes=3)
    assert fetched == [(url, digest(file), size)]
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
            "no plugin can fetch moon://pair.h5\n  hint: zoo itself reads https:// and package://; "
            "zoo plugins list shows what is installed",
        ),
        (
            {"format": "timm-vgg"},
            "the weights wts/pair@own have the format 'timm-vgg'\n"
            "  hint: the format that can be read is keras: HDF5 with the names of our layers",
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
    assert list(weights.read_layers(tmp_path / "linking.h5")) == []


def test_what_is_no_hdf5_is_refused(tmp_path) -> None:
    path = tmp_path / "text.h5"
    path.write_text("hello")
    with pytest.raises(WeightsError, match=r"text\.h5 is no HDF5 file of Keras weights: "):
        list(weights.read_layers(path))
