"""Evidence as the JSON payload of a notebook's output; numbers are base64 ``.npy`` vectors."""

import base64
import io
from typing import Any

import numpy as np

from grading.answers.canonical import Canonical, NotEvidence
from grading.answers.evidence import MAX_MESSAGE, VERSION, Answer, Evidence, Reference, Sketch


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
    if isinstance(evidence, Reference):
        spec = evidence.spec
        payload["spec"] = {
            "marks": spec.marks,
            "tol": spec.tol,
            "metric": spec.metric,
            "share": spec.share,
            "baseline_name": spec.baseline_name.label,
            "baseline_words": dict(spec.baseline_name.words),
            "baseline": None if spec.baseline is None else encode_value(spec.baseline),
            "truth": None if spec.truth is None else encode_value(spec.truth),
            "inputs": spec.inputs,
            "words": dict(spec.words),
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
