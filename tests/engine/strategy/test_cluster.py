"""Workers as TF_CONFIG and SLURM name them."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.engine.strategy import slurm
from zoo.engine.strategy.cluster import Cluster, accept, find, from_tf_config, of
from zoo.errors import ClusterError

addresses = st.lists(
    st.builds("{}:{}".format, st.from_regex(r"[a-z][a-z0-9.-]{0,8}", fullmatch=True),
              st.integers(1, 65535)),
    min_size=1, max_size=5, unique=True,
)  # fmt: skip


@given(addresses, st.data())
def test_tf_config_is_read_as_it_is_written(given: list[str], data: st.DataObject):
    cluster = Cluster(tuple(given), data.draw(st.integers(0, len(given) - 1)))
    assert from_tf_config(cluster.tf_config()) == cluster


def test_a_chief_comes_before_the_workers():
    jobs = {"worker": ["b:1", "c:1"], "chief": ["a:1"]}
    text = json.dumps({"cluster": jobs, "task": {"type": "worker", "index": 1}})
    assert from_tf_config(text) == Cluster(("a:1", "b:1", "c:1"), 2)
    text = json.dumps({"cluster": jobs, "task": {"type": "chief", "index": 0}})
    assert from_tf_config(text).chief


def test_workers_of_one_machine_take_turns():
    places = ("a:1", "b:1", "a:2", "b:2", "a:3")
    assert [Cluster(places, number).turn for number in range(5)] == [0, 0, 1, 1, 2]


TASK = {"type": "worker", "index": 0}


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("{", "TF_CONFIG: not JSON: Expecting property name"),
        ("[]", "TF_CONFIG: no table 'cluster'"),
        ({"cluster": {"worker": ["a:1"]}}, "TF_CONFIG: no table 'task'"),
        (
            {"cluster": {"worker": ["a:1"], "ps": ["b:1"]}, "task": TASK},
            "TF_CONFIG: jobs in cluster are chief and worker, received ps",
        ),
        ({"cluster": {}, "task": TASK}, "TF_CONFIG: cluster names no worker"),
        (
            {"cluster": {"worker": "a:1"}, "task": TASK},
            "TF_CONFIG: cluster.worker is a list of host:port, received 'a:1'",
        ),
        (
            {"cluster": {"worker": ["a"]}, "task": TASK},
            "TF_CONFIG: cluster.worker is a list of host:port, received 'a'",
        ),
        (
            {"cluster": {"worker": ["a:70000"]}, "task": TASK},
            "TF_CONFIG: cluster.worker is a list of host:port, received 'a:70000'",
        ),
        (
            {"cluster": {"worker": ["a:1", "a:1"]}, "task": TASK},
            "TF_CONFIG: cluster names a:1 more than once",
        ),
        (
            {"cluster": {"worker": ["a:1"]}, "task": {"type": "chief", "index": 0}},
            "TF_CONFIG: task.type is worker, received 'chief'",
        ),
        (
            {"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 2}},
            "TF_CONFIG: task.index of a worker is from 0 to 1, received 2",
        ),
        (
            {"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": True}},
            "TF_CONFIG: task.index of a worker is from 0 to 0, received True",
        ),
    ],
)
def test_what_is_wrong_with_tf_config_is_said(document, said: str):
    text = document if isinstance(document, str) else json.dumps(document)
    with pytest.raises(ClusterError) as caught:
        from_tf_config(text)
    assert caught.value.message.startswith(said)
    assert caught.value.hint.startswith('accepted: {"cluster": {"worker"')


@given(st.text())
def test_no_text_is_anything_but_read_or_refused(text: str):
    for read in (from_tf_config, slurm.nodes, slurm.tasks_per_node):
        try:
            read(text)
        except ClusterError:
            continue


def test_nodes_are_spelled_out_as_scontrol_does():
    # The examples of scontrol's manual, and what `scontrol show hostnames` prints of the last.
    assert slurm.nodes("login") == ["login"]
    assert slurm.nodes("node[01-03,7],gpu1") == ["node01", "node02", "node03", "node7", "gpu1"]
    assert slurm.nodes("dev[8-11]") == ["dev8", "dev9", "dev10", "dev11"]
    assert slurm.nodes("rack[1-2]n[1,3]-ib") == [
        "rack1n1-ib", "rack1n3-ib", "rack2n1-ib", "rack2n3-ib",
    ]  # fmt: skip


ranges = st.tuples(st.integers(0, 120), st.integers(0, 12), st.integers(1, 4))


@given(
    st.lists(
        st.tuples(
            st.from_regex(r"[a-z]{1,4}", fullmatch=True),
            st.lists(st.lists(ranges, min_size=1, max_size=3), max_size=2),
        ),
        min_size=1,
        max_size=3,
    )
)
def test_any_list_of_ranges_is_spelled_out(words):
    texts, hosts = [], []
    for prefix, brackets in words:
        text, columns = prefix, [[prefix]]
        for number, bracket in enumerate(brackets):
            inside, names = [], []
            for first, more, width in bracket:
                numbers = [
                    str(n).zfill(max(width, len(str(first))))
                    for n in range(first, first + more + 1)
                ]
                inside.append(numbers[0] if not more else f"{numbers[0]}-{numbers[-1]}")
                names += numbers
            text += f"[{','.join(inside)}]" + "-" * (number == 0 and len(brackets) == 2)
            columns.append(names)
            if number == 0 and len(brackets) == 2:
                columns.append(["-"])
        texts.append(text)
        hosts += ["".join(row) for row in itertools.product(*columns)]
    assert slurm.nodes(",".join(texts)) == hosts


def test_tasks_are_counted():
    assert slurm.tasks_per_node("4") == [4]
    assert slurm.tasks_per_node("2(x3),1") == [2, 2, 2, 1]


SLURM = {
    "SLURM_JOB_ID": "8192",
    "SLURM_STEP_ID": "1",
    "SLURM_PROCID": "3",
    "SLURM_NTASKS": "5",
    "SLURM_JOB_NODELIST": "n[1-3]",
    "SLURM_STEP_NODELIST": "n[1-3]",
    "SLURM_TASKS_PER_NODE": "2(x2),1",
}


def test_a_task_of_slurm_is_a_worker():
    cluster = of(SLURM)
    assert (cluster.number, cluster.turn) == (3, 1)
    hosts = [each.partition(":")[0] for each in cluster.addresses]
    ports = [int(each.partition(":")[2]) for each in cluster.addresses]
    assert hosts == ["n1", "n1", "n2", "n2", "n3"]
    assert ports == [ports[0], ports[0] + 1] * 2 + [ports[0]]
    assert all(port in slurm.PORTS for port in ports)
    # Every task comes to the same, and another step to other ports.
    for number in range(5):
        assert of({**SLURM, "SLURM_PROCID": str(number)}).addresses == cluster.addresses
    assert not {*of({**SLURM, "SLURM_STEP_ID": "2"}).addresses} & {*cluster.addresses}


def test_tf_config_goes_before_slurm():
    cluster = Cluster(("a:1", "b:1"), 1)
    assert of({**SLURM, "TF_CONFIG": cluster.tf_config()}) == cluster


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"SLURM_PROCID": "x"}, "SLURM_PROCID is a number, received 'x'"),
        (
            {"SLURM_NTASKS": "4"},
            "SLURM's variables contradict each other: task 3 of 4, 3 nodes with 2(x2),1 tasks",
        ),
        ({"SLURM_STEP_NODELIST": "n[1-"}, "SLURM_STEP_NODELIST cannot be read: 'n[1-'"),
        ({"SLURM_STEP_NODELIST": "n[3-1]"}, "SLURM_STEP_NODELIST cannot be read: 'n[3-1]'"),
        (
            {"SLURM_STEP_NODELIST": "n[1-999999999]"},
            "SLURM_STEP_NODELIST cannot be read: 'n[1-999999999]'",
        ),
        ({"SLURM_TASKS_PER_NODE": "2(x"}, "SLURM_TASKS_PER_NODE cannot be read: '2(x'"),
        (
            {"SLURM_TASKS_PER_NODE": ""},
            "neither SLURM_STEP_TASKS_PER_NODE nor SLURM_TASKS_PER_NODE is set, which a task of "
            "SLURM has",
        ),
    ],
)
def test_what_is_wrong_with_slurm_is_said(changed: dict[str, str], said: str):
    with pytest.raises(ClusterError) as caught:
        of({**SLURM, **changed})
    assert caught.value.message == said


def test_no_cluster_at_all():
    with pytest.raises(ClusterError) as caught:
        of({"SLURM_NTASKS": "4"})
    assert str(caught.value) == (
        "multi-worker training without a cluster: neither TF_CONFIG nor SLURM's variables are set\n"
        "  hint: start it with srun, set TF_CONFIG for each worker, or try --workers 2 on this "
        "machine"
    )


def test_what_does_not_go_with_a_strategy():
    assert find("one", "cpu", True, {}) is None
    assert find("mirrored", environment={}) is None
    assert find("multi-worker", environment=SLURM).count == 5
    with pytest.raises(ClusterError, match="no strategy 'all'; there are one, mirrored, multi-w"):
        accept("all")
    with pytest.raises(ClusterError, match="--device gpu:1 with the strategy mirrored, which take"):
        accept("mirrored", "gpu:1")
    with pytest.raises(ClusterError, match="--fit-memory with the strategy mirrored: one replica "):
        accept("mirrored", fit_memory=True)
    with pytest.raises(ClusterError, match="mirrored needs Keras on TensorFlow; KERAS_BACKEND is "):
        accept("mirrored", environment={"KERAS_BACKEND": "jax"})
