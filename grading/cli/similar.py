"""The command that looks for hand-ins that are alike."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from grading.cli.console import note, say, show, shown
from grading.cli.options import LabName, labs_course_here, roster_of
from grading.errors import UserError

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from grading.course.config import Course
    from grading.similarity.collected import Term

MOST = 30  # pairs on the page


def similar(
    lab: LabName,
    earlier: Annotated[
        list[Path] | None,
        typer.Option("--with", metavar="DIR", help="An earlier term's course; may be repeated."),
    ] = None,
) -> None:
    """List hand-ins that share more than chance and the released code explain, for you to read."""
    from grading.cli.progress import progress
    from grading.collect.submitted import collected
    from grading.messages import message
    from grading.reporting.similar import Comparison, table, write_html
    from grading.similarity.collected import Term, earlier_term
    from grading.similarity.compare import released_grams, similar_pairs
    from grading.similarity.pieces import pieces_of

    course = labs_course_here("`similar` reads what `collect` took in for a course of ours")
    course.lab(lab)
    roster = roster_of(course)
    terms = [Term(course.home, roster=roster), *(earlier_term(path, lab) for path in earlier or ())]
    for term, path in zip(terms[1:], earlier or (), strict=True):
        if term.home.resolve() == course.home.resolve():
            raise UserError(f"--with {path}: this is the course itself; name an earlier term's")
    released = _released(course, terms, lab)
    given = {cell.source for notebook in released for cell in notebook.cells}
    work = [(term, students) for term in terms for students in collected(term.home, lab)]
    if not collected(course.home, lab):
        raise UserError(
            f"nothing of {lab} was collected; run `python -m grading collect {lab} PATH` first"
        )
    hand_ins, unread = [], []
    with progress(lab, len(work)) as bar:
        bar.begin(1)
        for term, students in work:
            try:
                hand_ins.append(term.hand_in(students, lab, given))
            except UserError as error:
                values = {"students": " + ".join(students), "reason": error.text(course.language)}
                unread.append(message("similar.unread", course.language, **values))
                bar.advance(failed=True)
            else:
                bar.advance(failed=False)
    grams = released_grams(piece for notebook in released for piece in pieces_of(notebook))
    now = sum(not hand_in.term for hand_in in hand_ins)
    comparison = Comparison(
        similar_pairs(hand_ins, grams, MOST),
        now,
        len(hand_ins) - now,
        {student.id: student.name for student in roster.students} if roster else {},
        unread,
    )
    for line in unread:
        note(line)
    if comparison.pairs:
        show(table(comparison, course.language))
    else:
        say(message("similar.nothing", course.language))
    say(f"Page: {shown(write_html(course, lab, comparison))}")
    if unread:
        raise typer.Exit(1)


def _released(course: Course, terms: list[Term], lab: str) -> list[NotebookNode]:
    """Return all that students were given of a lab: in every language, and what was replaced."""
    from grading.cells.reading import read_notebook
    from grading.gradebook.former import former_releases

    if not (released := terms[0].released(lab)):
        raise UserError(f"{lab} was not released yet; run `python -m grading release {lab}`")
    for term in terms[1:]:
        released += term.released(lab)
    for term in terms:
        released += former_releases(term.home, lab)
    built = sorted(course.root.glob(f"notebooks/*/{lab}.ipynb"))
    return released + [read_notebook(path.read_bytes()) for path in built]
