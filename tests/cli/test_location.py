"""Pictures and results elsewhere, in filesystems that need no server: memory, and an archive."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest

from zoo.cli.main import main

pytest.importorskip("fsspec")


@pytest.fixture
def bucket(memory):
    """A filesystem that holds a bucket."""
    memory.makedirs("/bucket", exist_ok=True)
    return memory


def archive(folder: Path) -> str:
    """The name of a folder's copy in an archive, which workers reach too."""
    packed = shutil.make_archive(str(folder.parent / "packed"), "zip", folder.parent, folder.name)
    return f"zip://{folder.name}::{packed}"


def test_pictures_elsewhere_are_checked_as_a_copy_here_is(noisy, tmp_path, capfd):
    pictures = noisy(40)
    (pictures / "red" / "copy.png").write_bytes((pictures / "blue" / "0.png").read_bytes())
    (pictures / "red" / "1.png").write_bytes(b"\x89PNG\r\n\x1a\nno more")
    there = archive(pictures)
    here, away = tmp_path / "here.csv", tmp_path / "away.csv"
    assert main(["data", "check", str(pictures), "--out", str(here), "--json"]) == 1
    told = capfd.readouterr().out
    assert main(["data", "check", there, "--out", str(away), "--json", "--workers", "2"]) == 1
    assert capfd.readouterr().out == told.replace("here.csv", "away.csv")
    rows = []
    for file in (here, away):
        with file.open(newline="") as opened:
            rows.append(list(csv.DictReader(opened)))
    head, _, chain = there.partition("::")
    for one, other in zip(*rows, strict=True):
        name = (tmp_path / one["path"]).resolve().relative_to(pictures.resolve()).as_posix()
        assert other == one | {"path": f"{head}/{name}::{chain}"}


def test_a_table_may_go_elsewhere(bucket, colour_run, colours, tmp_path, capsys):
    for suffix in ("csv", "parquet"):
        for place in (tmp_path, "memory://bucket/a/b"):
            asked = ["--predictions", f"{place}/out.{suffix}"]
            assert main(["evaluate", str(colour_run), str(colours), *asked]) == 0
        here = (tmp_path / f"out.{suffix}").read_bytes()
        assert bucket.cat_file(f"/bucket/a/b/out.{suffix}") == here
    words = ["predict", str(colour_run), str(colours), "--csv"]
    assert main([*words, str(tmp_path / "answers.csv")]) == 0
    assert main([*words, "memory://bucket/answers.csv"]) == 0
    assert bucket.cat_file("/bucket/answers.csv") == (tmp_path / "answers.csv").read_bytes()
    capsys.readouterr()
    assert main([*words, "memory://bucket/answers.csv"]) == 2
    assert capsys.readouterr().err.startswith("error: memory://bucket/answers.csv exists\n")

    # The manifest of pictures here names them by their whole paths, and may be read from there.
    assert main(["data", "check", str(colours), "--out", "memory://bucket/list.csv"]) == 1
    rows = bucket.cat_file("/bucket/list.csv").decode().splitlines()
    assert {row.partition("/test/")[0] for row in rows if "/test/" in row} == {str(colours)}


def test_a_sweep_is_kept_elsewhere(bucket, monkeypatch, capsys):
    from zoo.benchmark.document import Row
    from zoo.engine.bench import process

    measured = []

    def measure(case, environment, verbose):
        measured.append(case.target)
        return Row(case=case, images_per_second=7.0)

    monkeypatch.setattr(process, "measure", measure)
    monkeypatch.setattr(process, "peak", lambda case, environment: None)
    words = ["bench", "sweep", "--resume", "memory://bucket/sweep.json", "--json"]
    words += ["--out", "memory://bucket/sweep.md"]
    assert main([*words, "vgg11bn"]) == 0
    assert main([*words, "vgg11bn", "vgg13bn"]) == 0
    assert measured == ["vgg11bn+linear", "vgg13bn+linear"]
    kept = json.loads(bucket.cat_file("/bucket/sweep.json"))
    assert [row["case"]["target"] for row in kept["rows"]] == measured
    assert b"vgg13bn" in bucket.cat_file("/bucket/sweep.md")
    told = capsys.readouterr().err
    assert "memory://bucket/sweep.json holds 1 of 2 rows already" in told


def test_what_does_not_arrive_is_not_lost(bucket, colour_run, monkeypatch, capsys):
    from zoo import remote
    from zoo.benchmark.document import Row
    from zoo.engine.bench import process
    from zoo.errors import Unreachable

    def refuse(file, name):
        raise Unreachable(f"{name} cannot be reached: no answer")

    monkeypatch.setattr(remote, "put", refuse)
    words = ["evaluate", str(colour_run), "--predictions", "memory://bucket/out.csv"]
    assert main(words) == 2
    assert capsys.readouterr().err.endswith("out.csv cannot be reached: no answer\n")
    measured = json.loads((colour_run / "metrics.json").read_text())
    assert measured["pictures"] == 7
    assert (colour_run / "report.html").exists()

    monkeypatch.setattr(process, "measure", lambda case, *_: Row(case=case, images_per_second=7.0))
    monkeypatch.setattr(process, "peak", lambda case, environment: None)
    assert main(["bench", "vgg11bn+linear", "--out", "memory://bucket/out.json", "--json"]) == 2
    told = capsys.readouterr()
    assert json.loads(told.out)["rows"][0]["images_per_second"] == 7.0
    assert told.err.endswith("error: memory://bucket/out.json cannot be reached: no answer\n")


WRONG = {
    "predict {run} {data} --csv memory://none/out.csv": "memory://none/out.csv cannot be written",
    "evaluate {run} --predictions memory://none/out.csv": "memory://none/out.csv cannot be written",
    "data check {data} --out memory://none/out.csv": "memory://none/out.csv cannot be written",
    "bench sweep vgg11bn --out memory://none/out.md": "memory://none/out.md cannot be written",
    "bench sweep vgg11bn --resume memory://none/a.json": "memory://none/a.json cannot be written",
    "data check memory://none --workers 2": "memory://none does not exist",
    "evaluate {run} memory://none --workers 2": "memory://none does not exist",
    "features extract vgg11bn+linear memory://none --workers 2": "memory://none does not exist",
    "predict {run} memory://none --workers 2": "memory://none does not exist",
    **{
        f"{words} memory://bucket": "memory://bucket is elsewhere; pictures of this machine"
        for words in (
            "data check", "data stats", "evaluate {run}", "explain {run}", "predict {run}",
            "augment light", "features extract vgg11bn+linear", "lr-find vgg11bn+linear",
            "train vgg11bn+linear --out {out}", "train vgg11bn+linear --out {out} --workers 2",
        )
    },
}  # fmt: skip


@pytest.mark.parametrize("words", WRONG)
def test_what_cannot_be_done_elsewhere(
    words, bucket, colour_run, colours, tmp_path, monkeypatch, capsys
):
    from zoo.engine import runtime

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(runtime, "start", lambda *_: pytest.fail("TensorFlow was started"))
    asked = words.format(data=colours, run=colour_run, out=tmp_path / "out").split()
    assert main(asked) == 2
    assert capsys.readouterr().err.startswith(f"error: {WRONG[words]}")
    assert not list(tmp_path.glob("memory*"))


def test_a_cache_is_a_folder_of_this_machine(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ZOO_CACHE", "s3://bucket/cache")
    assert main(["features", "list"]) == 2
    assert capsys.readouterr().err == (
        "error: ZOO_CACHE is s3://bucket/cache, and a cache is a folder of this machine\n"
        "  hint: give a folder; one that all machines mount serves a cluster\n"
    )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "words",
    [
        "train small-cnn+linear {data} --out {away}",
        "build small-cnn+linear --out {away}",
        "export {run} --out {away}",
        "data make shapes {away}",
    ],
)
def test_what_belongs_on_this_machine_makes_no_folder_called_s3(
    words, colour_run, colours, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    away = "s3://bucket/new"
    assert main(words.format(data=colours, run=colour_run, away=away).split()) == 2
    assert capsys.readouterr().err == (
        f"error: {away} is elsewhere; a path of this machine is needed\n  hint: copy or mount it\n"
    )
    assert not (tmp_path / "s3:").exists()
