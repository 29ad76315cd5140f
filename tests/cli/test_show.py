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
