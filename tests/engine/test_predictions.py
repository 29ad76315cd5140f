from __future__ import annotations

import builtins

import pytest

from zoo.engine import predictions
from zoo.errors import DataError

ROWS = [("a/1.png", "a", "b", 0.5, 1.25), ("a/2.png", "a", "a", 0.75, 0.125)]


@pytest.mark.parametrize("suffix", predictions.FORMATS)
def test_rows_come_back_as_they_were(tmp_path, suffix):
    if suffix == ".parquet":
        parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / f"answers{suffix}"
    with predictions.table(path) as write:
        write(ROWS[:1])
        write([])
        write(ROWS[1:])
        assert not path.exists()

    if suffix == ".csv":
        found = [{**row, "probability": float(row["probability"]), "loss": float(row["loss"])}
                 for row in predictions.read(path)]  # fmt: skip
    else:
        found = parquet.read_table(path).to_pylist()
    assert found == [dict(zip(predictions.COLUMNS, row, strict=True)) for row in ROWS]
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_a_csv_is_written_again_as_parquet(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    with predictions.table(tmp_path / "a.csv") as write:
        write(ROWS)
    predictions.copy(tmp_path / "a.csv", tmp_path / "a.parquet", batch=1)

    assert parquet.read_table(tmp_path / "a.parquet").num_rows == 2


def test_what_fails_in_between_leaves_nothing(tmp_path):
    def fail():
        with predictions.table(tmp_path / "answers.csv") as write:
            write(ROWS)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_written_is_said(tmp_path, monkeypatch):
    def said(path) -> str:
        with pytest.raises(DataError) as caught:
            predictions.check(path)
        return str(caught.value)

    assert said(tmp_path / "a.xlsx") == (
        f"{tmp_path}/a.xlsx is no table\n  hint: let it end in .csv or .parquet"
    )
    assert said(tmp_path / "no" / "a.csv") == (
        f"the folder {tmp_path}/no does not exist\n  hint: make it first"
    )
    really = builtins.__import__

    def without(name, *rest):
        if "pyarrow" in name:
            raise ImportError(name)
        return really(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    assert said(tmp_path / "a.parquet") == (
        "Parquet needs pyarrow\n  hint: pip install keras-zoo[parquet], or write a .csv"
    )
