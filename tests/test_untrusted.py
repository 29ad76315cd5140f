"""Files crafted to harm: each is refused with a sentence before Keras sees it."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from zoo import untrusted
from zoo.errors import ModelError


def layer(name: str = "Dense", module: str | None = "keras.layers", **config: object) -> dict:
    registered = config.pop("registered_name", None)
    return {
        "class_name": name, "module": module, "config": config, "registered_name": registered,
    }  # fmt: skip


def written(folder: Path, *layers: dict, **members: bytes) -> Path:
    path = folder / "model.keras"
    config = layer("Functional", "keras.src.models.functional", layers=list(layers))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(config))
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def refusal(path: Path, packages: tuple[str, ...] = (), origin: str = "") -> str:
    with pytest.raises(ModelError) as caught:
        untrusted.check(path, packages, origin)
    return str(caught.value).removeprefix(str(path))


def test_what_keras_and_plugins_bring_passes(tmp_path) -> None:
    ours = layer("Swish", "acme.layers", registered_name="acme>Swish")
    tensor = layer("__keras_tensor__", None, shape=[None, 224, 224, 3])
    plain = layer(units=4096, seed=2**60, batch_shape=[None, 224, 224, 3])
    untrusted.check(written(tmp_path, plain, ours, tensor, **{"assets/a.txt": b""}), {"acme"})


@pytest.mark.parametrize(
    ("bad", "text"),
    [
        (
            layer("Lambda"),
            " holds a Lambda layer, which is code; zoo opens models made of layers only\n"
            "  hint: build it of Keras layers, and save it again",
        ),
        (
            layer("TFSMLayer", filepath="/etc"),
            " holds a reference to another model on disk; zoo opens models made of layers only\n"
            "  hint: build it of Keras layers, and save it again",
        ),
        (
            layer("system", "os", registered_name="system"),
            " refers to os.system, which is neither Keras' nor of a plugin\n"
            "  hint: ship the class in a plugin, registered under its keras-package",
        ),
        (
            layer("function", "builtins", registered_name="function"),
            " refers to builtins.function, which is neither Keras' nor of a plugin\n"
            "  hint: ship the class in a plugin, registered under its keras-package",
        ),
        (
            layer("Mine", "keras_like.layers", registered_name="Custom>Mine"),
            " refers to keras_like.layers.Mine, which is neither Keras' nor of a plugin\n"
            "  hint: ship the class in a plugin, registered under its keras-package",
        ),
        (layer(units=10**12), ": units = 1000000000000 is no size of a layer"),
        (
            layer("InputLayer", batch_shape=[None, 60000, 60000, 3]),
            ": batch_shape = [None, 60000, 60000, 3] is no shape of a picture or map",
        ),
    ],
)
def test_code_and_absurd_sizes_are_refused(tmp_path, bad: dict, text: str) -> None:
    nested = layer("Sequential", layers=[{"inner": bad}])
    assert refusal(written(tmp_path, layer(), nested)) == text


def test_a_missing_plugin_is_named(tmp_path) -> None:
    path = written(tmp_path, layer("Swish", "acme.layers", registered_name="acme>Swish"))
    text = " needs the layer acme>Swish, which no installed plugin brings\n  hint: "
    assert refusal(path) == f"{text}install the plugin that brings acme"
    assert refusal(path, ("other",), "acme-zoo") == f"{text}pip install acme-zoo"


@pytest.mark.parametrize("name", ["../evil.py", "/etc/passwd", "assets/../../evil", "code.py"])
def test_path_tricks_are_refused(tmp_path, name: str) -> None:
    assert refusal(written(tmp_path, **{name: b""})) == (
        f" holds {name!r}, which belongs in no model\n"
        "  hint: save it anew with model.save('model.keras')"
    )


def test_a_member_twice_is_refused(tmp_path) -> None:
    path = written(tmp_path)
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("config.json", "{}")
    assert refusal(path) == " holds a member twice, and readers differ on which counts"


def test_a_zip_bomb_is_refused(tmp_path) -> None:
    path = written(tmp_path)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.weights.h5", bytes(10_000_000))
    assert refusal(path).startswith(": model.weights.h5 unpacks from ")


def test_a_configuration_that_is_none_is_refused(tmp_path) -> None:
    path = tmp_path / "model.keras"
    for text in ("{", "[" * 100_000):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("config.json", text)
        assert refusal(path) == ": config.json is damaged"
