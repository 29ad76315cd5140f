"""A folder of pictures as a work: batches decoded as training has them, and no model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zoo.engine import folder, picture
from zoo.engine.bench import source
from zoo.engine.bench.program import Work
from zoo.errors import BenchError

if TYPE_CHECKING:
    from zoo.benchmark.case import Case

SIZE = 224


def load(case: Case) -> list[folder.Sample]:
    """The pictures."""
    paths = picture.find(case.target)
    if not paths:
        raise BenchError(f"{case.target} holds no pictures")
    return [
        folder.Sample(str(path), path, label=0, split="train", size=path.stat().st_size)
        for path in paths
    ]


def work(case: Case, samples: list[folder.Sample]) -> Work:
    """A batch, decoded anew or, with the source `cache`, kept after its first epoch."""
    side = case.input_size or SIZE
    size = min(case.batch_size, len(samples))
    batches = source.batches(
        samples, (side, side), size, policy=case.policy, keep=case.source == "cache"
    )

    def give() -> Any:
        return next(batches)

    return Work(
        launch=give,
        count=size,
        settings={"input_size": side, "pictures": len(samples)},
        figures=lambda: {"mean_file_bytes": sum(s.size for s in samples) / len(samples)},
    )
