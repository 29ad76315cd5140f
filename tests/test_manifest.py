import pytest

from zoo import manifest
from zoo.errors import ManifestError

GOOD = """
schema = 1
namespace = "acme"
requires-zoo = ">=0.1"
hooks = "acme_zoo.hooks"

[backbone.vgg19bn]
target = "acme_zoo.vgg:vgg19bn"
paper = "arXiv:1409.1556"
input = [224, 224]

[backbone.vgg19bn.weights.imagenet]
source = "https://example.org/vgg.safetensors"
sha256 = "%s"
size = 574710816
license = "MIT"
format = "timm-vgg"
normalization = { order = "rgb", mean = [0.485, 0.456, 0.406], std = [0.2, 0.2, 0.2], scale = 255 }
classes = "imagenet-1k"
options = { variant = "torch" }
""" % ("a" * 64)


def read(tmp_path, text):
    path = tmp_path / "registry.toml"
    if isinstance(text, bytes):
        path.write_bytes(text)
    else:
        path.write_text(text)
    return manifest.read(path)


def test_the_manifest_of_the_design_is_read(tmp_path):
    row = read(tmp_path, GOOD).backbone["vgg19bn"]
    assert row.input == (224, 224)
    weights = row.weights["imagenet"]
    assert (weights.size, weights.options) == (574710816, {"variant": "torch"})
    assert weights.normalization.mean == (0.485, 0.456, 0.406)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("schema = 1", "schema = 2"), ":2: schema 2 is newer than this zoo reads (1)"),
        (("schema = 1", ""), "schema is None, accepted is 1"),
        (("schema = 1", 'schema = "1"'), "schema is '1', accepted is 1"),
        (('paper = "', 'papers = "'), ":9: backbone.vgg19bn.papers: unknown key"),
        (("acme_zoo.vgg:vgg19bn", "os.system"), "received 'os.system', which does not match"),
        (("https://", "http://"), "source must be https, received http"),
        (("size = 574710816", ""), "an https source needs sha256 and size"),
        (("a" * 64, "b" * 63), "received 'bbbbbb"),
        (("std = [0.2, 0.2, 0.2]", "std = [0.2, 0, 0.2]"), "std must be positive"),
        (("[backbone.vgg19bn]", "[backbone.VGG19]"), "which does not match"),
        (("[backbone.vgg19bn]", "[tail.vgg19bn]"), "unknown key"),
        (("input = [224, 224]", "input = [224]"), ":10: backbone.vgg19bn.input"),
        (
            ("input = [224, 224]", "input = 'big'"),
            ":10: backbone.vgg19bn.input: received 'big', accepted is a valid tuple",
        ),
        (
            ("size = 574710816", "size = 0"),
            ":15: backbone.vgg19bn.weights.imagenet.size: received 0",
        ),
        (("1409.1556", '1409.1556"\nminimum.low = "'), ":10: backbone.vgg19bn.minimum"),
        (('hooks = "acme_zoo.hooks"', "[commands]\nrun = 'Run.'"), "set hooks"),
    ],
)
def test_a_broken_row_is_named_with_file_and_line(tmp_path, change, message):
    with pytest.raises(ManifestError) as caught:
        read(tmp_path, GOOD.replace(*change))
    assert str(tmp_path / "registry.toml") in str(caught.value)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("schema = ", "not TOML"),
        (b"\xff\xfe\x00", "not a text file in UTF-8"),
        ("# " + "x" * (257 * 1024), "bytes, a manifest holds at most"),
        ("a = " + "[" * 5000, "registry.toml"),
        ("schema = 1\n" + "\n".join(f'[head.h{i}]\ntarget = "a.b:c"' for i in range(1001)), "1000"),
    ],
)
def test_what_is_no_manifest_is_refused(tmp_path, text, message):
    with pytest.raises(ManifestError, match=message):
        read(tmp_path, text)


def test_control_characters_never_reach_a_terminal(tmp_path):
    text = GOOD.replace("arXiv", "\\u001b[31marXiv\\u0007")
    assert read(tmp_path, text).backbone["vgg19bn"].paper == "[31marXiv:1409.1556"
