"""Where the stages of each family of keras.applications end.

Tap name to a regular expression of layer names; of several layers that match, the last is meant.
"""

from __future__ import annotations

Table = dict[str, str]

RESNET: Table = {
    "conv1": "conv1_relu",
    **{f"conv{n}": rf"conv{n}_block\d+_out" for n in range(2, 6)},
}

# A stage of version 2 halves its map in its last block, not in its first.
RESNET_V2: Table = {
    "conv1": "conv1_conv",
    **{f"conv{n}": rf"conv{n}_block\d+_out" for n in range(2, 6)},
    "post_relu": "post_relu",
}

DENSENET: Table = {
    "conv1": "conv1_relu",
    **{f"conv{n}": rf"conv{n}_block\d+_concat" for n in range(2, 6)},
    "relu": "relu",
}

MOBILENET: Table = {f"conv_pw_{n}": f"conv_pw_{n}_relu" for n in (1, 3, 5, 11, 13)}

MOBILENET_V2: Table = {
    "expanded_conv": "expanded_conv_project_BN",
    **{f"block_{n}": rf"block_{n}_(project_BN|add)" for n in (2, 5, 9, 12, 16)},
    "out_relu": "out_relu",
}

MOBILENET_V3_SMALL: Table = {
    "expanded_conv": "expanded_conv_(project_bn|add)",
    **{f"expanded_conv_{n}": rf"expanded_conv_{n}_(project_bn|add)" for n in (2, 7, 10)},
    "top": ".*",
}

MOBILENET_V3_LARGE: Table = {
    "expanded_conv": "expanded_conv_(project_bn|add)",
    **{f"expanded_conv_{n}": rf"expanded_conv_{n}_(project_bn|add)" for n in (2, 5, 11, 14)},
    "top": ".*",
}

_BLOCK = "block{}.*_(project_bn|project_activation|add)"

EFFICIENTNET: Table = {
    "stem": "stem_activation",
    **{f"block{n}": _BLOCK.format(n) for n in range(1, 8)},
    "top": "top_activation",
}

# B0 to B3 and S have six blocks, M and L seven.
EFFICIENTNET_V2_SMALL: Table = {
    tap: pattern for tap, pattern in EFFICIENTNET.items() if tap != "block7"
}
EFFICIENTNET_V2: Table = EFFICIENTNET

XCEPTION: Table = {
    "block1": "block1_conv2_act",
    **{f"block{n}": f"backbone_add_{n - 1}" for n in range(2, 14)},
    "block14": "block14_sepconv2_act",
}

INCEPTION_V3: Table = {
    "pool1": "backbone_max_pooling2d_1",
    "pool2": "backbone_max_pooling2d_2",
    **{f"mixed{n}": f"mixed{n}" for n in range(11)},
}

INCEPTION_RESNET_V2: Table = {
    "pool1": "backbone_max_pooling2d_1",
    "pool2": "backbone_max_pooling2d_2",
    "mixed_5b": "mixed_5b",
    "block35": r"block35_\d+_ac",
    "mixed_6a": "mixed_6a",
    "block17": r"block17_\d+_ac",
    "mixed_7a": "mixed_7a",
    "block8": "backbone_add_40",
    "conv_7b": "conv_7b_ac",
}


def _nasnet(cells: int) -> Table:
    """Three groups of so many normal cells; a reduction cell stands before the last two."""
    return {
        "stem1": "reduction_concat_stem_1",
        "stem2": "reduction_concat_stem_2",
        "cells1": f"normal_concat_{cells - 1}",
        "cells2": f"normal_concat_{2 * cells}",
        "cells3": f"normal_concat_{3 * cells}",
        "top": ".*",
    }


NASNET_MOBILE: Table = _nasnet(4)
NASNET_LARGE: Table = _nasnet(6)

CONVNEXT: Table = {
    **{f"stage{n + 1}": rf".*_stage_{n}_block_\d+_add" for n in range(4)},
    "top": ".*",
}
