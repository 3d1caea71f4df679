"""By what a student is known in a text: the id, the e-mail address, the name in any order."""

import html
import io
import re
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from grading.course.roster import Roster, Student, folded

BLANK = "…"
TELLING = 4  # characters of an id or a one-word name; a shorter one is found in any text
MOST_NESTED = 3  # zips in zips
LARGE = 256 << 20  # bytes of a file in a zip
UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)

_ESCAPED = re.compile(r"\\u([0-9a-fA-F]{4})")


@dataclass(frozen=True)
class Traces:
    """What tells of one student, and what does not: numbers and words that anybody writes.

    Attributes
    ----------
    student : Student
    lms_ids : frozenset of str
        What the LMS calls the student.
    """

    student: Student
    lms_ids: frozenset[str] = frozenset()

    def is_named(self, typed: str) -> bool:
        """Whether what somebody typed as an id or a name means this student."""
        one = Roster((self.student,))
        return bool(typed.strip()) and bool(one.find(typed) or one.resembling(typed))

    def is_id(self, typed: str) -> bool:
        """Whether this is the student's id."""
        return folded(typed) == folded(self.student.id)

    def told_in(self, text: str) -> bool:
        """Whether a text tells of the student beyond doubt."""
        if self._telling is None:
            return False
        plain = _plain(text)
        may_tell = any(all(part in plain for part in parts) for parts in self._parts)
        return may_tell and bool(self._telling.search(text))

    def without(self, text: str) -> str:
        """Return a text with `BLANK` for what tells of the student."""
        return self._telling.sub(BLANK, text) if self._telling and self.told_in(text) else text

    def may_be_in(self, name: str, content: bytes, depth: int = 0) -> bool:
        """Whether a file may tell of the student, in a zip or as another format writes it, too."""
        if self._any.search(name):
            return True
        if depth < MOST_NESTED and zipfile.is_zipfile(io.BytesIO(content)):
            return any(
                self.may_be_in(inner, unpacked, depth + 1) for inner, unpacked in _within(content)
            )
        return any(self._any.search(text) for text in spellings(content))

    @cached_property
    def _telling(self) -> re.Pattern[str] | None:
        words = [*_names(self.student), *_written(self.student.email)]
        if len(self.student.id) >= TELLING:
            # No part of a longer id or address, such as a partner's.
            words.append(rf"(?<![.@-]){_written(self.student.id)[0]}(?![.@-]\w)")
        return _pattern(words) if words else None

    @cached_property
    def _parts(self) -> list[list[str]]:
        """What is in a text that tells, by row; to look for that first is faster."""
        known = (self.student.id, self.student.email, self.student.name.replace(",", " "))
        return [_plain(text).split() for text in known if text]

    @cached_property
    def _any(self) -> re.Pattern[str]:
        ids = (self.student.id, self.student.email, *sorted(self.lms_ids))
        found = [word for text in ids for word in _written(text)]
        joined = "|".join([*_names(self.student), *found])
        return re.compile(rf"(?<![^\W_])(?:{joined})(?![^\W_])", re.IGNORECASE)


def _within(packed: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the files in a zip; of one that cannot be read, or is far too large, the name."""
    try:
        with zipfile.ZipFile(io.BytesIO(packed)) as opened:
            for entry in opened.infolist():
                try:
                    yield entry.filename, opened.read(entry) if entry.file_size < LARGE else b""
                except UNREADABLE:
                    yield entry.filename, b""
    except UNREADABLE:
        return


def spellings(content: bytes) -> list[str]:
    """Return a file's text, and what it is without the escapes of HTML and of JSON."""
    text = unicodedata.normalize("NFC", content.decode("utf-8", "replace"))
    return [text, html.unescape(text), _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)]


def _plain(text: str) -> str:
    """Return the plain letters of a text, in lower case."""
    return unicodedata.normalize("NFD", text.lower()).encode("ascii", "ignore").decode()


def _pattern(words: list[str]) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{'|'.join(words)})(?!\w)", re.IGNORECASE)


def _names(student: Student) -> list[str]:
    """Return patterns of a name, begun at each of its words in turn."""
    words = student.name.replace(",", " ").split()
    if not words or (len(words) == 1 and len(words[0]) < TELLING):
        return []
    spelled = ["".join(map(_letter, word)) for word in words]
    return [r",?\s+".join(spelled[at:] + spelled[:at]) for at in range(len(words))]


def _written(text: str) -> list[str]:
    return [re.escape(text)] if text else []


def _letter(char: str) -> str:
    """Return the pattern of a letter, which people type without its accent, too."""
    apart = unicodedata.normalize("NFD", char)
    forms = dict.fromkeys((char, apart, apart[0]))
    return f"(?:{'|'.join(map(re.escape, forms))})" if len(forms) > 1 else re.escape(char)
