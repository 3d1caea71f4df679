"""What authors write for the site: read, and refused in lines."""

from pathlib import Path

import pytest

from docs.site.facts import read_facts
from grading.course.config import LANGUAGES, load_course
from grading.errors import UserError
from grading.places import KIT

TERM = (
    '[[terms]]\nname = { es = "red", en = "network" }\nmean = { es = "Capas.", en = "Layers." }\n'
)
CHAPTER = """\
[[chapters]]
lab = "one"
able = { es = ["a"], en = ["b"] }
notes = { es = ["a", "b"], en = ["c", "d"] }
"""
ERRATUM = '[[errata]]\nday = 2026-10-05\nlab = "one"\ntext = { es = "mal", en = "wrong" }\n'


def written(
    folder: Path, terms: str = TERM, chapters: str = CHAPTER, errata: str = ERRATUM
) -> Path:
    (folder / "glossary.toml").write_text(terms, encoding="utf-8")
    (folder / "chapters.toml").write_text(chapters, encoding="utf-8")
    (folder / "errata.toml").write_text(errata, encoding="utf-8")
    return folder


def test_what_is_right_is_read(tmp_path: Path) -> None:
    facts = read_facts(["one"], written(tmp_path))
    assert facts.terms[0].name == {"es": "red", "en": "network"}
    assert facts.chapter("one") is facts.chapters[0] and facts.chapter("two") is None
    assert facts.errata[0].day.isoformat() == "2026-10-05"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (
            {"terms": TERM.replace(', en = "network"', "")},
            "name is {'es': 'red'}; expected one line",
        ),
        ({"terms": TERM + TERM}, "'red' (es) is there twice"),
        ({"terms": TERM.replace("mean", "means")}, "there is no key 'means'; did you mean mean?"),
        ({"chapters": CHAPTER.replace('"one"', '"two"')}, "no lab 'two'; expected one of: one"),
        ({"chapters": CHAPTER.replace(', "d"', "")}, "notes is "),
        ({"chapters": CHAPTER + CHAPTER}, "lab is that of number 1, too"),
        ({"errata": ERRATUM.replace("2026-10-05", '"today"')}, "day is 'today'; expected a date"),
        ({"errata": ERRATUM.replace('"one"', '"two"')}, "errata.toml: there is no lab 'two'"),
        ({"errata": "[[errat]]\n"}, "there is no key 'errat'; did you mean errata?"),
        ({"terms": "[[terms"}, "cannot read "),
    ],
)
def test_what_is_wrong_is_said_in_a_line(
    tmp_path: Path, changed: dict[str, str], said: str
) -> None:
    with pytest.raises(UserError) as refused:
        read_facts(["one"], written(tmp_path, **changed))
    assert said in str(refused.value)


def test_the_courses_own_cover_every_lab_and_enough_terms() -> None:
    names = load_course(KIT).lab_names
    facts = read_facts(names)
    assert len(facts.terms) >= 60
    for chapter in map(facts.chapter, names):
        assert chapter and all(len(chapter.notes[lang]) >= 4 for lang in LANGUAGES)
