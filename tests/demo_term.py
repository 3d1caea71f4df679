"""``make demo-term``: a whole term of a made-up class, from the LMS's list to the archive.

Everything is written under ``demo-term/``. Each step is the command that an instructor would type;
what they would download from Moodle and Canvas is made up in those formats. Only grading is left
out: what each hand-in earns is drawn, and written into the gradebook as `grade` writes it.
"""

import csv
import logging
import re
import shlex
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from grading.cells.hasten import hasten_nbformat
from grading.cells.reading import read_notebook, write_notebook
from grading.collect.submitted import Place
from grading.course.config import Course, LabInfo
from grading.course.roster import read_roster
from grading.files import write_atomically
from grading.gradebook.grade import EvidenceGrader
from grading.gradebook.marks import Marks
from grading.judging.annotate import annotated
from grading.judging.basis import kit
from grading.keeping.archive import archive_name
from tests.command import command
from tests.demo import ROOT, fresh_course
from tests.drawn_files import (
    canvas_gradebook,
    canvas_zip,
    moodle_participants,
    moodle_worksheet,
    moodle_zip,
)
from tests.drawn_term import (
    FORGOTTEN,
    GONE,
    GROUPS,
    ILL,
    SEED,
    SLOW,
    DrawnLab,
    Person,
    Work,
    draw_people,
    draw_work,
)

CLASS = 60
WEEKS_A_LAB = 3
PARTICIPANTS, GRADEBOOK = "moodle/participants.csv", "canvas/gradebook.csv"
FIRST, LAST = 4, 4  # lines that are shown of what a command says
RULES = """
[late]
policy = "slip_days"
days = 3
percent = 10
max_percent = 50
grace_minutes = 10

[mark]
scale = "0-10"
drop = 1

[[exams]]
name = "final_exam"
title = { es = "Examen final", en = "Final exam" }
file = "exam.csv"
maximum = 10
weight = 2.0

[mail]
sender = "Marie Curie <curie@uni.example>"
"""


@dataclass(frozen=True)
class Term:
    """A course's folder with what the LMSs gave, and what is drawn of its class."""

    course: Course
    people: tuple[Person, ...]
    labs: tuple[DrawnLab, ...]
    works: tuple[Work, ...]

    def of(self, lab: DrawnLab) -> list[Work]:
        """Return what is handed in of a lab."""
        return [work for work in self.works if work.lab is lab]

    def lms(self, lab: DrawnLab) -> str:
        """Return where a lab is handed in; the two take turns."""
        return ("moodle", "canvas")[self.labs.index(lab) % 2]

    def has_pages(self, lab: DrawnLab) -> bool:
        """Whether students get pages of it: of one lab of each LMS, for all others are like it."""
        return lab in self.labs[-2:]


def main() -> int:
    """Play the term, and say which pages there are to open."""
    hasten_nbformat()
    # What nbgrader logs is not shown where each command is a process of its own.
    logging.lastResort = logging.NullHandler()
    started = time.monotonic()
    term = prepare(ROOT / "demo-term")
    give(term)
    keep(term)
    print(f"\nDone in {time.monotonic() - started:.0f} s. Open:")
    for path in pages(term):
        print(f"  {path.relative_to(ROOT)}")
    return 0


def pages(term: Term) -> list[Path]:
    """Return the pages that a term leaves: the course's, a student's, and those of its last lab."""
    home, lab, student = term.course.home, term.labs[-1].name, term.people[ILL].id
    reports = home / "reports"
    return [
        reports / "index.html",
        reports / "students" / f"{student}.html",
        reports / lab / "index.html",
        reports / lab / "similar.html",
        home / "feedback" / student / lab / f"{lab}.html",
    ]


def prepare(home: Path, count: int = CLASS, only: Sequence[str] = ()) -> Term:
    """Make a fresh course's folder, whose last lab was due a week ago, and draw its class.

    Parameters
    ----------
    home : Path
    count : int
        How many students there are, six at least.
    only : sequence of str
        The labs that it has; all of the kit's if there are none.
    """
    today = datetime.now().astimezone()
    course = fresh_course(home, lambda settings: _settings(settings, only, today))
    people = draw_people(count)
    labs = tuple(DrawnLab.of(lab.name, _due(course, lab), course.language) for lab in course.labs)
    term = Term(course, people, labs, tuple(draw_work(people, labs)))
    for folder in ("moodle", "canvas"):
        (home / folder).mkdir()
    (home / PARTICIPANTS).write_bytes(moodle_participants(people[:-1]))
    assignments = [
        (course.lab(lab.name).title[course.language], _maximum(lab))
        for lab in labs
        if term.lms(lab) == "canvas"
    ]
    (home / GRADEBOOK).write_bytes(canvas_gradebook(people, assignments))
    for place, lab in enumerate(labs):
        if term.lms(lab) == "canvas":
            canvas_zip(home / _archive(term, lab), term.of(lab))
        else:
            moodle_zip(home / _archive(term, lab), term.of(lab), place)
            sheet = moodle_worksheet(people, term.of(lab), place, _maximum(lab))
            (home / _worksheet(lab)).write_bytes(sheet)
    return term


def _settings(settings: str, only: Sequence[str], today: datetime) -> str:
    """Return the kit's course.toml with these labs, their dates, and the course's rules."""
    head, *labs, limits = re.split(r"(?m)^(?=\[\[labs\]\]|\[limits\])", settings)
    kept = [lab for lab in labs if not only or re.findall('(?m)^name = "(.*)"', lab)[0] in only]
    kept = [re.sub(r"(?m)^needs = .*\n", "", lab) for lab in kept]  # some may not be there
    dated = []
    for left, lab in zip(reversed(range(len(kept))), kept, strict=True):
        due = today - timedelta(weeks=1 + WEEKS_A_LAB * left)
        dated.append(re.sub("(?m)^(name = .*)$", rf'\1\ndue = "{due:%Y-%m-%d} 23:59"', lab))
    return "".join([head, *dated, limits, RULES])


def _due(course: Course, lab: LabInfo) -> datetime:
    if lab.due is None:
        raise ValueError(f"{lab.name} has no date")
    return lab.due.astimezone(course.zone)


def _maximum(lab: DrawnLab) -> float:
    return sum(check.marks for check in lab.checks) + sum(lab.questions.values())


def _archive(term: Term, lab: DrawnLab) -> str:
    return f"{term.lms(lab)}/{lab.name}.zip"


def _worksheet(lab: DrawnLab) -> str:
    return f"moodle/Calificaciones-{lab.name}.csv"


# --- the story ---------------------------------------------------------------------------------


def give(term: Term) -> None:
    """Give the course: from the list of students to one mark each."""
    root, ill, slow = term.course.root, term.people[ILL].id, term.people[SLOW].id
    _chapter("The class, as Moodle lists it")
    _run(root, "roster", "import", PARTICIPANTS)
    _run(root, "roster", "import", PARTICIPANTS, "--yes")
    for place, lab in enumerate(term.labs):
        _chapter(f"{lab.name}, handed in on {term.lms(lab).title()}")
        if place == 1:
            print("One more student came, whom Canvas knows:")
            _run(root, "roster", "import", GRADEBOOK, "--yes")
            _write(root / "excused.csv", [("student_id", "lab", "reason"), *_excused(term)])
            _write(root / "extensions.csv", _extensions(term))
        _run(root, "release", lab.name)
        _run(root, "collect", lab.name, _archive(term, lab), "--from", term.lms(lab))
        print(f"\n(`python -m grading grade {lab.name}` would execute what was handed in.)")
        _grade(term, lab)
        if lab is not term.labs[-1]:
            _mark_answers(term, lab)
        _run(root, "report", lab.name)
        _export(term, lab)
        if term.has_pages(lab):
            _run(root, "feedback", lab.name, "--zip", term.lms(lab), "--mail")
    _chapter("By hand")
    first = term.labs[0]
    cell, marks = _lost(term, first, slow)
    _run(root, "mark", first.name, slow, cell, "--marks", marks, "--why", "enunciado confuso")
    _run(root, "adjust", ill, first.name, "--marks", "-2", "--because", "una foto de la pantalla")
    _chapter("Hand-ins that are alike")
    _run(root, "similar", term.labs[-1].name)
    _chapter("The exam, and one mark for the course")
    _write(root / "exam.csv", _exam(term))
    _run(root, "course", "--xlsx")


def keep(term: Term) -> None:
    """Archive the course, look whether its marks can be traced, and forget somebody."""
    root, last = term.course.root, term.labs[-1].name
    _chapter("Kept, looked through, and a student forgotten who asked for it")
    _run(root, "archive")
    _run(root, "restore", archive_name(term.course), "--to", "restored")
    _run(root, "verify")
    _run(root, "forget", term.people[FORGOTTEN].id, "--yes")
    print("\nWhat told of them is made again for the others:")
    _run(root, "course", "--xlsx")
    _run(root, "report", last)
    _run(root, "similar", last)


def _export(term: Term, lab: DrawnLab) -> None:
    """Fill the LMS's own file."""
    lms = term.lms(lab)
    file = ["--worksheet", _worksheet(lab)] if lms == "moodle" else ["--gradebook", GRADEBOOK]
    _run(term.course.root, "export", lab.name, "--to", lms, *file)


def _lost(term: Term, lab: DrawnLab, student: str) -> tuple[str, str]:
    """Return a cell in which a student lost a check, and the marks that it has with it."""
    (work,) = [one for one in term.of(lab) if one.people[0].id == student]
    found = work.judgement(term.course.language).results
    lost = next(one for one in found if one.reason)
    earned = sum(one.marks for one in found if one.cell == lost.cell)
    return lost.cell, f"{earned + lost.max:g}"


def _chapter(title: str) -> None:
    print(f"\n--- {title} ({datetime.now():%H:%M:%S}) ---", flush=True)


def _run(root: Path, *words: str) -> None:
    """Run a command of the kit; show it, and the first and last lines of what it says."""
    print(f"\n$ python -m grading {shlex.join(words)}", flush=True)
    done = command(root, *words)
    lines = [*done.stdout.splitlines(), *done.stderr.splitlines()]
    left_out = len(lines) - FIRST - LAST
    if left_out > 1:
        lines[FIRST:-LAST] = [f"… {left_out} more lines"]
    for line in lines:
        print(f"  {line}", flush=True)
    if done.returncode not in (0, 1):
        sys.exit(done.returncode)


# --- what is drawn and not done ----------------------------------------------------------------


def _write(path: Path, rows: Sequence[Sequence[str]]) -> None:
    """Write a file that an instructor writes, and say so."""
    print(f"\n(Written beside the roster: {path.name}, {len(rows) - 1} lines.)")
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(rows)


def _excused(term: Term) -> list[tuple[str, ...]]:
    """Return who need not do the first lab: who came when it was over."""
    return [(term.people[-1].id, term.labs[0].name, "se matriculó después")]


def _extensions(term: Term) -> list[tuple[str, ...]]:
    (first, second, *_), ill = term.labs, term.people[ILL].id
    return [
        ("student_id", "group", "lab", "until", "reason"),
        ("", GROUPS[1], first.name, f"{first.due + timedelta(days=1):%Y-%m-%d %H:%M}", "festivo"),
        (ill, "", second.name, f"{second.due + timedelta(days=7):%Y-%m-%d %H:%M}", "gripe"),
    ]


def _exam(term: Term) -> list[tuple[str, ...]]:
    """Return the marks of everybody who sat the exam."""
    sat = [one for one in term.people if one.number != GONE]
    rows = [(one.id, f"{10 * one.ability**2:.1f}".replace(".", ",")) for one in sat]
    return [("student_id", "marks"), *rows]


def _grade(term: Term, lab: DrawnLab) -> None:
    """Write what each hand-in earns, as `grade` does, and the notebook with its marks."""
    course, lang = term.course, term.course.language
    basis = EvidenceGrader(course, lab.name).basis()
    with Marks(course.db_url) as marks:
        marks.add_students(read_roster(course.roster))
        for work in term.of(lab):
            place = Place(course.home, work.people[0].id, lab.name)
            content = place.notebook.read_bytes()
            notebook = read_notebook(content)
            made = b""
            if term.has_pages(lab):
                made = write_notebook(annotated(notebook, work.judgement(lang), lang))
            for result in work.results(content, notebook, lang):
                if made:
                    folder = course.home / "autograded" / result.student / lab.name
                    write_atomically(folder / f"{lab.name}.ipynb", made)
                how = {"basis": basis, "profile": "quick", "kit": kit(), "seeds": [SEED, SEED + 1]}
                marks.save(replace(result, **how), place.modified())


def _mark_answers(term: Term, lab: DrawnLab) -> None:
    """Give written answers their marks and comments, as Formgrader does."""
    with Marks(term.course.db_url) as marks, marks.lend() as book:
        for work, person in _each(term.of(lab)):
            submission = book.find_submission_notebook(lab.name, lab.name, person.id)
            comments = {comment.cell.name: comment for comment in submission.comments}
            for grade in submission.grades:
                if (cell := grade.cell.name) in work.written:
                    grade.manual_score, grade.needs_manual_grade = work.written[cell], False
                    comments[cell].manual_comment = work.comment(cell)


def _each(works: Sequence[Work]) -> Iterator[tuple[Work, Person]]:
    for work in works:
        for person in work.people:
            yield work, person


if __name__ == "__main__":
    sys.exit(main())
