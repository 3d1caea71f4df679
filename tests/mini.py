"""A small lab without torch, and a course around it, for tests of the whole loop."""

from pathlib import Path

from nbformat import NotebookNode

from grading.authoring import instructor_notebook, student_notebook
from grading.authoring.building import read_lab
from grading.course.config import Course, load_course
from tests.twins import in_every_language

LAB = "mini"

COURSE = """\
[course]
name = "Mini"
institution = "Test"
term = "now"
language = "en"
repository = "org/mini"
tag = "main"
roster = "roster.csv"

[[labs]]
name = "mini"
title = { es = "Mini", en = "Mini" }

[limits]
cell_seconds = 10
submission_seconds = 60
"""

ROSTER = """\
student_id,name,email,group
ada,Ada Lovelace,ada@example.org,1
bob,Bob Ross,bob@example.org,1
cyd,Cyd Charisse,cyd@example.org,2
"""

SOURCE = '''\
# %% [markdown] lang="es"
# ## Sumas
# Un poco de aritmética.

# %% [markdown] lang="en"
# ## Sums
# A little arithmetic.

# %% role="given"
import numpy as np

from utils.profile import run_seed

# %% role="exercise" id="double" title_es="El doble" title_en="Double" difficulty=1 minutes=2
def double(x):
    """Return twice x."""
    ### BEGIN SOLUTION
    return 2 * np.asarray(x)
    ### END SOLUTION

# %% role="check" id="check-double" points=5
tick.call(
    "double on vectors",
    lambda x: double(x),
    cases=lambda rng: [(rng.normal(size=4),), (rng.normal(size=(2, 3)),)],
    marks=3,
    hint={"es": "Multiplica por dos.", "en": "Multiply by two."},
)
tick.value("double of the seed", lambda: float(double(run_seed() + 0.5)), marks=2)

# %% role="exercise" id="slope" title_es="Pendiente" title_en="Slope" difficulty=2 minutes=5
def fit_slope(x, y):
    """Return the slope of the line through the origin with the least squared error."""
    ### BEGIN SOLUTION
    return float(x @ y / (x @ x))
    ### END SOLUTION

# %% role="check" id="check-slope" points=4
x = np.linspace(1.0, 2.0, 20)
tick.predictions(
    "unseen points",
    lambda inputs: fit_slope(x, 3 * x) * inputs,
    hidden=lambda rng: ((points := rng.uniform(5, 9, size=30)), 3 * points),
    metric="rmse",
    baseline=("zero", lambda inputs: 0 * inputs),
    marks=4,
)

# %% [markdown] role="question" id="why" points=2 lang="es"
# ¿Por qué?
# ### BEGIN SOLUTION
# Porque sí.
# ### END SOLUTION

# %% [markdown] role="question" id="why" points=2 lang="en"
# Why?
# ### BEGIN SOLUTION
# Because.
# ### END SOLUTION
'''

ANSWERS = """\
[[double.mistakes]]
name = "two more"
replace = "2 * np.asarray(x)"
by = "2 + np.asarray(x)"

[[double.mistakes]]
name = "the square"
replace = "2 * np.asarray(x)"
by = "np.asarray(x) ** 2"

[[double.mistakes]]
name = "its sign is lost"
replace = "2 * np.asarray(x)"
by = "2 * np.abs(x)"

[[double.mistakes]]
name = "the first alone"
replace = "2 * np.asarray(x)"
by = "2 * np.ravel(x)[0]"

[[double.variants]]
name = "a sum"
replace = "2 * np.asarray(x)"
by = "np.add(x, x)"

[[double.variants]]
name = "in single precision"
replace = "2 * np.asarray(x)"
by = "2 * np.asarray(x, dtype=np.float32)"

[[double.variants]]
name = "by another name"
code = '''
def times_two(array):
    return np.multiply(array, 2)

double = times_two
'''

[[double.equivalent]]
before = "return 2 * np.asarray(x)"
after = ["return 2 * (x)"]
because = "x is an array, or a number of Python's that multiplies as one"

[[slope.mistakes]]
name = "upside down"
replace = "x @ y / (x @ x)"
by = "x @ x / (x @ y)"

[[slope.mistakes]]
name = "not divided"
replace = "x @ y / (x @ x)"
by = "x @ y"

[[slope.mistakes]]
name = "the last point"
replace = "x @ y / (x @ x)"
by = "y[-1]"

[[slope.mistakes]]
name = "the other way"
replace = "x @ y / (x @ x)"
by = "-x @ y / (x @ x)"

[[slope.variants]]
name = "least squares of a library"
replace = "float(x @ y / (x @ x))"
by = "np.linalg.lstsq(x[:, None], y, rcond=None)[0][0]"

[[slope.variants]]
name = "sums"
replace = "x @ y / (x @ x)"
by = "sum(x * y) / sum(x**2)"

[[slope.variants]]
name = "a loop"
replace = "return float(x @ y / (x @ x))"
by = "return sum(a * b for a, b in zip(x, y)) / sum(a * a for a in x)"

[[slope.equivalent]]
before = "return float(x @ y / (x @ x))"
after = ["return (x @ y / (x @ x))", "return float(y @ x / (x @ x))"]
because = "a number of numpy's is one, and the product of two vectors has no order"
"""


def make_course(root: Path) -> Course:
    """Write the course's files under ``root`` and return it."""
    (root / "notebooks" / "source").mkdir(parents=True)
    (root / "course.toml").write_text(in_every_language(COURSE), encoding="utf-8")
    (root / "roster.csv").write_text(ROSTER, encoding="utf-8")
    (root / "notebooks" / "source" / f"{LAB}.py").write_text(
        in_every_language(SOURCE), encoding="utf-8"
    )
    (root / "notebooks" / "source" / f"{LAB}.answers.toml").write_text(ANSWERS, encoding="utf-8")
    return load_course(root)


def solution(course: Course, lang: str = "en") -> NotebookNode:
    """Return the instructor's notebook."""
    return instructor_notebook(read_lab(course, LAB), lang, course)


def blank(course: Course, lang: str = "en") -> NotebookNode:
    """Return the student's notebook, nothing done."""
    return student_notebook(read_lab(course, LAB), lang, course)


def answered(course: Course, answers: dict[str, str], student: str = "") -> NotebookNode:
    """Return the student's notebook with cells filled in by their id."""
    notebook = blank(course)
    for cell in notebook.cells:
        if cell["id"] in answers:
            cell.source = answers[cell["id"]]
        if cell["id"] == "identity" and student:
            cell.source = cell.source.replace('STUDENT_1 = ""', f'STUDENT_1 = "{student}"')
            cell.source = cell.source.replace('SIGNATURE_1 = ""', 'SIGNATURE_1 = "Signed"')
    return notebook


def solved(course: Course) -> dict[str, str]:
    """Return every exercise's solution by cell id."""
    return {
        cell["id"]: cell.source
        for cell in solution(course).cells
        if cell.metadata.dl.role in ("exercise", "question")
    }
