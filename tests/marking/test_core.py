"""What people give answers, by rubrics, together: over a gradebook as grading leaves it."""

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from nbgrader.api import Gradebook
from sqlalchemy.orm import Session

from grading.course.config import Course
from grading.gradebook.marks import Marks
from grading.gradebook.people import watch
from grading.gradebook.release import release
from grading.judging.rubric import TOP, ZERO, Item, Rubric
from grading.marking import allocation, asking, checks, opened, rubrics, saving, seconds, suggesting
from grading.marking.allocation import Rule
from grading.marking.answers import Answer, Given, NotMarked, answers, of_student
from grading.service.database import Database
from tests.marking.classroom import RUBRIC, classroom, hand_all_in, hand_in
from tests.postgresql import Server
from tests.service.handing import make_course

CLASS = {
    "ada": "It overfits: the loss on new data rises.",
    "bob": "It overfits.",
    "cyd": "",
    "mia": "No idea.",
    "noa": "Dropout.",
    "zoe": "It overfits.",
}
LAB, CELL = "mini", "why"


class Room:
    """A gradebook, and people who mark in it."""

    def __init__(self, course: Course, url: str = "") -> None:
        self.course = course
        self.url = url or course.db_url
        self.database = Database(self.url)
        with self.writing() as session:
            rubrics.copy(session, LAB, [CELL], rubrics.of_source(course, LAB))

    @contextmanager
    def writing(self) -> Iterator[Session]:
        with self.database.writing() as session:
            yield session

    def all(self) -> list[Answer]:
        with self.database.reading() as session:
            return answers(session, LAB, CELL)

    def of(self, student: str) -> Answer:
        found = of_student(self.all(), student)
        assert found is not None
        return found

    def rubric(self) -> tuple[Rubric, int]:
        with self.database.reading() as session:
            found = rubrics.kept(session, LAB, CELL)
        assert found is not None
        return found

    def seen(self, *students: str) -> dict[str, str]:
        return {one: self.of(one).seen(self.rubric()[1]) for one in students}

    def save(
        self,
        *students: str,
        items: tuple[str, ...] = (),
        added: float = 0.0,
        comment: str = "",
        who: str = "tutor",
        seen: dict[str, str] | None = None,
    ) -> None:
        seen = self.seen(*students) if seen is None else seen
        with self.writing() as session:
            given = Given(comment=comment, items=items)
            saving.save(session, LAB, CELL, self.rubric(), seen, given, added, who)

    def marks(self) -> dict[str, float | None]:
        return {one: answer.given.marks for answer in self.all() for one in answer.students}


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    made = Room(classroom(tmp_path, CLASS))
    yield made
    made.database.close()


def test_the_whole_of_it_is_the_same_in_postgresql(tmp_path: Path, postgresql: Server) -> None:
    url, now = postgresql.database(), datetime(2026, 11, 2, 10, 0, tzinfo=UTC)
    course = make_course(tmp_path)
    release(course, LAB, url)
    (tmp_path / "notebooks" / "source" / "mini.rubrics.toml").write_text(RUBRIC, encoding="utf-8")
    hand_all_in(course, {"ada": "It overfits.", "bob": "", "cyd": "No."}.items(), url=url)
    room = Room(course, url)
    seen = room.seen("ada")

    def try_to_save(who: str) -> bool:
        with contextlib.suppress(saving.Overtaken):
            room.save(items=("1", "2"), comment="¿Signo?", who=who, seen=seen)
            return True
        return False

    with ThreadPoolExecutor(2) as together:
        assert sorted(together.map(try_to_save, ("eva", "leo"))) == [False, True]
    room.save("cyd", items=("3",), who="mar")
    with room.writing() as session:
        saving.undo(session, LAB, CELL, "mar")
    before, version = room.rubric()
    after = Rubric(ZERO, (replace(before.items[0], points=0.5), *before.items[1:]))
    with room.writing() as session:
        rubrics.change(session, LAB, CELL, version, after, 2, {"ada": 1.0}, "prof")
    assert room.marks() == {"ada": 1.0, "bob": None, "cyd": None}
    assert room.of("bob").is_blank and room.of("ada").given.comment == "¿Signo?"
    with room.writing() as session:
        assert opened.opened(session, room.of("cyd"), "bob", "eva", now) == ""
        assert opened.opened(session, room.of("cyd"), "", "leo", now) == "eva"
        assert opened.coming(session, room.of("cyd"), "eva", now) == "bob"
        allocation.put(session, LAB, Rule("eva", share=0.5))
        assert allocation.rules(session, LAB) == [Rule("eva", share=0.5)]
        seconds.keep(session, room.of("ada"), Given(2.0, "", ("1", "2"), True), "mar")
        (twice,) = seconds.twice(session, LAB, CELL)
        assert twice.differs and not twice.is_settled
        seconds.settle(session, LAB, CELL, "ada")
        suggesting.keep(session, room.of("cyd"), suggesting.Suggestion(("1",), "Why not."))
        assert [one.items for one in suggesting.kept(session, LAB, CELL).values()] == [("1",)]
        asking.show(session, LAB, "prof", now)
        asking.ask(session, room.of("ada"), "ada", "Why not two?", 7, now)
        double, _ = checks.checks_of(session, LAB, "ada")
        asking.ask(session, double, "ada", "And here?", 7, now)
        checks.give(session, double, 4.5, "eva", "It is less.")
        session.flush()
        (lower,) = (one for one in checks.checks(session, LAB, double.cell) if one.student == "ada")
        asking.decide(session, lower, "It is less.", "eva", now)
        asked = {one.cell: one for one in asking.questions(session, LAB)}
    assert (asked[double.cell].before, asked[double.cell].after) == (5.0, 4.5)
    assert asked[CELL].is_open
    with Marks(url) as marks:
        (record,) = (one for one in marks.records(LAB) if one.student == "ada")
    assert record.score == 9.5
    room.database.close()


def test_items_a_free_adjustment_and_a_comment_make_a_mark_that_reports_have(room: Room) -> None:
    room.save("ada", items=("1", "2"), added=-0.25, comment="Which sign?")
    given = room.of("ada").given
    assert (given.marks, given.items, given.comment) == (1.25, ("1", "2"), "Which sign?")
    assert given.adjustment(room.rubric()[0], 2) == -0.25
    assert room.of("ada").who == "tutor"
    with Marks(room.course.db_url) as marks:
        (record,) = (one for one in marks.records(LAB) if one.student == "ada")
        assert (record.score, record.written[0].comment) == (10.25, "Which sign?")
    room.save("ada", items=("1", "2", "3"), added=5)
    assert room.marks()["ada"] == 2, "never above the question's marks"
    room.save("ada", added=-3)
    assert room.marks()["ada"] == 0


def test_formgraders_marks_are_seen_here_and_ours_there(room: Room) -> None:
    watch()
    room.save("ada", items=("1",), comment="Good.")
    book = Gradebook(room.course.db_url)
    grade = book.find_grade(CELL, LAB, LAB, "ada")
    comment = book.find_comment(CELL, LAB, LAB, "ada")
    assert (grade.manual_score, grade.needs_manual_grade) == (1.0, False)
    assert comment.comment == "Good."
    grade.manual_score = 1.75
    comment.manual_comment = "Better than good."
    other = book.find_grade(CELL, LAB, LAB, "bob")
    other.manual_score, other.needs_manual_grade = 0.5, False
    book.db.commit()
    book.close()
    ada = room.of("ada").given
    assert (ada.marks, ada.comment, ada.items) == (1.75, "Better than good.", ("1",))
    assert ada.adjustment(room.rubric()[0], 2) == 0.75, "what Formgrader added stays apart"
    assert room.of("ada").who == "" and room.of("bob").given.marks == 0.5
    with Marks(room.course.db_url) as marks:
        (record,) = (one for one in marks.records(LAB) if one.student == "ada")
        assert [change.who for change in record.overwritten] == ["tutor", "tutor"]


def test_two_saves_never_overwrite_each_other_silently(room: Room) -> None:
    seen = room.seen("ada")
    room.save("ada", items=("1",), who="eva", seen=seen)
    with pytest.raises(saving.Overtaken) as caught:
        room.save("ada", items=("2",), who="leo", seen=seen)
    assert (caught.value.answer.who, caught.value.answer.given.items) == ("eva", ("1",))
    assert room.of("ada").given.items == ("1",)
    room.save("ada", items=("2",), who="leo")
    assert room.of("ada").given.items == ("2",), "who has seen it may change it"


def test_of_many_that_are_saved_at_once_all_are_or_none(room: Room) -> None:
    seen = room.seen("bob", "zoe", "mia")
    room.save("zoe", items=("1",), who="eva")
    with pytest.raises(saving.Overtaken):
        room.save(items=("2",), seen=seen)
    assert room.marks() == dict.fromkeys(CLASS) | {"zoe": 1.0}


def test_an_answer_that_is_replaced_while_it_is_open_is_not_marked(room: Room) -> None:
    seen = room.seen("ada")
    hand_in(room.course, "ada", "Something else.")
    with pytest.raises(saving.Overtaken):
        room.save(items=("1",), seen=seen)
    assert room.marks()["ada"] is None


def test_a_mark_goes_with_its_text(room: Room) -> None:
    room.save("ada", items=("1",))
    hand_in(room.course, "ada", "Something else.")
    assert room.of("ada").given == Given()


def test_what_a_pair_is_given_both_have(tmp_path: Path) -> None:
    room = Room(classroom(tmp_path, CLASS, teams=(("bob", "zoe"),)))
    assert [one.students for one in room.all()].count(("bob", "zoe")) == 1
    room.save("bob", items=("1",))
    assert (room.marks()["bob"], room.marks()["zoe"]) == (1.0, 1.0)
    room.database.close()


def test_undo_takes_back_what_was_saved_last_and_only_ones_own(room: Room) -> None:
    room.save("ada", items=("1",), comment="First.")
    room.save("bob", "zoe", items=("2",))
    room.save("mia", who="eva")
    for left in ({"ada": 1.0, "mia": 0.0}, {"mia": 0.0}):
        with room.writing() as session:
            saving.undo(session, LAB, CELL, "tutor")
        assert room.marks() == dict.fromkeys(CLASS) | left
    assert room.of("ada").given.comment == ""
    with pytest.raises(NotMarked, match="nothing"), room.writing() as session:
        saving.undo(session, LAB, CELL, "tutor")


def test_undo_changes_nothing_that_others_marked_since(room: Room) -> None:
    room.save("ada", items=("1",))
    room.save("ada", items=("2",), who="eva")
    with pytest.raises(saving.Overtaken), room.writing() as session:
        saving.undo(session, LAB, CELL, "tutor")
    assert room.of("ada").given.items == ("2",)


def test_a_changed_item_re_marks_all_that_were_given_it_as_it_was_shown(room: Room) -> None:
    room.save("ada", items=("1", "2"), added=-0.25)
    room.save("bob", items=("2",))
    room.save("mia", items=("1",))
    before, version = room.rubric()
    items = (replace(before.items[0], points=0.5), *before.items[1:])
    after = Rubric(ZERO, items)
    shown = {
        one.answer.student: one.after.marks for one in rubrics.effects(before, after, room.all())
    }
    assert shown == {"ada": 0.75, "mia": 0.5}
    with room.writing() as session:
        rubrics.change(session, LAB, CELL, version, after, 2, shown, "prof")
    assert room.marks() == dict.fromkeys(CLASS) | shown | {"bob": 0.5}
    assert room.rubric() == (after, 2)
    with pytest.raises(NotMarked), room.writing() as session:
        rubrics.change(session, LAB, CELL, version, before, 2, {}, "eva")
    assert room.rubric() == (after, 2), "somebody who saw the old one changes nothing"


def test_a_rubric_changes_no_mark_that_nobody_was_shown(room: Room) -> None:
    room.save("ada", items=("1",))
    before, version = room.rubric()
    after = Rubric(ZERO, (replace(before.items[0], points=0.25), *before.items[1:]))
    room.save("mia", items=("1",), who="eva")
    with pytest.raises(NotMarked), room.writing() as session:
        rubrics.change(session, LAB, CELL, version, after, 2, {"ada": 0.25}, "prof")
    assert room.marks()["ada"] == 1.0


def test_a_removed_item_goes_from_what_was_given(room: Room) -> None:
    room.save("ada", items=("1", "2"))
    before, version = room.rubric()
    with room.writing() as session:
        rubrics.change(
            session, LAB, CELL, version, Rubric(ZERO, before.items[:1]), 2, {"ada": 1.0}, "prof"
        )
    assert (room.of("ada").given.items, room.marks()["ada"]) == (("1",), 1.0)
    with pytest.raises(NotMarked):
        room.save("bob", items=("2",))


@pytest.mark.parametrize(
    ("rubric", "most"),
    [
        (Rubric(ZERO, (Item("1", 3, {"en": "much"}),)), 2),
        (Rubric(ZERO, (Item("1", -1, {"en": "less"}),)), 2),
        (Rubric(TOP, (Item("1", 1, {"en": "more"}),)), 2),
        (Rubric(ZERO, (Item("1", 1, {"en": " ", "es": ""}),)), 2),
    ],
)
def test_a_rubric_that_cannot_be_is_refused(rubric: Rubric, most: float) -> None:
    with pytest.raises(NotMarked):
        rubrics.check(rubric, most)


def test_allocation_is_by_question_section_and_share_and_the_closest_rule_counts() -> None:
    def whose(rules: list[Rule], student: str, cell: str = CELL, section: str = "") -> str:
        one = Answer(LAB, cell, LAB, (student,), "", False, 2.0)
        return allocation.whose(rules, {"eva", "leo", "mar"}, one, {section})

    many = [f"s{number}" for number in range(1000)]
    halves = [Rule("eva", share=3), Rule("leo", share=1)]
    count = sum(whose(halves, student) == "eva" for student in many)
    assert 700 < count < 800
    assert {whose([], student) for student in many} == {""}
    close = [*halves, Rule("mar", cell=CELL), Rule("leo", section="early")]
    assert {whose(close, student) for student in many} == {"mar"}
    assert {whose(close, student, "other", "early") for student in many} == {"leo"}
    gone = [Rule("eva"), Rule("nobody")]
    assert {whose(gone, student) for student in many} == {"eva"}, "who left is given nothing"


def test_an_answer_is_open_for_one_person_until_it_lapses_and_the_next_is_kept(room: Room) -> None:
    ada, bob, now = room.of("ada"), room.of("bob"), datetime(2026, 11, 2, 10, 0, tzinfo=UTC)
    with room.writing() as session:
        assert opened.opened(session, ada, "bob", "eva", now) == ""
        assert opened.opened(session, ada, "", "leo", now) == "eva"
        assert opened.by_others(session, LAB, CELL, "leo", now) == {"ada": "eva", "bob": "eva"}
        assert opened.coming(session, ada, "eva", now) == "bob"
        assert opened.opened(session, bob, "zoe", "eva", now) == "", "what she had open is free"
        assert opened.by_others(session, LAB, CELL, "leo", now) == {"bob": "eva", "zoe": "eva"}
        opened.close(session, bob, "eva")
        assert opened.by_others(session, LAB, CELL, "leo", now) == {"zoe": "eva"}
        later = now + opened.LASTS + timedelta(seconds=1)
        assert opened.coming(session, bob, "eva", later) is None
        assert opened.opened(session, bob, "", "leo", later) == ""
        assert opened.by_others(session, LAB, CELL, "eva", later) == {"bob": "leo"}


def test_a_second_marking_changes_no_mark_and_is_of_somebody_else(room: Room) -> None:
    room.save("ada", items=("1",), who="eva")
    room.save("bob", items=("2",), who="leo")
    found = room.all()
    wanted = seconds.to_mark(found, [], 100, "leo")
    assert [one.student for one in wanted] == ["ada"]
    assert seconds.to_mark(found, [], 0, "leo") == []
    with room.writing() as session:
        seconds.keep(session, room.of("ada"), Given(2.0, "", ("1", "2"), True), "leo")
        (twice,) = seconds.twice(session, LAB, CELL)
        with pytest.raises(NotMarked):
            seconds.keep(session, room.of("ada"), Given(0.0), "mar")
        with pytest.raises(NotMarked):
            seconds.keep(session, room.of("bob"), Given(0.0), "leo")
    assert (
        twice.differs and not twice.is_settled and (twice.first.marks, twice.second.marks) == (1, 2)
    )
    assert room.marks()["ada"] == 1.0
    assert seconds.to_mark(room.all(), [twice], 100, "mar") == [room.of("bob")]


def test_agreement_weighs_by_the_distance_of_the_marks() -> None:
    # Of Cohen's definition: 1 - sum of w * observed / sum of w * expected, with w = d**2.
    pairs = [(0.0, 0.0), (0.5, 1.0), (2.0, 2.0), (2.0, 1.5)]
    observed = sum((one - other) ** 2 for one, other in pairs) / 4
    expected = sum((one - other) ** 2 for one, _ in pairs for _, other in pairs) / 16
    assert seconds.agreement(pairs) == pytest.approx(1 - observed / expected)
    assert seconds.agreement([]) is None and seconds.agreement([(1, 1), (1, 1)]) is None
    assert seconds.agreement([(0, 2), (2, 0)]) == -1


def test_a_student_asks_once_within_the_window_and_is_answered_with_a_reason(room: Room) -> None:
    now = datetime(2026, 11, 2, 10, 0, tzinfo=UTC)
    room.save("ada", items=("1",))
    with room.writing() as session:
        ada, mia = room.of("ada"), room.of("mia")
        with pytest.raises(NotMarked):  # no marks are shown yet
            asking.ask(session, ada, "ada", "Why not two?", 7, now)
        asking.show(session, LAB, "prof", now)
        for answer, text, when in (
            (mia, "Why?", now),
            (ada, " ", now),
            (ada, "Why?", now + timedelta(days=7, seconds=1)),
        ):
            with pytest.raises(NotMarked):
                asking.ask(session, answer, answer.student, text, 7, when)
        asking.ask(session, ada, "ada", "Why not two?", 7, now)
        with pytest.raises(NotMarked):
            asking.ask(session, ada, "ada", "Again?", 7, now)
        with pytest.raises(NotMarked):
            asking.decide(session, ada, " ", "tutor", now)
    room.save("ada", items=("1", "2"))
    with room.writing() as session:
        asking.decide(session, room.of("ada"), "You did give a sign.", "tutor", now)
        (asked,) = asking.questions(session, LAB)
        with pytest.raises(NotMarked):
            asking.decide(session, room.of("ada"), "Once more.", "tutor", now)
    assert (asked.before, asked.after, asked.who) == (1.0, 1.5, "tutor") and not asked.is_open
