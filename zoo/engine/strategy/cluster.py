"""The workers of a training: where each of them is, and which of them this process is."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from zoo.engine.strategy import slurm
from zoo.errors import ClusterError

Strategy = Literal["one", "mirrored", "multi-worker"]
STRATEGIES: tuple[str, ...] = get_args(Strategy)

FORM = '{"cluster": {"worker": ["host:port", ...]}, "task": {"type": "worker", "index": 0}}'


@dataclass(frozen=True)
class Cluster:
    """The workers as each of them knows them.

    Args:
        addresses: host:port of every worker, in an order that all of them share; the first is the
            chief, who alone writes.
        number: Which of them this process is.
    """

    addresses: tuple[str, ...]
    number: int

    @property
    def count(self) -> int:
        """How many workers there are."""
        return len(self.addresses)

    @property
    def chief(self) -> bool:
        """Whether this is the worker who writes."""
        return self.number == 0

    @property
    def turn(self) -> int:
        """How many workers come before this one on its machine."""
        hosts = [address.rpartition(":")[0] for address in self.addresses]
        return hosts[: self.number].count(hosts[self.number])

    def tf_config(self) -> str:
        """The text of TF_CONFIG that says the same."""
        task = {"type": "worker", "index": self.number}
        return json.dumps({"cluster": {"worker": list(self.addresses)}, "task": task})


def find(
    strategy: str,
    device: str | None = None,
    fit_memory: bool = False,
    environment: Mapping[str, str] = os.environ,
) -> Cluster | None:
    """Find the workers that a strategy asks for, and see that it can be followed.

    Args:
        strategy: One of `STRATEGIES`.
        device: What was asked for beside it.
        fit_memory: As `device`.
        environment: Variables of the process.

    Returns:
        The workers, where there are several.

    Raises:
        ClusterError: If it cannot, as far as that is known without TensorFlow.
    """
    accept(strategy, device, fit_memory, environment)
    return of(environment) if strategy == "multi-worker" else None


def accept(
    strategy: str,
    device: str | None = None,
    fit_memory: bool = False,
    environment: Mapping[str, str] = os.environ,
) -> None:
    """See that a strategy can be followed beside what else was asked for; arguments as `find`."""
    if strategy not in STRATEGIES:
        raise ClusterError(f"no strategy {strategy!r}; there are {', '.join(STRATEGIES)}")
    if strategy == "one":
        return
    if fit_memory:
        raise ClusterError(
            f"--fit-memory with the strategy {strategy}: one replica would halve its batch alone",
            hint="--set PHASE.accumulate=2 divides the batch of all",
        )
    if device is not None:
        raise ClusterError(
            f"--device {device} with the strategy {strategy}, which takes the GPUs that it sees",
            hint="CUDA_VISIBLE_DEVICES says which it sees; set to nothing, it takes the CPU",
        )
    backend = environment.get("KERAS_BACKEND", "tensorflow")
    if backend != "tensorflow":
        raise ClusterError(
            f"the strategy {strategy} needs Keras on TensorFlow; KERAS_BACKEND is {backend}"
        )


def of(environment: Mapping[str, str] = os.environ) -> Cluster:
    """Read the workers from TF_CONFIG, or from SLURM's variables where there is none.

    Args:
        environment: Variables of the process.

    Returns:
        The workers.

    Raises:
        ClusterError: If neither is there, or what is there cannot be used.
    """
    if text := environment.get("TF_CONFIG", "").strip():
        return from_tf_config(text)
    if "SLURM_PROCID" in environment and "SLURM_NTASKS" in environment:
        return Cluster(*slurm.workers(environment))
    raise ClusterError(
        "multi-worker training without a cluster: neither TF_CONFIG nor SLURM's variables are set",
        hint="start it with srun, set TF_CONFIG for each worker, or try --workers 2 on this "
        "machine",
    )


def from_tf_config(text: str) -> Cluster:
    """Read the text of TF_CONFIG.

    Args:
        text: JSON such as `FORM`; a `chief`, where there is one, comes before the workers.

    Returns:
        The workers.

    Raises:
        ClusterError: If it is not of that form.
    """
    try:
        document = json.loads(text)
    except ValueError as error:
        raise _wrong(f"not JSON: {error}") from None
    cluster = _table(document, "cluster")
    task = _table(document, "task")
    if other := sorted(set(cluster) - {"chief", "worker"}):
        raise _wrong(f"jobs in cluster are chief and worker, received {', '.join(other)}")
    jobs = {name: _addresses(cluster.get(name, []), name) for name in ("chief", "worker")}
    addresses = [*jobs["chief"], *jobs["worker"]]
    if not addresses:
        raise _wrong("cluster names no worker")
    if twice := sorted({each for each in addresses if addresses.count(each) > 1}):
        raise _wrong(f"cluster names {', '.join(twice)} more than once")
    kind, index = task.get("type"), task.get("index")
    if kind not in ("chief", "worker") or not jobs[kind]:
        there = " or ".join(name for name, given in jobs.items() if given)
        raise _wrong(f"task.type is {there}, received {kind!r}")
    if type(index) is not int or not 0 <= index < len(jobs[kind]):
        raise _wrong(
            f"task.index of a {kind} is from 0 to {len(jobs[kind]) - 1}, received {index!r}"
        )
    return Cluster(tuple(addresses), index + (len(jobs["chief"]) if kind == "worker" else 0))


def _table(document: Any, name: str) -> dict[str, Any]:
    found = document.get(name) if isinstance(document, dict) else None
    if not isinstance(found, dict):
        raise _wrong(f"no table {name!r}")
    return found


def _addresses(given: Any, job: str) -> list[str]:
    if not isinstance(given, list):
        raise _wrong(f"cluster.{job} is a list of host:port, received {given!r}")
    for each in given:
        host, _, port = each.rpartition(":") if isinstance(each, str) else ("", "", "")
        if not host or not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
            raise _wrong(f"cluster.{job} is a list of host:port, received {each!r}")
    return given


def _wrong(what: str) -> ClusterError:
    return ClusterError(f"TF_CONFIG: {what}", hint=f"accepted: {FORM}")
