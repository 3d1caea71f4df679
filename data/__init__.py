"""The data of the labs: public data sets, verified, and synthetic ones drawn from a seed."""

from data.loaders import (
    ImageSplits,
    airline,
    digits,
    fashion_mnist,
    multi30k,
    stopwords,
    tweets,
    unseen_digits,
    veiled_digits,
)
from data.registry import fetch
from data.synthetic import (
    Language,
    WordCorpus,
    anbn,
    draw_language,
    seasonal_series,
    translation_pairs,
    word_corpus,
    xor,
)

__all__ = [
    "ImageSplits",
    "Language",
    "WordCorpus",
    "airline",
    "anbn",
    "digits",
    "draw_language",
    "fashion_mnist",
    "fetch",
    "multi30k",
    "seasonal_series",
    "stopwords",
    "translation_pairs",
    "tweets",
    "unseen_digits",
    "veiled_digits",
    "word_corpus",
    "xor",
]
