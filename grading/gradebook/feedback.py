"""Write a lab's feedback through nbgrader's own command."""

import shutil
from pathlib import Path

from grading.course.config import Course
from grading.errors import UserError
from grading.gradebook.database import must_exist
from grading.gradebook.nbgrader_plugin import nbgrader_api, succeed


def write_feedback(course: Course, lab: str, db_url: str) -> list[Path]:
    """Write an HTML page for every graded submission and return the pages' paths."""
    must_exist(db_url)
    home = course.home
    graded = sorted((home / "autograded").glob(f"*/{lab}/{lab}.ipynb"))
    if not graded:
        raise UserError(f"nothing of {lab} is graded yet; run `python -m grading grade {lab}`")
    for path in graded:
        # nbgrader copies the submission's own files beside the page; there are none to copy.
        shutil.rmtree(home / "feedback" / path.parts[-3] / lab, ignore_errors=True)
    succeed(
        f"nbgrader could not write the feedback of {lab}",
        nbgrader_api(home, db_url).generate_feedback,
        lab,
        force=True,
    )
    return sorted((home / "feedback").glob(f"*/{lab}/{lab}.html"))
