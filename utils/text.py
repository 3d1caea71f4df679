"""From text to padded batches: tokenisers, vocabulary, batches of similar length.

A tokeniser is any function from a text to its tokens, so spaCy's, a subword model's or your
own fits wherever :func:`words` does. The vocabulary counts with torchtext 0.6.0, the stemmer is
NLTK's; both stay behind this module.
"""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

import torch
from torch import Tensor
from torch.utils.data import Sampler

from utils.language import sentence

UNK, PAD, SOS, EOS = "<unk>", "<pad>", "<sos>", "<eos>"
WORD = re.compile(r"\w+(?:['’]\w+)*|[^\w\s]")  # words with inner apostrophes, punctuation


def words(text: str) -> list[str]:
    """Split a text into lower-case words and punctuation marks.

    Examples
    --------
    >>> words("Don't panic, Anna!")
    ["don't", 'panic', ',', 'anna', '!']
    """
    return WORD.findall(text.lower())


def characters(text: str) -> list[str]:
    """Split a text into its characters, spaces included.

    Examples
    --------
    >>> characters("a b")
    ['a', ' ', 'b']
    """
    return list(text)


def stems(
    tokens: Iterable[str], stop_words: Collection[str] = (), language: str = "english"
) -> list[str]:
    """Drop empty tokens and stop words, and reduce the rest to their stem (Snowball, NLTK).

    Parameters
    ----------
    tokens : iterable of str
        Lower-case tokens.
    stop_words : collection of str, optional
        Tokens to leave out, before stemming. Pass a set: it is searched once a token.
    language : str, optional
        One of NLTK's Snowball languages.

    Raises
    ------
    ValueError
        If NLTK has no Snowball stemmer for the language.

    Examples
    --------
    >>> stems(["the", "running", "", "fathers"], stop_words={"the"})
    ['run', 'father']
    """
    stem = _stemmer(language)
    return [stem(token) for token in tokens if token and token not in stop_words]


@lru_cache
def _stemmer(language: str) -> Callable[[str], str]:
    from nltk.stem.snowball import SnowballStemmer

    if language not in SnowballStemmer.languages:
        known = ", ".join(SnowballStemmer.languages)
        raise ValueError(sentence("tokens.no_stemmer", language=language, known=known))
    return lru_cache(maxsize=None)(SnowballStemmer(language).stem)  # a corpus repeats its words


class Vocabulary:
    """The tokens of a corpus, each with its id.

    Special tokens come first, then the others from the most to the least frequent (ties in
    alphabetical order), as torchtext sorts them. With ``<unk>`` among the special tokens an
    unseen token gets its id; without it an unseen token is an error.

    Parameters
    ----------
    tokens : sequence of str
        All tokens in the order of their ids. :meth:`build` makes it from a corpus.
    counts : mapping of str to int, optional
        How often each token was seen.

    Attributes
    ----------
    tokens : list of str
        ``tokens[id]`` is the token of an id.
    counts : Counter
        How often each token of the corpus was seen, rare tokens included.

    Examples
    --------
    >>> vocabulary = Vocabulary.build([["b", "a", "b"], ["c"]], specials=("<unk>",))
    >>> vocabulary.tokens
    ['<unk>', 'b', 'a', 'c']
    >>> vocabulary.encode(["a", "never seen"])
    [2, 0]
    >>> vocabulary.decode([1, 2])
    ['b', 'a']
    """

    def __init__(self, tokens: Sequence[str], counts: Mapping[str, int] | None = None) -> None:
        self.tokens = list(tokens)
        self.counts = Counter(counts or {})
        self._ids = {token: i for i, token in enumerate(self.tokens)}
        if len(self._ids) != len(self.tokens):
            twice = next(token for token, n in Counter(self.tokens).items() if n > 1)
            raise ValueError(sentence("tokens.twice", token=twice))
        self._unknown = self._ids.get(UNK)

    @classmethod
    def build(
        cls,
        sentences: Iterable[Sequence[str]],
        *,
        min_freq: int = 1,
        max_size: int | None = None,
        specials: Sequence[str] = (UNK, PAD, SOS, EOS),
    ) -> "Vocabulary":
        """Count the tokens of a corpus and number them.

        Parameters
        ----------
        sentences : iterable of sequences of str
            The tokenised corpus.
        min_freq : int, optional
            Tokens seen less often are left out.
        max_size : int, optional
            Keep this many tokens, the special ones not counted.
        specials : sequence of str, optional
            Tokens that get the first ids, in this order.

        Raises
        ------
        ImportError
            If torchtext is missing, with the command that installs it.
        ValueError
            If the corpus holds a text that was not tokenised, or no token is left.
        """
        try:
            from torchtext.vocab import Vocab
        except ImportError:
            raise ImportError(sentence("tokens.no_torchtext")) from None
        counts: Counter[str] = Counter()
        for tokens in sentences:
            if isinstance(tokens, str):
                raise ValueError(sentence("tokens.not_split", text=tokens[:30]))
            counts.update(tokens)
        vocabulary = cls(Vocab(counts, max_size, min_freq, list(specials)).itos, counts)
        if len(vocabulary) == len(specials):
            raise ValueError(sentence("tokens.no_token", count=len(counts), min_freq=min_freq))
        return vocabulary

    def __len__(self) -> int:
        return len(self.tokens)

    def __contains__(self, token: object) -> bool:
        return token in self._ids

    def __getitem__(self, token: str) -> int:
        index = self._ids.get(token, self._unknown)
        if index is None:
            raise KeyError(sentence("tokens.unknown", token=token, count=len(self), unknown=UNK))
        return index

    def encode(self, tokens: Iterable[str]) -> list[int]:
        """Return the id of each token; see the class for tokens that were never seen."""
        return [self[token] for token in tokens]

    def decode(self, ids: Iterable[int]) -> list[str]:
        """Return the token of each id.

        Raises
        ------
        IndexError
            If an id is negative or beyond the last token.
        """
        found = []
        for i in ids:
            if not 0 <= i < len(self):
                raise IndexError(sentence("tokens.no_id", found=int(i), last=len(self) - 1))
            found.append(self.tokens[i])
        return found


def pad(sequences: Sequence[Sequence[int] | Tensor], padding: int) -> tuple[Tensor, Tensor]:
    """Stack sequences of ids of different lengths, filled up on the right.

    Parameters
    ----------
    sequences : sequence of N sequences of int
        The ids.
    padding : int
        The id that fills up the shorter ones.

    Returns
    -------
    ids : Tensor of int64, shape (N, T)
        T is the longest length.
    mask : Tensor of bool, shape (N, T)
        True where there is a real token.

    Raises
    ------
    ValueError
        If there is no sequence, or one of them is empty.

    Examples
    --------
    >>> ids, mask = pad([[5, 6], [7]], padding=0)
    >>> ids.tolist(), mask.tolist()
    ([[5, 6], [7, 0]], [[True, True], [True, False]])
    """
    lengths = torch.tensor([len(sequence) for sequence in sequences])
    if len(lengths) == 0:
        raise ValueError(sentence("tokens.no_sequence"))
    if int(lengths.min()) == 0:
        raise ValueError(sentence("tokens.empty_sequence", index=lengths.tolist().index(0)))
    rows = [torch.as_tensor(sequence, dtype=torch.long) for sequence in sequences]
    ids = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=padding)
    return ids, torch.arange(ids.shape[1]) < lengths[:, None]  # (T,) < (N, 1) -> (N, T)


class BucketSampler(Sampler[list[int]]):
    """Batches of similar length, in a new random order each epoch.

    Padding costs time: a batch is as long as its longest sequence. The data are shuffled, cut
    into pools of many batches, sorted by length within each pool and cut into batches, and the
    batches are shuffled. Every index appears once an epoch; a batch that is not full comes last.

    Pass it to a ``DataLoader`` as ``batch_sampler=``.

    Parameters
    ----------
    lengths : sequence of int
        The length of each item of the data set.
    batch_size : int
        Items in a batch.
    pool : int, optional
        Batches that are sorted together: 1 is plain shuffling, many leave less padding but less
        chance in what meets in a batch.
    generator : torch.Generator, optional
        Where the shuffling comes from; PyTorch's global one by default, as in ``RandomSampler``.

    Raises
    ------
    ValueError
        If there are no lengths or the batch size is below 1.

    Examples
    --------
    >>> sampler = BucketSampler([9, 1, 8, 2], batch_size=2)
    >>> sorted(sorted(batch) for batch in sampler)
    [[0, 2], [1, 3]]
    """

    def __init__(
        self,
        lengths: Sequence[int],
        batch_size: int,
        *,
        pool: int = 50,
        generator: torch.Generator | None = None,
    ) -> None:
        if len(lengths) == 0:
            raise ValueError(sentence("loader.no_lengths"))
        if batch_size < 1 or pool < 1:
            raise ValueError(sentence("loader.too_small", size=batch_size, pool=pool))
        self.lengths = torch.as_tensor(lengths)
        self.batch_size = batch_size
        self.pool = pool
        self.generator = generator
        self.drop_last = False  # the attribute of BatchSampler that sharding code reads

    def __len__(self) -> int:
        return -(-len(self.lengths) // self.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        generator = self.generator
        if generator is None:
            # one draw from the global generator an epoch, as RandomSampler does
            generator = torch.Generator()
            generator.manual_seed(int(torch.empty((), dtype=torch.int64).random_().item()))
        shuffled = torch.randperm(len(self.lengths), generator=generator)
        pools = shuffled.split(self.batch_size * self.pool)
        ordered = torch.cat([pool[self.lengths[pool].argsort(stable=True)] for pool in pools])
        batches = [batch.tolist() for batch in ordered.split(self.batch_size)]
        full = len(self.lengths) // self.batch_size
        for i in torch.randperm(full, generator=generator).tolist():
            yield batches[i]
        yield from batches[full:]
