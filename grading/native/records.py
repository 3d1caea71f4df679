"""What nbgrader's gradebook holds of an assignment and of a submission."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from nbgrader.api import (
    Assignment,
    BaseCell,
    Grade,
    Gradebook,
    MissingEntry,
    Notebook,
    SubmittedAssignment,
    SubmittedNotebook,
)

from grading.errors import UserError

Scores = Mapping[tuple[str, str], float | None]  # by notebook and cell; None was not marked yet


@dataclass(frozen=True)
class Tests:
    """The test cells of an assignment: those that are marked by their outputs.

    Attributes
    ----------
    assignment : str
    points : mapping
        Of every test cell, by notebook and cell.
    """

    assignment: str
    points: Mapping[str, Mapping[str, float]]

    @property
    def max_score(self) -> float:
        """Points of all test cells."""
        return sum(point for cells in self.points.values() for point in cells.values())


def read_tests(gradebook: Gradebook, assignment: str) -> Tests:
    """Return the test cells of an assignment.

    Raises
    ------
    UserError
        If the gradebook does not know the assignment or is of an older nbgrader, or if a notebook
        is not for Python.
    """
    try:
        notebooks = gradebook.find_assignment(assignment).notebooks
    except MissingEntry:
        raise UserError(
            f"the gradebook does not know {assignment!r}; "
            f"run `nbgrader generate_assignment {assignment}` first"
        ) from None
    except sa.exc.OperationalError as error:
        line = str(error).splitlines()[0]
        raise UserError(
            f"the gradebook cannot be read: {line}; try `nbgrader db upgrade`"
        ) from None
    for notebook in notebooks:
        language = json.loads(notebook.kernelspec or "{}").get("language") or "python"
        if language != "python":
            raise UserError(f"{notebook.name}.ipynb is for {language}; only Python can be graded")
    return Tests(assignment, {notebook.name: _points(notebook) for notebook in notebooks})


def clear(gradebook: Gradebook, assignment: str, student: str) -> None:
    """Take back what an earlier grading wrote; what a person gave stays.

    nbgrader itself leaves the old marks of cells that a new submission no longer has.
    """
    mine = _notebooks_of(assignment, student).with_only_columns(SubmittedNotebook.id)
    for change in (
        sa.update(Grade)
        .where(Grade.notebook_id.in_(mine))
        .values(auto_score=None, needs_manual_grade=True),
        sa.update(SubmittedNotebook)
        .where(SubmittedNotebook.id.in_(mine))
        .values(late_submission_penalty=None),
    ):
        gradebook.db.execute(change, execution_options={"synchronize_session": False})


def read_scores(gradebook: Gradebook, assignment: str, student: str) -> Scores:
    """Return what nbgrader gave for every cell of a submission."""
    graded = (
        _notebooks_of(assignment, student)
        .join(Grade, Grade.notebook_id == SubmittedNotebook.id)
        .join(BaseCell, BaseCell.id == Grade.cell_id)
        .with_only_columns(Notebook.name, BaseCell.name, Grade.auto_score)
    )
    return {(name, cell): score for name, cell, score in gradebook.db.execute(graded)}


def _points(notebook: Notebook) -> dict[str, float]:
    answers = {cell.name for cell in notebook.solution_cells}
    return {
        cell.name: float(cell.max_score)
        for cell in notebook.grade_cells
        if cell.cell_type == "code" and cell.name not in answers
    }


def _notebooks_of(assignment: str, student: str) -> sa.Select[tuple[SubmittedNotebook]]:
    return (
        sa.select(SubmittedNotebook)
        .join(Notebook, Notebook.id == SubmittedNotebook.notebook_id)
        .join(SubmittedAssignment, SubmittedAssignment.id == SubmittedNotebook.assignment_id)
        .join(Assignment, Assignment.id == SubmittedAssignment.assignment_id)
        .where(Assignment.name == assignment, SubmittedAssignment.student_id == student)
    )
