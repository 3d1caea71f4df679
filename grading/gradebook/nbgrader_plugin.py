"""What nbgrader runs in our place: stubs at release, and our judging at autograde.

With `configured`'s settings, ``nbgrader generate_assignment``, ``nbgrader autograde`` and the
API behind Formgrader's buttons give the same notebooks and marks as ``python -m grading``.
"""

import asyncio
import contextlib
import io
import logging
import re
import threading
import time
from collections.abc import Coroutine
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbgrader.apps import NbGraderAPI
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import (
    AssignLatePenalties,
    CheckCellMetadata,
    ClearOutput,
    ComputeChecksums,
    LimitOutput,
    LockCells,
    NbGraderPreprocessor,
    OverwriteKernelspec,
    SaveCells,
)
from traitlets.config import Config

from grading.authoring import clear_solutions
from grading.cells.reading import read_notebook
from grading.collect.submitted import Place
from grading.course.config import Course, gradebook_of, load_course
from grading.engine.runner import Engine
from grading.errors import UserError
from grading.gradebook import people
from grading.gradebook.folders import take_as_spelled
from grading.gradebook.former import former_releases
from grading.gradebook.grade import EvidenceGrader
from grading.gradebook.marks import Marks
from grading.gradebook.pages import page_settings
from grading.judging.annotate import annotated
from grading.judging.assess import Terms, assess, prepare
from grading.judging.basis import kit
from grading.judging.results import result_of
from utils.profile import Profile

BATCH_SECONDS = 900.0

T = TypeVar("T")

PROFILE: Profile = "quick"  # in which what nbgrader asks for is graded

SETTINGS = """\
# By `python -m grading release`, which leaves alone what you write above and below these lines.
from pathlib import Path

from grading.nbgrader_plugin import configured

c = get_config()  # noqa: F821
c.merge(configured(Path(__file__).resolve().parent))
"""
_MERGED = re.compile(r"configured\(Path\(__file__\)\.resolve\(\)\.parent(?P<url>, .*)?\)\)$", re.M)


def settings_file(before: str) -> str:
    """Return the text of ``nbgrader_config.py`` with the kit's settings, and all else as it was.

    Parameters
    ----------
    before : str
        Its text up to now; empty if there is none.
    """
    merged = _MERGED.search(before)
    if merged is None:
        return f"{SETTINGS}\n{before}" if before else SETTINGS
    if merged["url"] is None:
        return before
    return before[: merged.start("url")] + before[merged.end("url") :]  # as it once was written


def configured(home: Path, db_url: str | None = None) -> Config:
    """Return nbgrader's settings for the course whose files are in ``home``.

    Without ``db_url`` the gradebook is the one that the course remembers. From then on what people
    change in it is noted, with who it was.
    """
    people.watch()
    take_as_spelled()
    config = page_settings()
    config.CourseDirectory.root = str(home)
    config.CourseDirectory.db_url = db_url or gradebook_of(home)
    config.CourseDirectory.course_id = ""
    config.GenerateAssignment.preprocessors = [
        LockCells,
        ReleaseCells,
        ClearOutput,
        CheckCellMetadata,
        ComputeChecksums,
        SaveCells,
        CheckCellMetadata,
    ]
    config.Autograde.sanitize_preprocessors = [ClearOutput, OverwriteKernelspec]
    config.Autograde.autograde_preprocessors = [
        JudgeSubmission,
        LimitOutput,
        AssignLatePenalties,
        CheckCellMetadata,
    ]
    return config


def nbgrader_api(home: Path, db_url: str) -> NbGraderAPI:
    """Return nbgrader's Python API, the one that Formgrader calls, for the course."""
    config = configured(home, db_url)
    return NbGraderAPI(CourseDirectory(config=config), config=config)


def succeed(what: str, command: Any, *arguments: Any, **options: Any) -> None:
    """Run one of nbgrader's commands quietly; on failure give its last line of log."""
    with contextlib.redirect_stderr(io.StringIO()):
        outcome = command(*arguments, **options)
    logging.getLogger("traitlets").handlers.clear()  # nbgrader leaves its handler behind
    if not outcome["success"]:
        log = [line.strip() for line in outcome.get("log", "").splitlines() if line.strip()]
        causes = [line for line in log if re.match(r"[\w.]+(Error|Exception): ", line)]
        raise UserError(f"{what}: {(causes or log or ['no reason given'])[0]}")


class ReleaseCells(NbGraderPreprocessor):
    """Turns the solution's cells into the student's stubs, as the built notebooks have them."""

    def preprocess(
        self, nb: NotebookNode, resources: ResourcesDict
    ) -> tuple[NotebookNode, ResourcesDict]:
        """Return the notebook as students get it."""
        return clear_solutions(nb), resources


class JudgeSubmission(NbGraderPreprocessor):
    """Executes one submission in the engine, judges its evidence and writes its marks."""

    def preprocess(
        self, nb: NotebookNode, resources: ResourcesDict
    ) -> tuple[NotebookNode, ResourcesDict]:
        """Return the executed submission; its marks are in the gradebook."""
        about = resources["nbgrader"]
        home = Path(resources["metadata"]["path"]).resolve().parents[2]
        course = load_course(home.parent)
        lab, student = about["assignment"], about["student"]
        release = read_notebook((home / "release" / lab / f"{lab}.ipynb").read_bytes())
        host = _host(home.parent)
        terms = host.terms(course, lab, student)
        former = former_releases(home, lab)
        assessment = host.run(assess(host.engine, terms, release, nb, former))
        grader, place = EvidenceGrader(course, lab), Place(home, student, lab)
        handed_in = place.content() or b""
        result = result_of(assessment, release, student, lab, handed_in, course.language)
        (team,) = (found.students for found in grader.submissions() if student in found.students)
        result = replace(
            result,
            team=list(team) if len(team) > 1 else [],
            basis=grader.basis(),
            profile=PROFILE,
            kit=kit(),
            seeds=terms.seeds,
        )
        with Marks(about["db_url"]) as marks:
            marks.save(result, place.modified())
        return annotated(assessment.notebook, assessment.judgement, course.language), resources


@dataclass(frozen=True)
class _Batch:
    """Submissions that share a run of the solution, its seed and its hidden inputs.

    nbgrader grades one student after the other and does not say where a class begins or ends. A
    batch ends when somebody comes again, who may have learnt from the run before, and in good
    time before what one student saw could help another.
    """

    version: int
    terms: Terms
    students: set[str] = field(default_factory=set)
    begun: float = field(default_factory=time.monotonic)

    def takes(self, version: int, student: str) -> bool:
        is_fresh = time.monotonic() - self.begun < BATCH_SECONDS
        return is_fresh and version == self.version and student not in self.students


class _Host:
    """An engine on an event loop of its own, for callers that are not asynchronous.

    Formgrader calls nbgrader from inside a running event loop, so the engine needs another.
    """

    def __init__(self, course: Course) -> None:
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True, name="dl-engine").start()
        self.engine = Engine(course.limits, private=course.private)
        self._batches: dict[str, _Batch] = {}
        self.run(self.engine.__aenter__())
        # Nobody closes it: what an engine started ends with this process.

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def terms(self, course: Course, lab: str, student: str) -> Terms:
        """Return the lab's executed solution, run once for each batch of submissions."""
        path = course.home / "source" / lab / f"{lab}.ipynb"
        if not path.exists():
            raise UserError(f"no {path}; run `python -m grading release {lab}` first")
        version = path.stat().st_mtime_ns
        batch = self._batches.get(lab)
        if batch is None or not batch.takes(version, student):
            solution = read_notebook(path.read_bytes())
            batch = _Batch(version, self.run(prepare(self.engine, solution, PROFILE)))
            self._batches[lab] = batch
        batch.students.add(student)
        return batch.terms


@cache
def _host(root: Path) -> _Host:
    return _Host(load_course(root))
