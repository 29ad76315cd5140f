"""What workers tell each other before they train together."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import zoo
from zoo.engine.strategy import rendezvous, team
from zoo.engine.strategy.cluster import Cluster
from zoo.errors import DeviceError


class Met(Exception):
    """Ends a training where it has found the others."""


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch, noisy: Callable[[int], Path], tmp_path: Path):
    """Gives what a worker is about to do."""
    cards: list[dict[str, str]] = []

    def meet(cluster: Cluster, card: dict[str, str], tell: object) -> None:
        cards.append(card)
        raise Met

    monkeypatch.setattr(rendezvous, "meet", meet)
    monkeypatch.setenv("TF_CONFIG", Cluster(("a:1", "b:1"), 0).tf_config())
    pictures = noisy(39)

    def of(spec: str = "small-cnn+linear", **asked: Any) -> dict[str, str]:
        with pytest.raises(Met):
            zoo.train(spec, pictures, out=tmp_path / "run", strategy="multi-worker", **asked)
        return cards[-1]

    return of


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ({"spec": "small-cnn+dense"}, "model, size or seed"),
        ({"seed": 1}, "model, size or seed"),
        ({"input_size": 32}, "model, size or seed"),
        ({"augment_on": "device"}, "model, size or seed"),
        ({"disk_cache": True}, "--disk-cache"),
        ({"epochs": 1}, "recipe"),
        ({"dtype": "mixed_bfloat16"}, "recipe"),
    ],
)
def test_what_is_asked_for_is_told(card: Callable[..., dict[str, str]], asked: Any, name: str):
    one, other = card(), card(**asked)
    assert {key for key in one if one[key] != other[key]} >= {name}
    assert one == card()


def test_weights_of_ones_own_are_told(card: Callable[..., dict[str, str]], tmp_path: Path):
    spec = "small-cnn:width=0.05+linear"
    for number in (0, 1):
        model = zoo.build(spec, classes=3, input_size=32, seed=number)
        model.save_weights(tmp_path / f"{number}.weights.h5")
    files = [tmp_path / f"{number}.weights.h5" for number in (0, 1)]
    cards = [card(spec, weights=file) for file in files]
    cards += [card(spec, weights=files[0], weights_normalization="torch")]
    assert len({each["model, size or seed"] for each in cards}) == 3


def test_a_second_training_in_one_process(
    card: Callable[..., dict[str, str]], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(team, "_FORMED", threading.Event())
    card()
    team._FORMED.set()
    with pytest.raises(DeviceError) as caught:
        card()
    assert str(caught.value) == (
        "this process has trained with other workers already, and cannot begin anew with them\n"
        "  hint: start all workers again for each training"
    )
