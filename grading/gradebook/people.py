"""What people gave belongs to the text that they read, and to all who handed that text in.

When a text is replaced, its marks and comments are taken back, kept as history, and the answer
waits again. What one student of a pair is given for their one piece of work, the other has, too.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from nbgrader.api import Grade
from sqlalchemy.orm import Session

from grading.gradebook import changes, stored
from grading.gradebook.changes import AnySession, Key, Value
from grading.judging.record import Change
from grading.judging.results import Result

NOTED = "changes are noted"  # in a session's info: who writes there notes the changes, too
REPLACED = "the answer was replaced"


def take_back_unread(session: AnySession, before: Result | None, after: Result) -> None:
    """Take back what a person gave for texts that the new submission replaces.

    A mark on a check cell belongs to the whole submission; one on a written answer, to that answer.
    What stays needs another look only if the judge now says otherwise than it did.

    Parameters
    ----------
    session
        In the transaction that writes ``after``.
    before : Result or None
        Of the submission that the marks were given for; None if it was never graded here.
    after : Result
    """
    lab, student = after.lab, after.student
    stands = changes.given(session, lab, student)
    changes.find_unnoted(session, lab, student, stands)
    if before is None:
        return
    was, now = before.cell_marks(), after.cell_marks()
    for key, value in stands.items():
        _, notebook, cell, field = key
        if _is_replaced(before, after, notebook, cell):
            changes.put(session, lab, key, None)
            changes.note(session, lab, key, value, None, changes.whoever(), REPLACED)
            if field != "manual_comment":
                place = f"{notebook}/{cell}"
                is_gone = place in before.texts and place not in after.texts
                _wait(session, lab, key, not is_gone and cell not in after.unanswered)
        elif field == "manual_score" and was.get(cell) == now.get(cell):
            _wait(session, lab, key, False)


def _is_replaced(before: Result, after: Result, notebook: str, cell: str) -> bool:
    """Whether what a person reads who marks a cell is no longer what it was.

    The first version of the kit kept no digest of each answer, only that of all that was handed in.
    """
    if not before.texts:
        return before.submission != after.submission
    return before.read(notebook, cell) != after.read(notebook, cell)


def is_taken_back(change: Change) -> bool:
    """Whether a change is of `take_back_unread`, and no decision of a person's."""
    return change.new is None and change.why == REPLACED


def share_within_teams(session: AnySession, lab: str) -> list[Change]:
    """Give all who handed in one piece of work what the last person gave one of them.

    Returns
    -------
    list of Change
        Those that contradict one another: two of a team were given different marks, and nobody
        knows which was later. They stay as they are.
    """
    stands = changes.given(session, lab)
    found = changes.find_unnoted(session, lab, stands=stands)
    noted = changes.noted(session, lab)
    order = {change.key: number for number, change in enumerate(noted)}
    last = {change.key: change for change in noted}
    last = {key: change for key, change in last.items() if not is_taken_back(change)}
    contradictions: list[Change] = []
    for team in teams(stored.results(session, lab)):
        mine = [change for change in last.values() if change.student in team]
        for place in sorted({change.key[1:] for change in mine}):
            of_place = [change for change in mine if change.key[1:] == place]
            unknown = [change for change in of_place if change in found]
            if len({change.new for change in unknown}) > 1:
                contradictions += unknown
            else:
                latest = max(of_place, key=lambda change: order[change.key])
                _share(session, lab, team, latest, stands)
    return contradictions


def watch() -> None:
    """Note what is changed in this process, as by Formgrader, with who it was; share it at once."""
    if not sa.event.contains(Session, "before_flush", _before_flush):
        sa.event.listen(Session, "before_flush", _before_flush)


def _before_flush(session: Session, *_: Any) -> None:
    if session.info.get(NOTED):
        return
    edits = [edit for row in session.dirty for edit in _edits(row)]
    if not edits:
        return
    with session.no_autoflush:
        changes.table.metadata.create_all(session.connection())
        stored.table.metadata.create_all(session.connection())
        for row, field, old, new in edits:
            lab, student = row.assignment.name, row.student.id
            key = (student, row.notebook.name, row.cell.name, field)
            change = changes.note(session, lab, key, old, new, changes.whoever())
            stands = changes.given(session, lab)
            for team in teams(stored.results(session, lab)):
                if student in team:
                    _share(session, lab, team, change, stands)


def _edits(row: object) -> Iterable[tuple[Any, str, Any, Any]]:
    """Yield (row, field, old, new) for what of a row a person has changed."""
    for field, kind in changes.FIELDS.items():
        if isinstance(row, kind):
            history = sa.inspect(row).attrs[field].history
            old = history.deleted[0] if history.deleted else None
            if history.added and history.added[0] != old:
                yield row, field, old, history.added[0]


def _share(
    session: AnySession,
    lab: str,
    team: Iterable[str],
    change: Change,
    stands: Mapping[Key, Value],
) -> None:
    """Have all of a team what one of them was given."""
    for student in team:
        key = (student, *change.key[1:])
        if student != change.student and stands.get(key) != change.new:
            changes.put(session, lab, key, change.new)
            changes.note(session, lab, key, stands.get(key), change.new, change.who, change.why)


def teams(results: Iterable[Result]) -> list[tuple[str, ...]]:
    """Return those who handed in the same file with one another."""
    by_work: dict[tuple[str, ...], list[str]] = {}
    for result in results:
        if len(result.team) > 1:
            by_work.setdefault((result.submission, *sorted(result.team)), []).append(result.student)
    return [tuple(students) for students in by_work.values() if len(students) > 1]


def _wait(session: AnySession, lab: str, key: Key, waits: bool) -> None:
    """Say whether the mark at ``key`` waits for a person's look."""
    grade = changes.row(session, lab, Grade, *key[:3])
    if grade is not None:
        grade.needs_manual_grade = waits
