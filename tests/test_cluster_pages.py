"""The scripts of the cluster pages do what they say, as far as that shows without a cluster.

`ssh`, `srun`, `scontrol`, `ray` and `zoo` are stand-ins that write down how they were called.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from pathlib import Path

import click
import pytest
import yaml

from tests.test_docs import blocks
from zoo.cli.main import zoo as cli
from zoo.engine.strategy import cluster

PAGES = ("slurm", "kubernetes", "ssh")
STAND_INS = ("ssh", "srun", "scontrol", "ray", "zoo")


@pytest.fixture
def call(tmp_path: Path):
    """Run a script where only stand-ins are found; gives (arguments, TF_CONFIG) of each call."""
    calls = tmp_path / "calls.jsonl"
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in STAND_INS:
        program = programs / name
        program.write_text(
            "#!/usr/bin/env python3\n"
            "import json, os, sys\n"
            f"with open({str(calls)!r}, 'a') as file:\n"
            f"    told = [[{name!r}, *sys.argv[1:]], os.environ.get('TF_CONFIG')]\n"
            "    file.write(json.dumps(told) + '\\n')\n"
            f"if {name!r} == 'scontrol':\n"
            "    print('node1\\nnode2')\n"
        )
        program.chmod(0o755)

    def run(script: str, **environment: str) -> list[tuple[list[str], str | None]]:
        calls.unlink(missing_ok=True)
        path = f"{programs}{os.pathsep}{os.environ['PATH']}"
        subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=tmp_path,
            env={"PATH": path, **environment},
            check=True,
        )
        lines = calls.read_text().splitlines() if calls.exists() else []
        return [(words, told) for words, told in map(json.loads, lines)]

    return run


def accepted(words: list[str]) -> None:
    """See that zoo knows the command and its options; files need not be there."""
    command: click.Command = cli
    while isinstance(command, click.Group):
        name, *words = words
        command = command.get_command(click.Context(command), name)
        assert command is not None, name
    options = {option for each in command.params for option in each.opts}
    strange = [word for word in words if word.startswith("--") and word not in options]
    assert not strange, strange


@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_zoo_is_one(page):
    text = " ".join(blocks(f"cluster/{page}.md", "bash") + blocks(f"cluster/{page}.md", "yaml"))
    flat = text.replace("\\\n", " ").replace("\n    --", " --")
    commands = re.findall(r"\bzoo ((?:train|predict) [^\"&\n]*)", flat)
    assert commands
    for each in commands:
        accepted(each.split())


def test_ssh_tells_each_worker_who_it_is(call):
    training, _ = blocks("cluster/ssh.md", "bash")
    calls = call(training)
    assert len(calls) == 4
    for number, (words, _) in enumerate(sorted(calls)):
        program, host, remote = words
        assert (program, host) == ("ssh", f"gpu{number + 1}")
        assignment = next(word for word in shlex.split(remote) if word.startswith("TF_CONFIG="))
        told = cluster.from_tf_config(assignment.partition("=")[2])
        assert told.number == number
        assert told.addresses == tuple(f"gpu{each}:23456" for each in range(1, 5))


def test_kubernetes_tells_each_pod_who_it_is(call, tmp_path):
    job = blocks("cluster/kubernetes.md", "yaml")[1]
    service, job = yaml.safe_load_all(job)
    spec = job["spec"]["template"]["spec"]
    assert service["metadata"]["name"] == spec["subdomain"]
    assert service["spec"]["selector"]["job-name"] == job["metadata"]["name"]
    (container,) = spec["containers"]
    (script,) = container["args"]
    environment = {each["name"]: each["value"] for each in container["env"]}
    assert int(environment["WORKERS"]) == job["spec"]["completions"] == job["spec"]["parallelism"]
    for number in range(4):
        ((words, told),) = call(script, JOB_COMPLETION_INDEX=str(number), **environment)
        assert words[:2] == ["zoo", "train"]
        assert "--resume" not in words
        assert cluster.from_tf_config(told).number == number
        assert cluster.from_tf_config(told).addresses[3] == "flowers-3.flowers:2222"
    (tmp_path / "runs" / "flowers.unfinished").mkdir(parents=True)
    ((words, _),) = call(script, JOB_COMPLETION_INDEX="0", **environment)
    assert words == ["zoo", *shlex.split("train --resume runs/flowers --strategy multi-worker")]


def test_a_ray_job_is_whole(call):
    (job,) = yaml.safe_load_all(blocks("cluster/kubernetes.md", "yaml")[0])
    cluster_spec = job["spec"]["rayClusterSpec"]
    pods = [cluster_spec["headGroupSpec"], *cluster_spec["workerGroupSpecs"]]
    for pod in pods:
        spec = pod["template"]["spec"]
        mounted = {mount["name"] for each in spec["containers"] for mount in each["volumeMounts"]}
        assert mounted == {volume["name"] for volume in spec["volumes"]}
    cores = sum(
        group["replicas"] * int(each["resources"]["limits"]["cpu"])
        for group in cluster_spec["workerGroupSpecs"]
        for each in group["template"]["spec"]["containers"]
    )
    words = shlex.split(job["spec"]["entrypoint"])
    assert int(words[words.index("--workers") + 1]) == cores


def test_slurm_goes_on_with_what_was_begun(call, tmp_path):
    training, one_node, several = blocks("cluster/slurm.md", "bash")
    ((words, _),) = call(training)
    assert words[:3] == ["srun", "--kill-on-bad-exit=1", "zoo"]
    assert "--out" in words
    (tmp_path / "runs" / "flowers.unfinished").mkdir(parents=True)
    ((words, _),) = call(training)
    assert words[3:6] == ["train", "--resume", "runs/flowers"]
    ((words, _),) = call(one_node)
    assert words[words.index("zoo") + 1] == "predict"
    calls = call(several, SLURM_JOB_NODELIST="n", SLURM_JOB_NUM_NODES="2", SLURM_CPUS_PER_TASK="8")
    (words,) = [words for words, _ in calls if words[0] == "srun"]
    assert words[words.index("--address") + 1] == "node1:6379"
    assert words[words.index("--workers") + 1] == "16"
