"""What courses of nbgrader's own do, marked as `nbgrader autograde` marks it."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode
from nbgrader.api import Gradebook

from grading.engine.walls import outer
from tests.plain_course import cells, generate_assignment, notebook

# nbgrader itself runs every notebook of the class
pytestmark = [pytest.mark.kernels, pytest.mark.heavy]

SANDBOX = [] if outer.host().obstacle is None else ["--no-sandbox"]
NAME = "problem set 1"
PREPARE = (
    "import json, os\n"
    "os.makedirs('out/deep')\n"
    "os.makedirs('empty')\n"
    "json.dump([1], open('out/deep/x.json', 'w'))\n"
    "open('from-a', 'w').close()\n"
    "os.remove('data/old.csv')\n"
    "open('data/rows.csv', 'a').write('3\\n')"
)
NOTEBOOKS = {
    "a": [
        ("code", "s-prepare", f"### BEGIN SOLUTION\n{PREPARE}\n### END SOLUTION"),
        ("code", "t-prepare", "import os\nassert os.path.exists('from-a')"),
        # By the names of the files, not of the notebooks, the other one comes first.
        ("code", "t-order", "assert os.path.exists('from-a-1')"),
    ],
    "a-1": [
        ("code", None, "import os\nopen('from-a-1', 'w').close()"),
        ("code", "t-first", "assert not os.path.exists('from-a')"),
    ],
    "b use": [
        ("code", None, "import json, os"),
        ("code", "t-read", "assert json.load(open('out/deep/x.json')) == [1]"),
        ("code", "t-removed", "assert not os.path.exists('data/old.csv')"),
        ("code", "t-grown", "assert open('data/rows.csv').read() == '1\\n2\\n3\\n'"),
        ("code", "t-folder", "open('empty/y', 'w').close()"),
        ("code", "t-module", "import helper\nassert helper.one() == 1"),
    ],
    "c text": [
        ("markdown", None, "# Only text"),
        ("markdown", "m-why", "### BEGIN SOLUTION\nBecause.\n### END SOLUTION"),
        ("markdown", "task", "Collect examples."),
    ],
    "d extra": [
        ("code", "s-y", "### BEGIN SOLUTION\ny = 1\n### END SOLUTION"),
        ("code", "t-free", "assert y == 1"),
        ("code", "t-half", "0.5"),
        ("code", "m-free", "### BEGIN SOLUTION\nz = 1\n### END SOLUTION"),
        (
            "code",
            "t-hidden",
            "assert y\n### BEGIN HIDDEN TESTS\nassert y == 1\n### END HIDDEN TESTS",
        ),
    ],
}
POINTS = {
    name: 0.0 if name.endswith("-free") else 2.0
    for made in NOTEBOOKS.values()
    for _, name, _ in made
    if name and not name.startswith("s-")
}
ANSWERS = {"s-prepare": PREPARE, "m-why": "Since.", "s-y": "y = 1", "m-free": "z = 2"}
Edit = Callable[[str, NotebookNode], None]
Row = tuple[float | None, bool, float]


def as_it_is(name: str, handed_in: NotebookNode) -> None:
    pass


def other_kernel(name: str, handed_in: NotebookNode) -> None:
    kernel = {"name": "conda-env-x-py", "display_name": "x", "language": "python"}
    handed_in.metadata["kernelspec"] = kernel


def older_format(name: str, handed_in: NotebookNode) -> None:
    del handed_in.metadata["kernelspec"]
    handed_in.nbformat_minor = 2
    for cell in handed_in.cells:
        del cell["id"]


def other_kinds(name: str, handed_in: NotebookNode) -> None:
    for cell in cells(handed_in, "t-hidden") + cells(handed_in, "t-free"):
        cell.cell_type = "markdown"
        del cell["outputs"], cell["execution_count"]
    for cell in cells(handed_in, "m-why") + cells(handed_in, "task"):
        cell.cell_type = "raw"


# What nbgrader itself refuses, or leaves to a person who does not see it:


def older_metadata(name: str, handed_in: NotebookNode) -> None:
    for cell in handed_in.cells:
        if about := cell.metadata.get("nbgrader"):
            about["schema_version"] = 1
            del about["cell_type"]


def other_roles(name: str, handed_in: NotebookNode) -> None:
    for cell in cells(handed_in, "t-hidden"):
        cell.metadata.nbgrader["grade"] = False
    for cell in cells(handed_in, "t-half"):
        cell.metadata.nbgrader["solution"] = True
    for cell in cells(handed_in, "m-why"):
        cell.metadata.nbgrader["solution"] = False


def unknown_cells(name: str, handed_in: NotebookNode) -> None:
    for cell in cells(handed_in, "t-hidden"):
        cell.metadata.nbgrader["grade_id"] = "t-of-last-year"


def attachments(name: str, handed_in: NotebookNode) -> None:
    other_kinds(name, handed_in)
    for cell in cells(handed_in, "t-hidden"):
        cell["attachments"] = {"a.png": {"image/png": "aGk="}}


def without_cells(name: str, handed_in: NotebookNode) -> None:
    lost = ("t-hidden", "m-why", "m-free", "task")
    for cell in [cell for grade_id in lost for cell in cells(handed_in, grade_id)]:
        handed_in.cells.remove(cell)


@dataclass(frozen=True)
class Class:
    """The gradebooks of nbgrader and ours, and our results."""

    theirs: dict[tuple[str, str], Row]
    ours: dict[tuple[str, str], Row]
    results: Mapping[str, Any]

    def row(self, student: str) -> dict[str, Row]:
        return {cell: row for (name, cell), row in self.ours.items() if name == student}

    def flags(self, student: str) -> str:
        return " | ".join(self.results[student]["flags"])


def hand_in(root: Path, student: str, answers: Mapping[str, str], edit: Edit) -> None:
    folder = root / "submitted" / student / NAME
    shutil.copytree(root / "release" / NAME, folder)
    for name in NOTEBOOKS:
        path = folder / f"{name}.ipynb"
        handed_in = nbformat.read(path, as_version=4)
        for grade_id, source in answers.items():
            for cell in cells(handed_in, grade_id):
                cell.source = source
        edit(name, handed_in)
        path.write_text(json.dumps(handed_in))  # whatever nbformat thinks of it


def rows(root: Path) -> dict[tuple[str, str], Row]:
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}") as book:
        return {
            (submission.student_id, grade.name): (
                grade.auto_score,
                grade.needs_manual_grade,
                grade.max_score,
            )
            for submission in book.assignment_submissions(NAME)
            for part in submission.notebooks
            for grade in part.grades
        }


def run(root: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=root, capture_output=True, text=True, timeout=400
    )


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Class:
    ours = tmp_path_factory.mktemp("habits") / "ours"
    source = ours / "source" / NAME
    (source / "data").mkdir(parents=True)
    (ours / "nbgrader_config.py").write_text("c = get_config()\n")
    (source / "data" / "rows.csv").write_text("1\n2\n")
    (source / "data" / "old.csv").write_text("0\n")
    (source / "helper.py").write_text("def one():\n    return 1\n")
    for name, made in NOTEBOOKS.items():
        nbformat.write(notebook(made, POINTS), source / f"{name}.ipynb")
    generate_assignment(ours, NAME)
    hand_in(ours, "right", ANSWERS, as_it_is)
    hand_in(ours, "blank", {}, as_it_is)
    half = {"s-prepare": f"{PREPARE}\nraise RuntimeError('half done')", "s-y": "y = 3"}
    hand_in(ours, "half", ANSWERS | half, other_kernel)
    hand_in(ours, "older", ANSWERS, older_format)
    hand_in(ours, "kinds", ANSWERS, other_kinds)
    theirs = Path(shutil.copytree(ours, ours.with_name("theirs")))
    autograde = run(theirs, "nbgrader", "autograde", NAME)
    assert autograde.returncode == 0, autograde.stderr
    hand_in(ours, "metadata", ANSWERS, older_metadata)
    hand_in(ours, "roles", ANSWERS, other_roles)
    hand_in(ours, "unknown", ANSWERS, unknown_cells)
    hand_in(ours, "attached", ANSWERS, attachments)
    hand_in(ours, "lost", ANSWERS, without_cells)
    said = run(ours, "grading", "grade", NAME, "--json", "marks.json", *SANDBOX)
    assert said.returncode == 1, said.stdout + said.stderr
    data = json.loads((ours / "marks.json").read_text())
    return Class(rows(theirs), rows(ours), {item["student"]: item for item in data["submissions"]})


def test_every_cell_has_nbgraders_own_mark(graded: Class) -> None:
    assert len(graded.theirs) == 5 * len(POINTS)
    assert {key: graded.ours[key] for key in graded.theirs} == graded.theirs


def test_nbgrader_itself_marks_what_the_class_was_made_for(graded: Class) -> None:
    """Else the comparison could hold because nothing was marked at all."""
    marks = {key: row[0] for key, row in graded.theirs.items()}
    tests = [cell for cell in POINTS if cell.startswith("t-")]
    assert [marks["right", cell] for cell in tests] == [
        0.5 if cell == "t-half" else POINTS[cell] for cell in tests
    ]
    assert (marks["half", "t-folder"], marks["half", "t-hidden"]) == (2, 0)
    assert (marks["blank", "t-read"], marks["blank", "m-why"], marks["right", "m-why"]) == (
        0,
        0,
        None,
    )


@pytest.mark.parametrize("student", ["metadata", "roles", "attached"])
def test_what_nbgrader_refuses_is_marked_as_the_release_has_it(graded: Class, student: str) -> None:
    assert graded.row(student) == graded.row("right")


def test_what_was_put_back_is_flagged(graded: Class) -> None:
    assert graded.flags("right") == graded.flags("older") == graded.flags("metadata") == ""
    for student in ("kinds", "roles", "attached"):
        assert "'t-hidden' of d extra.ipynb had become another kind" in graded.flags(student)


@pytest.mark.parametrize(
    ("student", "lost"),
    [("lost", {"t-hidden", "m-why", "m-free", "task"}), ("unknown", {"t-hidden"})],
)
def test_what_is_not_there_earns_nothing_and_waits_for_nobody(
    graded: Class, student: str, lost: set[str]
) -> None:
    right = graded.row("right")
    assert graded.row(student) == right | {cell: (0, False, POINTS[cell]) for cell in lost}
    assert all(f"{cell!r}" in graded.flags(student) for cell in lost)
