"""What a file takes: every choice checked, and the graph asked with what it was made for."""

from __future__ import annotations

from collections import Counter

import keras
import numpy as np
import onnx
import onnxruntime
import pytest
from keras import layers
from PIL import Image

import zoo
from zoo.engine.export import reference
from zoo.engine.export.convert import convert
from zoo.engine.export.interface import Interface
from zoo.engine.export.session import Session
from zoo.errors import ExportError


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"dtype": "float16"},
            "input dtype 'float16' is not accepted\n  hint: accepted: uint8, float32",
        ),
        ({"layout": "hwc"}, "layout 'hwc' is not accepted\n  hint: accepted: nhwc, nchw"),
        (
            {"size": "free"},
            "size 'free' is not accepted\n  hint: accepted: fixed, dynamic, resize",
        ),
        ({"batch": 0}, "a batch of 0 is not accepted\n  hint: give 1 or more"),
        ({"opset": 9}, "opset 9 is not accepted\n  hint: accepted: 13 to 18; 17 is best"),
        (
            {"size": "resize", "layout": "nchw"},
            "size 'resize' takes pictures as they are decoded, uint8 and nhwc; received uint8 and "
            "nchw\n  hint: leave the input dtype and layout out",
        ),
        (
            {"size": "resize", "opset": 17},
            "size 'resize' needs opset 18, whose Resize is antialiased; received 17\n"
            "  hint: leave the opset out",
        ),
    ],
)
def test_what_is_not_accepted(options, message):
    with pytest.raises(ExportError) as error:
        Interface(**options)

    assert str(error.value) == message


def test_pictures_channels_first_need_no_transposition(agree, small):
    proto = agree(small(), Interface(layout="nchw"))

    assert "Transpose" not in [node.op_type for node in proto.node]
    assert proto.input[0].type.denotation == "IMAGE"
    dims = proto.input[0].type.tensor_type.shape.dim
    assert [dim.denotation for dim in dims][:2] == ["DATA_BATCH", "DATA_CHANNEL"]


def test_one_batch_size_and_no_other(small, tmp_path):
    path = tmp_path / "model.onnx"
    convert(small(), path, Interface(batch=4))
    images = np.random.default_rng(0).integers(0, 256, (6, 32, 32, 3), np.uint8)

    given = Session(path).answers(images, ["logits"])["logits"]

    expected = reference.answers(small(), images)["logits"]
    np.testing.assert_allclose(given, expected, rtol=0, atol=1e-5 * np.abs(expected).max())
    raw = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    with pytest.raises(Exception, match="Got: 6 Expected: 4"):
        raw.run(None, {"image": images})


def test_any_size_of_a_model_that_pools(small, tmp_path):
    path = tmp_path / "model.onnx"
    convert(small(), path, Interface(size="dynamic"))
    session = Session(path)

    for size in ((32, 32), (48, 40), (33, 71)):
        images = np.random.default_rng(0).integers(0, 256, (3, *size, 3), np.uint8)
        expected = reference.answers(small(), images)
        given = session.answers(images, list(expected))
        for name, array in expected.items():
            np.testing.assert_allclose(given[name], array, rtol=0, atol=1e-4 * np.abs(array).max())


def test_one_size_of_a_model_that_lays_out_a_map(tmp_path, classifier):
    model = classifier([layers.Conv2D(2, 3), layers.Flatten(name="flat")])

    with pytest.raises(ExportError) as error:
        convert(model, tmp_path / "model.onnx", Interface(size="dynamic"))

    assert str(error.value) == (
        "the model takes pictures of one size: layer 'flat' lays out a whole map, whose places the "
        "next layer counts\n  hint: export a head that pools, such as one with pool=avg, or use "
        "size 'resize'"
    )


@pytest.mark.parametrize("size", [(32, 32), (20, 90), (75, 31), (300, 200)])
def test_the_graph_resizes_as_pillow_does(size, tmp_path):
    # A model that gives the resized picture itself, place by place.
    image = keras.Input((32, 32, 3))
    x = layers.Flatten()(image)
    initial = keras.initializers.Identity()
    model = keras.Model(image, layers.Dense(32 * 32 * 3, kernel_initializer=initial)(x))
    path = tmp_path / "model.onnx"
    convert(model, path, Interface(size="resize"))
    images = np.random.default_rng(0).integers(0, 256, (2, *size, 3), np.uint8)

    given = Session(path).answers(images, ["logits"])["logits"].reshape(2, 32, 32, 3)

    pillow = [Image.fromarray(each).resize((32, 32), Image.Resampling.BILINEAR) for each in images]
    assert np.abs(given - np.stack([np.asarray(each) for each in pillow])).max() <= 1


def test_resizing_is_proven_on_pictures_that_are_not_square(small, tmp_path):
    document = zoo.export(small(), tmp_path / "deploy", size="resize")

    assert document["opset"] == 18
    assert document["inputs"][0]["shape"] == ["batch", "height", "width", 3]
    assert document["parity"]["others"]["size"] == [48, 40]
    assert document["parity"]["others"]["difference"] <= 5e-2
    assert document["preprocess"]["resize_in_graph"] is True


@pytest.mark.parametrize("opset", [13, 17, 18])
def test_the_layers_of_opset_18_are_those_of_17(opset, agree, classifier):
    # A layer normalisation is means over the channels, whose axes are said differently from 18 on.
    model = classifier([layers.Conv2D(4, 3), layers.LayerNormalization(), layers.Conv2D(4, 3)])

    proto = agree(model, Interface(opset=opset))

    counted = Counter(node.op_type for node in proto.node)
    assert counted["Transpose"] == 1
    assert counted["ReduceMean"] == 2
    assert counted["GlobalAveragePool"] == 1


@pytest.mark.parametrize("activation", ["linear", "gelu"])
def test_a_dense_layer_on_a_map_is_a_convolution(activation, agree, classifier):
    model = classifier([layers.Conv2D(4, 3), layers.Dense(6, activation=activation)])

    counted = Counter(node.op_type for node in agree(model).node)

    assert counted["Conv"] == 2
    assert counted["Transpose"] == 1


def test_the_cam_is_what_its_definition_says(small, tmp_path):
    path = tmp_path / "model.onnx"
    convert(small(), path)
    images = np.random.default_rng(5).integers(0, 256, (3, 32, 32, 3), np.uint8)
    taps = keras.Model(small().input, small().get_layer("head_pool").input)
    features = np.asarray(taps(images.astype("float32")))
    kernel, _ = small().get_layer("logits").get_weights()

    given = Session(path).answers(images, ["logits", "cam"])

    for picture, logits, cam in zip(features, given["logits"], given["cam"], strict=True):
        best = logits.argmax()
        for y, x in np.ndindex(cam.shape):
            score = sum(picture[y, x, c] * kernel[c, best] for c in range(len(kernel)))
            assert cam[y, x] == pytest.approx(max(score, 0), abs=1e-4)


def test_the_file_is_old_enough_for_old_runtimes(small, tmp_path):
    proto, _ = convert(small(), tmp_path / "model.onnx")

    assert proto.ir_version == 8
    assert [(each.domain, each.version) for each in proto.opset_import] == [("", 17)]
    onnx.checker.check_model(tmp_path / "model.onnx", full_check=True)
