"""The records of a lab, read from nbgrader's rows and from what stands beside them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from nbgrader.api import (
    Assignment,
    BaseCell,
    Grade,
    GradeCell,
    Notebook,
    SolutionCell,
    SubmittedAssignment,
    TaskCell,
)

from grading.gradebook import changes, lateness, people, stored
from grading.gradebook.changes import AnySession, Key, Value
from grading.judging.record import TOLERANCE, Adjustment, Change, Deduction, Record, Written
from grading.judging.results import Result
from grading.messages import Reason


def records(session: AnySession, lab: str) -> list[Record]:
    """Return the record of every submission that nbgrader has of a lab, by student."""
    results = {result.student: result for result in stored.results(session, lab)}
    noted: dict[str, list[Change]] = defaultdict(list)
    for change in changes.noted(session, lab):
        noted[change.student].append(change)
    given = changes.given(session, lab)
    read = _read_by_people(session, lab)
    rules = lateness.rules(session, lab)
    rows = session.execute(
        changes.placed(Grade, lab)
        .with_only_columns(
            SubmittedAssignment.student_id.label("student"),
            Notebook.name.label("notebook"),
            BaseCell.name.label("cell"),
            Grade.score,
            Grade.max_score,
            Grade.manual_score,
            Grade.needs_manual_grade,
        )
        .order_by(SubmittedAssignment.student_id, Notebook.name, BaseCell.name)
    ).all()
    cells = {student: list(mine) for student, mine in groupby(rows, key=lambda row: row.student)}
    return [
        _record(
            submission, results.get(submission.student_id), cells.get(submission.student_id, ()),
            read, noted[submission.student_id], given, rules.get(submission.student_id),
        )
        for submission in session.scalars(
            sa.select(SubmittedAssignment)
            .join(Assignment)
            .where(Assignment.name == lab)
            .order_by(SubmittedAssignment.student_id)
        )
    ]  # fmt: skip


def _record(
    submission: SubmittedAssignment,
    result: Result | None,
    cells: Iterable[Any],
    read: set[tuple[str, str]],
    noted: Sequence[Change],
    given: dict[Key, Value],
    rule: Reason | None,
) -> Record:
    student = submission.student_id
    cells = list(cells)
    last = {change.key: change for change in noted}
    place = {name: number for number, name in enumerate(result.texts)} if result else {}
    written = [row for row in cells if (row.notebook, row.cell) in read]
    written.sort(key=lambda row: place.get(f"{row.notebook}/{row.cell}", len(place)))
    tested: dict[str, float] = defaultdict(float)
    touched: dict[str, Change | None] = {}
    for row in cells:
        if (row.notebook, row.cell) not in read:
            tested[row.cell] += float(row.score)
            for field in ("extra_credit", "manual_score"):
                if (student, row.notebook, row.cell, field) in given:
                    touched[row.cell] = last.get((student, row.notebook, row.cell, field))
    checked = result.cell_marks() if result else dict(tested)
    return Record(
        student=student,
        max_score=float(sum(row.max_score or 0.0 for row in cells)),
        result=result,
        checked=sum(checked.values()),
        written=tuple(
            Written(
                row.cell,
                None if row.needs_manual_grade and row.manual_score is None else float(row.score),
                float(row.max_score or 0.0),
                str(given.get((student, row.notebook, row.cell, "manual_comment")) or ""),
            )
            for row in written
        ),
        adjustments=tuple(
            Adjustment(cell, added, touched.get(cell))
            for cell in {**checked, **tested}
            if abs(added := tested.get(cell, 0.0) - checked.get(cell, 0.0)) > TOLERANCE
        ),
        deductions=tuple(
            Deduction(float(penalty or 0.0), float(submission.total_seconds_late), rule)
            for penalty in [submission.late_submission_penalty]
            if penalty or rule
        ),
        history=tuple(was for was, now in _followed(noted) if people.is_taken_back(now)),
        overwritten=tuple(
            was
            for was, now in _followed(noted)
            if was.who != now.who and was.new is not None and not people.is_taken_back(now)
        ),
        waiting=any(row.needs_manual_grade for row in cells),
        handed_in=submission.timestamp and submission.timestamp.replace(tzinfo=UTC),
    )


def _followed(changes_of_student: Iterable[Change]) -> Iterator[tuple[Change, Change]]:
    """Yield each change that another one followed, with that one."""
    last: dict[Key, Change] = {}
    for change in changes_of_student:
        if change.key in last:
            yield last[change.key], change
        last[change.key] = change


def _read_by_people(session: AnySession, lab: str) -> set[tuple[str, str]]:
    """Return (notebook, cell) of the answers and tasks of a lab that a person marks."""
    return {
        (notebook, cell)
        for kind, what in (
            (SolutionCell, sa.true()),
            (TaskCell, sa.true()),
            (GradeCell, GradeCell.cell_type == "markdown"),
        )
        for notebook, cell in session.execute(
            sa.select(Notebook.name, kind.name)
            .join(Notebook, Notebook.id == kind.notebook_id)
            .join(Assignment, Assignment.id == Notebook.assignment_id)
            .where(Assignment.name == lab, what)
        )
    }
