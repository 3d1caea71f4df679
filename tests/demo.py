"""``make demo``: one lab, all the way, for a class of example submissions.

Everything is written under ``demo/``. Each step is the command that an instructor would type.
"""

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from grading.authoring import instructor_notebook, parse_lab, student_notebook
from grading.course.config import Course, load_course
from tests.example_class import Member, example_class, roster_csv

ROOT = Path(__file__).resolve().parent.parent
LAB = "lab3_word2vec_autoencoder"
CELL_SECONDS = 10  # so that the example's endless loop does not take the default two minutes


def main() -> int:
    """Run the demo and return the exit code of its last failing step, 0 if there is none."""
    started = time.monotonic()
    home = ROOT / "demo"
    members = prepare(home)
    print(f"A class of {len(members)} example submissions, in {home.name}/:")
    for member in members:
        print(f"  {member.name:<22} {member.description}")
    steps = (
        (["build", LAB, "--profile", "quick"], (0,)),
        (["release", LAB], (0,)),
        (["collect", LAB, "handed_in", "--from", "folder"], (0, 1)),
        (["grade", LAB, "--json", "marks.json"], (0, 1)),
        (["feedback", LAB], (0,)),
    )
    for arguments, expected in steps:
        print(f"\n$ python -m grading {' '.join(arguments)}", flush=True)
        code = subprocess.run([sys.executable, "-m", "grading", *arguments], cwd=home).returncode
        if code not in expected:
            return code
    page = home / "course" / "reports" / LAB / "index.html"
    print(f"\nDone in {time.monotonic() - started:.0f} s. Open {page.relative_to(ROOT)}")
    return 0


def prepare(home: Path) -> list[Member]:
    """Make a fresh course folder with the lab's source, a roster and the files handed in."""
    course = fresh_course(
        home,
        lambda text: re.sub(r"(?m)^cell_seconds = \d+", f"cell_seconds = {CELL_SECONDS}", text),
    )
    lab = parse_lab(home / "notebooks" / "source" / LAB)
    members = example_class(
        instructor_notebook(lab, course.language, course),
        student_notebook(lab, course.language, course),
    )
    (home / course.roster.name).write_text(roster_csv(members), encoding="utf-8")
    for member in members:
        for name, content in member.files.items():
            path = home / "handed_in" / member.student_id / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    return members


def fresh_course(home: Path, settings: Callable[[str], str]) -> Course:
    """Make a course's folder anew, with the labs of the kit and its changed ``course.toml``."""
    shutil.rmtree(home, ignore_errors=True)
    (home / "notebooks").mkdir(parents=True)
    shutil.copytree(ROOT / "notebooks" / "source", home / "notebooks" / "source")
    text = (ROOT / "course.toml").read_text(encoding="utf-8")
    (home / "course.toml").write_text(settings(text), encoding="utf-8")
    return load_course(home)


if __name__ == "__main__":
    sys.exit(main())
