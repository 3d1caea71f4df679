"""Every lab as a student opens it: with nothing done, all of it runs and every check waits."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from grading.authoring import checks, student_notebook
from grading.authoring.building import read_lab
from grading.cells.reading import write_notebook
from grading.course.config import load_course
from grading.engine.executor import Execution
from grading.engine.runner import Engine
from grading.judging.assess import first_error

pytestmark = pytest.mark.kernels

COURSE = load_course(Path(__file__).resolve().parents[2])


@pytest.mark.parametrize("name", [lab.name for lab in COURSE.labs])
def test_a_notebook_with_nothing_done_runs_to_its_end(name: str) -> None:
    lab = read_lab(COURSE, name)
    notebook = student_notebook(lab, COURSE.language, COURSE)

    async def work() -> Execution:
        async with Engine(replace(COURSE.limits, memory_mb=8192), sandbox=False) as engine:
            return await engine.execute(
                notebook,
                env={"LAB_PROFILE": "quick"},
                files={f"{name}.ipynb": write_notebook(notebook)},
            )

    execution = asyncio.run(work())
    assert execution.problems == ()
    assert first_error(execution.notebook) is None
    shown = {
        cell.id: [
            line
            for output in cell.get("outputs", [])
            for line in output.get("data", {}).get("text/plain", "").splitlines()
        ]
        for cell in execution.notebook.cells
    }
    for check in checks(lab):
        assert shown[check] and all(line.startswith("· ") for line in shown[check]), check
    assert any("STUDENT_1" in line for line in shown["hand_in"])
