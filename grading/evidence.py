"""Evidence: what a check cell leaves behind, encoded as data and strictly decoded.

A payload is JSON; numbers travel as a base64 ``.npy`` vector read with ``allow_pickle=False``.
Whatever a submission sends is either one of the records below or a `MalformedEvidence`.
Arrays of more than `MAX_NUMBERS_SENT` numbers are sent as seeded projections with their shape.
"""

import base64
import binascii
import io
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from grading.canonical import Canonical, NotEvidence, canonical
from grading.fingerprint import project

MIME = "application/vnd.dl-evidence+json"
VERSION = 1

MAX_NUMBERS_SENT = 16_384  # beyond, an answer is sent as projections
MAX_NUMBERS_SCORED = 1_000_000  # predictions must be sent whole, since metrics need them
MAX_TEXT = 1_000_000  # characters of an answer's exact part
MAX_ANSWERS = 1_000  # cases of one check
MAX_LABEL = 200
MAX_MESSAGE = 300
SENT_PROJECTIONS = 16
KINDS = ("bool", "int", "float", "complex", "tree")
CHECKS = ("value", "array", "call", "predictions", "metric", "group")


class MalformedEvidence(ValueError):
    """The payload is not evidence; the message says what was expected and found."""


@dataclass(frozen=True, eq=False)
class Answer:
    """One answer: a value, or the exception raised in its place.

    Attributes
    ----------
    value : Canonical or None
    projected : bool
        Whether ``value.numbers`` are projections of the numbers, not the numbers.
    raised : str
        Name of the exception's class; ``""`` if there was none.
    message : str
        First line of the exception's text.
    changed : tuple of int
        Positions of the arguments that the call changed in place.
    """

    value: Canonical | None = None
    projected: bool = False
    raised: str = ""
    message: str = ""
    changed: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class Spec:
    """What only the reference's run says of a check: the terms it is judged on.

    Attributes
    ----------
    marks : float
    tol : float or None
        Absolute tolerance; None for `grading.fingerprint.tolerance_of`'s default.
    metric : str
        Name in `grading.metrics`; ``""`` for checks that compare answers.
    share : float
        How much of the way from the baseline to the reference earns the marks.
    baseline_name : str
    baseline, truth : Canonical or None
    inputs : dict or None
        The hidden inputs, encoded, that a submission predicts on.
    """

    marks: float
    tol: float | None = None
    metric: str = ""
    share: float = 0.5
    baseline_name: str = ""
    baseline: Canonical | None = None
    truth: Canonical | None = None
    inputs: Any = None


@dataclass(frozen=True, eq=False)
class Evidence:
    """What one check leaves: its answers, and in the reference's run its `Spec`."""

    label: str
    check: str
    answers: tuple[Answer, ...] = ()
    items: tuple["Evidence", ...] = ()
    spec: Spec | None = field(default=None)


def answer_of(value: Any, *, seed: str, whole: bool = False) -> Answer:
    """Return the answer that holds ``value``.

    Parameters
    ----------
    value : Any
        Anything that `grading.canonical.canonical` takes.
    seed : str
        Seeds the projections of a large array; the same in every run that is compared.
    whole : bool
        Send all numbers, up to `MAX_NUMBERS_SCORED`, because a metric needs them.

    Raises
    ------
    NotEvidence
        If the value has no canonical form or is too large.
    """
    form = canonical(value)
    if len(form.exact) > MAX_TEXT:
        raise NotEvidence(
            f"expected at most {MAX_TEXT:,} characters, found {len(form.exact):,}; "
            "check a part of the value instead"
        )
    size = form.numbers.size
    if whole and size > MAX_NUMBERS_SCORED:
        raise NotEvidence(f"expected at most {MAX_NUMBERS_SCORED:,} numbers, found {size:,}")
    if whole or size <= MAX_NUMBERS_SENT:
        return Answer(form)
    return Answer(projected_form(form, seed), projected=True)


def projected_form(form: Canonical, seed: str) -> Canonical:
    """Return ``form`` with its numbers replaced by what is sent of a large array.

    The vector holds `SENT_PROJECTIONS` projections of the finite numbers, then projections of
    where NaN, +inf and -inf are, and last the Euclidean norm.
    """
    numbers = form.numbers.astype(np.float64)
    finite = np.where(np.isfinite(numbers), numbers, 0.0)
    parts = [project(finite, seed, SENT_PROJECTIONS)]
    for mask in (np.isnan(numbers), np.isposinf(numbers), np.isneginf(numbers)):
        parts.append(project(mask.astype(np.float64), seed, 1) if mask.any() else np.zeros(1))
    parts.append(np.array([math.sqrt(float(finite @ finite))]))
    return Canonical(form.kind, form.shape, form.exact, np.concatenate(parts))


# --- encoding ---------------------------------------------------------------------------------


def encode(evidence: Evidence) -> dict[str, Any]:
    """Return the JSON payload of ``evidence``."""
    payload: dict[str, Any] = {
        "v": VERSION,
        "check": evidence.check,
        "label": evidence.label,
        "answers": [_encode_answer(answer) for answer in evidence.answers],
    }
    if evidence.check == "group":
        payload["items"] = [encode(item) for item in evidence.items]
    if evidence.spec is not None:
        spec = evidence.spec
        payload["spec"] = {
            "marks": spec.marks,
            "tol": spec.tol,
            "metric": spec.metric,
            "share": spec.share,
            "baseline_name": spec.baseline_name,
            "baseline": None if spec.baseline is None else encode_value(spec.baseline),
            "truth": None if spec.truth is None else encode_value(spec.truth),
            "inputs": spec.inputs,
        }
    return payload


def encode_value(value: Canonical) -> dict[str, Any]:
    """Return the JSON form of a canonical value."""
    buffer = io.BytesIO()
    np.save(buffer, value.numbers, allow_pickle=False)
    return {
        "kind": value.kind,
        "shape": list(value.shape),
        "exact": value.exact,
        "npy": base64.b64encode(buffer.getvalue()).decode("ascii"),
    }


def _encode_answer(answer: Answer) -> dict[str, Any]:
    data: dict[str, Any] = {"changed": list(answer.changed)}
    if answer.value is None:
        return data | {"raised": answer.raised, "message": answer.message[:MAX_MESSAGE]}
    return data | {"value": encode_value(answer.value), "projected": answer.projected}


def encode_inputs(value: Any) -> Any:
    """Return hidden inputs (arrays, text, numbers, lists of them) as JSON data."""
    if isinstance(value, np.ndarray):
        buffer = io.BytesIO()
        np.save(buffer, value, allow_pickle=False)
        return {"npy": base64.b64encode(buffer.getvalue()).decode("ascii")}
    if isinstance(value, list | tuple):
        return [encode_inputs(item) for item in value]
    if isinstance(value, str | int | float):
        return value
    raise NotEvidence(
        "expected hidden inputs to be numpy arrays, text, numbers or lists of them, "
        f"found {type(value).__name__}"
    )


def decode_inputs(data: Any) -> Any:
    """Return fresh inputs from `encode_inputs`'s data; a tuple comes back as a list."""
    if isinstance(data, dict):
        return np.load(io.BytesIO(base64.b64decode(data["npy"])), allow_pickle=False)
    if isinstance(data, list):
        return [decode_inputs(item) for item in data]
    return data


# --- strict decoding --------------------------------------------------------------------------


def decode(payload: Any, *, trusted: bool = False) -> Evidence:
    """Return the evidence in ``payload``.

    Parameters
    ----------
    payload : Any
        JSON data from a notebook's output.
    trusted : bool
        Whether this is the reference's run: only then is a ``spec`` read, and expected.

    Raises
    ------
    MalformedEvidence
        If anything is missing, of another type, too large or inconsistent.
    """
    return _decode(payload, trusted, nested=False)


def _decode(payload: Any, trusted: bool, nested: bool) -> Evidence:
    record = _table(payload, "evidence")
    _expect(record.get("v") == VERSION, f"version {VERSION}", record.get("v"))
    check = record.get("check")
    _expect(isinstance(check, str) and check in CHECKS, "a kind of check", check)
    label = label_of(record)
    answers = record.get("answers")
    _expect(isinstance(answers, list) and len(answers) <= MAX_ANSWERS, "a list of answers", answers)
    whole = check in ("predictions", "metric")
    items: tuple[Evidence, ...] = ()
    if check == "group":
        _expect(not nested, "no group inside a group", "one")
        raw = record.get("items")
        _expect(isinstance(raw, list) and len(raw) <= MAX_ANSWERS, "a list of items", raw)
        items = tuple(_decode(item, trusted, nested=True) for item in raw or [])
    spec = _decode_spec(record.get("spec")) if trusted else None
    return Evidence(
        label, str(check), tuple(_decode_answer(item, whole) for item in answers or []), items, spec
    )


def label_of(payload: Any) -> str:
    """Return the label of a payload, so that even malformed evidence has a name.

    Raises
    ------
    MalformedEvidence
        If there is no label of a sensible length.
    """
    label = _table(payload, "evidence").get("label")
    _expect(isinstance(label, str) and 0 < len(label) <= MAX_LABEL, "a label", label)
    return str(label)


def _decode_spec(data: Any) -> Spec:
    record = _table(data, "spec")
    return Spec(
        marks=float(record["marks"]),
        tol=record["tol"],
        metric=record["metric"],
        share=float(record["share"]),
        baseline_name=record["baseline_name"],
        baseline=None if record["baseline"] is None else decode_value(record["baseline"], True),
        truth=None if record["truth"] is None else decode_value(record["truth"], True),
        inputs=record["inputs"],
    )


def _decode_answer(data: Any, whole: bool) -> Answer:
    record = _table(data, "answer")
    changed = record.get("changed", [])
    _expect(
        isinstance(changed, list)
        and len(changed) <= MAX_ANSWERS
        and all(type(index) is int and index >= 0 for index in changed),
        "positions of changed arguments",
        changed,
    )
    if "value" in record:
        projected = record.get("projected", False)
        _expect(type(projected) is bool, "projected to be true or false", projected)
        _expect(not (projected and whole), "the predictions themselves", "projections")
        value = decode_value(record["value"], whole, projected)
        return Answer(value, projected=bool(projected), changed=tuple(changed))
    raised, message = record.get("raised"), record.get("message")
    _expect(
        isinstance(raised, str) and 0 < len(raised) <= MAX_LABEL, "a value or an exception", raised
    )
    _expect(
        isinstance(message, str) and len(message) <= MAX_MESSAGE, "an exception's text", message
    )
    return Answer(raised=str(raised), message=str(message), changed=tuple(changed))


def decode_value(data: Any, whole: bool = False, projected: bool = False) -> Canonical:
    """Return the canonical value in ``data``, checked for size, shape and dtype.

    Raises
    ------
    MalformedEvidence
        If the data is not what `encode_value` makes.
    """
    record = _table(data, "value")
    kind, shape, exact = record.get("kind"), record.get("shape"), record.get("exact")
    _expect(isinstance(kind, str) and kind in KINDS, f"one of {', '.join(KINDS)}", kind)
    _expect(
        isinstance(shape, list)
        and len(shape) <= 32
        and all(type(size) is int and 0 <= size < 2**48 for size in shape),
        "a shape",
        shape,
    )
    _expect(isinstance(exact, str) and len(exact) <= MAX_TEXT, "the exact part as text", exact)
    numbers = _decode_npy(record.get("npy"), MAX_NUMBERS_SCORED if whole else MAX_NUMBERS_SENT)
    as_integers = kind in ("bool", "int") and not projected
    _expect(
        numbers.dtype == (np.int64 if as_integers else np.float64),
        f"numbers that fit kind {kind}",
        numbers.dtype,
    )
    if projected:
        _expect(numbers.size == SENT_PROJECTIONS + 4, "projections", f"{numbers.size} numbers")
    elif kind != "tree":
        count = math.prod(shape or []) * (2 if kind == "complex" else 1)
        _expect(numbers.size == count, f"{count} numbers for shape {shape}", numbers.size)
    if kind == "bool" and not projected:
        _expect(bool(np.all((numbers == 0) | (numbers == 1))), "truth values", "other numbers")
    return Canonical(str(kind), tuple(shape or []), str(exact), numbers)


def _decode_npy(text: Any, limit: int) -> np.ndarray[Any, Any]:
    most = 4 * ((limit * 8 + 256) // 3 + 1)
    _expect(isinstance(text, str) and len(text) <= most, f"at most {limit:,} numbers", "more")
    try:
        raw = base64.b64decode(text, validate=True)
        stream = io.BytesIO(raw)
        version = np.lib.format.read_magic(stream)
        _expect(version == (1, 0), ".npy version 1.0", version)
        shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
    except MalformedEvidence:
        raise
    except (binascii.Error, ValueError, TypeError, UnicodeError, RecursionError, MemoryError):
        raise MalformedEvidence("expected a base64 .npy vector, found something else") from None
    _expect(dtype.str in ("<i8", "<f8"), "dtype <i8 or <f8", dtype.str[:20])
    body = raw[stream.tell() :]
    _expect(
        len(shape) == 1 and shape[0] * 8 == len(body) and shape[0] <= limit,
        "a vector as long as its header says",
        f"shape {shape} and {len(body)} bytes",
    )
    return np.frombuffer(body, dtype=dtype)


def _table(data: Any, what: str) -> dict[str, Any]:
    _expect(isinstance(data, dict), f"{what} to be a mapping", data)
    return dict(data)


def _expect(condition: bool, expected: str, found: Any) -> None:
    if not condition:
        shown = repr(found) if isinstance(found, str | int | float) else type(found).__name__
        raise MalformedEvidence(f"expected {expected}, found {shown[:60]}")
