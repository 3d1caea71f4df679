"""Small data sets drawn from a grammar and a random generator, for the quick profile.

Every function is pure: the same generator state gives the same data, on any machine. What a
student could remember from another run (which words belong together, what a word means, the
numbers of a series) is drawn anew each time; what the lab teaches (contexts make meaning, verbs
move, months repeat) stays the same.
"""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T")

# Made-up words are consonant, vowel, consonant, vowel, consonant. The letters are few on purpose:
# words end in a letter that Snowball's English stemmer leaves alone, with and without -s, -ed and
# -ing, and no coined word reads like a rude one in English or Spanish.
ONSETS = "dlmnrtv"
VOWELS = "aeio"
CODAS = "bfmv"

GROUPS = 8
GROUP_ROLES = {"S": 3, "V": 3, "O": 3, "P": 2}  # words a group has for each role

# Capitals stand for a word: Subject, Verb, Object, Place of the text's group, Filler of all groups.
PATTERNS = (
    "the S is Ving the O at the P",
    "my S and the S Ved a F O in the P",
    "our O was Ved by the S at the P",
    "at the P this S will V those F Os",
    "a S Vs the O, and then Vs it again",
    "in the P all the Ss are Ving Os",
    "F Os for the S and O for the P",
    "we have Ved the O, so the S is F in the P",
    "the P is F when Ss V the Os",
)
FILLERS = ("great", "little", "new", "good", "first", "nice", "big", "happy", "sweet", "free")
STOP_WORDS = frozenset(
    token for pattern in PATTERNS for token in pattern.split() if token[0] not in "SVOPF"
)
TAGS = ("#fun", "#life", "#smile", "#weekend", "#friday", "#music")
FINISHES = ("", "", ".", "!", "!!!", "...", "?", " :)", " ❤", " 100%")
LINK_LETTERS = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"

TYPO_SHARE = 0.03  # words with a slip of the finger
SHOUT_SHARE, CAPITAL_SHARE = 0.03, 0.1  # words IN CAPITALS, words with a Capital
MENTION_SHARE, TAG_SHARE, LINK_SHARE = 0.4, 0.3, 0.1  # texts with @user, with a tag, with a link

VEILS = 12  # patterns that veils are mixed from
VEIL_SHARE = 0.75  # of a pixel's brightness

NOUNS = ("dog", "cat", "horse", "teacher", "farmer", "doctor", "singer", "neighbour")
ADJECTIVES = ("big", "small", "young", "happy", "tired", "quiet")
VERBS = ("help", "call", "follow", "visit", "like", "remember")
PLACES = ("in the garden", "at the market", "near the river", "behind the school")
TIMES = ("today", "tomorrow", "every day", "in winter")
AFFIXES = ("a", "e", "i", "o", "al", "en", "il", "on")
GENDERS = 2


def veil_patterns(rng: Generator, shape: tuple[int, int]) -> NDArray[np.float64]:
    """Draw the patterns (VEILS, H, W) that veils are mixed from."""
    return rng.normal(size=(VEILS, *shape))


def veiled(
    rng: Generator, images: NDArray[np.uint8], patterns: NDArray[np.float64]
) -> NDArray[np.uint8]:
    """Return images (N, H, W) of uint8, each behind a veil of its own.

    A veil is a random mixture of the patterns, much brighter than what is behind it. A network
    learns to look through; which image is nearest says little, and a table of the images without
    veils not much more.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> images = np.zeros((5, 8, 8), dtype=np.uint8)
    >>> veiled(rng, images, veil_patterns(rng, (8, 8))).shape
    (5, 8, 8)
    """
    veils = np.tensordot(rng.normal(size=(len(images), len(patterns))), patterns, axes=1)
    dark = veils.min(axis=(1, 2), keepdims=True)
    bright = veils.max(axis=(1, 2), keepdims=True)
    veils = 255 * (veils - dark) / (bright - dark)
    return np.rint((1 - VEIL_SHARE) * images + VEIL_SHARE * veils).astype(np.uint8)


def _coin_words(rng: Generator, count: int) -> list[str]:
    """Draw different made-up words, all equal to their own English Snowball stem."""
    words = [
        "".join(letters)
        for letters in itertools.product(ONSETS, VOWELS, ONSETS, VOWELS, CODAS)
        if letters[0] != letters[2]
    ]
    return [words[index] for index in rng.choice(len(words), size=count, replace=False)]


def _pick(rng: Generator, options: Sequence[T]) -> T:
    return options[int(rng.integers(len(options)))]


@dataclass(frozen=True)
class WordCorpus:
    """Texts whose words fall into groups.

    Attributes
    ----------
    texts : list of str
        Raw texts in the manner of short messages.
    groups : dict of str to frozenset of str
        The words of each group, as cleaning and stemming leave them.
    stopwords : frozenset of str
        The function words of the texts: stop words that need no download.
    """

    texts: list[str]
    groups: dict[str, frozenset[str]]
    stopwords: frozenset[str]


def word_corpus(rng: Generator, sentences: int = 2000) -> WordCorpus:
    """Draw raw messages in which words of one group keep company.

    Parameters
    ----------
    rng : Generator
        Decides the words, their groups and the texts.
    sentences : int
        How many texts, 1 or more; 1,000 are enough for every group word to come over 10 times.

    Returns
    -------
    WordCorpus
        Eight groups of eleven made-up words each.

    Raises
    ------
    ValueError
        If ``sentences`` is less than 1.

    Notes
    -----
    The grammar: a text belongs to one group and is ``[@user] clause finish [tag] [link]``. The
    clause is one of :data:`PATTERNS`, with words of the group for its subjects, verbs, objects
    and places, inflected by ``-s``, ``-ed`` and ``-ing``, among stop words and fillers that all
    groups share. As in real messages there are capitals, punctuation, links, and slips of the
    finger, each so rare that a frequency floor of 10 removes it.

    Lower-case the texts, keep ``[a-z@# ]``, drop stop words, stem with Snowball, keep tokens that
    come more than 10 times: 105 tokens remain, and words of one group share contexts.
    """
    if sentences < 1:
        raise ValueError(f"word_corpus was asked for {sentences} sentences; expected 1 or more.")
    size = sum(GROUP_ROLES.values())
    words = _coin_words(rng, GROUPS * size)
    lexicons = [_by_role(words[start : start + size]) for start in range(0, len(words), size)]
    texts = [_message(rng, _pick(rng, lexicons)) for _ in range(sentences)]
    groups = {
        f"group {number}": frozenset(itertools.chain.from_iterable(lexicon.values()))
        for number, lexicon in enumerate(lexicons, start=1)
    }
    return WordCorpus(texts, groups, STOP_WORDS)


def _by_role(words: Sequence[str]) -> dict[str, list[str]]:
    """Deal a group's words out to its roles."""
    rest = iter(words)
    return {role: list(itertools.islice(rest, count)) for role, count in GROUP_ROLES.items()}


def _message(rng: Generator, lexicon: dict[str, list[str]]) -> str:
    """Draw one text from the words of a group."""
    parts = ["@user"] if rng.random() < MENTION_SHARE else []
    for token in _pick(rng, PATTERNS).split():
        role, inflection = token[0], token[1:]
        if role in GROUP_ROLES:
            token = _slip(rng, _pick(rng, lexicon[role])) + inflection
        elif role == "F":
            token = _pick(rng, FILLERS)
        parts.append(_dress(rng, token))
    parts[-1] += _pick(rng, FINISHES)
    if rng.random() < TAG_SHARE:
        parts.append(_pick(rng, TAGS))
    if rng.random() < LINK_SHARE:
        parts.append("https://t.co/" + "".join(_pick(rng, LINK_LETTERS) for _ in range(8)))
    return " ".join(parts)


def _slip(rng: Generator, word: str) -> str:
    """Now and then drop, double or swap a letter of a word, never its last."""
    if rng.random() >= TYPO_SHARE:
        return word
    at = int(rng.integers(1, len(word) - 2))
    before, letter, neighbour, after = word[:at], word[at], word[at + 1], word[at + 2 :]
    slipped = _pick(rng, (neighbour, letter + letter + neighbour, neighbour + letter))
    return before + slipped + after


def _dress(rng: Generator, token: str) -> str:
    """Now and then write a word in capitals, or with one."""
    chance = rng.random()
    if chance < SHOUT_SHARE:
        return token.upper()
    return token.capitalize() if chance < SHOUT_SHARE + CAPITAL_SHARE else token


def anbn(rng: Generator, count: int, max_n: int = 10) -> list[list[str]]:
    """Draw sequences of the language aⁿbⁿ EOS, the simplest that needs counting.

    Parameters
    ----------
    rng : Generator
    count : int
        How many sequences.
    max_n : int
        The largest n; each n from 1 on is as likely.

    Returns
    -------
    list of list of str
        Such as ``["a", "a", "b", "b", "EOS"]``.

    Raises
    ------
    ValueError
        If ``max_n`` is less than 1.

    Examples
    --------
    >>> anbn(np.random.default_rng(0), count=2, max_n=1)
    [['a', 'b', 'EOS'], ['a', 'b', 'EOS']]
    """
    if max_n < 1:
        raise ValueError(f"anbn was asked for n up to {max_n}; expected 1 or more.")
    lengths = rng.integers(1, max_n, size=count, endpoint=True)
    return [["a"] * n + ["b"] * n + ["EOS"] for n in lengths]


def seasonal_series(rng: Generator, months: int = 144) -> "pd.DataFrame":
    """Draw a monthly series that grows and repeats by the year, in the manner of the airline's.

    Parameters
    ----------
    rng : Generator
        Decides level, growth, season and noise.
    months : int
        Length of the series, 1 or more.

    Returns
    -------
    pandas.DataFrame
        ``month`` (datetime64, from January 1949 on) and ``passengers`` (int64, 1 or more), the
        columns of :func:`data.loaders.airline`.

    Raises
    ------
    ValueError
        If ``months`` is less than 1.

    Notes
    -----
    passengers(t) = level · growth^t · season(t mod 12) · noise(t). The level is 100 to 140, the
    growth 9 to 13 % a year; log season is a year's wave and its half-year overtone, together 10
    to 25 % up and down; log noise is normal with standard deviation 0.02.
    """
    import pandas as pd

    if months < 1:
        raise ValueError(f"seasonal_series was asked for {months} months; expected 1 or more.")
    time = np.arange(months)
    level, growth = rng.uniform(100, 140), np.log1p(rng.uniform(0.09, 0.13)) / 12
    phases = rng.uniform(0, 2 * np.pi, size=2)
    heights = rng.uniform((0.10, 0.02), (0.17, 0.08))
    year = 2 * np.pi * time / 12
    season = heights[0] * np.sin(year + phases[0]) + heights[1] * np.sin(2 * year + phases[1])
    noise = rng.normal(0, 0.02, size=months)
    passengers = np.rint(level * np.exp(growth * time + season + noise)).astype(np.int64)
    return pd.DataFrame(
        {"month": pd.date_range("1949-01-01", periods=months, freq="MS"), "passengers": passengers}
    )


def xor(rng: Generator, count: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Draw points of the plane whose class is whether their signs differ.

    Parameters
    ----------
    rng : Generator
    count : int
        How many points.

    Returns
    -------
    points : ndarray of float64, shape (count, 2)
        Around (±1, ±1), with standard deviation 0.25.
    labels : ndarray of int64, shape (count,)
        1 where the corner's signs differ, else 0.
    """
    corners = rng.choice((-1.0, 1.0), size=(count, 2))
    points = corners + rng.normal(0, 0.25, size=(count, 2))
    return points, (corners[:, 0] != corners[:, 1]).astype(np.int64)


@dataclass(frozen=True)
class Language:
    """A made-up source language that says what a bit of English says.

    Attributes
    ----------
    words : dict of str to str
        The source stem of each English noun, adjective, verb, place and time, and of ``the``,
        ``a`` and ``not``.
    genders : dict of str to int
        The gender of each noun.
    endings : dict of tuple to str
        What agreement adds: to articles and adjectives by (gender, number), to verbs and nouns
        by ("verb", number) and ("noun", number); number is 0 for singular, 1 for plural.
    """

    words: dict[str, str]
    genders: dict[str, int]
    endings: dict[tuple[int | str, int], str]


def draw_language(rng: Generator) -> Language:
    """Draw the words, the genders and the endings of a source language.

    Draw it once from the run's seed and hand it to :func:`translation_pairs` to get training and
    test pairs of the same language.
    """
    english = (*NOUNS, *ADJECTIVES, *VERBS, *PLACES, *TIMES, "the", "a", "not")
    words = dict(zip(english, _coin_words(rng, len(english)), strict=True))
    genders = {noun: index % GENDERS for index, noun in enumerate(rng.permutation(NOUNS).tolist())}
    slots = [*itertools.product((*range(GENDERS), "verb", "noun"), (0, 1))]
    endings = dict(zip(slots, rng.permutation(AFFIXES).tolist(), strict=True))
    return Language(words, genders, endings)


def translation_pairs(
    rng: Generator, count: int, language: Language | None = None
) -> list[tuple[str, str]]:
    """Draw different sentences of a made-up language with their English translations.

    Parameters
    ----------
    rng : Generator
    count : int
        How many pairs; no source sentence comes twice.
    language : Language, optional
        What the source is written in; drawn from ``rng`` if not given.

    Returns
    -------
    list of (str, str)
        Source and English, lower case, tokens separated by single spaces.

    Notes
    -----
    The grammars, with optional parts in brackets::

        source  = [time] noun-phrase [place] noun-phrase [not] verb
                  noun-phrase = article noun [adjective]
        English = noun-phrase [do not] verb noun-phrase [place] [time]
                  noun-phrase = article [adjective] noun

    The first noun phrase is the subject. In the source, articles and adjectives agree with their
    noun in gender and number, nouns mark their number, and the verb at the end agrees with the
    subject. In English, nouns mark their number, the verb (or *do*) agrees with the subject, and
    an indefinite plural has *some*. So a translation needs to move the verb, the adjectives and
    the time, and to look at the subject to form the verb. Sentences have 5 to 10 source tokens.
    """
    language = language or draw_language(rng)
    pairs: dict[str, str] = {}
    while len(pairs) < count:
        source, target = _sentence_pair(rng, language)
        pairs[source] = target
    return list(pairs.items())


@dataclass(frozen=True)
class _NounPhrase:
    article: str  # "the" or "a"
    adjective: str | None
    noun: str
    number: int  # 0 singular, 1 plural

    def source(self, language: Language) -> str:
        agreement = language.endings[language.genders[self.noun], self.number]
        words = [
            language.words[self.article] + agreement,
            language.words[self.noun] + language.endings["noun", self.number],
        ]
        if self.adjective:
            words.append(language.words[self.adjective] + agreement)
        return _sentence(words)

    def english(self) -> str:
        article = "some" if self.article == "a" and self.number else self.article
        noun = self.noun + "s" * self.number
        return _sentence((article, self.adjective, noun))


def _sentence_pair(rng: Generator, language: Language) -> tuple[str, str]:
    """Draw what to say, then say it in both languages."""
    subject, thing = (
        _NounPhrase(
            _pick(rng, ("the", "a")),
            _pick(rng, (None, _pick(rng, ADJECTIVES))),
            _pick(rng, NOUNS),
            int(rng.integers(2)),
        )
        for _ in range(2)
    )
    verb = _pick(rng, VERBS)
    negated = rng.random() < 0.25
    place = _pick(rng, (None, _pick(rng, PLACES)))
    time = _pick(rng, (None, _pick(rng, TIMES)))

    if negated:
        predicate = f"do not {verb}" if subject.number else f"does not {verb}"
    else:
        predicate = verb if subject.number else f"{verb}s"

    source = (
        language.words[time] if time else None,
        subject.source(language),
        language.words[place] if place else None,
        thing.source(language),
        language.words["not"] if negated else None,
        language.words[verb] + language.endings["verb", subject.number],
    )
    english = (subject.english(), predicate, thing.english(), place, time)
    return _sentence(source), _sentence(english)


def _sentence(parts: Iterable[str | None]) -> str:
    return " ".join(part for part in parts if part)
