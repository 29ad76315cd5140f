import json

import click
import pytest

from zoo.cli import show
from zoo.cli.command import Command


@pytest.fixture
def printed(capsys):
    def printed(facts, *words):
        @click.command(cls=Command)
        def command():
            show.document(facts, str)

        command.main(list(words), standalone_mode=False)
        return capsys.readouterr().out

    return printed


def test_json_is_strict(printed):
    facts = {"a": float("nan"), "b": [1.5, float("inf")], "c": {"d": (2, None)}, "e": "é"}
    text = printed(facts, "--json")
    assert json.loads(text, parse_constant=pytest.fail) == {
        "a": None,
        "b": [1.5, None],
        "c": {"d": [2, None]},
        "e": "é",
    }


def test_without_json_the_text_is_for_a_person(printed):
    assert printed({"a": 1}) == "{'a': 1}\n"


def test_columns_are_aligned():
    table = show.table([("one", 1), ("three", 33)], ("name", "n"), right=(1,))
    assert table == "name    n\n-----  --\none     1\nthree  33"


def test_pairs_leave_out_what_is_not_known():
    assert show.pairs({"a": 1, "long": "x", "none": None}) == "a     1\nlong  x"


@pytest.mark.parametrize(
    ("rates", "told"),
    [
        ([65.92, 0.0], "2 workers: 65.9 pictures/s, 1 without work"),
        ([1234.5], "1 worker: 1,234.5 pictures/s"),
        ([0.0213, 0.5], "2 workers: 0.021 + 0.5 pictures/s"),
    ],
)
def test_the_rate_of_each_worker_is_told_at_the_end(rates, told, capsys):
    with show.rates("predicting") as move:
        move(1, 2, [0.0] * len(rates))
        move(2, 2, rates)
    assert capsys.readouterr().err.splitlines()[-1] == told
