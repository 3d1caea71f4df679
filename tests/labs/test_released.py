"""Every lab as a student opens it: with nothing done, all of it runs and every check waits."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from grading.course.config import load_course

pytestmark = pytest.mark.kernels

ROOT = Path(__file__).resolve().parents[2]
COURSE = load_course(ROOT)


@pytest.mark.parametrize(
    "name",
    [  # the last one before each push, all of them every night
        *(pytest.param(name, marks=pytest.mark.heavy) for name in COURSE.lab_names[:-1]),
        COURSE.lab_names[-1],
    ],
)
def test_a_notebook_with_nothing_done_runs_to_its_end(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB_PROFILE", "quick")
    opened = tmp_path / f"{name}.ipynb"
    released = ROOT / "notebooks" / COURSE.language / opened.name
    opened.write_bytes(released.read_bytes())
    notebook = nbformat.read(opened, as_version=4)
    NotebookClient(
        notebook, timeout=240, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    ).execute()  # raises what a cell raised
    shown = {
        cell.metadata.nbgrader.grade_id: [
            line
            for output in cell.outputs
            for line in output.get("data", {}).get("text/plain", "").splitlines()
        ]
        for cell in notebook.cells
        if cell.metadata.get("nbgrader") and cell.cell_type == "code"
    }
    checks = [
        cell.metadata.nbgrader.grade_id
        for cell in notebook.cells
        if cell.metadata.get("dl", {}).get("role") == "check"
    ]
    assert checks
    for check in checks:
        assert shown[check] and all(line.startswith("· ") for line in shown[check]), check
    assert any("STUDENT_1" in line for line in shown["hand_in"])
