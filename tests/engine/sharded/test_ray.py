"""The same work on actors of Ray: real ones are slow to start, so most of it is marked so."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import textwrap
import time
from contextlib import suppress
from pathlib import Path

import pytest

from zoo.cli.main import main
from zoo.engine.sharded import on_ray
from zoo.errors import ShardError

pytest.importorskip("ray")


@pytest.mark.parametrize("address", ["head", "ray://head", "http://head:6379", "head:port"])
def test_an_address_that_is_none(address):
    with pytest.raises(ShardError) as caught:
        on_ray.check(address)
    assert str(caught.value) == (
        f"{address!r} is no address of a Ray cluster\n"
        "  hint: accepted: ray://HOST:10001, HOST:6379, auto"
    )


def test_an_address_where_nobody_listens():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    started = time.monotonic()
    with pytest.raises(ShardError) as caught:
        on_ray.check(f"ray://127.0.0.1:{port}")
    assert time.monotonic() - started < on_ray.ANSWER_SECONDS + 1
    assert str(caught.value) == (
        f"no Ray cluster answers at ray://127.0.0.1:{port}: [Errno 111] Connection refused\n"
        "  hint: ray status, on its head node, tells whether it runs; see host, port and firewall"
    )


# Real clusters live in processes of their own: what Ray leaves behind is in nobody's way there.

CLI = "import sys; from zoo.cli.main import main; sys.exit(main())"


def child(code: str, *words: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.mark.slow
def test_answers_are_the_same_on_ray(colour_run, colours, tmp_path):
    (colours / "test/red/1.png").write_bytes(b"\x89PNG\r\n\x1a\nno more")
    words = ["predict", str(colour_run), str(colours), "--batch-size", "2", "--csv"]
    assert main([*words, str(tmp_path / "alone.csv")]) == 0
    out = tmp_path / "ray.csv"
    done = child(CLI, *words, str(out), "--engine", "ray", "--workers", "2")
    assert done.returncode == 0, done.stderr
    assert out.read_bytes() == (tmp_path / "alone.csv").read_bytes()
    assert not (tmp_path / "ray.csv.parts").exists()
    assert done.stdout == f"csv       {out}\npictures  13\n"
    assert done.stderr.splitlines()[-1].startswith("2 workers: ")


@pytest.mark.slow
def test_somebody_else_who_listens_is_no_cluster(colour_run, colours):
    # The system accepts connections, and nobody ever says a word.
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"ray://127.0.0.1:{server.getsockname()[1]}"
        code = f"""
            from zoo.engine.sharded import on_ray
            on_ray.START_SECONDS = 10.0
            {CLI}
        """
        words = ["predict", str(colour_run), str(colours), "--engine", "ray", "--workers", "2"]
        done = child(code, *words, "--address", address)
    assert done.returncode == 2
    assert re.search(
        f"^error: Ray at {address} (did not answer within 10 s|cannot be used)", done.stderr, re.M
    )


MISFORTUNES = """
    import sys
    from pathlib import Path

    folder, out = Path(sys.argv[1]), sys.argv[2]
    sys.path.insert(0, str(folder))
    import stand_ins
    from zoo.engine.sharded.run import Crew, merged
    from zoo.errors import ZooError

    ROWS = [[f"{number:02}.png"] for number in range(11)]

    def do(rows, output=None, resume=False, **options):
        try:
            crew = Crew(2, "ray", resume=resume)
            with merged(stand_ins.work(rows, **options), crew, output) as lines:
                print(list(lines) == stand_ins.expected(ROWS))
        except ZooError as error:
            print(type(error).__name__, str(error).partition("\\n")[0][:120])

    rows = [list(row) for row in ROWS]
    for number in (0, 5, 10):
        file = Path(f"{out}-kill-{number}")
        file.touch()
        rows[number] += ["kill", str(file)]
    do(rows)
    do([*ROWS[:4], ["04.png", "exit"], *ROWS[5:]], out)
    do(ROWS, out, resume=True)
    do(ROWS, start="refuse")
    do(ROWS, start="exit")
"""


@pytest.mark.slow
def test_actors_that_die_are_replaced_and_errors_are_told(tmp_path):
    done = child(MISFORTUNES, str(Path(__file__).parent), str(tmp_path / "out.csv"))
    assert done.returncode == 0, done.stderr
    killed, poisoned, resumed, refused, stillborn = done.stdout.splitlines()
    assert killed == resumed == "True"
    assert poisoned.startswith(
        "ShardFailure 1 of 6 shards were set aside: shard 2 (04.png to 05.png): its actor ended: "
    )
    assert refused == "DataError no such pictures"
    assert stillborn.startswith("ShardFailure workers cannot start: its actor ended: ")


def started(words: list[str], environment: dict[str, str], log: Path) -> subprocess.Popen:
    """A node of a cluster. Ray's agents have 15 s to start, so a busy machine is tried again."""
    for _ in range(3):
        with log.open("w") as output:
            node = subprocess.Popen(
                [Path(sys.executable).parent / "ray", "start", "--block", "--disable-usage-stats",
                 "--num-cpus", "1", *words],
                env=environment, stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip
        while node.poll() is None:
            if "Ray runtime started" in log.read_text():
                return node
            time.sleep(0.2)
    raise AssertionError(log.read_text())


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Two nodes of a core each, both on this machine: address, environment, a process of each."""
    folder = tmp_path_factory.mktemp("ray")
    (folder / "token").write_text("not-a-secret-that-anybody-keeps")
    environment = {
        **os.environ,
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(folder / "token"),
        "RAY_raylet_start_wait_time_s": "60",
        "PYTHONPATH": str(Path(__file__).parent),
    }
    with (
        socket.create_server(("127.0.0.1", 0)) as first,
        socket.create_server(("127.0.0.1", 0)) as second,
    ):
        port, client = (server.getsockname()[1] for server in (first, second))
    address = f"127.0.0.1:{port}"
    environment["CLIENT"] = f"ray://127.0.0.1:{client}"
    head = ["--head", "--port", str(port), "--include-dashboard=false"]
    head += ["--ray-client-server-port", str(client)]
    nodes = [
        started(words, environment, folder / f"{number}.log")
        for number, words in enumerate([head, ["--address", address]])
    ]
    yield address, environment, nodes
    for node in nodes:
        with suppress(ProcessLookupError):
            os.killpg(node.pid, signal.SIGKILL)
        node.wait()


@pytest.mark.slow
def test_every_command_gives_the_same_on_a_cluster(
    cluster, colour_run, colours, noisy, tmp_path, monkeypatch
):
    address, environment, _ = cluster

    def both(*words: str, table: str | None = None, code: int = 0, address: str = address) -> None:
        """Run a command in this process and on the cluster."""
        for place, more in (("here", []), ("there", ["--engine", "ray", "--workers", "2"])):
            (tmp_path / place).mkdir(exist_ok=True)
            output = [] if table is None else [table, str(tmp_path / place / f"{words[0]}.csv")]
            if not more:
                monkeypatch.setenv("ZOO_CACHE", str(tmp_path / place / "cache"))
                assert main([*words, *output]) == code
                continue
            done = subprocess.run(
                [sys.executable, "-c", CLI, *words, *output, *more, "--address", address],
                env={**environment, "ZOO_CACHE": str(tmp_path / place / "cache")},
                capture_output=True, text=True, check=False, timeout=300,
            )  # fmt: skip
            assert done.returncode == code, done.stderr
            assert "2 workers: " in done.stderr

    batches = ["--batch-size", "2"]
    both("evaluate", str(colour_run), str(colours), *batches, table="--predictions")
    (colours / "test/red/1.png").write_bytes(b"\x89PNG\r\n\x1a\nno more")
    client = environment["CLIENT"]
    both("predict", str(colour_run), str(colours), *batches, table="--csv", address=client)
    both("data", "check", str(colours), table="--out", code=1)
    model = ["small-cnn:width=0.05+linear", str(noisy(90)), "--input-size", "16"]
    both("features", "extract", *model, "--device", "cpu")
    here, there = (
        {
            str(path.relative_to(tmp_path / place)): path.read_bytes()
            for path in (tmp_path / place).rglob("*")
            if path.suffix in (".csv", ".npy") or path.name == "index.json"
        }
        for place in ("here", "there")
    )
    assert here == there
    assert {"predict.csv", "evaluate.csv", "data.csv"} <= here.keys()
    assert sum(name.endswith(".npy") for name in here) == 3


@pytest.mark.slow
def test_a_sweep_has_a_machine_for_each_row(cluster, tmp_path):
    address, environment, _ = cluster
    state = tmp_path / "sweep.json"
    words = ["bench", "sweep", "small-cnn", "minception", "--input-size", "32", "--seconds", "0.1"]
    words += ["--device", "cpu", "--engine", "ray", "--resume", str(state), "--workers", "2"]
    done = subprocess.run(
        [sys.executable, "-c", CLI, *words, "--address", address],
        env=environment, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = json.loads(state.read_text())["rows"]
    assert [row["case"]["target"] for row in rows] == ["small-cnn+linear", "minception+linear"]
    assert all(row["images_per_second"] > 0 for row in rows)

    state.unlink()
    code = f"""
        from zoo.engine.sharded import on_ray
        on_ray.START_SECONDS = 15.0
        {CLI}
    """
    more = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *words[:-1], "3", "--address", address],
        env=environment, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert more.returncode == 2, more.stderr
    assert more.stderr.endswith(
        "error: 3 workers, each on a machine of its own, and 2 in the Ray cluster\n"
        "  hint: --workers 2, or wait until they are free\n"
    )


@pytest.mark.slow
def test_who_lacks_the_token_of_a_cluster_is_told_of_it(cluster, colour_run, colours):
    address, environment, _ = cluster
    words = ["predict", str(colour_run), str(colours), "--engine", "ray", "--workers", "2"]
    done = subprocess.run(
        [sys.executable, "-c", CLI, *words, "--address", address],
        env=environment | {"RAY_AUTH_MODE": "disabled"},
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 2
    assert f"error: Ray at {address} " in done.stderr
    assert done.stderr.endswith(
        "where it has a token RAY_AUTH_MODE=token and ~/.ray/auth_token\n"
    ), done.stderr


LOSS = """
    import sys

    out, address = sys.argv[1:]
    import ray
    import stand_ins
    from zoo.engine.sharded.run import Crew, merged

    rows = [[f"{number:03}.png"] for number in range(300)]
    alive = []

    def each(shard, lines):
        alive.append(sum(node["Alive"] for node in ray.nodes()))

    work = stand_ins.work(rows, seconds=0.1)
    with merged(work, Crew(2, "ray", address), out, each) as lines:
        print(list(lines) == stand_ins.expected(rows), max(alive), min(alive))
"""


@pytest.mark.slow
def test_a_machine_that_is_lost_loses_nothing(cluster, tmp_path):
    # It is the last test of the cluster: only the head is left of it.
    address, environment, (_, node) = cluster
    job = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(LOSS), str(tmp_path / "out.csv"), address],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    while len(list((tmp_path / "out.csv.parts").glob("*.part"))) < 20:
        assert job.poll() is None, job.communicate()
        time.sleep(0.1)
    os.killpg(node.pid, signal.SIGKILL)
    told, notes = job.communicate(timeout=200)
    # One of the two nodes was gone before the work was done.
    assert told == "True 2 1\n", notes
