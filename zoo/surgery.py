"""Operations on a trained network, as data: what a recipe or the command line asks for.

Each is a table with `do` and its options. `zoo.engine.surgery` carries them out.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from zoo import suggest
from zoo.errors import SurgeryError

Layers = Annotated[tuple[str, ...], Field(min_length=1)]


class _Step(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    def document(self) -> dict[str, Any]:
        """The step as plain data, without what it leaves as it is."""
        return {"do": self.do, **self.model_dump(mode="json", exclude_defaults=True)}  # type: ignore[attr-defined]


class InsertBatchNorm(_Step):
    """Batch normalisation that changes nothing yet: calibrated so that it is the identity.

    Args:
        after: Layers to insert it after: names, patterns such as "block*_conv?", or all layers
            of a kind: "dense", "conv".
        skip: Layers of those to leave out.
        place: "output", after the activation, as in fast.ai's VGG; or "activation", before it,
            as in the published VGG-BN.
        epsilon: Added to the variance.
        momentum: Of the moving statistics once training goes on.
        floor: Variance that units with less are given, so that they cannot be amplified.
    """

    do: Literal["insert-bn"] = "insert-bn"
    after: Layers
    skip: tuple[str, ...] = ()
    place: Literal["output", "activation"] = "output"
    epsilon: Annotated[float, Field(gt=0, lt=1)] = 1e-3
    momentum: Annotated[float, Field(gt=0, lt=1)] = 0.99
    floor: Annotated[float, Field(ge=0)] = 0.0


class FoldBatchNorm(_Step):
    """Batch normalisation dissolved into the layer before or after it.

    Args:
        layers: Batch normalisations: names or patterns.
    """

    do: Literal["fold-bn"] = "fold-bn"
    layers: Layers = ("*",)


class SetDropout(_Step):
    """Another dropout rate; weights stay as they are, since Keras rescales while training.

    Args:
        rate: Share dropped in training, 0 to below 1; 0 removes the layers.
        layers: Dropout layers: names or patterns.
        legacy_non_inverted: Multiply the kernels after a changed dropout by (1 - old) / (1 - new),
            as courses of 2016 did. It is wrong for every model made with Keras since October 2015.
    """

    do: Literal["dropout"] = "dropout"
    rate: Annotated[float, Field(ge=0, lt=1)]
    layers: Layers = ("*",)
    legacy_non_inverted: bool = False


class ReplaceHead(_Step):
    """Another head, or other classes; classes that stay keep their weights where they fit.

    Args:
        classes: Names of the classes in the order of the outputs; None keeps those that are.
        head: Name of a head, such as "dense:units=512"; None keeps the one that is.
        seed: Of the new weights.
    """

    do: Literal["head"] = "head"
    classes: Annotated[tuple[str, ...], Field(min_length=2)] | None = None
    head: str | None = None
    seed: Annotated[int, Field(ge=0)] = 0


class CopyWeights(_Step):
    """Weights of another model, layer by layer of equal name and shape.

    Args:
        source: A run folder or a .keras file.
        layers: What to copy: stages, "head", names of layers or patterns.
    """

    do: Literal["copy"] = "copy"
    source: str
    layers: Layers = ("head",)


class Convolve(_Step):
    """Dense layers on a flattened map turned into convolutions, so that other sizes fit.

    Args:
        input_size: Height and width of the new input in pixels.
    """

    do: Literal["convolve"] = "convolve"
    input_size: tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]]


class AdaptChannels(_Step):
    """Another number of input channels.

    Args:
        channels: 1 repeats a grey picture three times, which is exact. More than 3 repeat the
            kernels of the three and rescale them, so that the response keeps its size.
    """

    do: Literal["channels"] = "channels"
    channels: Annotated[int, Field(ge=1, le=1024)]


class Convert(_Step):
    """The same function in another architecture, whose further batch norms are calibrated.

    Args:
        to: The model to become, such as "vgg16bn+dense"; its layers have the names of those here.
    """

    do: Literal["convert"] = "convert"
    to: str


Step = Annotated[
    InsertBatchNorm
    | FoldBatchNorm
    | SetDropout
    | ReplaceHead
    | CopyWeights
    | Convolve
    | AdaptChannels
    | Convert,
    Field(discriminator="do"),
]
"""Any operation; `do` tells which."""

STEPS = {each.model_fields["do"].default: each for each in get_args(get_args(Step)[0])}
"""The operations by the name that `do` gives them."""


def parse(document: dict[str, Any]) -> _Step:
    """Read an operation from plain data.

    Args:
        document: `do` and options, such as `{"do": "dropout", "rate": 0.6}`.

    Returns:
        The operation.

    Raises:
        SurgeryError: There is none of that name, or an option is unknown, missing or not
            accepted; says which.
    """
    name = document.get("do")
    if name not in STEPS:
        near = suggest.near(str(name), list(STEPS))
        hint = f"did you mean {', '.join(near)}?" if near else f"operations: {', '.join(STEPS)}"
        raise SurgeryError(f"no operation called {name!r}", hint)
    try:
        step: _Step = TypeAdapter(Step).validate_python(document)
    except ValidationError as error:
        fault = error.errors()[0]
        options = [key for key in STEPS[name].model_fields if key != "do"]
        where = ".".join(str(key) for key in fault["loc"][1:2]) or "options"
        received = fault["input"]
        told = f", received {received!r}" if fault["type"] != "missing" else ""
        message = fault["msg"][0].lower() + fault["msg"][1:]
        raise SurgeryError(
            f"{name}: {where}: {message}{told}", f"options: {', '.join(options)}"
        ) from None
    return step
