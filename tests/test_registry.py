import pytest

from zoo import config, discovery
from zoo import registry as registries
from zoo.errors import ConfigError, PluginError, SpecError, UnknownPart
from zoo.registry import Registry

from .conftest import ACME


def load(path=None):
    settings = config.load(path)
    return Registry(discovery.discover(settings), settings)


def test_first_party_parts_have_bare_names_and_no_problems():
    registry = load()
    assert registry.problems == []
    assert registry.part("backbone", "vgg16bn").distribution == "keras-zoo"
    assert registry.part("backbone", "zoo/vgg16bn").id == "vgg16bn"
    assert registry.part("backbone", "vgg16-bn").id == "vgg16bn"
    assert all("/" not in name for name in registry.names("head"))


def test_an_unknown_name_gets_what_is_near(acme):
    with pytest.raises(UnknownPart) as caught:
        load().part("head", "dens-bn")
    assert str(caught.value) == "no head named 'dens-bn'\n  hint: did you mean dense-bn, dense?"
    with pytest.raises(UnknownPart, match="did you mean acme/tiny"):
        load().part("backbone", "tiny")


def test_a_known_package_is_named(tmp_path):
    path = tmp_path / "user.toml"
    path.write_text('[known]\n"acme/big" = "acme-zoo"\n')
    with pytest.raises(UnknownPart) as caught:
        load(path).part("backbone", "acme/big")
    assert str(caught.value) == (
        "no backbone named 'acme/big' is installed\n  hint: pip install acme-zoo"
    )


def test_an_alias_shortens_a_strangers_name(acme, tmp_path):
    path = tmp_path / "user.toml"
    path.write_text('[aliases]\ntiny = "acme/tiny"\n')
    assert str(load(path).parse("tiny+linear")) == "acme/tiny+linear"


def test_an_id_that_two_plugins_claim_belongs_to_neither(install, tmp_path):
    shared = ACME["registry.toml"].replace("schema = 1", 'schema = 1\nnamespace = "acme"')
    install("acme-zoo", ACME | {"registry.toml": shared}, entry="acme")
    folder = install("acme-zoo", ACME | {"registry.toml": shared}, entry="acme")
    # A second plugin of the same distribution and namespace.
    second = folder.parent / "more_zoo"
    second.mkdir()
    (second / "__init__.py").touch()
    for name, text in ACME.items():
        text = shared if name == "registry.toml" else text
        import textwrap

        (second / name).write_text(textwrap.dedent(text).replace("acme_zoo", "more_zoo"))
    info = folder.parent / "acme_zoo-0.3.dist-info" / "entry_points.txt"
    info.write_text("[zoo]\nacme = acme_zoo\nmore = more_zoo\n")
    registry = load()
    with pytest.raises(PluginError) as caught:
        registry.part("backbone", "acme/tiny")
    message = str(caught.value)
    assert "the backbone 'acme/tiny' is claimed by" in message
    assert str(folder / "parts.py") in message
    assert str(second / "parts.py") in message
    assert "[prefer]" in message
    assert len(registry.problems) == 4
    with pytest.raises(SpecError, match="is claimed by"):
        registry.parse("acme/tiny+linear")


def test_a_broken_row_is_an_error_only_when_asked_for(install):
    manifest = ACME["registry.toml"].replace("parts:tiny", "parts:tinny")
    install("acme-zoo", ACME | {"registry.toml": manifest}, entry="acme")
    registry = load()
    assert str(registry.parse("vgg16bn+acme/pooled")) == "vgg16bn+acme/pooled"
    with pytest.raises(PluginError, match=r"backbone acme/tiny of acme-zoo 0.3 is broken"):
        registry.part("backbone", "acme/tiny")


def test_resolving_fills_in_every_option():
    registry = load()
    resolved = registry.resolve(registry.parse("vgg16bn:width=0.5+dense-bn:units=64"))
    assert resolved.backbone.options["width"] == 0.5
    defaults = {o.name: o.default for o in registry.part("head", "dense-bn").options}
    assert resolved.head.options == defaults | {"units": 64}
    document = resolved.document()
    assert document["spec"] == "vgg16bn:width=0.5+dense-bn:units=64"
    assert document["head"]["distribution"] == "keras-zoo"


WEIGHTED = ACME | {
    "registry.toml": ACME["registry.toml"].replace(
        "[head.pooled]",
        f"""
        [backbone.tiny.weights.digits]
        source = "package://digits.weights.h5"
        sha256 = "{"a" * 64}"
        options = {{ width = 0.5 }}

        [head.pooled]
        """,
    )
}


def test_weights_set_the_options_they_need(install):
    install("acme-zoo", WEIGHTED, entry="acme")
    registry = load()
    resolved = registry.resolve(registry.parse("acme/tiny@digits+linear"))
    assert resolved.backbone.options == {"width": 0.5}
    assert resolved.document()["backbone"]["weights"]["sha256"] == "a" * 64


def test_an_option_that_contradicts_the_weights_is_an_error(install):
    install("acme-zoo", WEIGHTED, entry="acme")
    registry = load()
    with pytest.raises(SpecError) as caught:
        registry.resolve(registry.parse("acme/tiny@digits:width=2+linear"))
    assert "width" in str(caught.value)
    assert "digits" in str(caught.value)


def test_presets_come_from_the_configuration():
    registry = load()
    assert registry.preset("digits")["recipe"] == "scratch"
    with pytest.raises(ConfigError) as caught:
        registry.preset("digit")
    assert str(caught.value) == "no preset named 'digit'\n  hint: did you mean digits?"


def test_every_shipped_preset_and_alias_names_what_exists():
    registry = load()
    for preset in registry.presets().values():
        registry.parse(preset["spec"])
        registry.parse_part("policy", preset.get("policy", "none"))
    for alias in registry.config.table("aliases"):
        assert registry.named(alias)


def test_the_python_functions_mirror_the_commands():
    names = [part["id"] for part in registries.list_parts("vgg16*", kind="backbone")]
    assert names == ["vgg16", "vgg16bn"]
    assert registries.info("vgg16bn+linear")["backbone"]["id"] == "vgg16bn"
    assert registries.info("linear")["parts"][0]["kind"] == "head"


def test_defaults_are_the_users_to_change(tmp_path):
    assert load().default("recipe") == "finetune"
    path = tmp_path / "user.toml"
    path.write_text('[defaults]\nrecipe = "head"\n')
    assert load(path).default("recipe") == "head"
    assert load(path).default("interpreter") == "grad-cam"
