"""An example class of a lab, graded on one run of its solution."""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from grading.authoring import instructor_notebook, student_notebook
from grading.authoring.building import read_lab
from grading.course.config import Course, load_course
from grading.engine.kernels.preload import mentioned
from grading.engine.runner import Engine
from grading.engine.walls import outer
from grading.judging.assess import Assessment, Terms, assess, prepare
from tests.example_class import filled, marks_of_checks, solutions
from utils.profile import DEFAULT_SEED

ROOT = Path(__file__).resolve().parents[1]
JOBS = 1 if "PYTEST_XDIST_WORKER" in os.environ else 2  # other processes use the other cores

Cells = dict[str, str]  # what was handed in, by exercise


@dataclass(frozen=True)
class Graded:
    """The lab's course and terms, the marks of its checks, and what came of each member."""

    course: Course
    terms: Terms
    marks: dict[str, float]
    assessments: dict[str, Assessment]

    def lost(self, member: str) -> set[str]:
        """Labels of the checks without their marks; a check has all of them or none."""
        assert not self.assessments[member].flags, self.assessments[member].flags
        results = self.assessments[member].judgement.results
        assert [result.label for result in results] == list(self.marks)
        assert all(result.marks in (0, self.marks[result.label]) for result in results)
        return {result.label for result in results if not result.marks}


def grade(
    name: str, class_of: Callable[[Cells], dict[str, Cells]], seed: int = DEFAULT_SEED
) -> Graded:
    """Grade the members that ``class_of`` makes of a lab's solutions, in the quick profile."""
    course = load_course(ROOT)
    lab = read_lab(course, name)
    instructor = instructor_notebook(lab, course.language, course)
    release = student_notebook(lab, course.language, course)
    members = class_of(solutions(instructor))
    modules = mentioned(cell.source for cell in instructor.cells)

    async def run() -> tuple[Terms, dict[str, Assessment]]:
        protected = outer.host().obstacle is None  # its kernels have imported torch already
        async with Engine(course.limits, sandbox=protected, modules=modules) as engine:
            terms = await prepare(engine, instructor, "quick", seed=seed)
            room = asyncio.Semaphore(JOBS)

            async def one(cells: Cells) -> Assessment:
                async with room:
                    return await assess(engine, terms, release, filled(release, cells))

            found = await asyncio.gather(*map(one, members.values()))
        return terms, dict(zip(members, found, strict=True))

    terms, assessments = asyncio.run(run())
    return Graded(course, terms, marks_of_checks(instructor), assessments)
