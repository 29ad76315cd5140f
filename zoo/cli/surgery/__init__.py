"""`zoo surgery`: change a trained network, and prove that its answers stay."""

from __future__ import annotations

from zoo.cli.group import Group

command = Group(
    "surgery",
    {
        "insert-bn": "Insert batch normalisation that changes nothing yet.",
        "fold-bn": "Fold batch normalisation into its neighbours.",
        "dropout": "Set or remove dropout; the weights stay.",
        "head": "Replace the head, or change the classes; those that stay keep their weights.",
        "copy": "Copy a head or stages from another run.",
        "convolve": "Turn Dense layers on a map into convolutions, for another input size.",
        "channels": "Change the number of input channels.",
        "convert": "Become another architecture that computes the same, such as vgg16bn.",
    },
    "zoo.cli.surgery",
    help="Change a trained network, and prove that its answers stay.",
)
