"""A class of complete hand-ins of each real lab, beside ``nbgrader autograde`` on the same work."""

import asyncio
import tempfile
import time
from pathlib import Path

from nbformat import NotebookNode

from benchmarks.courses import CORES, real_course, timed
from benchmarks.line import Line
from grading.authoring import instructor_notebook, student_notebook
from grading.authoring.building import read_lab
from grading.authoring.source import Lab
from grading.course.config import Course, load_course
from grading.engine.batch import each
from grading.engine.runner import Engine
from grading.judging.assess import Assessment, assess, prepare
from tests.example_class import filled, solutions

ROOT = Path(__file__).resolve().parent.parent
COUNT, COUNT_OF_NBGRADER = 40, 2
SECONDS, RATIO, OF_IDEAL = 6.0, 3.0, 1.15


def run() -> list[Line]:
    """Measure each lab of the course in the quick profile."""
    course = load_course(ROOT)
    return [line for name in course.lab_names for line in _lab(course, read_lab(course, name))]


def _lab(course: Course, lab: Lab) -> list[Line]:
    instructor = instructor_notebook(lab, course.language, course)
    release = student_notebook(lab, course.language, course)
    submitted = filled(release, solutions(instructor))
    wall, graded = asyncio.run(_graded(course, instructor, release, submitted))
    costs = [one.cpu_seconds for one in graded if one.cpu_seconds is not None]
    marks = {one.judgement.score for one in graded}
    with tempfile.TemporaryDirectory() as folder:
        theirs = real_course(Path(folder), lab.name, instructor, submitted, COUNT_OF_NBGRADER)
        env = {"LAB_PROFILE": "quick", "PYTHONPATH": str(ROOT)}
        baseline = timed(["nbgrader", "autograde", lab.name, "--create"], theirs, env)
    each_of_ours, each_of_theirs = wall / COUNT, baseline.wall / COUNT_OF_NBGRADER
    ratio, ideal = each_of_theirs / each_of_ours, sum(costs) / CORES
    full = sum(check.points for check in lab.of_role("check"))
    return [
        Line(
            what=f"{lab.name}: a complete hand-in in its kernel, torch imported",
            value=sum(costs) / COUNT,
            unit="s of CPU",
            target=f"<= {SECONDS:g} s, full marks",
            met=sum(costs) / COUNT <= SECONDS and marks == {full},
        ),
        Line(
            what=f"{lab.name}: each of {COUNT} complete hand-ins",
            value=each_of_ours,
            unit="s",
            baseline_name=f"nbgrader autograde, each of {COUNT_OF_NBGRADER}",
            baseline=each_of_theirs,
            ratio=ratio,
            target=f"ratio >= {RATIO:g}",
            met=ratio >= RATIO,
        ),
        Line(
            what=f"{lab.name}: all {COUNT}",
            value=wall,
            unit="s",
            baseline_name="their kernels' CPU time / cores",
            baseline=ideal,
            ratio=wall / ideal,
            target=f"ratio <= {OF_IDEAL:g}",
            met=wall / ideal <= OF_IDEAL,
        ),
    ]


async def _graded(
    course: Course, instructor: NotebookNode, release: NotebookNode, submitted: NotebookNode
) -> tuple[float, list[Assessment]]:
    """Grade complete hand-ins, as many at once as there are cores; return the time and them."""
    async with Engine(course.limits) as engine:
        terms = await prepare(engine, instructor, "quick")
        started = time.perf_counter()
        found = [
            graded
            async for _, graded in each(
                range(COUNT), lambda _: assess(engine, terms, release, submitted), CORES
            )
        ]
        return time.perf_counter() - started, found
