"""The learning-rate finder: the loss while the rate grows from far too low to far too high.

L. N. Smith, Cyclical Learning Rates for Training Neural Networks, arXiv:1506.01186, as fastai runs
it: exponential, smoothed, ended where the loss explodes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras

from zoo import policy as policies
from zoo import registry
from zoo.engine import assemble, augment, checkpoint, data, feed, freeze, loss, phase, runtime
from zoo.errors import RecipeError

if TYPE_CHECKING:
    from zoo.recipe import Phase
    from zoo.registry import ResolvedModel

LOW, HIGH = 1e-7, 10.0
SMOOTHING = 0.98
EXPLODED = 4.0
"""Times the lowest smoothed loss at which the search ends."""

WIDTH, HEIGHT, MARGIN = 640, 320, 44


@dataclass(frozen=True)
class Curve:
    """The losses that were seen.

    Args:
        rates: The rate of each step.
        losses: The smoothed loss after it.
    """

    rates: tuple[float, ...]
    losses: tuple[float, ...]

    @property
    def steepest(self) -> float:
        """The rate where the loss falls fastest, by the logarithm of the rate."""
        falls = [
            after - before for before, after in zip(self.losses, self.losses[1:], strict=False)
        ]
        # The first steps smooth over hardly anything and jump about.
        skipped = min(len(falls) // 10, 10)
        place = min(range(skipped, len(falls)), key=falls.__getitem__)
        return self.rates[place]

    @property
    def suggested(self) -> float:
        """A tenth of the rate at the lowest loss: as high as one may go, with a margin."""
        return self.rates[min(range(len(self.losses)), key=self.losses.__getitem__)] / 10

    def svg(self) -> str:
        """Draw the curve, the rate on a logarithmic axis, the suggestion as a line."""
        low, high = math.log10(self.rates[0]), math.log10(self.rates[-1])
        least, most = min(self.losses), max(self.losses[0], min(self.losses) * 1.5)

        def x(rate: float) -> float:
            return MARGIN + (math.log10(rate) - low) / (high - low) * (WIDTH - 2 * MARGIN)

        def y(value: float) -> float:
            share = (min(value, most) - least) / ((most - least) or 1)
            return HEIGHT - MARGIN - share * (HEIGHT - 2 * MARGIN)

        points = " ".join(
            f"{x(rate):.1f},{y(value):.1f}"
            for rate, value in zip(self.rates, self.losses, strict=True)
        )
        columns = [
            f'<text x="{x(10.0**power):.1f}" y="{HEIGHT - 20}" text-anchor="middle">'
            f"1e{power}</text>"
            for power in range(math.ceil(low), math.floor(high) + 1)
        ]
        rows = [
            f'<text x="{MARGIN - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{value:.3g}</text>'
            for value in (least + share * (most - least) for share in (0, 0.25, 0.5, 0.75, 1))
        ]
        at = x(self.suggested)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
            'font-family="sans-serif" font-size="11">'
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>{"".join(columns + rows)}'
            f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{MARGIN}" y2="{HEIGHT - MARGIN}" '
            'stroke="#b45309" stroke-dasharray="4 3"/>'
            f'<text x="{at + 5:.1f}" y="{MARGIN}" fill="#b45309">{self.suggested:.1e}</text>'
            f'<polyline points="{points}" fill="none" stroke="#1d4ed8" stroke-width="2"/></svg>\n'
        )


def find(
    resolved: ResolvedModel,
    pictures: data.ImageFolder,
    leg: Phase,
    *,
    input_size: int | tuple[int, int] | None = None,
    dtype: str = "float32",
    seed: int = 0,
    steps: int = 100,
) -> Curve:
    """Train a phase for a few steps at a growing rate.

    Args:
        resolved: The model's name.
        pictures: What `data.read` made of a folder.
        leg: The phase whose rate is looked for; all else of it holds.
        input_size: As for `assemble`.
        dtype: As for `assemble`.
        seed: Of all chance.
        steps: Between the lowest and the highest rate.

    Returns:
        The curve.

    Raises:
        RecipeError: If the loss explodes at once.
        DataError: If too many pictures do not decode.
    """
    model = assemble.assemble(
        resolved, classes=pictures.classes, input_size=input_size, dtype=dtype, seed=seed
    )
    train = pictures.split("train")
    weights = loss.class_weights(leg, pictures.classes, [sample.label for sample in train])
    transforms = policies.transforms(leg.policy, registry.load())
    size, cover = tuple(model.input.shape[1:3]), model.zoo_anatomy.preprocessing.get("cover")
    freeze.free(model, leg)
    with data.tolerate(train) as unreadable:
        source = feed.pictures(
            model, leg, train, train[:1], policy=augment.for_training(transforms, size, cover),
            weights=weights, seed=seed, unreadable=(unreadable, unreadable),
            in_step=runtime.accelerated(),
        )  # fmt: skip
        return search(model, leg, source, steps=steps)


def search(model: keras.Model, leg: Phase, source: feed.Feed, *, steps: int = 100) -> Curve:
    """As `find`, on a model whose layers are set free; its weights are as before afterwards."""
    scorer = phase.scorer(model, leg, source, steps)
    moves = freeze.moving(model)
    before = checkpoint.values(moves)
    rates: list[float] = []
    losses: list[float] = []
    mean = 0.0
    try:
        for number, batch in enumerate(source.train(0).take(steps)):
            rate = LOW * (HIGH / LOW) ** (number / max(steps - 1, 1))
            scorer.optimizer.learning_rate = rate
            scorer.reset_metrics()
            x, labels, *weighed = batch
            logs: Any = scorer.train_on_batch(
                x, labels, sample_weight=weighed[0] if weighed else None, return_dict=True
            )
            mean = SMOOTHING * mean + (1 - SMOOTHING) * float(logs["loss"])
            smoothed = mean / (1 - SMOOTHING ** (number + 1))
            if not math.isfinite(smoothed) or (losses and smoothed > EXPLODED * min(losses)):
                break
            rates.append(rate)
            losses.append(smoothed)
    finally:
        checkpoint.assign(moves, before)
    if len(losses) < 3:
        raise RecipeError(
            f"phase {leg.name}: the loss is no number or explodes at a rate of {LOW:g}",
            hint="look at the pictures (zoo data check) and the normalisation of the weights",
        )
    return Curve(tuple(rates), tuple(losses))
