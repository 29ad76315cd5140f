from __future__ import annotations

import json
from pathlib import Path

import pytest

from zoo.engine import run
from zoo.errors import RunError

FACTS = {
    "spec": "small-cnn+linear",
    "classes": ["a", "b"],
    "input_size": [32, 48],
    "seed": 7,
    "data": {"root": "/data/pets"},
}


def refused(action, *arguments) -> str:
    with pytest.raises(RunError) as caught:
        action(*arguments)
    return str(caught.value)


def test_a_run_appears_when_it_is_whole(tmp_path: Path):
    out = tmp_path / "deep" / "pets"
    with run.create(out, FACTS) as draft:
        assert not out.exists()
        assert draft.path == tmp_path / "deep" / "pets.unfinished"
        assert draft.name == "pets"
        draft.write("metrics.json", {"accuracy": 0.5})
        draft.update(timings={"total": 1.5})
    assert sorted(p.name for p in out.iterdir()) == ["checkpoints", "metrics.json", "run.json"]
    assert not draft.path.exists()

    opened = run.open(out)
    assert opened.facts == {"schema": 1, **FACTS, "timings": {"total": 1.5}}
    assert (opened.spec, opened.classes, opened.seed) == ("small-cnn+linear", ("a", "b"), 7)
    assert opened.input_size == (32, 48)
    assert opened.data == Path("/data/pets")
    assert opened.model == out / "model.keras"
    assert opened.metrics == {"accuracy": 0.5}


def test_what_a_run_needs_is_there_before_it_has_begun(tmp_path: Path, monkeypatch):
    written = []
    write = run.Run.write
    monkeypatch.setattr(
        run.Run, "write", lambda self, name, what: written.append(name) or write(self, name, what)
    )
    with run.create(tmp_path / "pets", FACTS, {"recipe.toml": "a = 1\n"}) as draft:
        assert written == ["recipe.toml", "run.json"]
        assert (draft.path / "recipe.toml").read_text() == "a = 1\n"


def test_two_processes_are_not_at_one_run(tmp_path: Path):
    told = (
        f"another process is at {tmp_path / 'pets.unfinished'}\n"
        "  hint: wait for it, or end it first"
    )
    with run.create(tmp_path / "pets", FACTS):
        again = run.reopened(run.unfinished(tmp_path / "pets"))
        assert refused(again.__enter__) == told
    assert run.open(tmp_path / "pets").facts["spec"] == FACTS["spec"]


def test_history_is_read_as_numbers(tmp_path: Path):
    (tmp_path / "history.csv").write_text(
        "phase,epoch,loss,val_loss,learning_rate\nhead,1,1.5,,1e-05\n2,2,1.0,0.25,0.001\n"
    )
    first, second = run.Run(tmp_path, {}).history()
    assert first == {
        "phase": "head",
        "epoch": 1,
        "loss": 1.5,
        "val_loss": None,
        "learning_rate": 1e-5,
    }
    assert second["phase"] == "2"
    assert isinstance(second["epoch"], int)


def test_an_error_before_the_first_checkpoint_leaves_nothing(tmp_path: Path):

    def fail() -> None:
        with run.create(tmp_path / "pets", FACTS) as draft:
            (draft.checkpoints / ".half-written").write_bytes(b"we")
            raise ValueError("early")

    with pytest.raises(ValueError, match="early"):
        fail()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_what_reached_a_checkpoint_stays_unfinished(tmp_path: Path, error: type[BaseException]):
    out = tmp_path / "pets"

    def cut_short() -> None:
        with run.create(out, FACTS) as draft:
            (draft.checkpoints / "1-head.weights.h5").write_bytes(b"weights")
            raise error

    with pytest.raises(error):
        cut_short()
    assert [p.name for p in tmp_path.iterdir()] == ["pets.unfinished"]
    told = (
        f"the run pets did not finish: {out}.unfinished holds what it reached\n"
        f"  hint: zoo train --resume {out} goes on with it"
    )
    assert refused(run.open, out) == told
    assert refused(run.open, f"{out}.unfinished") == told
    assert refused(run.check, out) == (
        f"{out}.unfinished is left from a training that did not finish\n"
        f"  hint: zoo train --resume {out} goes on with it; or choose another --out, or remove it"
    )


def test_an_output_folder_in_use(tmp_path: Path):
    hint = "\n  hint: choose another --out, or remove it"
    (tmp_path / "notes.txt").write_text("")
    assert refused(run.check, tmp_path) == f"{tmp_path} is in use{hint}"
    with run.create(tmp_path / "pets", FACTS):
        pass
    assert refused(run.check, tmp_path / "pets") == f"{tmp_path / 'pets'} is a finished run{hint}"
    below = tmp_path / "notes.txt" / "pets"
    assert refused(run.check, below).startswith(f"{below} cannot be made: ")


def test_an_empty_folder_may_become_a_run(tmp_path: Path):
    (tmp_path / "pets").mkdir()
    with run.create(tmp_path / "pets", FACTS):
        pass
    assert run.open(tmp_path / "pets").spec == "small-cnn+linear"


def test_a_folder_that_is_no_run(tmp_path: Path):
    assert refused(run.open, tmp_path / "no") == (
        f"no run {tmp_path / 'no'}\n  hint: zoo train MODEL DATA --out DIR makes one"
    )
    assert refused(run.open, tmp_path) == (
        f"{tmp_path} is no run: it holds no run.json\n  hint: give a training's folder"
    )


def test_facts_that_cannot_be_read(tmp_path: Path):
    facts = tmp_path / "run.json"
    for text in ("{", "[]", "{}", '"x"'):
        facts.write_text(text)
        assert refused(run.open, tmp_path).startswith(f"{facts} cannot be read: ")
    facts.write_text(json.dumps({"schema": 2}))
    assert refused(run.open, tmp_path) == (
        f"{tmp_path} was written in schema 2; this zoo reads 1\n  hint: upgrade zoo"
    )


def test_a_file_is_replaced_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    made = run.Run(tmp_path, FACTS)
    made.write("metrics.json", {"accuracy": 0.5})

    def fail(*_: object) -> None:
        raise OSError("disk is full")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="disk is full"):
        made.write("metrics.json", {"accuracy": 0.9})
    assert made.metrics == {"accuracy": 0.5}


def test_a_worker_aside_reads_what_the_run_has_and_writes_nothing_of_it(tmp_path: Path):
    own = tmp_path / "checkpoints"
    own.mkdir()
    (own / "1-head.weights.h5").write_text("whole")
    (own / ".resume.npz").write_text("half")
    with run.aside(FACTS, own) as draft:
        assert [path.name for path in draft.checkpoints.iterdir()] == ["1-head.weights.h5"]
        file = draft.checkpoints / "1-head.weights.h5"
        assert file.read_text() == "whole"
        (draft.checkpoints / ".beside").write_text("other")
        (draft.checkpoints / ".beside").replace(file)
        assert file.read_text() == "other"
    assert not draft.path.exists()
    assert (own / "1-head.weights.h5").read_text() == "whole"
    with run.aside(FACTS) as draft:
        assert not list(draft.checkpoints.iterdir())
