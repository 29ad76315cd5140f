"""A phase: one leg of a training, as a recipe states it."""

from __future__ import annotations

import difflib
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic import model_validator as validator

from zoo import surgery as operations
from zoo.errors import SurgeryError
from zoo.schedule import Constant, Schedule

OPTIMIZERS = (
    "adadelta", "adafactor", "adagrad", "adam", "adamax", "adamw", "ftrl", "lamb", "lion",
    "muon", "nadam", "rmsprop", "schedulefreeadamw", "sgd",
)  # fmt: skip
"""The classes of `keras.optimizers` in lower case; a test holds the two together."""

OWN_KEYS = {
    "learning_rate": "learning_rate",
    "use_ema": "ema",
    "ema_momentum": "ema",
    "ema_overwrite_frequency": "ema",
    "gradient_accumulation_steps": "accumulate",
}
"""Options of Keras's optimizers that are keys of the phase instead, and which."""

WHILE_TRAINING = ("insert-bn", "fold-bn", "dropout", "head", "copy", "convert")
"""Operations of `zoo.surgery` that leave input and classes as they are."""

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)]
Train = Annotated[str, StringConstraints(pattern=r"^(head|all|last:[1-9][0-9]*|from:[\w./-]+)$")]


class Table(BaseModel):
    """A table of a recipe: unknown keys are refused, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Phase(Table):
    """One leg of a training: what may change, and how fast.

    Args:
        name: What rows of the history call it.
        train: What may change: "head"; "all"; "last:N", the head and the backbone's last N
            stages; or "from:NAME", a tap or layer of that name and all that follows it.
        epochs: How many at most.
        steps: Steps of the optimizer instead of epochs, rounded up to whole epochs.
        learning_rate: Step size of the optimizer.
        lowest_rate: Factor on the rate of the backbone's first stage. The head keeps 1, the
            stages between are evenly spaced by ratio, whether they train or not.
        rates: Factors on the rate by stage, or "head", over those of `lowest_rate`.
        schedule: How the rate goes through the phase: a kind's name, or a table of the kind and
            its keys.
        optimizer: One of `OPTIMIZERS`.
        options: Further arguments of the optimizer, such as momentum, weight_decay or
            global_clipnorm.
        batch_size: Pictures per step of the optimizer.
        accumulate: Parts in which a batch goes through the model, for memory; the gradient is
            that of the whole batch.
        patience: Epochs without a lower validation loss before the phase ends; None for never.
        min_delta: How much lower the loss must be to count for `patience`.
        bn: Whether the backbone's batch normalisation keeps its statistics ("frozen"), as it
            should where pretrained weights meet small batches, or learns them ("train").
        label_smoothing: Probability that is spread over all classes, 0 to below 1.
        auxiliary: Weight of the loss of each auxiliary classifier, where the head has any.
        class_weights: "balanced", so that every class counts the same in the loss, or factors
            by class name; None for pictures that count the same.
        ema: Momentum of a moving average of the weights, which is then what is validated and
            kept; None for none.
        policy: Augmentation of the training pictures, such as "light:rotation=10"; None for none.
        cache: Whether features are computed once, where the backbone is frozen and no policy
            changes the pictures.
        views: With a policy: how many augmented views of each picture the cache holds, one of
            which serves each epoch; None augments anew each time and caches nothing.
        surgery: Operations on the model before the phase, such as
            `{ do = "insert-bn", after = ["dense"] }`; each is certified.
    """

    name: Name
    train: Train = "all"
    epochs: Annotated[int, Field(ge=1, le=100_000)] | None = None
    steps: Annotated[int, Field(ge=1, le=1_000_000_000)] | None = None
    learning_rate: Annotated[float, Field(gt=0)]
    lowest_rate: Annotated[float, Field(gt=0, le=1)] = 1.0
    rates: dict[str, Annotated[float, Field(ge=0)]] = {}
    schedule: Schedule = Constant()
    optimizer: str = "adam"
    options: dict[str, bool | int | float | str] = {}
    batch_size: Annotated[int, Field(ge=1, le=65_536)] = 32
    accumulate: Annotated[int, Field(ge=1)] = 1
    patience: Annotated[int, Field(ge=1)] | None = None
    min_delta: Annotated[float, Field(ge=0)] = 0.0
    bn: Literal["frozen", "train"] = "frozen"
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    auxiliary: Annotated[float, Field(ge=0)] = 0.3
    class_weights: Literal["balanced"] | dict[str, Annotated[float, Field(ge=0)]] | None = None
    ema: Annotated[float, Field(gt=0, lt=1)] | None = None
    policy: str | None = None
    cache: bool = True
    views: Annotated[int, Field(ge=1, le=1000)] | None = None
    surgery: tuple[dict[str, Any], ...] = ()

    @validator(mode="after")
    def _optimizer_is_known(self) -> Phase:
        if self.optimizer not in OPTIMIZERS:
            near = difflib.get_close_matches(self.optimizer.lower(), OPTIMIZERS, n=1)
            known = f"did you mean {near[0]}?" if near else f"known: {', '.join(OPTIMIZERS)}"
            raise ValueError(f"optimizer: received {self.optimizer!r}; {known}")
        for key in self.options:
            if key in OWN_KEYS:
                raise ValueError(f"options.{key}: write {OWN_KEYS[key]} = ... in the phase instead")
        return self

    @validator(mode="after")
    def _keys_agree(self) -> Phase:
        if (self.epochs is None) == (self.steps is None):
            given = "neither" if self.epochs is None else "both"
            raise ValueError(f"epochs: a phase takes epochs or steps, received {given}")
        if self.accumulate > self.batch_size:
            raise ValueError(
                f"accumulate: a batch of {self.batch_size} has no {self.accumulate} parts"
            )
        if self.views is not None and (self.policy is None or not self.cache):
            raise ValueError("views: they need a policy that makes them and cache = true")
        return self

    @validator(mode="after")
    def _operations_are_known(self) -> Phase:
        for step in self.surgery:
            try:
                operations.parse(step)
            except SurgeryError as error:
                raise ValueError(f"surgery: {error.message}; {error.hint}") from None
            if step["do"] not in WHILE_TRAINING or step.get("classes"):
                accepted = ", ".join(WHILE_TRAINING)
                raise ValueError(
                    f"surgery: {step['do']} changes what the model takes or tells apart; "
                    f"accepted while it trains: {accepted}"
                )
        return self

    @property
    def stages(self) -> int | None:
        """How many stages of the backbone, counted from its end, may change; None for all."""
        if self.train == "head":
            return 0
        kind, _, count = self.train.partition(":")
        return int(count) if kind == "last" else None

    @property
    def start(self) -> str | None:
        """The tap or layer from which on all may change, where the phase names one."""
        kind, _, name = self.train.partition(":")
        return name if kind == "from" else None
