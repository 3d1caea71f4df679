"""Answers that are shown together."""

import random

from grading.marking.grouping import groups

LONG = "The loss on the training data falls while the one on new data rises after epoch six"


def test_the_same_words_in_other_spacing_and_capitals_are_one_group() -> None:
    found = groups({"a": LONG, "b": LONG.upper() + " ", "c": LONG.replace(" ", "\n"), "d": ""})
    assert found == [["a", "b", "c"]]


def test_a_long_answer_with_a_word_more_is_near_and_another_is_not() -> None:
    found = groups(
        {"a": LONG, "b": f"{LONG}, I think.", "c": "It is the rate, " + LONG[30:50], "d": "Rate."}
    )
    assert found == [["a", "b"]]


def test_short_answers_and_formulas_that_differ_are_apart() -> None:
    texts = {"a": "It does overfit.", "b": "It does not overfit.", "c": "a < b", "d": "a > b"}
    assert groups(texts) == []


def test_the_largest_group_comes_first_and_nobody_is_in_two() -> None:
    draw = random.Random(7)
    words = [f"w{number}" for number in range(400)]
    texts = {f"{kind}{n}": " ".join(words[kind * 40 : kind * 40 + 30]) for kind in range(8)
             for n in range(kind)}  # fmt: skip
    names = list(texts)
    draw.shuffle(names)
    found = groups({name: texts[name] for name in names})
    assert [len(one) for one in found] == [7, 6, 5, 4, 3, 2]
    assert len({name for one in found for name in one}) == 27
