"""The workers of a job that SLURM started: a worker for each task of the step."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping

from zoo.errors import ClusterError

PORTS = range(12_000, 32_000)
"""Below those that Linux gives to whoever asks for any."""

MANY = 100_000
"""More hosts than any cluster has: such a list is a mistake."""

_PIECE = re.compile(r"(?P<text>[\w.-]+)|\[(?P<inside>[\d,-]+)\]")
_TASKS = re.compile(r"(\d+)(?:\(x(\d+)\))?")


def workers(environment: Mapping[str, str]) -> tuple[tuple[str, ...], int]:
    """Work out what every task of a step works out alike.

    SLURM counts tasks up from node to node, which is what `srun` does unless it is told to
    distribute them in another way. Ports follow from the numbers of job and step.

    Args:
        environment: With SLURM_PROCID, SLURM_NTASKS, SLURM_STEP_NODELIST or SLURM_JOB_NODELIST,
            and SLURM_STEP_TASKS_PER_NODE or SLURM_TASKS_PER_NODE.

    Returns:
        host:port of every worker in the order of the tasks, and the number of this one.

    Raises:
        ClusterError: If a variable is missing, or they contradict each other.
    """
    number, count = (_integer(environment, name) for name in ("SLURM_PROCID", "SLURM_NTASKS"))
    name, text = _first(environment, "SLURM_STEP_NODELIST", "SLURM_JOB_NODELIST")
    hosts = nodes(text, name)
    name, text = _first(environment, "SLURM_STEP_TASKS_PER_NODE", "SLURM_TASKS_PER_NODE")
    tasks = tasks_per_node(text, name)
    if len(tasks) != len(hosts) or sum(tasks) != count or not 0 <= number < count:
        raise ClusterError(
            f"SLURM's variables contradict each other: task {number} of {count}, {len(hosts)} "
            f"nodes with {text} tasks",
            hint="start the workers with srun, a task for each",
        )
    # A step of a batch script itself has a number that is none, such as "batch".
    seed = f"{environment.get('SLURM_JOB_ID', 0)} {environment.get('SLURM_STEP_ID', 0)}"
    digits = [int(each) for each in re.findall(r"\d+", seed)]
    first = PORTS[sum(digits) * max(tasks) % (len(PORTS) - max(tasks))]
    places = [(host, place) for host, own in zip(hosts, tasks, strict=True) for place in range(own)]
    return tuple(f"{host}:{first + place}" for host, place in places), number


def nodes(text: str, name: str = "SLURM_JOB_NODELIST") -> list[str]:
    """Spell out a list of hosts.

    Args:
        text: Such as "login,node[01-03,7],rack[1-2]n[1-2]"; numbers keep their zeros.
        name: The variable it comes from.

    Returns:
        The hosts in order: login, node01, node02, node03, node7, rack1n1, rack1n2, rack2n1 ...

    Raises:
        ClusterError: If it cannot be read.
    """
    hosts: list[str] = []
    # Commas inside of brackets separate numbers.
    for word in re.split(r",(?![^\[]*\])", text):
        pieces, end = [], 0
        for match in _PIECE.finditer(word):
            if match.start() != end:
                break
            end = match.end()
            inside = match["inside"]
            pieces.append([match["text"]] if inside is None else _numbers(inside, text, name))
        if not pieces or end != len(word):
            raise _unread(text, name)
        for row in itertools.product(*pieces):
            hosts.append("".join(row))
            if len(hosts) > MANY:
                raise _unread(text, name)
    return hosts


def tasks_per_node(text: str, name: str = "SLURM_TASKS_PER_NODE") -> list[int]:
    """Spell out how many tasks each node has.

    Args:
        text: Such as "2(x3),1": three nodes with two tasks, then one with one.
        name: The variable it comes from.

    Returns:
        The numbers in the order of the nodes.

    Raises:
        ClusterError: If it cannot be read.
    """
    found: list[int] = []
    for word in text.split(","):
        match = _TASKS.fullmatch(word)
        if match is None or int(match[2] or 1) > MANY:
            raise _unread(text, name)
        found += [int(match[1])] * int(match[2] or 1)
    return found


def _numbers(inside: str, text: str, name: str) -> list[str]:
    found: list[str] = []
    for each in inside.split(","):
        first, dash, last = each.partition("-")
        if not first or (dash and not (last.isdigit() and int(first) <= int(last))):
            raise _unread(text, name)
        last = last or first
        if int(last) - int(first) > MANY:
            raise _unread(text, name)
        found += [f"{n:0{len(first)}}" for n in range(int(first), int(last) + 1)]
    return found


def _integer(environment: Mapping[str, str], name: str) -> int:
    text = environment[name]
    if not (text.isascii() and text.isdigit()):
        raise ClusterError(f"{name} is a number, received {text!r}", hint="start it with srun")
    return int(text)


def _first(environment: Mapping[str, str], *names: str) -> tuple[str, str]:
    for name in names:
        if environment.get(name):
            return name, environment[name]
    raise ClusterError(
        f"neither {' nor '.join(names)} is set, which a task of SLURM has",
        hint="start the workers with srun, a task for each, or set TF_CONFIG",
    )


def _unread(text: str, name: str) -> ClusterError:
    return ClusterError(f"{name} cannot be read: {text!r}", hint="set TF_CONFIG instead")
