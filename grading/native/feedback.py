"""Write the feedback of plain notebooks through nbgrader's own command."""

from pathlib import Path

from nbgrader.apps import NbGraderAPI
from nbgrader.coursedir import CourseDirectory

from grading.course.config import Course
from grading.errors import UserError
from grading.gradebook.database import must_exist
from grading.gradebook.nbgrader_plugin import succeed
from grading.gradebook.pages import page_settings
from grading.native.converter import Converter
from grading.native.course import settings_of


def write_feedback(course: Course, lab: str, db_url: str) -> list[Path]:
    """Write an HTML page for every graded notebook and return the pages' paths.

    Raises
    ------
    UserError
        If nothing is graded, or nbgrader could not write them.
    """
    must_exist(db_url)
    settings = settings_of(course)
    settings.CourseDirectory.db_url = db_url
    settings.merge(page_settings())
    converter = Converter(settings, lab)
    pages = [
        converter.feedback(student) / f"{path.stem}.html"
        for student in converter.submitted()
        for path in sorted(converter.autograded(student).glob("*.ipynb"))
    ]
    if not pages:
        raise UserError(f"nothing of {lab} is graded yet; run `python -m grading grade {lab}`")
    api = NbGraderAPI(CourseDirectory(config=settings), config=settings)
    succeed(
        f"nbgrader could not write the feedback of {lab}", api.generate_feedback, lab, force=True
    )
    return pages
