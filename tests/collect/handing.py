"""Notebooks of a class of three, handed in."""

import zipfile
from datetime import UTC, datetime

import nbformat.v4

from grading.course.roster import Roster, Student

LAB = "lab1_mlp"
ANA, JUAN, EVA = (
    Student("u1", "Ana López Gil"),
    Student("u2", "Juan Pérez Mar"),
    Student("u3", "Eva Sanz Ruiz"),
)
ROSTER = Roster((ANA, JUAN, EVA))
NOON = datetime(2024, 11, 20, 12, 0, tzinfo=UTC)
STUB = "raise NotImplementedError('loss')"
CHECK = 'tick.value("loss", lambda: loss, marks=2)'


def identity(one="", signature_one="", two="", signature_two=""):
    return (
        f'STUDENT_1 = "{one}"\nSIGNATURE_1 = "{signature_one}"\n'
        f'STUDENT_2 = "{two}"\nSIGNATURE_2 = "{signature_two}"'
    )


def notebook(who="", *, lab=LAB, answer="loss = 1", check=CHECK, metadata=True):
    def cell(source, name, **about):
        own = {"nbgrader": {"grade_id": name, **about}} if metadata else {}
        return nbformat.v4.new_code_cell(source, id=name, metadata=own)

    return nbformat.v4.new_notebook(
        metadata={"dl": {"lab": lab}} if metadata and lab else {},
        cells=[
            cell(who, "identity", solution=True, grade=False),
            cell(answer, "answer", solution=True, grade=False),
            cell(check, f"check-{lab}", solution=False, grade=True),
        ],
    )


def content(*args, **kwargs):
    return nbformat.writes(notebook(*args, **kwargs)).encode()


ANAS = content(identity("u1", "Ana"))
PAIR = content(identity("u1", "Ana", "u2", "Juan"))


def make_zip(path, entries):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in entries:
            entry = (
                zipfile.ZipInfo(name, (2024, 11, 20, 12, 0, 0)) if isinstance(name, str) else name
            )
            entry.compress_type = zipfile.ZIP_DEFLATED
            file.writestr(entry, data)
    return path


def stored(course, student, lab=LAB):
    path = course.home / "submitted" / student / lab / f"{lab}.ipynb"
    return path.read_bytes() if path.exists() else None


def note(course, student, name):
    path = course.home / "submitted" / student / LAB / name
    return path.read_text(encoding="utf-8") if path.exists() else None


def reasons(report):
    return {item.file: item.reason for item in report.refused}
