"""A lab's source, text in one or more files, into notebooks for students and instructors.

`parts` finds the files, `percent` splits one into cells, `source` reads them as a lab and refuses
mistakes, `stubs` replaces solutions, `lint` looks at checks and prose, `notebooks` builds. All but
finding and reading the files is pure.
"""

from grading.authoring.notebooks import (
    IDENTITY,
    checks,
    clear_solutions,
    colab_url,
    instructor_notebook,
    minutes_of_check,
    questions,
    render,
    section_of_check,
    solution_hash,
    student_notebook,
    total_points,
    verify_student_notebook,
)
from grading.authoring.source import Lab, SourceError, parse_lab
from grading.authoring.stubs import stub

__all__ = [
    "IDENTITY",
    "Lab",
    "SourceError",
    "checks",
    "clear_solutions",
    "colab_url",
    "instructor_notebook",
    "minutes_of_check",
    "parse_lab",
    "questions",
    "render",
    "section_of_check",
    "solution_hash",
    "stub",
    "student_notebook",
    "total_points",
    "verify_student_notebook",
]
