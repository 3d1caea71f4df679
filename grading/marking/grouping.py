"""Answers that say the same, nearly word for word; pure."""

from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher

from grading.similarity.pieces import words

NEAR = 0.85  # of the words of two answers, in their order, for these to be shown together
SHORT = 8  # words; in a shorter answer one more or less may turn it round


def groups(texts: Mapping[str, str]) -> list[list[str]]:
    """Return groups of two or more names whose texts are the same or nearly so, largest first.

    Parameters
    ----------
    texts : mapping of str to str
        By name. Empty ones are in no group.

    Examples
    --------
    >>> groups({"a": "It overfits.", "b": " it  overfits.", "c": "It underfits.", "d": ""})
    [['a', 'b']]
    """
    same: dict[str, list[str]] = {}
    for name, text in texts.items():
        if plain := " ".join(text.split()).casefold():
            same.setdefault(plain, []).append(name)
    found: list[tuple[list[str], list[str]]] = []
    for text, names in sorted(same.items(), key=lambda item: (-len(item[1]), item[0])):
        spoken = [token.text for token in words(text)]
        home = next((together for first, together in found if is_near(first, spoken)), None)
        if home is None:
            found.append((spoken, list(names)))
        else:
            home += names
    return sorted((together for _, together in found if len(together) > 1), key=len, reverse=True)


def is_near(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether two different texts, as their words, say nearly the same."""
    if min(len(one), len(other)) < SHORT:
        return False
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    return (
        matcher.real_quick_ratio() >= NEAR
        and matcher.quick_ratio() >= NEAR
        and matcher.ratio() >= NEAR
    )
