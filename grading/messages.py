"""The sentences that people read, by language: one TOML file each in ``grading/strings``.

The files say which languages there are.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from grading.places import STRINGS
from utils import language
from utils.language import strings


def languages() -> tuple[str, ...]:
    """Return the languages there are strings for, in the order that the files give."""
    found = language.languages(STRINGS)
    return tuple(sorted(found, key=lambda lang: strings(STRINGS, lang)["language"]["order"]))


def message(key: str, lang: str, **values: Any) -> str:
    """Return the sentence ``key`` (``"section.name"``) in ``lang``, filled in.

    A `Reason` or a `Title` among the values is put in words in the same language.
    """
    spoken = {
        name: value.text(lang) if isinstance(value, Reason | Title) else value
        for name, value in values.items()
    }
    return language.fill(strings(STRINGS, lang), key, spoken)


def in_one_line(text: str) -> str:
    """Return what others wrote as one line, with nothing left in it that a terminal obeys."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def names(section: str) -> Collection[str]:
    """Return the names of the sentences of a section."""
    return strings(STRINGS, languages()[0])[section].keys()


@dataclass(frozen=True)
class Reason:
    """Why marks were lost, in no language yet: ``key`` names a sentence (``"reason.missing"``)."""

    key: str
    values: dict[str, Any] = field(default_factory=dict, hash=False)

    def text(self, lang: str) -> str:
        """Return the reason as one line in ``lang``; it may quote what a submission raised."""
        return in_one_line(message(self.key, lang, **self.values))


ID_LANGUAGE = "en"  # in which a check keeps one name in all languages of the course
Label = str | Mapping[str, str]  # as an author writes it: one for all languages, or by language


@dataclass(frozen=True)
class Title:
    """What a check or a baseline is called, in no language yet.

    Attributes
    ----------
    label : str
        Its id; a check's marks and keys are kept under it.
    words : mapping of str to str
        What people read, by language; empty if that is the label in all of them.
    """

    label: str
    words: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, label: Label) -> "Title":
        """Return the title that an author wrote: the English text of several is the id.

        Raises
        ------
        ValueError
            If there are texts, and none is English.

        Examples
        --------
        >>> size = Title.of({"es": "tamaño", "en": "size"})
        >>> size.label, size.text("es")
        ('size', 'tamaño')
        """
        if isinstance(label, str):
            return cls(label)
        if ID_LANGUAGE not in label:
            raise ValueError(
                f"the name of a check or a baseline lacks {ID_LANGUAGE!r}, found {sorted(label)}: "
                "its English text is its id, write it beside the others"
            )
        return cls(label[ID_LANGUAGE], label)

    def text(self, lang: str) -> str:
        """Return the title in ``lang``, the id where nobody wrote it in that language."""
        return self.words.get(lang, self.label)
