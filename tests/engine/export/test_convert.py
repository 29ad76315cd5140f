"""Conversion: what the file holds, its answers, and that its bytes are always the same."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import onnx
import pytest
from keras import layers

import zoo
from zoo.engine.export import convert, describe, graph, skeleton, write
from zoo.engine.export.interface import Interface
from zoo.errors import ExportError


def census(proto):
    return {op: [n.op_type for n in proto.node].count(op) for op in ("Conv", "Transpose", "Relu")}


# Convolutions counted in the papers' tables and the functions' code.
CENSUS = {
    "vgg16bn:width=0.0625+dense-bn:units=8": (32, {"Conv": 13, "Relu": 15}),
    "vgg11:width=0.0625+dense:units=8": (32, {"Conv": 8, "Relu": 9}),
    "small-cnn:width=0.125+linear": (32, {"Conv": 9, "Relu": 7}),
    "minception:width=0.0625+linear": (56, {"Conv": 33, "Relu": 33}),
}


@pytest.mark.parametrize("name", CENSUS)
def test_models_of_zoo_become_plain_graphs(name, agree, small):
    size, expected = CENSUS[name]

    proto = agree(small(name, size))

    given = [value.name for value in proto.output]
    assert given == ["probabilities", "logits", "embedding", "cam"][: 4 if "linear" in name else 3]
    # A CAM ends in a Relu of its own.
    relus = expected["Relu"] + ("cam" in given)
    assert census(proto) == {**expected, "Relu": relus, "Transpose": 1}
    assert "BatchNormalization" not in [node.op_type for node in proto.node]
    (image,) = proto.input
    dims = [dim.dim_param or dim.dim_value for dim in image.type.tensor_type.shape.dim]
    assert dims == ["batch", size, size, 3]


@pytest.mark.parametrize("between", [[], [layers.Dropout(0.3)]])
def test_a_flattened_map_of_three_unequal_sides(between, agree, classifier):
    # 9 x 7 x 4 after the convolution: any two sides mixed up would show.
    chain = [layers.Conv2D(4, 4, activation="relu"), layers.Flatten(), *between]
    model = classifier(chain, size=(12, 10))

    assert census(agree(model))["Transpose"] == 1


def test_a_flattened_map_with_two_readers_keeps_its_order(agree, classifier):
    def fork(x):
        x = layers.Flatten()(x)
        return layers.Concatenate()([x, layers.Dense(3)(x)])

    agree(classifier([layers.Conv2D(4, 3), fork]))


@pytest.mark.parametrize(
    "layer",
    [
        layers.ZeroPadding2D(((1, 2), (0, 1))),
        layers.Conv2D(4, 3, strides=2, padding="same"),
        layers.Conv2DTranspose(4, 3, strides=2),
        layers.AveragePooling2D(3, padding="same"),
        layers.PReLU(shared_axes=[1, 2]),
        layers.LayerNormalization(),
        layers.Resizing(20, 18),
        layers.RandomFlip(),
        layers.SpatialDropout2D(0.5),
        layers.Activation("swish"),
        layers.Normalization(mean=[0.1, 0.2, 0.3], variance=[1.0, 2.0, 3.0]),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_other_layers_keep_their_meaning(layer, agree, classifier):
    agree(classifier([layer, layers.Conv2D(4, 3)]))


def test_float32_pictures_on_request(agree, small):
    proto = agree(small(), Interface(dtype="float32"))

    assert proto.input[0].type.tensor_type.elem_type == onnx.TensorProto.FLOAT


@pytest.mark.parametrize("opset", [13, 15, 18])
def test_other_versions_of_the_operator_set(opset, agree, small):
    agree(small(), Interface(opset=opset))


def test_one_class_ends_in_a_sigmoid(agree, small):
    proto = agree(small(classes=1))

    assert "Sigmoid" in [node.op_type for node in proto.node]


@pytest.mark.parametrize("policy", ["mixed_bfloat16"])
def test_mixed_precision_is_exported_in_float32(policy, tmp_path, small):
    name = "vgg11bn:width=0.0625+dense-bn:units=8"
    plain = small(name)
    mixed = zoo.build(name, classes=4, input_size=32, dtype=policy)
    mixed.set_weights(plain.get_weights())

    proto, digest = convert.convert(mixed, tmp_path / "mixed.onnx")

    assert digest == convert.convert(plain, tmp_path / "plain.onnx")[1]
    assert "Cast" not in [node.op_type for node in proto.graph.node][1:]


def foreign(*end):
    x = image = keras.Input((8, 8, 3))
    keras.utils.set_random_seed(1)
    for layer in (layers.Conv2D(4, 3), layers.GlobalMaxPooling2D(), *end):
        x = layer(x)
    return keras.Model(image, x)


@pytest.mark.parametrize(
    ("end", "last"),
    [
        ([layers.Dense(3, activation="softmax")], "Softmax"),
        ([layers.Dense(1, activation="sigmoid")], "Sigmoid"),
        ([layers.Dense(3), layers.Softmax()], "Softmax"),
    ],
)
def test_models_that_zoo_did_not_build(end, last, agree):
    assert agree(foreign(*end)).node[-1].op_type == last


def test_scores_without_an_activation_get_a_softmax(tmp_path):
    proto, _ = convert.convert(foreign(layers.Dense(3)), tmp_path / "model.onnx")

    assert proto.graph.node[-1].op_type == "Softmax"


def test_the_file_is_what_onnx_itself_would_write(tmp_path, small):
    path = tmp_path / "model.onnx"

    _, digest = convert.convert(small(), path, metadata={"b": "2", "a": "1"})

    content = path.read_bytes()
    model = onnx.load(path)
    assert model.SerializeToString(deterministic=True) == content
    assert hashlib.sha256(content).hexdigest() == digest
    assert [(each.key, each.value) for each in model.metadata_props] == [("a", "1"), ("b", "2")]
    onnx.checker.check_model(model, full_check=True)


def test_weights_are_named_like_their_variables(tmp_path, small):
    model = small()
    path = tmp_path / "model.onnx"
    convert.convert(model, path)

    arrays = {t.name: onnx.numpy_helper.to_array(t) for t in onnx.load(path).graph.initializer}

    np.testing.assert_array_equal(
        arrays["logits/kernel"], np.asarray(model.get_layer("logits").kernel).T
    )


CHILD = """
import hashlib, sys
from pathlib import Path
import zoo
from zoo.engine.export.convert import convert

model = zoo.load(sys.argv[1])
print(convert(model, Path(sys.argv[2]), metadata={"one": "1", "two": "2"})[1])
"""


def test_two_processes_write_the_same_bytes(tmp_path, small):
    from zoo.engine import artefact

    model = small()
    file = artefact.save(model, tmp_path / "model.keras")
    metadata = {"two": "2", "one": "1"}
    here = [convert.convert(model, tmp_path / f"{i}.onnx", metadata=metadata)[1] for i in (1, 2)]

    child = subprocess.run(
        [sys.executable, "-c", CHILD, str(file), str(tmp_path / "3.onnx")],
        env=os.environ | {"PYTHONHASHSEED": "77", "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert {*here, child.stdout.split()[-1]} == {here[0]}


# Every kind of ending and both layouts of maps that tf2onnx moves about.
ENDINGS = (
    "small-cnn:width=0.125+linear",
    "vgg11bn:width=0.0625+dense-bn:units=8",
    "vgg11:width=0.0625+linear:pool=max",
    "resnet18:width=0.125+linear:pool=flatten",
)


@pytest.mark.slow
@pytest.mark.parametrize("name", ENDINGS)
def test_the_bytes_do_not_depend_on_how_tf2onnx_counts(name, tmp_path, small, monkeypatch):
    # Its optimisers walk over sets of names, so what they find first depends on the numbers in
    # them; now and then they then give up.
    from tf2onnx import utils

    model, digests = small(name), set()
    for start in (*range(60), *range(90, 110), *range(990, 1010)):
        monkeypatch.setattr(utils, "INTERNAL_NAME", start)
        digests.add(convert.convert(model, tmp_path / "model.onnx")[1])

    assert len(digests) == 1


def test_the_description_inside_holds_no_time_and_no_place(small):
    from zoo.engine import anatomy

    facts = describe.facts(anatomy.of(small()), "tiny", "softmax")
    held = describe.metadata(facts, ["probabilities", "logits"])

    assert json.loads(held["zoo.labels"]) == ["0", "1", "2", "3"]
    assert json.loads(held["names"]) == {"0": "0", "1": "1", "2": "2", "3": "3"}
    assert json.loads(held["imgsz"]) == [32, 32]
    assert json.loads(held["zoo.preprocess"])["normalization"]["in_graph"] is True
    assert json.loads(held["zoo.arch"]) == "small-cnn:width=0.125+linear"
    assert held["Image.NominalPixelRange"] == "NominalRange_0_255"
    text = " ".join(held.values())
    assert str(Path.cwd()) not in text
    assert not {"date", "time", "host"} & set(json.loads(held["zoo.preprocess"]))


def test_a_file_too_large_for_one_file_is_refused_before_it_is_written(tmp_path):
    def read():
        raise AssertionError("nothing is to be read")

    weight = graph.Weight((1 << 20, 513), np.dtype("float32"), read)
    proto = write.skeleton(graph.Graph([], {}, [], []), opset=17, metadata={})

    with pytest.raises(ExportError) as error:
        write.write(tmp_path / "model.onnx", proto, {"huge": weight})

    assert error.value.message == ("the model takes 2.2 GB, and one ONNX file holds at most 2.1 GB")
    assert not list(tmp_path.iterdir())


def test_a_model_inside_a_model_is_refused():
    x = image = keras.Input((8, 8, 3))
    inner = keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(2, 3)], name="inner")
    x = layers.GlobalAveragePooling2D()(inner(x))
    model = keras.Model(image, layers.Dense(2, activation="softmax")(x))

    with pytest.raises(ExportError) as error:
        skeleton.trace(model, Interface())

    assert str(error.value) == (
        "layer 'inner' is a model inside the model, exported are flat models\n"
        "  hint: call the layers of the inner model instead"
    )


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"interpolation": "bicubic"}, "bicubic"),
        ({"interpolation": "area"}, "area"),
        ({"antialias": True}, "bilinear with antialias"),
    ],
)
def test_resizing_that_onnx_computes_differently_is_refused(options, kind, classifier):
    model = classifier([layers.Resizing(6, 6, name="shrink", **options)])

    with pytest.raises(ExportError) as error:
        skeleton.trace(model, Interface())

    assert str(error.value) == (
        f"layer 'shrink' resizes {kind}, which ONNX computes differently; exported are bilinear "
        "and nearest without antialias\n  hint: resize before the model"
    )


@keras.saving.register_keras_serializable("test")
class Forgetful(layers.Layer):
    """Leaves its size out of its config."""

    units = 2

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], self.units), name="kernel")

    def call(self, x):
        return keras.ops.matmul(x, self.kernel)


def test_a_layer_whose_config_forgets_something_is_named(classifier):
    layer = Forgetful(name="forgetful")
    layer.units = 4
    model = classifier([layers.GlobalAveragePooling2D(), layer])

    with pytest.raises(ExportError) as error:
        skeleton.trace(model, Interface())

    assert str(error.value) == (
        "layer 'forgetful' (Forgetful) has weights of shapes [(3, 4)], and [(3, 2)] when it is "
        "rebuilt from its config\n  hint: its get_config must describe the layer as it is"
    )
