"""What zoo knows of a model's parts: where its taps and logits are, what its outputs mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import keras

from zoo.engine import picture
from zoo.errors import ModelError

LAST = "last"
HEAD = "head"


@dataclass(frozen=True)
class Anatomy:
    """A model's parts by name. It travels with the model: on it in memory, inside the file on disk.

    Args:
        spec: Canonical name, empty for a model that zoo did not build.
        taps: Tap name to the name of the layer that gives it, in order; the last is the default.
        classes: Class names in the order of the outputs. A single sigmoid output separates two.
        input_size: Height and width in pixels.
        normalization: What the `normalize` layer does to RGB 0..255: (x / scale - mean) / std.
        preprocessing: How a picture becomes an input.
        resolved: The resolved spec as plain data: options, weights, plugins and versions.
        load_report: Which variables the pretrained weights filled, empty without weights.
    """

    spec: str
    taps: dict[str, str]
    classes: tuple[str, ...]
    input_size: tuple[int, int]
    normalization: dict[str, Any]
    preprocessing: dict[str, Any] = field(default_factory=dict)
    resolved: dict[str, Any] = field(default_factory=dict)
    load_report: dict[str, Any] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """The anatomy as plain data, for JSON."""
        return asdict(self)

    @classmethod
    def read(cls, facts: Mapping[str, Any]) -> Anatomy:
        """The anatomy that `document` described."""
        facts = dict(facts)
        facts["classes"] = tuple(facts["classes"])
        facts["input_size"] = tuple(facts["input_size"])
        return cls(**facts)


def of(model: keras.Model) -> Anatomy:
    """A model's anatomy: what it carries, or what can be seen from outside.

    Args:
        model: A model built or loaded by zoo, or any Keras classifier with one picture input.

    Returns:
        The anatomy. For a foreign model it has one tap, the map that enters the pooling or
        flattening of its head, and numbered classes.

    Raises:
        ModelError: The model is no classifier of pictures of one size.
    """
    return getattr(model, "zoo_anatomy", None) or _inspect(model)


def require_rgb(model: keras.Model) -> None:
    """Refuse a model that surgery made for other pictures, where only RGB is read.

    Raises:
        ModelError: It takes another number of channels.
    """
    if not hasattr(model, "zoo_anatomy"):  # `of` looks at a foreign model.
        return
    channels = model.input.shape[3]
    if channels != 3:
        raise ModelError(
            f"the model takes pictures of {channels} {'channel' if channels == 1 else 'channels'}, "
            "accepted here are models of RGB pictures",
            "zoo evaluate, predict and surgery take it; use the run that it was made from",
        )


def tap_tensor(model: keras.Model, tap: str = LAST) -> keras.KerasTensor:
    """The symbolic map [N, h, w, c] of a tap.

    Args:
        model: The model.
        tap: Name of a tap, `last`, or the name of any layer that gives a map.

    Returns:
        The tensor, to build a `keras.Model(model.input, tensor)` with.

    Raises:
        ModelError: Nothing has that name, or it gives no map.
    """
    taps = of(model).taps
    name = list(taps.values())[-1] if tap == LAST else taps.get(tap, tap)
    outputs = _outputs(model)
    if name not in outputs or len(outputs[name].shape) != 4:
        fault = "gives no map" if name in outputs else "is not in the model"
        raise ModelError(
            f"tap {tap!r} {fault}", f"taps: {', '.join((*taps, LAST))}, or a layer's name"
        )
    return outputs[name]


def logits_tensor(model: keras.Model) -> keras.KerasTensor:
    """The symbolic scores [N, classes] before softmax or sigmoid.

    Args:
        model: The model.

    Returns:
        The output of the layer `logits`. Of a foreign model: the input of its last activation,
        or its last Dense layer without the activation.

    Raises:
        ModelError: The model's last layer hides its scores.
    """
    if hasattr(model, "zoo_anatomy"):
        return model.get_layer("logits").output
    output = model.outputs[0]
    last = next((layer for layer in reversed(model.layers) if _gives(layer, output)), None)
    if isinstance(last, (keras.layers.Activation, keras.layers.Softmax)):
        return last.input
    if isinstance(last, keras.layers.Dense):
        if last.activation is keras.activations.linear:
            return last.output
        scores = keras.ops.matmul(last.input, last.kernel)
        return scores if last.bias is None else keras.ops.add(scores, last.bias)
    kind = type(last).__name__ if last is not None else "no layer"
    raise ModelError(
        f"the scores before the probabilities cannot be reached: the model ends in {kind}",
        "end the model in Dense, Activation or Softmax",
    )


def auxiliary(model: keras.Model) -> dict[str, keras.KerasTensor]:
    """The logits [N, classes] of a head's auxiliary classifiers, by name.

    They lie outside the model, which answers without them; a model from a file has none.
    """
    return dict(getattr(model, "zoo_auxiliary", {}))


def whole(model: keras.Model) -> keras.Model:
    """The model with its auxiliary classifiers, itself where it has none."""
    beside = list(auxiliary(model).values())
    return keras.Model(model.inputs, [*model.outputs, *beside]) if beside else model


def training_logits(model: keras.Model) -> keras.KerasTensor:
    """What the loss is taken on: the logits [N, classes], stacked with those of others if any.

    Returns:
        Of a model with auxiliary classifiers [N, 1 + classifiers, classes], its own logits first.
    """
    beside = list(auxiliary(model).values())
    logits = logits_tensor(model)
    return keras.ops.stack([logits, *beside], axis=1) if beside else logits


def stages(model: keras.Model) -> dict[str, list[keras.layers.Layer]]:
    """The model's layers by stage: each goes to the first tap that needs it.

    Args:
        model: The model.

    Returns:
        Tap name to layers, in order, then `head` with every layer after the taps. The input and
        the `normalize` layer belong to no stage: they have nothing to train.
    """
    rest = {
        layer.name: layer
        for layer in model.layers
        if not isinstance(layer, keras.layers.InputLayer) and layer.name != "normalize"
    }
    parts = {}
    for tap in of(model).taps:
        upstream = keras.Model(model.inputs, tap_tensor(model, tap)).layers
        parts[tap] = [rest.pop(layer.name) for layer in upstream if layer.name in rest]
    parts[HEAD] = list(rest.values())
    return parts


def _inspect(model: keras.Model) -> Anatomy:
    """The anatomy of a model that zoo did not build."""
    shapes = [tuple(tensor.shape) for tensor in getattr(model, "inputs", None) or ()]
    if len(shapes) != 1 or len(shapes[0]) != 4 or shapes[0][3] != 3 or None in shapes[0][1:]:
        raise ModelError(
            f"the model takes {' and '.join(map(str, shapes)) or 'inputs of unknown shape'}, "
            "accepted is one input of RGB pictures [N, height, width, 3] of a fixed size",
        )
    if len(model.outputs) != 1 or len(model.outputs[0].shape) != 2:
        given = " and ".join(str(tuple(tensor.shape)) for tensor in model.outputs)
        raise ModelError(f"the model gives {given}, accepted is one output [N, classes]")
    # Layers are sorted by their distance from the output. A map of one pixel is already pooled.
    maps = [
        name
        for name, tensor in _outputs(model).items()
        if len(tensor.shape) == 4 and tuple(tensor.shape[1:3]) != (1, 1)
    ]
    *_, last = maps
    count = model.outputs[0].shape[-1]
    return Anatomy(
        spec="",
        taps={last: last},
        classes=class_names(count),
        input_size=shapes[0][1:3],
        normalization={"order": "rgb", "mean": [0.0] * 3, "std": [1.0] * 3, "scale": 1.0},
        preprocessing=dict(picture.DESCRIPTION),
    )


def class_names(count: int) -> tuple[str, ...]:
    """Names for classes that have none: `0`, `1` ... One sigmoid output separates two classes."""
    return tuple(str(index) for index in range(max(count, 2)))


def _outputs(model: keras.Model) -> dict[str, keras.KerasTensor]:
    """Layer name to output tensor, for the layers that are used once and give one tensor."""
    outputs = {}
    for layer in model.layers:
        try:
            tensor = layer.output
        except (AttributeError, ValueError):  # shared or never called
            continue
        if isinstance(tensor, keras.KerasTensor):
            outputs[layer.name] = tensor
    return outputs


def _gives(layer: keras.layers.Layer, tensor: keras.KerasTensor) -> bool:
    try:
        return layer.output is tensor
    except (AttributeError, ValueError):
        return False
