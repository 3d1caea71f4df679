"""Marks come from the evidence of two notebooks, and from nothing else."""

import copy
import json
import math
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from nbformat import NotebookNode, v4

from grading.answers.canonical import canonical
from grading.answers.encoding import encode
from grading.answers.evidence import (
    MAX_NUMBERS_SENT,
    MIME,
    Answer,
    Evidence,
    Reference,
    Spec,
    answer_of,
    sketch,
)
from grading.cells.metadata import grade_id
from grading.judging.judge import (
    BadReference,
    Judgement,
    compare_answers,
    compare_values,
    judge,
    metric_limit,
    reference_evidence,
)
from grading.messages import Title, languages
from grading.session import keyfile
from grading.session.fingerprint import fingerprint, matches
from tests.values import (
    ARRAYS,
    COMPUTATIONS,
    FLOATS,
    JSON_VALUES,
    SHAPES,
    TREES,
    fast_hashes,
    mutations,
)


@pytest.fixture(autouse=True, scope="module")
def _fast() -> Iterator[None]:
    with fast_hashes():
        yield


# --- notebooks made of evidence ----------------------------------------------------------------


def check_cell(grade_id: str, *outputs: Any, **flags: bool) -> NotebookNode:
    """An executed check cell; an output that is no output is the payload of one."""
    cell = v4.new_code_cell("tick.value(...)")
    cell.metadata.nbgrader = {"grade_id": grade_id, "grade": True, "solution": False} | flags
    cell.outputs = [
        output if isinstance(output, dict) and "output_type" in output else shown(output)
        for output in outputs
    ]
    return cell


def shown(payload: Any, kind: str = "display_data") -> NotebookNode:
    data = {MIME: payload, "text/plain": "evidence"}
    return NotebookNode({"output_type": kind, "data": data, "metadata": {}})


def book(*cells: NotebookNode) -> NotebookNode:
    """A notebook that nobody has validated."""
    return NotebookNode(nbformat=4, nbformat_minor=5, metadata=NotebookNode(), cells=list(cells))


def notebook(**cells: list[Any]) -> NotebookNode:
    return book(*(check_cell(name, *outputs) for name, outputs in cells.items()))


def value(label: str, answer: Any, **terms: Any) -> Reference:
    spec = Spec(**{"marks": 2.0} | terms)
    return Reference(label, "value", (answer_of(answer, seed="s"),), spec=spec)


def of_cell(judgement: Judgement, cell: str) -> float:
    return sum(result.marks for result in judgement.results if result.cell == cell)


def sent(evidence: Evidence) -> dict[str, Any]:
    return json.loads(json.dumps(encode(evidence)))


def metric(label: str, outputs: Any, **terms: Any) -> Reference:
    defaults: dict[str, Any] = {
        "marks": 3.0,
        "metric": "rmse",
        "baseline_name": Title("the mean", {"es": "la media"}),
        "baseline": canonical([2.0, 2.0, 2.0]),
        "truth": canonical([1.0, 2.0, 3.0]),
    }
    answer = answer_of(outputs, seed="s", whole=True)
    return Reference(label, "metric", (answer,), spec=Spec(**defaults | terms))


CALL = Reference(
    "call",
    "call",
    (
        answer_of([1.0, 2.0], seed="s"),
        Answer(raised="ValueError", message="negative"),
        Answer(answer_of("x", seed="s").value, changed=(1,)),
    ),
    spec=Spec(4.0),
)
GROUP = Reference(
    "group",
    "group",
    (),
    (value("shape", [2, 3], marks=0), value("gates", [0.5, 0.25], marks=0)),
    spec=Spec(3.0),
)
PREDICTIONS = metric("metric", [1.0, 2.0, 2.9])
REFERENCE = notebook(
    one=[sent(value("number", 1.5)), sent(CALL)],
    two=[sent(GROUP), sent(PREDICTIONS), sent(value("text", "hello", marks=1.0))],
)
MAX_SCORE = 2.0 + 4.0 + 3.0 + 3.0 + 1.0


def outputs(**changes: list[Any]) -> NotebookNode:
    """The reference's own outputs as a submission would leave them, some cells replaced."""
    cells = {cell.metadata.nbgrader.grade_id: [*cell.outputs] for cell in REFERENCE.cells}
    return notebook(**cells | changes)


def reasons(judgement: Judgement) -> dict[str, str | None]:
    return {
        result.label: result.reason.key if result.reason else None for result in judgement.results
    }


def texts(judgement: Judgement) -> dict[str, str]:
    return {result.label: result.reason.text("en") for result in judgement.results if result.reason}


# --- the whole judgement -----------------------------------------------------------------------


def test_the_reference_itself_has_full_marks() -> None:
    judgement = judge(REFERENCE, outputs())
    assert judgement.score == judgement.max_score == MAX_SCORE
    assert of_cell(judgement, "one") == 6.0 and of_cell(judgement, "nothing") == 0.0
    assert [result.label for result in judgement.results] == [
        "number", "call", "group", "metric", "text",
    ]  # fmt: skip


def test_judging_is_pure() -> None:
    reference, submission = copy.deepcopy(REFERENCE), outputs(one=[sent(value("number", 9.0))])
    before = json.dumps([reference, submission], sort_keys=True)
    first, second = judge(reference, submission), judge(reference, submission)
    assert first == second
    assert json.dumps([reference, submission], sort_keys=True) == before


@pytest.mark.parametrize(
    ("cells", "lost"),
    [
        ({"one": []}, {"number": "reason.missing", "call": "reason.missing"}),
        ({"one": [sent(CALL)]}, {"number": "reason.missing"}),
        (
            {"one": [sent(value("number", 1.5)), sent(value("number", 1.5)), sent(CALL)]},
            {"number": "reason.repeated"},
        ),
        ({"one": [sent(CALL) | {"label": "number"}, sent(CALL)]}, {"number": "reason.other_check"}),
        (
            {"one": [sent(value("number", 1.5)) | {"v": 7}, sent(CALL)]},
            {"number": "reason.malformed"},
        ),
        ({"one": [sent(value("number", 1.6)), sent(CALL)]}, {"number": "reason.value_by"}),
        ({"one": [sent(value("number", "1.5")), sent(CALL)]}, {"number": "reason.kind"}),
        ({"one": [None, {}, 3, "x", sent(value("number", 1.5)), sent(CALL)]}, {}),
        ({"one": [sent(value("other", 0)), sent(value("number", 1.5)), sent(CALL)]}, {}),
    ],
    ids=str,
)
def test_each_check_scores_on_its_own(cells: dict[str, list[Any]], lost: dict[str, str]) -> None:
    found = reasons(judge(REFERENCE, outputs(**cells)))
    assert {label: key for label, key in found.items() if key} == lost


def test_evidence_counts_only_from_its_own_check_cell() -> None:
    everything = [output for cell in REFERENCE.cells for output in cell.outputs]
    elsewhere = v4.new_code_cell("...", outputs=everything)
    ungraded = check_cell("one", *everything, grade=False)
    answer = check_cell("one", *everything, solution=True)
    prose = v4.new_markdown_cell("...", metadata=ungraded.metadata)
    empty = [check_cell("one"), check_cell("two")]
    for other in (elsewhere, ungraded, answer, prose, check_cell("three", *everything)):
        submission = book(other, *empty)
        assert judge(REFERENCE, submission).score == 0
    swapped = notebook(one=REFERENCE.cells[1].outputs, two=REFERENCE.cells[0].outputs)
    assert set(reasons(judge(REFERENCE, swapped)).values()) == {"reason.missing"}


def test_a_second_cell_with_a_check_s_id_repeats_its_evidence() -> None:
    submission = book(*outputs().cells, *outputs().cells)
    assert set(reasons(judge(REFERENCE, submission)).values()) == {"reason.repeated"}


def test_only_displayed_outputs_are_evidence() -> None:
    stream = v4.new_output("stream", text="x")
    error = v4.new_output("error", ename="E", evalue="", traceback=[])
    results = [shown(output.data[MIME], "execute_result") for output in REFERENCE.cells[0].outputs]
    submission = outputs(one=[stream, error, *results])
    assert of_cell(judge(REFERENCE, submission), "one") == 0


@pytest.mark.parametrize("data", [None, [MIME], "text", 3, {}])
def test_outputs_of_any_shape(data: Any) -> None:
    output = NotebookNode({"output_type": "display_data", "data": data, "metadata": {}})
    odd = NotebookNode({"output_type": "display_data"})
    assert of_cell(judge(REFERENCE, outputs(one=[output, odd])), "one") == 0


def test_a_submission_s_own_terms_are_ignored() -> None:
    greedy = [
        sent(value("number", 9.0, marks=1000.0, tol=1e9)),
        sent(CALL) | {"spec": {"marks": 1e9}},
    ]
    judgement = judge(REFERENCE, outputs(one=greedy))
    assert of_cell(judgement, "one") == 4.0 and judgement.max_score == MAX_SCORE
    easier = metric(
        "metric", [9.0, 9.0, 9.0], truth=canonical([9.0, 9.0, 9.0]), baseline=canonical([0.0] * 3)
    )
    two = [sent(GROUP), sent(easier), sent(value("text", "hello"))]
    assert reasons(judge(REFERENCE, outputs(two=two)))["metric"] == "reason.metric"


PAYLOADS = [output.data[MIME] for cell in REFERENCE.cells for output in cell.outputs]


@pytest.mark.slow
@settings(max_examples=200)
@given(st.lists(st.one_of(mutations(PAYLOADS), JSON_VALUES), max_size=4), st.booleans())
def test_nothing_that_a_submission_sends_raises(payloads: list[Any], beside: bool) -> None:
    more = [*REFERENCE.cells[1].outputs] if beside else []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        judgement = judge(REFERENCE, outputs(one=payloads, two=[*payloads, *more]))
    assert 0 <= judgement.score <= judgement.max_score == MAX_SCORE
    for result in judgement.results:
        assert result.marks in (0.0, result.max)
        assert (result.reason is None) == (result.marks == result.max)
        for lang in languages():
            assert result.reason is None or "\n" not in result.reason.text(lang)


EVERY = [(cell, at) for cell in REFERENCE.cells for at in range(len(cell.outputs))]


@pytest.mark.slow
@settings(max_examples=200)
@given(st.data())
def test_evidence_that_cannot_be_read_costs_its_own_check(data: st.DataObject) -> None:
    changed, at = data.draw(st.sampled_from(EVERY))
    payload = data.draw(mutations([changed.outputs[at].data[MIME]]))
    labels = [output.data[MIME]["label"] for output in changed.outputs]
    mine = labels.pop(at)
    assume(not (isinstance(payload, dict) and payload.get("label") in labels))
    submission = copy.deepcopy(REFERENCE)
    cell = next(one for one in submission.cells if grade_id(one) == grade_id(changed))
    cell.outputs[at] = shown(payload)
    for result in judge(REFERENCE, submission).results:
        assert result.label == mine or result.reason is None


@pytest.mark.parametrize(
    "shape",
    [[1] * 63 + [3], [1] * 33, [0, 2**47, 2**47], [2**47] * 10 + [0], [0, 2**40], [2**48], [-1]],
    ids=str,
)
@pytest.mark.parametrize("label", ["number", "metric", "call"])
def test_an_absurd_shape_costs_its_own_check(label: str, shape: list[int]) -> None:
    submission = copy.deepcopy(REFERENCE)
    payloads = [output.data[MIME] for cell in submission.cells for output in cell.outputs]
    (payload,) = (one for one in payloads if one["label"] == label)
    for answer in payload["answers"]:
        if "value" in answer:
            answer["value"]["shape"] = shape
            if 0 in shape:
                answer["value"]["npy"] = encode(value("x", np.zeros(0)))["answers"][0]["value"][
                    "npy"
                ]
                answer["value"]["kind"] = "float"
    lost = [result.label for result in judge(REFERENCE, submission).results if result.reason]
    assert lost == [label]


def test_what_nobody_foresaw_costs_its_own_check(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("grading.judging.judge._score", broken)
    results = judge(REFERENCE, REFERENCE).results
    assert {result.label for result in results if result.reason} == {"metric"}
    (why,) = (result.reason.text("en") for result in results if result.reason)
    assert "ZeroDivisionError" in why


# --- why a name is not there -------------------------------------------------------------------


def failed(source: str, error: str, text: str, name: str = "") -> NotebookNode:
    cell = v4.new_code_cell(source)
    cell.outputs = [v4.new_output("error", ename=error, evalue=text, traceback=[])]
    if name:
        cell.metadata.nbgrader = {"grade_id": name, "grade": False, "solution": True}
    return cell


def undefined(name: str) -> str:
    return f"name '{name}' is not defined"


SHAPES_DIFFER = ("ValueError", "shapes (3,) and (4,)")
TRAINS = failed("cost = train(x)", *SHAPES_DIFFER, name="train")
LACKS_COST = Answer(raised="NameError", message=undefined("cost"))


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        ([], "not done yet: name 'cost' is not defined"),
        ([TRAINS], "'cost' is not defined, because cell 1 (train) raised ValueError: shapes"),
        (
            [failed("cost = half(cost_of)", "NameError", undefined("half"))],
            "'cost' is not defined, because cell 1 raised NameError: name 'half' is not defined",
        ),
        (
            [
                failed("def half(): pass\n1 / 0", "ZeroDivisionError", "division by zero"),
                failed("print(cost)", "NameError", undefined("cost")),
                failed("cost = half()", "NameError", undefined("half")),
            ],
            "'cost' is not defined, because cell 1 raised ZeroDivisionError: division by zero",
        ),
        (
            [failed("raise NotImplementedError('Train') # cost", "NotImplementedError", "Train")],
            "not done yet: Train",
        ),
        ([failed("costs = cost_of()", *SHAPES_DIFFER)], "not done yet: name 'cost'"),
        ([failed("print(cost)", "NameError", undefined("cost"))], "not done yet: name 'cost'"),
    ],
)
@pytest.mark.parametrize("check", ["value", "call", "group"])
def test_a_reason_names_the_cell_that_did_not_get_to_a_name(
    cells: list[NotebookNode], why: str, check: str
) -> None:
    reference = {
        "value": value("v", 1.0),
        "call": Reference("v", "call", CALL.answers, spec=Spec(1.0)),
        "group": Reference("v", "group", (), (value("in it", 1.0, marks=0.0),), spec=Spec(1.0)),
    }[check]
    evidence = Evidence("v", check, (LACKS_COST,) * max(1, len(reference.answers)))
    checked = notebook(one=[sent(evidence)]).cells
    solution = notebook(one=[sent(reference)])
    (result,) = judge(solution, book(*cells, *checked, TRAINS)).results
    assert result.reason is not None and why in result.reason.text("en")
    assert result.reason.text("es")


# --- calls and groups --------------------------------------------------------------------------


def call(*answers: Answer) -> NotebookNode:
    return outputs(one=[sent(value("number", 1.5)), sent(Evidence("call", "call", answers))])


def test_a_call_needs_every_case() -> None:
    wrong = answer_of([1.0, 2.5], seed="s")
    judgement = judge(REFERENCE, call(wrong, *CALL.answers[1:]))
    assert texts(judgement) == {
        "call": "2 of 3 cases are right; case 1: 1 of 2 values differ, the first at [1]; "
        "the largest difference, 0.5, is at [1]"
    }


@pytest.mark.parametrize(
    ("case", "answer", "why"),
    [
        (1, Answer(raised="TypeError"), "expected ValueError to be raised, found TypeError"),
        (1, answer_of(1, seed="s"), "expected ValueError to be raised"),
        (1, Answer(raised="ValueError", message="put otherwise"), None),
        (0, Answer(raised="KeyError", message="'x'"), "raised KeyError: 'x'"),
        (0, Answer(raised="NotEvidence", message="m"), "this value cannot be checked: m"),
        (2, answer_of("x", seed="s"), "the function should change its argument 2 in place"),
        (
            2,
            Answer(answer_of("x", seed="s").value, changed=(0, 1)),
            "the function changes its input in place (argument 1); work on a copy",
        ),
    ],
)
def test_exceptions_and_changes_are_part_of_an_answer(
    case: int, answer: Answer, why: str | None
) -> None:
    answers = list(CALL.answers)
    answers[case] = answer
    found = texts(judge(REFERENCE, call(*answers)))
    expected = f"2 of 3 cases are right; case {case + 1}: {why}"
    assert found == ({"call": expected} if why else {})


def test_what_is_not_done_yet_is_said_plainly() -> None:
    stub = Answer(raised="NotImplementedError", message="Complete call()")
    assert texts(judge(REFERENCE, call(stub, stub, stub))) == {
        "call": "not done yet: Complete call()"
    }
    no_cases = Answer(raised="NameError", message="name 'vocabulary' is not defined")
    assert texts(judge(REFERENCE, call(no_cases))) == {
        "call": "not done yet: name 'vocabulary' is not defined"
    }
    assert texts(judge(REFERENCE, call(*CALL.answers[:2]))) == {
        "call": "raised ValueError: negative"
    }
    one = answer_of(1, seed="s")
    assert texts(judge(REFERENCE, call(one, one))) == {"call": "expected 3 answers, found 2"}


@pytest.mark.parametrize(
    ("items", "stopped", "why"),
    [
        (GROUP.items, (), None),
        (GROUP.items[::-1], (), None),
        ((*GROUP.items, value("more", 1)), (), None),
        (GROUP.items[:1], (), "gates: no evidence: the check did not run to this point"),
        (
            GROUP.items[:1],
            (Answer(raised="KeyError", message="'w'"),),
            "gates: raised KeyError: 'w'",
        ),
        (GROUP.items, (Answer(raised="KeyError", message="'w'"),), "raised KeyError: 'w'"),
        (
            (GROUP.items[0], value("gates", [0.5, 0.3])),
            (),
            "gates: 1 of 2 values differ, the first at [1]; "
            "the largest difference, 0.05, is at [1]",
        ),
        (
            (*GROUP.items, GROUP.items[0]),
            (),
            "shape: evidence was left more than once under this label",
        ),
    ],
    ids=str,
)
def test_a_group_is_all_or_nothing(
    items: tuple[Evidence, ...], stopped: tuple[Answer, ...], why: str | None
) -> None:
    group = Evidence("group", "group", stopped, items)
    two = [sent(group), sent(PREDICTIONS), sent(value("text", "hello"))]
    assert texts(judge(REFERENCE, outputs(two=two))) == ({"group": why} if why else {})


# --- metrics -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("predictions", "key"),
    [
        ([1.0, 2.0, 3.0], None),
        ([1.2, 2.1, 2.8], None),
        ([1, 2, 3], None),
        ([2.0, 2.0, 2.0], "reason.metric"),
        ([3.0, 2.0, 1.0], "reason.metric"),
        ([1e308, -1e308, 0.0], "reason.metric"),
        ([1.0, 2.0], "reason.unscorable"),
        ([[1.0, 2.0, 3.0]], "reason.unscorable"),
        ([1.0, 2.0, math.nan], "reason.unscorable"),
        ([1.0, 2.0, math.inf], "reason.unscorable"),
        ([1.0, 2.0, 3.0 + 1j], "reason.unscorable"),
        (["1", "2", "3"], "reason.unscorable"),
        (None, "reason.unscorable"),
    ],
)
def test_predictions_are_judged_by_their_score(predictions: Any, key: str | None) -> None:
    two = [sent(GROUP), sent(metric("metric", predictions)), sent(value("text", "hello"))]
    judgement = judge(REFERENCE, outputs(two=two))
    assert reasons(judgement)["metric"] == key
    for lang in languages():
        assert all(
            result.reason is None or result.reason.text(lang) for result in judgement.results
        )


def test_a_baseline_is_called_by_its_name_in_each_language() -> None:
    worse = sent(metric("metric", [2.0, 2.0, 2.0], baseline_name=Title("free", {"es": "gratis"})))
    (lost,) = judge(notebook(two=[sent(PREDICTIONS)]), notebook(two=[worse])).results
    assert lost.reason is not None
    assert "between the 0.8165 of “the mean” and the 0.05774 of the ref" in lost.reason.text("en")
    assert "entre el 0.8165 de «la media» y el 0.05774 de la referencia" in lost.reason.text("es")


def test_the_limit_moves_with_the_reference() -> None:
    weak = metric("metric", [1.5, 2.0, 2.5])  # half as far from the truth as the baseline
    strong = metric("metric", [1.0, 2.0, 3.0])
    student = sent(metric("metric", [1.55, 2.0, 2.45]))
    assert metric_limit(strong)[0] < metric_limit(weak)[0]
    assert judge(notebook(two=[sent(weak)]), notebook(two=[student])).score == 3.0
    assert judge(notebook(two=[sent(strong)]), notebook(two=[student])).score == 0.0
    easy = notebook(two=[sent(metric("metric", [1.0, 2.0, 3.0], share=0.3))])
    assert judge(easy, notebook(two=[student])).score == 3.0


def test_predictions_that_raise() -> None:
    stub = Evidence("metric", "metric", (Answer(raised="NotImplementedError", message="Do it"),))
    assert texts(judge(notebook(two=[sent(PREDICTIONS)]), notebook(two=[sent(stub)]))) == {
        "metric": "not done yet: Do it"
    }


# --- references that nothing can be judged against ---------------------------------------------


def stated(evidence: Evidence, **terms: Any) -> Reference:
    return Reference(
        evidence.label,
        evidence.check,
        evidence.answers,
        evidence.items,
        spec=Spec(**{"marks": 1} | terms),
    )


NONE = Reference("none", "call", (), spec=Spec(1))
RAISED = stated(Evidence("r", "value", (Answer(raised="KeyError", message="'x'"),)))
STUB = stated(Evidence("s", "call", (Answer(raised="NotImplementedError", message="?"),)))


@pytest.mark.parametrize(
    ("payloads", "why"),
    [
        ([{"v": 1}], "expected one of value"),
        ([sent(value("x", 1)) | {"spec": None}], "expected a mapping as .spec"),
        ([sent(value("x", 1)), sent(value("x", 2))], "two checks of the lab are called 'x'"),
        ([sent(GROUP), sent(value("gates", 1))], "two checks of the lab are called 'gates'"),
        ([sent(NONE)], "has no cases"),
        ([sent(RAISED)], "raised KeyError"),
        ([sent(STUB)], "raised NotImplementedError"),
        ([sent(stated(Evidence("g", "group")))], "leaves no evidence"),
        ([sent(stated(Evidence("g", "group", (), (RAISED,))))], "raised KeyError"),
        ([sent(stated(Evidence("g", "group", (), (GROUP,))))], "no group inside a group"),
        (
            [sent(stated(Evidence("g", "group", (), (value("inner", 1),))))],
            "takes no marks of its own",
        ),
        (
            [sent(stated(Evidence("g", "group", (RAISED.answers[0],), GROUP.items)))],
            "raised KeyError",
        ),
        ([sent(metric("m", [2.0, 2.0, 2.0]))], "does not beat the mean"),
        ([sent(metric("m", [1.0, 2.0]))], "expected predictions of shape"),
        ([sent(metric("m", [1.0, 2.0, 3.0], metric="f1"))], "no metric 'f1'"),
        (
            [sent(metric("m", [1.0, 2.0, 3.0], truth=canonical(["a", "b"])))],
            "expected real numbers",
        ),
        ([sent(metric("m", [1.0, 2.0, 3.0], truth=None))], "lacks its metric's terms"),
        ([sent(metric("m", [1.0, 2.0, 3.0], baseline=canonical([1e308] * 3)))], "is not finite"),
        ([sent(value("x", 1.0, marks=1.0)) | {"label": ""}], "expected a label"),
    ],
)
def test_a_reference_that_cannot_be_judged_against(payloads: list[Any], why: str) -> None:
    with pytest.raises(BadReference, match=why) as caught:
        reference_evidence(notebook(one=payloads))
    assert "\n" not in str(caught.value)


def test_a_reference_may_raise_where_a_call_is_meant_to() -> None:
    assert len(reference_evidence(REFERENCE)) == 5


# --- values ------------------------------------------------------------------------------------


@given(TREES)
def test_every_value_is_itself(thing: Any) -> None:
    assert compare_values(canonical(thing), canonical(thing)) is None
    assert compare_values(canonical(thing), canonical(thing), tol=0.5) is None


@given(TREES, TREES, st.sampled_from([None, 0.5]))
@example(np.array([1.5e308 + 1.5e308j]), np.zeros(1, complex), None)  # whose distance overflows
def test_ticks_and_judge_agree_on_any_two_values(one: Any, other: Any, tol: float | None) -> None:
    reference = canonical(one)
    for thing in (other, {"a": other}):
        student = canonical(thing)
        judged = compare_values(reference, student, tol) is None
        assert matches(student, fingerprint(reference, tol)) == judged


@given(
    hnp.arrays(float, SHAPES, elements=FLOATS),
    st.one_of(st.none(), st.floats(1e-6, 1e3)),
    st.floats(-12, 6),
    st.integers(0, 2**32),
)
def test_ticks_and_judge_agree_near_the_tolerance(
    array: np.ndarray, tol: float | None, magnitude: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    noise = rng.uniform(-1, 1, array.shape) * 10.0**magnitude
    for things in ((array, array + noise), (array, array * (1 + noise))):
        for wrapped in (lambda a: a, lambda a: {"w": a, "n": 3}):
            reference, student = (canonical(wrapped(thing)) for thing in things)
            judged = compare_values(reference, student, tol) is None
            assert matches(student, fingerprint(reference, tol)) == judged


@given(ARRAYS, st.data())
def test_a_changed_element_is_found_and_named(array: np.ndarray, data: st.DataObject) -> None:
    if not array.size or array.dtype == bool:
        return
    changed = array.astype(complex if array.dtype.kind == "c" else float)
    if compare_values(canonical(array), canonical(changed)) is not None:
        return  # it has integers that no float holds
    place = data.draw(st.integers(0, array.size - 1))
    old = changed.flat[place]
    changed.flat[place] = 1.5 if not np.isfinite(old) else old / 2 + 1e-3
    if old == changed.flat[place] or abs(old - changed.flat[place]) < 1e-2 * np.nanmax(
        np.abs(np.nan_to_num(changed, posinf=0, neginf=0)), initial=0
    ):
        return
    reason = compare_values(canonical(array), canonical(changed))
    assert reason is not None
    if reason.key.startswith("reason.elements"):
        assert reason.values["wrong"] == 1
        assert tuple(reason.values["first"]) == np.unravel_index(place, array.shape)


@pytest.mark.parametrize(
    ("reference", "student", "why"),
    [
        (3, 4, "the value is not the expected one"),
        (3, "3", "expected a whole number, found text"),
        (3, None, "expected a whole number, found None (is a return missing?)"),
        ("a", 3, "expected text, found a whole number"),
        (2.5, 2.75, "the value is off by 0.25"),
        (2.5, float("nan"), "the value is not the expected one"),
        ("a", "b", "the text is not the expected one"),
        ({"a": 1}, [1], "expected a mapping, found whole numbers of shape (1,)"),
        ([1.5], [1.5, 2.5], "expected shape (1,), found (2,)"),
        ([[1, 2]], [1, 2], "expected shape (1, 2), found (2,)"),
        ([1, 2], [1.5, 2.5],
         "expected whole numbers of shape (2,), found real numbers of shape (2,)"),
        ([1, 2], [1, 3], "1 of 2 values differ, the first at [1]"),
        ([1.5, 2.5, 9.5], [1.5, 3.5, 9.0],
         "2 of 3 values differ, the first at [1]; the largest difference, 1, is at [1]"),
        ([1.5, 2.5, 3.5], [1.5, np.inf, 4.5],
         "2 of 3 values differ, the first at [1]; the largest difference, 1, is at [2]"),
        ([1.5, 2.5], [1.5, np.nan], "1 of 2 values differ, the first at [1]"),
        ([1j, 2j], [1j, 5j + 4],
         "1 of 2 values differ, the first at [1]; the largest difference, 5, is at [1]"),
        ([True, False], [1, 2],
         "expected truth values of shape (2,), found whole numbers of shape (2,)"),
        ({"a": 1.5}, {"a": 1.625}, "['a']: the value is off by 0.125"),
        ({"a": True, "b": [True, False]}, {"a": True, "b": [True, True]},
         "['b']: 1 of 2 values differ, the first at [1]"),
        ([{"n": 3, "w": [1.0, 2.0]}, "x"], [{"n": 3, "w": [1.0, 4.0]}, "x"],
         "[0]['w']: 1 of 2 values differ, the first at [1]; the largest difference, 2, is at [1]"),
        ({"a": "x", ("b", 2): 1j}, {"a": "x", ("b", 2): 2j},
         "[('b', 2)]: the value is off by 1"),
        ({"a": "x", 3: "y"}, {"a": "x"}, "3 is not there"),
        ({"a": "x"}, {"a": "x", "b": "y"}, "'b' should not be there"),
        ({"a": ["x"]}, {"a": ["x", "y"]}, "['a']: expected 1 elements, found 2"),
        ({"a": "x"}, {"a": ["x"]}, "['a']: expected text, found a list"),
        (["x", [1, 2]], ["x", [[1, 2]]], "[1]: expected shape (2,), found (1, 2)"),
        (["x", [1, 2]], ["x", [1.5, 2]], "the content is not the expected one"),
        (["x", 2**70], ["x", 2**71], "[1]: the value is not the expected one"),
        ({"x", "y"}, {"x", "z"}, "the value is not the expected one"),
    ],
)  # fmt: skip
def test_a_difference_is_told_without_the_answer(reference: Any, student: Any, why: str) -> None:
    reason = compare_values(canonical(reference), canonical(student))
    assert reason is not None and reason.text("en") == why
    assert reason.text("es") and reason.text("es") != why


# --- large values ------------------------------------------------------------------------------

LARGE = MAX_NUMBERS_SENT + 1000


def compared(reference: Any, student: Any, tol: float | None = None) -> str | None:
    """The judge's reason for two large values, after making sure that a tick would agree."""
    one, other = answer_of(reference, seed="s"), answer_of(student, seed="s")
    reason = compare_answers(one, other, Spec(1, tol))
    entry = keyfile.entry_of_answers((one,), tol)["answers"][0]
    assert keyfile.agrees(other, entry) == (reason is None)
    return reason.key if reason else None


def test_large_arrays_of_real_numbers() -> None:
    rng = np.random.default_rng(1)
    array = rng.normal(size=(LARGE, 2))
    assert compared(array, array.astype(np.float32)) is None
    assert compared(array, array.tolist()) is None
    assert compared(array, array + 0.0099 * rng.choice([-1, 1], array.shape), tol=0.01) is None
    assert compared(array, array + 0.0099, tol=0.01) is None
    assert compared(array, array.T) == "reason.shape"
    assert compared(array, array.reshape(-1)) == "reason.shape"
    assert compared(array, array[1:]) == "reason.shape"
    assert compared(array, array[::-1]) == "reason.projection"
    assert compared(array, array * 1j) == "reason.kind"
    assert compared(array, "text") == "reason.kind"
    for _ in range(5):
        one, other = rng.choice(LARGE, 2, replace=False)
        changed = array.copy()
        changed[one, 1] += 0.3
        assert compared(array, changed) == "reason.projection"
        changed = array.copy()
        changed[one], changed[other] = array[other] + 0.5, array[one]
        assert compared(array, changed) == "reason.projection"
    special = array.copy()
    special[7, 0] = np.nan
    assert compared(special, special) is None
    assert compared(special, array) == "reason.projection"
    special[7, 0], moved = np.inf, array.copy()
    moved[8, 0] = np.inf
    assert compared(special, moved) == "reason.projection"


def test_large_arrays_of_whole_numbers_are_exact() -> None:
    array = np.random.default_rng(2).integers(-(2**40), 2**40, LARGE)
    assert compared(array, array.astype(float)) is None
    assert compared(array.astype(float), array) is None
    changed = array.copy()
    changed[5] += 1
    assert compared(array, changed) == "reason.projection"
    assert compared(array, array + 0.5) == "reason.projection"
    flags = array > 0
    assert compared(flags, flags.astype(int)) is None
    flipped = flags.copy()
    flipped[5] ^= True
    assert compared(flags, flipped) == "reason.projection"


def test_large_structures() -> None:
    def structure(**changes: Any) -> dict[str, Any]:
        numbers = np.arange(LARGE)
        parts = {"name": "word", "ids": numbers, "vectors": numbers / 7, "loss": 0.5}
        return parts | changes

    moved = np.roll(np.arange(LARGE), 1)
    assert compared(structure(), structure(vectors=np.arange(LARGE) / np.float32(7))) is None
    assert compared(structure(), structure(vectors=moved / 7)) == "reason.projection"
    assert compared(structure(), structure(ids=moved)) == "reason.projection"
    assert compared(structure(), structure(name="worse")) == "reason.structure"
    assert compared(structure(), structure(loss=np.inf)) == "reason.projection"
    assert compared(structure(), structure(more=1)) == "reason.structure"
    assert compared(structure(), np.arange(3 * LARGE)) == "reason.kind"


@pytest.mark.parametrize("name", sorted(COMPUTATIONS))
@pytest.mark.parametrize("shape", [(3, 4), (60, 50), (300, 200)])
def test_float32_has_the_marks_of_float64(name: str, shape: tuple[int, int]) -> None:
    x = np.random.default_rng(3).normal(size=shape).astype(np.float32)
    single, double = COMPUTATIONS[name](x), COMPUTATIONS[name](x.astype(np.float64))
    assert compared(double, single) is None
    assert compared(single, double) is None


def test_numbers_near_the_largest_float() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for numbers in (np.full(LARGE, 1.7e308), np.array([1e308, -1e308] * LARGE)):
            assert compared(numbers, numbers * (1 - 1e-9)) is None
            assert compared(numbers, numbers * 0.5) == "reason.projection"
            assert sketch(canonical(numbers), "s").scale > 1e307
        assert compare_values(canonical([1e308, 1.0]), canonical([-1e308, 1.0])) is not None


# --- scores that are too good ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("best", "found", "is_flagged"),
    [
        ([1.0, 2.0, 2.6], [1.0, 2.0, 2.6], False),
        ([1.0, 2.0, 2.6], [1.0, 2.0, 2.8], False),  # half of the error
        ([1.0, 2.0, 2.6], [1.0, 2.0, 2.92], True),
        ([1.0, 2.0, 2.6], [1.0, 2.0, 3.0], True),  # what came in went out again
        ([1.0, 2.0, 2.6], [2.0, 2.0, 2.0], False),  # earns nothing anyway
        ([1.0, 2.0, 2.9], [1.0, 2.0, 3.0], False),  # the reference is nearly perfect, too
        ([1.0, 2.0, 3.0], [1.0, 2.0, 3.0], False),  # the reference is perfect, too
    ],
)
def test_a_score_far_beyond_the_reference_is_flagged(
    best: list[float], found: list[float], is_flagged: bool
) -> None:
    reference = notebook(one=[sent(metric("fit", best))])
    judgement = judge(reference, notebook(one=[sent(metric("fit", found))]))
    flags = [flag.text(lang) for flag in judgement.flags for lang in ("en", "es")]
    assert [("fit" in flag and "rmse" in flag) for flag in flags] == [True, True] * is_flagged
    assert judgement.score == (0.0 if found == [2.0, 2.0, 2.0] else 3.0)


def test_a_share_far_beyond_the_reference_is_flagged_in_a_group_too() -> None:
    terms = {
        "metric": "accuracy", "marks": 0.0, "truth": canonical([0, 1, 2, 3, 4, 5, 6, 7]),
        "baseline": canonical([0] * 8),
    }  # fmt: skip

    def group(answer: list[int]) -> NotebookNode:
        item = metric("classes", answer, **terms)
        return notebook(one=[sent(Reference("all", "group", (), (item,), spec=Spec(1.0)))])

    reference = group([0, 1, 2, 3, 0, 0, 0, 0])
    assert not judge(reference, group([0, 1, 2, 3, 4, 0, 0, 0])).flags
    (flag,) = judge(reference, group([0, 1, 2, 3, 4, 5, 6, 7])).flags
    assert flag.key == "flag.too_good"
