from __future__ import annotations

import pytest

from zoo.errors import SurgeryError
from zoo.surgery import STEPS, parse


@pytest.mark.parametrize(
    "document",
    [
        {"do": "insert-bn", "after": ["dense"], "floor": 0.1},
        {"do": "dropout", "rate": 0.6},
        {"do": "convolve", "input_size": [64, 96]},
    ],
)
def test_a_step_is_written_as_it_was_read(document):
    assert parse(document).document() == document


def test_every_operation_is_known_by_its_name():
    assert list(STEPS) == [
        "insert-bn", "fold-bn", "dropout", "head", "copy", "convolve", "channels", "convert",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (
            {"do": "insert-nb"},
            "no operation called 'insert-nb'\n  hint: did you mean insert-bn?",
        ),
        (
            {"do": "dropout", "rate": 1.5},
            "dropout: rate: input should be less than 1, received 1.5\n"
            "  hint: options: rate, layers, legacy_non_inverted",
        ),
        (
            {"do": "dropout"},
            "dropout: rate: field required\n  hint: options: rate, layers, legacy_non_inverted",
        ),
        (
            {"do": "fold-bn", "layer": "x"},
            "fold-bn: layer: extra inputs are not permitted, received 'x'\n  hint: options: layers",
        ),
    ],
)
def test_what_is_wrong_with_a_step_is_said(document, said):
    with pytest.raises(SurgeryError) as caught:
        parse(document)
    assert str(caught.value) == said
