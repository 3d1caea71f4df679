"""Commands on a lab's source and on a notebook: build, run, and a student's dry run."""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from grading.cli.console import err, say
from grading.cli.options import LabName, ProfileName, course_here, labs_course_here, profile_of
from grading.errors import UserError
from utils.profile import DEFAULT_SEED

if TYPE_CHECKING:
    from grading.authoring import Lab
    from grading.course.config import Course
    from grading.judging.assess import Terms
    from grading.session.keyfile import KeyFile
    from utils.profile import Profile


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
    from utils.profile import PROFILES

    course = labs_course_here("`nbgrader generate_assignment ASSIGNMENT` builds its notebooks")
    wanted = [profile_of(name) for name in profile] if profile else list(PROFILES)
    sources = [building.read_lab(course, name) for name in labs or course.lab_names]
    if not check:
        for lab in sources:
            _build(course, lab, wanted)
        return
    found = [line for lab in sources for line in building.differences(course, lab)]
    for line in found:
        err.print(line)
    if found:
        raise typer.Exit(2)
    say("Everything that is built is up to date.")


def _build(course: Course, lab: Lab, wanted: list[Profile]) -> None:
    """Write a lab's notebooks, and its keys where they are not those of its solution."""
    from grading.authoring import building
    from grading.files import write_atomically
    from grading.session import keyfile

    building.require_answers(lab)
    for path, text in building.student_files(course, lab).items():
        write_atomically(path, text.encode())
    keys = _keys(course, lab, wanted)
    write_atomically(building.paths(course, lab.name).keys, keyfile.dump(keys).encode())
    say(f"{lab.name}: built")


def _keys(course: Course, lab: Lab, wanted: list[Profile]) -> KeyFile:
    """Return a lab's keys, made from runs of its solution for the profiles that lack them."""
    from grading.authoring import building, costs

    runs: dict[Profile, Terms] = {}
    seconds: dict[Profile, float] = {}
    for profile in building.stale_profiles(course, lab, wanted):
        say(f"{lab.name}: running the solution ({profile}) to make its keys …")
        started = time.monotonic()
        others = [DEFAULT_SEED + 1] if profile == "quick" else []
        try:
            runs[profile], *drawn = _run_trusted(course, lab, profile, DEFAULT_SEED, *others)
            seconds[profile] = time.monotonic() - started
            if profile == "quick":
                building.refuse_constants(lab, runs[profile], *drawn)
                file = building.paths(course, lab.name).costs
                now = costs.costs_of(runs[profile])
                for line in costs.grown(costs.read_costs(file).get(lab.name, {}), now):
                    say(f"{lab.name}: {line}; see `python -m grading run {lab.name} --times`")
                costs.write_costs(file, lab.name, now)
        except UserError as error:
            if profile == "quick":
                raise
            say(f"{lab.name}: no keys for the full profile: {error}")
    if runs:
        return building.updated_keys(course, lab, runs, seconds)
    old = building.load_keys(course, lab.name)
    if old is None:
        raise UserError(f"{lab.name} has no keys; run `python -m grading build {lab.name}`")
    return building.up_to_date(old, lab)


def check(
    notebook: Annotated[Path, typer.Argument(help="A student's notebook.")],
    profile: ProfileName = "full",
) -> None:
    """Run a notebook from a restart, as a student would, and show its ticks."""
    from grading.authoring.dry_run import dry_run

    lines, unfinished = asyncio.run(dry_run(course_here(), notebook, profile_of(profile)))
    for line in lines:
        say(line)
    if unfinished:
        raise typer.Exit(1)


def run(
    lab: LabName,
    profile: Annotated[str | None, typer.Option(help="quick or full.")] = None,
    times: Annotated[bool, typer.Option("--times", help="Say what each cell cost, too.")] = False,
) -> None:
    """Execute a lab's solution headlessly and print its marks."""
    from grading.authoring import building, costs
    from grading.session.outcomes import Verdict
    from utils.profile import profile as environment_profile

    course = labs_course_here(
        f"to see its solution's marks, hand in source/{lab} as a student's and grade it"
    )
    source = building.read_lab(course, lab)
    chosen = profile_of(profile) if profile else environment_profile()
    keys = building.load_keys(course, lab)
    if keys is None or chosen not in keys.profiles:
        raise UserError(f"{lab} has no keys for profile {chosen}; run `python -m grading build`")
    started = time.monotonic()
    (terms,) = _run_trusted(course, source, chosen, DEFAULT_SEED)
    outcomes = building.marks_against_keys(terms, keys)
    signs = {Verdict.PASSED: "✓", Verdict.NEAR: "≈"}
    for outcome in outcomes:
        sign = signs.get(outcome.verdict, "✗")
        why = f"  {outcome.reason.text(course.language)}" if outcome.reason else ""
        title = outcome.title.text(course.language)
        say(f"{sign} {title}: {outcome.earned:g}/{outcome.marks:g}{why}")
    for line in costs.table(terms) if times else ():
        say(line)
    earned, total = sum(o.earned for o in outcomes), sum(o.marks for o in outcomes)
    seconds = time.monotonic() - started
    say(
        f"{lab} ({chosen}): {earned:g} of {total:g} marks in {seconds:.1f} s; "
        f"{keys.question_marks:g} more are for written questions"
    )
    if any(outcome.verdict not in signs for outcome in outcomes):
        raise typer.Exit(1)


def mutants(
    labs: Annotated[list[str] | None, typer.Argument(metavar="[LAB]...")] = None,
    exercise: Annotated[
        list[str] | None, typer.Option(help="Try answers to these exercises only.")
    ] = None,
    every: Annotated[int, typer.Option(min=1, help="Try each N-th answer only.")] = 1,
    seeds: Annotated[
        int, typer.Option(min=1, max=20, help="At how many seeds of grading to try each answer.")
    ] = 20,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Bring this file of results up to date.")
    ] = None,
) -> None:
    """Measure what a lab's checks refuse and accept: mutants, mistakes and variants."""
    from tqdm.auto import tqdm

    from grading.authoring import building
    from grading.files import write_atomically
    from grading.strength import measure, report

    course = labs_course_here("the checks of its labs are nbgrader's")
    sound = True
    for name in labs or course.lab_names:
        lab = building.read_lab(course, name)
        with (
            tempfile.TemporaryDirectory(prefix="mutants-") as work,
            tqdm(desc=name, unit="run", leave=False) as bar,
        ):

            def said(done: int, total: int, bar: Any = bar) -> None:
                bar.total = total
                bar.update(done - bar.n)

            measured = measure.measure(
                course,
                lab,
                Path(work),
                only=exercise or (),
                every=every,
                seeds=measure.SEEDS[:seeds],
                said=said,
            )
        found = report.summary(measured)
        for line in report.lines(name, found):
            say(line)
        if json_file:
            known = json.loads(json_file.read_text("utf-8")) if json_file.exists() else {}
            text = json.dumps(known | {name: found}, indent=1, ensure_ascii=False)
            write_atomically(json_file, f"{text}\n".encode())
        sound = sound and report.is_sound(found)
    if not sound:
        raise typer.Exit(1)


def _run_trusted(course: Course, lab: Lab, profile: Profile, *seeds: int) -> list[Terms]:
    """Execute the instructor's own solution with each seed, side by side, without a sandbox.

    A training that was interrupted goes on; one that ended leaves nothing behind.
    """
    from grading.authoring.building import run_solution, work_of
    from grading.engine.batch import each
    from grading.engine.runner import Engine

    limits = replace(
        course.limits, memory_mb=16_384, cell_seconds=3600.0, submission_seconds=7200.0
    )  # time enough to train

    async def work() -> list[Terms]:
        async with Engine(limits, sandbox=False) as engine:
            found = {
                seed: terms
                async for seed, terms in each(
                    seeds,
                    lambda seed: run_solution(engine, course, lab, profile, seed),
                    engine.slots,
                )
            }
            return [found[seed] for seed in seeds]

    terms = asyncio.run(work())
    shutil.rmtree(work_of(course, lab), ignore_errors=True)
    return terms
