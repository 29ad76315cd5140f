from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from zoo.engine.sharded.cut import AIM, MOST, cut

COUNTS = st.integers(1, 10**6)
BATCHES = st.integers(1, 300)


@given(COUNTS, BATCHES)
def test_shards_are_the_manifest_in_order(count, batch):
    made = cut(count, batch)
    places = [place for number in range(len(made)) for place in made.rows(number)]
    assert places == list(range(count))


@given(COUNTS, BATCHES)
def test_every_shard_but_the_last_is_whole_batches(count, batch):
    made = cut(count, batch)
    lengths = [len(made.rows(number)) for number in range(len(made))]
    assert {length % batch for length in lengths[:-1]} <= {0}
    assert len(set(lengths[:-1])) <= 1
    assert 0 < lengths[-1] <= made.length
    assert made.length <= max(MOST, batch)


@given(COUNTS, BATCHES)
def test_a_small_manifest_has_shards_for_everybody(count, batch):
    assert len(cut(count, batch)) <= max(
        AIM, -(-count // (MOST - batch)) if batch < MOST else count
    )


def test_the_length_of_shards():
    assert [len(cut(count, 32)) for count in (1, 32, 33, 2000, 10**5, 10**7)] == [
        1, 1, 2, 63, 64, 2442,
    ]  # fmt: skip
    assert cut(10**9, 32).length == 4096
