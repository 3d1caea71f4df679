"""What nbgrader's gradebook holds of an assignment and of a submission."""

import json
from collections.abc import Collection, Mapping
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
from nbgrader.nbgraderformat import MetadataValidator

from grading.errors import UserError
from grading.native.released import Cells

Scores = Mapping[tuple[str, str], float | None]  # by notebook and cell; None was not marked yet


@dataclass(frozen=True)
class Tests:
    """The test cells of an assignment: those that are marked by their outputs.

    Attributes
    ----------
    assignment : str
    points : mapping
        Of every test cell, by notebook and cell.
    cells : mapping
        nbgrader's metadata of every cell that it knows, by notebook and cell.
    """

    assignment: str
    points: Mapping[str, Mapping[str, float]]
    cells: Mapping[str, Cells]

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
    return Tests(
        assignment,
        {notebook.name: _points(notebook) for notebook in notebooks},
        {notebook.name: _metadata(notebook) for notebook in notebooks},
    )


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


def settle(
    gradebook: Gradebook, assignment: str, student: str, present: Collection[tuple[str, str]]
) -> None:
    """Give no marks for the cells that a graded submission lacks: nobody would see them to mark.

    Parameters
    ----------
    present : collection of (str, str)
        Notebook and id of the cells that it has.
    """
    graded = (
        _notebooks_of(assignment, student)
        .join(Grade, Grade.notebook_id == SubmittedNotebook.id)
        .join(BaseCell, BaseCell.id == Grade.cell_id)
        .with_only_columns(Grade, Notebook.name, BaseCell.name)
    )
    for grade, notebook, cell in gradebook.db.execute(graded):
        if (notebook, cell) not in present:
            grade.auto_score = 0.0
            grade.needs_manual_grade = False
    gradebook.db.flush()


def _metadata(notebook: Notebook) -> Cells:
    """Return what nbgrader writes into the cells of a release."""
    tasks = {cell.name for cell in notebook.task_cells}
    answers = {cell.name for cell in notebook.solution_cells}
    points = {
        cell.name: float(cell.max_score) for cell in (*notebook.grade_cells, *notebook.task_cells)
    }
    return {
        cell.name: {
            "schema_version": MetadataValidator.schema_version,
            "grade_id": cell.name,
            "grade": cell.name in points and cell.name not in tasks,
            "solution": cell.name in answers,
            "task": cell.name in tasks,
            "locked": bool(cell.locked),
            "cell_type": str(cell.cell_type),
            **({"checksum": cell.checksum} if cell.checksum else {}),
            **({"points": points[cell.name]} if cell.name in points else {}),
        }
        for cell in notebook.source_cells
    }


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
