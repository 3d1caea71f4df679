"""A class whose written answers to a lab of the kit wait to be marked, and who mark them."""

import random
import shutil
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import nbformat
import sqlalchemy as sa

from benchmarks.serving import Site
from docs.executing import execute
from grading.authoring import instructor_notebook, render, student_notebook
from grading.authoring.building import read_lab, student_files
from grading.cells.metadata import grade_id, is_question
from grading.collect.submitted import Place
from grading.gradebook.marking import markings
from grading.gradebook.marks import Marks
from grading.judging.results import texts
from grading.marking.answers import Given, answers
from grading.service.database import Database
from grading.service.written import questions
from tests.command import command
from tests.demo import fresh_course
from tests.example_class import filled, identity_cell, solutions, written_answers

LAB = "lab1_mlp"
CLASS = 300
MARKERS = tuple(f"tutor{number}" for number in range(1, 7))
TALK = """
the loss on validation data rises while that on training data still falls so the network learns the
noise by heart and a smaller learning rate or dropout or more data would help because gradients of
the first layers vanish when sigmoids saturate and accuracy then stays
"""
SENTENCES, LONG = 4, 18  # of an answer, and words of each


class Written(Site):
    """A course in which a class answered all questions of a lab, served only for marking.

    One of them hands in what a session leaves, with its pictures, and is graded as `grade` does it;
    the others have the same notebooks, with other texts.

    Parameters
    ----------
    root : Path
    count : int
        How many students.
    given : mapping of str to sequence of str
        By question, what the first of them answer; what others do is drawn.
    """

    def __init__(
        self, root: Path, count: int = CLASS, given: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        self.students = [f"al{number:04}" for number in range(count)]
        course = fresh_course(root, lambda text: text.replace('language = "es"', 'language = "en"'))
        rows = [f"{one},Student {one},{one}@example.org,A" for one in self.students]
        course.roster.write_text("\n".join(["student_id,name,email,group", *rows, ""]))
        lab, first = read_lab(course, LAB), self.students[0]
        for path, text in student_files(course, lab).items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        solution = instructor_notebook(lab, course.language, course)
        handed_in = filled(
            student_notebook(lab, course.language, course),
            solutions(solution) | written_answers(solution),
        )
        for cell in handed_in.cells:
            if cell.id == "identity":
                cell.source = identity_cell(((first, f"Student {first}"),))
        path = root / "handed_in" / first / f"{LAB}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(render(execute(course, handed_in)), encoding="utf-8")
        for words in (["release"], ["collect", "handed_in", "--from", "folder"], ["grade"]):
            name, *options = words
            done = command(root, name, LAB, *options)
            if done.returncode:
                raise RuntimeError(f"{name}: {done.stdout}{done.stderr}")
        staff = "".join(f'[[service.staff]]\nid = "{one}"\nrole = "grader"\n' for one in MARKERS)
        super().__init__(root, staff, ["--only-marking"])
        self.cells = [one.cell for one in questions(self.course, LAB)]
        self._answer(first, given or {})
        self._unmarked = root / "unmarked.db"
        with closing(sqlite3.connect(self.course.home / "gradebook.db")) as gradebook:
            gradebook.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        shutil.copy(self.course.home / "gradebook.db", self._unmarked)

    def key(self, cell: str, student: str) -> str:
        """Return the name under which pages know a student's answer."""
        return self._seals.pseudonym(LAB, cell, student)

    def stands(self) -> dict[tuple[str, str], Given]:
        """Return what answers were given, by question and the name that pages have for them."""
        database = Database(self.course.db_url)
        with database.reading() as session:
            found = {
                (cell, self.key(cell, one.student)): one.given
                for cell in self.cells
                for one in answers(session, LAB, cell)
                if one.is_marked
            }
        database.close()
        return found

    def history(self) -> list[str]:
        """Return the comments of all that was ever given, as often as it was."""
        database = Database(self.course.db_url)
        with database.reading() as session:
            found = [
                Given.of_json(text).comment for text in session.scalars(sa.select(markings.c.after))
            ]
        database.close()
        return found

    def forget_marks(self) -> None:
        """Put the gradebook back as it was before anybody marked; the service is down."""
        for path in self.course.home.glob("gradebook.db-*"):
            path.unlink()
        shutil.copy(self._unmarked, self.course.home / "gradebook.db")

    def _answer(self, first: str, given: Mapping[str, Sequence[str]]) -> None:
        """Have all of the class answer, each in words of their own."""
        draw = random.Random(0)
        home = self.course.home
        known = [
            nbformat.read(path, as_version=4)
            for path in (Place(home, first, LAB).notebook, _kept(home, first))
        ]
        with Marks(self.course.db_url) as marks:
            result = marks.result(LAB, first)
            assert result is not None
            for number, student in enumerate(self.students):
                said = {
                    cell: dict(enumerate(given.get(cell, ()))).get(number) or _written(draw, cell)
                    for cell in self.cells
                }
                for notebook in known:
                    for cell in filter(is_question, notebook.cells):
                        cell.source = said[grade_id(cell)]
                for path, notebook in zip(
                    (Place(home, student, LAB).notebook, _kept(home, student)), known, strict=True
                ):
                    path.parent.mkdir(parents=True, exist_ok=True)
                    nbformat.write(notebook, path)
                read = texts(LAB, filter(is_question, known[-1].cells))
                marks.save(replace(result, student=student, submission=student, texts=read))


def _kept(home: Path, student: str) -> Path:
    """Return where a notebook is as it was graded."""
    return home / "autograded" / student / LAB / f"{LAB}.ipynb"


def _written(draw: random.Random, cell: str) -> str:
    """Return an answer of a usual length that nobody else has."""
    sentences = [" ".join(draw.choices(TALK.split(), k=LONG)) for _ in range(SENTENCES)]
    return ". ".join([f"About {cell}", *sentences, ""]).strip()
