"""A notebook in pieces that can be compared: each cell of code, each written answer.

Of code there remain the tokens of Python's grammar: names that a student may choose, literals,
comments, docstrings, formatting and parentheses that only group make no difference. What a library
calls its functions does.
"""

import builtins
import keyword
import re
import tokenize
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from nbformat import NotebookNode

from grading.cells.identity import GRADE_ID as IDENTITY
from grading.cells.metadata import grade_id, role_of
from grading.course.roster import plain_words

MAGIC = re.compile(r"^\s*(?:%%?[A-Za-z]|!).*")
KEPT = frozenset({*dir(builtins), *keyword.kwlist})  # which nobody renames
LAYOUT = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENCODING,
    tokenize.ENDMARKER,
}
# Python 3.12 takes formatted strings apart.
OPENING, CLOSING = (
    {getattr(tokenize, f"{kind}STRING_{end}", None) for kind in "FT"} for end in ("START", "END")
)
NAME, TEXT_LITERAL, NUMBER = "name", "text", "number"  # each stands for all of its kind


class Token(NamedTuple):
    """What is compared, the line that it is on, and the statement or word that it belongs to."""

    text: str
    line: int
    unit: int


@dataclass(frozen=True)
class Kind:
    """How pieces of a kind are compared.

    Attributes
    ----------
    name : str
    k : int
        Tokens of a k-gram.
    window : int
        k-grams of a window; no more than ``k``, so that fingerprints in a row leave no gap.
    least : int
        Units (statements, words) in common below which two pieces count as alike by chance.
    """

    name: str
    k: int
    window: int
    least: int

    @property
    def disjoint(self) -> float:
        """How many k-grams side by side a fingerprint stands for, on average."""
        return (self.window + 1) / 2 / self.k


CODE = Kind("code", k=12, window=6, least=5)
TEXT = Kind("text", k=6, window=4, least=20)


@dataclass(frozen=True)
class Piece:
    """A cell: what it is called, its text, and what of it is compared."""

    kind: Kind
    name: str
    source: str
    tokens: tuple[Token, ...]

    @property
    def texts(self) -> list[str]:
        """The tokens' texts."""
        return [token.text for token in self.tokens]


def pieces_of(notebook: NotebookNode, given: Collection[str] = ()) -> list[Piece]:
    """Return the pieces of a notebook: code but for who signed, and text that is not the lab's.

    Cells whose source is one of those ``given`` are left out.
    """
    found = []
    for number, cell in enumerate(notebook.cells, start=1):
        if grade_id(cell) == IDENTITY or cell.source in given:
            continue
        if cell.cell_type == "code":
            kind, tokens = CODE, code_tokens(cell.source)
        elif role_of(cell) != "prose":
            kind, tokens = TEXT, words(cell.source)
        else:
            continue
        name = grade_id(cell) or str(number)
        found.append(Piece(kind, name, cell.source, tuple(tokens)))
    return found


def words(text: str) -> Iterator[Token]:
    r"""Yield the words of a text, without accents and capitals.

    Examples
    --------
    >>> [token.text for token in words("¿Por qué?\nPorque SÍ.")]
    ['por', 'que', 'porque', 'si']
    """
    found = (
        (word, line)
        for line, content in enumerate(text.split("\n"))
        for word in plain_words(content)
    )
    for place, (word, line) in enumerate(found):
        yield Token(word, line, place)


class Lexeme(NamedTuple):
    """A token as Python's grammar has it."""

    kind: int
    text: str
    line: int


def code_tokens(source: str) -> Iterator[Token]:
    r"""Yield the tokens of a cell's code, as far as it is Python.

    Examples
    --------
    >>> one, other = "def f(a):  # mean\n  return a.mean() / 2", "def g(b): return (b.mean()/3)"
    >>> [token.text for token in code_tokens(one)][-8:]
    ['return', 'name', '.', 'mean', '(', ')', '/', 'number']
    >>> [token.text for token in code_tokens(one)] == [token.text for token in code_tokens(other)]
    True
    """
    lexemes = [*_without_docstrings(_lexed(source))]
    own = _own_attributes(lexemes)
    unit, before = 0, ""
    is_called: list[bool] = []  # of the parentheses that are open; the others only group
    for kind, text, line in lexemes:
        if kind == tokenize.NEWLINE or text == ";":
            unit, before = unit + 1, ""
            continue
        if text == "(":
            is_name = before.isidentifier() and not keyword.iskeyword(before)
            is_called.append(is_name or before in (")", "]"))
            if not is_called[-1]:
                continue
        elif text == ")" and is_called and not is_called.pop():
            continue
        if kind == tokenize.NAME:
            is_kept = text not in own if before == "." else text in KEPT
            text = text if is_kept else NAME
        elif kind == tokenize.NUMBER:
            text = NUMBER
        elif kind == tokenize.STRING:
            text = TEXT_LITERAL
        if text != TEXT_LITERAL or before != TEXT_LITERAL:  # texts side by side are one
            yield Token(text, line, unit)
        before = text


def _own_attributes(lexemes: list[Lexeme]) -> set[str]:
    """Return the attributes that the code itself assigns, and the methods that it defines."""
    texts = [lexeme.text for lexeme in lexemes]
    assigned = {
        name
        for dot, name, sign in zip(texts, texts[1:], texts[2:], strict=False)
        if dot == "." and sign in ("=", ":")
    }
    return assigned | {name for one, name in pairwise(texts) if one == "def"}


def _without_docstrings(lexemes: Iterator[Lexeme]) -> Iterator[Lexeme]:
    """Leave out statements that are only a text."""
    statement: list[Lexeme] = []
    for lexeme in lexemes:
        statement.append(lexeme)
        if lexeme.kind == tokenize.NEWLINE:
            if any(part.kind not in (tokenize.STRING, tokenize.NEWLINE) for part in statement):
                yield from statement
            statement = []
    yield from statement


def _lexed(source: str) -> Iterator[Lexeme]:
    """Yield Python's tokens without layout; where a line is none of Python's, go on after it."""
    lines = ["" if MAGIC.match(line) else line for line in source.split("\n")]
    start = 0
    while start < len(lines):
        last, depth = start, 0
        try:
            for kind, text, (row, _), _, _ in tokenize.generate_tokens(_reader(lines, start)):
                last = min(row + start, len(lines))
                depth += kind in OPENING
                if kind in CLOSING:
                    depth -= 1
                    kind = tokenize.STRING if not depth else kind
                if not depth and kind not in LAYOUT:
                    yield Lexeme(kind, text, row + start - 1)
            return
        except (tokenize.TokenError, SyntaxError):
            start = max(last, start + 1)


def _reader(lines: list[str], start: int) -> Callable[[], str]:
    """Return a function that returns one line after the other, and then empty texts."""
    rest = iter(range(start, len(lines)))
    return lambda: next((f"{lines[number]}\n" for number in rest), "")
