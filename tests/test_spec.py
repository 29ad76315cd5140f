from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zoo.errors import Fault, ManifestError, PluginError, SpecError, ZooError
from zoo.option import Option, spell
from zoo.spec import ModelSpec, PartSpec, parse, parse_part

EXAMPLE = "write backbone+head, e.g. vgg16bn+dense-bn"
JOIN = "join parts with '+', e.g. vgg16bn+dense-bn"


@dataclass
class Weights:
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Part:
    id: str
    options: tuple[Option, ...] = ()
    weights: Mapping[str, Weights] = field(default_factory=dict)


class Catalog:
    def __init__(
        self,
        *,
        aliases: Mapping[str, str] | None = None,
        broken: Mapping[str, PluginError] | None = None,
        packages: Mapping[str, str] | None = None,
        **parts: list[Part],
    ) -> None:
        self.parts = {
            kind: {part.id: part for part in parts.get(kind, [])}
            for kind in ("backbone", "head", "policy", "interpreter")
        }
        self.aliases = aliases or {}
        self.broken = broken or {}
        self.packages = packages or {}

    def find(self, kind: str, name: str) -> Part | None:
        if f"{kind}/{name}" in self.broken:
            raise self.broken[f"{kind}/{name}"]
        return self.parts[kind].get(name)

    def names(self, kind: str) -> list[str]:
        return list(self.parts[kind])

    def alias(self, text: str) -> str | None:
        return self.aliases.get(text)

    def package(self, name: str) -> str | None:
        return self.packages.get(name)


DROPOUT = Option("dropout", "float", 0.5)
ZOO = Catalog(
    backbone=[
        Part("vgg16bn", (Option("width", "float", 1.0),), {"imagenet": Weights()}),
        Part("acme/vgg19bn"),
    ],
    head=[
        Part("gap", (Option("dropout", "float", 0.0),)),
        Part("dense-bn", (Option("units", "int", 512), DROPOUT)),
    ],
)

# More parts and every type of option, for what the notes' small catalog cannot show.
WIDE = Catalog(
    backbone=[
        *ZOO.parts["backbone"].values(),
        Part(
            "resnet50",
            (
                Option("variant", "Literal['keras', 'torch']", "keras"),
                Option("blocks", "tuple[int, ...]", (3, 4, 6, 3)),
                Option("stem", "str", "conv"),
                Option("groups", "int | None", None),
            ),
            {"imagenet": Weights(), "timm": Weights({"variant": "torch"})},
        ),
        Part("other/vgg16bn"),
    ],
    head=[*ZOO.parts["head"].values(), Part("dense.v2"), Part("3")],
    policy=[Part("light", (Option("rotation", "float", 15.0), Option("flip", "bool", True)))],
    interpreter=[Part("grad-cam", (Option("tap", "str", "last"),))],
    aliases={"vgg": "acme/vgg19bn", "gone": "acme/vgg11", "head": "zoo/gap", "gap": "dense-bn"},
    packages={"far/net": "far-zoo", "vgg16bx": "zoo-x"},
    broken={
        "backbone/acme/bad": ManifestError("acme/bad is set aside", "zoo doctor tells more"),
        "policy/acme/dim": PluginError("acme 0.3 is broken"),
    },
)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("vgg16bn@imagenet+dense-bn(dropout=0.3)", "vgg16bn@imagenet+dense-bn:dropout=0.3"),
        ("vgg16bn+dense-bn:units=256:dropout=0.5", "vgg16bn+dense-bn:units=256"),
        ("vgg16bn@none:width=.50+zoo/gap()", "vgg16bn:width=0.5+gap"),
        ("acme/vgg19bn+gap", "acme/vgg19bn+gap"),
    ],
)
def test_golden_names(text: str, canonical: str) -> None:
    assert str(parse(text, ZOO)) == canonical
    assert parse(canonical, ZOO) == parse(text, ZOO)


GOLDEN = [
    (
        "vgg16bn",
        "a model needs exactly one head, found 0",
        7,
        "write vgg16bn+head, e.g. vgg16bn+gap",
    ),
    (
        "gap",
        "a model needs exactly one backbone, found 0",
        0,
        "write backbone+gap, e.g. vgg16bn+gap",
    ),
    ("gap+vgg16bn", "expected a backbone, found the head 'gap'", 0, "write vgg16bn+gap"),
    ("vgg16bn+gap+dense-bn", "a model needs exactly one head, found 2", 12, EXAMPLE),
    ("vgg19bn+gap", "no backbone named 'vgg19bn'", 0, "did you mean acme/vgg19bn, vgg16bn?"),
    ("vgg16bn+dens-bn", "no head named 'dens-bn'", 8, "did you mean dense-bn?"),
    (
        "vgg16bn@imagnet+gap",
        "vgg16bn has no weights tagged 'imagnet'",
        8,
        "did you mean @imagenet? available: imagenet, none",
    ),
    ("vgg16bn+gap@imagenet", "a head has no weights tag", 11, "put the tag on the backbone"),
    (
        "vgg16bn+dense-bn:dropuot=0.3",
        "dense-bn has no option 'dropuot'",
        17,
        "did you mean 'dropout'? options: dropout, units",
    ),
    (
        "vgg16bn+dense-bn:units=5.5",
        "dense-bn option 'units' takes int, received '5.5'",
        23,
        "default: 512",
    ),
    (
        "vgg16bn+gap:dropout=1e+3",
        "'+' joins parts and cannot be inside a value",
        22,
        "write the exponent without it, e.g. 1e3",
    ),
    ("VGG16BN+gap", "expected a part name, found 'V'", 0, "names are lower-case"),
    ("vgg16bn,gap", "expected '+' between parts, found ','", 7, JOIN),
    (
        "vgg16bn+dense-bn(dropout=0.3",
        "unclosed '('",
        16,
        "close it, or write dense-bn:dropout=0.3",
    ),
    (r"C:\m\x.keras", "this looks like a file path, not a model name", 0, EXAMPLE),
]


@pytest.mark.parametrize(("text", "message", "column", "hint"), GOLDEN)
def test_golden_faults(text: str, message: str, column: int, hint: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse(text, ZOO)
    assert caught.value.faults == (Fault(message, column, hint),)
    assert caught.value.text == text
    assert caught.value.message == message
    assert caught.value.hint == hint
    assert caught.value.exit_code == 2


def test_golden_drawing() -> None:
    with pytest.raises(SpecError) as caught:
        parse("vgg16bn+dense-bn:dropuot=0.3", ZOO)
    assert str(caught.value) == (
        "dense-bn has no option 'dropuot'\n"
        "  vgg16bn+dense-bn:dropuot=0.3\n"
        "                   ^\n"
        "  hint: did you mean 'dropout'? options: dropout, units"
    )


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("vgg16bn()+gap()", "vgg16bn+gap"),
        ("zoo/vgg16bn@none+zoo/gap", "vgg16bn+gap"),
        ("vgg16bn:width=1+gap:dropout=0", "vgg16bn+gap"),
        ("vgg16bn:width=1e0+gap:dropout=-0.0", "vgg16bn+gap"),
        ("vgg16bn:width=1e16+gap", "vgg16bn:width=1e16+gap"),
        ("vgg16bn:width=10000000000000000+gap", "vgg16bn:width=1e16+gap"),
        ("vgg16bn:width=00.250+gap", "vgg16bn:width=0.25+gap"),
        ("vgg16bn+dense-bn:units=9:dropout=0", "vgg16bn+dense-bn:dropout=0.0:units=9"),
        ("vgg16bn+dense-bn(units=9,dropout=0)", "vgg16bn+dense-bn:dropout=0.0:units=9"),
        ("vgg16bn@imagenet(width=2)+dense.v2", "vgg16bn@imagenet:width=2.0+dense.v2"),
        ("vgg16bn+3", "vgg16bn+3"),
        ("vgg+gap", "acme/vgg19bn+gap"),
        ("vgg16bn+head", "vgg16bn+gap"),
        ("vgg16bn+gap:dropout=0.5", "vgg16bn+gap:dropout=0.5"),  # an id outranks an alias
        ("other/vgg16bn+gap", "other/vgg16bn+gap"),
        ("resnet50:blocks=1,2,3+gap", "resnet50:blocks=1,2,3+gap"),
        ("resnet50:blocks=3,4,6,3+gap", "resnet50+gap"),
        ("resnet50:blocks=+gap", "resnet50:blocks=+gap"),
        ("resnet50:stem=+3", "resnet50:stem=+3"),
        ("resnet50:stem=2e+3", "resnet50:stem=2e+3"),
        ("resnet50:stem=a/b.png@2x+gap", "resnet50:stem=a/b.png@2x+gap"),
        ("resnet50:groups=4+gap", "resnet50:groups=4+gap"),
        ("resnet50:groups=none+gap", "resnet50+gap"),
        ("resnet50@timm:variant=torch+gap", "resnet50@timm+gap"),
        ("resnet50@imagenet:variant=torch+gap", "resnet50@imagenet:variant=torch+gap"),
    ],
)
def test_canonical_names(text: str, canonical: str) -> None:
    spec = parse(text, WIDE)
    assert str(spec) == canonical
    assert parse(canonical, WIDE) == spec


def test_specs_hold_only_what_differs() -> None:
    spec = parse("vgg16bn@imagenet:width=1.0+dense-bn(units=256,dropout=0.5)", ZOO)
    assert spec == ModelSpec(
        PartSpec("backbone", "vgg16bn", "imagenet"),
        PartSpec("head", "dense-bn", options={"units": 256}),
    )


def test_specs_are_values() -> None:
    one, two = (
        PartSpec("head", "gap", None, options) for options in ({"a": 1, "b": 2}, {"b": 2, "a": 1})
    )
    assert one == two
    assert hash(one) == hash(two)
    assert len({parse("vgg16bn+gap", ZOO), parse("vgg16bn@none+gap()", ZOO)}) == 1
    with pytest.raises(TypeError):
        one.options["a"] = 2  # type: ignore[index]
    with pytest.raises(AttributeError):
        one.name = "other"  # type: ignore[misc]
    given = {"a": 1}
    spec = PartSpec("head", "gap", None, given)
    given["a"] = 2
    assert str(spec) == "gap:a=1"


# One row a name: all of its faults as (message, column, hint), from left to right.
FAULTS = [
    ("", [("expected a part name, found the end", 0, EXAMPLE)]),
    (
        "+",
        [
            ("expected a part name, found '+'", 0, EXAMPLE),
            ("expected a part name, found the end", 1, EXAMPLE),
        ],
    ),
    ("vgg16bn+", [("expected a part name, found the end", 8, EXAMPLE)]),
    ("+gap", [("expected a part name, found '+'", 0, EXAMPLE)]),
    ("vgg16bn++gap", [("expected a part name, found '+'", 8, EXAMPLE)]),
    ("(((((", [("expected a part name, found '('", 0, EXAMPLE)]),
    (":width=2+gap", [("expected a part name, found ':'", 0, EXAMPLE)]),
    (
        "vgg16bm+gapp:dropout=3",
        [
            (
                "no backbone named 'vgg16bm'",
                0,
                "did you mean vgg16bn, other/vgg16bn, acme/vgg19bn?",
            ),
            ("no head named 'gapp'", 8, "did you mean gap?"),
        ],
    ),
    (
        "vgg16bn@imagnet:widht=2:width=x+dense-bn:units=1.5:dropout=",
        [
            (
                "vgg16bn has no weights tagged 'imagnet'",
                8,
                "did you mean @imagenet? available: imagenet, none",
            ),
            ("vgg16bn has no option 'widht'", 16, "did you mean 'width'? options: tap, width"),
            ("vgg16bn option 'width' takes float, received 'x'", 30, "default: 1.0"),
            ("dense-bn option 'units' takes int, received '1.5'", 47, "default: 512"),
            ("dense-bn option 'dropout' takes float, received ''", 59, "default: 0.5"),
        ],
    ),
    (
        "VGG16BN+gap:droput=1",
        [
            ("expected a part name, found 'V'", 0, "names are lower-case"),
            ("gap has no option 'droput'", 12, "did you mean 'dropout'? options: dropout"),
        ],
    ),
    ("vgg16BN+gap", [("'vgg16BN' is no part name", 5, "names are lower-case")]),
    (
        "vgg16bn-+gap",
        [("'vgg16bn-' is no part name", 7, "names hold a-z and 0-9, joined by . _ or -")],
    ),
    (
        "vgg*+gap",
        [("'vgg*' is no part name", 3, "names hold a-z and 0-9, joined by . _ or -")],
    ),
    ("vgg16bn+dense_bn", [("no head named 'dense_bn'", 8, "did you mean dense-bn, dense.v2?")]),
    (
        "foo",
        [
            (
                "no backbone named 'foo'",
                0,
                "known: vgg16bn, acme/vgg19bn, resnet50, other/vgg16bn",
            ),
            ("a model needs exactly one head, found 0", 3, EXAMPLE),
        ],
    ),
    (
        "densebn+gap",
        [("no backbone named 'densebn'", 0, "did you mean the head dense-bn?")],
    ),
    ("light", [("expected a backbone, found the policy 'light'", 0, EXAMPLE)]),
    ("vgg16bn+light", [("expected a head, found the policy 'light'", 8, EXAMPLE)]),
    ("vgg16bn+vgg16bn", [("expected a head, found the backbone 'vgg16bn'", 8, EXAMPLE)]),
    ("gap+dense-bn", [("expected a backbone, found the head 'gap'", 0, EXAMPLE)]),
    (
        "dense-bn:units=x+vgg16bn:width=y",
        [
            (
                "expected a backbone, found the head 'dense-bn'",
                0,
                "write vgg16bn:width=y+dense-bn:units=x",
            ),
            ("dense-bn option 'units' takes int, received 'x'", 15, "default: 512"),
            ("vgg16bn option 'width' takes float, received 'y'", 31, "default: 1.0"),
        ],
    ),
    (
        "vgg16bn@imagenet:width=2",
        [
            (
                "a model needs exactly one head, found 0",
                24,
                "write vgg16bn@imagenet:width=2+head, e.g. vgg16bn@imagenet:width=2+3",
            )
        ],
    ),
    ("vgg16bn+vgg+gap", [("a model needs exactly one backbone, found 2", 8, EXAMPLE)]),
    ("gap+vgg16bn+gap", [("expected a backbone, found the head 'gap'", 0, EXAMPLE)]),
    (
        "vgg16bn+gap+dens-bn+gap",
        [
            ("no head named 'dens-bn'", 12, "did you mean dense-bn?"),
            ("a model needs exactly one head, found 3", 12, EXAMPLE),
        ],
    ),
    ("vgg16bn+gap@none", [("a head has no weights tag", 11, "put the tag on the backbone")]),
    (
        "vgg16bn@+gap",
        [
            (
                "expected a weights tag, found '+'",
                8,
                "write name@tag, or leave '@' out for random weights",
            )
        ],
    ),
    (
        "vgg16bn@imagenet@none+gap",
        [("one weights tag stands right after the name", 16, "write name@tag:option=value")],
    ),
    (
        "vgg16bn(width=2)@imagenet+gap",
        [("one weights tag stands right after the name", 16, "write name@tag:option=value")],
    ),
    (
        "vgg16bn:width=0.5@imagenet+gap",
        [
            (
                "vgg16bn option 'width' takes float, received '0.5@imagenet'",
                14,
                "a weights tag stands before the options: vgg16bn@tag:width=value",
            )
        ],
    ),
    (
        "acme/vgg19bn@imagenet+gap",
        [
            (
                "acme/vgg19bn has no weights tagged 'imagenet'",
                13,
                "available: none; @imagenet is there for vgg16bn",
            )
        ],
    ),
    (
        "resnet50@timm:variant=keras+gap",
        [
            (
                "the weights resnet50@timm need variant=torch, received 'keras'",
                22,
                "leave variant out, or use other weights",
            )
        ],
    ),
    (
        "resnet50@timm:variant=tf+gap",
        [("resnet50 option 'variant' takes keras or torch, received 'tf'", 22, "default: keras")],
    ),
    (
        "resnet50:groups=x+gap",
        [("resnet50 option 'groups' takes int or none, received 'x'", 16, "default: none")],
    ),
    (
        "acme/vgg19bn:width=2+gap",
        [("acme/vgg19bn has no option 'width'", 13, "options: tap")],
    ),
    (
        "vgg16bn+gap:dropout",
        [("gap option 'dropout' has no value", 19, "it takes float; default: 0.0")],
    ),
    (
        "vgg16bn+gap:",
        [("expected an option, found the end", 12, "options are written option=value")],
    ),
    (
        "vgg16bn+gap::dropout=1",
        [("expected an option, found ':'", 12, "options are written option=value")],
    ),
    (
        "vgg16bn+gap:=1",
        [("expected an option, found '='", 12, "options are written option=value")],
    ),
    (
        "vgg16bn+gap(dropout=1,)",
        [("expected an option, found ')'", 22, "options are written option=value")],
    ),
    ("vgg16bn+gap:dropout=1:dropout=1", [("gap option 'dropout' is given twice", 22, "keep one")]),
    (
        "vgg16bn+gap:dropout=+0.5",
        [("'+' joins parts and cannot be inside a value", 20, "write 0.5")],
    ),
    (
        "vgg16bn(width=1e+4)+gap:dropout=x",
        [
            (
                "'+' joins parts and cannot be inside a value",
                16,
                "write the exponent without it, e.g. 1e4",
            ),
            ("gap option 'dropout' takes float, received 'x'", 32, "default: 0.0"),
        ],
    ),
    (
        "vgg16bn(width=2+gap",
        [("unclosed '('", 7, "close it, or write vgg16bn:width=2")],
    ),
    (
        "vgg16bn(\ud800=é+gap",
        [
            ("unclosed '('", 7, r"close it, or write vgg16bn:\ud800=\xe9"),
            (r"vgg16bn has no option '\ud800'", 8, "options: tap, width"),
        ],
    ),
    ("vgg16bn+gap(", [("unclosed '('", 11, "close it, or write gap")]),
    ("vgg16bn+gap)", [("unmatched ')'", 11, "leave it out")]),
    (
        "vgg16bn+gap(dropout=(1,2))",
        [
            (
                "parentheses cannot stand inside parentheses",
                20,
                "write a list as name:option=1,2",
            )
        ],
    ),
    (
        "resnet50(blocks=1,2)+gap",
        [
            (
                "expected option=value, found '2'",
                18,
                "a comma separates options here; write a list as resnet50:option=1,2",
            )
        ],
    ),
    (
        "vgg16bn:width=2(width=3)+gap",
        [
            (
                "options stand behind ':' or in parentheses, not both",
                15,
                "write name:option=value:option=value",
            ),
            ("vgg16bn option 'width' is given twice", 16, "keep one"),
        ],
    ),
    (
        "vgg16bn=2+gap",
        [("expected '+' between parts, found '='", 7, "options are written name:option=value")],
    ),
    ("vgg16bn gap", [("expected '+' between parts, found ' '", 7, JOIN)]),
    ("vgg16bn;gap", [("expected '+' between parts, found ';'", 7, JOIN)]),
    ("vgg16bn&gap", [("expected '+' between parts, found '&'", 7, JOIN)]),
    ("vgg16bn\tgap", [("expected '+' between parts, found '\\t'", 7, JOIN)]),
    ("vgg16bn + gap", [("white space cannot be part of a name", 7, "leave it out")]),
    ("vgg16bn+gap\n", [("white space cannot be part of a name", 11, "leave it out")]),
    (
        "vgg16bn+dense-bn(units=5, dropout=x)",
        [
            ("white space cannot be part of a name", 25, "leave it out"),
            ("dense-bn option 'dropout' takes float, received 'x'", 34, "default: 0.5"),
        ],
    ),
    (
        "gone+gap",
        [
            (
                "no backbone named 'acme/vgg11', which the alias 'gone' stands for",
                0,
                "did you mean acme/vgg19bn?",
            )
        ],
    ),
    (
        "far/net",
        [
            ("no backbone named 'far/net' is installed", 0, "pip install far-zoo"),
            ("a model needs exactly one head, found 0", 7, EXAMPLE),
        ],
    ),
    ("vgg16bx+gap", [("no backbone named 'vgg16bx' is installed", 0, "pip install zoo-x")]),
    ("acme/bad+gap", [("acme/bad is set aside", 0, "zoo doctor tells more")]),
    (
        "acme/bad@x:a=1+gapp",
        [
            ("acme/bad is set aside", 0, "zoo doctor tells more"),
            ("no head named 'gapp'", 15, "did you mean gap?"),
        ],
    ),
]


@pytest.mark.parametrize(("text", "faults"), FAULTS, ids=[ascii(text) for text, _ in FAULTS])
def test_all_faults_of_a_name(text: str, faults: list[tuple[str, int, str]]) -> None:
    with pytest.raises(SpecError) as caught:
        parse(text, WIDE)
    assert [(f.message, f.column, f.hint) for f in caught.value.faults] == faults


@pytest.mark.parametrize(
    "text",
    [
        r"C:\m\x.keras",
        "C:/m/x.keras",
        "c:/m",
        r"runs\a+b",
        r"a+b\c",
        "/tmp/model",
        "./a+b",
        "../a+b",
        "~/a+b",
        ".",
        "model.keras",
        "a+b.keras",
        "a+b.h5",
        "MODEL.ONNX",
        "runs/flowers",
        "runs/flowers/",
        "runs/a+b/model.keras",
        "a/b/c+gap",
        "runs/lr=0.1/model.keras",
    ],
)
def test_files_are_no_names(text: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse(text, ZOO)
    assert caught.value.faults == (
        Fault("this looks like a file path, not a model name", 0, EXAMPLE),
    )


def test_a_name_in_a_known_namespace_is_no_file() -> None:
    with pytest.raises(SpecError) as caught:
        parse("acme/vgg19", ZOO)
    assert caught.value.message == "no backbone named 'acme/vgg19'"


def test_a_part_may_end_like_a_file() -> None:
    catalog = Catalog(backbone=[Part("a")], head=[Part("b.h5")])
    assert str(parse("a+b.h5", catalog)) == "a+b.h5"


def test_an_empty_zoo_still_answers() -> None:
    with pytest.raises(SpecError) as caught:
        parse("vgg16bn+gap", Catalog())
    assert str(caught.value) == (
        "no backbone named 'vgg16bn'\n"
        "  vgg16bn+gap\n"
        "  ^\n"
        "  hint: no backbone is installed; zoo doctor tells more\n"
        "also: no head named 'gap'\n"
        "  vgg16bn+gap\n"
        "          ^\n"
        "  hint: no head is installed; zoo doctor tells more"
    )


def test_a_long_list_of_names_is_cut() -> None:
    catalog = Catalog(backbone=[Part(f"net{i}") for i in range(9)], head=[Part("gap")])
    with pytest.raises(SpecError) as caught:
        parse("zzz+gap", catalog)
    assert caught.value.hint == (
        "known: net0, net1, net2, net3, net4, net5, ... (zoo list --kind backbone shows all)"
    )


@pytest.mark.parametrize(
    ("kind", "text", "canonical"),
    [
        ("policy", "light", "light"),
        ("policy", "light:rotation=10", "light:rotation=10.0"),
        ("policy", "zoo/light(rotation=15,flip=false)", "light:flip=false"),
        ("interpreter", "grad-cam:tap=stage4", "grad-cam:tap=stage4"),
        ("backbone", "vgg16bn@imagenet", "vgg16bn@imagenet"),
        ("head", "head", "gap"),
    ],
)
def test_one_part(kind: str, text: str, canonical: str) -> None:
    spec = parse_part(kind, text, WIDE)
    assert spec.kind == kind
    assert str(spec) == canonical
    assert parse_part(kind, canonical, WIDE) == spec


@pytest.mark.parametrize(
    ("kind", "text", "faults"),
    [
        ("policy", "ligth", [("no policy named 'ligth'", 0, "did you mean light?")]),
        ("policy", "", [("expected a part name, found the end", 0, EXAMPLE)]),
        ("policy", "light@x", [("a policy has no weights tag", 5, "leave it out")]),
        (
            "interpreter",
            "grad-cam@x",
            [("an interpreter has no weights tag", 8, "leave it out")],
        ),
        (
            "interpreter",
            "light",
            [
                (
                    "expected an interpreter, found the policy 'light'",
                    0,
                    "did you mean the policy light?",
                )
            ],
        ),
        (
            "policy",
            "light+grad-cam",
            [("expected one policy, found 2 parts", 6, "write one name, e.g. light")],
        ),
        (
            "policy",
            "./light.py",
            [("this looks like a file path, not a policy name", 0, "write name:option=value")],
        ),
        (
            "policy",
            "light:rotation=fast:flip=yes",
            [
                ("light option 'rotation' takes float, received 'fast'", 15, "default: 15.0"),
                ("light option 'flip' takes true or false, received 'yes'", 25, "default: true"),
            ],
        ),
        ("policy", "acme/dim", [("acme 0.3 is broken", 0, None)]),
    ],
)
def test_faults_of_one_part(kind: str, text: str, faults: list[tuple[str, int, str]]) -> None:
    with pytest.raises(SpecError) as caught:
        parse_part(kind, text, WIDE)
    assert [(f.message, f.column, f.hint) for f in caught.value.faults] == faults


@pytest.mark.parametrize(
    ("value", "received"),
    [(None, "None"), (5, "5"), (b"vgg16bn+gap", "b'vgg16bn+gap'"), (["gap"], "['gap']")],
)
def test_what_is_no_text(value: Any, received: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse(value, ZOO)
    assert str(caught.value) == f"a model name is text, received {received}\n  hint: {EXAMPLE}"
    with pytest.raises(SpecError, match=r"^an interpreter name is text, received "):
        parse_part("interpreter", value, ZOO)


@pytest.mark.parametrize("text", ["(" * 2**20, "+" * 2**20, "a" * 1001, "\ud800" * 2**20])
def test_long_input_is_answered_in_two_lines(text: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse(text, ZOO)
    assert str(caught.value) == (
        f"a model name has at most 1000 characters, received {len(text)}\n  hint: {EXAMPLE}"
    )


def test_the_longest_name_is_read() -> None:
    value = "a" * (1000 - len("resnet50:stem=+gap"))
    assert parse(f"resnet50:stem={value}+gap", WIDE).backbone.options == {"stem": value}


def test_carets_stay_aligned_under_what_is_wide_or_invisible() -> None:
    with pytest.raises(SpecError) as caught:
        parse("vgg\u6a21\x1b[31m\ud800+ga\u0301p:\u202e=1", ZOO)
    assert str(caught.value) == (
        "'vgg\u6a21\\x1b[31m\\ud800' is no part name\n"
        "  vgg\\u6a21\\x1b[31m\\ud800+ga\\u0301p:\\u202e=1\n"
        "     ^\n"
        "  hint: names hold a-z and 0-9, joined by . _ or -\n"
        "also: 'ga\u0301p' is no part name\n"
        "  vgg\\u6a21\\x1b[31m\\ud800+ga\\u0301p:\\u202e=1\n"
        "                            ^\n"
        "  hint: names hold a-z and 0-9, joined by . _ or -"
    )


def test_only_the_surroundings_of_a_fault_in_a_long_name_are_drawn() -> None:
    text = f"resnet50:stem={'a' * 150}+dense-bn:unitz=5:dropout=0.25{'0' * 60}"
    with pytest.raises(SpecError) as caught:
        parse(text, WIDE)
    _, drawn, caret, _ = str(caught.value).splitlines()
    assert drawn == f"  ...{'a' * 30}+dense-bn:unitz=5:dropout=0.25{'0' * 24}..."
    assert drawn[len(caret) - 1 :].startswith("unitz")


def test_the_family_keeps_its_shape() -> None:
    """An error without a name behaves like every other of the family."""
    assert str(SpecError("wrong", "right")) == str(ZooError("wrong", "right"))
    assert SpecError("wrong").faults == ()
    assert SpecError("wrong").text is None


# -- properties

TYPES: dict[str, st.SearchStrategy[Any]] = {
    "bool": st.booleans(),
    "int": st.integers(-(2**63) + 1, 2**63 - 1),
    "float": st.floats(allow_nan=False, allow_infinity=False),
    "str": st.text("az09._/@%-é", max_size=6),
    "int | None": st.none() | st.integers(-9, 9),
    "Literal['flatten', 'avg', 3]": st.sampled_from(["flatten", "avg", 3]),
    "tuple[int, ...]": st.lists(st.integers(-99, 99), max_size=3).map(tuple),
    "tuple[str, ...]": st.lists(st.text("ab1e.-", min_size=1, max_size=3), max_size=3).map(tuple),
    "tuple[float, float]": st.tuples(*[st.floats(-1e3, 1e3)] * 2),
}
WORD = st.from_regex(r"[a-z0-9]{1,3}([._-](h5|[a-z0-9]{1,2}))?", fullmatch=True)
IDS = st.one_of(WORD, st.tuples(WORD, WORD).map("/".join)).filter(lambda i: i[:4] != "zoo/")
KEYS = st.from_regex(r"[a-z][a-z0-9_]{0,3}", fullmatch=True)


@st.composite
def parts(draw: st.DrawFn, *, tags: bool) -> Part:
    options = []
    for key in draw(st.lists(KEYS, unique=True, max_size=3)):
        type_ = draw(st.sampled_from(list(TYPES)))
        options.append(Option(key, type_, draw(TYPES[type_])))
    weights = {}
    for tag in draw(st.lists(WORD.filter(lambda t: t != "none"), max_size=2 if tags else 0)):
        settled = draw(st.lists(st.sampled_from(options), max_size=1)) if options else []
        weights[tag] = Weights({o.name: draw(TYPES[o.type]) for o in settled})
    return Part(draw(IDS), tuple(options), weights)


@st.composite
def spellings(draw: st.DrawFn, kind: str, part: Part) -> tuple[PartSpec, str]:
    """A spec, and one of the many ways to write it."""
    tag = draw(st.sampled_from([None, *part.weights]))
    settled = part.weights[tag].options if tag else {}
    values, written = {}, []
    for option in draw(st.permutations(part.options)):
        if option.name in settled:
            continue
        value = draw(st.just(option.default) | TYPES[option.type])
        if value != option.default:
            values[option.name] = value
        if value != option.default or draw(st.booleans()):
            written.append(f"{option.name}={spell(value)}")
    text = part.id if "/" in part.id or draw(st.booleans()) else f"zoo/{part.id}"
    if tag or (kind == "backbone" and draw(st.booleans())):
        text += f"@{tag or 'none'}"
    if not any("," in each for each in written) and draw(st.booleans()):
        text += f"({','.join(written)})"
    else:
        text += "".join(f":{each}" for each in written)
    return PartSpec(kind, part.id, tag, values), text


@st.composite
def models(draw: st.DrawFn) -> tuple[Catalog, ModelSpec, str]:
    backbone, head = draw(parts(tags=True)), draw(parts(tags=False))
    spec, text = draw(spellings("backbone", backbone))
    other, more = draw(spellings("head", head))
    catalog = Catalog(backbone=[backbone], head=[head])
    return catalog, ModelSpec(spec, other), f"{text}+{more}"


CAREFUL = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@CAREFUL
@given(models())
def test_text_and_spec_are_inverse(model: tuple[Catalog, ModelSpec, str]) -> None:
    catalog, spec, text = model
    canonical = str(spec)
    assert parse(canonical, catalog) == spec
    assert parse(text, catalog) == spec
    assert str(parse(text, catalog)) == str(parse(canonical, catalog))
    assert str(parse(canonical, catalog)) == str(parse(str(parse(canonical, catalog)), catalog))
    assert hash(parse(text, catalog)) == hash(spec)
    if canonical.isascii():  # shlex is stricter than shells about letters beyond ASCII
        assert shlex.quote(canonical) == canonical


NOISE = st.text("vgabn16+:@(),=/.- \\\n'eE_G\u6a21\ud800", max_size=40)
WORDS = (
    "vgg16bn gap dense-bn light imagenet units dropout zoo/ 0.5 1e +3 none x resnet50 acme/bad VGG"
)
TOKENS = st.lists(st.sampled_from([*"+:@(),=/ .", *WORDS.split()]), max_size=14).map("".join)


def read(text: Any) -> ModelSpec | SpecError:
    try:
        return parse(text, WIDE)
    except SpecError as error:
        return error


@settings(CAREFUL, max_examples=200)
@given(st.one_of(TOKENS, NOISE, st.text(), st.text(st.characters(codec=None)), st.binary()))
def test_nothing_but_a_spec_error_comes_out(text: Any) -> None:
    result = read(text)
    if isinstance(result, ModelSpec):
        assert read(str(result)) == result
        assert str(read(str(result))) == str(result)
        return
    columns = [fault.column for fault in result.faults]
    assert columns == sorted(columns)
    assert len(columns) in (range(1, 21) if isinstance(text, str) else [0])
    for fault in result.faults:
        message, drawn, caret, *hint = fault.render(text).splitlines()
        assert message.isprintable()
        assert drawn.isascii()
        assert drawn.isprintable()
        assert len(hint) == (fault.hint is not None)
        assert all(line.startswith("  hint: ") and line.isprintable() for line in hint)
        under = f"{drawn} "[len(caret) - 1]
        here = (text + " ")[fault.column]
        assert under == (here if " " <= here <= "~" else "\\")


@CAREFUL
@given(st.sampled_from(["policy", "interpreter", "head"]), st.one_of(TOKENS, NOISE, st.binary()))
def test_nothing_but_a_spec_error_comes_out_of_a_part(kind: str, text: Any) -> None:
    try:
        spec = parse_part(kind, text, WIDE)
    except SpecError:
        return
    assert parse_part(kind, str(spec), WIDE) == spec
