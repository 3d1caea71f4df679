import base64
import hashlib
import io
import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from rich.console import Console

from grading.course.config import Course, LabInfo
from grading.course.roster import Roster, Student
from grading.judging.results import ATTENTION, FAILED, GRADED, CheckMark, Result
from grading.reporting import report
from grading.reporting.outline import Place
from grading.reporting.standings import class_view
from tests.parsed import Page
from tests.reporting.marked import records

HOSTILE = "</td></table><script>alert(1)</script><img src=x onerror=alert(1)>&amp; [red]\x1b[31m{x}"


def course_in(folder, language="en"):
    lab = LabInfo("lab", {"en": "First lab", "es": "Primera práctica"})
    return Course(
        folder, "Deep & wide", "Uni <X>", "2030", language, "o/r", "main", folder / "r.csv", (lab,)
    )


def result(student, *marks, status=GRADED, flags=(), reason="the numbers differ"):
    checks = [
        CheckMark(f"check_{place}", f"step {place}", earned, 2.0, "" if earned == 2 else reason)
        for place, earned in enumerate(marks)
    ]
    return Result(student, "lab", sum(marks), 2.0 * len(marks), status, list(flags), 1.0, checks)


RESULTS = [
    result("u1", 2.0, 2.0),
    result("u2", 0.0, 1.0, status=ATTENTION, flags=["a locked cell was edited"]),
    Result("u3", "lab", 0.0, 4.0, FAILED, ["not a notebook: found PDF"]),
]
ROSTER = Roster(
    (
        Student("u1", "Álvarez Ruiz, Lucía", "u1@example.org", "A"),
        Student("u2", "López-Quintana de la Torre y Fernández de Córdoba, María del Rosario"),
        Student("u3", "Chen, Wei"),
        Student("u4", "Smith, John"),
    )
)
FILES = {"u1": [("notebook", "../../autograded/u1/lab/lab.ipynb")]}
TOTALS = {"u1": (5.0, 6.0, False), "u2": (1.0, 6.0, True), "u3": (0.0, 6.0, False)}


def printed(renderable, width, terminal=True):
    stream = io.StringIO()
    Console(file=stream, width=width, force_terminal=terminal, color_system=None).print(
        renderable, soft_wrap=not terminal
    )
    return stream.getvalue()


def html(
    tmp_path, results=RESULTS, roster=ROSTER, totals=TOTALS, notes=(), language="en", outline=None
):
    view = replace(class_view(records(results, totals), roster), notes=notes)
    course = course_in(tmp_path, language)
    when = datetime(2030, 1, 2, 3, 4, tzinfo=UTC)
    return report.page(course, "lab", view, outline or {}, FILES, when)


# The table in the terminal


@pytest.mark.parametrize("width", [80, 120])
def test_the_table_fits_and_says_who_what_and_why(width):
    text = printed(report.table(class_view(records(RESULTS, TOTALS), ROSTER), "en"), width)
    assert max(map(len, text.splitlines())) <= width
    first = next(line for line in text.splitlines() if "Álvarez" in line)
    assert re.search(r"Álvarez Ruiz, Lucía +u1 +5/6 +83\.3 % +✓ graded", first)
    assert "✗ step 0: 0 of 2 marks: the numbers differ" in text
    assert "✗ step 1: 1 of 2 marks: the numbers differ" in text
    assert "! a locked cell was edited" in text
    assert "! not a notebook: found PDF" in text
    assert "… waiting for manual marking" in text


def test_what_is_piped_is_one_line_for_a_student_and_for_a_reason():
    reason = "the numbers differ " * 30
    view = class_view(records([result("u2", 0.0, reason=reason)]), ROSTER)
    piped = printed(report.table(view, "en"), 80, terminal=False)
    name = ROSTER.students[1].name
    (row,) = [line for line in piped.splitlines() if name in line]
    assert re.search(r" u2 +0/2 +0 % +✓ graded", row)
    assert f"✗ step 0: 0 of 2 marks: {' '.join(reason.split())}" in piped


def test_checks_are_called_by_their_titles(tmp_path):
    check = CheckMark("check_1", "first step", 0.0, 2.0, "los números son distintos", "primer paso")
    results = [Result("u1", "lab", 0.0, 2.0, GRADED, checks=[check])]
    text = printed(report.table(class_view(records(results)), "es"), 120)
    assert "✗ primer paso: 0 de 2 puntos: los números son distintos" in text
    page = html(tmp_path, results, None, {}, language="es")
    assert page.count("<bdi>primer paso</bdi>") == 2 and "first step" not in page


def test_long_ids_leave_room_for_names():
    student = Student("maria.fernandez.de.cordoba.2@students.example.org", "Fernández, María")
    view = class_view(records([result(student.id, 2.0)]), Roster((student,)))
    text = printed(report.table(view, "es"), 80)
    assert max(map(len, text.splitlines())) <= 80
    assert "Fernández, María" in text
    assert "maria.fernandez.de.c" in text
    assert "ample.org" in text


def test_what_belongs_to_a_student_stands_beneath_their_row():
    lines = printed(report.table(class_view(records(RESULTS)), "en"), 80).splitlines()
    order = [line.split()[0] for line in lines if re.match(r"u\d |    [!✗]", line)]
    assert order == ["u1", "u2", "!", "✗", "✗", "u3", "!"]


def test_the_table_lists_who_is_missing():
    text = printed(report.table(class_view(records(RESULTS, TOTALS), ROSTER), "es"), 80)
    assert re.search(r"Smith, John +u4 +–/6 +– +– sin entregar", text)
    assert "Smith" not in printed(report.table(class_view(records(RESULTS)), "es"), 80)


def test_a_submission_cannot_write_to_the_terminal_or_in_its_markup():
    text = printed(
        report.table(class_view(records([result("u1", 0.0, reason=HOSTILE)])), "en"), 200
    )
    assert "\x1b" not in text
    assert "[red]" in text


def test_a_long_reason_is_cut_in_the_terminal_only(tmp_path):
    long = "x" * 5000
    assert (
        len(printed(report.table(class_view(records([result("u1", 0.0, reason=long)])), "en"), 80))
        < 2000
    )
    assert long in html(tmp_path, [result("u1", 0.0, reason=long)], None, {})


def test_a_table_of_nobody_says_so():
    assert "Handed in: 0" in printed(report.table(class_view([]), "en"), 80)


# The page


@pytest.mark.parametrize("language", ["es", "en"])
def test_the_page_is_well_formed_in_both_languages(tmp_path, language):
    page = Page(html(tmp_path, notes=["run without a sandbox"], language=language))
    assert page.misnested == []
    assert ("html", {"lang": language}) in page.elements
    assert course_in(tmp_path).lab("lab").title[language] in page.inside("h1")
    assert "run without a sandbox" in page.inside("li")
    assert "2030-01-02 03:04 UTC" in page.inside("time")


def test_the_page_needs_nothing_from_outside(tmp_path):
    page = Page(html(tmp_path))
    assert page.attributes("src") == []
    links = [link for link in page.attributes("href") if not link.startswith("#")]
    assert links == ["../../autograded/u1/lab/lab.ipynb"]  # which nobody opens but who clicks
    assert "url(" not in "".join(page.inside("style"))
    assert "@import" not in "".join(page.inside("style"))


def test_the_policy_allows_the_pages_own_style_and_script_and_nothing_else(tmp_path):
    page = Page(html(tmp_path))
    (policy,) = (
        attrs["content"]
        for tag, attrs in page.elements
        if attrs.get("http-equiv") == "Content-Security-Policy"
    )
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules.pop("default-src") == "'none'"
    for name in ("style", "script"):
        (text,) = page.inside(name)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert rules.pop(f"{name}-src") == f"'sha256-{digest}'"
    assert rules == {"base-uri": "'none'", "form-action": "'none'"}
    assert page.attributes("style") == []
    assert not [name for _, attrs in page.elements for name in attrs if name.startswith("on")]


def test_what_others_wrote_is_only_text(tmp_path):
    tame = html(tmp_path, [result("id", 0.0, 1.0, flags=["f"])], Roster((Student("id", "n"),)), {})
    check = CheckMark(HOSTILE, HOSTILE, 0.0, 2.0, HOSTILE)
    other = CheckMark("check_1", "step 1", 1.0, 2.0, HOSTILE)
    hostile = Result(HOSTILE, "lab", 1.0, 4.0, GRADED, [HOSTILE], 1.0, [check, other])
    student = Student(HOSTILE, HOSTILE, HOSTILE, HOSTILE)
    wild = html(tmp_path, [hostile], Roster((student,)), {})
    assert Page(wild).misnested == []
    assert Page(wild).counts() == Page(tame).counts()
    assert any("<script>alert(1)</script>" in text for text in Page(wild).inside("bdi"))
    assert "\x1b" not in wild


def test_notes_and_the_course_are_only_text_too(tmp_path):
    page = Page(html(tmp_path, notes=[HOSTILE]))
    assert page.counts()["script"] == 1
    assert any("Uni <X>" in text for text in page.inside("p"))


def test_totals_that_wait_stand_apart_in_mean_and_histogram(tmp_path):
    tiles = re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", html(tmp_path))
    means = {name: value for name, value in tiles if name.startswith("Mean")}
    assert means == {"Mean, final": "41.6 %", "Mean, provisional": "16.7 %"}
    bars = re.findall(r'<span class="count">(.*?)</span><svg', html(tmp_path))
    counts = [re.sub(r"<[^>]*>", "", bar) for bar in bars]
    assert counts == ["1", "0 + 1… provisional", *"000000", "1", "0"]


def test_without_totals_that_wait_there_is_no_word_of_them(tmp_path):
    text = html(tmp_path, totals={})
    shown = re.sub(r"<(style|script)>.*?</\1>", "", text, flags=re.DOTALL)
    assert "provisional" not in shown and "<dt>Mean, final</dt>" in shown


def test_a_marked_question_counts_among_what_loses_marks(tmp_path):
    rows = re.findall(r"<tr>(.*?)</tr>", html(tmp_path), flags=re.DOTALL)
    (essay,) = [row for row in rows if "essay" in row and "bar" in row]
    assert "(0 of 2)" in essay  # u1's and u3's are marked, u2's waits


def test_cells_are_called_by_the_names_of_their_exercises(tmp_path):
    outline = {"check_0": Place("1. Sums", "Exercise 1 · <Double>"), "essay": Place("", "Why?")}
    text = html(tmp_path, outline=outline)
    assert text.count("Exercise 1 · &lt;Double&gt;") == 1 + 2  # the class, and two students
    assert "<bdi>Why?</bdi>" in text and "<bdi>essay</bdi>" not in text


def test_files_that_are_there_are_linked(tmp_path):
    course = course_in(tmp_path)
    notebook = course.home / "autograded" / "u1" / "lab" / "lab.ipynb"
    notebook.parent.mkdir(parents=True)
    notebook.write_text("{}")
    path = report.write_html(course, "lab", class_view(records(RESULTS, TOTALS), ROSTER))
    links = [
        link
        for link in Page(path.read_text(encoding="utf-8")).attributes("href")
        if not link.startswith("#")
    ]
    assert [(path.parent / link).resolve() for link in links] == [notebook]


def test_the_students_page_of_the_course_is_linked_once_it_is_there(tmp_path):
    course = course_in(tmp_path)
    student = course.home / "reports" / "students" / "u1.html"
    student.parent.mkdir(parents=True)
    student.write_text("")
    path = report.write_html(course, "lab", class_view(records(RESULTS, TOTALS), ROSTER))
    (link,) = re.findall(
        r'<a href="([^"]*)">marks in the course</a>', path.read_text(encoding="utf-8")
    )
    assert (path.parent / link).resolve() == student


def test_groups_stand_side_by_side_if_there_are_two(tmp_path):
    def cells(text):
        table = text[text.index('id="sections"') :].partition("</table>")[0]
        rows = re.findall(r"<tr>(.*?)</tr>", table, flags=re.DOTALL)
        return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in rows]

    groups = {"u1": "A <1>, Erasmus", "u2": "B", "u3": "B", "u4": "B"}
    students = [replace(one, group=groups[one.id]) for one in ROSTER.students]
    text = html(tmp_path, roster=Roster(tuple(students)))
    assert Page(text).misnested == []
    assert cells(text) == [
        ["", "<bdi>A &lt;1&gt;</bdi>", "<bdi>B</bdi>", "<bdi>Erasmus</bdi>", "<bdi>All</bdi>"],
        ["Handed in", "1", "2", "1", "3"],
        ["Not handed in", "0", "1", "0", "1"],
        ["Mean, final", "83.3 %", "0 %", "83.3 %", "41.6 %"],
        ["Median, final", "83.3 %", "0 %", "83.3 %", "41.6 %"],
        ["Mean, provisional", "–", "16.7 %", "–", "16.7 %"],
        ["Median, provisional", "–", "16.7 %", "–", "16.7 %"],
    ]
    assert 'id="sections"' not in html(tmp_path)  # the roster names one group


def test_tables_say_what_they_are_and_their_headers_what_they_head(tmp_path):
    page = Page(html(tmp_path))
    counts = page.counts()
    assert counts["table"] == counts["caption"] == 2 + 3  # checks, students, three with an outcome
    assert all(attrs.get("scope") in ("col", "row") for tag, attrs in page.elements if tag == "th")
    ids = page.attributes("id")
    assert len(ids) == len(set(ids))
    for name in ("aria-labelledby", "href"):
        inside = (value for value in page.attributes(name) if not value.startswith("../"))
        assert {value.lstrip("#") for value in inside} <= set(ids)


def test_every_outcome_is_said_in_words_beside_its_sign(tmp_path):
    page = Page(html(tmp_path))
    words = Counter(text.strip() for text in page.inside("span"))
    assert words["all the marks:"] == words["✓"] - 2  # u1's status is there twice
    assert words["some of the marks:"] == words["◐"] == 2  # a check, and an essay
    assert words["no marks:"] == 2


def test_the_hardest_check_comes_first(tmp_path):
    results = [result("u1", 2.0, 0.0, 2.0), result("u2", 2.0, 0.0, 0.0)]
    text = html(tmp_path, results, None, {})
    table = text[text.index('id="checks"') : text.index('id="students"')]
    assert re.findall(r"<bdi>(.*?)</bdi>", table) == ["step 1", "step 2", "step 0"]
    assert re.findall(r'class="full" width="(.*?)"', table) == ["0.0", "50.0", "100.0"]


def test_everybody_is_listed_and_those_who_handed_in_have_details(tmp_path):
    results = [result(f"u{place:03}", 2.0, 0.0) for place in range(300)]
    roster = Roster(tuple(Student(f"u{place:03}", f"Name {place}") for place in range(310)))
    page = Page(html(tmp_path, results, roster, {}))
    assert page.counts()["details"] == 300
    assert sum(tag == "tr" and "data-student" in attrs for tag, attrs in page.elements) == 310
    assert "300" in page.inside("dd")
    assert "10" in page.inside("dd")


def test_a_page_of_nobody_says_so(tmp_path):
    page = Page(html(tmp_path, [], None, {}))
    assert page.misnested == []
    assert "There is no submission and no roster yet." in page.inside("p")


def test_the_page_is_written_under_reports_and_over_the_old_one(tmp_path):
    course = course_in(tmp_path)
    path = report.write_html(course, "lab", class_view(records(RESULTS[:1])))
    assert path == tmp_path / "course" / "reports" / "lab" / "index.html"
    assert "Smith, John" not in path.read_text(encoding="utf-8")
    noted = [replace(result, notes=["note \ud800"]) for result in RESULTS]
    assert report.write_html(course, "lab", class_view(records(noted, TOTALS), ROSTER)) == path
    assert "Smith, John" in path.read_text(encoding="utf-8")
    assert [file.name for file in path.parent.iterdir()] == ["index.html"]
