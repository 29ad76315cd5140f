"""Workers find each other and make sure that they are alike, before TensorFlow is asked to.

The chief listens at the port of its own that TensorFlow takes over afterwards; every other worker
tells it what it is about to do. TensorFlow itself would wait for an hour, or train two networks
as one.
"""

from __future__ import annotations

import json
import os
import selectors
import socket
import time
from collections.abc import Callable, Mapping
from typing import Any

from zoo.engine.strategy.cluster import Cluster
from zoo.errors import ClusterError

PATIENCE = 300.0
"""Seconds until a worker that does not answer ends the training."""

LINGER = 5.0
"""Seconds in which a fault that was found is told to those who come later."""

PAUSE = 0.2
"""Seconds between two tries to reach the chief."""

LIMIT = 1 << 16
"""Bytes of what a worker tells; whoever sends more is none."""

GREETING = "zoo-train-1"

Card = Mapping[str, str]
"""What has to be alike, by its name: versions of libraries, digests of recipe and pictures."""


def meet(
    cluster: Cluster,
    card: Card,
    *,
    patience: float = PATIENCE,
    tell: Callable[[str], None] = lambda text: None,
) -> None:
    """Wait until all workers are there, and see that they are about to do the same.

    Args:
        cluster: The workers.
        card: What this one is about to do; each name is told where it differs.
        patience: Seconds to wait.
        tell: Takes a line if there is time to read it.

    Raises:
        ClusterError: If one does not come in time, or is not alike.
    """
    if cluster.count == 1:
        return
    verdict = (_gather if cluster.chief else _report)(cluster, card, patience, tell)
    if verdict:
        message, _, hint = verdict.partition("\n")
        raise ClusterError(message, hint=hint or None)


def _gather(
    cluster: Cluster, card: Card, patience: float, tell: Callable[[str], None]
) -> str | None:
    """The chief's side: collect a card from every other worker, and send all of them a verdict."""
    end, told = time.monotonic() + patience, False
    cards: dict[int, Card] = {0: card}
    answered: dict[socket.socket, int | None] = {}
    verdict: str | None = None
    with _listening(cluster) as door, selectors.DefaultSelector() as selector:
        selector.register(door, selectors.EVENT_READ)
        heard: dict[socket.socket, bytes] = {}
        try:
            while len(cards) < cluster.count:
                left = end - time.monotonic()
                if left <= 0:
                    verdict = verdict or _missing(cluster, cards, patience)
                    break
                if not told and left < patience - 5:
                    told = True
                    tell(f"waiting for {_named(cluster, cards)}")
                for key, _ in selector.select(min(left, 1.0)):
                    guest = key.fileobj
                    assert isinstance(guest, socket.socket)
                    if guest is door:
                        new, _ = door.accept()
                        new.setblocking(False)
                        heard[new] = b""
                        selector.register(new, selectors.EVENT_READ)
                        continue
                    some = _some(guest)
                    if guest in answered:  # It went away, and may come again.
                        cards.pop(answered.pop(guest), None)
                        selector.unregister(guest)
                        guest.close()
                        continue
                    heard[guest] += some
                    if some and b"\n" not in heard[guest] and len(heard[guest]) < LIMIT:
                        continue
                    said = _said(heard.pop(guest))
                    if said is None:  # Somebody else found the port.
                        selector.unregister(guest)
                        guest.close()
                        continue
                    fault = _admit(cluster, cards, said)
                    answered[guest] = None if fault else said["number"]
                    if fault and verdict is None:
                        # Those who are on their way are told as well.
                        verdict, end = fault, min(end, time.monotonic() + LINGER)
        finally:
            for guest in heard:
                guest.close()
        for guest in answered:
            guest.setblocking(True)
            guest.settimeout(5)
            with guest:
                _send(guest, {"verdict": verdict})
    return verdict


def _admit(cluster: Cluster, cards: dict[int, Card], said: Mapping[str, Any]) -> str | None:
    """Take in a worker's card; gives what speaks against it."""
    number, others = said["number"], said["workers"]
    if others != list(cluster.addresses):
        return (
            f"worker {number} knows of the workers {', '.join(map(str, others))}, and worker 0 of "
            f"{', '.join(cluster.addresses)}\ngive all of them the same TF_CONFIG but for the task"
        )
    if number in cards or not 0 < number < cluster.count:
        return (
            f"two workers say that they are worker {number}\n"
            "give each its own number in TF_CONFIG's task"
        )
    cards[number] = said["card"]
    for name, wanted in cards[0].items():
        if (found := said["card"].get(name)) != wanted:
            return (
                f"worker {number} ({cluster.addresses[number]}) has another {name} than worker 0: "
                f"{found} and {wanted}\nall workers need the same versions, recipe and pictures"
            )
    return None


def _report(
    cluster: Cluster, card: Card, patience: float, tell: Callable[[str], None]
) -> str | None:
    """Another worker's side: tell the chief, and wait for the verdict."""
    host, _, port = cluster.addresses[0].rpartition(":")
    started = time.monotonic()
    end, told, reason = started + patience, False, ""
    said = {
        "hello": GREETING,
        "number": cluster.number,
        "workers": cluster.addresses,
        "card": dict(card),
    }
    while (left := end - time.monotonic()) > 0:
        if not told and left < patience - 5:
            told = True
            tell(f"waiting for worker 0 at {cluster.addresses[0]}")
        try:
            with socket.create_connection((host.strip("[]"), int(port)), min(left, 5.0)) as line:
                _send(line, said)
                # The chief answers when it has heard of all, or has given up.
                line.settimeout(left + 10)
                answer = _line(line)
                if answer is not None and "verdict" in answer:
                    verdict: str | None = answer["verdict"]
                    return verdict
                reason = "it hung up"
        except OSError as error:
            reason = error.strerror or str(error)
        time.sleep(min(PAUSE, max(0.0, end - time.monotonic())))
    return (
        f"worker 0 at {cluster.addresses[0]} did not answer within {patience:g} seconds ({reason})"
        "\nstart all workers at about the same time; a firewall may be in the way"
    )


def _listening(cluster: Cluster) -> socket.socket:
    host, _, port = cluster.addresses[0].rpartition(":")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server(("", int(port)), family=family)
    except OSError as error:
        raise ClusterError(
            f"port {port} of this machine cannot be used: {os.strerror(error.errno or 0)}",
            hint="another training may have it; choose another port in TF_CONFIG",
        ) from None


def _missing(cluster: Cluster, cards: Mapping[int, Card], patience: float) -> str:
    return (
        f"{_named(cluster, cards)} did not answer within {patience:g} seconds\n"
        "start all workers at about the same time; a firewall may be in the way"
    )


def _named(cluster: Cluster, cards: Mapping[int, Card]) -> str:
    absent = [n for n in range(cluster.count) if n not in cards]
    named = ", ".join(f"worker {n} at {cluster.addresses[n]}" for n in absent[:3])
    return named + (f" and {len(absent) - 3} more" if len(absent) > 3 else "")


def _some(line: socket.socket) -> bytes:
    """What has come; nothing when the other side hung up."""
    try:
        return line.recv(LIMIT)
    except OSError:
        return b""


def _line(line: socket.socket) -> dict[str, Any] | None:
    """One document, to the end of its line."""
    heard = b""
    while b"\n" not in heard and len(heard) < LIMIT and (more := line.recv(LIMIT)):
        heard += more
    return _document(heard)


def _document(heard: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(heard.partition(b"\n")[0])
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _said(heard: bytes) -> dict[str, Any] | None:
    """What a worker told, or None where it is no worker's greeting."""
    found = _document(heard)
    kinds = {"number": int, "workers": list, "card": dict}
    if found is None or found.get("hello") != GREETING:
        return None
    return found if all(isinstance(found.get(k), kind) for k, kind in kinds.items()) else None


def _send(line: socket.socket, document: Mapping[str, Any]) -> None:
    try:
        line.sendall(json.dumps(document).encode() + b"\n")
    except OSError:
        return  # Whoever does not listen any more finds out by himself.
