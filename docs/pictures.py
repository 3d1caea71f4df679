"""The pictures of the documents: ``python -m docs.pictures``, after ``make demo demo-term``.

Nothing in them is drawn for the documents. The checks and the attention map come from executed
labs, the report is the demo's, the course's page is that of the made-up term, answers are marked in
a service of its own, and Chromium photographs the pages.
"""

import base64
import io
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import nbformat.v4
from nbconvert import HTMLExporter
from nbformat import NotebookNode
from PIL import Image
from traitlets.config import Config

from docs import marking_pictures
from docs.executing import execute
from docs.life import life
from grading.authoring import Lab, instructor_notebook, parse_lab, student_notebook
from grading.course.config import Course, load_course
from grading.course.roster import read_roster
from grading.errors import UserError
from grading.feedback.writing import page_path
from grading.gradebook.marks import Marks
from grading.reporting import report as reporting
from grading.reporting.outline import read_outline
from grading.reporting.standings import class_view
from tests import demo
from tests.example_class import OFF_BY_ONE, filled, solutions

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "docs" / "pictures"
COLOURS = 64  # text and bars need no more
WHOLE_WORDS = ".jp-OutputArea-output pre { word-break: normal }"  # as Jupyter breaks lines
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
HIDDEN = "hide-code"  # a cell of which only the output is shown
SHORT_WINDOW = "al1005"  # in the example class
ASK = "tick.hint()\ntick.hint()"  # what is expected, then the author's hint


def main() -> None:
    """Make every picture again."""
    course = load_course(ROOT)
    PICTURES.mkdir(exist_ok=True)
    save("submission", life())
    save("tick", photograph(ticks(course), width=820, height=470))
    save("attention", attention(course))
    save("report", photograph(report(), width=1000, height=760))
    save("feedback", photograph(feedback(), width=820, height=900))
    save("course", photograph(course_page(), width=1000, height=1180))
    for name, picture in marking_pictures.pictures().items():
        save(name, picture)


# --- what is shown -----------------------------------------------------------------------------


def ticks(course: Course) -> str:
    """Return the page of an exercise with a mistake, its checks and two hints."""
    lab = _lab(demo.LAB)
    solved = solutions(instructor_notebook(lab, "en", course)) | {"context_pairs": OFF_BY_ONE}
    notebook = filled(student_notebook(lab, "en", course), solved)
    cut_after(notebook, "context_pairs_check")
    notebook.cells.append(nbformat.v4.new_code_cell(ASK))
    executed = execute(course, notebook)
    executed.cells = executed.cells[-3:]
    executed.cells[1].metadata.setdefault("tags", []).append(HIDDEN)
    settings = Config()
    settings.TagRemovePreprocessor.update({"enabled": True, "remove_input_tags": {HIDDEN}})
    settings.HTMLExporter.update(exclude_input_prompt=True, exclude_output_prompt=True)
    settings.HTMLExporter.update(require_js_url="", mathjax_url="")  # nothing from the network
    page, _ = HTMLExporter(config=settings, template_name="lab").from_notebook_node(executed)
    return page.replace("</head>", f"<style>{WHOLE_WORDS}</style></head>")


def attention(course: Course) -> bytes:
    """Return where the recurrent translator of lab 4 looks, in the quick profile."""
    notebook = instructor_notebook(_lab("lab4_seq2seq_attention"), "en", course)
    drawing = next(cell for cell in notebook.cells if "plots.attention_map(" in cell.source)
    cut_after(notebook, drawing.id)
    (output,) = (
        output
        for output in execute(course, notebook).cells[-1].outputs
        if "image/png" in output.get("data", {})
    )
    return base64.b64decode(output["data"]["image/png"])


def report() -> str:
    """Return the report page of the demo's class, in English."""
    home = ROOT / "demo"
    if not (home / "course" / "reports" / demo.LAB).exists():
        raise UserError("the demo has no report; run `make demo` first")
    course = replace(load_course(home), language="en")
    with Marks(course.db_url) as marks:
        records = marks.records(demo.LAB)
    view = class_view(records, read_roster(course.roster), course.zone, course.language)
    view = replace(view, notes=())
    return reporting.page(
        course, demo.LAB, view, read_outline(course, demo.LAB), {}, datetime.now().astimezone()
    )


def feedback() -> str:
    """Return the page of the demo's student whose window is one word short."""
    path = page_path(ROOT / "demo" / "course", SHORT_WINDOW, demo.LAB)
    if not path.exists():
        raise UserError("the demo has no feedback; run `make demo` first")
    return path.read_text(encoding="utf-8")


def course_page() -> str:
    """Return the page of the made-up term's course."""
    path = ROOT / "demo-term" / "course" / "reports" / "index.html"
    if not path.exists():
        raise UserError("the made-up term has no page; run `make demo-term` first")
    return path.read_text(encoding="utf-8")


def _lab(name: str) -> Lab:
    return parse_lab(ROOT / "notebooks" / "source" / name)


def cut_after(notebook: NotebookNode, cell_id: str) -> None:
    """Drop the cells after the one with this id."""
    ids = [cell.id for cell in notebook.cells]
    del notebook.cells[ids.index(cell_id) + 1 :]


# --- the picture -------------------------------------------------------------------------------


def photograph(page: str, *, width: int, height: int) -> bytes:
    """Return the top of an HTML page as a PNG, in pixels."""
    browser = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if browser is None:
        raise UserError(f"no browser; install one of {', '.join(BROWSERS)}")
    with tempfile.TemporaryDirectory() as folder:
        source, picture = Path(folder, "page.html"), Path(folder, "page.png")
        source.write_text(page, encoding="utf-8")
        options = ["--headless", "--no-sandbox", "--hide-scrollbars", f"--screenshot={picture}"]
        size = f"--window-size={width},{height}"
        subprocess.run([browser, *options, size, source.as_uri()], check=True, capture_output=True)
        return picture.read_bytes()


def save(name: str, content: bytes) -> None:
    """Write a picture with a palette, and say how large it is."""
    picture = Image.open(io.BytesIO(content)).convert("RGB")
    path = PICTURES / f"{name}.png"
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(f"error: {error}")
