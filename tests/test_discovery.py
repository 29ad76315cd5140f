import sys

import pytest

from zoo import config, discovery, registry
from zoo.errors import ManifestError
from zoo.index import Index

from .conftest import ACME


def plugin(name, **options):
    found = {p.name: p for p in discovery.discover(config.load(**options))}
    return found[name]


def test_a_plugin_is_read_and_never_imported(acme):
    found = plugin("acme")
    assert (found.state, found.namespace, found.origin) == ("ready", "acme", "acme-zoo 0.3")
    tiny, pooled = found.parts
    assert (tiny.id, tiny.kind, tiny.summary) == ("acme/tiny", "backbone", "One convolution.")
    assert [(o.name, o.type, o.default) for o in tiny.options] == [("width", "float", 1.0)]
    assert tiny.file == str(acme / "parts.py")
    assert tiny.line == 2
    assert pooled.id == "acme/pooled"
    assert "acme_zoo" not in sys.modules
    assert "acme_zoo.parts" not in sys.modules


def test_an_edited_default_is_seen_though_the_index_is_warm(acme):
    assert plugin("acme").parts[0].options[0].default == 1.0
    source = acme / "parts.py"
    source.write_text(source.read_text().replace("width: float = 1.0", "width: float = 0.25"))
    assert plugin("acme").parts[0].options[0].default == 0.25


def test_a_source_file_that_appears_later_is_seen_though_the_index_is_warm(acme):
    source = acme / "parts.py"
    text = source.read_text()
    source.unlink()
    assert [problem.part for problem in plugin("acme").problems] == [
        "backbone/acme/tiny",
        "head/acme/pooled",
    ]
    source.write_text(text)
    assert plugin("acme").problems == ()


def test_a_warm_index_gives_what_a_cold_one_gave(acme, tmp_path):
    settings = config.load()
    path = tmp_path / "index.json"
    cold = discovery.discover(settings, Index("1", path))
    assert path.is_file()
    assert discovery.discover(settings, Index("1", path)) == cold
    path.write_text("{ not json")
    assert discovery.discover(settings, Index("1", path)) == cold


def test_an_index_that_cannot_be_written_is_no_fault(acme, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    found = discovery.discover(config.load(), Index("1", blocked / "index.json"))
    assert "acme" in {p.name for p in found}


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"registry.toml": b"\x00\xff"}, "not a text file in UTF-8"),
        ({"registry.toml": "schema = 9"}, "schema 9 is newer than this zoo reads (1)"),
        ({}, "registry.toml is not inside acme_zoo"),
    ],
)
def test_a_broken_manifest_breaks_its_plugin_alone(install, files, reason):
    install("acme-zoo", files, entry="acme")
    broken = plugin("acme")
    assert broken.state == "broken"
    assert reason in broken.reason
    assert broken.parts == ()
    assert plugin("vgg").state == "ready"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("acme_zoo.parts:tiny", "os:system"), "lies outside the package acme_zoo"),
        (("acme_zoo.parts:tiny", "acme_zoo.gone:tiny"), "there is no gone.py to read"),
        (("acme_zoo.parts:tiny", "acme_zoo.parts:pooled"), "takes 2 arguments before '*'"),
        (("acme_zoo.parts:tiny", "acme_zoo.parts:nobody"), "nobody"),
    ],
)
def test_a_broken_row_leaves_the_others(install, change, reason):
    files = ACME | {"registry.toml": ACME["registry.toml"].replace(*change)}
    install("acme-zoo", files, entry="acme")
    found = plugin("acme")
    assert [part.id for part in found.parts] == ["acme/pooled"]
    (problem,) = found.problems
    assert problem.part == "backbone/acme/tiny"
    assert reason in problem.reason
    assert problem.remedy


SIZES = """
        schema = 1

        [backbone.tiny]
        target = "acme_zoo.parts:tiny"

        [backbone.large]
        target = "acme_zoo.parts:tiny"
        defaults = { width = 8.0 }
        size-of = "tiny"

        [backbone.huge]
        target = "acme_zoo.parts:tiny"
        size-of = "tiny"

        [head.pooled]
        target = "acme_zoo.parts:pooled"
"""


def test_a_part_says_of_which_it_is_another_size(install):
    install("acme-zoo", ACME | {"registry.toml": SIZES}, entry="acme")
    assert [(part.id, part.size_of) for part in plugin("acme").parts] == [
        ("acme/tiny", ""),
        ("acme/large", "acme/tiny"),
        ("acme/huge", "acme/tiny"),
        ("acme/pooled", ""),
    ]


@pytest.mark.parametrize(
    ("named", "reason", "remedy"),
    [
        ("tinny", "size-of = 'tinny' is no backbone of this manifest", "did you mean tiny?"),
        ("pooled", "size-of = 'pooled' is no backbone of this manifest", "backbones here: tiny"),
        (
            "huge",
            "size-of = 'huge' is the backbone itself",
            "name its smallest size there instead",
        ),
        ("large", "size-of = 'large' is another size itself, of tiny", 'write size-of = "tiny"'),
    ],
)
def test_a_size_of_what_there_is_not(install, named, reason, remedy):
    before, _, after = SIZES.rpartition('size-of = "tiny"')
    manifest = f'{before}size-of = "{named}"{after}'
    folder = install("acme-zoo", ACME | {"registry.toml": manifest}, entry="acme")
    found = plugin("acme")
    assert [part.id for part in found.parts] == ["acme/tiny", "acme/large", "acme/pooled"]
    (problem,) = found.problems
    assert problem.part == "backbone/acme/huge"
    assert problem.reason == f"{folder / 'registry.toml'}:14: {reason}"
    assert problem.remedy == remedy


def test_two_distributions_that_claim_one_namespace_are_both_set_aside(install):
    mine = ACME["registry.toml"].replace("schema = 1", 'schema = 1\nnamespace = "acme"')
    install("acme-zoo", ACME | {"registry.toml": mine}, entry="acme")
    theirs = {k: v.replace("acme_zoo", "other_zoo") for k, v in ACME.items()}
    theirs["registry.toml"] = mine.replace("acme_zoo", "other_zoo")
    install("other-zoo", theirs, entry="other")
    for name in ("acme", "other"):
        assert plugin(name).state == "broken"
        assert "claimed by" in plugin(name).reason
        assert "both are set aside" in plugin(name).reason


def test_the_user_may_prefer_one_of_two_claimants(install, tmp_path):
    mine = ACME["registry.toml"].replace("schema = 1", 'schema = 1\nnamespace = "acme"')
    install("acme-zoo", ACME | {"registry.toml": mine}, entry="acme")
    theirs = {k: v.replace("acme_zoo", "other_zoo") for k, v in ACME.items()}
    theirs["registry.toml"] = mine.replace("acme_zoo", "other_zoo")
    install("other-zoo", theirs, entry="other")
    user = tmp_path / "user.toml"
    user.write_text('[prefer]\nacme = "other-zoo"\n')
    assert plugin("other", registry=user).state == "ready"
    assert plugin("acme", registry=user).state == "broken"


def test_the_namespace_of_zoo_is_reserved(install):
    manifest = ACME["registry.toml"].replace("schema = 1", 'schema = 1\nnamespace = "zoo"')
    install("acme-zoo", ACME | {"registry.toml": manifest}, entry="acme")
    assert "the namespace 'zoo' is reserved" in plugin("acme").reason
    assert plugin("vgg").state == "ready"


def test_what_is_switched_off_is_not_even_read(install):
    install("acme-zoo", {"registry.toml": "not toml at all ["}, entry="acme")
    found = plugin("acme", plugins=False)
    assert (found.state, found.reason) == ("refused", "not among the allowed of --no-plugins")
    assert found.problems == ()


def test_a_version_that_does_not_fit_is_flagged_and_loaded(install):
    manifest = ACME["registry.toml"].replace("schema = 1", 'schema = 1\nrequires-zoo = ">=99"')
    install("acme-zoo", ACME | {"registry.toml": manifest}, entry="acme")
    found = plugin("acme")
    assert len(found.parts) == 2
    assert "requires zoo >=99" in found.problems[0].reason


def test_an_entry_point_names_a_top_level_package(install):
    install("acme-zoo", ACME, entry="acme = acme_zoo.parts")
    assert "is not the name of a top-level package" in plugin("acme").reason
    assert "acme_zoo" not in sys.modules


def test_an_entry_point_to_nothing(install):
    install("acme-zoo", ACME, entry="acme = gone_zoo")
    assert "package gone_zoo is not installed" in plugin("acme").reason


def test_locate_refuses_without_importing():
    with pytest.raises(ManifestError, match="top-level package"):
        discovery.locate("os.path")


def test_what_was_installed_since_is_found_after_a_refresh(install):
    assert registry.load().find("backbone", "acme/tiny") is None
    install("acme-zoo", ACME, entry="acme")
    assert registry.load().find("backbone", "acme/tiny") is not None
