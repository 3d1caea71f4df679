"""The baseline of lab 4: a Transformer as tutorials write it, and how they train and decode it.

Whole words and a table for each language, a norm after each sublayer, attention matrices written
out, batches of 128 random sentences padded to their longest, fp32, one sentence at a time in
greedy decoding with everything computed again for each word.
"""

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from utils.text import EOS, SOS, Vocabulary, pad, words

BATCH = 128
Pairs = list[tuple[str, str]]


class Attention(nn.Module):
    """Multi-head attention with its matrices written out."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.size = heads, width // heads
        self.query, self.key, self.value, self.output = (nn.Linear(width, width) for _ in range(4))
        self.dropout = nn.Dropout(dropout)

    def forward(self, query: Tensor, memory: Tensor, mask: Tensor) -> Tensor:
        """Return what the queries see in the memory."""
        count = len(query)
        q, k, v = (
            layer(x).view(count, -1, self.heads, self.size).permute(0, 2, 1, 3)
            for layer, x in ((self.query, query), (self.key, memory), (self.value, memory))
        )
        energy = torch.matmul(q, k.permute(0, 1, 3, 2)) / math.sqrt(self.size)
        weights = torch.softmax(energy.masked_fill(~mask, -1e10), dim=-1)
        seen = torch.matmul(self.dropout(weights), v).permute(0, 2, 1, 3).contiguous()
        return self.output(seen.view(count, -1, self.heads * self.size))


class Layer(nn.Module):
    """A layer of the encoder, or of the decoder where there is a memory to look at."""

    def __init__(self, width: int, heads: int, units: int, dropout: float, crossed: bool) -> None:
        super().__init__()
        self.attention = Attention(width, heads, dropout)
        self.crossed = Attention(width, heads, dropout) if crossed else None
        self.feed = nn.Sequential(
            nn.Linear(width, units), nn.ReLU(), nn.Dropout(dropout), nn.Linear(units, width)
        )
        self.norms = nn.ModuleList([nn.LayerNorm(width) for _ in range(3 if crossed else 2)])
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, x: Tensor, mask: Tensor, memory: Tensor | None = None, seen: Tensor | None = None
    ) -> Tensor:
        """Return x after the layer."""
        x = self.norms[0](x + self.dropout(self.attention(x, x, mask)))
        if self.crossed is not None:
            x = self.norms[1](x + self.dropout(self.crossed(x, memory, seen)))
        return self.norms[-1](x + self.dropout(self.feed(x)))


class Textbook(nn.Module):
    """The whole model, with the sizes of the lab's: 256 wide, 3 + 3 layers, 512 units."""

    def __init__(self, source_size: int, target_size: int, padding: int, dropout: float) -> None:
        super().__init__()
        width, self.padding = 256, padding
        self.tokens = nn.ModuleList([nn.Embedding(n, width) for n in (source_size, target_size)])
        self.positions = nn.ModuleList([nn.Embedding(100, width) for _ in range(2)])
        self.encoder, self.decoder = (
            nn.ModuleList([Layer(width, 8, 512, dropout, crossed) for _ in range(3)])
            for crossed in (False, True)
        )
        self.output = nn.Linear(width, target_size)
        self.dropout = nn.Dropout(dropout)
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.xavier_uniform_(parameter)

    def embed(self, ids: Tensor, side: int) -> Tensor:
        """Return the vectors of ids of the source (side 0) or of the target (side 1)."""
        where = torch.arange(ids.shape[1], device=ids.device)
        return self.dropout(self.tokens[side](ids) * 16.0 + self.positions[side](where))

    def encode(self, source: Tensor) -> tuple[Tensor, Tensor]:
        """Return the memory of sources, and their mask."""
        mask = (source != self.padding)[:, None, None]
        x = self.embed(source, 0)
        for layer in self.encoder:
            x = layer(x, mask)
        return x, mask

    def decode(self, inputs: Tensor, memory: Tensor, seen: Tensor) -> Tensor:
        """Return the logits after each of the inputs."""
        length = inputs.shape[1]
        causal = torch.ones(length, length, dtype=torch.bool).tril()
        mask = (inputs != self.padding)[:, None, None] & causal
        x = self.embed(inputs, 1)
        for layer in self.decoder:
            x = layer(x, mask, memory, seen)
        return self.output(x)

    def forward(self, source: Tensor, inputs: Tensor) -> Tensor:
        """Return the logits of sources after each of the inputs."""
        return self.decode(inputs, *self.encode(source))


def word_data(pairs: Pairs) -> tuple[tuple[Vocabulary, Vocabulary], list[tuple[list[int], ...]]]:
    """Return the vocabularies, of words that come twice, and the ids of each pair."""
    sides = [[[SOS, *words(text), EOS] for text in side] for side in zip(*pairs, strict=True)]
    source, target = (Vocabulary.build(side, min_freq=2) for side in sides)
    ids = [(source.encode(a), target.encode(b)) for a, b in zip(sides[0], sides[1], strict=True)]
    return (source, target), ids


def batches(ids: list[tuple[list[int], ...]], padding: int) -> Iterator[list[Tensor]]:
    """Draw padded batches of random sentences."""
    for rows in torch.randperm(len(ids)).split(BATCH):
        chosen = [ids[int(i)] for i in rows]
        yield [pad(list(side), padding)[0] for side in zip(*chosen, strict=True)]


@torch.no_grad()
def greedy_one_by_one(
    model: nn.Module, source: list[int], limit: int, start: int, end: int
) -> list[int]:
    """Translate one sentence: ``model`` has ``encode`` and ``decode``; return ids, the end last."""
    memory, mask = model.encode(torch.tensor([source]))
    written = [start]
    for _ in range(limit):
        logits = model.decode(torch.tensor([written]), memory, mask)
        written.append(int(logits[0, -1].argmax()))
        if written[-1] == end:
            break
    return written[1:]
