"""Batches by tokens: everything once, nothing too large, little padding, the same after a seed."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from utils.batches import TokenBatches

LENGTHS = st.lists(st.tuples(st.integers(1, 20), st.integers(1, 20)), min_size=1, max_size=60)


@given(LENGTHS, st.integers(20, 90))
def test_every_item_comes_once_and_every_batch_fits(
    lengths: list[tuple[int, int]], tokens: int
) -> None:
    batches = TokenBatches(lengths, tokens)
    for _ in range(2):
        drawn = list(batches)
        assert sorted(i for batch in drawn for i in batch) == list(range(len(lengths)))
        assert all(len(batch) * max(max(lengths[i]) for i in batch) <= tokens for batch in drawn)
        assert len(drawn) == len(batches)


def test_little_is_spent_on_padding() -> None:
    generator = torch.Generator().manual_seed(0)
    lengths = [(int(n),) for n in torch.randint(3, 40, (2000,), generator=generator)]
    batches = TokenBatches(lengths, 1000)
    padded = sum(len(batch) * max(lengths[i][0] for i in batch) for batch in batches)
    assert padded < 1.05 * sum(length for (length,) in lengths)


def test_epochs_differ_and_a_seed_decides_them() -> None:
    lengths = [(n % 7 + 1,) for n in range(50)]

    def two_epochs() -> list[list[list[int]]]:
        batches = TokenBatches(lengths, 21, generator=torch.Generator().manual_seed(5))
        return [list(batches), list(batches)]

    first, second = two_epochs()
    assert first != second
    assert two_epochs() == [first, second]


def test_nothing_to_batch_is_refused() -> None:
    with pytest.raises(ValueError, match="the data set is empty"):
        TokenBatches([], 10)


def test_item_larger_than_a_batch_is_refused() -> None:
    with pytest.raises(ValueError, match="an item has 12 tokens and a batch may have 10"):
        TokenBatches([(3, 2), (4, 12)], 10)
