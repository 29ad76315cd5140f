import json

import pytest

from zoo.cli.main import COMMANDS, main


def run(capsys, *words):
    code = main(list(words))
    out, err = capsys.readouterr()
    return code, out, err


def test_help_names_every_command_and_imports_none(capsys):
    code, out, _ = run(capsys, "--help")
    assert code == 0
    for name, text in COMMANDS.items():
        assert name in out
        assert text.split()[0] in out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_and_json(capsys, name):
    code, out, _ = run(capsys, name, "--help")
    assert code == 0
    assert out.startswith(f"Usage: zoo {name}")
    assert "--json" in out or "Commands:" in out


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["bild"], "error: no command named 'bild'\n  hint: did you mean zoo build?\n"),
        (["zzz"], "error: no command named 'zzz'\n  hint: zoo --help lists the commands\n"),
        (
            ["list", "--knd", "head"],
            "error: No such option '--knd'. Did you mean '--kind'?\n"
            "  hint: zoo list --help shows what it takes\n",
        ),
        (
            ["info"],
            "error: Missing argument 'NAME'.\n  hint: zoo info --help shows what it takes\n",
        ),
        (
            ["info", "vgg61bn"],
            "error: no part named 'vgg61bn'\n  hint: did you mean vgg19bn, vgg16bn, vgg13bn?\n",
        ),
        (
            ["info", "digit"],
            "error: no part named 'digit'\n  hint: did you mean digits, light?\n",
        ),
        (
            ["info", "vgg16bn+dense-bn:dropuot=0.3"],
            "error: dense-bn has no option 'dropuot'\n"
            "  vgg16bn+dense-bn:dropuot=0.3\n"
            "                   ^\n"
            "  hint: did you mean 'dropout'? options: dropout, layers, pool, units\n",
        ),
        (
            ["list", "--registry", "/no/such.toml"],
            "error: /no/such.toml: cannot be read: No such file or directory\n"
            "  hint: it is the --registry configuration\n",
        ),
    ],
)
def test_a_wrong_call_is_told_in_full(capsys, words, error):
    assert run(capsys, *words) == (2, "", error)


def test_list_json_is_one_document(capsys):
    code, out, err = run(capsys, "list", "vgg16*", "--json")
    assert (code, err) == (0, "")
    facts = json.loads(out)
    assert [part["id"] for part in facts["parts"]] == ["vgg16", "vgg16bn"]


def test_list_filters(capsys):
    _, out, _ = run(capsys, "list", "--kind", "head")
    assert [line.split()[:2] for line in out.splitlines()[2:]] == [
        ["head", "aux"],
        ["head", "dense"],
        ["head", "dense-bn"],
        ["head", "linear"],
    ]
    _, out, _ = run(capsys, "list", "--pretrained")
    pretrained = {line.split()[1] for line in out.splitlines()[2:]}
    assert {"vgg16", "vgg19"} <= pretrained
    assert "vgg16bn" not in pretrained
    _, out, _ = run(capsys, "list", "--plugin", "compact")
    assert {line.split()[1] for line in out.splitlines()[2:]} == {"small-cnn"}
    _, out, _ = run(capsys, "list", "nothing-like-this")
    assert out == "nothing matches; zoo list shows all there is\n"


def test_info_tells_what_a_policy_draws_from_with_its_options(capsys):
    code, out, err = run(capsys, "info", "light:rotation=5:flip=false")
    assert (code, err) == (0, "")
    assert "rotate     degrees -5 to 5\n" in out
    assert "flip       axis horizontal, probability 0\n" in out
    facts = json.loads(run(capsys, "info", "light:rotation=5", "--json")[1])
    assert facts["parts"][0]["transforms"][0] == {"transform": "rotate", "degrees": 5.0}
    code, _, err = run(capsys, "info", "light:rotatoin=5")
    assert code == 2
    assert err.startswith("error: light has no option 'rotatoin'\n  light:rotatoin=5\n")
    code, _, err = run(capsys, "info", "lihgt:rotation=5")
    assert code == 2
    assert err.startswith("error: no part named 'lihgt'\n  hint: did you mean light?")


def test_info_tells_what_a_preset_stands_for(capsys):
    code, out, err = run(capsys, "info", "dlwp-features")
    assert (code, err) == (0, "")
    assert out.startswith(
        "preset      dlwp-features\n"
        "spec        vgg16@imagenet+dense:units=256\n"
        "recipe      dlwp-features\n"
        "input-size  150\n"
        "summary     Deep Learning with Python 5.3: a dense head on the features of a frozen "
        "VGG16\n"
        "train       zoo train DATA --preset dlwp-features --out RUN\n"
        "\n"
        "vgg16@imagenet+dense\n"
    )
    facts = json.loads(run(capsys, "info", "dlwp-features", "--json")[1])
    assert facts["preset"]["name"] == "dlwp-features"
    assert facts["head"]["options"]["units"] == 256


def test_a_part_comes_before_a_preset_of_its_name(capsys, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('[presets.vgg16bn]\nspec = "small-cnn+linear"\n')
    _, out, _ = run(capsys, "info", "vgg16bn", "--registry", str(path))
    assert out.startswith("backbone")


def test_a_broken_plugin_is_one_line_on_stderr(capsys, install):
    install("acme-zoo", {"registry.toml": "schema = 9"}, entry="acme")
    code, out, err = run(capsys, "list", "--json")
    assert code == 0
    assert json.loads(out)["problems"] == 1
    assert err == "zoo: 1 plugin has problems (acme-zoo 0.3); run zoo doctor\n"
    code, _, err = run(capsys, "list", "--no-plugins")
    assert (code, err) == (0, "")


def test_traceback_is_shown_only_when_asked_for(capsys):
    from zoo.errors import UnknownPart

    with pytest.raises(UnknownPart):
        main(["info", "vgg61bn", "--traceback"])


def test_plugins_list_tells_the_state(capsys, install):
    install("acme-zoo", {"registry.toml": "schema = 9"}, entry="acme")
    code, out, _ = run(capsys, "plugins", "list", "--json")
    states = {row["plugin"]: row for row in json.loads(out)}
    assert code == 0
    assert states["acme"]["state"] == "broken"
    assert states["vgg"]["state"] == "ready"
    assert "acme" in run(capsys, "plugins", "list")[1]


def test_config_shows_origins(capsys, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('[aliases]\nv = "vgg16"\n')
    code, out, _ = run(capsys, "config", "--registry", str(path))
    assert code == 0
    (line,) = [line for line in out.splitlines() if line.startswith("aliases.v ")]
    assert line.split()[1:] == ["vgg16", "--registry", f"({path})"]


def test_info_of_a_part(capsys):
    code, out, _ = run(capsys, "info", "vgg16")
    assert code == 0
    assert "arXiv:1409.1556" in out
    assert "@imagenet" in out
    assert "width   1.0" in out


def test_info_of_a_model_name(capsys):
    code, out, _ = run(capsys, "info", "vgg16bn+dense-bn(dropout=0.3)")
    assert code == 0
    assert out.startswith("vgg16bn+dense-bn:dropout=0.3\n")


def test_a_fault_of_our_own_is_one_sentence_too(capsys, monkeypatch):
    from zoo.registry import Registry

    def fail(*_, **__):
        raise KeyError("moon")

    monkeypatch.setattr(Registry, "parts", fail)
    assert run(capsys, "list") == (
        1,
        "",
        "error: zoo failed in a way it should not: KeyError: 'moon'\n"
        "  hint: the same command with --traceback shows where; please report it\n",
    )
    with pytest.raises(KeyError):
        main(["list", "--traceback"])


def test_a_tag_of_another_backbone_is_pointed_at(capsys):
    code, _, err = run(capsys, "info", "vgg16bn@imagenet+linear")
    assert code == 2
    assert err.splitlines()[0] == "error: vgg16bn has no weights tagged 'imagenet'"
    assert "hint: available: none; @imagenet is there for vgg16" in err


def test_list_of_a_plugin_that_is_not_there(capsys):
    assert run(capsys, "list", "--plugin", "vvg") == (
        2,
        "",
        "error: no plugin named 'vvg' is installed\n  hint: did you mean vgg?\n",
    )
