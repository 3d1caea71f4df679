"""One mark for the course: promises that hold for every student, weight and rule."""

from fractions import Fraction
from itertools import combinations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from grading.course.coursemark import (
    GRID,
    Earned,
    Part,
    State,
    Use,
    course_mark,
    near,
    share_needed,
    to_come,
    with_share,
)
from grading.course.scales import Marking, Scale, scale_of

TEN = scale_of(Marking("0-10"))
HAS_MARKS = (State.MARKED, State.WAITING)

percents = st.integers(0, 100).map(lambda percent: Fraction(percent, 100))
weights = st.sampled_from([Fraction(w) for w in ("0", "0.1", "0.5", "1", "2.5")])
scales = st.sampled_from(
    [
        TEN,
        scale_of(Marking()),
        scale_of(Marking("letters", step=1)),
        scale_of(Marking("points", maximum=20, pass_mark=10.5, step=0.5)),
        scale_of(Marking("points", maximum=7, pass_mark=4)),
        scale_of(Marking("table", thresholds={"A": 80, "B": 40, "C": 0}, pass_mark=40)),
    ]
)


def marked(percent: float | str) -> Earned:
    return Earned(State.MARKED, Fraction(str(percent)) / 100)


def labs(*weights: float) -> list[Part]:
    return [Part(f"lab{place}", Fraction(str(weight))) for place, weight in enumerate(weights)]


def of(parts: list[Part], *earned: Earned, drop: int = 0, scale: Scale = TEN):
    have = dict(zip((part.name for part in parts), earned, strict=True))
    return course_mark(parts, have, scale, drop)


@st.composite
def students(draw: st.DrawFn) -> tuple[list[Part], dict[str, Earned], int]:
    """Parts of a course, what a student has in them, and how many may be dropped."""
    parts, earned = [], {}
    for place in range(draw(st.integers(1, 6))):
        bonus = draw(st.integers(0, 5)) == 0
        minimum = Fraction(0) if bonus else draw(st.sampled_from([Fraction(0), Fraction(2, 5)]))
        part = Part(f"p{place}", draw(weights), minimum, bonus, draw(st.booleans()))
        state = draw(st.sampled_from(list(State)))
        parts.append(part)
        earned[part.name] = Earned(state, draw(percents) if state in HAS_MARKS else Fraction(0))
    return parts, earned, draw(st.integers(0, 4))


# --- rounding, weights -------------------------------------------------------------------------


def test_weights_are_relative() -> None:
    for parts in (labs(0.5, 1, 1.5), labs(0.1, 0.2, 0.3), labs(15, 30, 45)):
        assert of(parts, marked(40), marked(70), marked(90)).share == Fraction(225, 300)


def test_no_binary_digit_costs_a_threshold() -> None:
    parts = labs(0.1, 0.2, 0.7)  # as floats these add up to 0.9999999999999999
    assert of(parts, *[marked(49.5)] * 3).mark == 5
    thirds = [Earned(State.MARKED, near(100 / 3) / 100)] * 3
    assert of(labs(1, 1, 1), *thirds).share == Fraction(1, 3)
    assert near(0.1 + 0.2) == Fraction(3, 10)


@pytest.mark.parametrize(
    ("percent", "step", "mark"),
    [
        ("49.5", 0.1, 5), ("49.49", 0.1, "4.9"), ("44.5", 0.1, "4.5"), ("45.5", 0.1, "4.6"),
        ("47.5", 0.5, 5), ("47.49", 0.5, "4.5"), ("72.5", 0.25, "7.25"), ("96", 1, 10),
        ("100", 0.3, "9.9"), ("0.5", 0.1, "0.1"), ("0", 0.1, 0),
    ],
)  # fmt: skip
def test_halves_are_rounded_up_to_the_step(percent: str, step: float, mark: str | int) -> None:
    scale = scale_of(Marking("0-10", step=step))
    assert of(labs(1), marked(percent), scale=scale).mark == Fraction(mark)


def test_letters_are_those_of_the_rounded_mark() -> None:
    letters = scale_of(Marking("letters", step=1))
    given = [("92.5", "A"), ("92.4", "A−"), ("86.5", "B+"), ("59.4", "F"), ("100", "A"), ("0", "F")]
    for percent, letter in given:
        assert of(labs(1), marked(percent), scale=letters).grade == letter


# --- what counts -------------------------------------------------------------------------------


def test_missing_counts_as_0_and_what_is_to_come_does_not_count() -> None:
    parts = labs(1, 1)
    missing = of(parts, marked(80), Earned(State.MISSING))
    assert (missing.mark, missing.is_final) == (4, True)
    later = of(parts, marked(80), Earned(State.NOT_YET))
    assert (later.mark, later.is_final) == (8, False)
    excused = of(parts, marked(80), Earned(State.EXCUSED, why="ill"))
    assert (excused.mark, excused.is_final) == (8, True)
    waiting = of(parts, marked(80), Earned(State.WAITING, Fraction(1, 2)))
    assert (waiting.mark, waiting.is_final) == (Fraction("6.5"), False)


def test_a_student_with_nothing_yet_has_no_mark() -> None:
    nothing = of(labs(1, 1), Earned(State.NOT_YET), Earned(State.EXCUSED))
    assert (nothing.mark, nothing.grade, nothing.is_final) == (None, "", False)


def test_the_lab_that_costs_most_is_dropped_not_the_lowest_percentage() -> None:
    parts = labs(0.1, 3)
    mark = of(parts, marked(10), marked(50), drop=1)
    assert [line.use for line in mark.lines] == [Use.DROPPED, Use.COUNTS]
    parts = labs(1, 0.1, 3)
    mark = of(parts, marked(90), marked(10), marked(40), drop=1)
    assert [line.use for line in mark.lines] == [Use.COUNTS, Use.COUNTS, Use.DROPPED]


def test_an_excused_lab_uses_up_no_drop_and_one_lab_always_stays() -> None:
    parts = labs(1, 1, 1)
    mark = of(parts, Earned(State.EXCUSED), marked(20), marked(60), drop=1)
    assert mark.mark == 6
    alone = of(parts, Earned(State.EXCUSED), Earned(State.EXCUSED), marked(20), drop=2)
    assert alone.mark == 2


def test_an_exam_is_never_dropped() -> None:
    parts = [*labs(1, 1), Part("exam", may_be_dropped=False)]
    mark = of(parts, marked(80), marked(40), marked(30), drop=1)
    assert [line.use for line in mark.lines] == [Use.COUNTS, Use.DROPPED, Use.COUNTS]


def test_nothing_is_dropped_that_would_lower_the_mark() -> None:
    parts = [*labs(1, 1), Part("exam", may_be_dropped=False)]
    mark = of(parts, marked(80), marked(60), marked(10), drop=1)
    assert [line.use for line in mark.lines] == [Use.COUNTS] * 3
    assert mark.mark == 5


def test_a_bonus_adds_and_never_lowers() -> None:
    parts = [*labs(1, 1), Part("extra", Fraction("0.2"), bonus=True)]
    assert of(parts, marked(50), marked(70), Earned(State.MISSING)).mark == 6
    assert of(parts, marked(50), marked(70), marked(50)).share == Fraction("0.65")
    assert of(parts, marked(100), marked(100), marked(100)).mark == 10


def test_a_missed_minimum_keeps_from_passing_unless_the_lab_is_dropped() -> None:
    parts = [Part("a", minimum=Fraction(2, 5)), Part("b"), Part("c")]
    earned = [marked(39.9), marked(90), marked(90)]
    mark = of(parts, *earned)
    assert (mark.mark, [line.part.name for line in mark.below_minimum]) == (Fraction("4.9"), ["a"])
    assert of(parts, *earned, drop=1).mark == 9
    assert of(parts, marked(40), marked(90), marked(90)).mark == Fraction("7.3")
    odd = scale_of(Marking("points", maximum=20, pass_mark=10.5, step=1))
    assert of(parts, *earned, scale=odd).mark == 10


def test_a_lab_under_its_minimum_is_dropped_where_that_lets_pass() -> None:
    parts = [Part("a", minimum=Fraction(1, 2)), Part("b"), Part("c")]
    passes = of(parts, marked(49), marked(30), marked(80), drop=1)
    assert [line.use for line in passes.lines] == [Use.DROPPED, Use.COUNTS, Use.COUNTS]
    assert passes.mark == Fraction("5.5")
    fails = of(parts, marked(49), marked(10), marked(45), drop=1)
    assert [line.use for line in fails.lines] == [Use.COUNTS, Use.DROPPED, Use.COUNTS]
    assert fails.mark == Fraction("4.7")


def test_a_bonus_is_worth_the_same_whatever_is_dropped() -> None:
    parts = [*labs(10, 1), Part("extra", bonus=True)]
    before = of(parts, marked(20), marked(30), marked(100), drop=1)
    assert before.share == Fraction(30, 100) + Fraction(1, 11)
    after = of(parts, marked(31), marked(30), marked(100), drop=1)
    assert after.share == Fraction(31, 100) + Fraction(1, 11)


@given(students(), scales)
def test_what_is_dropped_is_the_best_of_all_choices(
    student: tuple[list[Part], dict[str, Earned], int], scale: Scale
) -> None:
    parts, earned, drop = student
    counted = [
        part
        for part in parts
        if not part.bonus and earned[part.name].state not in (State.NOT_YET, State.EXCUSED)
    ]
    droppable = [part for part in counted if part.may_be_dropped and part.weight]
    most = max(min(drop, len(droppable) - 1), 0)

    def mark_of(without: tuple[Part, ...]) -> Fraction:
        excused = {part.name: Earned(State.EXCUSED) for part in without}
        mark = course_mark([p for p in parts if not p.bonus], earned | excused, scale).mark
        return mark or Fraction(0)

    regular = [part for part in parts if not part.bonus]
    mark = course_mark(regular, earned, scale, drop)
    assert len([line for line in mark.lines if line.use is Use.DROPPED]) <= most
    choices = (choice for size in range(most + 1) for choice in combinations(droppable, size))
    assert (mark.mark or 0) == max(map(mark_of, choices))


@given(students(), scales, st.data())
def test_more_marks_never_make_a_lower_mark(
    student: tuple[list[Part], dict[str, Earned], int], scale: Scale, data: st.DataObject
) -> None:
    parts, earned, drop = student
    chosen = data.draw(st.sampled_from(parts)).name
    assume(earned[chosen].state in HAS_MARKS)
    better = data.draw(percents)
    assume(better >= earned[chosen].share)
    before = course_mark(parts, earned, scale, drop).mark
    after = course_mark(parts, earned | {chosen: Earned(State.MARKED, better)}, scale, drop).mark
    assert (before is None) == (after is None)
    assert before is None or after is None or before <= after
    assert before is None or 0 <= before <= scale.maximum


@given(students(), scales)
def test_what_is_needed_is_enough_and_no_less_is(
    student: tuple[list[Part], dict[str, Earned], int], scale: Scale
) -> None:
    parts, earned, drop = student
    assume(to_come(parts, earned))

    def reached(steps: int) -> Fraction:
        have = with_share(parts, earned, Fraction(steps, GRID))
        mark = course_mark(parts, have, scale, drop).mark
        assert mark is not None
        return mark

    for target, _ in scale.targets:
        needed = share_needed(parts, earned, scale, drop, target)
        if needed is None:
            assert reached(GRID) < target
        else:
            assert reached(int(needed * GRID)) >= target
            assert not needed or reached(int(needed * GRID) - 1) < target


def test_what_i_need_in_the_last_lab() -> None:
    parts = labs(1, 1, 2)
    earned = {"lab0": marked(40), "lab1": marked(60), "lab2": Earned(State.NOT_YET)}
    needed = {mark: share_needed(parts, earned, TEN, 0, mark) for mark, _ in TEN.targets}
    # (100 + 2x) / 4 >= 49.5, 69.5, 89.5, for halves are rounded up
    assert needed == {5: Fraction(49, 100), 7: Fraction(89, 100), 9: None}


def test_a_pass_may_be_there_whatever_comes() -> None:
    parts = labs(3, 1)
    earned = {"lab0": marked(100), "lab1": Earned(State.NOT_YET)}
    assert share_needed(parts, earned, TEN, 0, Fraction(7)) == 0
