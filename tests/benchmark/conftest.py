"""Rows as a measurement would give them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from zoo.benchmark.case import Case
from zoo.benchmark.document import SCHEMA, Document, ModelFacts, Row, Spread

MACHINE = {
    "cpu": "Acme 1",
    "cores": 4,
    "usable_cores": 2,
    "memory_bytes": 8 << 30,
    "python": "3.11.7",
    "packages": {"keras": "3.15.1", "tensorflow": "2.21.0"},
}


def spread(seconds: float, *, half: float = 0.0, n: int = 100, **more: Any) -> Spread:
    """Durations around a median whose interval reaches `half` of it to both sides."""
    told: dict[str, Any] = {
        "n": n,
        "mean": seconds,
        "p50": seconds,
        "mad": 0.0,
        "low": seconds * (1 - half),
        "high": seconds * (1 + half),
        "p90": seconds,
        "p95": None,
        "p99": None,
        "max": seconds,
        "quantiles": [seconds] * 21,
    }
    return Spread(**(told | more))


@pytest.fixture
def row() -> Callable[..., Row]:
    """A row of a quiet machine; `half` is the half width of the interval of its median."""

    def make(
        seconds: float = 0.1,
        *,
        target: str = "a+linear",
        half: float = 0.0,
        batch_norms: int = 0,
        step: Spread | None = None,
        case: dict[str, Any] | None = None,
        **more: Any,
    ) -> Row:
        configuration = Case(target=target, **(case or {}))
        told: dict[str, Any] = {
            "device": "cpu (2 cores)",
            "steady": True,
            "step_seconds": step or spread(seconds, half=half),
            "images_per_second": configuration.batch_size / seconds,
            "drift": 0.0,
            "lost": 0.0,
            "first_step": 1.0,
            "model": ModelFacts(
                name=target,
                parameters=1000,
                gmacs=0.5,
                activation_bytes=1 << 20,
                weight_bytes=4000,
                input_size=[32, 32],
                classes=10,
                batch_norms=batch_norms,
                dtype="float32",
            ),
        }
        return Row(case=configuration, **(told | more))

    return make


@pytest.fixture
def document() -> Callable[..., Document]:
    """Rows in a document; facts of the machine can be changed."""

    def make(*rows: Row, peaks: Any = (), **facts: Any) -> Document:
        return Document(
            schema=SCHEMA,
            created="2026-01-02T03:04:05+00:00",
            machine=MACHINE | facts,
            peaks=list(peaks),
            rows=list(rows),
        )

    return make
