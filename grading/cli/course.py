"""Commands of the whole course: its mark, and changes of a lab's marks by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from grading.cli.console import note, say, show, shown
from grading.cli.options import DatabaseUrl, gradebook_url, labs_course_here
from grading.cli.settling import class_of, read_beside, settle
from grading.errors import UserError

if TYPE_CHECKING:
    from grading.course.adjustments import LabAdjustment
    from grading.course.config import Course

INSTEAD = "a course's mark needs its labs and weights in one"


def course(
    xlsx: Annotated[
        bool,
        typer.Option("--xlsx", help="Write the table as a workbook, too, with a sheet a lab."),
    ] = False,
    db: DatabaseUrl = None,
) -> None:
    """Print everybody's mark in the course; write its table, its page and a page a student."""
    from grading.course.roster import read_roster
    from grading.gradebook.marks import Marks
    from grading.reporting.course_report import table, write_course, write_workbook
    from grading.reporting.coursework import course_view
    from grading.service.standing import given_beside

    here = labs_course_here(INSTEAD)
    beside, roster = read_beside(here), read_roster(here.roster)
    given = given_beside(here, roster)
    with Marks.existing(gradebook_url(here, db)) as marks:
        for lab in here.lab_names:
            settle(lab, marks, beside.policy)
        classes = {lab: class_of(here, lab, marks, beside) for lab in here.lab_names}
        given = replace(given, maxima=marks.maxima())
    for exam in here.exams:
        if given.exams[exam.name] is None:
            note(f"there is no {shown(exam.file)} yet, so {exam.name} does not count so far")
    view = course_view(here, roster, classes, given)
    if view.unlisted:
        note(f"not in the roster, so left out: {', '.join(view.unlisted)}")
    show(table(view, here.language))
    page, listed, pages = write_course(here, view, given)
    say(f"Page: {shown(page)}, table: {shown(listed)}")
    if xlsx:
        say(f"Workbook: {shown(write_workbook(here, view, classes))}")
    say(f"{len(pages)} students' pages under {shown(page.parent / 'students')}")


def adjust(
    student: Annotated[str, typer.Argument(help="Id of the student.")] = "",
    lab: Annotated[str, typer.Argument(help="A lab of course.toml.")] = "",
    marks: Annotated[
        str, typer.Option(metavar="MARKS", help="What to add, or with a - to take off.")
    ] = "",
    because: Annotated[
        str, typer.Option(metavar="REASON", help="The reason, which the student is told, too.")
    ] = "",
    list_: Annotated[bool, typer.Option("--list", help="Only list what was changed.")] = False,
    db: DatabaseUrl = None,
) -> None:
    """Add to a student's marks in a lab, or take off them, by hand and with a reason."""
    from grading.course.adjustments import (
        adjustment,
        now,
        read_adjustments,
        write_adjustments,
    )
    from grading.course.roster import read_roster
    from grading.gradebook.changes import whoever
    from grading.reporting.standings import signed

    here = labs_course_here(INSTEAD)
    before = read_adjustments(here)
    if list_:
        for change in before:
            about = ", ".join(filter(None, (change.who, change.when))) or "not known by whom"
            say(
                f"{change.lab}, {change.student}: {signed(change.added)} ({about}: {change.reason})"
            )
        return
    if not (student and lab and marks):
        raise UserError("expected STUDENT LAB --marks MARKS --because REASON, or --list")
    fields = {
        "student_id": student,
        "lab": lab,
        "marks": marks,
        "reason": because,
        "who": whoever(),
        "when": now(here),
    }
    try:
        change = adjustment(here, read_roster(here.roster), fields)
    except ValueError as error:
        raise UserError(str(error)) from None
    old, new = _effect(here, before, change, db)
    write_adjustments(here, [*before, change])
    say(f"{change.lab}, {change.student}: {old:g} → {new:g}; kept in {shown(here.adjustments)}")


def _effect(
    here: Course, before: list[LabAdjustment], change: LabAdjustment, db: str | None
) -> tuple[float, float]:
    """Return the student's marks in the lab before and after, or refuse what cannot be done."""
    from grading.gradebook.adjusting import adjusted
    from grading.gradebook.lateness import late_policy
    from grading.gradebook.marks import Marks
    from grading.judging.record import TOLERANCE

    beyond, policy = here.mark.beyond_maximum, late_policy(here)
    with Marks.existing(gradebook_url(here, db)) as book:
        settle(change.lab, book, policy)
        mine = [item for item in book.records(change.lab) if item.student == change.student]
    if not mine:
        raise UserError(
            f"nothing of {change.lab} by {change.student} is graded; marks are changed by hand "
            "once there are some"
        )
    (was,) = adjusted(mine, change.lab, before, beyond)
    (after,) = adjusted([was], change.lab, [change], beyond)
    if abs(was.score + change.added - after.score) > TOLERANCE:
        most = "" if beyond else f" to {was.max_score:g}"
        raise UserError(
            f"{change.student} has {was.score:g} marks in {change.lab}, and {change.marks} more "
            f"would be {was.score + change.added:g}; expected from 0{most}"
        )
    return was.score, after.score
