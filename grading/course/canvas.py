"""What the columns and lines are of the gradebook that Canvas exports.

A line whose first cell holds "Points Possible" is the assignments'; what stands above it is not a
student's. The course's test student stands among the others.
"""

from grading.course.roster import plain_words

COLUMNS = {  # as `plain_words` gives them; Canvas does not translate them
    "student": ("student",),
    "surname": ("lastname",),
    "given": ("firstname",),
    "id": ("id",),
    "sis id": ("sis user id",),
    "login": ("sis login id",),
    "section": ("section",),
}
POINTS = "Points Possible"
_TEST_STUDENTS = ({"student", "test"}, {"estudiante", "de", "prueba"})


def is_test_student(name: str) -> bool:
    """Whether this is the name of the student whom teachers act as.

    Examples
    --------
    >>> is_test_student("Student, Test"), is_test_student("Test, Ana")
    (True, False)
    """
    return set(plain_words(name)) in _TEST_STUDENTS
