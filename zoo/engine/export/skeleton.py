"""From Keras to ONNX without the weights: they are arguments of the traced function.

tf2onnx freezes weights into the graph and then copies the graph for every optimisation: for 138
million parameters that takes more than 15 GB. Here the traced function takes every kernel as an
argument, so what tf2onnx works on is a few kilobytes, and the weights meet the finished graph only
when the file is written. Vectors (biases, normalisation) are small; they are constants of the
trace, which lets tf2onnx merge them into the convolutions itself.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import keras
import numpy as np
import onnx
import tensorflow as tf
from keras import layers

from zoo.engine.export import channels, ending, flatten, fold
from zoo.engine.export.graph import Graph, Weight
from zoo.engine.export.interface import Interface
from zoo.engine.export.values import Values, held
from zoo.errors import ExportError

RESIZE = ("bilinear", "nearest")
"""Interpolations that mean the same in Keras and in ONNX, without antialiasing."""


def trace(model: keras.Model, interface: Interface, values: Values = held) -> Graph:
    """Convert a model to a graph whose weights are read when they are written.

    Args:
        model: A flat functional classifier, under any precision policy: it is converted in
            float32.
        interface: What the graph is to take.
        values: Where the numbers of the model's variables come from.

    Returns:
        The graph as tf2onnx leaves it, from `image` to `probabilities`, `logits` and, where the
        model has one, `embedding`.

    Raises:
        ExportError: If the model nests another, resizes as ONNX does not, cannot be rebuilt from
            its config, or cannot be converted.
    """
    _check(model)
    end = ending.of(model)
    tensors = {"logits": end.logits, "embedding": end.embedding}
    network = keras.Model(model.input, {k: t for k, t in tensors.items() if t is not None})
    folds, flattens = fold.plan(network, values), flatten.plan(network)
    shape = _shape(model, flattens, interface)
    clone = _clone(network, end, folds, flattens, shape)
    weights = _weights(network, clone, folds, flattens)
    kernels = [variable for variable in clone.variables if len(variable.shape) > 1]
    vectors = {id(v): weights[id(v)].read() for v in clone.variables if len(v.shape) <= 1}
    names = [f"w{i:04d}" for i in range(len(kernels))]

    first = interface.layout == "nchw"
    image_shape = (shape[2], *shape[:2]) if first else shape
    image = tf.TensorSpec((None, *image_shape), interface.dtype, name="image")
    specs = [tf.TensorSpec(v.shape, v.dtype, n) for v, n in zip(kernels, names, strict=True)]
    signature = [image, *specs]

    @tf.function(input_signature=signature, autograph=False)
    def serve(image: tf.Tensor, *arguments: tf.Tensor) -> dict[str, tf.Tensor]:
        state = vectors | {id(v): tensor for v, tensor in zip(kernels, arguments, strict=True)}
        mapping = [(v, state[id(v)]) for v in clone.variables]
        image = tf.cast(image, tf.float32)
        if first:
            image = tf.transpose(image, (0, 2, 3, 1))
        with keras.StatelessScope(mapping, initialize_variables=False):
            outputs = dict(clone.call(image, training=False))
            outputs = {"probabilities": end.activation(outputs["logits"]), **outputs}
        return {name: tf.identity(tensor) for name, tensor in outputs.items()}

    # What a layer holds as an eager tensor, such as the mean of a Normalization layer, becomes an
    # input named like its placeholder.
    with _in_place():
        captures = serve.get_concrete_function().graph.captures
        proto = _convert(serve, signature, interface.traced_opset)
    captured = {
        placeholder.name: Weight.of(value.numpy())
        for value, placeholder in captures
        if value.dtype != tf.resource
    }
    arguments = {name: weights[id(v)] for name, v in zip(names, kernels, strict=True)}
    return Graph.of(proto.graph, arguments | captured)


def _shape(
    model: keras.Model, flattens: flatten.Plan, interface: Interface
) -> tuple[int | None, int | None, int]:
    """Height, width and channels that the network is traced for."""
    if interface.size != "dynamic":
        return tuple(model.input.shape[1:])
    flat = [layer.name for layer in model.layers if isinstance(layer, layers.Flatten)]
    if flat:
        raise ExportError(
            f"the model takes pictures of one size: layer {flat[0]!r} lays out a whole map, whose "
            "places the next layer counts",
            "export a head that pools, such as one with pool=avg, or use size 'resize'",
        )
    return None, None, model.input.shape[-1]


def _check(model: keras.Model) -> None:
    """Refuse what would be converted into something else without a word."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            raise ExportError(
                f"layer {layer.name!r} is a model inside the model, exported are flat models",
                "call the layers of the inner model instead",
            )
        if isinstance(layer, layers.Resizing) and (
            layer.interpolation not in RESIZE or layer.antialias
        ):
            kind = layer.interpolation + (" with antialias" if layer.antialias else "")
            raise ExportError(
                f"layer {layer.name!r} resizes {kind}, which ONNX computes differently; "
                f"exported are {' and '.join(RESIZE)} without antialias",
                "resize before the model",
            )


def _clone(
    network: keras.Model,
    end: ending.Ending,
    folds: fold.Plan,
    flattens: flatten.Plan,
    shape: tuple[int | None, ...],
) -> keras.Model:
    """The same layers in float32, normalisation dissolved, with variables that hold nothing."""

    def fresh(layer: keras.Operation) -> keras.Operation:
        if not isinstance(layer, keras.Layer):
            return layer
        config = _float32(layer)
        if folds.changes(layer):
            config["use_bias"] = True
        if layer is end.classifier:
            config["activation"] = "linear"
        return channels.form(layer).from_config(config)

    def call(layer: keras.Operation, *args: object, **kwargs: object) -> object:
        if layer.name in folds.absorbed:
            return args[0]
        if layer.name in flattens.flattens:
            return flattens.flatten(args[0])
        if layer.name in folds.kept:
            shape = [1] * len(args[0].shape)
            shape[layer.axis] = -1
            scale, shift = folds.kept[layer.name].scale, folds.kept[layer.name].shift
            return args[0] * scale.astype("f4").reshape(shape) + shift.astype("f4").reshape(shape)
        return layer(*args, **kwargs)

    image = keras.Input(shape, name=network.inputs[0].name)
    try:
        with keras.StatelessScope(initialize_variables=False):
            return keras.models.clone_model(
                network, image, clone_function=fresh, call_function=call
            )
    except ValueError as error:
        if None not in shape:
            raise
        reason = str(error).strip().partition("\n")[0]
        raise ExportError(
            f"the model takes pictures of one size: {reason}", "use size 'resize'"
        ) from error


def _float32(layer: keras.Layer) -> dict[str, object]:
    return layer.get_config() | {"dtype": "float32"}


def _weights(
    network: keras.Model, clone: keras.Model, folds: fold.Plan, flattens: flatten.Plan
) -> dict[int, Weight]:
    """The weight of each variable of the clone, by the variable's identity."""
    found: dict[int, Weight] = {}
    for layer in [layer for layer in clone.layers if layer.weights]:
        weights = folds.weights(network.get_layer(layer.name))
        if layer.name in flattens.kernels:
            weights[0] = flattens.kernel(layer, weights[0])
        given = [weight.shape for weight in weights]
        wanted = [tuple(variable.shape) for variable in layer.weights]
        if given != wanted:
            raise ExportError(
                f"layer {layer.name!r} ({type(layer).__name__}) has weights of shapes {given}, "
                f"and {wanted} when it is rebuilt from its config",
                "its get_config must describe the layer as it is",
            )
        found |= {id(v): weight for v, weight in zip(layer.weights, weights, strict=True)}
    # What is left are the seeds of dropout, which nothing reads at inference.
    seeds = (v for v in clone.variables if id(v) not in found)
    return found | {id(v): Weight.of(np.zeros(v.shape, v.dtype)) for v in seeds}


@contextmanager
def _in_place() -> Iterator[None]:
    """Functions inside of layers are traced where they are called.

    Keras compiles grouped convolutions as functions of their own, which tf2onnx leaves as calls.
    """
    before = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(before)


def _convert(
    serve: Callable[..., dict[str, tf.Tensor]], signature: list[tf.TensorSpec], opset: int
) -> onnx.ModelProto:
    """Run tf2onnx with its log turned off: it goes on after errors, which the guards then find."""
    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        import tf2onnx

        from zoo.engine.export import rules

        with rules.mended():
            proto, _ = tf2onnx.convert.from_function(
                serve, input_signature=signature, opset=opset, custom_op_handlers=rules.RULES
            )
    except Exception as error:  # tf2onnx raises whatever its handlers raise
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise ExportError(f"the model cannot be converted to ONNX: {reason}") from error
    finally:
        logging.disable(level)
    return proto
