"""The corpus of hostile submissions, run through the real engine in its sandbox."""

import asyncio
import hashlib
import json
import os
import socket
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

import nbformat
import pytest

from grading.engine.batch import each
from grading.engine.runner import Engine
from grading.engine.walls import outer
from grading.judging.annotate import annotated
from grading.judging.assess import Assessment, assess, prepare
from grading.judging.results import MOST_FLAGS, lines_of
from tests import hostile, mini
from tests.hostile import CASES, Case

pytestmark = [
    pytest.mark.kernels,
    pytest.mark.sandbox,
    pytest.mark.skipif(
        outer.host().obstacle is not None, reason=f"no sandbox: {outer.host().obstacle}"
    ),
]

JOBS = 2


@dataclass
class Outcome:
    assessments: dict[str, Assessment]
    clean_before: float
    clean_after: float
    calls: int
    changed: list[str]
    left: str


def fingerprints(root: Path) -> dict[str, str]:
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """Run all cases, two at a time, between two runs of a clean submission."""
    course = mini.make_course(tmp_path_factory.mktemp("course"))
    course.home.mkdir()
    (course.home / "gradebook.db").write_bytes(b"the gradebook")
    kit = Path(hostile.__file__).parent.parent / "grading"
    before = fingerprints(course.root) | fingerprints(kit)
    limits = replace(
        course.limits,
        memory_mb=1024,
        file_mb=64,
        cell_output_kb=1024,
        output_mb=4,
        cell_seconds=3,
        submission_seconds=60,
    )
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    port = listener.getsockname()[1]

    async def run() -> tuple[dict[str, Assessment], float, float]:
        async with Engine(limits, modules=("numpy", "torch", "grading.tick")) as engine:
            terms = await prepare(engine, mini.solution(course), "quick")
            release = mini.blank(course)

            async def clean() -> float:
                submission = mini.answered(course, mini.solved(course))
                return (await assess(engine, terms, release, submission)).judgement.score

            async def one(case: Case) -> Assessment:
                notebook = case.build(course)
                for cell in notebook.cells:
                    cell.source = cell.source.replace("PORT", str(port))
                return await assess(engine, terms, release, notebook)

            first = await clean()
            found = {case.name: done async for case, done in each(CASES, one, JOBS)}
            return found, first, await clean()

    os.environ["CANARY"] = "CANARY"
    try:
        assessments, clean_before, clean_after = asyncio.run(run())
    finally:
        del os.environ["CANARY"]
    calls = 0
    try:
        listener.accept()
        calls = 1
    except BlockingIOError:
        pass
    listener.close()
    after = fingerprints(course.root) | fingerprints(kit)
    changed = sorted(set(before.items()) ^ set(after.items()))
    left = subprocess.run(["pgrep", "-f", "sleep 9871"], capture_output=True, text=True).stdout
    return Outcome(
        assessments, clean_before, clean_after, calls, [path for path, _ in changed], left
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_it_gets_what_it_deserves_and_the_line_says_why(case: Case, outcome: Outcome) -> None:
    done = outcome.assessments[case.name]
    marks = {result.label: result.marks for result in done.judgement.results}
    reasons = [result.reason.text("en") for result in done.judgement.results if result.reason]
    lines = [flag.text("en") for flag in done.flags] + reasons
    assert marks == case.marks, lines
    assert all("\n" not in line and len(line) < 500 for line in lines)
    if case.marks != hostile.FULL:
        assert reasons
    if case.says:
        assert any(case.says in line for line in lines), lines
    if case.prints:
        printed = "".join(
            output.get("text", "")
            for cell in done.notebook.cells
            for output in cell.get("outputs", [])
            if output["output_type"] == "stream"
        )
        assert case.prints in printed


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_is_stored_of_it_is_a_valid_notebook_and_harmless(
    case: Case, outcome: Outcome
) -> None:
    done = outcome.assessments[case.name]
    stored = annotated(done.notebook, done.judgement, "en")
    text = nbformat.writes(stored)
    assert json.loads(text, parse_constant=pytest.fail)
    nbformat.validate(stored)
    displayed = [
        output.data.get("text/html", "")
        for cell in stored.cells
        for output in cell.get("outputs", [])
        if "data" in output
    ]
    assert not any(tag in html for html in displayed for tag in ("<script", "<iframe", "<svg"))


def test_flags_are_as_many_as_people_read(outcome: Outcome) -> None:
    for done in outcome.assessments.values():
        assert len(lines_of(done.flags, "es")) <= MOST_FLAGS + 1
    assert len(outcome.assessments["a flag in each of many cells"].flags) > MOST_FLAGS


def test_there_are_at_least_45_cases_with_names_of_their_own() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 45


def test_clean_submissions_before_and_after_have_full_marks(outcome: Outcome) -> None:
    assert (outcome.clean_before, outcome.clean_after) == (9.0, 9.0)


def test_the_host_is_unchanged(outcome: Outcome) -> None:
    assert outcome.changed == []
    assert not Path("/tmp/poisoned").exists()


def test_nobody_reached_the_hosts_loopback(outcome: Outcome) -> None:
    assert outcome.calls == 0


def test_no_process_is_left(outcome: Outcome) -> None:
    assert outcome.left == ""
