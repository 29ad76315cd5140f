"""Models are backend-neutral: every backbone and head takes a step of training on JAX.

Needs the extra `jax`. Keras has one backend a process, so each part gets a process of its own.
"""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from zoo import registry
from zoo.benchmark.case import Case
from zoo.engine.bench import process

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("jax") is None, reason="needs the extra jax"),
]

PARTS = registry.load()
BACKBONES = [part.id for part in PARTS.parts(kind="backbone") if part.id != "small-cnn"]
HEADS = [part.id for part in PARTS.parts(kind="head")]
INTERPRETERS = [part.id for part in PARTS.parts(kind="interpreter")]


def attempt(target: str, **case) -> str | None:
    return process.attempt(Case(target=target, backend="jax", seconds=0, classes=3, **case)).error


def smallest(name: str) -> int:
    (part,) = [part for part in PARTS.parts(kind="backbone") if part.id == name]
    return max(part.minimum or (32, 32))


@pytest.mark.parametrize("name", BACKBONES)
def test_a_backbone_trains_on_jax(name):
    assert attempt(f"{name}+linear", mode="train", batch_size=2, input_size=smallest(name)) is None


@pytest.mark.parametrize("name", HEADS)
def test_a_head_trains_on_jax(name):
    # The auxiliary classifiers need maps of several sizes.
    body = "inception-v1" if name == "aux" else "small-cnn:width=0.25"
    assert attempt(f"{body}+{name}", mode="train", batch_size=2) is None


@pytest.mark.parametrize("name", INTERPRETERS)
def test_an_interpreter_explains_on_jax(name):
    case = Case(
        target=name, subject="explain", model="small-cnn:width=0.25+linear", batch_size=2,
        backend="jax", classes=3,
    )  # fmt: skip
    assert process.attempt(case).error is None


def test_a_policy_augments_on_jax():
    case = Case(
        target="randaugment", subject="augment", input_size=32, batch_size=2, backend="jax",
        seconds=0,
    )  # fmt: skip
    row = process.measure(case)

    assert row.settings["jit_compile"] is True
    assert row.images_per_second > 0


def test_what_is_timed_is_what_is_answered():
    row = process.measure(
        Case(
            target="small-cnn:width=0.25+linear", batch_size=2, backend="jax", seconds=0, classes=3
        )
    )
    assert row.agreement.max_difference < 1e-5
    assert row.settings["jit_compile"] is True
    assert row.window_seconds is not None
