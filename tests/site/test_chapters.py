"""A lab's page: the student's notebook with pictures, and no answer."""

from pathlib import Path

import pytest

from docs.site.building import pages_of, site_leaks
from docs.site.chapters import Page, chapter, terms_in
from docs.site.facts import Term
from grading.authoring.building import read_lab
from tests import mini
from tests.site.made import ANSWER, CURVE, FACTS, SECOND, WORD, course_of_two, executed, sources


def page_of(root: Path, name: str = mini.LAB, lang: str = "en") -> Page:
    course = course_of_two(root)
    done = executed(course, name, lang, 'a "quoted" [loss]: 2\nfalls')
    return chapter(course, read_lab(course, name), lang, done, FACTS, f"notebooks/{name}.ipynb")


def test_exercises_are_stubs_and_only_given_cells_and_ticks_show_outputs(tmp_path: Path) -> None:
    text = page_of(tmp_path).text
    assert 'raise NotImplementedError("Complete double()")' in text
    assert text.count(WORD) == 1  # the setup cell, which said it too, is not on the page
    assert "✓ double: 3 of 3" in text
    for hidden in (ANSWER, "2 * np.asarray(x)", "Because.", "STUDENT_1", "tick.hand_in"):
        assert hidden not in text


def test_pictures_lie_beside_the_page_with_their_words(tmp_path: Path) -> None:
    page = page_of(tmp_path)
    ((path, content),) = page.files.items()
    assert content.startswith(b"\x89PNG") and f"/{path}" in page.text
    assert r':alt: "a \"quoted\" [loss]: 2 falls"' in page.text


def test_a_page_says_what_one_can_do_what_it_builds_on_and_its_terms(tmp_path: Path) -> None:
    first, second = page_of(tmp_path / "1").text, page_of(tmp_path / "2", SECOND, "es").text
    assert "- Double." in first and "It needs no other lab." in first
    assert "{term}`arithmetic`" in first and "tensor" not in first
    assert "Se apoya en [Mini](mini.md)." in second and "{term}`aritmética`" in second
    assert "**1.5 horas · 11 puntos.**" in second


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("All the RNNs of the course", True),
        ("a recurrent neural network", True),
        ("with recurrent nets", True),
        ("the word rnnx", False),
        ("nothing", False),
    ],
)
def test_terms_are_found_in_any_form_as_whole_words(text: str, found: bool) -> None:
    name = {"es": "red neuronal recurrente (RNN)", "en": "recurrent neural network (RNN)"}
    term = Term(name, name, {"en": "RNN, recurrent net"})
    assert bool(terms_in((term,), text, "en")) is found


def test_an_answer_that_reaches_a_page_is_a_leak(tmp_path: Path) -> None:
    made = sources(course_of_two(tmp_path))
    solution = "<pre><span>return</span> <b>float</b>(x <i>@</i> y / (x @ x))</pre>"
    site = {"en/mini.html": solution.encode(), "en/student.html": b"<p>### BEGIN SOLUTION</p>"}
    leaking, same, marked = site_leaks(made, site)
    assert "a solution (exercise 'slope' of mini)" in leaking and f"of {SECOND})" in same
    assert marked.startswith("en/student.html: holds a solution marker")
    assert site_leaks(made, {"en/authoring.html": b"<p>### BEGIN SOLUTION</p>"}) == []


def test_no_page_of_the_sources_holds_an_answer(tmp_path: Path) -> None:
    made = sources(course_of_two(tmp_path))
    assert CURVE in pages_of(made, "es")["mini.md"].decode()
    pages = {path: text for path, text in pages_of(made, "es").items() if path.endswith(".md")}
    assert site_leaks(made, pages) == []
