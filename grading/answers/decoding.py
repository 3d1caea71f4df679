"""Strict decoding: what a submission sends becomes a record of evidence, or `MalformedEvidence`.

Of numbers only the plain form that ``numpy.save`` writes is read; nothing is evaluated.
"""

import base64
import binascii
import math
import re
import sys
from dataclasses import replace
from typing import Any

import numpy as np

from grading.answers.canonical import Canonical
from grading.answers.evidence import (
    CHECKS,
    KINDS,
    MAX_ANSWERS,
    MAX_LABEL,
    MAX_MESSAGE,
    MAX_NUMBERS_SCORED,
    MAX_NUMBERS_SENT,
    MAX_TEXT,
    SKETCH_BLOCKS,
    SKETCH_ROWS,
    VERSION,
    Answer,
    Evidence,
    Reference,
    Sketch,
    Spec,
    floats_each,
)
from grading.messages import Reason, Title

MAX_SIZE = 2**48  # numbers along an axis, and along all that have any
MAX_AXES = 32  # what every numpy has


class MalformedEvidence(ValueError):
    """The payload is not evidence; ``reason`` says what was expected and found."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.text("en"))
        self.reason = reason


def decode(payload: Any) -> Evidence:
    """Return the evidence in ``payload``, JSON data from a notebook's output.

    Raises
    ------
    MalformedEvidence
        If anything is missing, of another type, too large or inconsistent.
    """
    evidence, items = _decode(payload)
    return replace(evidence, items=tuple(_decode(item, nested=True)[0] for item in items))


def decode_reference(payload: Any) -> Reference:
    """Return the evidence of the reference's run, with the terms of the check.

    Raises
    ------
    MalformedEvidence
        As `decode`, or if a term is missing or malformed.
    """
    evidence, items = _decode(payload)
    return _with_terms(
        payload, evidence, tuple(_with_terms(x, _decode(x, nested=True)[0]) for x in items)
    )


def _with_terms(payload: Any, evidence: Evidence, items: tuple[Reference, ...] = ()) -> Reference:
    spec = _decode_spec(payload.get("spec"))
    return Reference(evidence.label, evidence.check, evidence.answers, items, spec=spec)


def _decode(payload: Any, nested: bool = False) -> tuple[Evidence, list[Any]]:
    """Return the evidence without the checks inside it, and their payloads."""
    record = _table(payload, "evidence")
    version, check = record.get("v"), _choice(record.get("check"), "check", CHECKS)
    _expect(type(version) is int and version == VERSION, "version", version, version=VERSION)
    label = label_of(record)
    answers = _list(record.get("answers"), "answers")
    items: list[Any] = []
    if check == "group":
        _expect(not nested, "nested", check)
        items = _list(record.get("items"), "items")
    whole = check in ("predictions", "metric")
    return Evidence(label, check, tuple(_decode_answer(answer, whole) for answer in answers)), items


def label_of(payload: Any) -> str:
    """Return the label of a payload, so that even malformed evidence has a name.

    Raises
    ------
    MalformedEvidence
        If there is no label of a sensible length.
    """
    label = _table(payload, "evidence").get("label")
    _expect(isinstance(label, str) and 0 < len(label) <= MAX_LABEL, "label", label, most=MAX_LABEL)
    return str(label)


def _decode_spec(data: Any) -> Spec:
    record = _table(data, "spec")
    tol, baseline, truth = record.get("tol"), record.get("baseline"), record.get("truth")
    _expect(tol is None or _number(tol, "tol") > 0, "tol", tol)
    baseline_name = _text(record.get("baseline_name"), MAX_LABEL, "baseline_name")
    return Spec(
        marks=_number(record.get("marks"), "marks"),
        tol=tol,
        metric=_text(record.get("metric"), MAX_LABEL, "metric"),
        share=_number(record.get("share"), "share", most=1.0),
        baseline_name=Title(baseline_name, _decode_words(record, "baseline_words")),
        baseline=None if baseline is None else decode_value(baseline, whole=True),
        truth=None if truth is None else decode_value(truth, whole=True),
        inputs=record.get("inputs"),
        words=_decode_words(record, "words"),
    )


def _decode_words(record: dict[str, Any], name: str) -> dict[str, str]:
    """Return the texts by language under ``name``."""
    words = _table(record.get(name), name)
    return {lang: _text(text, MAX_LABEL, lang) for lang, text in words.items()}


def _decode_answer(data: Any, whole: bool) -> Answer:
    record = _table(data, "answer")
    positions = _list(record.get("changed"), "changed")
    _expect(
        all(type(position) is int and 0 <= position <= MAX_ANSWERS for position in positions),
        "changed",
        positions,
    )
    changed = tuple(positions)
    if "value" in record:
        return Answer(decode_value(record["value"], whole), changed=changed)
    if "sketch" in record:
        _expect(not whole, "whole", record["sketch"])
        return Answer(_decode_sketch(record["sketch"]), changed=changed)
    name = _text(record.get("raised"), MAX_LABEL, "raised")
    _expect(name != "", "raised", name)
    message = _text(record.get("message"), MAX_MESSAGE, "message")
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
    limit = (MAX_NUMBERS_SCORED if whole else MAX_NUMBERS_SENT) * floats_each(kind)
    exact = _text(record.get("exact"), MAX_TEXT, "exact")
    types = _text(record.get("types"), limit, "types")
    numbers = _decode_npy(record.get("npy"), limit)
    _expect(
        numbers.dtype == (np.int64 if kind in ("bool", "int") else np.float64),
        "dtype",
        str(numbers.dtype),
        kind=kind,
    )
    if kind == "tree":
        _expect(len(types) == numbers.size and set(types) <= {"i", "f"}, "types", types)
    else:
        _expect(not exact and not types, "only_numbers", exact or types, kind=kind)
        count = math.prod(shape) * floats_each(kind)
        _expect(numbers.size == count, "count", numbers.size, count=count)
    if kind == "bool":
        _expect(bool(np.all((numbers == 0) | (numbers == 1))), "truth", numbers)
    return Canonical(kind, shape, exact, numbers, types)


def _decode_sketch(data: Any) -> Sketch:
    record = _table(data, "sketch")
    kind, shape = _kind_and_shape(record)
    size = record.get("size")
    _expect(type(size) is int and 0 <= size < MAX_SIZE, "size", size)
    sums = _decode_npy(record.get("npy"), SKETCH_ROWS * SKETCH_BLOCKS)
    _expect(
        sums.dtype == np.float64
        and sums.size == SKETCH_ROWS * SKETCH_BLOCKS
        and bool(np.all(np.isfinite(sums))),
        "sums",
        sums.size,
        count=SKETCH_ROWS * SKETCH_BLOCKS,
    )
    return Sketch(
        kind=kind,
        shape=shape,
        exact=_text(record.get("exact"), 64, "exact"),
        size=int(size or 0),
        scale=_number(record.get("scale"), "scale"),
        whole=_text(record.get("whole"), 64, "whole"),
        specials=_text(record.get("specials"), 64, "specials"),
        sums=sums,
    )


def _kind_and_shape(record: dict[str, Any]) -> tuple[str, tuple[int, ...]]:
    kind, shape = _choice(record.get("kind"), "kind", KINDS), record.get("shape")
    _expect(
        isinstance(shape, list)
        and len(shape) <= MAX_AXES
        and all(type(size) is int and 0 <= size < MAX_SIZE for size in shape)
        and math.prod(size or 1 for size in shape) < MAX_SIZE,
        "shape",
        shape,
    )
    return kind, tuple(shape or ())


# What numpy.save writes ahead of a vector. Its own reader evaluates the header; this does not.
_HEADER = re.compile(
    rb"\x93NUMPY\x01\x00v\x00\{'descr': '(<i8|<f8)', 'fortran_order': False, "
    rb"'shape': \((\d{1,9}),\), \} *\n"
)


_HEADER_SIZE = 128


def _decode_npy(text: Any, limit: int) -> np.ndarray[Any, Any]:
    most = 4 * ((limit * 8 + _HEADER_SIZE) // 3 + 1)
    text = _text(text, most, "npy")
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise MalformedEvidence(Reason("malformed.encoding")) from None
    header = _HEADER.fullmatch(raw[:_HEADER_SIZE])
    if header is None:
        raise MalformedEvidence(Reason("malformed.npy"))
    count = (len(raw) - _HEADER_SIZE) / 8
    _expect(int(header[2]) == count <= limit, "vector", count)
    return np.frombuffer(raw, dtype=header[1].decode("ascii"), offset=_HEADER_SIZE)


def _table(data: Any, name: str) -> dict[str, Any]:
    _expect(isinstance(data, dict), "mapping", data, name=name)
    return data


def _list(data: Any, name: str) -> list[Any]:
    is_short = isinstance(data, list) and len(data) <= MAX_ANSWERS
    _expect(is_short, "list", data, name=name, most=MAX_ANSWERS)
    return data


def _text(data: Any, most: int, name: str) -> str:
    _expect(isinstance(data, str) and len(data) <= most, "text", data, name=name, most=most)
    return data


def _choice(data: Any, name: str, choices: tuple[str, ...]) -> str:
    _expect(
        isinstance(data, str) and data in choices,
        "choice",
        data,
        name=name,
        choices=", ".join(choices),
    )
    return str(data)


def _number(data: Any, name: str, most: float = sys.float_info.max) -> float:
    # NaN is in no range; an int is compared exactly, however large.
    is_within = type(data) in (int, float) and 0 <= data <= most
    _expect(is_within, "number", data, name=name, most=f"{most:g}")
    return float(data)


def _expect(condition: bool, key: str, found: Any, **values: Any) -> None:
    if condition:
        return
    shown = type(found).__name__
    if isinstance(found, str):
        shown = repr(found[:40])
    elif found is None or isinstance(found, float) or (type(found) is int and abs(found) < 2**63):
        shown = repr(found)
    raise MalformedEvidence(Reason(f"malformed.{key}", values | {"found": shown}))
