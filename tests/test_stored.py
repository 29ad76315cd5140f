"""A model on disk looked into without Keras."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile

import pytest

from zoo import stored
from zoo.errors import ExplainError, RunError


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "model.keras"
    layers = [{"config": {"name": "image"}}, {"config": {"name": "logits"}}]
    facts = {"format": 1, "zoo": "0.1.0", "classes": ["cat", "dog"]}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps({"config": {"layers": layers}}))
        archive.writestr("zoo.json", json.dumps(facts))
    return path


def test_facts_and_layers_are_read(model):
    assert stored.locate(model) == stored.locate(model.parent) == model
    assert stored.facts(model) == {"classes": ["cat", "dog"]}
    assert stored.layers(model) == ["image", "logits"]


def test_layers_of_a_strange_configuration_are_none(tmp_path):
    path = tmp_path / "model.keras"
    for config in ("{", "[]", '{"config": {"layers": [1]}}'):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("config.json", config)
        assert stored.layers(path) == []
        assert stored.facts(path) is None


@pytest.mark.parametrize(
    ("word", "path"),
    [
        ("runs/flowers", True),
        ("model.keras", True),
        ("vgg16+linear", False),
        ("acme/tiny+linear", False),
        ("vgg16", False),
    ],
)
def test_a_path_is_known_by_its_separator_or_suffix(word, path):
    assert stored.is_path(word) is path


def test_a_folder_in_the_way_is_a_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "flowers").mkdir()
    assert stored.is_path("flowers")


def test_a_run_that_did_not_finish_is_told_from_none(tmp_path):
    (tmp_path / "run.unfinished").mkdir()
    with pytest.raises(RunError) as caught:
        stored.locate(tmp_path / "run")
    assert str(caught.value) == (
        f"the run run did not finish: {tmp_path}/run.unfinished holds what it reached\n"
        f"  hint: zoo train --resume {tmp_path}/run goes on with it"
    )


@pytest.mark.parametrize(
    ("name", "hint"),
    [("dgo", "did you mean dog?"), ("zebra", "classes: cat, dog")],
)
def test_a_class_that_is_not_there(name, hint):
    stored.check_class("dog", ["cat", "dog"])
    with pytest.raises(ExplainError) as caught:
        stored.check_class(name, ["cat", "dog"])
    assert str(caught.value) == f"the model has no class {name!r}\n  hint: {hint}"


def test_of_many_classes_a_few_are_named():
    with pytest.raises(ExplainError, match=r"classes: 0, 1, 2, 3, 4, 5, 6, 7 and 92 more$"):
        stored.check_class("zebra", [str(number) for number in range(100)])


def test_it_needs_neither_keras_nor_numpy(model):
    code = (
        f"import sys; from zoo import stored; stored.facts(stored.locate({str(model)!r}));"
        "print({'keras', 'tensorflow', 'numpy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
