"""The map, the glossary, the references, the errata, and the pages for instructors."""

from dataclasses import replace
from datetime import date
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest

from docs.site import building, guides, overview, teaching
from docs.site.facts import Erratum
from grading.authoring import Lab
from grading.authoring.building import read_lab
from grading.course.config import LANGUAGES, Course, load_course
from grading.places import KIT
from tests import mini
from tests.site.made import FACTS, SECOND, course_of_two, sources


@pytest.fixture
def course(tmp_path: Path) -> Course:
    return course_of_two(tmp_path)


def labs_of(course: Course) -> list[Lab]:
    return [read_lab(course, name) for name in course.lab_names]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_map_puts_each_lab_below_those_it_needs(course: Course, lang: str) -> None:
    svg = ElementTree.fromstring(overview.course_map(course, labs_of(course), lang))
    space = "{http://www.w3.org/2000/svg}"
    boxes = {a.get("href"): a for a in svg.iter(f"{space}a")}
    assert [*boxes] == [f"{mini.LAB}.html", f"{SECOND}.html"]
    tops = [int(a.find(f"{space}rect").get("y")) for a in boxes.values()]
    assert tops[0] < tops[1]
    assert len([path for path in svg.iter(f"{space}path") if path.get("marker-end")]) == 1
    assert svg.get("aria-label")


def test_labs_that_need_the_same_stand_side_by_side() -> None:
    course = load_course(KIT)
    step = overview.steps(course.labs)
    assert all(step[need] < step[lab.name] for lab in course.labs for need in lab.needs)
    assert step["lab2_rnn_lstm"] == step["lab3_word2vec_autoencoder"]


def test_the_table_says_what_course_and_source_say(course: Course) -> None:
    page = overview.labs_page(course, labs_of(course), "en")
    assert "| [Other](second.md) | Mini | 1.5 | 11 | 2 | 1 |" in page


def test_the_glossary_is_sorted_and_names_the_other_language() -> None:
    page = overview.glossary_page(FACTS, "es")
    assert page.index("aritmética\n") < page.index("tensor\n")
    assert "English: *arithmetic*" in page


@pytest.mark.parametrize("lang", LANGUAGES)
def test_references_are_the_links_of_each_lab_once(lang: str) -> None:
    lab = read_lab(load_course(KIT), "lab3_word2vec_autoencoder")
    found = overview.references(lab, lang)
    assert len(found) == len({*found}) >= 10
    assert all("](http" in line for line in found)
    assert [line for line in found if "1301.3781" in line and "Mikolov" in line]


def test_a_link_with_brackets_in_it_is_whole() -> None:
    lab = read_lab(load_course(KIT), "lab0_foundations")
    assert [
        line
        for line in overview.references(lab, "en")
        if "(https://doi.org/10.1016/0041-5553(64)90137-5)" in line
    ]


def test_errata_are_the_latest_first_or_said_to_be_none(course: Course) -> None:
    errata = tuple(
        Erratum(date(2026, month, 1), mini.LAB, {"es": "mal", "en": f"wrong {month}"})
        for month in (3, 9)
    )
    page = overview.errata_page(course, replace(FACTS, errata=errata), "en")
    assert page.index("2026-09-01") < page.index("2026-03-01")
    assert "No mistake is known" in overview.errata_page(course, FACTS, "en")


@pytest.mark.slow
@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_term_has_every_section_in_a_week_in_order(lang: str) -> None:
    course = load_course(KIT)
    labs = labs_of(course)
    weeks = teaching.weeks(course, labs, lang)
    assert [*weeks] == [*range(1, len(weeks) + 1)]
    hours = sum(lab.hours for lab in course.labs)
    assert (len(weeks) - 1) * teaching.WEEKLY < hours <= len(weeks) * teaching.WEEKLY
    told = [name for entries in weeks.values() for name, _ in entries]
    order = [course.lab_names.index(name) for name in told]
    assert all(one <= other for one, other in pairwise(order)) and {*told} == {*course.lab_names}
    assert sum(len(teaching.sections(lab, lang)) for lab in labs) == len(told)


def test_mistakes_are_those_that_the_authors_list(course: Course) -> None:
    page = teaching.mistakes_page(course, labs_of(course), "es")
    assert "### 1. El doble" in page and "- [its sign is lost]{lang=en}" in page
    assert "np.abs" not in page  # how it is made stays in the source


RUBRIC = """\
[[why.items]]
points = 2
es = "Nombra la razón con un ejemplo de los que ha calculado"
en = "Names the reason, with an example of those that it has computed"
"""


def test_how_a_question_is_marked_is_on_no_page_but_that_of_a_private_site(course: Course) -> None:
    (course.root / "notebooks" / "source" / f"{mini.LAB}.rubrics.toml").write_text(RUBRIC, "utf-8")
    public = sources(course)
    private = replace(public, private=True)
    page = building.pages_of(private, "en")["rubrics.md"]
    assert b"- **+2** Names the reason, with an example" in page and b"Because." in page
    assert "rubrics.md" not in building.pages_of(public, "en")
    for made, place, leaks in (
        (public, "en/rubrics.html", 1),
        (private, "en/rubrics.html", 0),
        (private, "en/mistakes.html", 1),
    ):
        found = building.site_leaks(made, {place: page})
        assert len(found) == leaks and all("a line of a rubric" in line for line in found), place


def test_every_document_is_a_page() -> None:
    documents = {path.stem for path in (KIT / "docs").glob("*.md")}
    assert {*guides.GUIDES} == documents - {"student"} | {"changelog"}


def test_the_students_guide_has_a_part_for_each_language() -> None:
    text = (KIT / "docs" / "student.md").read_text(encoding="utf-8")
    parts = [guides.students_page(text, lang) for lang in LANGUAGES]
    assert "Colab" in parts[0] and "Colab" in parts[1] and parts[0] != parts[1]
    with pytest.raises(ValueError, match="no part '## Español'"):
        guides.students_page("# x\n\n## English\n\ny\n", "es")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[rooms](architecture.md#the-rooms)", "[rooms](architecture.md#the-rooms)"),
        ("[the guide](student.md#english)", "[the guide](student.md)"),
        ("[log](../CHANGELOG.md)", "[log](changelog.md)"),
        ("[README](../README.md) [b](../c.toml)", "`../README.md` b (`../c.toml`)"),
        ("[`ci.yml`](../.github/workflows/ci.yml)", "`../.github/workflows/ci.yml`"),
        ("[x](https://e.org) ![y](p/a.png) [z](#z)", "[x](https://e.org) ![y](p/a.png) [z](#z)"),
    ],
)
def test_links_of_documents_lead_to_pages_or_are_none(text: str, expected: str) -> None:
    assert guides.guide_page(text, ["architecture", "student", "changelog"]) == expected
