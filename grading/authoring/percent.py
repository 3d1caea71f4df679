"""The cells of a py:percent file, with line numbers, and the vocabulary of their metadata."""

import io
import math
import re
import tokenize
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import jupytext

from grading.authoring.parts import Place
from grading.authoring.stubs import Mistake, parse_python
from grading.course.config import LANGUAGES

Role = Literal["prose", "given", "exercise", "check", "question"]

_CELL_MARKER = re.compile(r"#\s*%%(?:%*\s|$)")
_FORMAT = {"extension": ".py", "format_name": "percent", "comment_magics": False}
_JUPYTEXT_KEYS = ("cell_marker", "lines_to_next_cell", "region_name")


@dataclass(frozen=True)
class RawCell:
    """A cell as it stands in the source, in one language.

    Attributes
    ----------
    place : Place
        Where its marker is; its line ``n`` is ``n`` lines below.
    is_code : bool
    role : str
    metadata : dict
        What the vocabulary has for its role, checked.
    text : str
    """

    place: Place
    is_code: bool
    role: Role
    metadata: dict[str, Any]
    text: str


def read_cells(text: str, file: Path) -> list[RawCell]:
    """Read the cells of a source's text; ``file`` is where they say that they stand.

    Raises
    ------
    Mistake
        If the source is not Python or a cell's marker is not in the vocabulary.
    """
    return [_read_cell(Place(file, line), cell) for line, cell in _split(text)]


def _split(text: str) -> Iterator[tuple[int, str]]:
    """Yield the line of each cell marker and the text from there to the next one."""
    tree = parse_python(text)
    markers = [
        token.start[0]
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type == tokenize.COMMENT
        and token.start[1] == 0
        and _CELL_MARKER.match(token.string)
    ]
    if not markers:
        raise Mistake(1, "no cell found; expected cells that begin with '# %%'")
    if tree.body and tree.body[0].lineno < markers[0]:
        raise Mistake(tree.body[0].lineno, "code above the first cell marker '# %%'")
    lines = text.split("\n")
    for begin, end in zip(markers, [*markers[1:], len(lines) + 1], strict=True):
        yield begin, "\n".join(lines[begin - 1 : end - 1])


def _read_cell(place: Place, text: str) -> RawCell:
    """Read one cell with jupytext and check its metadata against the vocabulary."""
    line = place.line
    try:
        cells = jupytext.reads(text, fmt=_FORMAT).cells
    except Exception as error:  # jupytext has no error of its own for metadata it trips over
        raise Mistake(line, f"jupytext cannot read this cell: {error}") from None
    if len(cells) != 1:
        raise Mistake(line, f"jupytext reads {len(cells)} cells here; begin each with '# %%'")
    (cell,) = cells
    metadata = {key: value for key, value in cell.metadata.items() if key not in _JUPYTEXT_KEYS}
    garbled = metadata.get("incorrectly_encoded_metadata")
    if garbled:
        raise Mistake(line, f'expected metadata as key="value" pairs, found {garbled}')
    if cell.cell_type == "raw":
        raise Mistake(line, "raw cells are not used; write '# %% [markdown]' or a code cell")
    role = metadata.pop("role", "prose" if cell.cell_type == "markdown" else None)
    _require_vocabulary(line, cell.cell_type == "code", role, metadata)
    in_string = "cell_marker" in cell.metadata
    if cell.cell_type == "markdown" and not in_string:
        _require_comments(line, text)
    # the text of a string begins one line further down
    return RawCell(place.below(in_string), cell.cell_type == "code", role, metadata, cell.source)


def _require_comments(line: int, text: str) -> None:
    """Raise `Mistake` at code in a prose cell: its own cell marker was forgotten."""
    for number, written in enumerate(text.split("\n"), start=line):
        if written.strip() and not written.startswith("#"):
            raise Mistake(number, "code in a prose cell; begin a cell of its own with '# %% role='")


@dataclass(frozen=True)
class _Rule:
    is_code: bool
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()


_TITLES = tuple(f"title_{lang}" for lang in LANGUAGES)
_RULES: dict[str, _Rule] = {
    "prose": _Rule(False, ("lang",), ("exercise",)),
    "question": _Rule(False, ("id", "points", "lang")),
    "given": _Rule(True, (), ("id",)),
    "exercise": _Rule(True, ("id", *_TITLES, "difficulty", "minutes")),
    "check": _Rule(True, ("id", "points"), ("covers",)),
}


def _is_points(value: Any) -> bool:
    return _is_count(value) or (isinstance(value, float) and 0 < value < math.inf)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_id(value: Any) -> bool:
    # nbgrader takes these characters and nbformat 64 of them: 16 are left for ids made from this
    return isinstance(value, str) and bool(re.fullmatch(r"[A-Za-z0-9_-]{1,48}", value))


_VALUES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "id": (_is_id, "1 to 48 of the characters A-Z a-z 0-9 _ -"),
    "points": (_is_points, "a number above 0"),
    "minutes": (_is_count, "a whole number above 0"),
    "difficulty": (lambda value: _is_count(value) and value <= 3, "1, 2 or 3"),
    "lang": (lambda value: value in LANGUAGES, " or ".join(map(repr, LANGUAGES))),
    "covers": (_is_text, "ids of exercises, separated by commas"),
    "exercise": (_is_text, "the id of an exercise"),
    **dict.fromkeys(_TITLES, (_is_text, "a title")),
}


def _require_vocabulary(line: int, is_code: bool, role: Any, metadata: dict[str, Any]) -> None:
    kind = "code" if is_code else "markdown"
    roles = [name for name, rule in _RULES.items() if rule.is_code == is_code]
    if role not in roles:
        found = "none" if role is None else repr(role)
        raise Mistake(
            line, f"the role of a {kind} cell is one of {', '.join(roles)}; found {found}"
        )
    rule = _RULES[role]
    for key, value in metadata.items():
        if key not in rule.required + rule.optional:
            known = ", ".join(rule.required + rule.optional)
            raise Mistake(line, f"a cell of role {role} has no {key!r}; it takes: {known}")
        valid, expected = _VALUES[key]
        if not valid(value):
            raise Mistake(line, f"{key}={value!r}; expected {expected}")
    for key in rule.required:
        if key not in metadata:
            raise Mistake(line, f"a cell of role {role} needs {key}=")
