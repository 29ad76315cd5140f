"""Pictures and results in a bucket of S3, of a server on this machine."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request

import pytest

from zoo.cli.main import main

pytest.importorskip("s3fs")
server = pytest.importorskip("moto.server")
pytestmark = pytest.mark.slow

CLI = "import sys; from zoo.cli.main import main; sys.exit(main())"


@pytest.fixture
def bucket(colours, tmp_path):
    """A bucket with the pictures, and what a process needs to reach it."""
    import s3fs

    running = server.ThreadedMotoServer(port=0, verbose=False)
    running.start()
    _, port = running.get_host_and_port()
    settings = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "one",
        "AWS_SECRET_ACCESS_KEY": "two",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    files = s3fs.S3FileSystem(
        endpoint_url=settings["AWS_ENDPOINT_URL"], key="one", secret="two", skip_instance_cache=True
    )
    # Servers of one process share what they hold.
    urllib.request.urlopen(f"{settings['AWS_ENDPOINT_URL']}/moto-api/reset", data=b"").close()
    files.mkdir("bucket")
    files.put(str(colours), "bucket/colours", recursive=True)
    yield files, {**os.environ, **settings}
    running.stop()


def zoo(environment, *words: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", CLI, *words],
        env=environment, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip


def test_pictures_and_answers_in_a_bucket(bucket, colour_run, colours, tmp_path):
    files, environment = bucket
    here = tmp_path / "here.csv"
    assert main(["predict", str(colour_run), str(colours), "--csv", str(here)]) == 0
    out = "s3://bucket/answers/out.csv"
    words = ["predict", str(colour_run), "s3://bucket/colours", "--csv", out]
    done = zoo(environment, *words)
    assert (done.returncode, done.stderr) == (
        2, f"error: {out} is written by work that is shared out\n  hint: add --workers N\n",
    )  # fmt: skip

    # Somebody else was here, and may be alive.
    files.pipe_file("bucket/answers/out.csv.parts/claim.json", b'{"process": 7, "host": "there"}')
    done = zoo(environment, *words, "--workers", "2")
    assert done.returncode == 2
    assert done.stderr.startswith(
        f"error: another job works on {out}.parts, or died there: process 7 on there\n"
    )
    done = zoo(environment, *words, "--workers", "2", "--resume")
    assert done.returncode == 0, done.stderr
    files.invalidate_cache()
    there = files.cat_file("bucket/answers/out.csv").decode()
    assert there == here.read_bytes().decode().replace(str(colours), "s3://bucket/colours")
    assert not files.exists("bucket/answers/out.csv.parts")
    done = zoo(environment, *words, "--workers", "2")
    assert done.stderr == f"error: {out} exists\n  hint: choose another name, or delete it first\n"

    # The same pictures as a list, to measure on and to look at.
    rows = [("path", "label", "split")]
    rows += [
        (name.relative_to(colours).as_posix(), name.parent.name, "test")
        for name in sorted(colours.glob("test/*/*.png"))
    ]
    with files.open("bucket/colours/set.csv", "w", newline="") as file:
        csv.writer(file).writerows(rows)
    words = ["evaluate", str(colour_run / "model.keras"), "s3://bucket/colours/set.csv", "--json"]
    done = zoo(environment, *words, "--workers", "1")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["accuracy"] == pytest.approx(6 / 7)
    out = tmp_path / "checked.csv"
    done = zoo(
        environment, "data", "check", "s3://bucket/colours/set.csv", "--workers", "1",
        "--out", str(out),
    )  # fmt: skip
    checked = list(csv.DictReader(out.read_text().splitlines()))
    assert {row["width"] for row in checked} == {"8"}
    assert checked[0]["path"].startswith("s3://bucket/colours/test/")


def test_a_job_in_a_bucket_whose_driver_is_killed(bucket, colour_run, tmp_path):
    files, environment = bucket
    words = ["predict", str(colour_run), "s3://bucket/colours", "--batch-size", "1", "--workers"]
    words += ["2", "--csv", "s3://bucket/out.csv"]
    child = subprocess.Popen([sys.executable, "-c", CLI, *words], env=environment)
    deadline = time.monotonic() + 120
    while not files.glob("bucket/out.csv.parts/*.part"):
        files.invalidate_cache()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.wait()
    done = zoo(environment, *words, "--resume")
    assert done.returncode == 0, done.stderr
    files.invalidate_cache()
    assert files.cat_file("bucket/out.csv").decode().count("\n") == 14
    assert not files.exists("bucket/out.csv.parts")
