"""A lab's source becomes notebooks: the instructor's, with solutions, and the student's.

Everything here is pure and deterministic: the same source gives the same bytes.
"""

import copy
import hashlib
import json
from collections.abc import Iterator
from urllib.parse import quote

import nbformat
import nbformat.v4
from nbformat import NotebookNode

from grading.authoring.setup_cell import setup_source
from grading.authoring.source import Cell, Lab, made_ids
from grading.authoring.stubs import BEGIN, END, split_answer, stub
from grading.cells.headings import headings
from grading.cells.metadata import language_of, role_of
from grading.cells.syntax import parsed
from grading.course.config import LANGUAGES, Course
from grading.errors import UserError
from grading.messages import message

FORMAT = 1  # of nb.metadata["dl"]
VERSION_DIGITS = 12  # of the solution's hash, by which a notebook and a kit know each other

# Exactly this text is an unsigned notebook; collecting reads the four strings.
IDENTITY = """\
STUDENT_1 = ""      # your student id
SIGNATURE_1 = ""    # your full name: you sign the declaration above
STUDENT_2 = ""      # your partner's id, if you work as a pair
SIGNATURE_2 = ""    # your partner's full name"""

# --- notebooks ---------------------------------------------------------------------------------


def instructor_notebook(lab: Lab, lang: str, course: Course) -> NotebookNode:
    """Return a lab in one language with its solutions, as nbgrader takes it for release.

    Raises
    ------
    UserError
        If ``course.toml`` does not list the lab or lacks its title in ``lang``.
    """
    cells = [*_front(lab, lang, course), *_body(lab, lang), *_back(lang)]
    return nbformat.v4.new_notebook(
        cells=cells,
        metadata={
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
            "dl": {"lab": lab.name, "lang": lang, "format": FORMAT},
        },
    )


def student_notebook(lab: Lab, lang: str, course: Course, commit: str = "") -> NotebookNode:
    """Return a lab in one language as a student gets it: stubs, no answers, no outputs.

    Its first cell fetches ``commit`` of the published kit, or its tag while there is none.
    """
    notebook = clear_solutions(instructor_notebook(lab, lang, course))
    for cell in notebook.cells:
        if role_of(cell) == "setup":
            cell.source = _setup(lab, lang, course, commit)
    return notebook


def clear_solutions(notebook: NotebookNode) -> NotebookNode:
    """Return a copy with stubs for solutions and a placeholder for each written answer.

    Both are in the notebook's language.
    """
    cleared = copy.deepcopy(notebook)
    lang = language_of(cleared)
    for cell in cleared.cells:
        role = role_of(cell)
        if role == "exercise":
            cell.source = stub(cell.source, lang)
        elif role == "question":
            cell.source = message("notebook.placeholder", lang)
    return cleared


def render(notebook: NotebookNode) -> str:
    """Return the text of a notebook's file."""
    return nbformat.writes(notebook, version=4).rstrip("\n") + "\n"


def colab_url(course: Course, lab: str, lang: str) -> str:
    """Return the address that opens a lab's notebook in Colab."""
    path = f"{course.repository}/blob/{course.tag}/notebooks/{lang}/{lab}.ipynb"
    return f"https://colab.research.google.com/github/{quote(path)}"


_FLAGS = {
    "prose": {},
    "given": {"locked": True},
    "setup": {"locked": True},
    "check": {"grade": True, "locked": True},
    "exercise": {"solution": True},
    "identity": {"solution": True},
    "question": {"grade": True, "solution": True},
}


def _new_cell(
    role: str, cell_id: str, source: str, *, points: float | None = None, locked: bool = False
) -> NotebookNode:
    """Return a cell with nbgrader's metadata and ours; ``locked`` makes prose read-only."""
    metadata: dict[str, object] = {"dl": {"role": role}}
    flags = {"locked": True} if locked else _FLAGS[role]
    if flags:
        nbgrader: dict[str, object] = {"schema_version": 3, "grade_id": cell_id}
        nbgrader |= {"grade": False, "solution": False, "locked": False, "task": False} | flags
        if points is not None:
            nbgrader["points"] = points
        metadata |= {"nbgrader": nbgrader, "deletable": False}
        if nbgrader["locked"]:
            metadata["editable"] = False
    if role in ("prose", "question"):
        return nbformat.v4.new_markdown_cell(source, id=cell_id, metadata=metadata)
    return nbformat.v4.new_code_cell(source, id=cell_id, metadata=metadata)


def _front(lab: Lab, lang: str, course: Course) -> list[NotebookNode]:
    """Return the cells that open every notebook; their ids are in `source.FRAME_IDS`."""
    title = course.lab(lab.name).title.get(lang)
    if title is None:
        raise UserError(f"course.toml has no title in {lang!r} for the lab {lab.name}; add one")
    header = (
        f"[{message('notebook.open_in_colab', lang)}]({colab_url(course, lab.name, lang)})\n\n"
        f"# {title}\n\n"
        f"**{course.name}** · {course.institution} · {course.term}"
    )
    return [
        _new_cell("prose", "header", header),
        _new_cell("setup", "setup", _setup(lab, lang, course)),
        _new_cell("prose", "declaration", message("notebook.declaration", lang)),
        _new_cell("identity", "identity", IDENTITY),
    ]


def _setup(lab: Lab, lang: str, course: Course, commit: str = "") -> str:
    return setup_source(
        lab.name,
        lang,
        version=solution_hash(lab)[:VERSION_DIGITS],
        repository=course.repository,
        tag=course.tag,
        commit=commit,
    )


def _back(lang: str) -> list[NotebookNode]:
    """Return the cells that close every notebook."""
    return [
        _new_cell("prose", "handing_in", message("notebook.hand_in", lang)),
        _new_cell("given", "hand_in", "tick.hand_in()"),
    ]


def _body(lab: Lab, lang: str) -> Iterator[NotebookNode]:
    headers = {cell.id: _exercise_header(lab, cell, lang) for cell in lab.of_role("exercise")}
    exercises = {cell.id: cell for cell in lab.of_role("exercise")}
    numbers = {cell.id: n for n, cell in enumerate(lab.of_role("question"), start=1)}
    for cell in lab.cells:
        opened = cell.exercise or cell.id
        if opened in headers:
            (header_id,) = made_ids(exercises[opened])
            yield _new_cell("prose", header_id, headers.pop(opened))
        if cell.role == "question":
            yield from _question(cell, numbers[cell.id], lang)
        else:
            points = cell.points if cell.role == "check" else None
            yield _new_cell(cell.role, cell.id, cell.text[lang], points=points)


def _exercise_header(lab: Lab, exercise: Cell, lang: str) -> str:
    numbers = {cell.id: n for n, cell in enumerate(lab.of_role("exercise"), start=1)}
    covering = [check for check in lab.of_role("check") if exercise.id in check.covers]
    shared = [check for check in covering if len(check.covers) > 1]
    marks = _marks(sum(check.points for check in covering), lang)
    if shared:
        others = {numbers[name] for check in shared for name in check.covers}
        marks += message(
            "notebook.shared",
            lang,
            marks=f"{sum(check.points for check in shared):g}",
            numbers=", ".join(str(n) for n in sorted(others - {numbers[exercise.id]})),
        )
    return message(
        "notebook.exercise",
        lang,
        number=numbers[exercise.id],
        title=exercise.title[lang],
        stars="★" * exercise.difficulty + "☆" * (3 - exercise.difficulty),
        minutes=exercise.minutes,
        marks=marks,
    )


def _marks(count: float, lang: str) -> str:
    return message("notebook.marks", lang, marks=f"{count:g}")


def _question(cell: Cell, number: int, lang: str) -> Iterator[NotebookNode]:
    """Yield the question, which stays, and the cell below it that the student overwrites."""
    prompt, answer = split_answer(cell.text[lang])
    marks = _marks(cell.points, lang)
    heading = message("notebook.question", lang, number=number, marks=marks)
    (text_id,) = made_ids(cell)
    yield _new_cell("prose", text_id, f"{heading}\n\n{prompt}", locked=True)
    model = f"{BEGIN}\n{answer}\n{END}" if answer else message("notebook.placeholder", lang)
    yield _new_cell("question", cell.id, model, points=cell.points)


# --- what a lab holds --------------------------------------------------------------------------


def checks(lab: Lab) -> dict[str, float]:
    """Return the points of each check cell, by id, in order."""
    return {cell.id: cell.points for cell in lab.of_role("check")}


def questions(lab: Lab) -> dict[str, float]:
    """Return the points of each written question, by id, in order."""
    return {cell.id: cell.points for cell in lab.of_role("question")}


def total_points(lab: Lab) -> float:
    """Return the points of all checks and questions together."""
    return sum(checks(lab).values()) + sum(questions(lab).values())


def section_of_check(lab: Lab) -> dict[str, dict[str, str]]:
    """Return, by check and by language, the last heading of level 2 above it (``""`` if none)."""
    section = dict.fromkeys(LANGUAGES, "")
    found = {}
    for cell in lab.cells:
        if cell.role == "prose":
            for lang, text in cell.text.items():
                section = section | {lang: _last_heading(text) or section[lang]}
        elif cell.role == "check":
            found[cell.id] = section
    return found


def _last_heading(text: str) -> str:
    """Return the last heading of level 2, ``""`` if there is none."""
    return next((words for level, words in reversed([*headings(text)]) if level == 2), "")


def minutes_of_check(lab: Lab) -> dict[str, float]:
    """Return, by check, the minutes of the exercises that it covers, shared among their checks."""
    found = dict.fromkeys(checks(lab), 0.0)
    for exercise in lab.of_role("exercise"):
        covering = [check.id for check in lab.of_role("check") if exercise.id in check.covers]
        for check in covering:
            found[check] += exercise.minutes / len(covering)
    return found


def solution_hash(lab: Lab) -> str:
    """Return a SHA-256 of what can change the solution's results: its code cells, no prose."""
    code = [[cell.role, cell.id, cell.code] for cell in lab.cells if cell.is_code]
    return hashlib.sha256(json.dumps([lab.name, code]).encode()).hexdigest()


# --- what a student's notebook must keep to ----------------------------------------------------


def verify_student_notebook(notebook: NotebookNode, lab: Lab) -> list[str]:
    """Return what is wrong with a notebook for students, one line each; nothing if it is sound.

    It must hold no solution marker, answer, output or execution count; every cell must parse, and
    every exercise must be its stub.
    """
    problems = []
    for number, cell in enumerate(notebook.cells, start=1):
        name = f"cell {number} ({cell.get('id', 'without id')})"
        problems += [f"{name}: {problem}" for problem in _cell_problems(cell)]
    lang = language_of(notebook)
    if lang not in LANGUAGES:
        return [
            *problems,
            f"the notebook's language is {lang!r}; expected {' or '.join(LANGUAGES)}",
        ]
    expected = {"identity": IDENTITY}
    expected |= {cell.id: stub(cell.code, lang) for cell in lab.of_role("exercise")}
    unanswered = message("notebook.placeholder", lang)
    expected |= {cell.id: unanswered for cell in lab.of_role("question")}
    solutions = {cell.id: cell.code for cell in lab.of_role("exercise")}
    sources = {cell.get("id"): cell.source for cell in notebook.cells}
    for cell_id, source in expected.items():
        if cell_id not in sources:
            problems.append(f"the cell {cell_id!r} is missing")
        elif sources[cell_id] == solutions.get(cell_id):
            problems.append(f"the exercise {cell_id!r} does not differ from its solution")
        elif sources[cell_id] != source:
            problems.append(f"the cell {cell_id!r} is not as students should find it, unanswered")
    return problems


def _cell_problems(cell: NotebookNode) -> Iterator[str]:
    if "BEGIN SOLUTION" in cell.source or "END SOLUTION" in cell.source:
        yield "a solution marker is left"
    if cell.cell_type != "code":
        return
    if cell.outputs:
        yield "an output is left"
    if cell.execution_count is not None:
        yield "an execution count is left"
    try:
        parsed(cell.source)
    except (SyntaxError, ValueError) as error:
        yield f"it does not parse: {error}"
