"""A student's dry run: the notebook from a restart, its ticks, and what is still missing."""

from pathlib import Path

import nbformat.v4
from nbformat import NotebookNode

from grading.authoring.building import load_keys
from grading.cells.metadata import is_check, lab_of
from grading.cells.reading import read_notebook
from grading.course.config import Course
from grading.engine.kernels.preload import mentioned
from grading.engine.runner import Engine
from grading.errors import UserError
from grading.judging.assess import first_error
from grading.messages import message
from grading.session.handing_in import missing
from grading.session.keyfile import dump
from utils.profile import Profile

KEYS = ".keys"  # their folder beside the notebook
SUMMARY = "from grading import tick\n\ntick.summary()"


async def dry_run(course: Course, path: Path, profile: Profile) -> tuple[list[str], bool]:
    """Execute a student's notebook and return (lines to show, whether something is unfinished).

    The kernel runs in the sandbox where there is one, as in grading, but in the student's mode:
    answers are compared with the public fingerprints.

    Raises
    ------
    UserError
        If the file is not a notebook, or not of a lab with evidence checks.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise UserError(
            f"cannot read {path}: {error.strerror}; give the path of a notebook"
        ) from None
    notebook = read_notebook(raw)
    lab = lab_of(notebook)
    if not lab:
        raise UserError(
            f"{path.name} is not a lab's notebook: it has no checks that show ticks; "
            "the tests of a notebook of nbgrader's are run by `nbgrader validate`"
        )
    notebook.cells.append(nbformat.v4.new_code_cell(SUMMARY))
    engine, lines = _engine(course, raw.decode(errors="replace"))
    env: dict[str, str] = {"LAB_PROFILE": profile}
    files: dict[str, bytes] = {}
    keys = load_keys(course, lab) if lab in {info.name for info in course.labs} else None
    if keys:  # the sandbox does not show those of the kit
        env["DL_KEYS"], files = KEYS, {f"{KEYS}/{lab}.json": dump(keys).encode()}
    async with engine:
        execution = await engine.execute(notebook, env=env, files=files)
    lines += [problem.text(course.language) for problem in execution.problems]
    for cell in execution.notebook.cells[:-1]:
        if is_check(cell):
            lines += _texts(cell)
    failure = first_error(execution.notebook)
    if failure:
        lines.append(failure.text(course.language))
    lines += _texts(execution.notebook.cells[-1])
    lang = course.language
    lacking = missing(notebook, message("notebook.placeholder", lang), lang)
    if lacking:
        lines += [message("hand_in.missing", lang), *(f"· {line}" for line in lacking)]
    unfinished = bool(execution.problems or failure) or any(
        line.startswith(("✗", "≈", "·", "?")) for line in lines
    )
    return lines, unfinished


def _texts(cell: NotebookNode) -> list[str]:
    return [
        line
        for output in cell.get("outputs", [])
        if output.get("output_type") == "display_data"
        for line in output["data"].get("text/plain", "").splitlines()
    ]


def _engine(course: Course, text: str) -> tuple[Engine, list[str]]:
    """Return an engine with the sandbox if this machine has one, and what to say if not."""
    try:
        return Engine(course.limits, modules=mentioned([text]), private=course.private), []
    except UserError:
        return Engine(course.limits, sandbox=False), [message("note.dry_run", course.language)]
