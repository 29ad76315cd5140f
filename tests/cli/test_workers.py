"""Commands whose work is shared out: the same bytes, and options that fit each other."""

from __future__ import annotations

import errno
import json
import shutil
import subprocess
import sys
from contextlib import contextmanager

import pytest
from PIL import Image

from zoo.cli.main import main
from zoo.engine import runtime


def test_answers_are_the_same_whoever_gives_them(colour_run, colours, tmp_path, capfd):
    (colours / "test/red/1.png").write_bytes(b"\x89PNG\r\n\x1a\nno more")
    words = ["predict", str(colour_run), str(colours), "--batch-size", "2", "--tta", "flip:n=2"]
    assert main([*words, "--csv", str(tmp_path / "alone.csv")]) == 0
    capfd.readouterr()

    assert main([*words, "--csv", str(tmp_path / "two.csv"), "--workers", "2"]) == 0

    told = capfd.readouterr()
    assert told.out == f"csv       {tmp_path / 'two.csv'}\npictures  13\n"
    unreadable, rates = told.err.splitlines()
    assert unreadable.startswith(f"unreadable: {colours}/test/red/1.png: PNG that cannot be")
    assert rates.startswith("2 workers: ")
    assert " pictures/s" in rates
    assert (tmp_path / "two.csv").read_bytes() == (tmp_path / "alone.csv").read_bytes()
    assert not (tmp_path / "two.csv.parts").exists()


def test_a_table_of_something_else_is_not_replaced_on_resume(
    colour_run, colours, tmp_path, monkeypatch, capfd
):
    table = tmp_path / "answers.csv"
    words = ["predict", str(colour_run), str(colours), "--csv", str(table), "--workers", "1"]

    @contextmanager
    def full(name):
        raise OSError(errno.ENOSPC, "No space left on device", str(name))
        yield

    with monkeypatch.context() as disk:
        disk.setattr("zoo.output.written", full)
        assert main(words) == 2
    table.write_text("of another command")
    capfd.readouterr()
    assert main([*words, "--resume"]) == 2
    assert capfd.readouterr().err.endswith(
        f"error: {table} exists, and is not what this job makes\n  hint: move it away first\n"
    )
    assert table.read_text() == "of another command"
    table.unlink()
    assert main([*words, "--resume"]) == 0
    # Whoever is killed now, before the parts are deleted, goes on with both.
    assert len(table.read_text().splitlines()) == 14


def test_figures_are_the_same_whoever_measures(colour_run, colours, tmp_path, capfd):
    # Two wrong ones in val, so that there is a temperature to fit.
    for number, pixel in enumerate([(0, 120, 60), (0, 0, 200)], 1):
        Image.new("RGB", (8, 8), pixel).save(colours / f"val/red/{number}.png")
    words = ["evaluate", str(colour_run), str(colours), "--batch-size", "2"]
    alone = tmp_path / "alone.parquet"
    assert main([*words, "--predictions", str(alone)]) == 0
    kept = {name: (colour_run / name).read_bytes() for name in ("metrics.json", "predictions.csv")}
    told = capfd.readouterr().out
    assert json.loads(kept["metrics.json"])["calibration"]["softened"]
    for name in kept:
        (colour_run / name).unlink()

    two = tmp_path / "two.parquet"
    assert main([*words, "--predictions", str(two), "--workers", "1"]) == 0

    assert capfd.readouterr().out == told.replace("alone.parquet", "two.parquet")
    assert {name: (colour_run / name).read_bytes() for name in kept} == kept
    assert two.read_bytes() == alone.read_bytes()
    assert not list(tmp_path.rglob("*.parts"))


def test_features_are_the_same_whoever_computes_them(noisy, tmp_path, monkeypatch, capfd):
    pictures = noisy(90)
    (pictures / "red" / "1.png").write_bytes(b"\x89PNG\r\n\x1a\nno more")
    words = ["features", "extract", "small-cnn:width=0.05+linear", str(pictures)]
    words += ["--input-size", "16", "--device", "cpu"]
    found = {}
    packed = shutil.make_archive(str(tmp_path / "packed"), "zip", pictures.parent, pictures.name)
    elsewhere = [*words[:3], f"zip://{pictures.name}::{packed}", *words[4:], "--workers", "1"]
    for name, asked in (
        ("alone", words), ("two", [*words, "--workers", "2"]), ("elsewhere", elsewhere)
    ):  # fmt: skip
        monkeypatch.setenv("ZOO_CACHE", str(tmp_path / name))
        assert main(asked) == 0
        files = (tmp_path / name / "features").rglob("*.*")
        found[name] = {
            file.relative_to(tmp_path / name): file.read_bytes() for file in files if file.is_file()
        }
    assert found["two"] == found["alone"]
    # Nothing of where pictures lie is in what is stored.
    assert found["elsewhere"] == found["alone"]
    # 64 pictures to train on in two shards, 13 to validate with in one; an index for both.
    assert sorted(path.name for path in found["two"]) == [
        "00000.npy", "00000.npy", "00001.npy", "index.json", "index.json",
    ]  # fmt: skip
    assert "2 workers: " in capfd.readouterr().err


def test_pictures_are_checked_the_same_whoever_looks(noisy, tmp_path, capfd):
    pictures = noisy(40)
    (pictures / "red" / "copy.png").write_bytes((pictures / "blue" / "0.png").read_bytes())
    (pictures / "red" / "1.png").write_bytes(b"\x89PNG\r\n\x1a\nno more")
    words = ["data", "check", str(pictures), "--out"]
    assert main([*words, str(tmp_path / "alone.csv")]) == 1
    told = capfd.readouterr().out
    assert main([*words, str(tmp_path / "two.csv"), "--workers", "2"]) == 1
    assert capfd.readouterr().out == told.replace("alone.csv", "two.csv")
    assert (tmp_path / "two.csv").read_bytes() == (tmp_path / "alone.csv").read_bytes()
    assert not list(tmp_path.glob("*.parts"))


@pytest.mark.slow
def test_a_sweep_of_two_measures_each_on_its_own_cores(tmp_path, capfd):
    state = tmp_path / "sweep.json"
    words = ["bench", "sweep", "small-cnn", "minception", "--input-size", "32", "--seconds", "0.1"]
    words += ["--device", "cpu", "--resume", str(state), "--workers", "2"]
    assert main(words) == 0
    capfd.readouterr()
    measured = json.loads(state.read_text())
    assert [row["case"]["target"] for row in measured["rows"]] == [
        "small-cnn+linear", "minception+linear",
    ]  # fmt: skip
    assert all(row["images_per_second"] > 0 for row in measured["rows"])
    assert {row["case"]["threads"] for row in measured["rows"]} == {runtime.cores() // 2}
    # Nothing is left to do.
    assert main(words) == 0
    assert f"{state} holds 2 of 2 rows already" in capfd.readouterr().err
    assert json.loads(state.read_text())["rows"] == measured["rows"]


def test_a_sweep_that_cannot_be_shared_out(capsys):
    words = ["bench", "sweep", "small-cnn"]
    assert main([*words, "--workers", "999"]) == 2
    assert capsys.readouterr().err == (
        f"error: 999 workers measure on {runtime.cores()} cores; each needs one of its own\n"
        f"  hint: --workers {runtime.cores()} or fewer\n"
    )
    assert main([*words, "--engine", "ray", "--workers", "2"]) == 2
    assert capsys.readouterr().err == (
        "error: --engine ray is for measuring on several machines\n"
        "  hint: add --address, or leave it out\n"
    )


WRONG = {
    "--engine ray": "--engine is for work that is shared out\n  hint: add --workers N",
    "--resume": "--resume is for work that is shared out\n  hint: add --workers N",
    "--workers 2 --address head:6379": ("--address is of a Ray cluster\n  hint: add --engine ray"),
    "--workers 2 --resume": (
        "--resume needs a file beside which parts are kept\n  hint: add --csv FILE"
    ),
    "--workers 0": (
        "Invalid value for '--workers': 0 is not in the range x>=1.\n"
        "  hint: zoo predict --help shows what it takes"
    ),
    "--workers 2 --engine dask": (
        "Invalid value for '--engine': 'dask' is not one of 'local', 'ray'.\n"
        "  hint: zoo predict --help shows what it takes"
    ),
}


@pytest.mark.parametrize("words", WRONG)
def test_options_that_do_not_fit(words, colour_run, colours, capsys):
    assert main(["predict", str(colour_run), str(colours), *words.split()]) == 2
    assert capsys.readouterr().err == f"error: {WRONG[words]}\n"


def test_a_wrong_call_is_answered_before_tensorflow_is_imported(colour_run, colours):
    words = ["predict", str(colour_run), str(colours), "--resume", "--workers", "2"]
    code = f"import sys; from zoo.cli.main import main; main({words!r}); print(sorted(sys.modules))"
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "'zoo.cli.workers'" in child.stdout
    assert "'tensorflow'" not in child.stdout


def test_ray_that_is_not_installed_is_named(colour_run, colours, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    words = ["--workers", "2", "--engine", "ray"]
    assert main(["predict", str(colour_run), str(colours), *words]) == 2
    assert capsys.readouterr().err == (
        "error: Ray is not installed\n  hint: pip install 'keras-zoo[ray]'\n"
    )
