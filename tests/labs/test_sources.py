"""The code of a whole lab, linted as one: a part alone cannot tell what those before it define."""

import math
import subprocess
import sys
from pathlib import Path

import pytest

from grading.authoring import total_points
from grading.authoring.building import read_lab
from grading.course.config import LabInfo, load_course

ROOT = Path(__file__).resolve().parents[2]
COURSE = load_course(ROOT)


@pytest.mark.parametrize("name", [lab.name for lab in COURSE.labs])
def test_a_lab_names_only_what_it_defines_and_uses_what_it_imports(name: str) -> None:
    code = "\n\n".join(cell.code for cell in read_lab(COURSE, name).cells if cell.is_code)
    command = [sys.executable, "-m", "ruff", "check", "--select=F", f"--stdin-filename={name}.py"]
    done = subprocess.run(
        [*command, "-"], input=code, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("lab", COURSE.labs, ids=lambda lab: lab.name)
def test_a_labs_hours_are_the_sum_of_its_minutes_in_quarters_of_an_hour(lab: LabInfo) -> None:
    minutes = sum(cell.minutes for cell in read_lab(COURSE, lab.name).of_role("exercise"))
    assert lab.hours == math.ceil(minutes / 15) / 4


@pytest.mark.parametrize("name", COURSE.lab_names)
def test_a_lab_has_a_hundred_marks(name: str) -> None:
    assert total_points(read_lab(COURSE, name)) == 100
