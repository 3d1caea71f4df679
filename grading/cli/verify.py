"""The command that traces every mark to what it was made of."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from grading.cli.console import note, say
from grading.cli.options import DatabaseUrl, course_here, gradebook_url
from grading.errors import UserError

if TYPE_CHECKING:
    from grading.course.config import Course
    from grading.engine.executor import RunOptions
    from grading.gradebook.grade import EvidenceGrader
    from grading.gradebook.grader import Graded, Grader, Submission
    from grading.gradebook.marks import Marks
    from grading.judging.results import Result
    from grading.keeping.verify import There

    Runs = dict[tuple[str, tuple[int, ...]], list[Submission]]  # by profile and seeds


def verify(
    lab: Annotated[
        str | None, typer.Argument(metavar="LAB", help="A lab of course.toml; else all of them.")
    ] = None,
    replay: Annotated[
        bool, typer.Option("--replay", help="Grade again, write nothing, compare the marks.")
    ] = False,
    jobs: Annotated[int | None, typer.Option(min=1, help="With --replay: as for `grade`.")] = None,
    sandbox: Annotated[
        bool, typer.Option(help="With --replay: --no-sandbox runs submissions unprotected.")
    ] = True,
    db: DatabaseUrl = None,
) -> None:
    """Trace every mark to what was handed in, the release, the seed and the kit."""
    from grading.engine.executor import RunOptions
    from grading.gradebook.marks import Marks

    course = course_here()
    labs = [course.lab(lab).name] if lab else list(course.lab_names)
    if not labs:
        raise UserError("expected the name of an assignment; this course of nbgrader's lists none")
    options = RunOptions(jobs=jobs, sandbox=sandbox)
    found: list[str] = []
    with Marks.existing(gradebook_url(course, db)) as marks:
        graded = [name for name in labs if marks.records(name)]
        if not graded:
            what = lab or "any lab"
            raise UserError(f"nothing of {what} is graded yet; run `python -m grading grade LAB`")
        for name in graded:
            lines = _untraced(course, name, marks)
            if replay:
                lines += _replayed(course, name, marks, options)
            for line in lines:
                say(f"{name}, {line}")
            found += lines
    if found:
        raise typer.Exit(1)


def _untraced(course: Course, lab: str, marks: Marks) -> list[str]:
    """Return a line for each thing to which a mark of a lab cannot be traced.

    The gradebook is only read: what somebody wrote there is not noted as found.
    """
    from grading.keeping.verify import doubts
    from grading.native.grade import grader_of

    there = _there(grader_of(course, lab), lab, marks)
    of_each = {record.student: [*doubts(record, there)] for record in marks.records(lab)}
    traced = sum(not lines for lines in of_each.values())
    say(
        f"{lab}: marks of {len(of_each)} students, {traced} traced to what was handed in, the "
        f"release, {'the seed ' if there.seeded else ''}and the kit"
    )
    return [f"{student}: {line}" for student, lines in of_each.items() for line in lines]


def _there(grader: Grader, lab: str, marks: Marks) -> There:
    from grading.judging.basis import kit
    from grading.keeping.verify import There

    kits = {kit(), *(result.kit for result in marks.results(lab) if result.kit)}
    try:
        bases = {one: grader.basis(one) for one in kits}
    except UserError:  # it is no longer released, which is a doubt of each mark
        bases = {}
    submissions = {
        student: grader.digest(submission)
        for submission in grader.submissions()
        for student in submission.students
    }
    unnoted = {(student, cell) for student, _, cell, _ in marks.unnoted(lab)}
    return There(submissions, kit(), bases, grader.seeded, unnoted)


def _replayed(course: Course, lab: str, marks: Marks, options: RunOptions) -> list[str]:
    """Grade what the marks of a lab are of again, and return a line for each that differs."""
    from grading.gradebook.grade import EvidenceGrader
    from grading.native.grade import grader_of

    grader = grader_of(course, lab)
    if not isinstance(grader, EvidenceGrader):
        note(
            f"{lab} is marked by nbgrader's rules, which write as they mark, so it is not graded "
            "again; for that restore an archive elsewhere, and `grade` there"
        )
        return []
    known = {result.student: result for result in marks.results(lab)}
    runs: Runs = {}
    for submission in grader.submissions():
        result = known.get(submission.students[0])
        if result and result.submission == grader.digest(submission):
            runs.setdefault((result.profile, tuple(result.seeds)), []).append(submission)
    return asyncio.run(_graded_again(course, lab, grader, runs, known, options))


async def _graded_again(
    course: Course,
    lab: str,
    grader: EvidenceGrader,
    runs: Runs,
    known: dict[str, Result],
    options: RunOptions,
) -> list[str]:
    from dataclasses import replace

    from grading.cli.options import profile_of
    from grading.cli.progress import progress
    from grading.engine.choice import executor_of
    from grading.keeping.verify import differences

    lines: list[str] = []
    total = sum(map(len, runs.values()))
    with progress(lab, total) as bar:

        def done(submission: Submission, graded: Graded) -> None:
            bar.advance(failed=graded.notebook is None)
            for after in graded.results:
                if before := known.get(after.student):
                    lines.extend(f"{after.student}: {line}" for line in differences(before, after))

        async with executor_of(course, lab, options) as executor:
            for warning in executor.warnings:
                note(warning.text("en"))
            bar.begin(options.at_once(executor))
            for (profile, seeds), work in runs.items():
                with_profile = replace(options, profile=profile_of(profile))
                await grader.replay(executor, work, with_profile, seeds, done)
    return sorted(lines)
