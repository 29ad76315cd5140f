"""What is checked: an installed plugin by name, or a project by its folder."""

from __future__ import annotations

import pytest

from zoo import registry
from zoo.errors import PluginError
from zoo.testing.locate import locate

from . import good


def test_a_folder_becomes_part_of_the_registry(project) -> None:
    plugin = locate(str(project))
    assert (plugin.name, plugin.origin, plugin.state) == ("good", "zoo-good 0.3", "ready")
    assert plugin.manifest == str(project / "good_zoo" / "registry.toml")
    assert registry.load().part("head", "good/top").file == str(project / "good_zoo" / "top.py")
    assert "vgg16" in registry.load().names("backbone")


def test_a_folder_goes_before_what_is_installed_under_its_name(install, project) -> None:
    install("zoo-good", good.FILES, package="good_zoo", entry="good", version="0.2")
    assert locate("good").origin == "zoo-good 0.2"
    assert locate(str(project)).origin == "zoo-good 0.3"


def test_the_package_may_lie_under_src(project) -> None:
    (project / "src").mkdir()
    (project / "good_zoo").rename(project / "src" / "good_zoo")
    assert locate(str(project)).manifest == str(project / "src" / "good_zoo" / "registry.toml")


def test_a_word_is_a_name_first(install, project, monkeypatch) -> None:
    install("zoo-good", good.FILES, package="good_zoo", entry="good", version="0.2")
    monkeypatch.chdir(project.parent)
    assert locate("zoo-good").origin == "zoo-good 0.2"
    assert locate("./zoo-good").origin == "zoo-good 0.3"


def test_a_word_is_a_folder_where_no_plugin_has_the_name(project, monkeypatch) -> None:
    monkeypatch.chdir(project.parent)
    assert locate("zoo-good").origin == "zoo-good 0.3"
    monkeypatch.chdir(project)
    assert locate(".").origin == "zoo-good 0.3"


def test_a_manifest_with_a_fault_is_a_broken_plugin(project) -> None:
    (project / "good_zoo" / "registry.toml").write_text("schema = 7")
    plugin = locate(str(project))
    assert (plugin.state, plugin.problems[0].remedy) == ("broken", "upgrade keras-zoo")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "cannot be read: No such file or directory\n  hint: name the folder of a project"),
        ("[project", "not TOML: "),
        (
            '[project]\nname = "x"',
            "declares no plugin\n  hint: write [project.entry-points.zoo] acme",
        ),
        ('project = "x"', "declares no plugin"),
        (
            '[project.entry-points.zoo]\na = "a_zoo"\nb = "b_zoo"',
            "declares 2 plugins: a, b\n  hint: check one by name",
        ),
        (
            '[project.entry-points.zoo]\ngood = "bad_zoo"',
            "there is no package bad_zoo here, which the entry point good names\n"
            "  hint: put it beside pyproject.toml or under src/",
        ),
    ],
)
def test_a_folder_that_is_no_project_of_a_plugin(project, text, says) -> None:
    path = project / "pyproject.toml"
    path.unlink() if text is None else path.write_text(text)
    with pytest.raises(PluginError) as caught:
        locate(str(project))
    assert says in str(caught.value)


def test_a_name_of_nothing() -> None:
    with pytest.raises(PluginError) as caught:
        locate("vggg")
    assert str(caught.value) == "no plugin named 'vggg' is installed\n  hint: did you mean vgg?"


def test_a_folder_that_is_not_there(tmp_path) -> None:
    with pytest.raises(PluginError) as caught:
        locate(f"{tmp_path}/nothing")
    assert str(caught.value) == (
        f"there is no folder {tmp_path}/nothing\n  hint: name a project, or an installed plugin"
    )
