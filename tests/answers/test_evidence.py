"""Evidence survives its journey as JSON; anything else is `MalformedEvidence`."""

import base64
import copy
import io
import json
import pickle
import tracemalloc
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grading.answers.canonical import Canonical, NotEvidence, canonical
from grading.answers.decoding import MalformedEvidence, decode, decode_reference, label_of
from grading.answers.encoding import decode_inputs, encode, encode_inputs
from grading.answers.evidence import (
    MAX_ANSWERS,
    MAX_LABEL,
    MAX_MESSAGE,
    MAX_NUMBERS_SCORED,
    MAX_NUMBERS_SENT,
    MAX_TEXT,
    SKETCH_BLOCKS,
    SKETCH_ROWS,
    Answer,
    Evidence,
    Reference,
    Sketch,
    Spec,
    answer_of,
)
from grading.messages import Title
from tests.values import JSON_VALUES, TREES, mutations


def journey(evidence: Evidence, read: Callable[[Any], Evidence] = decode) -> Evidence:
    """Return evidence as it comes out of a notebook's JSON."""
    return read(json.loads(json.dumps(encode(evidence))))


def of(*values: Any, check: str = "value", label: str = "x") -> Evidence:
    return Evidence(label, check, tuple(answer_of(value, seed="s") for value in values))


@given(TREES, st.text(min_size=1, max_size=MAX_LABEL))
def test_a_value_survives_the_journey(value: Any, label: str) -> None:
    sent = of(value, label=label)
    found = journey(sent)
    one, other = sent.answers[0].value, found.answers[0].value
    assert isinstance(one, Canonical) and isinstance(other, Canonical)
    assert (found.label, found.check) == (label, "value")
    assert (one.kind, one.shape, one.exact, one.types) == (
        other.kind,
        other.shape,
        other.exact,
        other.types,
    )
    assert one.numbers.dtype == other.numbers.dtype
    np.testing.assert_array_equal(one.numbers, other.numbers)


def test_exceptions_changes_and_groups_survive_the_journey() -> None:
    inner = Evidence("inner", "call", (Answer(raised="ValueError", message="no", changed=(0, 2)),))
    found = journey(Evidence("outer", "group", (Answer(raised="KeyError"),), (inner,)))
    assert [item.label for item in found.items] == ["inner"]
    answer = found.items[0].answers[0]
    assert (answer.raised, answer.message, answer.changed) == ("ValueError", "no", (0, 2))
    assert found.answers[0].raised == "KeyError"


def test_only_a_trusted_notebook_has_a_spec() -> None:
    mean = Title("mean", {"es": "media", "en": "mean"})
    spec = Spec(2.5, 0.1, "rmse", 0.4, mean, canonical([0.0, 0.0]), canonical([1, 2]), [1, "a"])
    sent = Reference("x", "metric", (answer_of([1.0, 2.0], seed="s", whole=True),), spec=spec)
    assert not isinstance(journey(sent), Reference)
    found = decode_reference(json.loads(json.dumps(encode(sent)))).spec
    assert found.truth is not None
    assert (found.marks, found.tol, found.metric, found.share) == (2.5, 0.1, "rmse", 0.4)
    assert (found.baseline_name, found.inputs) == (mean, [1, "a"])
    assert found.truth.numbers.tolist() == [1, 2]


def test_a_large_array_is_sent_as_a_sketch() -> None:
    rng = np.random.default_rng(0)
    array = rng.normal(size=(MAX_NUMBERS_SENT + 1, 1))
    array[3] = np.nan
    sent = of(array, check="array")
    assert len(json.dumps(encode(sent))) < 100_000
    found = journey(sent).answers[0].value
    assert isinstance(found, Sketch) and not found.is_exact
    assert (found.kind, found.shape, found.size) == ("float", array.shape, array.size)
    assert found.scale == pytest.approx(1, rel=0.05)
    assert found.sums.size == SKETCH_ROWS * SKETCH_BLOCKS
    assert isinstance(of(array[:-1]).answers[0].value, Canonical)


@pytest.mark.parametrize(
    "value",
    [
        np.arange(30_000),
        np.arange(30_000) % 2 == 0,
        np.arange(30_000) * 1j,
        {"a": [[float(i)] * (1 + i % 2) for i in range(20_000)], "b": list(range(9))},
    ],
    ids=["int", "bool", "complex", "tree"],
)
def test_large_values_of_every_kind_survive_the_journey(value: Any) -> None:
    sent = of(value).answers[0].value
    found = journey(of(value)).answers[0].value
    assert isinstance(sent, Sketch) and isinstance(found, Sketch)
    assert (sent.kind, sent.exact, sent.whole, sent.specials, sent.size, sent.scale) == (
        found.kind,
        found.exact,
        found.whole,
        found.specials,
        found.size,
        found.scale,
    )
    np.testing.assert_array_equal(sent.sums, found.sums)


def test_a_complex_array_is_sent_whole_where_a_real_one_of_its_size_is() -> None:
    assert isinstance(of(np.ones(MAX_NUMBERS_SENT) * 1j).answers[0].value, Canonical)
    assert journey(of(np.ones(MAX_NUMBERS_SENT) * 1j)).answers[0].value is not None


def test_predictions_are_sent_whole_or_not_at_all() -> None:
    predictions = np.zeros((MAX_NUMBERS_SENT, 2))
    answer = answer_of(predictions, seed="s", whole=True)
    found = journey(Evidence("x", "predictions", (answer,))).answers[0].value
    assert isinstance(found, Canonical) and found.shape == predictions.shape
    with pytest.raises(NotEvidence, match="fewer numbers, found 1,000,001 > 1,000,000"):
        answer_of(np.zeros(MAX_NUMBERS_SCORED + 1), seed="s", whole=True)


def test_long_text_is_sent_as_its_hash() -> None:
    one, other = "a" * (MAX_TEXT + 1), "a" * MAX_TEXT + "b"
    first, second = of(one).answers[0].value, of(other).answers[0].value
    assert first is not None and second is not None and first.exact != second.exact
    found = journey(of(one)).answers[0].value
    assert found is not None and found.exact == first.exact and len(first.exact) == 64


@pytest.mark.parametrize(
    "inputs", ["a text", 3, 2.5, [1, "b", [2.0]], np.arange(6).reshape(2, 3), np.array(["a", "b"])]
)
def test_hidden_inputs_survive_the_journey(inputs: Any) -> None:
    found = decode_inputs(json.loads(json.dumps(encode_inputs(inputs))))
    assert type(found) is type(inputs)
    if isinstance(inputs, np.ndarray):
        np.testing.assert_array_equal(found, inputs)
    else:
        assert found == inputs


def test_hidden_inputs_are_fresh_each_time() -> None:
    encoded = encode_inputs((np.zeros(3), np.int64(2)))
    decode_inputs(encoded)[0][:] = 7
    assert decode_inputs(encoded)[0].tolist() == [0, 0, 0]
    assert decode_inputs(encoded)[1] == 2


def test_hidden_inputs_that_cannot_be_sent_are_refused() -> None:
    with pytest.raises(NotEvidence, match=r"expected hidden inputs .* found dict"):
        encode_inputs({"a": 1})


# --- malformed ---------------------------------------------------------------------------------


def valid_payloads() -> list[dict[str, Any]]:
    inner = Evidence("inner", "array", (answer_of([[1.5, 2.0]], seed="s"),))
    spec = Spec(1, 0.5, "rmse", 0.5, Title("b"), canonical([0.0]), canonical([1.0]), None)
    return [
        encode(evidence)
        for evidence in (
            of(1.5),
            of(3, True, 2 + 1j, "text", {"a": [1, 2.5]}, np.zeros((2, 0)), check="call"),
            of(np.arange(20_000) / 7, check="array"),
            Evidence("g", "group", (Answer(raised="KeyError", message="k"),), (inner,)),
            Reference("m", "metric", (answer_of([1.0], seed="s", whole=True),), spec=spec),
        )
    ]


VALID = valid_payloads()


@settings(max_examples=300)
@given(st.one_of(JSON_VALUES, mutations(VALID)), st.sampled_from([decode, decode_reference]))
def test_whatever_comes_is_evidence_or_malformed(
    payload: Any, read: Callable[[Any], Evidence]
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            evidence = read(payload)
        except MalformedEvidence as error:
            assert len(str(error)) < 400 and "\n" not in str(error)
            return
    again = journey(evidence, read)
    assert encode(again) == encode(evidence) or "NaN" in json.dumps(encode(evidence))


def npy(array: Any, **options: Any) -> str:
    stream = io.BytesIO()
    np.save(stream, array, **options)
    return base64.b64encode(stream.getvalue()).decode()


def header(text: str, body: bytes = b"", version: bytes = b"\x01\x00") -> str:
    padded = text.ljust(117) + "\n"
    raw = b"\x93NUMPY" + version + len(padded).to_bytes(2, "little") + padded.encode() + body
    return base64.b64encode(raw).decode()


class Exploit:
    """Would be seen if anything unpickled it."""

    used = False

    def __reduce__(self) -> Any:
        return (setattr, (Exploit, "used", True))


WORDS = "{'descr': '%s', 'fortran_order': %s, 'shape': %s, }"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not base64!",
        "AAAA",
        "ñ",
        npy(np.zeros(1))[:-8],
        npy(np.zeros(1))[:40],
        npy(np.zeros(2)),
        npy(np.zeros((1, 1))),
        npy(np.zeros(())),
        npy(np.zeros(1, dtype=np.float32)),
        npy(np.zeros(1, dtype=">f8")),
        npy(np.zeros(1, dtype=np.int64)),
        npy(np.zeros(1, dtype=np.complex128)),
        npy(np.array(["a"])),
        npy(np.array([None], dtype=object)),
        npy(np.array([Exploit()], dtype=object)),
        npy(np.zeros(1, dtype=[("a", "<f8")])),
        base64.b64encode(pickle.dumps(Exploit())).decode(),
        header(WORDS % ("<f8", "False", "(1,)"), bytes(8), version=b"\x02\x00"),
        header(WORDS % ("<f8", "True", "(1,)"), bytes(8)),
        header(WORDS % ("<f8", "False", "(999999999,)"), bytes(8)),
        header(WORDS % ("<f8", "False", "(-1,)"), bytes(8)),
        header(WORDS % ("<f8", "False", "(" + "(" * 60), bytes(8)),
        header(WORDS % ("|O", "False", "(1,)"), pickle.dumps(Exploit())),
        header("{'descr': __import__('os').abort()}", bytes(8)),
        header("[" * 100, bytes(8)),
        header("-" * 110 + "1", bytes(8)),
        header(WORDS % ("<f8", "False", "(1,)") + "'", bytes(8)),
        npy(np.zeros(MAX_NUMBERS_SENT + 1)),
    ],
)
def test_only_a_plain_vector_is_read(text: str) -> None:
    payload = copy.deepcopy(VALID[0])
    payload["answers"][0]["value"]["npy"] = text
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(MalformedEvidence, match=r"^expected "):
            decode(payload)
    assert not Exploit.used


def at(payload: Any, path: str, value: Any) -> Any:
    """Return a payload with one thing in it replaced; removed where the value is ``...``."""
    changed = copy.deepcopy(payload)
    *parents, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    parent = changed
    for part in parents:
        parent = parent[part]
    if value is ...:
        del parent[last]
    else:
        parent[last] = value
    return changed


@pytest.mark.parametrize(
    ("which", "path", "value"),
    [
        (0, "v", ...),
        (0, "v", 2),
        (0, "v", 1.0),
        (0, "v", True),
        (0, "v", "1"),
        (0, "check", "exam"),
        (0, "check", ["value"]),
        (0, "check", "group"),
        (0, "label", ""),
        (0, "label", "x" * (MAX_LABEL + 1)),
        (0, "label", 1),
        (0, "answers", ...),
        (0, "answers", {}),
        (0, "answers", [VALID[0]["answers"][0]] * (MAX_ANSWERS + 1)),
        (0, "answers.0", "1.5"),
        (0, "answers.0", {}),
        (0, "answers.0.changed", [True]),
        (0, "answers.0.changed", [1.0]),
        (0, "answers.0.changed", [-1]),
        (0, "answers.0.changed", [10**9]),
        (0, "answers.0.changed", [0] * (MAX_ANSWERS + 1)),
        (0, "answers.0.value", None),
        (0, "answers.0.value.kind", "object"),
        (0, "answers.0.value.kind", ["float"]),
        (0, "answers.0.value.kind", "int"),
        (0, "answers.0.value.kind", "bool"),
        (0, "answers.0.value.kind", "complex"),
        (0, "answers.0.value.kind", "tree"),
        (0, "answers.0.value.shape", [True]),
        (0, "answers.0.value.shape", [1.0]),
        (0, "answers.0.value.shape", [-1]),
        (0, "answers.0.value.shape", [2]),
        (0, "answers.0.value.shape", [2**48] * 64),
        (0, "answers.0.value.shape", [10**5000]),
        (0, "answers.0.value.shape", [1] * 65),
        (0, "answers.0.value.shape", "()"),
        (0, "answers.0.value.exact", "x"),
        (0, "answers.0.value.exact", None),
        (0, "answers.0.value.exact", "x" * (MAX_TEXT + 1)),
        (0, "answers.0.value.types", "f"),
        (0, "answers.0.value.types", ...),
        (0, "answers.0.value.npy", None),
        (0, "answers.0.value.npy", npy(np.zeros(1)) * 10_000),
        (0, "answers.0", {"changed": [], "raised": "", "message": ""}),
        (0, "answers.0", {"changed": [], "raised": 3, "message": ""}),
        (0, "answers.0", {"changed": [], "raised": "E" * (MAX_LABEL + 1), "message": ""}),
        (0, "answers.0", {"changed": [], "raised": "E", "message": "m" * (MAX_MESSAGE + 1)}),
        (0, "answers.0", {"changed": [], "raised": "E"}),
        (1, "answers.1.value.npy", npy(np.array([2]))),
        (1, "answers.4.value.types", "i"),
        (1, "answers.4.value.types", "ixf"),
        (2, "answers.0.sketch.npy", npy(np.zeros(7))),
        (2, "answers.0.sketch.npy", npy(np.full(SKETCH_ROWS * SKETCH_BLOCKS, np.inf))),
        (2, "answers.0.sketch.scale", float("nan")),
        (2, "answers.0.sketch.scale", float("inf")),
        (2, "answers.0.sketch.scale", 10**400),
        (2, "answers.0.sketch.scale", -1),
        (2, "answers.0.sketch.scale", True),
        (2, "answers.0.sketch.size", 2.0),
        (2, "answers.0.sketch.size", 2**60),
        (2, "answers.0.sketch.whole", "0" * 65),
        (2, "check", "predictions"),
        (3, "items", None),
        (3, "items.0.check", "group"),
        (3, "items.0.v", 2),
        (3, "items.0.answers.0.value.shape", [2, 1, 3]),
    ],
)
def test_malformed_evidence(which: int, path: str, value: Any) -> None:
    decode(VALID[which])
    with pytest.raises(MalformedEvidence, match=r"^expected .* found "):
        decode(at(VALID[which], path, value))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("spec", ...),
        ("spec.marks", float("nan")),
        ("spec.marks", float("inf")),
        ("spec.marks", -1),
        ("spec.marks", "1"),
        ("spec.marks", True),
        ("spec.tol", 0),
        ("spec.tol", float("nan")),
        ("spec.tol", "0.1"),
        ("spec.share", 1.5),
        ("spec.metric", None),
        ("spec.baseline", {"kind": "float"}),
        ("spec.baseline_words", {"es": 1}),
        ("spec.truth", [1.0]),
    ],
)
def test_malformed_terms_of_a_reference(path: str, value: Any) -> None:
    decode_reference(VALID[4])
    with pytest.raises(MalformedEvidence, match=r"^expected .* found "):
        decode_reference(at(VALID[4], path, value))
    decode(at(VALID[4], path, value))  # a submission's own terms are not even read


@pytest.mark.parametrize("payload", [None, [], "x", 3, {"label": None}, {"label": ["x"]}])
def test_what_has_no_label(payload: Any) -> None:
    with pytest.raises(MalformedEvidence):
        label_of(payload)


def test_deep_nesting_is_no_recursion() -> None:
    deep: Any = 1
    for _ in range(100_000):
        deep = [deep]
    for path in ("v", "label", "answers", "answers.0", "answers.0.value", "answers.0.value.shape"):
        with pytest.raises(MalformedEvidence):
            decode(at(VALID[0], path, deep))
    assert decode(at(VALID[0], "more", deep)).label == "x"
    while isinstance(deep, list):  # taken apart, as freeing it in one go would recurse
        deep = deep[0]


def test_decoding_takes_no_more_memory_than_the_payload() -> None:
    most = npy(np.zeros(MAX_NUMBERS_SENT))
    lying = header(WORDS % ("<f8", "False", "(999999999,)"), bytes(8))
    too_long = npy(np.zeros(MAX_NUMBERS_SENT * 4))
    tracemalloc.start()
    for text in (most, lying, too_long):
        payload = at(VALID[0], "answers.0.value.npy", text)
        payload["answers"][0]["value"]["shape"] = [999_999_999]
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        with pytest.raises(MalformedEvidence):
            decode(payload)
        assert tracemalloc.get_traced_memory()[1] - before < 4 * len(most)
    tracemalloc.stop()
