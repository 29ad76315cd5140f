"""Pictures named by exported models and by ONNX files from elsewhere."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from PIL import Image

import zoo
from zoo.benchmark.case import Case
from zoo.engine.bench import measure
from zoo.engine.export.answer import Classifier
from zoo.errors import BenchError, ExportError


@pytest.fixture(scope="module")
def deployed(small, tmp_path_factory):
    out = tmp_path_factory.mktemp("deployed") / "deploy"
    zoo.export(small(), out)
    return out


def elsewhere(path, *, shape=("n", 3, 8, 6), kind=TensorProto.FLOAT, softmax=False, names=None):
    """A classifier of three classes: the means of red, green and blue times ten."""
    axes = [2, 3] if shape[1] == 3 else [1, 2]
    nodes = [
        helper.make_node("Cast", ["x"], ["f"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["f"], ["m"], axes=axes, keepdims=0),
        helper.make_node("Mul", ["m", "ten"], ["scores"]),
    ]
    if softmax:
        nodes.append(helper.make_node("Softmax", ["scores"], ["shares"], axis=1))
    graph = helper.make_graph(
        nodes,
        "elsewhere",
        [helper.make_tensor_value_info("x", kind, shape)],
        [
            helper.make_tensor_value_info(
                "shares" if softmax else "scores", TensorProto.FLOAT, ["n", 3]
            )
        ],
        [helper.make_tensor("ten", TensorProto.FLOAT, [], [10.0])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    if names:
        helper.set_model_props(model, {"names": names})
    onnx.save(model, path)
    return path


def coloured(folder, colour):
    path = folder / f"{'-'.join(map(str, colour))}.png"
    Image.new("RGB", (20, 30), colour).save(path)
    return path


def test_an_exported_folder_answers_as_its_model(deployed, small, picture):
    (ours,) = zoo.predict(deployed, picture, top=4)
    (theirs,) = zoo.predict(small(), picture, top=4)

    assert [each["class"] for each in ours["top"]] == [each["class"] for each in theirs["top"]]
    for a, b in zip(ours["top"], theirs["top"], strict=True):
        assert a["probability"] == pytest.approx(b["probability"], abs=1e-5)


def test_the_file_alone_says_enough(deployed, picture, tmp_path):
    alone = tmp_path / "renamed.onnx"
    alone.write_bytes((deployed / "model.onnx").read_bytes())

    (ours,) = zoo.predict(alone, picture)

    assert ours == zoo.predict(deployed, picture)[0]


@pytest.mark.parametrize(
    ("values", "pixel"),
    [
        ("0..255", [200, 100, 0]),
        ("0..1", [200 / 255, 100 / 255, 0]),
        ("-1..1", [200 / 127.5 - 1, 100 / 127.5 - 1, -1]),
        (
            "imagenet",
            [(200 / 255 - 0.485) / 0.229, (100 / 255 - 0.456) / 0.224, -0.406 / 0.225],
        ),
    ],
)
def test_floats_of_every_range(values, pixel, tmp_path):
    path = elsewhere(tmp_path / "model.onnx")
    picture = coloured(tmp_path, (200, 100, 0))
    scores = 10 * np.array(pixel)
    shares = np.exp(scores - scores.max()) / np.exp(scores - scores.max()).sum()

    given = Classifier(path, values).probabilities(
        np.array(Image.open(picture).resize((6, 8)))[None]
    )

    np.testing.assert_allclose(given[0], shares, atol=1e-5)


def test_floats_of_a_range_that_nobody_told(tmp_path):
    path = elsewhere(tmp_path / "model.onnx")

    with pytest.raises(ExportError) as error:
        Classifier(path)

    assert str(error.value) == (
        "model.onnx takes floats and does not say of what range\n"
        "  hint: say it: --values 0..255|0..1|-1..1|imagenet, as the model was trained"
    )


@pytest.mark.parametrize(
    "names", ['{"0": "red", "1": "green", "2": "blue"}', "{0: 'red', 1: 'green', 2: 'blue'}"]
)
def test_bytes_and_names_of_others(names, tmp_path):
    path = elsewhere(
        tmp_path / "model.onnx",
        shape=("n", 8, 6, 3),
        kind=TensorProto.UINT8,
        softmax=True,
        names=names,
    )

    (record,) = zoo.predict(path, coloured(tmp_path, (3, 2, 1)))

    assert [each["class"] for each in record["top"]] == ["red", "green", "blue"]


def test_a_file_that_says_its_values_takes_no_others(deployed):
    with pytest.raises(ExportError) as error:
        Classifier(deployed, "0..1")

    assert error.value.message == "model.onnx says itself what values it takes"


def test_an_operation_that_onnxruntime_does_not_know(tmp_path):
    path = elsewhere(tmp_path / "model.onnx")
    model = onnx.load(path)
    model.graph.node[1].op_type = "Invented"
    onnx.save(model, path)

    with pytest.raises(ExportError, match=r"^onnxruntime cannot load model\.onnx: .*Invented"):
        Classifier(path, "0..1")


def test_a_model_that_classifies_no_pictures(tmp_path):
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["y"])],
        "text",
        [value("x", TensorProto.FLOAT, ["n", 7])],
        [value("y", TensorProto.FLOAT, ["n", 7])],
    )
    path = tmp_path / "text.onnx"
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path
    )

    with pytest.raises(ExportError) as error:
        Classifier(path)

    assert error.value.message == (
        "text.onnx takes x tensor(float) ['n', 7]; accepted is one batch of RGB pictures, uint8 or "
        "float32, [N, H, W, 3] or [N, 3, H, W]"
    )


def test_answers_that_are_no_numbers(tmp_path):
    path = elsewhere(tmp_path / "model.onnx")
    model = onnx.load(path)
    model.graph.initializer[0].CopyFrom(helper.make_tensor("ten", TensorProto.FLOAT, [], [np.nan]))
    onnx.save(model, path)

    with pytest.raises(ExportError, match=r"^model\.onnx answers with NaN"):
        Classifier(path, "0..1").probabilities(np.zeros((1, 8, 6, 3), np.uint8))


def test_a_damaged_description_is_named(deployed, tmp_path):
    (tmp_path / "model.onnx").write_bytes((deployed / "model.onnx").read_bytes())
    (tmp_path / "zoo.json").write_text("{")

    with pytest.raises(ExportError) as error:
        Classifier(tmp_path)

    assert error.value.message == f"{tmp_path / 'zoo.json'} is damaged"


def test_speed_of_an_exported_folder(deployed, small):
    row = measure.row(Case(target=str(deployed), backend="onnxruntime", batch_size=2, seconds=0))

    assert row.images_per_second > 0
    assert row.model.name == "small-cnn:width=0.125+linear"
    assert row.model.input_size == [32, 32]
    # Keras counts what is multiplied in the same way.
    from zoo.engine import cost

    assert row.model.gmacs == pytest.approx(cost.of(small()).total("macs") / 1e9, rel=0.05)


def test_speed_at_a_batch_that_the_file_does_not_take(small, tmp_path):
    zoo.export(small(), tmp_path / "deploy", batch=2)
    case = Case(target=str(tmp_path / "deploy"), backend="onnxruntime", batch_size=1, seconds=0)

    with pytest.raises(BenchError) as error:
        measure.row(case)

    assert str(error.value) == (
        "model.onnx takes batches of 2 alone, received 1\n  hint: say --batch-size 2"
    )
