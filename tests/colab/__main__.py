"""``make test-colab``: every student notebook, from its first cell, in a session like Colab's.

A virtual environment has what Colab preinstalls and no more, in the versions of a list. The student
bundle is published and pushed to a local git remote, to which the address in the notebooks leads.
Each notebook is opened on a machine without it, as released and with the answers of its source and
the cells that students add in Colab, each time with nothing installed yet. One of them is then
saved as Colab saves it, and graded beside its clean twin.
"""

import argparse
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from grading.course.config import load_course
from grading.errors import UserError
from grading.places import KIT
from tests.colab import machine, pins
from tests.colab.grades import graded_alike
from tests.colab.sessions import Run, serve, sessions


def main() -> int:
    """Run the notebooks of the labs named on the command line, or of all; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.colab", description=__doc__)
    parser.add_argument("labs", nargs="*", metavar="LAB", help="all labs by default")
    parser.add_argument("--python", default=sys.executable, help="an interpreter for the sessions")
    parser.add_argument("--pins", type=Path, default=pins.newest(), help="Colab's versions")
    asked = parser.parse_args()
    course = load_course(KIT)
    names = asked.labs or [lab.name for lab in course.labs]
    course = replace(course, labs=tuple(course.lab(name) for name in names))
    listed = pins.read(asked.pins)
    machine.set_up(asked.python, listed)
    say(machine.described(listed))
    if not machine.has_content():
        say("No bubblewrap here: the sessions are in a folder of their own, and without Drive.")
    with tempfile.TemporaryDirectory(prefix="colab-") as folder:
        remote = serve(course, Path(folder) / "public", Path(folder) / "remote.git")
        runs = []
        for run in sessions(course, Path(folder), remote):
            said = "; ".join(run.problems) or f"{run.marks:g} marks"
            say(f"{run.lab} {run.lang} {run.kind}: {said} in {run.seconds:.0f} s")
            runs.append(run)
        problems = [f"{r.lab} {r.lang} {r.kind}: {line}" for r in runs for line in r.problems]
        problems += graded_alike(course, runs, Path(folder) / "course")
    Console(width=100).print(table(runs))
    for line in problems:
        print(line, file=sys.stderr)
    return 1 if problems else 0


def say(line: str) -> None:
    print(line, flush=True)


def table(runs: list[Run]) -> Table:
    """Return the runs as a table, one line a session."""
    shown = Table(box=None)
    for title in ("lab", "language", "notebook", "marks", "of", "first cell", "all", ""):
        shown.add_column(title, justify="right" if title in ("marks", "of") else "left")
    for run in runs:
        verdict = "failed" if run.problems else "as expected"
        times = f"{run.first_cell:.1f} s", f"{run.seconds:.1f} s"
        row = run.lab, run.lang, run.kind, f"{run.marks:g}", f"{run.of:g}", *times, verdict
        shown.add_row(*row)
    return shown


if __name__ == "__main__":
    try:
        sys.exit(main())
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
