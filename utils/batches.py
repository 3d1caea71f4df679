"""Batches of about as many tokens each, of sequences of about the same length.

A batch costs what its longest sequence makes it cost, times its sequences. Batches that hold a
number of *tokens* instead of a number of sequences waste little on padding, keep the processor
busy with short sentences and do not burst the memory with long ones.
"""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torch.utils.data import Sampler

from utils.language import sentence


class TokenBatches(Sampler[list[int]]):
    """Batches of similar length with at most so many tokens, in a new random order each epoch.

    The data are sorted by their lengths, equal ones in random order, and cut into batches that
    fit; the batches are shuffled. Every index comes once an epoch and every epoch has as many
    batches. Pass it to a ``DataLoader`` as ``batch_sampler=``.

    Parameters
    ----------
    lengths : sequence of tuples of int
        For each item the lengths of its sequences, say (target, source): sorted by the first,
        then by the second, and so on.
    tokens : int
        The most tokens, padding included, that the longest sequences of a batch may have.
    generator : torch.Generator, optional
        Where the shuffling comes from; a new one with PyTorch's global seed by default.

    Raises
    ------
    ValueError
        If there are no lengths, or an item alone has more tokens than a batch may.

    Examples
    --------
    >>> batches = TokenBatches([(9,), (2,), (8,), (2,)], tokens=18)
    >>> sorted(sorted(batch) for batch in batches)
    [[0, 2], [1, 3]]
    """

    def __init__(
        self,
        lengths: Sequence[tuple[int, ...]],
        tokens: int,
        *,
        generator: torch.Generator | None = None,
    ) -> None:
        if len(lengths) == 0:
            raise ValueError(sentence("loader.no_lengths"))
        self.lengths = [tuple(item) for item in lengths]
        longest = max(max(item) for item in self.lengths)
        if longest > tokens:
            raise ValueError(sentence("loader.long_item", longest=longest, tokens=tokens))
        self.generator = generator or torch.Generator().manual_seed(torch.initial_seed())
        self.drop_last = False  # the attribute of BatchSampler that sharding code reads
        ranks = {item: rank for rank, item in enumerate(sorted(set(self.lengths)))}
        self._ranks = torch.tensor([ranks[item] for item in self.lengths])
        self._sizes = self._cut(tokens)

    def _cut(self, tokens: int) -> list[int]:
        """Return how many items each batch takes of the sorted data."""
        sizes, size, widest = [], 0, 0
        for item in sorted(self.lengths):
            widest = max(widest, *item)
            if (size + 1) * widest > tokens:
                sizes.append(size)
                size, widest = 0, max(item)
            size += 1
        return [*sizes, size]

    def __len__(self) -> int:
        return len(self._sizes)

    def __iter__(self) -> Iterator[list[int]]:
        shuffled = torch.randperm(len(self.lengths), generator=self.generator)
        ordered: Tensor = shuffled[self._ranks[shuffled].argsort(stable=True)]
        batches = ordered.split(self._sizes)
        for i in torch.randperm(len(batches), generator=self.generator).tolist():
            yield batches[i].tolist()
