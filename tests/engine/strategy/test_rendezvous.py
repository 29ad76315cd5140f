"""Workers that find each other, and those that do not."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Mapping

import pytest

from zoo.engine.strategy import launch, rendezvous
from zoo.engine.strategy.cluster import Cluster
from zoo.errors import ClusterError

CARD = {"recipe": "a", "version of keras": "3.15.1"}


def addresses(count: int) -> tuple[str, ...]:
    return tuple(f"127.0.0.1:{port}" for port in launch._free_ports(count))


def meet(clusters: Mapping[Cluster, Mapping[str, str]], patience: float = 10) -> list[str | None]:
    """What each worker ends with: nothing, or an error's text."""
    said: list[str | None] = [None] * len(clusters)

    def one(place: int, cluster: Cluster, card: Mapping[str, str]) -> None:
        try:
            rendezvous.meet(cluster, card, patience=patience)
        except ClusterError as error:
            said[place] = str(error)

    threads = [
        threading.Thread(target=one, args=(place, *each))
        for place, each in enumerate(clusters.items())
    ]
    for thread in reversed(threads):  # The chief comes last.
        thread.start()
        time.sleep(0.05)
    for thread in threads:
        thread.join()
    return said


def test_workers_that_are_alike_go_on():
    places = addresses(4)
    assert meet({Cluster(places, n): CARD for n in range(4)}) == [None] * 4


def test_one_worker_waits_for_nobody():
    rendezvous.meet(Cluster(("nowhere:1",), 0), CARD)


def test_all_are_told_what_differs():
    places = addresses(3)
    cards = [CARD, CARD, {**CARD, "recipe": "b"}]
    said = meet({Cluster(places, n): card for n, card in enumerate(cards)})
    assert (
        said[0]
        == said[1]
        == said[2]
        == (
            f"worker 2 ({places[2]}) has another recipe than worker 0: b and a\n"
            "  hint: all workers need the same versions, recipe and pictures"
        )
    )


def test_two_with_one_number_and_two_sets_of_workers(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(rendezvous, "LINGER", 0.3)
    places = addresses(3)
    door = {Cluster(places, 0): CARD, Cluster(places, 1): CARD}
    impostor = threading.Thread(target=meet, args=({Cluster(places, 1): CARD},))
    impostor.start()
    assert meet(door)[0] == (
        "two workers say that they are worker 1\n"
        "  hint: give each its own number in TF_CONFIG's task"
    )
    impostor.join()
    others = (*addresses(2),)
    said = meet({Cluster(others, 0): CARD, Cluster((others[0], "elsewhere:1"), 1): CARD})
    assert (
        said[0]
        == said[1]
        == (
            f"worker 1 knows of the workers {others[0]}, elsewhere:1, and worker 0 of "
            f"{', '.join(others)}\n  hint: give all of them the same TF_CONFIG but for the task"
        )
    )


def test_who_does_not_come_is_named():
    places = addresses(3)
    told: list[str] = []
    started = time.monotonic()
    said = meet({Cluster(places, 0): CARD, Cluster(places, 2): CARD}, patience=1)
    assert (
        said[0]
        == said[1]
        == (
            f"worker 1 at {places[1]} did not answer within 1 seconds\n"
            "  hint: start all workers at about the same time; a firewall may be in the way"
        )
    )
    assert meet({Cluster(places, 1): CARD}, patience=0.5) == [
        f"worker 0 at {places[0]} did not answer within 0.5 seconds (Connection refused)\n"
        "  hint: start all workers at about the same time; a firewall may be in the way"
    ]
    assert time.monotonic() - started < 10
    assert not told


def test_a_stranger_at_the_port_is_not_counted():
    places = addresses(2)
    host, _, port = places[0].partition(":")

    def stranger(words: bytes) -> None:
        end = time.monotonic() + 5
        while time.monotonic() < end:
            try:
                with socket.create_connection((host, int(port)), 1) as line:
                    line.sendall(words)
                    return
            except OSError:
                time.sleep(0.01)

    said: list[BaseException] = []

    def chief() -> None:
        try:
            rendezvous.meet(Cluster(places, 0), CARD, patience=10)
        except ClusterError as error:
            said.append(error)

    waiting = threading.Thread(target=chief)
    waiting.start()
    for words in (b"GET / HTTP/1.1\r\n\r\n", b'{"hello": "zoo-train-1", "number": "one"}\n', b""):
        stranger(words)
    rendezvous.meet(Cluster(places, 1), CARD, patience=10)
    waiting.join()
    assert not said


def test_who_went_away_may_come_again():
    places = addresses(3)
    said: list[str | None] = []
    chief = threading.Thread(target=lambda: said.extend(meet({Cluster(places, 0): CARD})))
    chief.start()
    host, _, port = places[0].partition(":")
    while True:  # A worker that is killed while it waits for the others.
        try:
            line = socket.create_connection((host, int(port)), 5)
            break
        except ConnectionRefusedError:
            time.sleep(0.01)
    with line:
        card = {"hello": rendezvous.GREETING, "number": 1, "workers": places, "card": CARD}
        rendezvous._send(line, card)
        time.sleep(0.1)
    assert meet({Cluster(places, 1): CARD, Cluster(places, 2): CARD}) == [None, None]
    chief.join()
    assert said == [None]


def test_a_port_that_is_taken():
    with socket.create_server(("", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ClusterError) as caught:
            rendezvous.meet(Cluster((f"localhost:{port}", "b:1"), 0), CARD)
    assert caught.value.message == (
        f"port {port} of this machine cannot be used: Address already in use"
    )
