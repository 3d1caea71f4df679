"""Where an answer differs from the reference's, and by how much, in words.

It says at which index or under which name, and how far off a real number is. It does not say what
was expected there: text, whole numbers and truth values stay the reference's.
"""

import json
import math
from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from grading.answers.canonical import Canonical
from grading.messages import Reason

Bools = npt.NDArray[np.bool_]

MAX_NAME = 40  # characters of a mapping's key that are shown

# What the parts of a structure are, as `kind` names them in the strings.
_KINDS = {
    "n": "none",
    "s": "text",
    "y": "text",
    "l": "list",
    "d": "mapping",
    "S": "set",
    "i": "int",
    "I": "numbers",
    "#": "numbers",
    "c": "numbers",
}


def reason_of_numbers(reference: Canonical, found: Canonical, wrong: Bools) -> Reason | None:
    """Return which numbers differ and by how much; None if none does.

    Parameters
    ----------
    reference, found : Canonical
        Of the same kind, shape and structure.
    wrong : ndarray of bool
        Which of the numbers differ, in their order in the value.
    """
    if not wrong.any():
        return None
    if reference.kind == "tree":
        return _in_tree(reference, found, wrong)
    with np.errstate(all="ignore"):
        gap = np.abs(found.numbers.astype(float) - reference.numbers.astype(float))
        if reference.kind == "complex":
            wrong = np.asarray(wrong.reshape(-1, 2).any(axis=1))
            gap = np.hypot(*gap.reshape(-1, 2).T)
    is_real = not reference.is_exact
    if reference.shape == ():
        off = _shown(gap[0]) if is_real else ""
        return Reason("reason.value_by", {"by": off}) if off else Reason("reason.value")
    values: dict[str, Any] = {
        "wrong": int(wrong.sum()),
        "total": int(wrong.size),
        "first": _index(int(np.argmax(wrong)), reference.shape),
    }
    finite = np.where(wrong & np.isfinite(gap), gap, -1.0)
    most = int(np.argmax(finite))
    if not is_real or finite[most] < 0:
        return Reason("reason.elements", values)
    where = {"most": _index(most, reference.shape), "by": _shown(finite[most])}
    return Reason("reason.elements_by", values | where)


def reason_of_structure(reference: Canonical, found: Canonical) -> Reason:
    """Return the first place where two structures differ."""
    try:
        expected, other = json.loads(reference.exact or "[]"), json.loads(found.exact or "[]")
        place, why = next(_differing(expected, other, ""))
    except (StopIteration, ValueError, TypeError, LookupError, RecursionError):
        return Reason("reason.structure")  # the other one is a submission's, and may be anything
    return _at(place, why)


def _in_tree(reference: Canonical, found: Canonical, wrong: Bools) -> Reason:
    """Return the first part of a structure whose numbers differ."""
    start = 0
    for place, kind, shape in _leaves(json.loads(reference.exact), ""):
        size = math.prod(shape) * (2 if kind == "complex" else 1)
        part = slice(start, start + size)
        start += size
        if wrong[part].any():
            whole = reference.types[part] == "i" * size
            one, other = (
                Canonical("int" if whole else kind, shape, "", value.numbers[part])
                for value in (reference, found)
            )
            why = reason_of_numbers(one, other, wrong[part])
            assert why is not None
            return _at(place, why)
    return Reason("reason.structure")


def _at(place: str, why: Reason) -> Reason:
    return Reason("reason.item", {"label": place, "why": why}) if place else why


def _leaves(node: Any, place: str) -> Iterator[tuple[str, str, tuple[int, ...]]]:
    """Yield (place, kind, shape) of the numbers of a structure, in their order."""
    match node:
        case ["#" | "c" as tag, shape]:
            yield place, "complex" if tag == "c" else "float", tuple(shape)
        case ["d", items]:
            for key, item in items:
                yield from _leaves(item, f"{place}[{_name(key)}]")
        case ["l", items]:
            for number, item in enumerate(items):
                yield from _leaves(item, f"{place}[{number}]")


def _differing(expected: Any, found: Any, place: str) -> Iterator[tuple[str, Reason]]:
    """Yield where two structures differ, in the order of the expected one."""
    one, other = _KINDS[expected[0]], _KINDS[found[0]]
    if one != other:
        kinds = {"expected": Reason(f"kind.{one}"), "found": Reason(f"kind.{other}")}
        yield place, Reason("reason.kind", kinds)
    elif one == "mapping":
        yield from _differing_items(dict(expected[1]), dict(found[1]), place)
    elif one == "list":
        if len(expected[1]) != len(found[1]):
            counts = {"expected": len(expected[1]), "found": len(found[1])}
            yield place, Reason("reason.length", counts)
        for number, (part, mine) in enumerate(zip(expected[1], found[1], strict=False)):
            yield from _differing(part, mine, f"{place}[{number}]")
    elif one == "numbers" and expected[1] != found[1]:
        shapes = {"expected": tuple(expected[1]), "found": tuple(found[1])}
        yield place, Reason("reason.shape", shapes)
    elif expected != found:
        yield place, Reason("reason.text" if one == "text" else "reason.value")


def _differing_items(
    expected: dict[str, Any], found: dict[str, Any], place: str
) -> Iterator[tuple[str, Reason]]:
    for key, item in expected.items():
        if key in found:
            yield from _differing(item, found[key], f"{place}[{_name(key)}]")
        else:
            yield place, Reason("reason.no_key", {"name": _name(key)})
    for key in found:
        if key not in expected:
            yield place, Reason("reason.other_key", {"name": _name(key)})


def _name(key: str) -> str:
    """Return a mapping's key as its owner would write it."""
    skeleton, numbers = json.loads(key)
    name = _written(skeleton, iter(numbers))
    return name if len(name) <= MAX_NAME else name[: MAX_NAME - 1] + "…"


def _written(node: Any, numbers: Iterator[int]) -> str:
    match node:
        case ["s", text]:
            return repr(text)
        case ["#", []]:
            return str(next(numbers))
        case ["#", [count]]:
            return str(tuple(islice(numbers, count)))
        case ["l", items]:
            return f"({', '.join(_written(item, numbers) for item in items)})"
    return "…"


def _index(flat: int, shape: tuple[int, ...]) -> list[int]:
    return [int(index) for index in np.unravel_index(flat, shape)]


def _shown(gap: float) -> str:
    return f"{gap:.3g}" if math.isfinite(gap) else ""
