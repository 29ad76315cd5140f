"""Backbones and heads made wrong, one thing at a time, and what the kit says of each."""

from __future__ import annotations

import hashlib
import re

import pytest

from . import good

NET = "backbone/good/net::"
TOP = "head/good/top::"
RELU = 'layers.ReLU(name=f"stage{stage}_relu")(x)'
NORM = 'layers.BatchNormalization(name=f"stage{stage}_bn")(x)'
CONV = 'layers.Conv2D(filters, 3, 2, padding="same", name=f"stage{stage}_conv")(x)'
POOL = 'layers.GlobalAveragePooling2D(name="head_pool")(last)'
LOGITS = 'layers.Dense(num_classes, dtype="float32", name="logits")(x)'
DROP = 'layers.Dropout(dropout, name="head_dropout")(x)'
CALL = """\
    def call(self, x):
        return x * 0.5
"""
COUNTED = """\
    def build(self, shape):
        self.calls = self.add_weight(name="calls", trainable=False, initializer="zeros")

    def call(self, x):
        self.calls.assign_add(1.0)
        return x * 0.5
"""

# Check, file, what stands there, what stands there instead, what the kit says.
WRONG = [
    pytest.param(
        NET + "is_built_as_users_get_it",
        "net.py",
        "    taps = {}",
        '    if width == 1.0:\n        raise ValueError("not that wide")\n    taps = {}',
        r"cannot be built: not that wide",
        id="the default is refused",
    ),
    pytest.param(
        NET + "is_flat",
        "net.py",
        RELU,
        'layers.Lambda(lambda x: x, output_shape=lambda s: s, name=f"stage{stage}_relu")(x)',
        "stage1_relu is a Lambda layer",
        id="Lambda",
    ),
    pytest.param(
        NET + "is_flat",
        "net.py",
        RELU,
        'keras.Sequential([layers.ReLU()], name=f"stage{stage}_relu")(x)',
        r"nests the model 'stage1_relu'",
        id="nested model",
    ),
    pytest.param(
        NET + "names_are_stable",
        "net.py",
        RELU,
        "layers.ReLU()(x)",
        r"re_lu\w* became re_lu\w*: give every layer a name",
        id="unnamed",
    ),
    pytest.param(
        NET + "names_are_stable",
        "net.py",
        "    return taps",
        '    SHARED["count"] = SHARED.get("count", 0) + 1\n'
        '    for index in range(SHARED["count"]):\n'
        '        taps["stage2"] = layers.ReLU(name=f"more{index}")(taps["stage2"])\n'
        "    return taps",
        r"\d+ layers became \d+",
        id="grows",
    ),
    pytest.param(
        NET + "models_share_nothing",
        "net.py",
        "        x = " + NORM,
        "        x = SHARED.setdefault(stage, "
        'layers.BatchNormalization(name=f"stage{stage}_bn"))(x)',
        "two models share stage1_bn/gamma: make layers inside the function",
        id="shared layers",
    ),
    pytest.param(
        NET + "the_seed_decides",
        "net.py",
        'name=f"stage{stage}_conv")',
        'name=f"stage{stage}_conv", kernel_initializer=DRAWN)',
        "stage1_conv/kernel differs between two models of one seed",
        id="seedless",
    ),
    pytest.param(
        NET + "the_seed_decides",
        "net.py",
        'name=f"stage{stage}_conv")',
        'name=f"stage{stage}_conv", kernel_initializer=keras.initializers.HeNormal(seed=1))',
        "every seed gives the same weights",
        id="seeded once for all",
    ),
    pytest.param(
        NET + "output_is_a_distribution",
        "net.py",
        RELU,
        'layers.Rescaling(float("nan"), name=f"stage{stage}_relu")(x)',
        "probabilities are not finite",
        id="NaN",
    ),
    pytest.param(
        NET + "inference_is_repeatable",
        "net.py",
        RELU,
        'layers.Dropout(0.5, name=f"stage{stage}_relu")(x, training=True)',
        "two runs differ: is dropout or noise always on?",
        id="dropout always on",
    ),
    pytest.param(
        NET + "inference_is_repeatable",
        "net.py",
        CALL,
        COUNTED,
        "stage1_damp/calls changes without training",
        id="counts calls",
    ),
    pytest.param(
        NET + "pictures_do_not_mix",
        "net.py",
        NORM,
        NORM.replace("(x)", "(x, training=True)"),
        r"logits alone and in a batch differ by \d.* of the largest",
        id="batch statistics at inference",
    ),
    pytest.param(
        NET + "pictures_do_not_mix",
        "net.py",
        NORM,
        "layers.Activation(keras.ops.sin)(layers.Rescaling(1e7)("
        + NORM.replace("(x)", "(x, training=True)")
        + "))",
        r"logits beside other pictures differ by \d.* of the largest",
        id="batch statistics where rounding decides",
    ),
    pytest.param(
        NET + "mixed_precision_is_finite",
        "net.py",
        RELU,
        "layers.Rescaling(1e-6)(layers.Rescaling(1e6)(x))",
        "logits are not finite in float16",
        id="too large for float16",
    ),
    pytest.param(
        TOP + "mixed_precision_is_finite",
        "top.py",
        ', dtype="float32"',
        "",
        "logits are float16",
        id="half-precision logits",
    ),
    pytest.param(
        NET + "survives_saving",
        "net.py",
        '@keras.saving.register_keras_serializable("good")',
        "",
        "refers to good_zoo.net.Damp, which is neither Keras' nor of a plugin",
        id="unregistered layer",
    ),
    pytest.param(
        NET + "survives_saving",
        "net.py",
        "return x * 0.5",
        "return x * FACTORS.setdefault(id(self), 1.0 + len(FACTORS))",
        "saved and loaded differ by",
        id="state beside the variables",
    ),
    pytest.param(
        NET + "loads_elsewhere",
        "registry.toml",
        'keras-package = "good"',
        "",
        "needs the layer good>Damp, which no installed plugin brings; register Damp with",
        id="package not claimed",
    ),
    pytest.param(
        NET + "every_option_has_an_effect",
        "net.py",
        "round(channels * width)",
        "channels",
        "width=0.0625 builds the same model as width=0.125",
        id="option not read",
    ),
    pytest.param(
        TOP + "dropout_drops",
        "top.py",
        "x = " + DROP,
        DROP,
        "dropout=0.5 drops nothing on the way to the logits",
        id="dropout's output is lost",
    ),
    # -- backbones
    pytest.param(
        NET + "takes_its_smallest_size",
        "net.py",
        "    taps = {}",
        '    if inputs.shape[1] < 16:\n        raise ValueError("too small")\n    taps = {}',
        "cannot be built: too small",
        id="minimum too small",
    ),
    pytest.param(
        NET + "takes_odd_and_oblong_sizes",
        "net.py",
        "    taps = {}",
        '    if inputs.shape[1] % 2:\n        raise ValueError("even sides only")\n    taps = {}',
        "cannot be built: even sides only",
        id="even only",
    ),
    pytest.param(
        NET + "takes_odd_and_oblong_sizes",
        "net.py",
        RELU,
        'layers.Rescaling(float("inf") if x.shape[1] % 2 else 1.0, name=f"relu{stage}")(x)',
        "logits are not finite at 33x47",
        id="odd becomes infinite",
    ),
    pytest.param(
        NET + "taps_shrink_in_order",
        "net.py",
        RELU,
        'layers.UpSampling2D(1 if stage == 1 else 4, name=f"stage{stage}_relu")(x)',
        "tap stage2 is 32x32, larger than the one before it",
        id="grows again",
    ),
    pytest.param(
        NET + "the_size_does_not_change_the_weights",
        "net.py",
        "enumerate((16, 32), 1)",
        "enumerate((16, 32, 32)[: 2 + (inputs.shape[1] > 32)], 1)",
        r"stage3_bn \[\(4,\).* is there at one picture size and not at another",
        id="deeper for large pictures",
    ),
    # -- heads
    pytest.param(
        TOP + "takes_any_number_of_classes",
        "top.py",
        "Dense(num_classes,",
        "Dense(max(num_classes, 2),",
        r"gave shape \(None, 2\), a head gives logits \[N, 1\]",
        id="two outputs for one class",
    ),
    pytest.param(
        TOP + "sits_on_any_taps",
        "top.py",
        "*_, last = features.values()",
        'last = features["stage2"]',
        r"on {'block1': .*}: KeyError: 'stage2'",
        id="asks for a tap by name",
    ),
    pytest.param(
        TOP + "sits_on_any_taps",
        "top.py",
        LOGITS,
        'layers.Dense(2, dtype="float32", name="logits")(x)',
        r"on {'block1': .*} logits have shape \(None, 2\)",
        id="two classes always",
    ),
    # -- training
    pytest.param(
        NET + "every_variable_learns",
        "net.py",
        RELU,
        RELU.replace("(x)", "(keras.ops.stop_gradient(x))"),
        "no gradient reaches stage1_bn/beta|no gradient reaches stage1_conv/kernel",
        id="dead branch",
    ),
    pytest.param(
        NET + "every_variable_learns",
        "net.py",
        RELU,
        'layers.Add(name=f"stage{stage}_relu")([x, keras.ops.sqrt(x * 0.0)])',
        "is not finite after step 1",
        id="infinite slope",
    ),
    pytest.param(
        NET + "statistics_move",
        "net.py",
        NORM,
        NORM.replace("(name", "(trainable=False, name"),
        "training leaves the statistics of stage1_bn, stage2_bn as they began",
        id="frozen from the start",
    ),
    pytest.param(
        NET + "what_is_frozen_stays",
        "net.py",
        CALL,
        COUNTED,
        "frozen, yet moved: stage1_damp/calls, stage2_damp/calls",
        id="moves though frozen",
    ),
    pytest.param(
        TOP + "what_is_frozen_stays",
        "top.py",
        "    *_, last = features.values()",
        "    *_, last = features.values()\n"
        '    x = layers.GlobalAveragePooling2D(name="head_pool")(last)\n'
        '    return layers.Dense(num_classes, trainable=False, name="logits")(x)\n',
        "the head does not learn",
        id="head without anything to learn",
    ),
    # -- export
    pytest.param(
        NET + "converts_to_onnx",
        "net.py",
        RELU,
        RELU.replace("(x)", "(keras.ops.erfinv(keras.ops.tanh(x)))"),
        "ONNX",
        id="no such operation",
    ),
]

TOPS = """
SHARED = {}
FACTORS = {}


def DRAWN(shape, dtype=None):
    import numpy as np

    return np.random.default_rng().normal(size=shape)
"""


@pytest.mark.parametrize(("name", "file", "old", "new", "says"), WRONG)
def test_what_is_wrong_is_said(spoil, name, file, old, new, says) -> None:
    files = {"net.py": good.BACKBONE + TOPS}
    result = spoil(name, file, old, new, **files)
    assert result.outcome == "failed", result.message
    assert re.search(says, result.message, re.DOTALL), result.message


def test_a_branch_that_begins_at_zero_learns_in_its_second_step(spoil) -> None:
    """A last scale of zero, as residual networks begin with, hides the gradient for one step."""
    result = spoil(
        NET + "every_variable_learns",
        "net.py",
        NORM,
        'layers.BatchNormalization(name=f"stage{stage}_bn", gamma_initializer="zeros")(x) + '
        'layers.Conv2D(filters, 1, name=f"stage{stage}_skip")(x)',
    )
    assert result.outcome == "passed", result.message


SWINGS = """\
    def build(self, shape):
        half = keras.initializers.Constant(0.0005)
        self.swing = self.add_weight(name="swing", initializer=half)

    def call(self, x):
        self.add_loss(keras.ops.abs(self.swing))
        return x * 0.5
"""


def test_what_the_second_step_takes_back_has_learnt(spoil) -> None:
    """A number that swings around its best value is where it was after two steps."""
    result = spoil(NET + "every_variable_learns", "net.py", CALL, SWINGS)
    assert result.outcome == "passed", result.message


def test_a_deep_sum_may_pass_float16_before_the_statistics_are_gathered(spoil) -> None:
    """Batch normalisation holds it in training; at inference it has seen nothing yet."""
    result = spoil(
        NET + "mixed_precision_is_finite",
        "net.py",
        NORM,
        NORM.replace("(x)", "(layers.Rescaling(1000.0)(x))"),
    )
    assert result.outcome == "passed", result.message


def tag(source: str, content: bytes = b"", options: str = "") -> str:
    """A row of weights."""
    text = good.WEIGHTS.format(
        tag="shapes",
        source=source,
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content) or 1,
    )
    return good.MANIFEST + re.sub(r"options = .*", f"options = {{ {options} }}", text)


def test_a_tag_whose_options_cannot_be_built(spoil) -> None:
    manifest = tag("package://shapes.weights.h5", options="width = 0.001")
    result = spoil(NET + "tags_can_be_built", **{"registry.toml": manifest})
    assert result.outcome == "failed"
    assert "backbone good/net (zoo-good 0.3) cannot be built" in result.message


def test_weights_that_are_not_in_the_package(spoil) -> None:
    manifest = tag("package://shapes.weights.h5")
    result = spoil(NET + "shipped_weights_fit", **{"registry.toml": manifest})
    assert result.outcome == "failed"
    assert "shapes.weights.h5" in result.message


def test_weights_that_nobody_can_fetch(spoil) -> None:
    manifest = tag("moon://shapes.weights.h5")
    result = spoil(NET + "published_weights_fit", **{"registry.toml": manifest})
    assert result.outcome == "failed"
    assert "moon://shapes.weights.h5" in result.message
