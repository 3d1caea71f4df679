"""Commands of a term: release, collect, grade, report, feedback, export."""

from __future__ import annotations

import asyncio
import difflib
import gc
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from grading.cli.console import err, note, say, show, shown
from grading.cli.options import (
    DatabaseUrl,
    LabName,
    ProfileName,
    SchedulerUrl,
    course_here,
    gradebook_url,
    labs_course_here,
    profile_of,
)
from grading.cli.settling import STALE, class_of, read_beside, records_of, settle
from grading.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from grading.course.config import Course
    from grading.course.roster import Roster
    from grading.engine.executor import Executor, RunOptions
    from grading.feedback.writing import Returned
    from grading.gradebook.grader import Graded, Grader, Submission
    from grading.gradebook.marks import Marks
    from grading.judging.results import Result
    from grading.reporting.standings import ClassView

# In a course of nbgrader's.
PUT_IT = "put each student's files into submitted/ID/{}, as `nbgrader zip_collect` does"
INTERRUPTED = 130  # the exit code of what Ctrl-C stopped


def release(lab: LabName, db: DatabaseUrl = None) -> None:
    """Generate the release of a lab with nbgrader, and register its marks."""
    from datetime import UTC, datetime

    from grading.gradebook.database import without_password
    from grading.gradebook.release import release as release_lab

    course = labs_course_here(f"`nbgrader generate_assignment {lab}` makes its release")
    url = gradebook_url(course, db)
    path = release_lab(course, lab, url)
    say(f"{lab}: released as {shown(path)}")
    due = course.lab(lab).due
    if due and due < datetime.now(UTC):
        note(
            f"{lab} was due on {due.astimezone(course.zone):%Y-%m-%d at %H:%M}, so whatever is "
            "handed in now is late; if that is not meant, change its due in course.toml"
        )
    if without_password(url) != url:
        note("the password is kept nowhere; later commands need it as PGPASSWORD or in ~/.pgpass")


def collect(
    lab: LabName,
    path: Annotated[Path, typer.Argument(help="What was downloaded or handed in.")],
    source: Annotated[
        str, typer.Option("--from", help="folder, zip, moodle, canvas or classroom.")
    ] = "folder",
) -> None:
    """Take in submissions; one line says what became of each file."""
    from grading.collect import collect as collect_lab

    report = collect_lab(labs_course_here(PUT_IT.format(lab)), lab, path, source)
    for line in report.lines() + report.totals():
        say(line)
    if report.refused:
        raise typer.Exit(1)


def grade(
    lab: LabName,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Submissions at once; as many as cores by default.")
    ] = None,
    db: DatabaseUrl = None,
    profile: ProfileName = "quick",
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the results there, too.")
    ] = None,
    scheduler: SchedulerUrl = None,
    student: Annotated[
        list[str] | None,
        typer.Option("--student", metavar="ID", help="Only this one's; may be repeated."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Skip submissions graded already.")
    ] = False,
    sandbox: Annotated[
        bool, typer.Option(help="--no-sandbox runs submissions unprotected.")
    ] = True,
) -> None:
    """Grade what was collected and write the marks into the gradebook."""
    from grading.engine.choice import executor_of
    from grading.engine.executor import RunOptions

    gc.disable()  # until the imports are done, which leave no garbage worth a collection
    course = course_here()
    options = RunOptions(profile_of(profile), jobs, resume, sandbox, scheduler)
    executor = executor_of(course, lab, options)  # starts while the rest is imported

    from grading.gradebook.marks import KEPT, Marks
    from grading.judging.results import GRADED
    from grading.native.course import NbgraderCourse
    from grading.native.grade import grader_of

    gc.freeze()  # what is imported stays: no collection need look at it again, nor the exit
    gc.enable()
    grader = grader_of(course, lab)
    beside = read_beside(course)
    work = grader.submissions()
    if not work:
        ours = f"run `python -m grading collect {lab} PATH` first"
        how = PUT_IT.format(lab) if isinstance(course, NbgraderCourse) else ours
        raise UserError(f"nothing of {lab} was collected; {how}")
    if student:
        work = _of_students(work, student, lab)
    with Marks(gradebook_url(course, db)) as marks:
        if beside.roster is not None:
            marks.add_students(beside.roster)
        work = _without_removed(work, marks.removed(lab), beside.roster)
        if options.resume:
            left = grader.to_do(marks, work, options.profile)
            work = list(left.submissions)
            say(f"{len(work)} submissions are left to grade.")
            if left.stale:
                say(f"{len(left.stale)} of them were graded {STALE}.")
        if work:
            try:
                asyncio.run(_grade(lab, grader, executor, marks, work, options))
            except KeyboardInterrupt:
                err.print(f"stopped; {KEPT}")
                raise typer.Exit(INTERRUPTED) from None
            except OSError as error:
                if error.filename is None:
                    raise
                raise UserError(f"{error.filename}: {error.strerror}; {KEPT}") from None
        results = marks.results(lab)
        settle(lab, marks, beside.policy)
        view = class_of(course, lab, marks, beside)
    _report(course, lab, view)
    if json_file:
        _write_json(json_file, lab, results)
    if any(result.status != GRADED for result in results):
        raise typer.Exit(1)


def _without_removed(
    work: list[Submission], removed: Iterable[str], roster: Roster | None
) -> list[Submission]:
    """Return the submissions but those of students who were taken out of gradebook and roster."""
    listed = {student.id for student in roster.students} if roster else set()
    left = set(removed) - listed
    handed_in = {student for item in work for student in item.students}
    if gone := sorted(handed_in & left):
        note(f"no longer in the gradebook or the roster, so not graded: {', '.join(gone)}")
    kept = [
        replace(item, students=tuple(student for student in item.students if student not in left))
        for item in work
    ]
    return [item for item in kept if item.students]


def _of_students(work: list[Submission], students: list[str], lab: str) -> list[Submission]:
    """Return the submissions of some students, each once; a pair's is that of both."""
    known = {name.casefold(): submission for submission in work for name in submission.students}
    for student in students:
        if student.casefold() not in known:
            near = difflib.get_close_matches(student.casefold(), known, n=1)
            hint = f"did you mean {near[0]}?" if near else "`collect` says who handed in"
            raise UserError(f"nothing of {lab} was collected from {student!r}; {hint}")
    return list(dict.fromkeys(known[student.casefold()] for student in students))


async def _grade(
    lab: str,
    grader: Grader,
    executor: Executor,
    marks: Marks,
    work: list[Submission],
    options: RunOptions,
) -> None:
    """Grade ``work`` and show how far it is."""
    from grading.cli.progress import progress

    with progress(lab, len(work)) as bar:

        def done(submission: Submission, graded: Graded) -> None:
            bar.advance(failed=graded.notebook is None)

        async with executor:
            for warning in executor.warnings:
                note(warning.text("en"))
            bar.begin(options.at_once(executor))
            await grader.grade(executor, marks, work, options, done)


def _write_json(path: Path, lab: str, results: list[Result]) -> None:
    data = {"lab": lab, "submissions": [result.to_json() for result in results]}
    path.write_text(json.dumps(data, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def report(lab: LabName, db: DatabaseUrl = None) -> None:
    """Print the marks of a lab again and write its HTML page."""
    course = course_here()
    _report(course, lab, lab_view(course, lab, db))


def _report(course: Course, lab: str, view: ClassView) -> None:
    from grading.reporting.report import table, write_html

    if view.unlisted:
        note(f"not in the roster, so left out: {', '.join(view.unlisted)}")
    show(table(view, course.language))
    say(f"Report: {shown(write_html(course, lab, view))}")


def lab_view(course: Course, lab: str, db: str | None) -> ClassView:
    """Return the class as the gradebook has it, or raise `UserError` if nothing is graded."""
    from grading.gradebook.marks import Marks

    course.lab(lab)
    beside = read_beside(course)
    with Marks.existing(gradebook_url(course, db)) as marks:
        settle(lab, marks, beside.policy)
        view = class_of(course, lab, marks, beside)
    if not view.handed_in and not view.unlisted:
        raise UserError(f"nothing of {lab} is graded yet; run `python -m grading grade {lab}`")
    return view


def mark(
    lab: LabName,
    student: Annotated[str, typer.Argument(help="Id of the student.")],
    cell: Annotated[str, typer.Argument(help="Id of the check or the question.")],
    marks: Annotated[float, typer.Option(help="What it is to have.")],
    why: Annotated[str, typer.Option(help="The reason, which the student is told, too.")],
    db: DatabaseUrl = None,
) -> None:
    """Give a check or a written answer other marks, by hand and with a reason."""
    from grading.gradebook.marks import Marks

    course = course_here()
    course.lab(lab)
    with Marks.existing(gradebook_url(course, db)) as book:
        before = book.adjust(lab, student, cell, marks, why)
    say(f"{lab}, {student}, {cell}: {before:g} → {marks:g}")


def feedback(
    lab: LabName,
    lms: Annotated[
        str | None,
        typer.Option("--zip", metavar="LMS", help="moodle or canvas: a zip that it takes."),
    ] = None,
    mail: Annotated[bool, typer.Option("--mail", help="Write an e-mail for each student.")] = False,
    send: Annotated[
        bool, typer.Option("--send", help="With --mail: show who would be sent theirs.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="With --send: send it.")] = False,
    db: DatabaseUrl = None,
) -> None:
    """Write one HTML page for each student with marks, reasons and comments."""
    from grading.feedback.writing import write_feedback
    from grading.gradebook.marks import Marks
    from grading.native import feedback as of_plain
    from grading.native.course import is_plain

    if (send and not mail) or (yes and not send):
        raise UserError("expected --mail with --send, and --send with --yes")
    course = course_here()
    course.lab(lab)
    url, beside = gradebook_url(course, db), read_beside(course)
    with Marks.existing(url) as marks:
        settle(lab, marks, beside.policy)
        records = records_of(course, lab, marks, beside)
    if is_plain(course, lab):
        if lms or mail:
            raise UserError(f"--zip and --mail are for labs of the kit; {lab} is nbgrader's own")
        count = len(of_plain.write_feedback(course, lab, url))
        pages = []
    else:
        pages = write_feedback(course, lab, records, beside.roster)
        count = len(pages)
    say(f"{count} pages under {shown(course.home / 'feedback')}")
    if lms:
        _zip(course, lab, lms, pages)
    if mail:
        _mail(course, lab, pages, send, yes)


def _zip(course: Course, lab: str, lms: str, pages: list[Returned]) -> None:
    from grading.feedback.zips import write_zip

    ids = _lms_ids(course, lab, (page.student for page in pages))
    path, warnings = write_zip(course, lab, lms, pages, ids)
    for line in warnings:
        note(line)
    say(f"{lab}: zip for {lms} in {shown(path)}")


def _mail(course: Course, lab: str, pages: list[Returned], send: bool, yes: bool) -> None:
    """Write the e-mail of a lab; send it, or show what would be sent."""
    from grading.feedback.mail import mailbox, sender_of, write_mail
    from grading.feedback.sending import SentLog, connected
    from grading.feedback.sending import send as send_messages

    messages, warnings = write_mail(course, lab, pages)
    folder = mailbox(course.home, lab)
    for line in warnings:
        note(line)
    say(f"{len(messages)} e-mails in {shown(folder)}")
    if not send:
        return
    log = SentLog(folder)
    left = log.left(messages)
    say(f"{len(messages) - len(left)} of them were sent before")
    with connected(sender_of(course)) as server:
        if not yes:
            for one in left.values():
                say(f"would be sent: {one['To']}")
            say("nothing is sent yet; the same with --yes sends it")
            return
        sent = send_messages(server, left, log)
    say(f"{sent.count} were sent")
    for student, why in sent.refused.items():
        note(f"not sent to {student}: {why}")
    if sent.refused:
        raise typer.Exit(1)


def export(
    lab: LabName,
    to: Annotated[str, typer.Option(help="csv, xlsx, moodle or canvas.")] = "csv",
    worksheet: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="With moodle: its grading worksheet, to be filled."),
    ] = None,
    gradebook: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="With canvas: its exported gradebook, to be filled."),
    ] = None,
    column: Annotated[
        str,
        typer.Option(
            metavar="TITLE", help="With --gradebook: the lab's assignment, if called otherwise."
        ),
    ] = "",
    db: DatabaseUrl = None,
) -> None:
    """Write the marks as a file that a spreadsheet or an LMS reads."""
    from grading.reporting import export as exports

    for option, given, fits, needed in (
        ("--worksheet", worksheet, to == "moodle", "--to moodle"),
        ("--gradebook", gradebook, to == "canvas", "--to canvas"),
        ("--column", column, gradebook, "--to canvas and --gradebook FILE"),
    ):
        if given and not fits:
            raise UserError(f"expected {needed} with {option}, found only --to {to}")
    course = course_here()
    view = lab_view(course, lab, db)
    handed_in = (row.student for row in view.handed_in)
    if worksheet:
        ids = _lms_ids(course, lab, handed_in)
        path, warnings = exports.fill_worksheet(course, lab, view, worksheet, ids)
    elif gradebook:
        ids = _lms_ids(course, lab, handed_in)
        path, warnings = exports.fill_gradebook(course, lab, view, gradebook, ids, column)
    else:
        path, warnings = exports.export(course, lab, to, view)
    for line in warnings:
        note(line)
    say(f"{lab}: exported to {shown(path)}")


def _lms_ids(course: Course, lab: str, students: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return what the LMS calls each student, as far as `collect` could tell."""
    from grading.collect.submitted import Place

    return {student: Place(course.home, student, lab).handed_in().ids for student in students}
