"""What must not be published: solutions, answers, rubrics, the grader, and anybody of the roster.

A tree of files goes in, one line for each leak comes out. Texts are compared without their
blanks and number signs, so that neither another indentation nor commenting out hides a leak.
Notebooks and other JSON files are looked at string by string, metadata and outputs included.
"""

import ast
import json
import re
import textwrap
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from grading import ROOMS, room_of
from grading.authoring import Lab
from grading.authoring.rubrics import read_rubrics
from grading.authoring.stubs import regions, split_answer
from grading.cells.syntax import parsed
from grading.course.roster import Roster, Student, plain_words

Tree = Mapping[str, bytes]  # content by path, with "/" between its parts

DATA_OF_THE_KIT = (
    "grading/keys/",
    "grading/strings/",
    "grading/session_requirements.txt",
    "grading/service_address.txt",
)
MARKER = re.compile(r"#\s*(?:BEGIN|END)[\s_-]*SOLUTION\b|\b(?:BEGIN|END) SOLUTION\b", re.IGNORECASE)

# Lengths in characters, blanks not counted, from which on a text can be nobody else's. Shorter
# ones ("return x.T") stand in given code, too.
WHOLE_SOLUTION = 20
ONE_STATEMENT = 80
ONE_SENTENCE = 40


@dataclass(frozen=True)
class Secret:
    """A text that may be in no published file.

    Attributes
    ----------
    what : str
        What it is, to be read after "holds".
    text : str
        As `squeeze` returns it.
    """

    what: str
    text: str


def is_published(path: str) -> bool:
    """Whether a file may be in a bundle: of `grading`, only what `grading.ROOMS` publishes may."""
    if not path.startswith("grading/"):
        return not path.startswith("notebooks/source/")
    if path == "grading/__init__.py" or path.startswith(DATA_OF_THE_KIT):
        return True
    try:
        room = room_of(path.removesuffix(".py").replace("/", "."))
    except KeyError:
        return False
    return path.endswith(".py") and ROOMS[room].published


def squeeze(text: str) -> str:
    """Return a text without blanks and number signs."""
    return re.sub(r"[\s#]+", "", text)


def secrets_of_lab(lab: Lab) -> list[Secret]:
    """Return a lab's solutions, with their longer statements, and what a person marks by.

    That is the sentences of the model answers, and the lines of the rubrics beside the source.
    """
    found = []
    for cell in lab.of_role("exercise"):
        what = f"a solution (exercise {cell.id!r} of {lab.name})"
        found += [Secret(what, text) for text in _solution_texts(cell.code)]
    for cell in lab.of_role("question"):
        what = f"a model answer (question {cell.id!r} of {lab.name})"
        answers = (split_answer(text)[1] for text in cell.text.values())
        found += [Secret(what, text) for answer in answers for text in _answer_texts(answer)]
    for cell_id, rubric in read_rubrics(lab).items():
        what = f"a line of a rubric (question {cell_id!r} of {lab.name})"
        words = [squeeze(text) for item in rubric.items for text in item.words.values()]
        found += [Secret(what, text) for text in words if len(text) >= ONE_SENTENCE]
    return found


def secrets_of_modules(modules: Mapping[str, str]) -> list[Secret]:
    """Return the code of modules, by path, as secrets; a mere docstring is none."""
    return [
        Secret(f"a module of the grader ({path})", squeeze(code))
        for path, code in modules.items()
        if _does_something(code)
    ]


@lru_cache(maxsize=1_024)
def _does_something(code: str) -> bool:
    return len(parsed(code).body) > 1


def _solution_texts(code: str) -> Iterator[str]:
    lines = code.split("\n")
    for region in regions(code):
        body = textwrap.dedent("\n".join(lines[region.begin : region.end - 1]))
        whole = squeeze(body)
        if len(whole) >= WHOLE_SOLUTION:
            yield whole
        for statement in parsed(body).body:
            text = squeeze(ast.get_source_segment(body, statement) or "")
            if len(text) >= ONE_STATEMENT and text != whole:
                yield text


def _answer_texts(answer: str) -> Iterator[str]:
    sentences = [squeeze(text) for text in re.split(r"(?<=[.!?])\s+|\n\s*\n", answer)]
    yield from (text for text in sentences if len(text) >= ONE_SENTENCE)
    if answer and max(map(len, sentences)) < ONE_SENTENCE <= len(squeeze(answer)):
        yield squeeze(answer)


def leaks(
    tree: Tree,
    secrets: Iterable[Secret],
    roster: Roster | None = None,
    about_markers: Collection[str] = (),
) -> list[str]:
    """Return one line (file and reason) for each thing in ``tree`` that must not be published.

    The files ``about_markers`` tell authors how solutions are marked, so that a marker is no leak
    there; all else is.
    """
    secrets = list(secrets)
    students = roster.students if roster else ()
    found = []
    for path in sorted(tree):
        text = _text(path, tree[path])
        reasons = [
            *([] if path in about_markers else _markers(text)),
            *_reasons(path, text, secrets, students),
        ]
        found += [f"{path}: {reason}" for reason in dict.fromkeys(reasons)]
    return found


def _markers(text: str) -> Iterator[str]:
    if marker := MARKER.search(text):
        yield f"holds a solution marker ({marker[0]!r})"


def _reasons(
    path: str, text: str, secrets: list[Secret], students: tuple[Student, ...]
) -> Iterator[str]:
    if not is_published(path):
        yield "is a lab's source or of the grader's side, which stay with the instructors"
    squeezed = squeeze(text)
    for secret in secrets:
        if secret.text in squeezed:
            yield f"holds {secret.what}"
    words, folded = f" {' '.join(plain_words(text))} ", text.casefold()
    for student in students:
        if any(_stands_in(folded, item) for item in _identifiers(student)):
            yield f"holds the id or the e-mail of {student.id}, who is on the roster"
        if any(f" {name} " in words for name in _names(student)):
            yield f"holds the name of {student.id}, who is on the roster"


def _identifiers(student: Student) -> Iterator[str]:
    """Yield a student's e-mail and, if it cannot be a common word or number, their id."""
    shortest = 6 if student.id.isdigit() else 8 if student.id.isalpha() else 4
    if "@" in student.email:
        yield student.email.casefold()
    if len(student.id) >= shortest:
        yield student.id.casefold()


def _stands_in(text: str, item: str) -> bool:
    """Return whether ``item`` is in a text, but not as a part of a number or of a longer word."""
    whole = rf"(?<![\w+/=@-])(?<!\d\.){re.escape(item)}(?![\w+/=@-])"
    return item in text and re.search(whole, text) is not None


def _names(student: Student) -> list[str]:
    """Return a full name begun at each of its words; a single word is too common to tell."""
    words = plain_words(student.name)
    if len(words) < 2:
        return []
    return [" ".join(words[start:] + words[:start]) for start in range(len(words))]


def _text(path: str, content: bytes) -> str:
    """Return all the text of a file; of JSON its strings, as nobody sees its escapes."""
    text = content.decode("utf-8", errors="replace")
    if not path.endswith((".ipynb", ".json")):
        return text
    try:
        return "\n".join(_strings(json.loads(text)))
    except ValueError:
        return text


def _strings(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict):
        for key, value in node.items():
            yield key
            yield from _strings(value)
    elif isinstance(node, list):
        if node and all(isinstance(item, str) for item in node):
            yield "".join(node)  # the lines of a cell, each with its end
            node = [] if any(item.endswith("\n") for item in node) else node
        for item in node:
            yield from _strings(item)
