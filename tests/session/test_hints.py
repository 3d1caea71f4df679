"""Three hints say something each, and show a case as it is."""

from typing import Any

import numpy as np
import pytest

from grading.answers.evidence import Evidence, answer_of
from grading.session.hints import three_hints
from grading.session.keyfile import entry_of_answers


def hints(right: Any, found: Any, **arguments: Any) -> list[str]:
    """The hints of a check of one case that gave ``found``."""
    entry = entry_of_answers((answer_of(right, seed="s"),), None)
    evidence = Evidence("tokens", "call", (answer_of(found, seed="s"),))
    author = {"en": "Where do words end?"}
    return three_hints(evidence, {"tokens": entry}.get, lambda: [arguments], author, "en")


@pytest.mark.parametrize(
    ("right", "what"),
    [
        ("a b", "text"),
        (["a", "b"], "a list"),
        ({"a": 1}, "a mapping"),
        ({"a", "b"}, "a set"),
        (None, "None"),
        ([1.5, 2.5], "real numbers of shape (2,)"),
        ({"w": np.arange(40_000)}, "a structure of text, lists or mappings"),
        (np.zeros(40_000), "real numbers of shape (40000,)"),
    ],
)
def test_the_first_says_what_kind_of_thing_comes_out(right: Any, what: str) -> None:
    assert f"what comes out should be {what}" in hints(right, 3)[0]


def test_the_last_names_its_fields_and_keeps_their_spaces() -> None:
    said = hints("a b", "a  b", text="a   b", sizes=np.arange(6).reshape(2, 3), least=2)[2]
    assert "text = 'a   b', sizes = [[0 1 2] [3 4 5]], least = 2" in said
