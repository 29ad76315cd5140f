from __future__ import annotations

import fractions
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.option import Option, normalize, spell

TYPES = [
    "bool",
    "int",
    "float",
    "str",
    "int | None",
    "str | None",
    "Literal['flatten', 'avg']",
    "Literal[1, 'a', -2]",
    "Literal['a'] | None",
    "tuple[int, ...]",
    "tuple[float, ...]",
    "tuple[str, ...]",
    "tuple[float, float]",
    "tuple[int, str]",
    "tuple[int, ...] | None",
]


def option(type_: str, default: object = None) -> Option:
    return Option("units", type_, default)


@pytest.mark.parametrize(
    ("type_", "text", "value"),
    [
        ("bool", "true", True),
        ("bool", "false", False),
        ("int", "5", 5),
        ("int", "-5", -5),
        ("int", "007", 7),
        ("int", str(2**63 - 1), 2**63 - 1),
        ("float", "0.5", 0.5),
        ("float", ".5", 0.5),
        ("float", "5.", 5.0),
        ("float", "5", 5.0),
        ("float", "-1e-3", -0.001),
        ("float", "1E16", 1e16),
        ("str", "", ""),
        ("str", "a/b.c_d-e@f%g", "a/b.c_d-e@f%g"),
        ("str", "größe", "größe"),
        ("str", "none", "none"),
        ("int | None", "none", None),
        ("int | None", "3", 3),
        ("Literal['flatten', 'avg']", "avg", "avg"),
        ("Literal[1, 'a']", "1", 1),
        ("Literal['1', 2]", "1", "1"),
        ("tuple[int, ...]", "64,128", (64, 128)),
        ("tuple[int, ...]", "64", (64,)),
        ("tuple[int, ...]", "", ()),
        ("tuple[float, float]", ".1,2", (0.1, 2.0)),
        ("tuple[str, ...]", "a,b", ("a", "b")),
        ("tuple[int, str]", "1,b", (1, "b")),
        ("tuple[int, ...] | None", "none", None),
    ],
)
def test_parse_reads_by_annotation(type_: str, text: str, value: object) -> None:
    parsed = option(type_).parse(text)
    assert parsed == value
    assert type(parsed) is type(value)
    if isinstance(value, tuple):
        assert [type(item) for item in parsed] == [type(item) for item in value]


@pytest.mark.parametrize(
    ("type_", "text", "message"),
    [
        ("int", "5.5", "takes int, received '5.5'"),
        ("int", "1_0", "takes int, received '1_0'"),
        ("int", " 1", "takes int, received ' 1'"),
        ("int", "1\n", r"takes int, received '1\n'"),
        ("int", "", "takes int, received ''"),
        ("int", "+1", "takes int, received '+1'"),
        ("int", "٣", "takes int, received '٣'"),
        ("int", "0x10", "takes int, received '0x10'"),
        ("int", "true", "takes int, received 'true'"),
        ("int", str(2**63), "takes int of 64 bits, received '9223372036854775808'"),
        ("float", "nan", "takes float, received 'nan'"),
        ("float", "inf", "takes float, received 'inf'"),
        ("float", "1e999", "takes finite float, received '1e999'"),
        ("float", "1_0.0", "takes float, received '1_0.0'"),
        ("float", ".", "takes float, received '.'"),
        ("float", "1e", "takes float, received '1e'"),
        ("float", "1e+3", "takes float, received '1e+3'"),
        ("float", "0,5", "takes float, received '0,5'"),
        ("bool", "True", "takes true or false, received 'True'"),
        ("bool", "1", "takes true or false, received '1'"),
        ("bool", "", "takes true or false, received ''"),
        ("str", "a b", "takes text of letters, digits and . _ / @ % -, received 'a b'"),
        ("int | None", "None", "takes int or none, received 'None'"),
        ("Literal['flatten', 'avg', 'max']", "min", "takes flatten, avg or max, received 'min'"),
        ("Literal['a', 'b'] | None", "c", "takes a or b or none, received 'c'"),
        ("tuple[int, ...]", "1,,2", "takes a comma list of int, received '1,,2'"),
        ("tuple[int, ...]", "1,x", "takes a comma list of int, received '1,x'"),
        ("tuple[float, float]", "1", "takes float,float, received '1'"),
        ("tuple[float, float]", "1,2,3", "takes float,float, received '1,2,3'"),
        ("tuple[float, float]", "", "takes float,float, received ''"),
        ("tuple[str, ...]", ",", "takes a comma list of str, received ','"),
    ],
)
def test_parse_refuses(type_: str, text: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        option(type_).parse(text)
    assert str(caught.value) == message


@pytest.mark.parametrize("mark", "+: ,()=\t\n\x00\ud800'\"$&|;<>*?[]{}!#~`\\")
def test_a_str_holds_nothing_that_the_grammar_or_a_shell_reads(mark: str) -> None:
    for read in (option("str").parse, option("str").check):
        with pytest.raises(ValueError, match="takes text of letters"):
            read(f"a{mark}b")


def test_long_values_are_cut_in_messages() -> None:
    for type_ in TYPES:
        for text in ("9" * 10_000, "(" * 10_000):
            if type_ in ("str", "str | None", "tuple[str, ...]") and text[0] == "9":
                continue
            with pytest.raises(ValueError) as caught:
                option(type_).parse(text)
            assert len(str(caught.value)) < 150


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.5, "0.5"),
        (1e16, "1e16"),
        (1e-5, "1e-05"),
        (1.0, "1.0"),
        (5, "5"),
        (True, "true"),
        (False, "false"),
        (None, "none"),
        ("avg", "avg"),
        ((64, 128), "64,128"),
        ((0.5, 1e20), "0.5,1e20"),
        ((), ""),
    ],
)
def test_format(value: object, text: str) -> None:
    assert option("str").format(value) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_survive_and_hold_no_plus(value: float) -> None:
    text = spell(value)
    assert "+" not in text
    back = option("float").parse(text)
    assert back == value
    assert math.copysign(1, back) == 1 or value < 0  # -0.0 is written as it is read: 0.0


@given(st.integers(-(2**63) + 1, 2**63 - 1))
def test_ints_survive(value: int) -> None:
    assert option("int").parse(spell(value)) == value


@pytest.mark.parametrize("type_", TYPES)
@given(text=st.text(max_size=12) | st.sampled_from(["none", "true", "1", "-2", "1,2", "a,b", ""]))
def test_whatever_parse_accepts_is_checked_and_written_back(type_: str, text: str) -> None:
    try:
        value = option(type_).parse(text)
    except ValueError:
        return
    assert option(type_).check(value) == value
    assert option(type_).parse(spell(value)) == value
    hash(value)


@pytest.mark.parametrize(
    ("type_", "value", "checked"),
    [
        ("float", 1, 1.0),
        ("float", np.float32(0.5), 0.5),
        ("float", fractions.Fraction(1, 4), 0.25),
        ("int", np.int64(3), 3),
        ("bool", True, True),
        ("int | None", None, None),
        ("tuple[int, ...]", [1, 2], (1, 2)),
        ("tuple[float, float]", (1, 2.5), (1.0, 2.5)),
        ("Literal['a', 1]", 1, 1),
    ],
)
def test_check_gives_the_exact_type(type_: str, value: object, checked: object) -> None:
    result = option(type_).check(value)
    assert result == checked
    assert type(result) is type(checked)
    if isinstance(checked, tuple):
        assert [type(item) for item in result] == [type(item) for item in checked]


@pytest.mark.parametrize(
    ("type_", "value", "message"),
    [
        ("int", 5.5, "takes int, received 5.5"),
        ("int", True, "takes int, received True"),
        ("int", "5", "takes int, received '5'"),
        ("int", None, "takes int, received None"),
        ("int", 2**63, "takes int of 64 bits, received 9223372036854775808"),
        ("float", True, "takes float, received True"),
        ("float", math.nan, "takes finite float, received nan"),
        ("float", "0.5", "takes float, received '0.5'"),
        ("float", 1j, "takes float, received 1j"),
        ("bool", 1, "takes True or False, received 1"),
        ("bool", "true", "takes True or False, received 'true'"),
        ("str", 5, "takes str, received 5"),
        ("str", b"a", "takes str, received b'a'"),
        ("Literal['a', 1]", True, "takes a or 1, received True"),
        ("Literal['a', 1]", 1.0, "takes a or 1, received 1.0"),
        ("Literal['a', 1]", [], "takes a or 1, received []"),
        ("tuple[int, ...]", 5, "takes a comma list of int, received 5"),
        ("tuple[int, ...]", "12", "takes a comma list of int, received '12'"),
        ("tuple[int, ...]", (1, 2.5), "takes a comma list of int, received (1, 2.5)"),
        ("tuple[str, ...]", ("a", ""), "takes a comma list of str, received ('a', '')"),
        ("tuple[float, float]", (1.0,), "takes float,float, received (1.0,)"),
        ("str | None", "none", "takes None for none, received 'none'"),
        ("tuple[str, ...] | None", ("none",), "takes None for none, received ('none',)"),
        ("int | None", 5.5, "takes int or none, received 5.5"),
    ],
)
def test_check_refuses(type_: str, value: object, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        option(type_).check(value)
    assert str(caught.value) == message


def test_check_refuses_what_no_float_holds() -> None:
    with pytest.raises(ValueError, match=r"^takes finite float, received 1000+\.\.\.0+$"):
        option("float").check(10**400)


@pytest.mark.parametrize(
    ("written", "type_"),
    [
        ("int", "int"),
        ("'int'", "int"),
        ("None | int", "int | None"),
        ('typing.Literal["a","b"]', "Literal['a', 'b']"),
        ("t.Literal[ 1 ]", "Literal[1]"),
        ("tuple[int,...]", "tuple[int, ...]"),
        ("tuple[float,float]", "tuple[float, float]"),
        ("Literal['a'] | None", "Literal['a'] | None"),
    ],
)
def test_normalize(written: str, type_: str) -> None:
    assert normalize(written) == type_
    assert normalize(type_) == type_


@pytest.mark.parametrize("type_", TYPES)
def test_normal_spellings_are_their_own(type_: str) -> None:
    assert normalize(type_) == type_


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("list[int]", "has the annotation list[int]; supported: bool, int"),
        ("bytes", "has the annotation bytes; supported: "),
        ("Pool", "has the annotation Pool; supported: "),
        ("int | str", "has the annotation int | str; supported: "),
        ("None", "has the annotation None; supported: "),
        ("Optional[int]", "has the annotation Optional[int]; supported: "),
        ("tuple[bool, ...]", "has a tuple of something else; supported: "),
        ("tuple[()]", "has a tuple of something else; supported: "),
        ("tuple[tuple[int, ...], ...]", "has a tuple of something else; supported: "),
        ("Literal[True]", "has the choice True; Literal holds text and int"),
        ("Literal[None]", "has the choice None; Literal holds text and int"),
        ("Literal[0.5]", "has the choice 0.5; Literal holds text and int"),
        ("Literal[x]", "has the choice x; Literal holds text and int"),
        ("Literal['a+b']", "has the choice 'a+b', which a name cannot carry"),
        ("Literal['']", "has the choice '', which a name cannot carry"),
        ("Literal['1', 1]", "has the choice 1 twice"),
        ("Literal['none'] | None", "spells both None and 'none' as none"),
        ("int |", "has an annotation that cannot be read"),
        ("(" * 500, "has an annotation that cannot be read"),
    ],
)
def test_normalize_refuses(written: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        normalize(written)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("type_", "default"),
    [
        ("float", 1.0),
        ("int | None", None),
        ("tuple[int, ...]", (64, 128)),
        ("tuple[int, ...]", ()),
        ("Literal['a', 1]", "a"),
        ("bool", False),
    ],
)
def test_json_round_trip(type_: str, default: object) -> None:
    one = option(type_, default)
    back = Option.from_json(json.loads(json.dumps(one.to_json())))
    assert back == one
    assert hash(back) == hash(one)
    assert type(back.default) is type(default)


def test_accepts_says_it_in_words() -> None:
    assert [option(type_).accepts for type_ in TYPES] == [
        "true or false",
        "int",
        "float",
        "str",
        "int or none",
        "str or none",
        "flatten or avg",
        "1, a or -2",
        "a or none",
        "a comma list of int",
        "a comma list of float",
        "a comma list of str",
        "float,float",
        "int,str",
        "a comma list of int or none",
    ]
