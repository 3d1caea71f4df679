"""Pages of students, for tests of how they reach them."""

from pathlib import Path

from grading.course.config import Course
from grading.feedback.writing import Returned, page_path
from grading.files import write_atomically


def returned(course: Course, student: str, name: str = "", email: str = "", **more) -> Returned:
    """A page that is written, of a final total of 7.5 of 11 unless ``more`` says otherwise."""
    path = page_path(course.home, student, "mini")
    write_atomically(path, f"<p>página de {student}</p>".encode())
    about = {"score": 7.5, "max_score": 11.0, "is_final": True} | more
    return Returned(student, name, email, path, **about)


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")
