"""What a program of the course's suggests for answers; people decide, and both are compared.

The program is the course's own, and named in course.toml: nothing is run or sent anywhere without.
It reads a line of JSON and writes one; docs/marking.md shows both.
"""

import json
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from grading.errors import UserError
from grading.gradebook.changes import AnySession
from grading.gradebook.marking import suggestions
from grading.judging.rubric import Rubric
from grading.marking.answers import Answer
from grading.messages import in_one_line

SECONDS = 120  # that the program may take for one answer
MOST_SHOWN = 300  # characters of what it said that cannot be read


@dataclass(frozen=True)
class Suggestion:
    """Items of a rubric for a text, and a sentence why."""

    items: tuple[str, ...]
    why: str


def suggest(command: str, folder: Path, asked: dict[str, Any], rubric: Rubric) -> Suggestion:
    """Ask a course's program about one answer.

    Parameters
    ----------
    command : str
        As one types it.
    folder : Path
        In which it runs.
    asked : dict
        See `question_for`.
    rubric : Rubric

    Raises
    ------
    UserError
        In one line: it cannot be run, fails, takes too long, or answers something else.
    """
    where = f"the program that suggests marks ({command})"
    try:
        done = subprocess.run(
            shlex.split(command),
            cwd=folder,
            input=json.dumps(asked, ensure_ascii=False) + "\n",
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=SECONDS,
            check=False,
        )
    except (OSError, ValueError) as error:
        raise UserError(f"{where} cannot be run: {error}; see suggest in course.toml") from None
    except subprocess.TimeoutExpired:
        raise UserError(f"{where} took more than {SECONDS} s for an answer") from None
    if done.returncode:
        said = in_one_line(done.stderr)[-MOST_SHOWN:] or "nothing"
        raise UserError(f"{where} ended with {done.returncode}, and said: {said}")
    return _read(done.stdout, rubric, where)


def question_for(
    question: str, model: str, text: str, most: float, rubric: Rubric, lang: str
) -> dict[str, Any]:
    """Return what the program is asked: nothing in it tells whose the answer is."""
    return {
        "question": question,
        "model_answer": model,
        "answer": text,
        "marks": most,
        "starts_from": rubric.start,
        "rubric": [
            {"item": item.key, "points": item.points, "text": item.text(lang)}
            for item in rubric.items
        ],
    }


def keep(session: AnySession, answer: Answer, found: Suggestion) -> None:
    """Keep what was suggested for an answer as it is now."""
    mine = {"lab": answer.lab, "cell": answer.cell, "student": answer.student}
    session.execute(
        sa.delete(suggestions).where(*(suggestions.c[name] == mine[name] for name in mine))
    )
    items = json.dumps(found.items)
    values = mine | {"text": answer.text, "items": items, "why": found.why}
    session.execute(sa.insert(suggestions).values(values))


def kept(
    session: AnySession, lab: str, cell: str, student: str | None = None
) -> dict[tuple[str, str], Suggestion]:
    """Return what was suggested for the answers to a question, or for one, by student and text."""
    query = sa.select(suggestions).where(suggestions.c.lab == lab, suggestions.c.cell == cell)
    if student is not None:
        query = query.where(suggestions.c.student == student)
    return {
        (row.student, row.text): Suggestion(tuple(json.loads(row.items)), row.why)
        for row in session.execute(query)
    }


def _read(said: str, rubric: Rubric, where: str) -> Suggestion:
    try:
        found = json.loads(said)
    except (ValueError, RecursionError):
        found = None
    known = {item.key for item in rubric.items}
    items = found.get("items") if isinstance(found, dict) else None
    why = found.get("why") if isinstance(found, dict) else None
    if (
        not isinstance(items, list)
        or not all(isinstance(key, str) and key in known for key in items)
        or not isinstance(why, str)
    ):
        shown = in_one_line(said)[:MOST_SHOWN]
        raise UserError(
            f"{where} answered {shown!r}; expected "
            '{"items": [keys of the rubric], "why": "a sentence"}'
        )
    return Suggestion(tuple(dict.fromkeys(items)), in_one_line(why))
