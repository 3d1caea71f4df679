"""The marks of checks, about which students ask, too: what the judge gave, then a person."""

from collections.abc import Iterable
from dataclasses import dataclass

from nbgrader.api import BaseCell, Grade, Notebook, SubmittedAssignment

from grading.gradebook import changes
from grading.gradebook.changes import AnySession
from grading.gradebook.people import teams
from grading.judging.record import TOLERANCE, Change
from grading.judging.results import CheckMark
from grading.marking.answers import read_results, refusal


@dataclass(frozen=True)
class Checked:
    """What a submission earned in the cell of an exercise's checks.

    Attributes
    ----------
    lab, cell, notebook : str
    students : tuple of str
        Who handed it in together.
    marks, most : float
        ``marks`` as they stand, whoever gave them.
    parts : tuple of CheckMark
        As the judge gave them, each with its reason.
    """

    lab: str
    cell: str
    notebook: str
    students: tuple[str, ...]
    marks: float
    most: float
    parts: tuple[CheckMark, ...]

    @property
    def student(self) -> str:
        """One of those whose it is."""
        return self.students[0]

    @property
    def lost(self) -> tuple[CheckMark, ...]:
        """The checks that did not earn all their marks."""
        return tuple(one for one in self.parts if one.marks < one.max - TOLERANCE)

    def shares(self, other: "Checked") -> bool:
        """Whether another submission lost marks at one of the same checks."""
        return not {one.label for one in self.lost}.isdisjoint(one.label for one in other.lost)


def checks_of(session: AnySession, lab: str, student: str) -> list[Checked]:
    """Return the checks of a student's submission, in their order."""
    known = read_results(session, lab, [student])
    partners = {one for result in known.values() for one in result.team}
    found = _checks(session, lab, partners | {student})
    order = [check.cell for result in known.values() for check in result.checks]
    mine = [one for one in found if student in one.students]
    return sorted(mine, key=lambda one: order.index(one.cell))


def checks(session: AnySession, lab: str, cell: str) -> list[Checked]:
    """Return what the class earned in a cell of checks, one for all who handed in together."""
    return [one for one in _checks(session, lab) if one.cell == cell]


def give(session: AnySession, checked: Checked, marks: float, who: str, why: str) -> None:
    """Give a check other marks than those that stand, with a reason.

    Raises
    ------
    NotMarked
        If it cannot have these marks.
    """
    if not 0 <= marks <= checked.most:
        raise refusal("no_check_marks", most=f"{checked.most:g}")
    if abs(marks - checked.marks) <= TOLERANCE:
        return
    for student in checked.students:
        changes.find_unnoted(session, checked.lab, student)
        key = (student, checked.notebook, checked.cell, "manual_score")
        old = changes.given(session, checked.lab, student).get(key)
        changes.put(session, checked.lab, key, marks)
        changes.note(session, checked.lab, key, old, marks, who, why)


def history(session: AnySession, checked: Checked) -> list[Change]:
    """Return what people gave a check, oldest first."""
    noted = changes.noted(session, checked.lab, checked.student)
    return [one for one in noted if one.cell == checked.cell]


def _checks(session: AnySession, lab: str, students: Iterable[str] | None = None) -> list[Checked]:
    whose = SubmittedAssignment.student_id
    query = changes.placed(Grade, lab).order_by(whose)
    if students is not None:
        query = query.where(whose.in_(list(students)))
    place = whose.label("student"), Notebook.name.label("notebook"), BaseCell.name.label("cell")
    rows = session.execute(
        query.with_only_columns(*place, Grade.score.label("score"), Grade.max_score.label("most"))
    ).all()
    results = read_results(session, lab, None if students is None else list(students))
    together = {student: team for team in teams(results.values()) for student in team}
    found = []
    for row in rows:
        team = together.get(row.student, (row.student,))
        result = results.get(row.student)
        parts = tuple(one for one in result.checks if one.cell == row.cell) if result else ()
        if parts and row.student == team[0]:
            marks, most = float(row.score), float(row.most)
            found.append(Checked(lab, row.cell, row.notebook, team, marks, most, parts))
    return found
