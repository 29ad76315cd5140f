"""What is measured: one configuration, which gets a process of its own."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Subject = Literal["model", "augment", "explain", "data", "export", "startup"]
Mode = Literal["inference", "train"]
Precision = Literal["float32", "tf32", "mixed_bfloat16", "mixed_float16"]
Backend = Literal["tensorflow", "jax", "onnxruntime"]
Source = Literal["device", "host", "cache", "folder"]

UNITS = {"explain": "maps", "export": "exports", "startup": "starts"}
"""What is counted, where it is not pictures."""

# How long a measurement takes does not make it another one.
_NOT_IDENTITY = {"seconds"}


class Table(BaseModel):
    """Plain data that takes no key it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Case(Table):
    """One configuration.

    Args:
        target: A name, run, file or bundle; the policy, method or command of another subject.
        subject: What the target is.
        mode: A forward pass, or a whole step of training.
        batch_size: Pictures in a step.
        precision: Type that layers compute in. `tf32` is float32 whose products a GPU may round.
        jit_compile: Whether XLA compiles the step.
        backend: What calculates.
        threads: Cores that the process may use; None for all.
        device: `cpu`, `gpu:N`, or None for the first GPU if there is one.
        source: Where a step's pictures come from: made on the device, made on the host and
            copied, decoded once and kept, or decoded from JPEG files every time.
        data: The folder of pictures for `cache` and `folder`; None makes some.
        policy: Augmentation on the way; None for none.
        model: The model that another subject than `model` needs.
        classes: Outputs of a model built by name.
        input_size: Height and width of a model built by name; None for its own.
        seconds: How long to measure once steps are steady.
    """

    target: str
    subject: Subject = "model"
    mode: Mode = "inference"
    batch_size: Annotated[int, Field(ge=1)] = 1
    precision: Precision = "float32"
    jit_compile: bool = False
    backend: Backend = "tensorflow"
    threads: Annotated[int, Field(ge=1)] | None = None
    device: str | None = None
    source: Source = "device"
    data: str | None = None
    policy: str | None = None
    model: str | None = None
    classes: Annotated[int, Field(ge=1)] = 1000
    input_size: Annotated[int, Field(ge=1)] | None = None
    seconds: Annotated[float, Field(ge=0)] = 3.0

    @property
    def key(self) -> tuple[tuple[str, Any], ...]:
        """All that tells this configuration from another."""
        return tuple(self.model_dump(exclude=_NOT_IDENTITY).items())

    @property
    def unit(self) -> str:
        """What is counted in a second."""
        return UNITS.get(self.subject, "images")
