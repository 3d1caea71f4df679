"""Subword pieces: there and back, the special ids, the same pieces from the same texts."""

import sys
from pathlib import Path

import pytest

from data.loaders import multi30k
from utils.subwords import SPECIALS, Subwords

TEXTS = ["the dog sees the small dogs", "the cat sees the small cats", "a dog and a cat, again"]


@pytest.fixture(scope="module")
def subwords() -> Subwords:
    return Subwords.learn(TEXTS, size=40)


def test_special_tokens_have_the_ids_of_the_vocabularies(subwords: Subwords) -> None:
    assert subwords.pieces(range(4)) == list(SPECIALS)
    assert len(subwords) == 40


def test_text_comes_back_in_lower_case(subwords: Subwords) -> None:
    assert subwords.decode(subwords.encode("The  cats see a dog, again")) == (
        "the cats see a dog, again"
    )


def test_new_words_are_spelt_with_known_pieces(subwords: Subwords) -> None:
    ids = subwords.encode("cage")
    assert 0 not in ids and len(ids) > 1
    assert subwords.decode(ids) == "cage"


def test_decoding_stops_at_the_end_and_leaves_special_tokens_out(subwords: Subwords) -> None:
    ids = subwords.encode("a dog")
    assert subwords.decode([2, *ids, 3, 1, 1]) == "a dog"
    assert subwords.decode([*ids, 3, *ids]) == "a dog"
    assert subwords.decode([3]) == ""


def test_same_texts_give_the_same_pieces(subwords: Subwords) -> None:
    again = Subwords.learn(TEXTS, size=40)
    assert again.pieces(range(40)) == subwords.pieces(range(40))


def test_model_s_bytes_give_the_same_pieces(subwords: Subwords) -> None:
    assert Subwords(subwords.model).encode("small dogs") == subwords.encode("small dogs")


@pytest.mark.parametrize("text", ["", "   "])
def test_empty_sentence_is_refused(subwords: Subwords, text: str) -> None:
    with pytest.raises(ValueError, match="the sentence is empty; expected at least one word"):
        subwords.encode(text)


def test_unknown_characters_are_named_and_read_as_unk(subwords: Subwords) -> None:
    with pytest.warns(UserWarning, match="never seen in training, read as <unk>: .*漢"):
        assert 0 in subwords.encode("a 漢 dog")


def test_id_out_of_range_is_refused(subwords: Subwords) -> None:
    with pytest.raises(IndexError, match="id 40; expected 0 to 39"):
        subwords.decode([5, 40])


@pytest.mark.parametrize(
    ("texts", "size", "message"),
    [
        ([], 40, "there is no text"),
        ([" ", ""], 40, "there is no text"),
        (TEXTS, 4000, "3 texts cannot give 4000 pieces"),
        (TEXTS, 8, "3 texts cannot give 8 pieces"),
    ],
)
def test_texts_and_size_that_do_not_fit_are_refused(
    texts: list[str], size: int, message: str
) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        Subwords.learn(texts, size)
    assert "\n" not in str(caught.value)


def test_missing_sentencepiece_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentencepiece", None)
    with pytest.raises(ImportError, match='run "pip install sentencepiece"'):
        Subwords.learn(TEXTS, 40)


@pytest.mark.real_data
def test_multi30k_s_test_sentences_need_no_unk(data_mirror: Path) -> None:
    train, test = multi30k("train"), multi30k("test_2016_flickr")
    subwords = Subwords.learn([text for pair in train for text in pair], 8000)
    ids = [subwords.encode(text) for pair in test for text in pair]
    assert sum(row.count(0) for row in ids) == 0
