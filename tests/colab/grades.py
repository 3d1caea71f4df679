"""Grading a notebook as Colab saves it, beside its clean twin."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat

from grading.cells.reading import without_outputs
from grading.course.config import Course
from grading.engine.walls import outer
from grading.places import KIT
from tests.colab.sessions import STUDENT, Run
from tests.colab.style import as_colab_saves
from tests.example_class import filled, identity_cell

TWIN = ("al1002", "Bruno Castaño Gil")


def graded_alike(course: Course, runs: list[Run], home: Path) -> list[str]:
    """Grade one answered notebook as Colab saves it, and its clean twin; return what differs."""
    answered = [
        run
        for run in runs
        if run.kind == "answers" and run.lang == course.language and not run.problems
    ]
    if not answered:
        return ["no answered notebook is right, so none was graded as Colab saves it"]
    run = min(answered, key=lambda run: run.seconds)
    print(f"{run.lab} {run.lang}: grading it as Colab saves it, and its clean twin …", flush=True)
    (home / "notebooks").mkdir(parents=True)
    shutil.copytree(KIT / "notebooks" / "source", home / "notebooks" / "source")
    shutil.copy(KIT / "course.toml", home)
    rows = (f"{student},{name},,\n" for student, name in (STUDENT, TWIN))
    (home / course.roster.name).write_text("student_id,name,email,group\n" + "".join(rows))
    twin = without_outputs(filled(run.notebook, {"identity": identity_cell((TWIN,))}))
    for (student, _), content in (
        (STUDENT, json.dumps(as_colab_saves(run.notebook))),
        (TWIN, nbformat.writes(twin)),
    ):
        path = home / "handed_in" / student / f"{run.lab}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(content, encoding="utf-8")
    unprotected = ["--no-sandbox"] if outer.host().obstacle else []
    for step in (
        ["release", run.lab],
        ["collect", run.lab, "handed_in"],
        ["grade", run.lab, "--json", "marks.json", *unprotected],
    ):
        command = [sys.executable, "-m", "grading", *step]
        done = subprocess.run(command, cwd=home, capture_output=True, text=True)
        if done.returncode not in (0, 1):  # 1: cells of the student's own are to be looked at
            return [f"python -m grading {' '.join(step)}: {line}" for line in _last(done)]
    graded = json.loads((home / "marks.json").read_text())["submissions"]
    saved, clean = sorted(graded, key=lambda result: result["student"])
    problems = []
    if clean["score"] != run.marks:
        problems.append(f"{run.lab}: {run.marks:g} marks in its session, {clean['score']:g} graded")
    return problems + [
        f"{run.lab}: {key} is {saved[key]} as Colab saves it, {clean[key]} of its clean twin"
        for key in ("status", "score", "max_score", "flags", "checks")
        if saved[key] != clean[key]
    ]


def _last(done: subprocess.CompletedProcess[str]) -> list[str]:
    return (done.stderr or done.stdout).strip().splitlines()[-1:]
