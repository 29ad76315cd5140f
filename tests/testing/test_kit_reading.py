"""What the kit reads and imports of a part: names, words, licences, modules."""

from __future__ import annotations

import hashlib
import re

import pytest

from . import good

NET = "backbone/good/net::"

WRONG = [
    pytest.param(
        "head/good/pool::name_follows_the_function",
        "registry.toml",
        "[head.top]",
        "[head.pool]",
        "pool is given by top(), expected pool()",
        id="other name",
    ),
    pytest.param(
        NET + "summary_is_a_sentence",
        "net.py",
        "Two strided convolutions with batch normalisation.",
        "Two strided convolutions",
        "the summary does not end in a full stop: 'Two strided convolutions'",
        id="no full stop",
    ),
    pytest.param(
        NET + "summary_is_a_sentence",
        "net.py",
        "Two strided convolutions with batch normalisation.",
        "A net.",
        "the summary has 6 characters: 'A net.'",
        id="says nothing",
    ),
    pytest.param(
        "head/good/top::every_option_is_explained",
        "top.py",
        "        units: Width of the hidden layer.\n",
        "",
        "the docstring does not explain units",
        id="unexplained option",
    ),
    pytest.param(
        "policy/good/moves::licence_is_stated",
        "registry.toml",
        'target = "good_zoo.moves:moves"\nlicense = "MIT"',
        'target = "good_zoo.moves:moves"',
        "write license = ... under [policy.moves]",
        id="no licence",
    ),
    pytest.param(
        NET + "imports_only_the_public_door",
        "net.py",
        "import keras\n",
        "import keras\nfrom zoo.engine import assemble\n",
        "net.py:3 imports zoo.engine; import zoo.api",
        id="zoo.engine",
    ),
    pytest.param(
        NET + "imports_only_the_public_door",
        "net.py",
        "import keras\n",
        "import keras\nfrom zoo import build\n",
        "net.py:3 imports zoo.build; import zoo.api",
        id="zoo",
    ),
    pytest.param(
        NET + "imports_only_the_public_door",
        "net.py",
        "    taps = {}",
        "    import tensorflow as tf\n\n    taps = {}",
        "imports tensorflow; use keras.ops, which runs on every backend",
        id="tensorflow",
    ),
    pytest.param(
        NET + "imports_only_the_public_door",
        "net.py",
        "import keras\n",
        "import keras\nfrom zoo_vgg.vgg import vgg16\n",
        "net.py:3 imports zoo_vgg, which is another plugin",
        id="another plugin",
    ),
    pytest.param(
        NET + "imports_quietly",
        "net.py",
        "import keras\n",
        "import keras\nprint('hello')\n",
        "good_zoo.net prints when imported",
        id="prints",
    ),
    pytest.param(
        NET + "imports_quietly",
        "net.py",
        "import keras\n",
        "import keras\nkeras.config.set_floatx('float16')\n",
        "good_zoo.net changes the global settings of Keras when imported",
        id="settings",
    ),
    pytest.param(
        NET + "imports_quietly",
        "net.py",
        "import keras\n",
        "import keras\nimport socket\n\ntry:\n"
        "    socket.create_connection(('127.0.0.1', 9), timeout=0.1)\n"
        "except OSError:\n    pass\n",
        "good_zoo.net uses the network when imported",
        id="network",
    ),
    pytest.param(
        NET + "signature_is_what_was_read",
        "net.py",
        "    return taps\n",
        "    return taps\n\n\ndef more(inputs, *, depth=2):\n    pass\n\n\n"
        "globals()['net'] = more\n",
        "the source shows [('width', 1.0)], the imported function takes [('depth', 2)]",
        id="another function",
    ),
]


@pytest.mark.parametrize(("name", "file", "old", "new", "says"), WRONG)
def test_what_is_wrong_is_said(spoil, name, file, old, new, says) -> None:
    result = spoil(name, file, old, new)
    assert result.outcome == "failed", result.message
    assert result.message.endswith(says), result.message


@pytest.mark.parametrize(
    ("first", "second"),
    [("from good_zoo.blocks import norm", "import os"), ("from .blocks import norm", "import os")],
)
def test_the_modules_that_a_part_needs_are_read_too(spoil, first, second) -> None:
    files = {
        "net.py": f"{first}\n{good.BACKBONE}",
        "blocks.py": f"from good_zoo import more\n{second}\n\nnorm = None\n",
        "more.py": "import tensorflow\n",
    }
    result = spoil(NET + "imports_only_the_public_door", **files)
    assert result.outcome == "failed", result.message
    assert re.search(r"more\.py:1 imports tensorflow", result.message)


def weights(**changes: str) -> str:
    text = good.WEIGHTS.format(
        tag="shapes",
        source="package://shapes.weights.h5",
        sha256=hashlib.sha256(b"").hexdigest(),
        size=1,
    )
    for old, new in changes.items():
        text = re.sub(rf"(?m)^{old} = .*\n", new, text)
    return good.MANIFEST + text


@pytest.mark.parametrize(
    ("name", "left_out", "says"),
    [
        (
            "weights_say_how_to_look",
            "normalization",
            "@shapes does not say how pictures are normalised",
        ),
        (
            "weights_name_their_licence",
            "license",
            "@shapes does not name the licence of the weights",
        ),
    ],
)
def test_weights_that_are_not_described(spoil, name, left_out, says) -> None:
    result = spoil(NET + name, **{"registry.toml": weights(**{left_out: ""})})
    assert (result.outcome, result.message) == ("failed", says)
    assert spoil(NET + name, **{"registry.toml": weights()}).outcome == "passed"
