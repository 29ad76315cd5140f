from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.engine.sharded.part import Damaged, Part
from zoo.engine.sharded.place import LocalPlace, MemoryPlace

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@settings(max_examples=30)
@given(st.lists(VALUES, max_size=5))
def test_what_is_written_is_read(lines):
    place = MemoryPlace()
    part = Part("0" * 64, 3, 64)
    part.write(place, lines)
    assert part.read(place) == lines


def test_nothing_is_there_until_all_is(tmp_path):
    place = LocalPlace(tmp_path / "parts")

    def lines():
        yield 1
        raise ValueError

    with pytest.raises(ValueError):
        Part("0" * 64, 3, 64).write(place, lines())
    assert place.names() == []


@pytest.mark.parametrize(
    ("other", "wrong"),
    [
        (Part("1" * 64, 3, 64), "its job differs"),
        (Part("0" * 64, 3, 32), "its rows differs"),
    ],
)
def test_the_part_of_another_job_is_none(tmp_path, other, wrong):
    place = LocalPlace(tmp_path)
    Part("0" * 64, 3, 64).write(place, [1, 2])
    with pytest.raises(Damaged) as caught:
        other.read(place)
    assert str(caught.value) == f"00000003.part is damaged: {wrong}"


def test_a_part_that_was_altered_is_none(tmp_path):
    place, part = LocalPlace(tmp_path), Part("0" * 64, 3, 64)
    with pytest.raises(Damaged, match=r"^00000003\.part is not there$"):
        part.read(place)
    part.write(place, [1, 2])
    content = place.read(part.name)
    for bytes_ in (content[:-1], content[:-2] + b"3\n", content[:40], b""):
        place.write(part.name, bytes_)
        with pytest.raises(Damaged, match=r"is damaged: its (sha256|header) differs$"):
            part.read(place)
