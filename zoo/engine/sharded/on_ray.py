"""Workers that are actors of Ray, on this machine or on a cluster."""

from __future__ import annotations

import os
import re
import socket
import threading
from collections.abc import Mapping
from typing import Any

from zoo.engine.sharded.event import Event
from zoo.engine.sharded.worker import Worker
from zoo.errors import ShardError

ANSWER_SECONDS = 5.0
"""How long a machine may take to open its door."""

START_SECONDS = 90.0
"""How long Ray may take to start, or to let us in."""


class Ray:
    """Actors, each a `Worker`. Ray is started here, or the cluster at an address is asked.

    Args:
        setup: As `Worker` takes it.
        workers: How many there are to be.
        address: Of a cluster: "ray://HOST:10001", "HOST:6379" or "auto"; None to start Ray here.

    Raises:
        ShardError: Ray is not installed, or nothing answers at the address.
    """

    def __init__(self, setup: Mapping[str, Any], workers: int, address: str | None) -> None:
        check(address)
        import ray

        self._ray = ray
        self._setup = dict(setup)
        _enter(ray, workers, address)
        device = str(setup["options"].get("device") or "cpu")
        gpus = int(device.startswith("gpu"))
        self._actor = ray.remote(num_cpus=setup["cores"] or 1, num_gpus=gpus)(Worker)
        self._actors: dict[int, Any] = {}
        self._waiting: dict[Any, int] = {}

    def start(self, worker: int, seat: int) -> None:
        """Make an actor."""
        actor = self._actors[worker] = self._actor.remote(self._setup)
        self._waiting[actor.hello.remote()] = worker

    def give(self, worker: int, order: Mapping[str, Any]) -> None:
        """Call an actor."""
        self._waiting[self._actors[worker].work.remote(**order)] = worker

    def next(self, timeout: float) -> Event | None:
        """Wait for an actor's answer, or for its end."""
        found, _ = self._ray.wait(list(self._waiting), num_returns=1, timeout=timeout)
        if not found:
            return None
        worker = self._waiting.pop(found[0])
        try:
            ((kind, value),) = self._ray.get(found[0]).items()
        except self._ray.exceptions.RayError as error:
            del self._actors[worker]
            return Event(worker, "died", _last_words(error))
        return Event(worker, kind, value)

    def stop(self) -> None:
        """End all actors, and leave Ray."""
        for actor in self._actors.values():
            self._ray.kill(actor)
        self._ray.shutdown()


def check(address: str | None) -> None:
    """See that Ray is there, and that something listens at an address.

    Raises:
        ShardError: It is not, or nothing does.
    """
    try:
        import ray  # noqa: F401
    except ImportError:
        raise ShardError("Ray is not installed", "pip install 'keras-zoo[ray]'") from None
    if address is None or address in ("auto", "local"):
        return
    match = re.fullmatch(r"(?:ray://)?(?P<host>[^/:]+):(?P<port>\d+)", address)
    if match is None:
        raise ShardError(
            f"{address!r} is no address of a Ray cluster",
            "accepted: ray://HOST:10001, HOST:6379, auto",
        )
    try:
        socket.create_connection((match["host"], int(match["port"])), ANSWER_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise ShardError(
            f"no Ray cluster answers at {address}: {error}",
            "ray status, on its head node, tells whether it runs; see host, port and firewall",
        ) from None


def _enter(ray: Any, workers: int, address: str | None) -> None:
    """Start Ray or join a cluster, in bounded time."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    asked: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if address is None:
        asked |= {"num_cpus": workers, "include_dashboard": False, "address": "local"}
    else:
        asked["address"] = address
    failed: list[BaseException] = []

    def enter() -> None:
        try:
            ray.init(**asked)
        except BaseException as error:
            failed.append(error)

    entering = threading.Thread(target=enter, daemon=True)
    entering.start()
    entering.join(START_SECONDS)
    where = f"at {address}" if address else "on this machine"
    if entering.is_alive():
        raise ShardError(
            f"Ray {where} did not answer within {START_SECONDS:.0f} s",
            "ray status, on its head node, tells whether it runs",
        )
    if failed:
        reason = str(failed[0]).strip().partition("\n")[0]
        raise ShardError(
            f"Ray {where} cannot be used: {reason}",
            "ray start --head starts a cluster" if address == "auto" else None,
        )


def _last_words(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"its actor ended: {' | '.join(lines[:3])[:400]}"
