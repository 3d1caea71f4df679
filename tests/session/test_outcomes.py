"""What the key file, the ticks and the summary tell a student."""

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grading.answers.evidence import Answer, answer_of
from grading.messages import Reason, Title, languages, message
from grading.session import keyfile
from grading.session.keyfile import KeyFile, ListedCheck, entry_of_answers, entry_of_metric
from grading.session.outcomes import (
    Outcome,
    Verdict,
    doubted,
    outcome_of_answers,
    outcome_of_group,
    outcome_of_metric,
)
from grading.session.scorecard import COLOURS, Scorecard, render_outcome, render_summary
from tests.values import fast_hashes


@pytest.fixture(autouse=True, scope="module")
def _fast() -> Iterator[None]:
    with fast_hashes():
        yield


HINT = {"es": "Mira la raíz.", "en": "Look at the root."}
STUB = Answer(raised="NotImplementedError", message="Complete f()")
UNDEFINED = Answer(raised="NameError", message="name 'model' is not defined")
BROKEN = Answer(raised="ValueError", message="bad shapes")


def of(value: Any, **more: Any) -> Answer:
    return replace(answer_of(value, seed="s"), **more)


def outcome(expected: Answer, *found: Answer, tol: float | None = None) -> Outcome:
    entry = entry_of_answers((expected,), tol)
    return outcome_of_answers("x", 2, list(found), json.loads(json.dumps(entry)), HINT)


def reason(found: Outcome) -> str:
    return found.reason.text("en") if found.reason else ""


# --- answers -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expected", "found"),
    [
        (1.5, 1.50001),
        ([1, 2], np.array([1.0, 2.0])),
        ("word", "word"),
        ({"a": 1}, {"a": 1.0}),
        (np.arange(40_000) / 7, np.arange(40_000) / np.float32(7)),
        (np.arange(40_000), np.arange(40_000.0)),
    ],
)
def test_a_right_answer(expected: Any, found: Any) -> None:
    passed = outcome(of(expected), of(found))
    assert (passed.verdict, passed.earned, passed.reason) == (Verdict.PASSED, 2, None)


@pytest.mark.parametrize(
    ("expected", "found", "why"),
    [
        (of(1.5), of(1.6), "the value is not the expected one"),
        (of([1.5, 2]), of([1.5, 3]), "the value is not the expected one"),
        (of([1.5, 2]), of([1.5]), "expected shape (2,), found (1,)"),
        (of([[1.5]]), of("x"), "expected real numbers of shape (1, 1), found text"),
        (of([1, 2]), of(None), "expected whole numbers of shape (2,), found None "
         "(is a return missing?)"),
        (of("x"), of(None), "expected text, found None "
         "(is a return missing?)"),
        (of("x"), of(3), "expected text, found a whole number"),
        (of("x"), of("y"), "the value is not the expected one"),
        (of(np.zeros(40_000)), of(np.ones(40_000)), "the value is not the expected one"),
        (of(np.zeros(40_000)), of(np.zeros(9)), "expected shape (40000,), found (9,)"),
        (of(1), BROKEN, "raised ValueError: bad shapes"),
        (of(1), Answer(raised="NotEvidence", message="m"), "this value cannot be checked: m"),
        (BROKEN, of(1), "expected ValueError to be raised"),
        (BROKEN, Answer(raised="KeyError"), "expected ValueError to be raised, found KeyError"),
        (of(1), of(1, changed=(0, 2)), "the function changes its input in place (argument 1, 3); "
         "work on a copy"),
        (of(1, changed=(0,)), of(1), "the function should change its argument 1 in place"),
    ],
)  # fmt: skip
def test_a_wrong_answer_is_diagnosed(expected: Answer, found: Answer, why: str) -> None:
    failed = outcome(expected, found)
    assert (failed.verdict, failed.earned, failed.hint) == (Verdict.FAILED, 0, HINT)
    assert reason(failed) == why


def test_an_expected_exception() -> None:
    assert outcome(BROKEN, Answer(raised="ValueError")).verdict is Verdict.PASSED


@pytest.mark.parametrize("answer", [STUB, UNDEFINED, Answer(raised="UnboundLocalError")])
def test_before_its_exercise_is_done_a_check_waits(answer: Answer) -> None:
    for entry in (entry_of_answers((of(1), of(2)), None), None):
        waiting = outcome_of_answers("x", 2, [of(1), answer], entry, HINT)
        assert (waiting.verdict, waiting.earned) == (Verdict.PENDING, 0)
        assert reason(waiting).startswith("not done yet: ")


def test_several_cases() -> None:
    entry = entry_of_answers((of(1), of(2.5), of("x")), None)
    failed = outcome_of_answers("x", 2, [of(1), of(2.6), BROKEN], entry, HINT)
    assert reason(failed) == "1 of 3 cases are right; case 2: the value is not the expected one"


def test_cases_that_could_not_be_drawn() -> None:
    entry = entry_of_answers((of(1), of(2)), None)
    assert outcome_of_answers("x", 2, [BROKEN], entry, HINT).verdict is Verdict.FAILED
    assert outcome_of_answers("x", 2, [UNDEFINED], entry, HINT).verdict is Verdict.PENDING


def test_what_the_keys_do_not_know() -> None:
    for entry in (None, entry_of_metric("rmse", 1.0), entry_of_answers((of(1), of(2)), None)):
        assert outcome_of_answers("x", 2, [of(1)], entry, HINT).verdict is Verdict.UNKNOWN
    for entry in (None, entry_of_answers((of(1),), None)):
        unknown = outcome_of_metric("x", 2, of(1), lambda: 1, entry, HINT)
        assert (unknown.verdict, unknown.earned) == (Verdict.UNKNOWN, 0)


# --- metrics -----------------------------------------------------------------------------------


def measured(outputs: Any, truth: Any = (1.0, 2.0), limit: float = 0.5) -> Outcome:
    answer = outputs if isinstance(outputs, Answer) else of(outputs)
    supply = truth if callable(truth) else lambda: truth
    return outcome_of_metric("x", 2, answer, supply, entry_of_metric("rmse", limit), HINT)


def throw(error: Exception) -> Any:
    raise error


@pytest.mark.parametrize(
    ("outputs", "truth", "verdict", "why"),
    [
        ([1.0, 2.4], (1.0, 2.0), Verdict.PASSED, ""),
        ([1, 2], (1.0, 2.0), Verdict.PASSED, ""),
        ([1.0, 3.0], (1.0, 2.0), Verdict.FAILED, "rmse 0.7071 does not reach 0.5"),
        ([1.0], (1.0, 2.0), Verdict.FAILED, "expected predictions of shape (2,), found (1,)"),
        ([math.nan, 1.0], (1.0, 2.0), Verdict.FAILED, "expected finite predictions"),
        ("words", (1.0, 2.0), Verdict.FAILED, "expected real numbers, found text"),
        ([1j, 2j], (1.0, 2.0), Verdict.FAILED, "found complex numbers of shape (2,)"),
        (np.zeros(40_000), (1.0, 2.0), Verdict.FAILED, "expected real numbers"),
        (BROKEN, (1.0, 2.0), Verdict.FAILED, "raised ValueError: bad shapes"),
        (STUB, (1.0, 2.0), Verdict.PENDING, "not done yet: Complete f()"),
        ([1.0, 2.0], lambda: throw(NameError("name 'y' is not defined")), Verdict.PENDING,
         "not done yet: name 'y' is not defined"),
        ([1.0, 2.0], lambda: throw(OSError("no file")), Verdict.FAILED, "raised OSError: no file"),
    ],
)  # fmt: skip
def test_a_metric(outputs: Any, truth: Any, verdict: Verdict, why: str) -> None:
    found = measured(outputs, truth)
    assert found.verdict is verdict
    assert why in reason(found)


@pytest.mark.parametrize(
    ("score", "verdict"),
    [(0.60, Verdict.FAILED), (0.66, Verdict.NEAR), (0.74, Verdict.NEAR), (0.76, Verdict.PASSED)],
)
def test_a_score_near_its_limit_is_neither_right_nor_wrong(score: float, verdict: Verdict) -> None:
    entry = entry_of_metric("accuracy", 0.7, 0.05)
    truth, right = np.zeros(100), round(100 * score)
    answer = of(np.repeat([0, 1], [right, 100 - right]))
    found = outcome_of_metric("x", 2, answer, lambda: truth, entry, HINT)
    assert found.verdict is verdict
    assert found.earned == (2 if verdict is Verdict.PASSED else 0)
    if verdict is Verdict.NEAR:
        text, _ = render_outcome(found, "en", "quick")
        assert text.startswith(f"≈ x: 2 marks in doubt. Accuracy {score} is so near to the limit,")
        assert "from 0.75 on it is safe.\n" in text and "tick.hint()" in text


@pytest.mark.parametrize("right", [60, 90])
def test_a_score_that_rests_on_a_mistake_is_left_open(right: int) -> None:
    keys = replace(
        KEYS,
        checks=(
            ListedCheck("c1", "size", 2, SECTIONS[0], covers=("one", "two")),
            ListedCheck("c2", "loss", 4, SECTIONS[0], covers=("three",)),
            ListedCheck("c3", "accuracy", 4, SECTIONS[0], covers=("two",)),
        ),
    )
    found = Scorecard("mini", "en", keys)
    entry, answer = entry_of_metric("accuracy", 0.7), of(np.repeat([0, 1], [right, 100 - right]))
    score = outcome_of_metric("accuracy", 4, answer, lambda: np.zeros(100), entry, HINT)
    found.record(Outcome("loss", 4, Verdict.FAILED))
    assert doubted(score, found.refused_under("accuracy")) == score
    found.record(Outcome("size", 2, Verdict.FAILED))
    left = doubted(score, found.refused_under("accuracy"))
    assert (left.verdict, left.earned) == (Verdict.NEAR, 0)
    assert reason(left) == "it rests on what “size” does not accept; mend that first"
    found.record(Outcome("size", 2, Verdict.PASSED))
    assert doubted(score, found.refused_under("accuracy")) == score
    broken = outcome_of_metric("accuracy", 4, BROKEN, lambda: 1, entry, HINT)
    assert doubted(broken, Title("size")) == broken


def test_a_score_that_had_better_be_small_is_safe_below_the_limit() -> None:
    entry = entry_of_metric("rmse", 0.5, 0.1)
    found = outcome_of_metric("x", 2, of([1.0, 2.6]), lambda: (1.0, 2.0), entry, HINT)
    assert found.verdict is Verdict.NEAR and "from 0.4 on it is safe" in reason(found)


# --- groups ------------------------------------------------------------------------------------

PASSED = Outcome("good", 0, Verdict.PASSED)
FAILED = Outcome("bad", 0, Verdict.FAILED, Reason("reason.value"), {"en": "inner"})
WAITING = Outcome("later", 0, Verdict.PENDING, Reason("reason.unfinished", {"detail": "x"}))
UNKNOWN = Outcome("what", 0, Verdict.UNKNOWN)
AT_LIMIT = {"metric": "mse", "score": "2", "limit": "2", "safe": "1"}
NEAR = Outcome("close", 0, Verdict.NEAR, Reason("reason.near", AT_LIMIT))


@pytest.mark.parametrize(
    ("outcomes", "stopped", "verdict", "why"),
    [
        ([PASSED, PASSED], None, Verdict.PASSED, ""),
        ([PASSED, FAILED], None, Verdict.FAILED, "bad: the value is not the expected one"),
        ([FAILED, WAITING], None, Verdict.PENDING, "later: not done yet: x"),
        ([PASSED, UNKNOWN], None, Verdict.UNKNOWN, "what: "),
        ([UNKNOWN, FAILED], None, Verdict.FAILED, "bad: "),
        ([PASSED, NEAR], None, Verdict.NEAR, "close: mse"),
        ([NEAR, FAILED], None, Verdict.FAILED, "bad: "),
        ([PASSED], BROKEN, Verdict.FAILED, "raised ValueError: bad shapes"),
        ([PASSED], STUB, Verdict.PENDING, "not done yet: Complete f()"),
        ([FAILED], BROKEN, Verdict.FAILED, "bad: "),
    ],
)
def test_a_group(
    outcomes: list[Outcome], stopped: Answer | None, verdict: Verdict, why: str
) -> None:
    found = outcome_of_group("g", 3, outcomes, stopped, HINT)
    assert (found.verdict, found.earned) == (verdict, 3 if verdict is Verdict.PASSED else 0)
    assert reason(found).startswith(why)


def test_the_hint_of_a_group_is_the_closest_one() -> None:
    assert outcome_of_group("g", 3, [FAILED], None, HINT).hint == {"en": "inner"}
    assert outcome_of_group("g", 3, [replace(FAILED, hint=None)], None, HINT).hint == HINT


# --- the key file ------------------------------------------------------------------------------

SECTIONS = ({"es": "Texto", "en": "Text"}, {"es": "Modelo <b>", "en": "Model <b>"})
KEYS = KeyFile(
    lab="lab3",
    source="abc",
    checks=(
        ListedCheck("c1", "size", 2, SECTIONS[0]),
        ListedCheck("c1", "clean", 3, SECTIONS[0], title={"es": "limpio", "en": "clean"}),
        ListedCheck("c2", "loss <i>", 4, SECTIONS[1]),
    ),
    question_marks=6,
    profiles={
        "full": {"size": entry_of_answers((of(12),), None), "ñ": entry_of_metric("rmse", 0.25)},
        "quick": {},
    },
)


def test_a_key_file_comes_back_as_it_was_written(tmp_path: Path) -> None:
    (tmp_path / "lab3.json").write_text(keyfile.dump(KEYS), encoding="utf-8")
    assert keyfile.load("lab3", tmp_path) == KEYS
    assert keyfile.load("lab4", tmp_path) is None
    assert KEYS.marks == 9


def test_a_key_file_has_a_line_a_check() -> None:
    lines = keyfile.dump(KEYS).splitlines()
    assert len([line for line in lines if line.startswith("   ")]) == 2
    assert len([line for line in lines if '"cell"' in line]) == 3
    assert len([line for line in lines if '"title"' in line]) == 1
    assert json.loads(keyfile.dump(replace(KEYS, checks=(), profiles={})))["checks"] == []


def test_a_key_file_holds_no_answer() -> None:
    entry = entry_of_answers((of("the secret word"), of(0.73125), of([4, 8])), None)
    text = json.dumps(entry)
    assert "secret" not in text and "0.73" not in text and "[4, 8]" not in text


# --- how it looks ------------------------------------------------------------------------------


def lines(found: Outcome, lang: str = "en") -> str:
    return render_outcome(found, lang, "full")[0]


def test_a_line_says_its_verdict_without_colour() -> None:
    assert lines(PASSED) == "✓ good: 0 of 0 marks"
    assert lines(Outcome("size", 2.5, Verdict.PASSED)) == "✓ size: 2.5 of 2.5 marks"
    failed = outcome(of(1.5), of(1.6))
    assert lines(failed).splitlines() == [
        "✗ x: 0 of 2 marks. The value is not the expected one.",
        "   Hints, in three steps: tick.hint()",
    ]
    assert lines(failed, "es").splitlines() == [
        "✗ x: 0 de 2 puntos. El valor no es el esperado.",
        "   Pistas, en tres pasos: tick.hint()",
    ]
    waiting = outcome(of(1.5), STUB)
    assert lines(waiting) == "· x: 2 marks wait here. Not done yet: Complete f()."
    assert lines(waiting, "es") == "· x: aquí esperan 2 puntos. Aún sin hacer: Complete f()."
    assert lines(UNKNOWN).startswith("? what: there is nothing to compare with for profile full.")


class Page(HTMLParser):
    """Counts what a browser would see; fails on what it would have to guess."""

    VOID = ("br",)

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def page(html: str) -> Page:
    parsed = Page()
    parsed.feed(html)
    parsed.close()
    assert not parsed.open
    return parsed


NASTY = "<script>alert('x')</script>&amp;\"{braces}%s"


def test_whatever_is_shown_is_escaped() -> None:
    nasty = Answer(raised="<b>Error", message=NASTY)
    failed = outcome_of_answers(
        NASTY, 2, [nasty], entry_of_answers((of(1),), None), {"en": NASTY, "es": NASTY}
    )
    for lang in languages():
        text, html = render_outcome(failed, lang, "full")
        seen = page(html)
        assert set(seen.tags) == {"div", "br"}
        assert text.count(NASTY) == seen.text.count(NASTY) == 2


def test_a_message_cannot_drive_a_terminal() -> None:
    nasty = Answer(raised="E", message="\x1b[2Jgone\x07\u202eflipped\r\nsecond")
    failed = outcome_of_answers("x", 2, [nasty], entry_of_answers((of(1),), None), None)
    assert reason(failed) == "raised E: [2Jgone flipped second"


def card(*outcomes: Outcome, lang: str = "en") -> Scorecard:
    found = Scorecard()
    found.open("lab3", lang, KEYS)
    for one in outcomes:
        found.record(one)
    return found


def test_the_summary_by_section() -> None:
    text, html = render_summary(
        card(Outcome("size", 2, Verdict.PASSED), Outcome("clean", 3, Verdict.FAILED))
    )
    assert text.splitlines() == [
        "Summary of lab3",
        "Text                 ████░░░░░░░░  2/5  40 %",
        "Model <b>            ░░░░░░░░░░░░  0/4  0 %",
        "Total of the checks  ██░░░░░░░░░░  2/9  22 %",
        "Next: “clean”, in the section “Text”.",
        "Written questions (6 marks) are marked by a person.",
    ]
    seen = page(html)
    assert seen.tags.count("tr") == 4 and "b" not in seen.tags
    for word in ("Summary of lab3", "Model <b>", "2/9 · 22 %", "Next: “clean”"):
        assert word in seen.text


def test_the_summary_in_spanish() -> None:
    text, _ = render_summary(card(Outcome("size", 2, Verdict.PASSED), lang="es"))
    assert "Resumen de lab3" in text and "Texto" in text and "Siguiente: «limpio»" in text


def test_running_a_check_again_replaces_its_outcome() -> None:
    passed = Outcome("size", 2, Verdict.PASSED)
    once = render_summary(card(passed))
    assert render_summary(card(passed, passed, passed)) == once
    assert render_summary(card(replace(passed, verdict=Verdict.FAILED), passed)) == once
    assert "0/9" in render_summary(card(passed, replace(passed, verdict=Verdict.FAILED)))[0]


def test_the_summary_counts_the_lab_s_own_marks() -> None:
    greedy = [Outcome("size", 500, Verdict.PASSED), Outcome("invented", 500, Verdict.PASSED)]
    assert "2/9" in render_summary(card(*greedy))[0]


def test_only_full_marks_look_full() -> None:
    many = tuple(ListedCheck("c", str(n), 1, SECTIONS[0]) for n in range(400))
    found = Scorecard(lab="lab3", keys=replace(KEYS, checks=many))
    for n in range(399):
        found.record(Outcome(str(n), 1, Verdict.PASSED))
    text = render_summary(found)[0]
    assert "░" in text.splitlines()[1] and "100 %" not in text and "99 %" in text
    found.record(Outcome("399", 1, Verdict.PASSED))
    assert "Every check passes" in render_summary(found)[0]
    assert "100 %" in render_summary(found)[0]


def test_the_summary_before_anything_ran_or_without_keys() -> None:
    assert "No check has been run yet" in render_summary(card())[0]
    assert "No fingerprints for lab9" in render_summary(Scorecard(lab="lab9"))[0]
    page(render_summary(Scorecard())[1])


def test_another_lab_begins_anew() -> None:
    found = card(Outcome("size", 2, Verdict.PASSED))
    found.open("lab3", "es", KEYS)
    assert "2/9" in render_summary(found)[0]
    found.open("lab4", "es", KEYS)
    assert "0/9" in render_summary(found)[0]


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("background", ["#ffffff", "#383838", "#1e1e1e", "#111111"])
def test_the_bars_are_seen_on_light_and_dark_pages(background: str) -> None:
    for colour in COLOURS.values():
        one, other = sorted((luminance(colour), luminance(background)))
        assert (other + 0.05) / (one + 0.05) >= 3


# --- languages ---------------------------------------------------------------------------------


def test_a_reason_inside_a_reason_speaks_the_same_language() -> None:
    inner = Reason(
        "reason.case", {"right": 1, "total": 2, "first": 2, "why": Reason("reason.value")}
    )
    outer = Reason("reason.item", {"label": "x", "why": inner})
    assert outer.text("es") == "x: 1 de 2 casos están bien; caso 2: el valor no es el esperado"
    assert message("reason.raised", "en", error="{x}") == "raised {x}"
