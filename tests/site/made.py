"""A small course with a site: two labs, one built on the other, as if both had been executed."""

import base64
import io
from pathlib import Path
from typing import Any

import nbformat.v4
from matplotlib.figure import Figure

from docs.site.building import Sources
from docs.site.facts import Chapter, Facts, Term
from grading.authoring import instructor_notebook
from grading.authoring.building import read_lab
from grading.course.config import LANGUAGES, Course, load_course
from tests import mini

SECOND = "second"
CURVE = "Loss against epoch: 3 at 1, 2 at 3"
WORD = "printed by a given cell"
ANSWER = "the answer that an exercise printed"

FACTS = Facts(
    terms=(
        Term({"es": "aritmética", "en": "arithmetic"}, {"es": "Cuentas.", "en": "Sums."}),
        Term({"es": "tensor", "en": "tensor"}, {"es": "Números.", "en": "Numbers."}),
    ),
    chapters=(
        Chapter(mini.LAB, {"es": ["Doblar."], "en": ["Double."]}, {"es": ["Di."], "en": ["Say."]}),
    ),
)


def course_of_two(root: Path) -> Course:
    """Return the small course with another lab that builds on its first."""
    mini.make_course(root)
    file = root / "course.toml"
    more = (
        f'[[labs]]\nname = "{SECOND}"\ntitle = {{ es = "Otro", en = "Other" }}\n'
        f'hours = 1.5\nneeds = ["{mini.LAB}"]\n\n[limits]'
    )
    file.write_text(file.read_text("utf-8").replace("[limits]", more), encoding="utf-8")
    source = root / "notebooks" / "source"
    (source / f"{SECOND}.py").write_text(mini.SOURCE, encoding="utf-8")
    (source / f"{SECOND}.answers.toml").write_text(mini.ANSWERS, encoding="utf-8")
    return load_course(root)


def picture() -> str:
    """Return a small PNG, as a notebook holds it."""
    stream = io.BytesIO()
    Figure(figsize=(1, 1)).savefig(stream, format="png")
    return base64.b64encode(stream.getvalue()).decode()


def executed(course: Course, name: str, lang: str, alt: str = CURVE) -> Any:
    """Return a lab's solution as if it had been run: every cell shows something."""
    notebook = instructor_notebook(read_lab(course, name), lang, course)
    shown = {"image/png": picture(), "text/plain": "<Figure>"}
    for cell in notebook.cells:
        match cell.metadata.dl.role:
            case "given" | "setup":
                cell.outputs = [
                    nbformat.v4.new_output("stream", name="stdout", text=f"{WORD}\n"),
                    nbformat.v4.new_output(
                        "display_data", data=shown, metadata={"image/png": {"alt": alt}}
                    ),
                ]
            case "exercise":
                cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text=ANSWER)]
            case "check":
                cell.outputs = [
                    nbformat.v4.new_output("display_data", data={"text/plain": "✓ double: 3 of 3"})
                ]
    return notebook


def sources(course: Course) -> Sources:
    """Return all that the course's site is made of."""
    labs = tuple(read_lab(course, name) for name in course.lab_names)
    done = {
        (lab.name, lang): executed(course, lab.name, lang) for lab in labs for lang in LANGUAGES
    }
    return Sources(course, labs, FACTS, done)
