from dataclasses import replace
from unicodedata import normalize

from hypothesis import given
from hypothesis import strategies as st

from grading.course.roster import Roster, Student
from grading.judging.record import Written
from grading.judging.results import ATTENTION, FAILED, GRADED, CheckMark, Result
from grading.reporting.standings import (
    MISSING,
    Standing,
    check_rates,
    class_view,
    lost_lines,
    overview,
    plain,
    question_rates,
    share,
    standings,
)
from tests.reporting.marked import records


def result(student, marks=(2.0, 3.0), status=GRADED, flags=()):
    checks = [
        CheckMark("check_a", "first", marks[0], 2.0, "" if marks[0] == 2 else "wrong shape"),
        CheckMark("check_b", "second", marks[1], 3.0, "" if marks[1] == 3 else "wrong value"),
    ]
    return Result(student, "lab", sum(marks), 5.0, status, list(flags), 1.0, checks)


def failed(student):
    return Result(student, "lab", 0.0, 5.0, FAILED, ["not a notebook"])


ROSTER = Roster(
    (
        Student("u1", "Zubiri, Iñaki", "u1@example.org", "A"),
        Student("u2", "álvarez, Eva", "u2@example.org", "B"),
        Student("u3", "Benítez, José"),
    )
)


def test_the_roster_says_who_has_a_row_and_the_others_are_named():
    view = class_view(records([result("u1"), result("guest")]), ROSTER)
    assert [(row.student, row.name, row.status) for row in view.rows] == [
        ("u2", "álvarez, Eva", MISSING),
        ("u3", "Benítez, José", MISSING),
        ("u1", "Zubiri, Iñaki", GRADED),
    ]
    assert view.unlisted == ("guest",)


NAMES = (
    "Alba, Eva", "Álvarez, Ana", "Alvarez, Bea", "De la Cruz, Ana", "Dean, Bob", "Łukasz, Jan",
    "Nadal, R.", "Nuñez Ortiz, A.", "Nzo, C.", "Ñu, D.", "O’Brien, E.", "Obrien, F.",
    "Ørsted, H.", "Smith, A.", "Smith-Jones, A.", "Smithe, A.", "Zubiri, I.", "李, 明",
)  # fmt: skip


@given(st.permutations(NAMES), st.sampled_from(["NFC", "NFD"]))
def test_names_are_sorted_as_spanish_sorts_them(names, form):
    roster = Roster(tuple(Student(f"u{n}", normalize(form, name)) for n, name in enumerate(names)))
    rows = standings([], roster, lang="es")
    assert tuple(normalize("NFC", row.name) for row in rows) == NAMES


def test_each_language_has_its_own_order():
    roster = Roster((Student("u1", "Ñu, D."), Student("u2", "Nzo, C.")))
    assert [row.student for row in standings([], roster, lang="en")] == ["u1", "u2"]
    assert [row.student for row in standings([], roster, lang="es")] == ["u2", "u1"]


def test_a_surname_of_its_own_column_decides():
    roster = Roster(
        (
            Student("u1", "Ana Zubiri", surname="Zubiri"),
            Student("u2", "Zoe García López", surname="García López"),
            Student("u3", "García, Ana"),
        )
    )
    assert [row.student for row in standings([], roster)] == ["u3", "u2", "u1"]


def test_a_note_is_one_line_that_names_whom_it_concerns_unless_it_is_all():
    results = [
        replace(result("u1"), notes=["no sandbox", "older"]),
        replace(result("u2"), notes=["no sandbox", "older"]),
        replace(result("u3"), notes=["no sandbox"]),
    ]
    assert class_view(records(results)).notes == ("no sandbox", "older: u1, u2")


def test_without_a_roster_nobody_is_missing():
    assert [row.student for row in standings(records([result("u1")]))] == ["u1"]


def test_scores_are_the_gradebooks_totals_and_otherwise_those_of_the_checks():
    rows = standings(records([result("u1"), result("u2")], {"u1": (6.5, 9.0, False)}), None)
    assert [(row.score, row.max_score, row.waiting) for row in rows] == [
        (6.5, 9.0, False),
        (5.0, 5.0, False),
    ]


def test_a_student_whom_only_the_gradebook_knows_has_a_row_with_its_total():
    (row,) = standings(records([], {"u1": (4.0, 5.0, False)}), None)
    assert (row.status, row.score, row.percent, row.checks) == (GRADED, 4.0, 80.0, ())


def test_a_missing_student_has_no_score_out_of_the_labs_maximum():
    row = standings(records([result("u1")], {"u1": (5.0, 9.0, False)}), ROSTER)[0]
    assert (row.status, row.score, row.percent, row.max_score) == (MISSING, None, None, 9.0)


def test_overview_counts_only_who_handed_in():
    results = [result("u1"), result("u2", (2.0, 0.0)), failed("u3")]
    numbers = overview(standings(records(results, {"u2": (2.0, 5.0, True)}), ROSTER))
    assert (numbers.submissions, numbers.missing, numbers.waiting) == (3, 0, 1)
    assert (numbers.final.mean, numbers.final.median) == (50.0, 50.0)
    assert numbers.final.bins == (1, 0, 0, 0, 0, 0, 0, 0, 0, 1)
    assert (numbers.provisional.mean, numbers.provisional.median) == (40.0, 40.0)
    assert numbers.provisional.bins == (0, 0, 0, 0, 1, 0, 0, 0, 0, 0)


def test_overview_of_nobody_has_no_mean():
    numbers = overview(standings([], ROSTER))
    assert (numbers.submissions, numbers.missing, numbers.final.mean, numbers.final.median) == (
        0,
        3,
        None,
        None,
    )


@given(st.lists(st.floats(-5, 200), max_size=30))
def test_every_submission_is_in_one_bin(scores):
    totals = {str(place): (score, 100.0, False) for place, score in enumerate(scores)}
    assert sum(overview(standings(records([], totals), None)).final.bins) == len(scores)


def test_check_rates_count_full_and_part_marks_of_those_that_ran():
    results = [result("u1"), result("u2", (1.0, 0.0)), failed("u3")]
    first, second = check_rates(standings(records(results)))
    assert (first.label, first.students, first.full, first.partly) == ("first", 2, 1, 1)
    assert (first.mean, first.pass_rate) == (1.5, 50.0)
    assert (second.label, second.full, second.partly, second.mean) == ("second", 1, 0, 1.5)


def test_check_rates_follow_the_lab_even_if_a_submission_lacks_its_beginning():
    short = Result("u1", "lab", 3, 5, GRADED, checks=[CheckMark("check_b", "second", 3, 3, "")])
    rates = check_rates(standings(records([short, result("u2")])))
    assert [(rate.label, rate.students) for rate in rates] == [("first", 1), ("second", 2)]


def test_a_question_counts_once_an_answer_of_it_was_marked():
    def rows(**marks):
        found = [Standing(name, "", "", "", GRADED, 0.0, 2.0) for name in marks]
        return [
            replace(row, written=(Written("why", marks[row.student], 2.0),), unanswered=("why",))
            if row.student == "blank"
            else replace(row, written=(Written("why", marks[row.student], 2.0),))
            for row in found
        ]

    assert question_rates(rows(blank=0.0, one=None)) == []
    (rate,) = question_rates(rows(blank=0.0, one=2.0, other=None))
    assert (rate.students, rate.full, rate.mean) == (2, 1, 1.0)
    (rate,) = question_rates(rows(blank=0.0))  # nobody answered, so nobody waits
    assert (rate.students, rate.mean) == (1, 0.0)


def test_lost_lines_give_marks_and_reason_in_the_language():
    (row,) = standings(records([result("u1", (1.0, 3.0))]))
    assert lost_lines(row, "en") == ["✗ first: 1 of 2 marks: wrong shape"]
    assert lost_lines(row, "es") == ["✗ first: 1 de 2 puntos: wrong shape"]


def test_what_a_submission_wrote_is_made_harmless_everywhere():
    check = CheckMark("check\x07", "la\x1b[31mbel", 0, 1, "wrong\n\n \u202evalue\ud800")
    (row,) = standings(records([Result("u1", "lab", 0, 1, ATTENTION, ["a\x00b"], checks=[check])]))
    assert row.flags == ("a�b",)
    assert row.checks == (CheckMark("check�", "la�[31mbel", 0, 1, "wrong �value�"),)


@given(st.text(st.characters(codec=None)))
def test_plain_text_is_one_line_that_a_file_can_hold(text):
    shown = plain(text)
    shown.encode("utf-8")
    assert not any(char < " " or "\x7f" <= char < "\xa0" for char in shown)
    assert len(shown.splitlines()) <= 1


@given(st.integers(1, 10**6), st.integers(0, 10**6))
def test_only_all_of_it_is_a_hundred_percent(total, part):
    part = min(part, total)
    assert (share(part / total) == 100) == (part == total)


def test_checks_in_a_row_lost_for_one_reason_are_one_line():
    lost = [CheckMark("c", f"check {n}", 0.0, 2.0, "nothing there") for n in range(3)]
    other = CheckMark("c", "last", 0.0, 1.0, "wrong shape")
    (row,) = standings(records([Result("ada", "lab", 0.0, 7.0, GRADED, checks=[*lost, other])]))
    assert lost_lines(row, "en") == [
        "✗ check 0 … check 2 (3): 0 of 6 marks: nothing there",
        "✗ last: 0 of 1 mark: wrong shape",
    ]
