import os
from datetime import timedelta

import pytest

from grading.course.config import Course, LabInfo
from tests.collect.handing import LAB, NOON, ROSTER, STUB, content


@pytest.fixture
def course(tmp_path):
    root = tmp_path / "root"
    built = root / "notebooks" / "es"
    built.mkdir(parents=True)
    (built / f"{LAB}.ipynb").write_bytes(content(answer=STUB))
    roster = root / "roster.csv"
    roster.write_text(
        "student_id;name;email;group\r\n"
        + "".join(f"{student.id};{student.name};;\r\n" for student in ROSTER.students),
        encoding="utf-8-sig",
    )
    labs = (LabInfo(LAB, {}), LabInfo("lab2_rnn", {}))
    return Course(root, "DL", "UM", "T", "es", "o/r", "main", roster, labs)


@pytest.fixture
def inbox(tmp_path):
    """A folder handed in: write(name, bytes, minutes after noon)."""

    class Inbox:
        path = tmp_path / "inbox"

        def write(self, name, data, minutes=0):
            file = self.path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
            moment = (NOON + timedelta(minutes=minutes)).timestamp()
            os.utime(file, (moment, moment))
            return file

    Inbox.path.mkdir()
    return Inbox()
