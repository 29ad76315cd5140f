from __future__ import annotations

import json

from zoo import recipe
from zoo.cli.main import main


def test_list_tells_every_recipe(capsys):
    assert main(["recipe", "list", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["recipes"]
    assert [row["name"] for row in rows] == recipe.names()
    (finetune,) = [row for row in rows if row["name"] == "finetune"]
    assert finetune["phases"] == ["head", "all"]


def test_one_bad_recipe_of_a_plugin_hides_no_other(capsys, acme):
    folder = acme / "recipes"
    folder.mkdir()
    (folder / "bad.toml").write_text("phases = 3")
    assert main(["recipe", "list"]) == 0
    told = capsys.readouterr()
    assert "finetune" in told.out
    fault = "phases: a recipe has one or more [[phases]] tables"
    assert told.err == f"zoo: {folder / 'bad.toml'}: {fault}\n"


def test_what_is_shown_is_a_recipe(capsys, tmp_path):
    assert main(["recipe", "show", "finetune", "--set", "all.schedule=cosine"]) == 0
    mine = tmp_path / "mine.toml"
    mine.write_text(capsys.readouterr().out)
    assert recipe.load(mine) == recipe.override(recipe.load("finetune"), ["all.schedule=cosine"])


def test_every_preset_names_what_there_is():
    from zoo import policy, registry

    known = registry.load()
    presets = known.presets()
    assert {"dlwp-finetune", "lesson3-bn", "tiny-minception", "cats-mixed7"} <= presets.keys()
    for name, row in presets.items():
        chosen = recipe.load(row["recipe"], known.recipes())
        known.resolve(known.parse(row["spec"]))
        for text in {row.get("policy"), *(leg.policy for leg in chosen.phases)}:
            assert policy.transforms(text, known) is not None, name
