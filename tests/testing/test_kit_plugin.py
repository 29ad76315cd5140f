"""What the kit says of a plugin as a whole: what it ships, what its README says, its hooks."""

from __future__ import annotations

import re

import pytest

from zoo import registry
from zoo.testing import kit
from zoo.testing.locate import locate

from . import good
from .conftest import check

PLUGIN = "plugin/good::"

WRONG_HOOKS = [
    pytest.param(
        "hooks_are_light",
        "import torch\n",
        "loads torch when imported, a hook module may not",
        id="loads what is heavy",
    ),
    pytest.param("hooks_are_light", "print('hello')\n", "prints when imported", id="prints"),
    pytest.param(
        "hooks_are_light",
        "Path(__file__).with_name('note.txt').write_text('read')\n",
        "writes .* when imported",
        id="files",
    ),
    pytest.param(
        "hooks_are_light",
        "import subprocess\n\nsubprocess.run(['true'])\n",
        "starts a process when imported",
        id="process",
    ),
    pytest.param(
        "hooks_are_light",
        "import time\n\nwhile time.process_time() < 60 and sum(range(10**7)) < 0:\n    pass\n",
        r"takes \d\.\d\d s of work to import, a hook module may take 0.05",
        id="slow",
    ),
    pytest.param(
        "hooks_are_known",
        "\n\n@hookimpl\ndef zoo_model_bilt():\n    pass\n",
        "unknown hook 'zoo_model_bilt'",
        id="misspelt",
    ),
    pytest.param(
        "hooks_are_known",
        "\n\n@hookimpl\ndef zoo_model_built(modell):\n    pass\n",
        "modell",
        id="argument",
    ),
    pytest.param(
        "hooks_answer",
        "\n\n@hookimpl\ndef zoo_model_built(model):\n    return 42\n",
        "zoo_model_built gave int, a text is expected",
        id="rubbish",
    ),
    pytest.param(
        "hooks_answer",
        "\n\n@hookimpl\ndef zoo_callbacks():\n    return [print]\n",
        "zoo_callbacks gave <built-in function print>, which is no callback of Keras",
        id="no callback",
    ),
    pytest.param(
        "hooks_answer",
        "\n\n@hookimpl\ndef zoo_doctor_checks():\n    raise KeyError('no')\n",
        "zoo_doctor_checks raised KeyError: 'no'",
        id="raises",
    ),
    pytest.param(
        "hooks_answer",
        "\n\n@hookimpl\ndef zoo_error_hints(error):\n    raise OSError('no')\n",
        "zoo_error_hints raised OSError: no",
        id="raises on an error",
    ),
    pytest.param(
        "computed_parts_are_given",
        "\n\n@hookimpl\ndef zoo_parts(kind):\n    return {}\n",
        "zoo_parts gives no head, which the manifest promises",
        id="no computed parts",
    ),
    pytest.param(
        "computed_parts_are_given",
        "\n\n@hookimpl\ndef zoo_parts(kind):\n    return {'a': {'target': 'os:system'}}\n",
        "target 'os:system' lies outside the package good_zoo",
        id="computed part of another package",
    ),
    pytest.param(
        "strange_sources_are_left_to_others",
        "\n\n@hookimpl\ndef zoo_resolve_weights(source):\n    return '/tmp/any.h5'\n",
        "zoo_resolve_weights answers to no-such-scheme://kit/weights.h5 with /tmp/any.h5",
        id="answers to everything",
    ),
    pytest.param(
        "commands_are_given",
        "\n\n@hookimpl\ndef zoo_commands():\n    return []\n",
        "the manifest names the commands greet, zoo_commands gives none",
        id="command not given",
    ),
    pytest.param(
        "files_are_added",
        "\n\n@hookimpl\ndef zoo_model_exported(folder):\n    return [folder / 'nothing.txt']\n",
        "nothing.txt was named and is not there",
        id="file not written",
    ),
    pytest.param(
        "files_are_added",
        "\n\n@hookimpl\ndef zoo_model_exported(folder):\n    return [Path(__file__)]\n",
        "hooks.py lies outside the export",
        id="file elsewhere",
    ),
    pytest.param(
        "files_are_added",
        "\n\n@hookimpl\ndef zoo_model_exported(folder):\n    raise OSError('full')\n",
        "zoo_model_exported raised OSError: full",
        id="cannot write",
    ),
    pytest.param(
        "formats_give_the_same_logits",
        "\n\ndef logits(folder, images):\n    return [[0.0, 0.0, 1.0]] * len(images)\n",
        "the exported model differs from its original: logits are off by",
        id="another model",
    ),
]


@pytest.mark.parametrize(("name", "more", "says"), WRONG_HOOKS)
def test_what_is_wrong_with_hooks_is_said(spoil, name, more, says) -> None:
    result = spoil(PLUGIN + name, **{"hooks.py": good.HOOKS + more, "../torch.py": ""})
    assert result.outcome == "failed", result.message
    assert re.search(says, result.message), result.message


def test_a_package_that_another_distribution_brings(install) -> None:
    folder = install("zoo-good", good.FILES, package="good_zoo", entry="good")
    other = folder.parent / "other_dist-1.0.dist-info"
    other.mkdir()
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: other-dist\nVersion: 1.0\n")
    (other / "top_level.txt").write_text("good_zoo\n")
    result = check(PLUGIN + "the_package_is_its_own")
    assert (result.outcome, result.message) == (
        "failed",
        "the package good_zoo belongs to other-dist; rename yours",
    )


def of_project(project, name: str) -> kit.Result:
    """One check of a project that is not installed."""
    plugin = locate(str(project))
    (case,) = (case for case in kit.cases(plugin, kit.LEVELS) if case.id == PLUGIN + name)
    return kit.run(case)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            'packages = ["good_zoo"]',
            'packages = ["good_zoo"]\nexclude = ["registry.toml"]',
            "good_zoo/registry.toml is not in the wheel; see hatchling.build's list of files",
        ),
        (
            "[tool.hatch.build.targets.wheel]",
            '[tool.hatch.build.targets.sdist]\ninclude = ["good_zoo/*.py"]\n\n'
            "[tool.hatch.build.targets.wheel]",
            "good_zoo/registry.toml is not in the source distribution; "
            "see hatchling.build's list of files",
        ),
        (
            'version = "0.3"',
            'dynamic = ["version"]',
            "hatchling.build cannot build the project: ValueError: Missing "
            "`tool.hatch.version` configuration",
        ),
    ],
)
def test_a_project_that_does_not_ship_its_manifest(project, old, new, says) -> None:
    path = project / "pyproject.toml"
    path.write_text(good.PYPROJECT.replace(old, new))
    result = of_project(project, "it_ships_whole")
    assert (result.outcome, result.message) == ("failed", says)
    path.write_text(good.PYPROJECT)
    assert of_project(project, "it_ships_whole").outcome == "passed"


def test_a_project_whose_backend_is_not_here(project) -> None:
    path = project / "pyproject.toml"
    path.write_text(good.PYPROJECT.replace("hatchling.build", "no_such_backend.api:main"))
    result = of_project(project, "it_ships_whole")
    assert (result.outcome, result.message) == (
        "skipped",
        "no_such_backend.api:main is not installed here",
    )


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("`good/nets`", "the README names good/nets: good has no such part"),
        (
            "    zoo build good/nets+good/top",
            "the README names good/nets+good/top: no backbone named 'good/nets'",
        ),
        (
            "```\nzoo build good/net:with=2+linear\n```",
            "the README names good/net:with=2+linear: good/net has no option 'with'",
        ),
    ],
)
def test_a_readme_that_names_what_is_not_there(project, line, says) -> None:
    (project / "README.md").write_text(f"{good.README}\n\n{line}\n")
    result = of_project(project, "readme_names_exist")
    assert (result.outcome, result.message) == ("failed", says)


@pytest.mark.parametrize(
    "line", ["`c++`, `a+b`, `good_zoo/net.py`", "`pip install git+https://example.org/good/net`"]
)
def test_a_readme_may_hold_other_words(project, line) -> None:
    (project / "README.md").write_text(f"{good.README}\n\n{line}\n")
    assert of_project(project, "readme_names_exist").outcome == "passed"


def test_the_readme_of_a_wheel_is_its_description(install) -> None:
    folder = install("zoo-good", good.FILES, package="good_zoo", entry="good")
    (metadata,) = folder.parent.glob("zoo_good-*/METADATA")
    assert check(PLUGIN + "readme_names_exist").message == "there is no README"
    metadata.write_text(metadata.read_text() + "\n`good/nets` is fast.\n")
    registry.refresh()
    assert check(PLUGIN + "readme_names_exist").message == (
        "the README names good/nets: good has no such part"
    )
