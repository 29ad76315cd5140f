"""The same work on actors of Ray: real ones are slow to start, so most of it is marked so."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import textwrap
import time
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
