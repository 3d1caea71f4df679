import itertools
import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nltk.stem import SnowballStemmer

import data
from data import synthetic

SEEDS = st.integers(0, 2**64)
stem = SnowballStemmer("english").stem

DRAWS = {
    "word_corpus": lambda rng: synthetic.word_corpus(rng, sentences=20),
    "anbn": lambda rng: synthetic.anbn(rng, count=20),
    "seasonal_series": lambda rng: synthetic.seasonal_series(rng).to_dict(),
    "xor": lambda rng: [part.tolist() for part in synthetic.xor(rng, count=20)],
    "draw_language": synthetic.draw_language,
    "translation_pairs": lambda rng: synthetic.translation_pairs(rng, count=20),
}


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
@settings(max_examples=20)
@given(seed=SEEDS)
def test_the_seed_decides_the_data(draw, seed):
    same, again = (draw(np.random.default_rng(seed)) for _ in range(2))
    assert same == again
    assert draw(np.random.default_rng(seed + 1)) != same


# word_corpus


def cleaned(text: str, stop_words: frozenset[str]) -> list[str]:
    """What the Word2Vec lab makes of a text."""
    words = re.sub(r"[^a-z@# ]", "", text.lower()).split(" ")
    return [stem(word) for word in words if word and word not in stop_words]


def frequent(corpus: data.WordCorpus) -> tuple[list[list[str]], Counter[str]]:
    """The cleaned texts and the counts of the tokens that come more than 10 times."""
    texts = [cleaned(text, corpus.stopwords) for text in corpus.texts]
    counts = Counter(token for text in texts for token in text)
    return texts, Counter({token: count for token, count in counts.items() if count > 10})


@settings(max_examples=20)
@given(seed=SEEDS)
def test_groups_are_disjoint_and_their_words_survive_stemming(seed):
    groups = synthetic.word_corpus(np.random.default_rng(seed), sentences=1).groups
    words = [word for group in groups.values() for word in group]
    assert len(words) == len(set(words)) == 88
    for word in words:
        assert {stem(word + ending) for ending in ("", "s", "ed", "ing")} == {word}


def test_every_possible_word_survives_stemming():
    words = synthetic._coin_words(np.random.default_rng(0), count=2_000)
    assert [stem(word) for word in words] == words
    assert not set(words) & {stem(word) for word in synthetic.FILLERS}


@pytest.mark.parametrize("seed", range(5))
def test_cleaning_leaves_the_group_words_and_what_all_groups_share(seed):
    corpus = synthetic.word_corpus(np.random.default_rng(seed))
    _, counts = frequent(corpus)
    shared = {stem(word) for word in (*synthetic.FILLERS, *synthetic.TAGS)} | {"@user"}
    assert set(counts) == set().union(*corpus.groups.values()) | shared


def test_each_step_of_the_cleaning_matters():
    corpus = synthetic.word_corpus(np.random.default_rng(7))
    raw = Counter(word for text in corpus.texts for word in text.split())
    _, clean = frequent(corpus)
    assert any(word != word.lower() for word in raw)
    assert any(re.search(r"[^\w@#]$", word) for word in raw)
    assert any(word.startswith("https://") for word in raw)
    assert sum(raw[word] for word in corpus.stopwords) > len(corpus.texts)
    word = next(iter(corpus.groups["group 1"]))
    assert raw[word] < clean[word]  # its other forms need the stemmer
    rare = set().union(*(cleaned(text, corpus.stopwords) for text in corpus.texts)) - set(clean)
    assert len(rare) > 100  # slips and links need the frequency floor


@pytest.mark.real_data
def test_the_function_words_are_stop_words_of_nltk(data_mirror):
    assert data.stopwords() >= synthetic.STOP_WORDS
    assert not data.stopwords() & set(synthetic.FILLERS)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [11, 12, 13])
def test_neighbours_in_a_small_embedding_come_from_the_right_group(seed):
    """Skip-gram with the exact full-softmax loss of all pairs in a window of 3, d=24."""
    import torch
    from torch.nn.functional import log_softmax, normalize

    corpus = synthetic.word_corpus(np.random.default_rng(seed))
    texts, counts = frequent(corpus)
    index = {token: number for number, token in enumerate(counts)}
    pairs = torch.zeros(len(index), len(index))  # how often context (column) is near centre (row)
    for text in texts:
        kept = [index[token] for token in text if token in index]
        for centre, context in itertools.combinations(range(len(kept)), 2):
            if context - centre <= 3:
                pairs[kept[centre], kept[context]] += 1
    pairs += pairs.T.clone()

    def precision(vectors: torch.Tensor) -> float:
        """Share of the 5 nearest neighbours of group words that are of the same group."""
        unit = normalize(vectors.detach(), dim=1)
        nearest = (unit @ unit.T).fill_diagonal_(-1).topk(5).indices
        group_of = {index[word]: name for name, group in corpus.groups.items() for word in group}
        hits = [
            group_of.get(int(other)) == group
            for word, group in group_of.items()
            for other in nearest[word]
        ]
        return float(np.mean(hits))

    torch.manual_seed(seed)
    centres = torch.nn.Parameter(torch.randn(len(index), 24))
    contexts = torch.nn.Parameter(torch.randn(len(index), 24) / 24**0.5)
    untrained = precision(centres)
    optimizer = torch.optim.Adam([centres, contexts], lr=0.02)
    for _ in range(300):
        loss = -(pairs * log_softmax(centres @ contexts.T, dim=1)).sum() / pairs.sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert untrained < 0.2
    assert precision(centres) > 0.9


def test_a_corpus_without_texts_is_refused():
    with pytest.raises(ValueError, match="asked for 0 sentences; expected 1 or more"):
        synthetic.word_corpus(np.random.default_rng(0), sentences=0)


# anbn


@given(seed=SEEDS, count=st.integers(0, 50), max_n=st.integers(1, 30))
def test_anbn_sequences_belong_to_the_language(seed, count, max_n):
    sequences = synthetic.anbn(np.random.default_rng(seed), count, max_n)
    assert len(sequences) == count
    for sequence in sequences:
        n = len(sequence) // 2
        assert 1 <= n <= max_n
        assert sequence == ["a"] * n + ["b"] * n + ["EOS"]


def test_every_length_of_anbn_comes():
    sequences = synthetic.anbn(np.random.default_rng(0), count=1_000, max_n=10)
    assert {len(sequence) // 2 for sequence in sequences} == set(range(1, 11))


def test_anbn_without_letters_is_refused():
    with pytest.raises(ValueError, match="n up to 0; expected 1 or more"):
        synthetic.anbn(np.random.default_rng(0), count=1, max_n=0)


# seasonal_series


@given(seed=SEEDS)
def test_the_series_grows_repeats_and_can_be_forecast(seed):
    frame = synthetic.seasonal_series(np.random.default_rng(seed))
    values = frame["passengers"].to_numpy()
    assert values.min() > 0
    assert (frame["month"].iloc[0].year, frame["month"].iloc[-1].year) == (1949, 1960)
    test = slice(115, 144)  # the last 20 %
    last_year = values[test.start - 12 : test.stop - 12]
    train = values[: test.start]
    growth = np.mean(train[12:] / train[:-12])  # a year
    naive = np.sqrt(np.mean((last_year - values[test]) ** 2))
    informed = np.sqrt(np.mean((last_year * growth - values[test]) ** 2))
    assert informed < naive / 1.5
    by_year = np.log(values.reshape(12, 12))
    seasons = by_year - by_year.mean(axis=1, keepdims=True)
    assert np.corrcoef(seasons[:-1].ravel(), seasons[1:].ravel())[0, 1] > 0.8


@pytest.mark.real_data
def test_the_series_has_the_columns_of_the_airline_s(data_mirror):
    real, drawn = data.airline(), synthetic.seasonal_series(np.random.default_rng(0))
    assert list(drawn.columns) == list(real.columns)
    assert drawn.dtypes.map(lambda dtype: dtype.kind).equals(
        real.dtypes.map(lambda dtype: dtype.kind)
    )
    assert drawn["month"].tolist() == real["month"].tolist()


def test_a_series_without_months_is_refused():
    with pytest.raises(ValueError, match="asked for 0 months; expected 1 or more"):
        synthetic.seasonal_series(np.random.default_rng(0), months=0)


# xor


def test_xor_needs_more_than_a_line():
    points, labels = synthetic.xor(np.random.default_rng(0), count=1_000)
    assert points.shape == (1_000, 2)
    assert 400 < labels.sum() < 600
    signs_differ = points[:, 0] * points[:, 1] < 0
    assert np.mean(signs_differ == labels) > 0.98
    angles = np.linspace(0, np.pi, 90)
    projections = points @ np.stack([np.cos(angles), np.sin(angles)])
    best_line = max(
        max(right, 1 - right)
        for scores in projections.T
        for threshold in np.linspace(-2, 2, 41)
        for right in [np.mean((scores > threshold) == labels)]
    )
    assert best_line < 0.8


# translation_pairs


def translate(source: str, language: data.Language) -> str:
    """Translate by the documented grammar, the other way round than the generator works."""
    meaning = {stem: english for english, stem in language.words.items()}

    def split(token: str) -> tuple[str, str]:
        return meaning[token[:5]], token[5:]

    tokens = [split(token) for token in source.split()]
    time = tokens.pop(0)[0] if tokens[0][0] in synthetic.TIMES else ""
    verb, verb_ending = tokens.pop()
    negated = tokens[-1][0] == "not"
    if negated:
        tokens.pop()
    places = [english for english, _ in tokens if english in synthetic.PLACES]
    tokens = [(english, ending) for english, ending in tokens if english not in places]
    second = [at for at, (english, _) in enumerate(tokens) if english in ("the", "a")][1]

    def noun_phrase(words: list[tuple[str, str]]) -> tuple[str, int]:
        (article, article_ending), (noun, noun_ending), *adjectives = words
        number = [language.endings["noun", n] for n in (0, 1)].index(noun_ending)
        agreement = language.endings[language.genders[noun], number]
        assert article_ending == agreement
        assert all(ending == agreement for _, ending in adjectives)
        article = {("a", 1): "some"}.get((article, number), article)
        return " ".join([article, *(word for word, _ in adjectives), noun + "s" * number]), number

    subject, number = noun_phrase(tokens[:second])
    thing, _ = noun_phrase(tokens[second:])
    assert verb_ending == language.endings["verb", number]
    predicate = ("does not ", "do not ")[number] + verb if negated else verb + ("s", "")[number]
    return " ".join(part for part in (subject, predicate, thing, *places, time) if part)


@settings(max_examples=20)
@given(seed=SEEDS)
def test_pairs_follow_the_documented_grammars(seed):
    rng = np.random.default_rng(seed)
    language = synthetic.draw_language(rng)
    pairs = synthetic.translation_pairs(rng, 100, language)
    for source, english in pairs:
        assert translate(source, language) == english
        assert 5 <= len(source.split()) <= 10


def test_no_source_sentence_comes_twice():
    pairs = synthetic.translation_pairs(np.random.default_rng(0), count=5_000)
    assert len({source for source, _ in pairs}) == 5_000


def test_a_language_can_be_spoken_again_with_other_sentences():
    language = synthetic.draw_language(np.random.default_rng(0))
    train = synthetic.translation_pairs(np.random.default_rng(1), 4_000, language)
    test = synthetic.translation_pairs(np.random.default_rng(2), 500, language)
    known = [{word for pair in train for word in pair[side].split()} for side in (0, 1)]
    assert all({*pair[side].split()} <= known[side] for pair in test for side in (0, 1))
    assert np.mean([pair in train for pair in test]) < 0.01


def test_each_language_has_words_of_its_own():
    first, second = (synthetic.draw_language(np.random.default_rng(seed)) for seed in (0, 1))
    same = [word for word in first.words if first.words[word] == second.words[word]]
    assert len(same) < 3
    assert len(set(first.words.values())) == len(first.words)
    assert len(set(first.endings.values())) == len(first.endings)
