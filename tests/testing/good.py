"""A plugin that does everything right; its tests make one thing wrong at a time."""

from __future__ import annotations

BACKBONE = '''
import keras
from keras import layers

from zoo.api import Features, Tensor


@keras.saving.register_keras_serializable("good")
class Damp(layers.Layer):
    """Halves what passes: a layer class of the plugin's own."""

    def call(self, x):
        return x * 0.5


def net(inputs: Tensor, *, width: float = 1.0) -> Features:
    """Two strided convolutions with batch normalisation.

    Args:
        inputs: Normalised pictures, [N,h,w,3].
        width: Factor on the number of channels.

    Returns:
        Taps `stage1` and `stage2`, at strides 2 and 4.
    """
    taps = {}
    x = inputs
    for stage, channels in enumerate((16, 32), 1):
        filters = round(channels * width)
        x = layers.Conv2D(filters, 3, 2, padding="same", name=f"stage{stage}_conv")(x)
        x = layers.BatchNormalization(name=f"stage{stage}_bn")(x)
        x = Damp(name=f"stage{stage}_damp")(x)
        x = layers.ReLU(name=f"stage{stage}_relu")(x)
        taps[f"stage{stage}"] = x
    return taps
'''

HEAD = '''
from keras import layers

from zoo.api import Features, Tensor


def top(
    features: Features, num_classes: int, *, units: int = 64, dropout: float = 0.1
) -> Tensor:
    """Average pooling, one hidden layer with batch normalisation, and the classifier.

    Args:
        features: Taps of the backbone; the last one is read.
        num_classes: Number of logits.
        units: Width of the hidden layer.
        dropout: Share of the hidden layer that is dropped in training.

    Returns:
        Logits, [N,num_classes], float32.
    """
    *_, last = features.values()
    x = layers.GlobalAveragePooling2D(name="head_pool")(last)
    x = layers.Dense(units, activation="relu", name="head_dense")(x)
    x = layers.BatchNormalization(name="head_bn")(x)
    x = layers.Dropout(dropout, name="head_dropout")(x)
    return layers.Dense(num_classes, dtype="float32", name="logits")(x)
'''

POLICY = '''
from zoo.api import Fill, Flip, Policy, Rotate


def moves(*, rotation: float = 10.0, flip: bool = True) -> Policy:
    """Turn a little, and mirror half of the pictures.

    Args:
        rotation: Largest angle in degrees, either way.
        flip: Mirror half of the pictures.
    """
    return [Rotate(rotation), Flip("horizontal", 0.5 if flip else 0.0), Fill("reflect")]
'''

INTERPRETER = '''
import numpy as np

from zoo.api import HeatMaps, gradient


def cam(model, images, class_index, *, tap: str = "last") -> HeatMaps:
    """Activations of a tap, each weighted by its mean gradient.

    Args:
        model: The classifier.
        images: Pictures, [N,H,W,3].
        class_index: The class explained in each, [N].
        tap: Which map is weighted.

    Returns:
        Heat maps, float32 [N,h,w].
    """
    activations, gradients = gradient(model, images, class_index, tap=tap)
    weights = gradients.mean(axis=(1, 2))
    return np.maximum(np.einsum("nhwc,nc->nhw", activations, weights), 0)
'''

HOOKS = '''
from pathlib import Path

from zoo.api import hookimpl


@hookimpl
def zoo_doctor_checks():
    """Nothing can go wrong."""
    return [("two and two are four", True, "see a mathematician")]


@hookimpl
def zoo_resolve_weights(source):
    """Files that lie beside this one."""
    scheme, _, name = source.partition("://")
    return Path(__file__).with_name(name) if scheme == "beside" else None


@hookimpl
def zoo_parts(kind):
    """The head again, under another name."""
    return {"top-2": {"target": "good_zoo.two:top_2", "license": "MIT"}} if kind == "head" else {}


@hookimpl
def zoo_export_formats():
    """The logits themselves, as a format."""
    from zoo.api import ExportFormat

    return [ExportFormat("keras", "Keras' own file.", write, logits)]


def write(model, folder):
    model.save(folder / "network.keras")
    return [folder / "network.keras"]


def logits(folder, images):
    import keras

    network = keras.saving.load_model(folder / "network.keras")
    return network(images)["logits"]


@hookimpl
def zoo_commands():
    """One command."""
    import click

    return [click.Command("greet", help="Say hello.")]


@hookimpl
def zoo_model_exported(folder, document):
    """The number of classes in a file."""
    (folder / "count.txt").write_text(str(len(document["classes"])))
    return [folder / "count.txt"]
'''

MANIFEST = """
schema = 1
namespace = "good"
hooks = "good_zoo.hooks"
computes = ["head"]
keras-package = "good"

[commands]
greet = "Say hello."

[backbone.net]
target = "good_zoo.net:net"
license = "MIT"
input = [40, 48]
minimum = [8, 8]

[head.top]
target = "good_zoo.top:top"
license = "MIT"

[policy.moves]
target = "good_zoo.moves:moves"
license = "MIT"

[interpreter.cam]
target = "good_zoo.cam:cam"
license = "MIT"
"""

SIZES = f"""{MANIFEST}
[backbone.net-wide]
target = "good_zoo.net:net"
license = "MIT"
size-of = "net"
"""
"""The manifest with a second size of its backbone."""

WEIGHTS = """
[backbone.net.weights.{tag}]
source = "{source}"
sha256 = "{sha256}"
size = {size}
license = "MIT"
normalization = {{ mean = [127.5, 127.5, 127.5], std = [127.5, 127.5, 127.5] }}
options = {{ width = 0.5 }}
"""

FILES = {
    "registry.toml": MANIFEST,
    "net.py": BACKBONE,
    "top.py": HEAD,
    "two.py": HEAD.replace("def top", "def top_2"),
    "moves.py": POLICY,
    "cam.py": INTERPRETER,
    "hooks.py": HOOKS,
}

PYPROJECT = """
[build-system]
requires = ["hatchling>=1.27"]
build-backend = "hatchling.build"

[project]
name = "zoo-good"
version = "0.3"

[project.entry-points.zoo]
good = "good_zoo"

[tool.hatch.build.targets.wheel]
packages = ["good_zoo"]
"""

README = """
# zoo-good

    zoo build good/net:width=0.5+good/top --classes 3

`good/moves` turns pictures, `good/cam` explains them; `zoo build good/net+linear` works as well.
"""
