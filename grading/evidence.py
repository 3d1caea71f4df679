"""Evidence: what a check cell leaves behind, encoded as data and strictly decoded.

A payload is JSON; numbers travel as a base64 ``.npy`` vector, of which only the plain form that
``numpy.save`` writes is read. Whatever a submission sends is either one of the records below or a
`MalformedEvidence`. Values of more than `MAX_NUMBERS_SENT` numbers are sent as a `Sketch`.
"""

import base64
import binascii
import hashlib
import io
import math
import re
import sys
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from grading.canonical import Canonical, NotEvidence, Reals, as_kind, canonical, finite_scale, split
from grading.fingerprint import digest_of_integers, digest_of_specials, project

MIME = "application/vnd.dl-evidence+json"
VERSION = 1

MAX_NUMBERS_SENT = 16_384  # beyond, an answer is sent as a sketch
MAX_NUMBERS_SCORED = 1_000_000  # predictions must be sent whole, since metrics need them
MAX_TEXT = 65_536  # characters of an answer's exact part; a longer one is sent as its SHA-256
MAX_ANSWERS = 1_000  # cases of one check
MAX_SIZE = 2**48  # numbers along an axis
MAX_LABEL = 200
MAX_MESSAGE = 300
SKETCH_ROWS = 4  # projections that each number of a large value takes part in
SKETCH_BLOCKS = 1_024
KINDS = ("bool", "int", "float", "complex", "tree")
CHECKS = ("value", "array", "call", "predictions", "metric", "group")


class MalformedEvidence(ValueError):
    """The payload is not evidence; the message says what was expected and found."""


@dataclass(frozen=True, eq=False)
class Sketch:
    """What is sent of a value with many numbers.

    Attributes
    ----------
    kind, shape, exact
        As in `grading.canonical.Canonical`; ``exact`` of a tree is a SHA-256.
    size : int
        How many real numbers there are.
    scale : float
        Root mean square of the finite ones.
    whole : str
        SHA-256 of the whole numbers, ``""`` if an array holds one that is not whole.
    specials : str
        SHA-256 of where NaN and the infinities are.
    sums : ndarray, shape (SKETCH_ROWS * SKETCH_BLOCKS,)
        Seeded projections of the finite real numbers.
    """

    kind: str
    shape: tuple[int, ...]
    exact: str
    size: int
    scale: float
    whole: str
    specials: str
    sums: Reals

    @property
    def is_exact(self) -> bool:
        """Whether the numbers are compared without a tolerance."""
        return self.kind in ("bool", "int")


@dataclass(frozen=True, eq=False)
class Answer:
    """One answer: a value, or the exception raised in its place.

    Attributes
    ----------
    value : Canonical or Sketch, or None
    raised : str
        Name of the exception's class; ``""`` if there was none.
    message : str
        First line of the exception's text.
    changed : tuple of int
        Positions of the arguments that the call changed in place.
    """

    value: Canonical | Sketch | None = None
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
    spec: Spec | None = None


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
        If the value has no canonical form, or a metric needs more numbers than can be sent.
    """
    form = canonical(value)
    if len(form.exact) > MAX_TEXT:
        form = replace(form, exact=_sha256(form.exact))
    size = form.numbers.size // _floats_each(form.kind)
    if whole and size > MAX_NUMBERS_SCORED:
        raise NotEvidence("numbers", f"{size:,} > {MAX_NUMBERS_SCORED:,}")
    if whole or size <= MAX_NUMBERS_SENT:
        return Answer(form)
    return Answer(sketch(form, seed))


def sketch(form: Canonical, seed: str) -> Sketch:
    """Return what is sent of a value with many numbers, with projections seeded by ``seed``."""
    if form.kind == "tree":
        parts = split(form, form.types)
        assert parts is not None  # a value fits its own types
        integers, reals = parts
        exact, whole = _sha256(form.exact + form.types), digest_of_integers(integers)
    else:
        exact, reals = "", form.numbers.astype(np.float64)
        as_integers = as_kind(form, "int")
        whole = digest_of_integers(as_integers.numbers) if as_integers else ""
    return Sketch(
        kind=form.kind,
        shape=form.shape,
        exact=exact,
        size=reals.size,
        scale=finite_scale(reals),
        whole=whole,
        specials=digest_of_specials(reals),
        sums=project(np.where(np.isfinite(reals), reals, 0.0), seed, SKETCH_ROWS, SKETCH_BLOCKS),
    )


def _floats_each(kind: str) -> int:
    return 2 if kind == "complex" else 1


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


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
    return {
        "kind": value.kind,
        "shape": list(value.shape),
        "exact": value.exact,
        "types": value.types,
        "npy": _encode_npy(value.numbers),
    }


def _encode_sketch(value: Sketch) -> dict[str, Any]:
    return {
        "kind": value.kind,
        "shape": list(value.shape),
        "exact": value.exact,
        "size": value.size,
        "scale": value.scale,
        "whole": value.whole,
        "specials": value.specials,
        "npy": _encode_npy(value.sums),
    }


def _encode_npy(array: np.ndarray[Any, Any]) -> str:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def _encode_answer(answer: Answer) -> dict[str, Any]:
    data: dict[str, Any] = {"changed": list(answer.changed)}
    if isinstance(answer.value, Canonical):
        return data | {"value": encode_value(answer.value)}
    if isinstance(answer.value, Sketch):
        return data | {"sketch": _encode_sketch(answer.value)}
    return data | {"raised": answer.raised, "message": answer.message[:MAX_MESSAGE]}


def encode_inputs(value: Any) -> Any:
    """Return hidden inputs (arrays, text, numbers, lists of them) as JSON data."""
    if isinstance(value, np.ndarray):
        return {"npy": _encode_npy(value)}
    if isinstance(value, list | tuple):
        return [encode_inputs(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, str | int | float):
        return value
    raise NotEvidence("inputs", type(value).__name__)


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
    version, check = record.get("v"), record.get("check")
    _expect(type(version) is int and version == VERSION, f"version {VERSION}", version)
    _expect(isinstance(check, str) and check in CHECKS, "a kind of check", check)
    label = label_of(record)
    answers = _list(record.get("answers"), "answers")
    items: list[Any] = []
    if check == "group":
        _expect(not nested, "no group inside a group", "one")
        items = _list(record.get("items"), "items")
    whole = check in ("predictions", "metric")
    return Evidence(
        label,
        str(check),
        tuple(_decode_answer(answer, whole) for answer in answers),
        tuple(_decode(item, trusted, nested=True) for item in items),
        _decode_spec(record.get("spec")) if trusted else None,
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
    tol, metric, name = record.get("tol"), record.get("metric"), record.get("baseline_name")
    baseline, truth = record.get("baseline"), record.get("truth")
    _expect(tol is None or _number(tol, "tol") > 0, "tol to be above 0, or None", tol)
    _expect(isinstance(metric, str), "the name of a metric", metric)
    _expect(isinstance(name, str), "the name of a baseline", name)
    return Spec(
        marks=_number(record.get("marks"), "marks"),
        tol=tol,
        metric=str(metric),
        share=_number(record.get("share"), "share", most=1.0),
        baseline_name=str(name),
        baseline=None if baseline is None else decode_value(baseline, whole=True),
        truth=None if truth is None else decode_value(truth, whole=True),
        inputs=record.get("inputs"),
    )


def _decode_answer(data: Any, whole: bool) -> Answer:
    record = _table(data, "answer")
    positions = _list(record.get("changed"), "positions")
    _expect(
        all(type(position) is int and 0 <= position <= MAX_ANSWERS for position in positions),
        "positions of changed arguments",
        positions,
    )
    changed = tuple(positions)
    if "value" in record:
        return Answer(decode_value(record["value"], whole), changed=changed)
    if "sketch" in record:
        _expect(not whole, "the predictions themselves", "a sketch of them")
        return Answer(_decode_sketch(record["sketch"]), changed=changed)
    name = _text(record.get("raised"), MAX_LABEL, "a value or an exception")
    _expect(name != "", "the name of an exception", name)
    message = _text(record.get("message"), MAX_MESSAGE, "an exception's text")
    return Answer(raised=name, message=message, changed=changed)


def decode_value(data: Any, whole: bool = False) -> Canonical:
    """Return the canonical value in ``data``, checked for size, shape and dtype.

    Raises
    ------
    MalformedEvidence
        If the data is not what `encode_value` makes.
    """
    record = _table(data, "value")
    kind, shape = _kind_and_shape(record)
    limit = (MAX_NUMBERS_SCORED if whole else MAX_NUMBERS_SENT) * _floats_each(kind)
    exact = _text(record.get("exact"), MAX_TEXT, "the exact part as text")
    types = _text(record.get("types"), limit, "the types of the numbers")
    numbers = _decode_npy(record.get("npy"), limit)
    _expect(
        numbers.dtype == (np.int64 if kind in ("bool", "int") else np.float64),
        f"numbers that fit kind {kind}",
        str(numbers.dtype),
    )
    if kind == "tree":
        _expect(len(types) == numbers.size and set(types) <= {"i", "f"}, "a type a number", types)
    else:
        _expect(not exact and not types, f"nothing but numbers for kind {kind}", exact or types)
        count = math.prod(shape) * _floats_each(kind)
        _expect(numbers.size == count, "as many numbers as the shape has", numbers.size)
    if kind == "bool":
        _expect(bool(np.all((numbers == 0) | (numbers == 1))), "truth values", "other numbers")
    return Canonical(kind, shape, exact, numbers, types)


def _decode_sketch(data: Any) -> Sketch:
    record = _table(data, "sketch")
    kind, shape = _kind_and_shape(record)
    size = record.get("size")
    _expect(type(size) is int and 0 <= size < MAX_SIZE, "a number of numbers", size)
    sums = _decode_npy(record.get("npy"), SKETCH_ROWS * SKETCH_BLOCKS)
    _expect(
        sums.dtype == np.float64
        and sums.size == SKETCH_ROWS * SKETCH_BLOCKS
        and bool(np.all(np.isfinite(sums))),
        "the projections of a sketch",
        f"{sums.size} numbers",
    )
    return Sketch(
        kind=kind,
        shape=shape,
        exact=_text(record.get("exact"), 64, "the exact part's SHA-256"),
        size=int(size or 0),
        scale=_number(record.get("scale"), "scale"),
        whole=_text(record.get("whole"), 64, "a SHA-256"),
        specials=_text(record.get("specials"), 64, "a SHA-256"),
        sums=sums,
    )


def _kind_and_shape(record: dict[str, Any]) -> tuple[str, tuple[int, ...]]:
    kind, shape = record.get("kind"), record.get("shape")
    _expect(isinstance(kind, str) and kind in KINDS, f"one of {', '.join(KINDS)}", kind)
    _expect(
        isinstance(shape, list)
        and len(shape) <= 64
        and all(type(size) is int and 0 <= size < MAX_SIZE for size in shape),
        "a shape",
        shape,
    )
    return str(kind), tuple(shape or ())


# What numpy.save writes ahead of a vector. Its own reader evaluates the header; this does not.
_HEADER = re.compile(
    rb"\x93NUMPY\x01\x00v\x00\{'descr': '(<i8|<f8)', 'fortran_order': False, "
    rb"'shape': \((\d{1,9}),\), \} *\n"
)
_HEADER_SIZE = 128


def _decode_npy(text: Any, limit: int) -> np.ndarray[Any, Any]:
    most = 4 * ((limit * 8 + _HEADER_SIZE) // 3 + 1)
    text = _text(text, most, f"a base64 .npy vector of at most {limit:,} numbers")
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise MalformedEvidence("expected base64, found something else") from None
    header = _HEADER.fullmatch(raw[:_HEADER_SIZE])
    if header is None:
        raise MalformedEvidence("expected a .npy vector of <i8 or <f8, found something else")
    count = (len(raw) - _HEADER_SIZE) / 8
    _expect(int(header[2]) == count <= limit, "a vector as long as its header says", count)
    return np.frombuffer(raw, dtype=header[1].decode("ascii"), offset=_HEADER_SIZE)


def _table(data: Any, what: str) -> dict[str, Any]:
    _expect(isinstance(data, dict), f"{what} to be a mapping", data)
    return data


def _list(data: Any, what: str) -> list[Any]:
    _expect(isinstance(data, list) and len(data) <= MAX_ANSWERS, f"a list of {what}", data)
    return data


def _text(data: Any, most: int, what: str) -> str:
    _expect(isinstance(data, str) and len(data) <= most, what, data)
    return data


def _number(data: Any, what: str, most: float = sys.float_info.max) -> float:
    # NaN is in no range; an int is compared exactly, however large.
    _expect(
        type(data) in (int, float) and 0 <= data <= most,
        f"{what} to be a number from 0 to {most:g}",
        data,
    )
    return float(data)


def _expect(condition: bool, expected: str, found: Any) -> None:
    if condition:
        return
    shown = type(found).__name__
    if isinstance(found, str):
        shown = repr(found[:40])
    elif found is None or isinstance(found, float) or (type(found) is int and abs(found) < 2**63):
        shown = repr(found)
    raise MalformedEvidence(f"expected {expected}, found {shown}")
