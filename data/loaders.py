"""The data sets of the labs, each in the form in which its lab uses it.

The public data sets come through :func:`data.registry.fetch`, so they are verified at every load
and a first load needs the network or a mirror; :func:`digits` comes with scikit-learn. Nothing but
the cache is written. The big libraries are imported where they are used, because most sessions
need one of them.
"""

import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from data.registry import fetch
from data.synthetic import veil_patterns, veiled
from utils.language import sentence

if TYPE_CHECKING:
    import datasets
    import pandas as pd

FASHION_CLASSES = (
    "T-shirt/top",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)
MULTI30K_SPLITS = ("train", "val", "test_2016_flickr")
IDX_UINT8 = 0x08  # the code of unsigned bytes in an IDX header
DIGITS_WHITE = 16  # the brightest pixel of scikit-learn's digits
DIGITS_TEST_SHARE = 0.2
DIGITS_SHAPE = (8, 8)


@dataclass(frozen=True)
class ImageSplits:
    """Grey images with their classes, for training and for testing.

    Attributes
    ----------
    train_images, test_images : ndarray of uint8, shape (N, H, W)
        0 is black, 255 is white.
    train_labels, test_labels : ndarray of int64, shape (N,)
        Indices into ``class_names``; int64 because torch's losses want it.
    class_names : tuple of str
    """

    train_images: NDArray[np.uint8]
    train_labels: NDArray[np.int64]
    test_images: NDArray[np.uint8]
    test_labels: NDArray[np.int64]
    class_names: tuple[str, ...]


def tweets() -> "datasets.DatasetDict":
    """Return the tweets of ``tweets_hate_speech_detection``, in memory.

    Returns
    -------
    datasets.DatasetDict
        ``train``: 31,962 rows with ``id``, ``label`` (1: hate speech) and ``tweet``;
        ``test``: 17,197 rows with ``id`` and ``tweet``.

    Raises
    ------
    RuntimeError
        If there is no verified copy to be had (see :func:`data.registry.fetch`).

    Notes
    -----
    The published tweets contain offensive language.
    """
    import pandas as pd
    from datasets import ClassLabel, Dataset, DatasetDict, Features, Value

    test_features = {"id": Value("int64"), "tweet": Value("string")}
    train_features = test_features | {"label": ClassLabel(names=["no-hate-speech", "hate-speech"])}

    def read(name: str, features: dict[str, Any]) -> Dataset:
        frame = pd.read_csv(fetch(name), encoding="utf-8", keep_default_na=False)
        columns = {column: features[column] for column in frame.columns}
        return Dataset.from_pandas(frame, features=Features(columns), preserve_index=False)

    return DatasetDict(
        train=read("tweets/train_tweet.csv", train_features),
        test=read("tweets/test_tweets.csv", test_features),
    )


def stopwords(language: str = "english") -> frozenset[str]:
    """Return the stop words of a language, as nltk lists them.

    Parameters
    ----------
    language : str
        A list of nltk's corpus, such as ``"english"`` or ``"spanish"``.

    Raises
    ------
    ValueError
        If there is no list for that language.
    RuntimeError
        If there is no verified copy to be had (see :func:`data.registry.fetch`).

    Notes
    -----
    nltk reads only files below ``nltk.data.path`` that nobody else may write to. A mirror need not
    be like that, so nltk reads a private copy that is gone afterwards.
    """
    import nltk
    from nltk.corpus.reader import WordListCorpusReader

    archive = fetch("nltk_data/corpora/stopwords.zip")
    with tempfile.TemporaryDirectory() as folder:
        private = Path(folder, archive.name)
        private.touch(mode=0o600)
        shutil.copyfile(archive, private)
        nltk.data.path.append(folder)
        try:
            root = nltk.data.ZipFilePathPointer(str(private), "stopwords/")
            lists = WordListCorpusReader(root, r"(?!README|\.).*")
            if language not in lists.fileids():
                known = ", ".join(lists.fileids())
                raise ValueError(sentence("data.no_stop_words", language=language, known=known))
            return frozenset(lists.words(language))
        finally:
            nltk.data.path.remove(folder)


def airline() -> "pd.DataFrame":
    """Return the monthly passengers of an airline, January 1949 to December 1960.

    Returns
    -------
    pandas.DataFrame
        144 rows: ``month`` (datetime64, the first day of the month) and ``passengers`` (int64,
        in thousands).

    Raises
    ------
    RuntimeError
        If there is no verified copy to be had (see :func:`data.registry.fetch`).
    """
    import pandas as pd

    path = fetch("airline/airline-passengers.csv")
    return pd.read_csv(path, header=0, names=["month", "passengers"], parse_dates=["month"])


def fashion_mnist() -> ImageSplits:
    """Return Fashion-MNIST: 60,000 and 10,000 pictures of clothes, 28x28, in 10 classes.

    Raises
    ------
    RuntimeError
        If there is no verified copy to be had (see :func:`data.registry.fetch`).
    """

    def read(stem: str, count: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        images = fetch(f"fashion_mnist/{stem}-images-idx3-ubyte")
        labels = fetch(f"fashion_mnist/{stem}-labels-idx1-ubyte")
        return read_idx(images, (count, 28, 28)), read_idx(labels, (count,)).astype(np.int64)

    return ImageSplits(*read("train", 60_000), *read("t10k", 10_000), FASHION_CLASSES)


def read_idx(path: Path, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Read an IDX file of unsigned bytes, the format of MNIST.

    Parameters
    ----------
    path : Path
        Not compressed.
    shape : tuple of int
        The shape that the file should have.

    Returns
    -------
    ndarray of uint8
        Of that shape, writable.

    Raises
    ------
    ValueError
        If the header says otherwise or the file is too short or too long.

    Notes
    -----
    The header is two zero bytes, the type's code, the number of axes, then each axis as a
    big-endian 32-bit integer (http://yann.lecun.com/exdb/mnist).
    """
    expected = np.array([IDX_UINT8 << 8 | len(shape), *shape], dtype=">u4").tobytes()
    with path.open("rb") as file:
        header = file.read(len(expected))
        if header != expected:
            raise ValueError(
                f"{path} does not begin as an IDX file of unsigned bytes of shape {shape}: "
                f"expected the bytes {expected.hex()}, found {header.hex()}; fetch it anew."
            )
        values = np.fromfile(file, dtype=np.uint8)
    if values.size != np.prod(shape):
        raise ValueError(
            f"{path} holds {values.size} values after its header; expected "
            f"{np.prod(shape)} for shape {shape}. Fetch it anew."
        )
    return values.reshape(shape)


def digits(seed: int) -> ImageSplits:
    """Return scikit-learn's handwritten digits, 8x8, shuffled and split four to one.

    Parameters
    ----------
    seed : int
        Decides the shuffle, 0 or more; the shares of the classes stay the same.

    Returns
    -------
    ImageSplits
        1,437 training and 360 test images. The original pixels, 0 to 16, are stretched to 0 to
        255, so that code written for Fashion-MNIST fits.

    Raises
    ------
    ValueError
        If ``seed`` is negative.
    """
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    if seed < 0:
        raise ValueError(sentence("data.seed", seed=seed))
    images, labels = load_digits(return_X_y=True)
    pixels = np.rint(images * (255 / DIGITS_WHITE)).astype(np.uint8).reshape(-1, *DIGITS_SHAPE)
    train_images, test_images, train_labels, test_labels = train_test_split(
        pixels,
        labels.astype(np.int64),
        test_size=DIGITS_TEST_SHARE,
        stratify=labels,
        random_state=np.random.RandomState(np.random.MT19937(np.random.SeedSequence(seed))),
    )
    names = tuple("0123456789")
    return ImageSplits(train_images, train_labels, test_images, test_labels, names)


def veiled_digits(seed: int) -> ImageSplits:
    """Return `digits`, each behind a veil drawn from the seed, see `data.synthetic.veiled`.

    Parameters
    ----------
    seed : int
        Decides the split, and the patterns that all veils are mixed from; 0 or more.
    """
    plain, patterns, rng = digits(seed), _veils_of(seed), np.random.default_rng([seed, 2])
    return replace(
        plain,
        train_images=veiled(rng, plain.train_images, patterns),
        test_images=veiled(rng, plain.test_images, patterns),
    )


def unseen_digits(
    seed: int, rng: np.random.Generator, count: int
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Draw test digits of `veiled_digits` behind other veils, and their classes.

    Parameters
    ----------
    seed : int
        That of the `veiled_digits` which a model was trained on.
    rng : Generator
        Decides the digits and their veils.
    count : int

    Returns
    -------
    images : ndarray of uint8, shape (count, 8, 8)
    labels : ndarray of int64, shape (count,)
    """
    plain = digits(seed)
    chosen = rng.integers(len(plain.test_images), size=count)
    return veiled(rng, plain.test_images[chosen], _veils_of(seed)), plain.test_labels[chosen]


def _veils_of(seed: int) -> NDArray[np.float64]:
    return veil_patterns(np.random.default_rng([seed, 1]), DIGITS_SHAPE)


def multi30k(split: str) -> list[tuple[str, str]]:
    """Return sentence pairs of Multi30k, task 1.

    Parameters
    ----------
    split : str
        ``"train"`` (29,000 pairs), ``"val"`` (1,014) or ``"test_2016_flickr"`` (1,000).

    Returns
    -------
    list of (str, str)
        German and English, as published but for white space at the ends.

    Raises
    ------
    ValueError
        If there is no such split.
    RuntimeError
        If there is no verified copy to be had (see :func:`data.registry.fetch`).
    """
    if split not in MULTI30K_SPLITS:
        known = ", ".join(MULTI30K_SPLITS)
        raise ValueError(sentence("data.no_split", split=split, known=known))

    def sentences(language: str) -> list[str]:
        text = fetch(f"multi30k/{split}.{language}").read_text(encoding="utf-8")
        return [line.strip() for line in text.removesuffix("\n").split("\n")]

    return list(zip(sentences("de"), sentences("en"), strict=True))
