"""Interpreters made wrong, one thing at a time, and what the kit says of each."""

from __future__ import annotations

import re

import pytest

from . import good

CAM = "interpreter/good/cam::"
MAPS = 'np.maximum(np.einsum("nhwc,nc->nhw", activations, weights), 0)'
GRADIENT = "gradient(model, images, class_index, tap=tap)"

WRONG = [
    pytest.param("gives_maps", MAPS, "activations", r"maps have shape \(4, 8, 8, 16\)", id="4-D"),
    pytest.param("gives_maps", MAPS, f"{MAPS}[:1]", "4 pictures give 1 maps", id="one map for all"),
    pytest.param(
        "gives_maps", MAPS, f"{MAPS}.astype(np.float64)", "maps are float64", id="float64"
    ),
    pytest.param("gives_maps", MAPS, f"{MAPS} * np.nan", "maps are not finite", id="NaN"),
    pytest.param(
        "gives_maps",
        MAPS,
        f"{MAPS}.reshape(-1, 8, 8)",
        "4 pictures give 6 maps",
        id="square only",
    ),
    pytest.param(
        "takes_one_class",
        GRADIENT,
        "gradient(model, images, class_index % model.output.shape[-1] + 7, tap=tap)",
        "class_index takes 0 to 1, received 7 to 7",
        id="counts classes itself",
    ),
    pytest.param(
        "takes_half_precision",
        MAPS,
        f"{MAPS}.astype(model.layers[3].compute_dtype)",
        "maps are float16",
        id="half precision",
    ),
    pytest.param(
        "leaves_the_model_alone",
        GRADIENT,
        "(model.get_layer('logits').bias.assign([1.0, 2.0, 3.0]), " + GRADIENT + ")[1]",
        "logits/bias changes",
        id="changes weights",
    ),
    pytest.param(
        "leaves_the_model_alone",
        GRADIENT,
        "(setattr(model.get_layer('logits'), 'trainable', False), " + GRADIENT + ")[1]",
        "layers were frozen or thawed",
        id="freezes",
    ),
    pytest.param(
        "leaves_the_model_alone",
        GRADIENT,
        "(guide(model), " + GRADIENT + ")[1]",
        "the model cannot be saved and loaded any more: ",
        id="leaves its own activation behind",
    ),
    pytest.param(
        "pictures_do_not_mix",
        "weights = gradients.mean(axis=(1, 2))",
        "weights = gradients.mean(axis=(1, 2)).mean(axis=0) * np.ones((len(images), 1))",
        r"picture 0 alone and in a batch differ by \d.* of the top",
        id="mean over the batch",
    ),
    pytest.param(
        "finds_planted_evidence",
        MAPS,
        f"np.ones_like({MAPS})",
        "the map is the same everywhere",
        id="constant",
    ),
    pytest.param(
        "finds_planted_evidence",
        MAPS,
        f"{MAPS}[:, ::-1]",
        r"the hottest place is \(\d, \d\) of \(8, 8\), outside the patch",
        id="upside down",
    ),
    pytest.param(
        "finds_planted_evidence",
        MAPS,
        f"{MAPS}.transpose(0, 2, 1)",
        r"the hottest place is \(\d, \d\) of \(8, 8\), outside the patch",
        id="transposed",
    ),
    pytest.param(
        "follows_the_class",
        GRADIENT,
        "gradient(model, images, np.ones_like(class_index), tap=tap)",
        r"the hottest place is \(\d, \d\) of \(8, 8\), outside the patch",
        id="one class for all",
    ),
    pytest.param(
        "depends_on_the_weights",
        MAPS,
        "np.abs(images[..., 0] - 120.0).astype(np.float32)",
        "the map stays as it is: 1.00 alike",
        id="looks at the picture alone",
    ),
    pytest.param(
        "depends_on_the_weights",
        MAPS,
        f"np.ones_like({MAPS})",
        "the map stays as it is: 1.00 alike",
        id="looks at nothing",
    ),
]

GUIDE = """

def guide(model):
    import keras

    def guided(x):
        return keras.ops.relu(x)

    for layer in model.layers:
        if layer.name.endswith("_relu"):
            layer.activation = guided
"""


@pytest.mark.parametrize(("name", "old", "new", "says"), WRONG)
def test_what_is_wrong_is_said(spoil, name, old, new, says) -> None:
    result = spoil(CAM + name, "cam.py", old, new, **{"cam.py": good.INTERPRETER + GUIDE})
    assert result.outcome == "failed", result.message
    assert re.search(says, result.message), result.message
