"""Store a small course as some version of the kit leaves it: graded, and marked by hand.

    python -m tests.upgrading.store 0dc2e2c 2026-11-21-first

runs the kit of that commit in a folder of its own and writes ``2026-11-21-first.tar.xz`` beside
this module: course.toml, roster, source, release, what was handed in and came of it, the gradebook
as SQL, and in ``marks.csv`` what that version said that everybody has. One is added with each
release. The three students are made up.
"""

import contextlib
import os
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

KIT = Path(__file__).resolve().parents[2]
GRADEBOOK = "gradebook.db"
MARKS = "marks.csv"
PLACES = ("course.toml", "roster.csv", "notebooks", "course")
MADE_AGAIN = {"feedback", "reports", GRADEBOOK}

# Runs in the kit of then, in whose tests the small lab is.
CLASS = """\
import sys
from pathlib import Path

import nbformat
from tests import mini

root = Path(sys.argv[1])
course = mini.make_course(root)
right = mini.solved(course)
handed_in = {
    "ada": right | {"why": "Because of the sums."},
    "bob": right | {"double": "def double(x):\\n    return x + 2", "why": "Who knows."},
    "cyd": {"slope": right["slope"]},
}
for student, cells in handed_in.items():
    folder = root / "handed-in" / student
    folder.mkdir(parents=True)
    notebook = mini.answered(course, cells, student)
    (folder / "mini.ipynb").write_text(nbformat.writes(notebook), encoding="utf-8")
"""

# A person marks an answer, as Formgrader does.
MARK = """\
import sys

from nbgrader.api import Gradebook

with Gradebook("sqlite:///" + sys.argv[1]) as gradebook:
    grade = gradebook.find_grade("why", "mini", "mini", "ada")
    grade.manual_score, grade.needs_manual_grade = 1.5, False
    gradebook.find_comment("why", "mini", "mini", "ada").manual_comment = "Which sums?"
    gradebook.db.commit()
"""

# Where the kit has a service already, a student hands in once more by it.
HAND_IN = """\
import sys
from datetime import UTC, datetime
from pathlib import Path

from grading.course.config import load_course
from grading.engine.executor import RunOptions
from grading.service.worker import Bench
from tests.service.handing import Service

course = load_course(Path(sys.argv[1]))
service = Service(course)
content = (course.root / "handed-in" / "bob" / "mini.ipynb").read_bytes()
service.hand_in("bob", content, at=datetime.now(UTC))
service.work(Bench(course, RunOptions()))
service.database.close()
"""


def main(commit: str, name: str) -> None:
    """Make the course by the kit of a commit, and pack it."""
    with tempfile.TemporaryDirectory() as scratch:
        kit, root = Path(scratch, "kit"), Path(scratch, "course")
        kit.mkdir()
        packed = subprocess.run(
            ["git", "archive", commit], cwd=KIT, capture_output=True, check=True
        ).stdout
        subprocess.run(["tar", "-x", "-C", kit], input=packed, check=True)

        def run(*words: str, cwd: Path = kit) -> None:
            environment = os.environ | {"PYTHONPATH": str(kit), "PYTHONDONTWRITEBYTECODE": "1"}
            subprocess.run([sys.executable, *words], cwd=cwd, env=environment, check=True)

        def grading(*words: str) -> None:
            run("-m", "grading", *words, cwd=root)

        run("-c", CLASS, str(root))
        grading("release", "mini")
        grading("collect", "mini", "handed-in", "--from", "folder")
        grading("grade", "mini")
        run("-c", MARK, str(root / "course" / GRADEBOOK))
        if (kit / "grading" / "service").is_dir():
            run("-c", HAND_IN, str(root))
        grading("export", "mini", "--to", "csv")
        pack(root, Path(__file__).with_name(f"{name}.tar.xz"))


def pack(root: Path, file: Path) -> None:
    """Write the parts of a course that no command makes again into one file."""
    home = root / "course"
    (exported,) = home.glob("reports/mini/*.csv")
    exported.rename(root / MARKS)
    with contextlib.closing(sqlite3.connect(home / GRADEBOOK)) as database:
        dump = "\n".join(database.iterdump())
    (home / f"{GRADEBOOK}.sql").write_text(dump, encoding="utf-8")

    def kept(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
        inside = Path(entry.name).parts
        if inside[0] == "course" and len(inside) > 1 and inside[1].split("-")[0] in MADE_AGAIN:
            return None
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = ""
        return entry

    with tarfile.open(file, "w:xz") as target:
        for place in (*PLACES, MARKS):
            target.add(root / place, place, filter=kept)


if __name__ == "__main__":
    main(*sys.argv[1:])
