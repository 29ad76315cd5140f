"""Write models.py and registry.toml from the installed keras.applications.

    python plugins/zoo-applications/generate.py

tests/plugins/test_applications.py holds the two files against the installed Keras.
"""

from __future__ import annotations

import inspect
import re
import sys
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import keras
from keras.src.utils import file_utils

PACKAGE = Path(__file__).parent / "zoo_applications"
STORAGE = "https://storage.googleapis.com/tensorflow/keras-applications/"
HOST = "https://storage.googleapis.com/"

ELSEWHERE = ("VGG16", "VGG19")
"""zoo-vgg gives these."""

CAFFE = '{ order = "bgr", mean = [103.939, 116.779, 123.68] }'
TF = "{ mean = [1.0, 1.0, 1.0], scale = 127.5 }"
HALVED = "{ mean = [1.0, 1.0, 1.0], scale = 128 }"
TORCH = "{ mean = [0.485, 0.456, 0.406], std = [0.229, 0.224, 0.225], scale = 255 }"


@dataclass(frozen=True)
class Family:
    """What the models of one module of keras.applications have in common.

    Args:
        paper: Where it was published.
        summary: One sentence; {variant} is what the name says beyond the family's.
        normalization: What the published weights expect. It is checked by a test against the
            module's own preprocessing.
        minimum: Smallest height and width.
        widths: Whether the constructor takes `alpha`, a factor on every number of filters.
        sizes: Whether its models are one function with other numbers.
    """

    paper: str
    summary: str
    normalization: str
    minimum: int = 32
    widths: bool = False
    sizes: bool = True


MEASURED = "keras.io/api/applications, ImageNet validation, transform not stated"

# Top-1 and top-5 in percent; ConvNeXt has no top-5 there, and MobileNet v3 no row.
PUBLISHED = {
    "convnext-tiny": (81.3, None),
    "convnext-small": (82.3, None),
    "convnext-base": (85.3, None),
    "convnext-large": (86.3, None),
    "convnext-xlarge": (86.7, None),
    "densenet121": (75.0, 92.3),
    "densenet169": (76.2, 93.2),
    "densenet201": (77.3, 93.6),
    "efficientnet-b0": (77.1, 93.3),
    "efficientnet-b1": (79.1, 94.4),
    "efficientnet-b2": (80.1, 94.9),
    "efficientnet-b3": (81.6, 95.7),
    "efficientnet-b4": (82.9, 96.4),
    "efficientnet-b5": (83.6, 96.7),
    "efficientnet-b6": (84.0, 96.8),
    "efficientnet-b7": (84.3, 97.0),
    "efficientnet-v2-b0": (78.7, 94.3),
    "efficientnet-v2-b1": (79.8, 95.0),
    "efficientnet-v2-b2": (80.5, 95.1),
    "efficientnet-v2-b3": (82.0, 95.8),
    "efficientnet-v2-s": (83.9, 96.7),
    "efficientnet-v2-m": (85.3, 97.4),
    "efficientnet-v2-l": (85.7, 97.5),
    "inception-resnet-v2": (80.3, 95.3),
    "inception-v3": (77.9, 93.7),
    "nasnet-mobile": (74.4, 91.9),
    "nasnet-large": (82.5, 96.0),
    "resnet50": (74.9, 92.1),
    "resnet101": (76.4, 92.8),
    "resnet152": (76.6, 93.1),
    "resnet50-v2": (76.0, 93.0),
    "resnet101-v2": (77.2, 93.8),
    "resnet152-v2": (78.0, 94.2),
    "xception": (79.0, 94.5),
}

FAMILIES = {
    "convnext": Family(
        "arXiv:2201.03545", "ConvNeXt {variant}, a ResNet with the design of transformers.", TORCH
    ),
    "densenet": Family(
        "arXiv:1608.06993",
        "DenseNet of {variant} layers, where each reads all before it in its block.",
        TORCH,
    ),
    "efficientnet": Family(
        "arXiv:1905.11946",
        "EfficientNet {variant}, depth, width and size of pictures scaled together.",
        TORCH,
    ),
    "efficientnet_v2": Family(
        "arXiv:2104.00298",
        "EfficientNetV2 {variant}, smaller and quicker to train than the first.",
        TORCH,
    ),
    "inception_resnet_v2": Family(
        "arXiv:1602.07261", "Inception-ResNet v2, Inception blocks with residuals.", TF, 75
    ),
    "inception_v3": Family(
        "arXiv:1512.00567", "Inception v3, convolutions factorised into smaller ones.", TF, 75
    ),
    "mobilenet": Family(
        "arXiv:1704.04861", "MobileNet, depthwise separable convolutions.", TF, 32, True
    ),
    "mobilenet_v2": Family(
        "arXiv:1801.04381", "MobileNet v2, inverted residuals and linear bottlenecks.", TF, 32, True
    ),
    "mobilenet_v3": Family(
        "arXiv:1905.02244",
        "MobileNet v3 {variant}, found by search for phones.",
        TF,
        32,
        True,
        False,
    ),
    "nasnet": Family("arXiv:1707.07012", "NASNet {variant}, of cells found by search.", TF),
    "resnet": Family(
        "arXiv:1512.03385", "ResNet of {variant} layers, stride in the first 1x1 of a block.", CAFFE
    ),
    "resnet_v2": Family(
        "arXiv:1603.05027", "ResNet v2 of {variant} layers, normalised before convolution.", TF
    ),
    "xception": Family("arXiv:1610.02357", "Xception, Inception taken to its extreme.", TF, 71),
}


Declared = dict[str, dict[str, Any]]
"""Backbone to its parameters, macs and taps."""


def main() -> None:
    """Write both files, the manifest twice: the second time with what was found in its models."""
    (PACKAGE / "models.py").write_text(module())
    (PACKAGE / "registry.toml").write_text(manifest({}))
    (PACKAGE / "registry.toml").write_text(manifest(measured()))


def measured() -> Declared:
    """What is found in every backbone, built at its native size."""
    import zoo
    from zoo.engine import cost

    return {name: cost.declaration(zoo.build(f"{name}+linear")) for name in constructors()}


def declared() -> Declared:
    """What the manifest says already."""
    rows = tomllib.loads((PACKAGE / "registry.toml").read_text())["backbone"]
    keys = ("parameters", "macs", "taps")
    return {name: {key: row[key] for key in keys} for name, row in rows.items()}


def constructors() -> dict[str, Any]:
    """Kebab-case name to constructor, in the order of modules and sizes."""
    found = {
        name: each
        for name, each in vars(keras.applications).items()
        if inspect.isfunction(each) and name not in ELSEWHERE
    }
    by_family = sorted(found, key=lambda name: (_module(found[name]), _order(name)))
    return {kebab(name): found[name] for name in by_family}


def kebab(name: str) -> str:
    """EfficientNetV2B0 -> efficientnet-v2-b0; ResNet50V2 -> resnet50-v2."""
    for family in ("EfficientNet", "ConvNeXt", "NASNet", "MobileNet", "ResNet", "DenseNet"):
        name = name.replace(family, family.capitalize())
    words = re.findall(r"[A-Z]?[a-z]+\d*|V\d|B\d|XLarge|[SML]$", name)
    assert "".join(words) == name, (name, words)
    return "-".join(words).lower()


def module() -> str:
    """The text of models.py."""
    head = '''"""Every backbone of keras.applications, written by generate.py."""

from __future__ import annotations

from keras import applications

from zoo.api import Features, Tensor
from zoo_applications import taps
from zoo_applications.adapt import adapt
'''
    return head + "".join(_function(name, each) for name, each in constructors().items())


def manifest(facts: Declared) -> str:
    """The text of registry.toml, with what is known of the models."""
    head = """# Written by generate.py; change that instead.
schema = 1
namespace = "zoo"
requires-zoo = ">=0.1"
"""
    return head + "".join(
        _row(name, each, facts.get(name, {})) for name, each in constructors().items()
    )


def native(constructor: Any) -> int:
    """Height and width of the pictures a model was made for."""
    model = sys.modules[constructor.__module__]
    config = getattr(model, "MODEL_CONFIGS", {}).get(_variant(constructor.__name__).lower())
    if config:
        return int(config["default_size"])
    # Each constructor hands its size to the family's, or has it in its own body.
    found = re.search(r"default_size=(\d+)", inspect.getsource(constructor))
    size = inspect.getsource(constructor) if "EfficientNetB" in constructor.__name__ else ""
    if size:
        # width, depth, size, dropout
        return int(re.findall(r"^        ([\d.]+),$", size, re.MULTILINE)[2])
    return int(found[1]) if found else 224


def published(constructor: Any) -> tuple[str, str] | None:
    """Address and digest of the weights without the classifier; None if Keras pins no digest.

    The constructor is run up to the point where it asks for the file, with layers that do nothing.
    """

    def get_file(fname: str, origin: str, *, file_hash: str | None = None, **options: Any) -> None:
        raise _Asked(origin, file_hash)

    family = constructor.__module__.rpartition(".")[0]
    idle = {name: getattr(_Idle(), name) for name in ("Functional", "Sequential", "LayerScale")}
    idle["layers"] = _Idle()
    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(file_utils, "get_file", get_file))
        for path, each in list(sys.modules.items()):
            if path.startswith(f"{family}."):
                changed = {name: idle[name] for name in idle if name in vars(each)}
                stack.enter_context(mock.patch.dict(vars(each), changed))
        try:
            constructor(
                include_top=False, weights="imagenet", input_tensor=keras.Input((224, 224, 3))
            )
        except _Asked as asked:
            address, digest = asked.args
            return (address, digest) if digest else None
    raise AssertionError(f"{constructor.__name__} asked for no file")


class _Asked(Exception):
    """Keras asked for a file; nothing is fetched."""


class _Idle:
    """Stands for `keras.layers`: every layer gives what it is given."""

    def __getattr__(self, kind: str) -> Any:
        if kind.islower():  # layers.add, layers.concatenate
            return lambda tensors, **options: tensors[0]
        return lambda *args, **options: lambda x: x[0] if isinstance(x, list) else x


def _function(name: str, constructor: Any) -> str:
    family = FAMILIES[_module(constructor)]
    function = name.replace("-", "_")
    options, explained, passed = "", "", ""
    if family.widths:
        options = ", *, width: float = 1.0"
        explained = "\n        width: Factor on every number of filters."
        passed = ", alpha=width"
    if "include_preprocessing" in inspect.signature(constructor).parameters:
        passed += ", include_preprocessing=False"
    table = _table(constructor.__name__)
    call = f"adapt(applications.{constructor.__name__}, inputs, taps.{table}{passed})"
    body = f"    return {call}"
    if len(body) > 100:
        arguments = call.removeprefix("adapt(").removesuffix(")")
        if len(arguments) > 100 - 8:
            arguments = arguments.replace(", ", ",\n        ") + ","
        body = f"    return adapt(\n        {arguments}\n    )"
    return f'''

def {function}(inputs: Tensor{options}) -> Features:
    """{_summary(constructor)}

    Args:
        inputs: Normalised pictures [N, h, w, 3], h and w at least {family.minimum}.{explained}

    Returns:
        The last map of each stage.
    """
{body}
'''


def _row(name: str, constructor: Any, facts: dict[str, Any]) -> str:
    family = FAMILIES[_module(constructor)]
    size = native(constructor)
    row = f"""
[backbone.{name}]
target = "zoo_applications.models:{name.replace("-", "_")}"
paper = "{family.paper}"
license = "Apache-2.0"
input = [{size}, {size}]
minimum = [{family.minimum}, {family.minimum}]
"""
    if (smallest := _smallest(constructor)) != name:
        row += f'size-of = "{smallest}"\n'
    if facts:
        row += f"parameters = {facts['parameters']:_}\nmacs = {facts['macs']:_}\n\n"
        row += f"[backbone.{name}.taps]  # stride, channels\n"
        row += "".join(f"{tap} = {list(values)}\n" for tap, values in facts["taps"].items())
    return row + "".join(_weights(name, constructor))


def _smallest(constructor: Any) -> str:
    """The first of the models that are one function with other numbers."""
    if not FAMILIES[_module(constructor)].sizes:
        return kebab(constructor.__name__)
    return next(
        name for name, each in constructors().items() if _module(each) == _module(constructor)
    )


def _weights(name: str, constructor: Any) -> Iterator[str]:
    source = published(constructor)
    if source is None:
        yield "# Keras pins no digest of its weights, and zoo loads none that it cannot check.\n"
        return
    address, digest = source
    # Relative to the folder of keras.applications, or from the root of its host.
    path = address.removeprefix(STORAGE) if address.startswith(STORAGE) else ""
    path = path or "/" + address.removeprefix(HOST)
    kind = "sha256" if len(digest) == 64 else "md5"
    width = "options = { width = 1.0 }\n" if FAMILIES[_module(constructor)].widths else ""
    yield f"""
[backbone.{name}.weights.imagenet]
source = "keras://{path}"
{kind} = "{digest}"
license = "NOASSERTION"
format = "keras-applications"
normalization = {_normalization(constructor)}
classes = "imagenet-1k"
{width}{_accuracy(name)}"""


def _accuracy(name: str) -> str:
    """What keras.io publishes, which says nothing of how pictures were resized."""
    if name not in PUBLISHED:
        return ""
    top1, top5 = PUBLISHED[name]
    rows = f"top1 = {top1}\n" + (f"top5 = {top5}\n" if top5 else "")
    return f'{rows}measured = "{MEASURED}"\n'


def _normalization(constructor: Any) -> str:
    # EfficientNetV2 has the preprocessing of version 1 in B0 to B3 alone; the others divide by 128.
    if constructor.__name__ in ("EfficientNetV2S", "EfficientNetV2M", "EfficientNetV2L"):
        return HALVED
    return FAMILIES[_module(constructor)].normalization


def _table(name: str) -> str:
    if name.startswith("EfficientNetV2"):
        return "EFFICIENTNET_V2" if name[-1] in "ML" else "EFFICIENTNET_V2_SMALL"
    if name.startswith(("MobileNetV3", "NASNet", "InceptionResNet")):
        name = kebab(name)
        return name.replace("-", "_").upper()
    return _module(getattr(keras.applications, name)).upper()


def _summary(constructor: Any) -> str:
    summary = FAMILIES[_module(constructor)].summary
    return summary.format(variant=_variant(constructor.__name__))


def _variant(name: str) -> str:
    """What the name says beyond the family's: 50, B0, Tiny, Large."""
    depth = re.fullmatch(r"(?:ResNet|DenseNet)(\d+)(?:V2)?", name)
    if depth:
        return depth[1]
    return re.sub(r"^(ConvNeXt|EfficientNet(V2)?|MobileNet(V\d)?|NASNet)", "", name)


def _module(constructor: Any) -> str:
    return str(constructor.__module__.rpartition(".")[2])


def _order(name: str) -> tuple[Any, ...]:
    words = ("Tiny", "Small", "Base", "Mobile", "Large", "XLarge")
    variant = _variant(name)
    if variant in words:
        return (0, words.index(variant), "")
    numbers = re.findall(r"\d+", variant)
    letters = "SML".find(variant) if variant in ("S", "M", "L") else -1
    return (letters + 1, int(numbers[-1]) if numbers else 0, name)


if __name__ == "__main__":
    main()
