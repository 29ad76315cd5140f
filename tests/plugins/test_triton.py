"""The Triton repository: read back with the fields of Triton's model_config.proto."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format
from zoo_triton import hooks

from zoo import registry

Field = descriptor_pb2.FieldDescriptorProto
TYPES = {"TYPE_UINT8": 2, "TYPE_FP32": 11}


def message_class():
    """The part of triton-inference-server/common's model_config.proto that is used here."""
    file = descriptor_pb2.FileDescriptorProto(name="model_config.proto", syntax="proto3")
    enum = file.enum_type.add(name="DataType")
    for name, number in {"TYPE_INVALID": 0, **TYPES}.items():
        enum.value.add(name=name, number=number)

    def add(message, *fields):
        for name, number, kind, repeated in fields:
            scalar = isinstance(kind, int)
            message.field.add(
                name=name,
                number=number,
                type=kind if scalar else (14 if kind == "DataType" else 11),
                type_name=None if scalar else f".{kind}",
                label=Field.LABEL_REPEATED if repeated else Field.LABEL_OPTIONAL,
            )

    text, integer = Field.TYPE_STRING, Field.TYPE_INT64
    tensor = (("name", 1, text, False), ("data_type", 2, "DataType", False))
    add(file.message_type.add(name="Input"), *tensor, ("dims", 4, integer, True))
    output = file.message_type.add(name="Output")
    add(output, *tensor, ("dims", 3, integer, True), ("label_filename", 4, text, False))
    file.message_type.add(name="Batching")
    add(file.message_type.add(name="Graph"), ("level", 1, integer, False))
    add(file.message_type.add(name="Optimization"), ("graph", 1, "Graph", False))
    add(file.message_type.add(name="Value"), ("string_value", 1, text, False))
    config = file.message_type.add(name="Config")
    entry = config.nested_type.add(name="ParametersEntry")
    entry.options.map_entry = True
    add(entry, ("key", 1, text, False), ("value", 2, "Value", False))
    add(
        config,
        ("name", 1, text, False),
        ("platform", 2, text, False),
        ("max_batch_size", 4, integer, False),
        ("input", 5, "Input", True),
        ("output", 6, "Output", True),
        ("dynamic_batching", 11, "Batching", False),
        ("optimization", 12, "Optimization", False),
        ("parameters", 14, "Config.ParametersEntry", True),
    )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("Config"))


def document(classes=3, outputs=3, batch="batch", size=(24, 32)):
    return {
        "name": "vgg16bn-dense-bn",
        "classes": [f"class {index}" for index in range(classes)],
        "inputs": [{"name": "image", "dtype": "uint8", "shape": [batch, *size, 3]}],
        "outputs": [
            {"name": name, "dtype": "float32", "shape": [batch, outputs]}
            for name in ("probabilities", "logits")
        ],
    }


def parsed(facts):
    return text_format.Parse(hooks.configuration(facts), message_class()())


def test_triton_can_read_the_configuration():
    config = parsed(document())

    assert config.name == "vgg16bn-dense-bn"
    assert config.platform == "onnxruntime_onnx"
    assert config.max_batch_size == 32
    (image,) = config.input
    assert (image.name, image.data_type) == ("image", TYPES["TYPE_UINT8"])
    assert list(image.dims) == [24, 32, 3]  # without the batch
    probabilities, logits = config.output
    assert list(probabilities.dims) == list(logits.dims) == [3]
    assert (probabilities.label_filename, logits.label_filename) == ("labels.txt", "")
    assert config.HasField("dynamic_batching")
    assert config.optimization.graph.level == 1
    assert config.parameters["intra_op_thread_count"].string_value == "0"


def test_one_sigmoid_output_has_no_labels():
    # Two class names and one number: Triton wants as many lines as numbers.
    assert parsed(document(classes=2, outputs=1)).output[0].label_filename == ""


def test_sizes_that_the_client_chooses():
    config = parsed(document(size=("height", "width")))

    assert list(config.input[0].dims) == [-1, -1, 3]


def test_a_model_of_one_batch_size_is_told_in_full():
    config = parsed(document(batch=4))

    assert config.max_batch_size == 0
    assert list(config.input[0].dims) == [4, 24, 32, 3]
    assert not config.HasField("dynamic_batching")


@pytest.mark.parametrize("batch", ["batch", 4])
def test_the_configuration_keeps_to_tritons_own_schema(batch):
    found = importlib.util.find_spec("tritonclient")
    if found is None:
        pytest.skip("needs tritonclient, which holds the schema")
    (package,) = found.submodule_search_locations
    path = Path(package, "grpc", "model_config_pb2.py")  # the package itself would import grpc
    spec = importlib.util.spec_from_file_location("model_config_pb2", path)
    schema = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(schema)

    config = text_format.Parse(hooks.configuration(document(batch=batch)), schema.ModelConfig())

    assert config.platform == "onnxruntime_onnx"
    assert config.input[0].data_type == schema.TYPE_UINT8
    assert config.output[0].label_filename == "labels.txt"


@pytest.mark.parametrize("links", [True, False])
def test_the_repository_lies_beside_the_model(links, tmp_path, monkeypatch):
    (tmp_path / "model.onnx").write_bytes(b"model")
    (tmp_path / "labels.txt").write_text("a\nb\nc\n")
    if not links:

        def refuse(*_):
            raise OSError("no hard links here")

        monkeypatch.setattr(hooks.os, "link", refuse)

    answers = registry.load().hooks.call("zoo_model_exported", folder=tmp_path, document=document())

    ((_, files),) = [answer for answer in answers if answer[0].name == "triton"]
    home = tmp_path / "triton" / "vgg16bn-dense-bn"
    assert files == [home / "config.pbtxt", home / "labels.txt", home / "1" / "model.onnx"]
    assert (home / "labels.txt").read_text() == "a\nb\nc\n"
    assert (home / "1" / "model.onnx").read_bytes() == b"model"
    assert (home / "1" / "model.onnx").samefile(tmp_path / "model.onnx") is links
