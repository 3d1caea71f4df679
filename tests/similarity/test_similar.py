"""The command and its page, from what lies in the course's folder."""

import os
import random
import shutil
from functools import cache

import pytest
from typer.testing import CliRunner

from grading.cli.app import app
from grading.errors import UserError
from grading.places import KIT
from tests.reporting.test_report import Page
from tests.similarity.honest import Classroom, renamed

LAB = "lab1_mlp"
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>"
ROSTER = "student_id,name,email,group\n" + "".join(
    f"u{number},Student {number},,1\n" for number in range(8)
)


@cache
def classroom():
    return Classroom.of(LAB)


@cache
def answers(seed):
    return classroom().answers(random.Random(seed))


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course in which six students handed in; u1 has a renamed copy of what u0 handed in."""
    folder = tmp_path / "2026-27"
    folder.mkdir()
    shutil.copy(KIT / "course.toml", folder)
    text = (folder / "course.toml").read_text(encoding="utf-8")
    text = text.replace('language = "es"', 'language = "en"')
    (folder / "course.toml").write_text(text, encoding="utf-8")
    (folder / "roster.csv").write_text(ROSTER, encoding="utf-8")
    room = classroom()
    room.release(folder / "course")
    for number in range(6):
        mine = answers(number)
        if number == 1:
            mine = {**mine, **{name: renamed(answers(0)[name]) for name in room.ways}}
        room.hand_in(folder / "course", room.notebook(mine, f"u{number}"), f"u{number}")
    monkeypatch.chdir(folder)
    return folder


def run(*words):
    return CliRunner().invoke(app, ["similar", LAB, *words])


def page(course):
    return (course / "course" / "reports" / LAB / "similar.html").read_text(encoding="utf-8")


def test_the_pair_is_listed_and_its_page_shows_it_side_by_side(course):
    done = run()
    assert done.exit_code == 0, done.output
    lines = [line for line in done.stdout.splitlines() if line.strip().startswith("1 ")]
    assert len(lines) == 1
    assert "Student 0 (u0)" in lines[0] and "Student 1 (u1)" in lines[0]
    assert f"Page: course/reports/{LAB}/similar.html" in done.stdout
    text = page(course)
    found = Page(text)
    assert "<bdi>Student 0 (u0)</bdi>" in text
    assert found.misnested == []
    assert found.counts()["figure"] == 2 * found.counts()["h3"] > 0
    assert found.counts()["mark"] > 10
    assert "accuses nobody and changes no mark" in text
    assert text.index("accuses nobody") < text.index("<table")
    assert "Hand-ins compared: 6" in text


def test_a_page_refers_to_nothing_outside_it_and_runs_nothing_of_a_hand_in(course):
    room = classroom()
    bad = {name: f"hostile = '{HOSTILE}'\n{code}" for name, code in answers(0).items()}
    for number in (6, 7):
        room.hand_in(course / "course", room.notebook(bad), f"u{number}")
    assert run().exit_code == 0
    text = page(course)
    found = Page(text)
    assert "&lt;script&gt;alert(1)" in text
    assert HOSTILE not in text
    assert found.misnested == []
    assert found.counts()["script"] == 1 and found.counts()["img"] == 0
    assert {link[0] for link in found.attributes("href")} <= {"#"}
    assert found.attributes("src") == []
    (policy,) = (
        attrs["content"]
        for _, attrs in found.elements
        if attrs.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy.startswith("default-src 'none'")


def test_in_spanish_it_says_so(course):
    text = (course / "course.toml").read_text(encoding="utf-8")
    spanish = text.replace('language = "en"', 'language = "es"')
    (course / "course.toml").write_text(spanish, encoding="utf-8")
    assert run().exit_code == 0
    assert "no acusa a nadie ni cambia ninguna nota" in page(course)
    assert '<html lang="es">' in page(course)


def test_who_signed_together_is_not_listed(course):
    room = classroom()
    for number in (0, 1):
        shutil.rmtree(course / "course" / "submitted" / f"u{number}")
    room.hand_in(course / "course", room.notebook(answers(0), "u0", "u1"), "u0", "u1")
    assert run().exit_code == 0
    assert "Hand-ins compared: 5" in page(course)
    assert "<bdi>Student 0 (u0)</bdi>" not in page(course)  # as it would stand in a pair


def test_of_what_nobody_worked_on_nothing_is_listed(course):
    shutil.rmtree(course / "course" / "submitted")
    for student in ("u0", "u1", "u2"):
        classroom().hand_in(course / "course", classroom().blank, student)
    done = run()
    assert done.exit_code == 0
    assert "No pair shares more" in done.stdout
    assert "No pair shares more" in page(course)


def test_notebooks_that_cannot_be_read_are_named_and_skipped(course):
    path = course / "course" / "submitted" / "u5" / LAB / f"{LAB}.ipynb"
    path.write_text("no notebook", encoding="utf-8")
    done = run()
    assert done.exit_code == 1
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("Note: ")]
    assert line.startswith("Note: u5: not compared; ")
    assert "u5: not compared" in page(course)
    assert "Student 1 (u1)" in done.stdout


@pytest.mark.parametrize("where", ["", "course"])
def test_an_earlier_term_is_compared(course, where):
    earlier = course.parent / "2025-26"
    shutil.copytree(course, earlier)
    shutil.rmtree(course / "course" / "submitted" / "u1")
    for number in (0, 2, 3, 4, 5):
        shutil.rmtree(earlier / "course" / "submitted" / f"u{number}")
    done = run("--with", os.path.join("..", "2025-26", where))
    assert done.exit_code == 0, done.output
    (line,) = [line for line in done.stdout.splitlines() if line.strip().startswith("1 ")]
    assert "Student 0 (u0)" in line and "u1 · 2025-26" in line
    assert "of earlier terms: 1" in page(course)


@pytest.mark.parametrize(
    ("folder", "line"),
    [
        (
            "nowhere",
            r"--with nowhere: expected the folder of an earlier course.*found no submitted",
        ),
        ("..", r"--with \.\.: expected the folder of an earlier course"),
        (".", r"--with \.: this is the course itself"),
        ("course", r"--with course: this is the course itself"),
        ("empty", rf"--with empty: nothing of {LAB} was collected there"),
    ],
)
def test_an_earlier_term_that_is_none_is_one_line_and_nothing_is_written(course, folder, line):
    (course / "empty" / "submitted").mkdir(parents=True)
    done = run("--with", folder)
    assert isinstance(done.exception, UserError)
    assert len(str(done.exception).splitlines()) == 1
    with pytest.raises(UserError, match=line):
        raise done.exception
    assert not (course / "course" / "reports").exists()


@pytest.mark.parametrize(
    ("gone", "line"), [("release", "not released"), ("submitted", "collected")]
)
def test_without_a_release_or_hand_ins_one_line_says_what_to_do(course, gone, line):
    shutil.rmtree(course / "course" / gone)
    with pytest.raises(UserError, match=rf"{line}.*; run `python -m grading"):
        raise run().exception


def test_a_lab_that_is_not_there_is_one_line(course):
    done = CliRunner().invoke(app, ["similar", "lab9"])
    assert "there is no lab 'lab9'" in str(done.exception)
