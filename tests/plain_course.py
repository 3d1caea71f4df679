"""A small course of nbgrader's own kind, and submissions that try its rules, for tests."""

import copy
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import nbformat
from nbformat import NotebookNode, v4
from nbgrader.api import Gradebook
from nbgrader.apps import NbGraderAPI
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

ASSIGNMENT = "ps1"
CELL_SECONDS = 5
SETTINGS = f"""\
c = get_config()
c.Execute.timeout = {CELL_SECONDS}
c.LateSubmissionPlugin.penalty_method = "zero"
"""

FIRST = [
    ("code", None, "import sys\nfrom utils import shift\ntopic = open('topic.txt').read()"),
    ("code", "s-double", "### BEGIN SOLUTION\ndef double(x):\n    return 2 * x\n### END SOLUTION"),
    (
        "code",
        "t-double",
        "assert double(2) == 4\n"
        "### BEGIN HIDDEN TESTS\nassert double(3) == 6\n### END HIDDEN TESTS",
    ),
    (
        "code",
        "s-share",
        "### BEGIN SOLUTION\ndef share():\n    return 4.0\n### END SOLUTION",
    ),
    ("code", "t-share", "share()"),
    (
        "code",
        "s-quiet",
        "### BEGIN SOLUTION\ndef quiet():\n    return shift(1)\n### END SOLUTION",
    ),
    ("code", "t-quiet", "print('before')\nassert quiet() == 11"),
    ("code", "m-code", "### BEGIN SOLUTION\nplot = 'a plot'\n### END SOLUTION"),
    ("markdown", "m-text", "### BEGIN SOLUTION\nBecause.\n### END SOLUTION"),
    (
        "code",
        "t-steps",
        "from jhwutils.tick import marks\n"
        "with marks(2):\n    assert double(1) == 2\n"
        "with marks(2):\n    assert double(5) == 10\n"
        "with marks(2):\n    assert topic == 'tides'",
    ),
]
SECOND = [
    ("code", "s-count", "### BEGIN SOLUTION\ndef count(x):\n    return len(x)\n### END SOLUTION"),
    ("code", "t-count", "assert count('abc') == 3"),
    ("markdown", "task", "Collect three examples in cells of your own."),
]
POINTS = {
    "t-double": 3,
    "t-share": 4,
    "t-quiet": 2,
    "m-code": 2,
    "m-text": 1,
    "t-steps": 6,
    "t-count": 5,
    "task": 2,
}


def make_course(root: Path) -> Path:
    """Write the course, have nbgrader release its assignment, and return its folder."""
    source = root / "source" / ASSIGNMENT
    source.mkdir(parents=True)
    (root / "nbgrader_config.py").write_text(SETTINGS)
    (source / "utils.py").write_text("def shift(x):\n    return x + 10\n")
    for name, cells in (("first", FIRST), ("second", SECOND)):
        nbformat.write(notebook(cells), source / f"{name}.ipynb")
    generate_assignment(root, ASSIGNMENT)
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}") as gradebook:
        gradebook.update_or_create_assignment(ASSIGNMENT, duedate="2026-01-10 12:00:00 UTC")
    return root


def generate_assignment(root: Path, assignment: str) -> None:
    config = Config()
    config.CourseDirectory.root = str(root)
    config.CourseDirectory.course_id = ""
    before = os.environ["PATH"]
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{before}"  # it runs alembic
    try:
        api = NbGraderAPI(CourseDirectory(config=config), config=config)
        outcome = api.generate_assignment(assignment)
    finally:
        os.environ["PATH"] = before
    assert outcome["success"], outcome


def notebook(
    cells: list[tuple[str, str | None, str]], points: Mapping[str, float] = POINTS
) -> NotebookNode:
    """Return a notebook; a cell's id says what it is: ``s-`` solution, ``t-`` test, ``m-`` both."""
    made = []
    for kind, name, source in cells:
        cell = v4.new_code_cell(source) if kind == "code" else v4.new_markdown_cell(source)
        if name:
            cell.metadata["nbgrader"] = {
                "schema_version": 3,
                "grade_id": name,
                "grade": name[:2] in ("t-", "m-"),
                "solution": name[:2] in ("s-", "m-"),
                "locked": name[:2] == "t-" or name == "task",
                "task": name == "task",
                **({"points": points[name]} if name in points else {}),
            }
        made.append(cell)
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return v4.new_notebook(cells=made, metadata={"kernelspec": kernel})


def released(root: Path, name: str = "first") -> NotebookNode:
    """Return a notebook as the students get it."""
    return nbformat.read(root / "release" / ASSIGNMENT / f"{name}.ipynb", as_version=4)


def solved(root: Path, name: str = "first", **answers: str) -> NotebookNode:
    """Return a released notebook with the right answers, but for those given by name."""
    notebook = copy.deepcopy(released(root, name))
    for _, cell, source in FIRST + SECOND:
        if cell and cell[:2] in ("s-", "m-"):
            lines = [line for line in source.splitlines() if not line.startswith("###")]
            source = answers.get(cell[2:], "\n".join(lines))
            for mine in cells(notebook, cell):
                mine.source = source
    return notebook


def cells(notebook: NotebookNode, name: str) -> list[NotebookNode]:
    """Return the cells with a grade id."""
    return [
        cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade_id") == name
    ]


def hand_in(
    root: Path,
    student: str,
    notebooks: dict[str, NotebookNode],
    files: dict[str, str] | None = None,
) -> Path:
    """Put a submission in nbgrader's folder, on time unless a file says otherwise."""
    folder = root / "submitted" / student / ASSIGNMENT
    folder.mkdir(parents=True)
    beside = {"topic.txt": "tides", "timestamp.txt": "2026-01-10 11:00:00 UTC"} | (files or {})
    for name, text in beside.items():
        (folder / name).write_text(text)
    for name, content in notebooks.items():
        nbformat.write(content, folder / f"{name}.ipynb")
    return folder


def hand_in_class(root: Path) -> None:
    """Hand in submissions that nbgrader grades to the end, each for some of its rules."""
    second = solved(root, "second")
    hand_in(root, "ada", {"first": solved(root), "second": second})
    hand_in(
        root,
        "bob",  # the hidden test fails, partial credit, stderr, a helper module of his own
        {
            "first": solved(
                root,
                double="def double(x):\n    return 2 * x if x < 3 else 0",
                share="def share():\n    return 2.5",
                quiet="def quiet():\n    print('hm', file=sys.stderr)\n    return shift(1)",
                text="I know.",
            ),
            "second": solved(root, "second", count="def count(x):\n    raise SystemExit"),
        },
        {"utils.py": "def shift(x):\n    return -1\n", "topic.txt": "winds"},
    )
    first = solved(root, share="def share():\n    return 1")
    first.cells.remove(cells(first, "t-double")[0])
    cells(first, "t-quiet")[0].source = "pass"
    cells(first, "t-quiet")[0].metadata.nbgrader.points = 100
    cells(first, "s-quiet")[0].metadata["tags"] = ["skip-execution"]
    first.cells.append(v4.new_code_cell("print('my own')"))
    hand_in(root, "cyd", {"first": first, "other": solved(root, "second")})
    hand_in(
        root,
        "dan",  # an error, a cell that takes too long, and tracebacks switched off
        {
            "first": solved(
                root,
                double="raise RuntimeError('half done')",
                share="def share():\n    while True:\n        pass",
                quiet="get_ipython().showtraceback = lambda *args, **more: None\n"
                "def quiet():\n    return 1 / 0",
            ),
            "second": second,
        },
    )
    hand_in(
        root,
        "eve",  # late; values that are no marks
        {
            "first": solved(
                root,
                share="def share():\n    return 'great'",
                quiet="def quiet():\n    import warnings\n    return shift(1)",
                code=cells(released(root), "m-code")[0].source,
                text=cells(released(root), "m-text")[0].source,
            ),
            "second": second,
        },
        {"timestamp.txt": "2026-01-11 12:00:00 UTC"},
    )
