"""Pictures and results in a bucket of S3, of a server on this machine."""

from __future__ import annotations

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
        env=environment, capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip


def content(files, name: str) -> bytes:
    files.invalidate_cache()
    return files.cat_file(name)


def test_pictures_and_answers_in_a_bucket(bucket, colour_run, colours, tmp_path):
    files, environment = bucket
    here = tmp_path / "here.csv"
    assert main(["predict", str(colour_run), str(colours), "--csv", str(here)]) == 0
    out = "s3://bucket/answers/out[1].csv"
    words = ["predict", str(colour_run), "s3://bucket/colours", "--csv", out]

    # Somebody else was here, and may be alive; and somebody is at work beside.
    files.pipe_file(f"{out}.parts/claim.json", b'{"process": 7, "host": "there"}')
    files.pipe_file("bucket/answers/out1.csv.parts/claim.json", b"{}")
    done = zoo(environment, *words, "--workers", "2")
    assert done.returncode == 2
    assert done.stderr.startswith(
        f"error: another job works on {out}.parts, or died there: process 7 on there\n"
    )
    done = zoo(environment, *words, "--workers", "2", "--resume")
    assert done.returncode == 0, done.stderr
    told = here.read_bytes().replace(str(colours).encode(), b"s3://bucket/colours")
    assert content(files, out) == told
    assert files.ls("bucket/answers") == ["bucket/answers/out1.csv.parts", out[5:]]
    done = zoo(environment, *words, "--workers", "2")
    assert done.stderr == f"error: {out} exists\n  hint: choose another name, or delete it first\n"


def test_a_model_is_measured_on_a_bucket(bucket, colour_run, colours, tmp_path):
    files, environment = bucket
    model = str(colour_run / "model.keras")
    here = tmp_path / "here.csv"
    words = ["evaluate", model, "--json", "--predictions"]
    alone = zoo(environment, *words, str(here), str(colours))
    out = "s3://bucket/answers.csv"
    shared = zoo(environment, *words, out, "s3://bucket/colours", "--workers", "1")
    assert (alone.returncode, shared.returncode) == (0, 0), shared.stderr
    assert content(files, out) == here.read_bytes()
    measured = zoo(
        environment, "evaluate", str(colour_run), "s3://bucket/colours", "--workers", "2"
    )
    assert measured.returncode == 0, measured.stderr
    assert (colour_run / "predictions.csv").read_bytes() == here.read_bytes()
    assert (colour_run / "report.html").exists()
    told = alone.stdout.replace(str(colours), "s3://bucket/colours").replace(str(here), out)
    assert json.loads(shared.stdout) == json.loads(told)
    # As a list of pictures, which lies beside them.
    rows = ["path,label,split"]
    rows += [f"test/{path.parent.name}/{path.name},{path.parent.name},test"
             for path in colours.glob("test/*/*.png")]  # fmt: skip
    files.pipe_file("bucket/colours/set.csv", "\n".join(rows).encode())
    listed = zoo(environment, *words, out, "s3://bucket/colours/set.csv", "--workers", "1")
    assert json.loads(listed.stdout)["digest"] == json.loads(alone.stdout)["digest"]


@pytest.mark.parametrize("engine", ["local", "ray"])
def test_a_bucket_is_checked(engine, bucket, colours, tmp_path):
    if engine == "ray":
        pytest.importorskip("ray")
    files, environment = bucket
    here = tmp_path / "here.csv"
    assert main(["data", "check", str(colours), "--out", str(here)]) == 1
    out = "s3://bucket/checked.csv"
    words = ["data", "check", "s3://bucket/colours", "--out", out, "--workers", "2"]
    # A busy machine takes its time to start Ray.
    patient = {**environment, "RAY_raylet_start_wait_time_s": "60"}
    done = zoo(patient, *words, "--engine", engine)
    assert done.returncode == 1
    assert content(files, out) == here.read_bytes().replace(b"colours/", b"s3://bucket/colours/")
    assert not files.glob("bucket/*.parts")
    # What was written is read, the sizes with it.
    done = zoo(environment, "data", "check", out, "--json", "--workers", "1")
    assert json.loads(done.stdout)["pictures"] == 11  # Two lie under another label too.


def test_features_of_a_bucket_are_those_of_its_copy(bucket, noisy, tmp_path):
    files, environment = bucket
    pictures = noisy(40)
    files.put(str(pictures), "bucket/noisy", recursive=True)
    words = ["features", "extract", "small-cnn:width=0.05+linear", "--input-size", "16"]
    words += ["--device", "cpu", "--workers", "1"]
    stored = []
    for name, place in (("here", str(pictures)), ("there", "s3://bucket/noisy")):
        cache = tmp_path / name
        done = zoo({**environment, "ZOO_CACHE": str(cache)}, *words, place)
        assert done.returncode == 0, done.stderr
        kept = [path for path in (cache / "features").rglob("*") if path.is_file()]
        stored.append({path.relative_to(cache): path.read_bytes() for path in kept})
    assert len(stored[0]) == 4
    assert stored[0] == stored[1]


def test_a_bucket_that_cannot_be_used(bucket, colour_run, colours, tmp_path):
    files, environment = bucket
    work = ["--workers", "1"]
    table = [str(colours), "--csv"]
    none = "s3://none/out.csv"
    for words, told in (
        (
            ["predict", str(colour_run), *table, none, *work],
            f"{none} cannot be written: there is no none\n  hint: make it first\n",
        ),
        (
            ["data", "check", "s3://none/set", *work],
            "s3://none/set does not exist\n  hint: see to bucket and name\n",
        ),
    ):
        done = zoo(environment, *words)
        assert (done.returncode, done.stderr) == (2, f"error: {told}")
    assert not files.exists("none")

    closed = urllib.request.Request(
        f"{environment['AWS_ENDPOINT_URL']}/moto-api/reset-auth",
        data=b"0", headers={"Content-Type": "text/plain"},
    )  # fmt: skip
    urllib.request.urlopen(closed).close()
    try:
        for words, name in (
            (["predict", str(colour_run), *table, "s3://bucket/out.csv"], "s3://bucket/out.csv"),
            (["evaluate", str(colour_run), "s3://bucket/colours", *work], "s3://bucket/colours"),
        ):
            done = zoo(environment, *words)
            assert done.returncode == 2
            assert done.stderr.startswith(f"error: {name} cannot be reached: ")
            assert done.stderr.endswith("\n  hint: see to credentials and network\n")
    finally:
        closed.data = b"inf"
        urllib.request.urlopen(closed).close()


@pytest.mark.parametrize("command", ["predict", "evaluate", "data"])
def test_a_job_in_a_bucket_whose_driver_is_killed(command, bucket, colour_run, colours, tmp_path):
    files, environment = bucket
    here, out, there = tmp_path / "here.csv", "s3://bucket/out.csv", "s3://bucket/colours"
    asked = {
        "predict": ["predict", str(colour_run), "{data}", "--batch-size", "1", "--csv", "{out}"],
        "evaluate": ["evaluate", str(colour_run / "model.keras"), "{data}", "--batch-size", "1",
                     "--predictions", "{out}"],
        "data": ["data", "check", "{data}", "--out", "{out}"],
    }[command]  # fmt: skip

    def words(data: object, out: object) -> list[str]:
        return [word.format(data=data, out=out) for word in asked]

    alone = zoo(environment, *words(colours, here))
    work = [*words(there, out), "--workers", "2"]
    child = subprocess.Popen([sys.executable, "-c", CLI, *work], env=environment)
    deadline = time.monotonic() + 120
    while not files.glob("bucket/out.csv.parts/*.part"):
        files.invalidate_cache()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert not files.exists(out)
    done = zoo(environment, *work, "--resume")
    assert done.returncode == alone.returncode, done.stderr
    assert "were done before" in done.stderr
    # Of a manifest the paths are relative to its folder.
    place = {"predict": str(colours), "data": "colours", "evaluate": "none"}[command]
    told = here.read_bytes().replace(place.encode(), there.encode())
    assert content(files, out) == told
    assert not files.glob("bucket/*.parts")
