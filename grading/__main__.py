"""The command line: ``python -m grading COMMAND``.

Exit codes: 0 done; 1 some submissions need attention (they are listed); 2 wrong usage or input,
with one line that says what was expected, what was found and what to do.
"""

import asyncio
import gc
import json
import shutil
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from grading.errors import UserError

# With this module jsonschema takes a second to prepare for addresses that no notebook has.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]

app = typer.Typer(
    help="Build, release, collect, grade and report on the labs of a course.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

LabName = Annotated[str, typer.Argument(metavar="LAB", help="A lab of course.toml.")]
DatabaseUrl = Annotated[
    str | None,
    typer.Option("--db", metavar="URL", help="Gradebook; course/gradebook.db by default."),
]
ProfileName = Annotated[str, typer.Option("--profile", help="quick or full.")]


@app.callback()
def main(
    debug: Annotated[bool, typer.Option(help="Show the traceback of an error.")] = False,
) -> None:
    """Read the options that every command shares; `run_app` looks at --debug itself."""


@app.command()
def build(
    labs: Annotated[list[str] | None, typer.Argument(metavar="[LAB]...")] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; say what is not up to date.")
    ] = False,
    profile: Annotated[
        list[str] | None, typer.Option(help="Make the keys of these profiles only.")
    ] = None,
) -> None:
    """Build the student notebooks and, where the solution changed, the public keys."""
    from grading.authoring import building
    from grading.files import write_atomically
    from grading.session import keyfile

    course = _course()
    found: list[str] = []
    for name in labs or [lab.name for lab in course.labs]:
        lab = building.read_lab(course, name)
        if check:
            found += building.differences(course, lab)
            continue
        for path, text in building.student_files(course, lab).items():
            write_atomically(path, text.encode())
        stale = building.stale_profiles(course, lab, _profiles(profile))
        runs: dict[Any, Any] = {}
        seconds: dict[Any, float] = {}
        for wanted in stale:
            out.print(f"{name}: running the solution ({wanted}) to make its keys …")
            started = time.monotonic()
            try:
                runs[wanted] = _trusted(course, lab, wanted)
                seconds[wanted] = time.monotonic() - started
            except UserError as error:
                if wanted == "quick":
                    raise
                out.print(f"{name}: no keys for the full profile: {escape(str(error))}")
        old = building.load_keys(course, name)
        if runs:
            keys = building.updated_keys(course, lab, runs, seconds)
        elif old is not None:
            keys = building.up_to_date(old, lab)
        else:
            raise UserError(f"{name} has no keys; run `python -m grading build {name}`")
        write_atomically(building.paths(course, name).keys, keyfile.dump(keys).encode())
        out.print(f"{name}: built")
    if found:
        for line in found:
            err.print(escape(line))
        raise typer.Exit(2)
    if check:
        out.print("Everything that is built is up to date.")


@app.command()
def release(lab: LabName, db: DatabaseUrl = None) -> None:
    """Generate the release of a lab with nbgrader, and register its marks."""
    from grading.gradebook.release import release as release_lab

    course = _course()
    path = release_lab(course, lab, _db_url(course, db))
    out.print(f"{lab}: released as {_shown(path)}")


@app.command()
def collect(
    lab: LabName,
    path: Annotated[Path, typer.Argument(help="What was downloaded or handed in.")],
    source: Annotated[
        str, typer.Option("--from", help="folder, zip, moodle, canvas or classroom.")
    ] = "folder",
) -> None:
    """Take in submissions; one line says what became of each file."""
    from grading.collect import collect as collect_lab

    report = collect_lab(_course(), lab, path, source)
    for line in report.lines():
        out.print(escape(line))
    if report.refused:
        raise typer.Exit(1)


@app.command()
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
    scheduler: Annotated[
        str | None, typer.Option(metavar="URL", help="A Dask scheduler, such as tcp://host:8786.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Skip submissions graded already.")
    ] = False,
    sandbox: Annotated[
        bool, typer.Option(help="--no-sandbox runs submissions unprotected.")
    ] = True,
) -> None:
    """Grade every collected submission and write its marks into the gradebook."""
    gc.disable()  # until the imports are done, which leave no garbage worth a collection
    course = _course()
    chosen = _profiles([profile])[0]
    executor = _executor(course, lab, scheduler, sandbox)

    from grading.gradebook import grade as judged
    from grading.gradebook.marks import Marks
    from grading.judging.results import GRADED
    from grading.native import grade as plain
    from grading.native.course import is_plain
    from grading.reporting import report as reporting

    gc.freeze()  # what is imported stays: no collection need look at it again, nor the exit
    gc.enable()
    grading: Any = plain if is_plain(course, lab) else judged
    work = grading.submissions(course, lab)
    if not work:
        raise UserError(
            f"nothing of {lab} was collected; run `python -m grading collect {lab} PATH` first"
        )
    with Marks(_db_url(course, db)) as marks:
        roster = _roster(course)
        if roster is not None:
            marks.add_students(roster)
        if resume:
            work = list(grading.not_yet_graded(marks, lab, work))
            out.print(f"{len(work)} submissions are left to grade.")

        async def run() -> None:
            async with executor as engine:
                for warning in engine.warnings:
                    err.print(f"Note: {escape(warning)}")
                at_once = jobs or (engine.slots if scheduler else _cores())
                with _progress() as progress:
                    running = min(at_once, len(work))
                    task = progress.add_task(lab, total=len(work), failed=0, running=running)

                    def done(submission: Any, graded: Any) -> None:
                        state = progress.tasks[task]
                        progress.update(
                            task,
                            advance=1,
                            failed=state.fields["failed"] + (graded.notebook is None),
                            running=min(at_once, int(state.remaining or 0) - 1),
                        )

                    await grading.grade_lab(
                        course,
                        lab,
                        engine,
                        marks,
                        profile=chosen,
                        jobs=at_once,
                        work=work,
                        notes=engine.warnings,
                        on_result=done,
                    )

        if work:
            try:
                asyncio.run(run())
            except KeyboardInterrupt:
                err.print(
                    "stopped; what was finished is kept, and grade --resume goes on from there"
                )
                raise typer.Exit(130) from None
        results = marks.results(lab)
        totals = marks.totals(lab)
    out.print(reporting.table(results, course.language, roster, totals))
    page = reporting.write_html(course, lab, results, roster, totals)
    out.print(f"Report: {_shown(page)}")
    if json_file:
        data = {"lab": lab, "submissions": [result.to_json() for result in results]}
        text = json.dumps(data, ensure_ascii=False, indent=2)
        json_file.write_text(text + "\n", encoding="utf-8")
    if any(result.status != GRADED for result in results):
        raise typer.Exit(1)


@app.command()
def report(lab: LabName, db: DatabaseUrl = None) -> None:
    """Print the marks of a lab again and write its HTML page."""
    from grading.gradebook.marks import Marks
    from grading.reporting import report as reporting

    course = _course()
    course.lab(lab)
    with Marks(_db_url(course, db)) as marks:
        results, totals = marks.results(lab), marks.totals(lab)
    if not results:
        raise UserError(f"nothing of {lab} is graded yet; run `python -m grading grade {lab}`")
    roster = _roster(course)
    out.print(reporting.table(results, course.language, roster, totals))
    page = reporting.write_html(course, lab, results, roster, totals)
    out.print(f"Report: {_shown(page)}")


@app.command()
def feedback(lab: LabName, db: DatabaseUrl = None) -> None:
    """Write one HTML page for each student with marks, reasons and comments."""
    from grading.gradebook.release import write_feedback

    course = _course()
    course.lab(lab)
    pages = write_feedback(course, lab, _db_url(course, db))
    out.print(f"{len(pages)} pages under {_shown(course.home / 'feedback')}")


@app.command()
def export(
    lab: LabName,
    to: Annotated[str, typer.Option(help="csv, moodle or canvas.")] = "csv",
    db: DatabaseUrl = None,
) -> None:
    """Write the marks as a file that a spreadsheet or an LMS reads."""
    from grading.gradebook.marks import Marks
    from grading.reporting.export import export as export_lab

    course = _course()
    course.lab(lab)
    with Marks(_db_url(course, db)) as marks:
        results, totals = marks.results(lab), marks.totals(lab)
    path, warnings = export_lab(course, lab, to, results, totals, _roster(course))
    for line in warnings:
        err.print(f"Note: {escape(line)}")
    out.print(f"{lab}: exported to {_shown(path)}")


@app.command()
def check(
    notebook: Annotated[Path, typer.Argument(help="A student's notebook.")],
    profile: ProfileName = "full",
) -> None:
    """Run a notebook from a restart, as a student would, and show its ticks."""
    from grading.authoring.dry_run import dry_run

    lines, unfinished = asyncio.run(dry_run(_course(), notebook, _profiles([profile])[0]))
    for line in lines:
        out.print(escape(line))
    if unfinished:
        raise typer.Exit(1)


@app.command()
def run(
    lab: LabName, profile: Annotated[str | None, typer.Option(help="quick or full.")] = None
) -> None:
    """Execute a lab's solution headlessly and print its marks."""
    from grading.authoring import building
    from grading.session.outcomes import Verdict
    from utils.profile import profile as environment_profile

    course = _course()
    source = building.read_lab(course, lab)
    chosen = _profiles([profile])[0] if profile else environment_profile()
    keys = building.load_keys(course, lab)
    if keys is None or chosen not in keys.profiles:
        raise UserError(f"{lab} has no keys for profile {chosen}; run `python -m grading build`")
    started = time.monotonic()
    terms = _trusted(course, source, chosen)
    outcomes = building.marks_against_keys(terms, keys)
    for outcome in outcomes:
        sign = "✓" if outcome.verdict is Verdict.PASSED else "✗"
        why = f"  {outcome.reason.text(course.language)}" if outcome.reason else ""
        out.print(escape(f"{sign} {outcome.label}: {outcome.earned:g}/{outcome.marks:g}{why}"))
    earned, total = sum(o.earned for o in outcomes), sum(o.marks for o in outcomes)
    questions = keys.question_marks
    seconds = time.monotonic() - started
    out.print(
        f"{lab} ({chosen}): {earned:g} of {total:g} marks in {seconds:.1f} s; "
        f"{questions:g} more are for written questions"
    )
    if earned < total:
        raise typer.Exit(1)


@app.command()
def publish(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="A new or empty folder, or an earlier bundle.")
    ],
) -> None:
    """Write what students get, ready to be pushed to the public repository of course.toml."""
    from grading.publishing import bundle

    course = _course()
    published = bundle.publish(course, folder)
    for path in published.removed:
        out.print(escape(f"removed {path}"))
    size = f"{published.size / 1e6:.1f} MB"
    out.print(escape(f"{_shown(folder)}: {published.files} files, {size}"))
    out.print("\nPush it:\n")
    for line in bundle.next_steps(course, published):
        out.print(escape(f"    {line}"), soft_wrap=True)


def _course() -> Any:
    from grading.course.config import load_course

    if not Path("course.toml").exists():
        from grading.native.course import is_nbgrader_course, load_nbgrader_course

        if is_nbgrader_course(Path.cwd()):
            return load_nbgrader_course(Path.cwd())
    return load_course(Path.cwd())


def _executor(course: Any, lab: str, scheduler: str | None, sandbox: bool) -> Any:
    """Return what executes notebooks; on this machine it starts while the rest is imported."""
    if scheduler:
        from grading.engine.cluster import ClusterEngine

        return ClusterEngine(scheduler, course.limits, sandbox=sandbox)
    from grading.engine.kernels.preload import OF_NOTEBOOKS, mentioned
    from grading.engine.runner import Engine

    steps = ("source", "release")
    notebooks = [path for step in steps for path in course.home.glob(f"{step}/{lab}/*.ipynb")]
    texts = (path.read_text(encoding="utf-8", errors="replace") for path in notebooks)
    modules = mentioned(texts) if notebooks else OF_NOTEBOOKS
    engine = Engine(course.limits, sandbox=sandbox, modules=modules)
    engine.begin()
    return engine


def _roster(course: Any) -> Any:
    from grading.course.roster import read_roster

    return read_roster(course.roster) if course.roster.exists() else None


def _db_url(course: Any, url: str | None) -> str:
    course.home.mkdir(parents=True, exist_ok=True)
    return url or course.db_url


def _profiles(names: list[str] | None) -> list[Any]:
    from utils.profile import PROFILES

    for name in names or []:
        if name not in PROFILES:
            raise UserError(f"profile {name!r} is not known; expected one of {', '.join(PROFILES)}")
    return list(names or PROFILES)


def _trusted(course: Any, lab: Any, profile: Any) -> Any:
    """Execute the instructor's own solution: no sandbox, and time enough to train.

    A training that was interrupted goes on; one that ended leaves nothing behind.
    """
    from grading.authoring.building import run_solution, work_of
    from grading.engine.runner import Engine

    limits = replace(
        course.limits, memory_mb=16_384, cell_seconds=3600.0, submission_seconds=7200.0
    )

    async def work() -> Any:
        async with Engine(limits, sandbox=False) as engine:
            return await run_solution(engine, course, lab, profile)

    terms = asyncio.run(work())
    shutil.rmtree(work_of(course, lab), ignore_errors=True)
    return terms


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("running {task.fields[running]}, failed {task.fields[failed]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=err,
    )


def _cores() -> int:
    import os

    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _shown(path: Path) -> Path:
    """Return a path relative to where the command was run, if it is below."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def run_app() -> None:
    """Run the command line; errors of usage and input become one line and exit code 2."""
    try:
        app()
    except UserError as error:
        if "--debug" in sys.argv:
            raise
        err.print(escape(f"error: {error}"))
        sys.exit(2)


if __name__ == "__main__":
    run_app()
