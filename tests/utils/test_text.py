"""utils.text: tokenisers, vocabulary, padding, batches of similar length."""

import builtins
from collections import Counter

import pytest
import torch
from nltk.stem.snowball import SnowballStemmer
from torch.utils.data import DataLoader, RandomSampler
from torchtext.vocab import Vocab

from utils.text import (
    EOS,
    PAD,
    SOS,
    UNK,
    BucketSampler,
    Vocabulary,
    characters,
    pad,
    stems,
    words,
)

CORPUS = [words(s) for s in ("The cat sat.", "the dog sat; the end", "a cat, a dog")]


def test_words_keep_apostrophes_and_split_punctuation():
    assert words("¿Qué pasa, l'amour?") == ["¿", "qué", "pasa", ",", "l'amour", "?"]
    assert words("  ") == []


def test_characters_join_back():
    text = "añb c\n"
    assert "".join(characters(text)) == text


def test_stems_are_nltks_without_stop_words():
    tokens = ["generously", "", "the", "running", "dysfunctional"]
    stemmer = SnowballStemmer("english")
    assert stems(tokens, {"the"}) == [
        stemmer.stem(t) for t in ("generously", "running", "dysfunctional")
    ]
    assert stems(["corriendo"], language="spanish") == ["corr"]


def test_stems_of_an_unknown_language():
    with pytest.raises(ValueError, match=r"'klingon'; expected one of .*english"):
        stems(["a"], language="klingon")


@pytest.mark.parametrize("min_freq", [1, 2])
@pytest.mark.parametrize("max_size", [None, 3])
def test_vocabulary_is_torchtexts(min_freq, max_size):
    counts = Counter(token for sentence in CORPUS for token in sentence)
    theirs = Vocab(counts, max_size, min_freq, [UNK, PAD, SOS, EOS])
    ours = Vocabulary.build(CORPUS, min_freq=min_freq, max_size=max_size)
    assert ours.tokens == theirs.itos
    assert ours.encode(CORPUS[1] + ["never"]) == [theirs[t] for t in CORPUS[1] + ["never"]]
    assert ours.counts == counts


def test_decode_inverts_encode():
    vocabulary = Vocabulary.build(CORPUS)
    assert vocabulary.decode(vocabulary.encode(CORPUS[2])) == CORPUS[2]
    assert vocabulary.decode(torch.tensor(vocabulary.encode(CORPUS[0]))) == CORPUS[0]
    assert vocabulary.decode([vocabulary["zebra"]]) == [UNK]
    assert "zebra" not in vocabulary and "cat" in vocabulary


def test_unseen_token_without_unk_is_named():
    vocabulary = Vocabulary.build(CORPUS, specials=())
    with pytest.raises(KeyError, match="'zebra' is not among the"):
        vocabulary.encode(["cat", "zebra"])


@pytest.mark.parametrize("bad", [-1, 10_000])
def test_decode_refuses_ids_outside(bad):
    with pytest.raises(IndexError, match=f"id {bad}; expected 0 to"):
        Vocabulary.build(CORPUS).decode([0, bad])


def test_vocabulary_refuses_bad_corpora():
    with pytest.raises(ValueError, match="expected its tokens"):
        Vocabulary.build(["not tokenised"])
    with pytest.raises(ValueError, match="no token is left of 0"):
        Vocabulary.build([])
    with pytest.raises(ValueError, match="lower min_freq"):
        Vocabulary.build(CORPUS, min_freq=99)
    with pytest.raises(ValueError, match="'a' is twice"):
        Vocabulary(["a", "b", "a"])


def test_missing_torchtext_says_what_to_install(monkeypatch):
    real_import = builtins.__import__

    def without_torchtext(name, *args, **kwargs):
        if name.startswith("torchtext"):
            raise ImportError(name)
        return real_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_torchtext)
    with pytest.raises(ImportError, match=r"pip install torchtext==0\.6\.0"):
        Vocabulary.build(CORPUS)


def test_pad_and_mask():
    ids, mask = pad([torch.tensor([4, 5, 6]), [7], [8, 9]], padding=1)
    assert ids.dtype == torch.long
    assert ids.tolist() == [[4, 5, 6], [7, 1, 1], [8, 9, 1]]
    assert mask.sum(1).tolist() == [3, 1, 2]
    assert torch.equal(ids != 1, mask)


@pytest.mark.parametrize("bad", [[], [[1], []]])
def test_pad_refuses_empty(bad):
    with pytest.raises(ValueError, match="is empty; expected at least one token"):
        pad(bad, padding=0)


def _lengths(n=1003):
    return torch.randint(1, 60, (n,), generator=torch.Generator().manual_seed(0)).tolist()


def test_buckets_cover_every_index_once_and_end_with_the_short_batch():
    lengths = _lengths()
    sampler = BucketSampler(lengths, 32)
    batches = list(sampler)
    assert len(batches) == len(sampler)
    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    assert [len(batch) for batch in batches] == [32] * 31 + [11]


def test_buckets_waste_far_less_padding_than_shuffling():
    lengths = _lengths()

    def padding(batches):
        return sum(
            max(lengths[i] for i in b) * len(b) - sum(lengths[i] for i in b) for b in batches
        )

    shuffled = torch.randperm(len(lengths)).split(32)
    plain = padding([batch.tolist() for batch in shuffled])
    assert padding(BucketSampler(lengths, 32)) < plain / 5


def test_buckets_are_seeded_and_change_each_epoch():
    def epochs(seed):
        sampler = BucketSampler(_lengths(), 32, generator=torch.Generator().manual_seed(seed))
        return list(sampler), list(sampler)

    first, second = epochs(1)
    assert (first, second) == epochs(1)
    assert first != second
    assert first != epochs(2)[0]


def test_buckets_draw_from_the_global_generator_as_often_as_random_sampler():
    def state_after(sampler):
        torch.manual_seed(5)
        list(sampler)
        return torch.get_rng_state()

    assert torch.equal(
        state_after(BucketSampler(_lengths(), 32)), state_after(RandomSampler(_lengths()))
    )


def test_buckets_feed_a_loader():
    data = [[i] * length for i, length in enumerate(_lengths(50), start=1)]
    loader = DataLoader(
        data,
        batch_sampler=BucketSampler([len(d) for d in data], 8),
        collate_fn=lambda batch: pad(batch, 0),
    )
    seen = {int(row[0]) for ids, _ in loader for row in ids}
    assert seen == set(range(1, 51))


@pytest.mark.parametrize(
    ("lengths", "batch_size", "message"),
    [([], 4, "the data set is empty"), ([1], 0, "batch_size is 0 and pool is 50")],
)
def test_buckets_refuse_bad_settings(lengths, batch_size, message):
    with pytest.raises(ValueError, match=message):
        BucketSampler(lengths, batch_size)
