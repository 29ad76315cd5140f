"""`zoo plugins check`, its whole output."""

from __future__ import annotations

import json
import sys

import pytest

from tests.testing import good
from zoo.cli.main import main


@pytest.fixture
def run(capsys, monkeypatch):
    """Run the command; what it does to the path of the process is undone."""
    monkeypatch.setattr(sys, "path", [*sys.path])

    def run(*words: str) -> tuple[int, str, str]:
        code = main(["plugins", "check", *words])
        return (code, *capsys.readouterr())

    yield run
    for name in [name for name in sys.modules if name.partition(".")[0] == "good_zoo"]:
        del sys.modules[name]


FILES = {
    "registry.toml": """
schema = 1

[head.top]
target = "good_zoo.top:top"
license = "MIT"

[policy.moves]
target = "good_zoo.moves:moves"
license = "MIT"

[xfail]
"policy/good/moves::every_option_is_explained" = "nobody knows what it does"
""",
    "top.py": good.HEAD,
    "moves.py": good.POLICY.replace("        flip: Mirror half of the pictures.\n", ""),
}


@pytest.fixture
def installed(install):
    def put(**files: str):
        return install("zoo-good", {**FILES, **files}, package="good_zoo", entry="good")

    return put


def test_a_plugin_that_conforms(run, installed) -> None:
    installed()
    assert run("zoo-good", "--level", "static") == (
        0,
        """\
part               static
-----------------  ------
plugin/good           1/1
head/good/top         5/5
policy/good/moves     4/5

declared  policy/good/moves::every_option_is_explained
          nobody knows what it does

zoo conformance kit 1: good (zoo-good 0.3): 10 of 11 checks passed, 1 declared; only static
""",
        "",
    )


def test_levels_are_columns(run, installed) -> None:
    installed()
    code, out, err = run("good", "--level", "train", "--level", "static", "--only", "head/")
    assert (code, err) == (0, "")
    assert out == (
        "part           static  train\n"
        "-------------  ------  -----\n"
        "head/good/top     5/5    3/3\n"
        "\n"
        "zoo conformance kit 1: good (zoo-good 0.3): 8 of 8 checks passed; only static, train; "
        "only 'head/'\n"
    )


def test_other_sizes_are_named_and_not_counted(run, installed) -> None:
    sizes = [good.SIZES.replace("net-wide", name) for name in ("net-wide", "net-deep")]
    manifest = sizes[0] + sizes[1].removeprefix(good.MANIFEST)
    manifest = manifest.replace('computes = ["head"]\n', "")
    installed(**{**good.FILES, "registry.toml": manifest})
    words = ("good", "--level", "build", "--level", "train", "--only", "::statistics_move")
    code, out, err = run(*words)
    assert (code, err) == (0, "")
    assert out == (
        """\
part                    build  train
----------------------  -----  -----
backbone/good/net           -    1/1
backbone/good/net-wide      -      -
backbone/good/net-deep      -      -
head/good/top               -    1/1

skipped  backbone/good/net-wide, backbone/good/net-deep
         another size of good/net, which is trained and exported (--every-size does so with all)

zoo conformance kit 1: good (zoo-good 0.3): 2 of 2 checks passed; only build, train; \
only '::statistics_move'; one size of each trained and exported
"""
    )
    code, out, err = run(*words, "--every-size", "--only", "net-wide::statistics_move", "--json")
    assert [(row["outcome"], row["left_out"]) for row in json.loads(out)["results"]] == [
        ("passed", False)
    ]


def test_a_part_that_cannot_be_built_says_so_once(run, installed) -> None:
    installed(**{"top.py": good.HEAD.replace("    *_, last", "    1 / 0\n    *_, last")})
    assert run("good", "--level", "train") == (
        1,
        """\
part           train
-------------  -----
head/good/top    0/3

FAIL  head/good/top::every_variable_learns
      Two steps of training move every trainable variable, to finite values.
      head good/top (zoo-good 0.3) cannot be built: division by zero
        hint: try a larger --input-size, or other options
      so do statistics_move, what_is_frozen_stays

zoo conformance kit 1: good (zoo-good 0.3): 0 of 3 checks passed; only train
""",
        "error: good (zoo-good 0.3) does not conform: 3 failed\n",
    )


def test_a_declared_failure_that_passes_fails(run, installed) -> None:
    installed(**{"moves.py": good.POLICY})
    code, out, err = run("good", "--level", "static", "--only", "policy/")
    assert (code, err) == (1, "error: good (zoo-good 0.3) does not conform: 1 failed\n")
    assert out == (
        """\
part               static
-----------------  ------
policy/good/moves     4/5

FAIL  policy/good/moves::every_option_is_explained
      Each option stands in the docstring under Args.
      passes, though declared: nobody knows what it does

zoo conformance kit 1: good (zoo-good 0.3): 4 of 5 checks passed; only static; only 'policy/'
"""
    )


def test_a_manifest_with_a_fault(run, installed) -> None:
    folder = installed(**{"registry.toml": "schema = 7"})
    assert run("good") == (
        1,
        f"""\
FAIL  manifest
      {folder}/registry.toml:1: schema 7 is newer than this zoo reads (1); upgrade keras-zoo

zoo conformance kit 1: good (zoo-good 0.3): 0 of 0 checks passed, 1 fault
""",
        "error: good (zoo-good 0.3) does not conform: 1 failed\n",
    )


def test_json_is_one_document(run, installed) -> None:
    installed()
    code, out, err = run("good", "--level", "static", "--only", "moves", "--json")
    assert (code, err) == (0, "")
    facts = json.loads(out)
    for row in facts["results"]:
        assert row.pop("seconds") >= 0
    assert facts == {
        "plugin": "good",
        "origin": "zoo-good 0.3",
        "kit": 1,
        "levels": ["static"],
        "badge": (
            "zoo conformance kit 1: good (zoo-good 0.3): 4 of 5 checks passed, 1 declared; "
            "only static; only 'moves'"
        ),
        "faults": [],
        "results": [
            {
                "check": f"policy/good/moves::{check}",
                "level": "static",
                "what": what,
                "outcome": outcome,
                "message": message,
                "left_out": False,
            }
            for check, what, outcome, message in (
                (
                    "name_follows_the_function",
                    "The kebab-case name and the snake_case function are one to one.",
                    "passed",
                    "",
                ),
                (
                    "summary_is_a_sentence",
                    "The docstring's first line is one useful sentence, of at most 100 characters.",
                    "passed",
                    "",
                ),
                (
                    "every_option_is_explained",
                    "Each option stands in the docstring under Args.",
                    "expected",
                    "nobody knows what it does",
                ),
                (
                    "licence_is_stated",
                    "The manifest names the licence of the code.",
                    "passed",
                    "",
                ),
                ("weights_say_how_to_look", SAYS, "skipped", "no pretrained weights"),
                ("weights_name_their_licence", NAMES, "skipped", "no pretrained weights"),
                (
                    "imports_only_the_public_door",
                    "The part's modules import zoo.api and nothing else of zoo, no TensorFlow, "
                    "no other plugin.",
                    "passed",
                    "",
                ),
            )
        ],
    }


SAYS = "Each set of weights says how pictures are normalised."
NAMES = "Each set of weights names its licence, which is often not that of the code."


def test_a_project_that_is_not_installed(run, tmp_path) -> None:
    for name, text in {"__init__.py": "", **FILES}.items():
        path = tmp_path / "good_zoo" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    (tmp_path / "pyproject.toml").write_text(good.PYPROJECT)
    code, out, err = run(f"{tmp_path}/", "--level", "static", "--only", "plugin/")
    assert (code, err) == (0, "")
    assert out == (
        "part         static\n"
        "-----------  ------\n"
        "plugin/good     2/2\n"
        "\n"
        "zoo conformance kit 1: good (zoo-good 0.3): 2 of 2 checks passed; only static; "
        "only 'plugin/'\n"
    )


@pytest.mark.parametrize(
    ("words", "err"),
    [
        (
            ("goood",),
            "error: no plugin named 'goood' is installed\n  hint: did you mean good?\n",
        ),
        (
            ("./nowhere",),
            "error: there is no folder nowhere\n  hint: name a project, or an installed plugin\n",
        ),
        (
            ("good", "--level", "static", "--only", "flart"),
            "error: no check of good holds 'flart' in its name\n"
            "  hint: names are such as head/acme/gem::is_flat; leave --only out to see all\n",
        ),
    ],
)
def test_a_slip_of_the_keyboard_ends_with_2(run, installed, words, err) -> None:
    installed()
    assert run(*words) == (2, "", err)


def test_a_slip_of_the_keyboard_is_answered_before_keras_is_loaded(run, tmp_path) -> None:
    import os
    import subprocess

    code = (
        "import sys; from zoo.cli.main import main; main(['plugins', 'check', 'vggg']);"
        "print('keras' in sys.modules)"
    )
    child = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"ZOO_CACHE": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert child.stdout == "False\n"
