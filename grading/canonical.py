"""One form for every value that can be evidence.

A value becomes an exact part (structure, strings, whole numbers) and a vector of real numbers
that is compared with a tolerance. `evidence` sends this form, `fingerprint` hashes it and
`judge` compares it, so that the three cannot disagree about what a value is.
"""

import json
import math
from collections.abc import Mapping, Set, ValuesView
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

MAX_DEPTH = 32

Vector = npt.NDArray[Any]


class NotEvidence(TypeError):
    """The value has no canonical form; the message says what was expected and found."""


@dataclass(frozen=True, eq=False)
class Canonical:
    """A value, ready to be sent, hashed or compared.

    Attributes
    ----------
    kind : str
        ``bool``, ``int``, ``float`` or ``complex`` for numbers, arrays, tensors and rectangular
        lists of numbers; ``tree`` for everything else.
    shape : tuple of int
        The shape of the numbers, ``()`` for a scalar and for a tree.
    exact : str
        JSON text of what is compared exactly; ``""`` unless the kind is ``tree``.
    numbers : ndarray, shape (n,)
        The numbers in row-major order: int64 for ``bool`` and ``int``, else float64. A complex
        number is two floats. The float leaves of a tree.
    """

    kind: str
    shape: tuple[int, ...]
    exact: str
    numbers: Vector

    @property
    def is_exact(self) -> bool:
        """Whether the numbers are compared without a tolerance."""
        return self.kind in ("bool", "int")


def canonical(value: Any) -> Canonical:
    """Return the canonical form of ``value``.

    Lists and tuples of numbers are the array they spell; tensors on any device are the array
    they hold; a set is its sorted list.

    Raises
    ------
    NotEvidence
        If the value is an object that has no such form (a model, a function, an object array).
    """
    value = _plain(value)
    numbers = _as_numbers(value)
    if numbers is not None:
        return _from_array(numbers)
    floats: list[float] = []
    skeleton = _skeleton(value, floats, depth=0)
    text = json.dumps(skeleton, ensure_ascii=True, separators=(",", ":"))
    return Canonical("tree", (), text, np.array(floats, dtype=np.float64))


def as_kind(value: Canonical, kind: str) -> Canonical | None:
    """Return ``value`` seen as ``kind``, or None if that would change a number.

    A whole-numbered float is a fine answer where an integer is expected, and the other way
    round; 0 and 1 are fine where booleans are.
    """
    order = ("bool", "int", "float", "complex")
    if value.kind == kind:
        return value
    if value.kind not in order or kind not in order:
        return None
    numbers = value.numbers
    if value.kind == "complex":
        pairs = numbers.reshape(-1, 2)
        if np.any(pairs[:, 1] != 0):
            return None
        numbers = pairs[:, 0]
    if kind in ("float", "complex"):
        numbers = numbers.astype(np.float64)
        if kind == "complex":
            numbers = np.stack([numbers, np.zeros_like(numbers)], axis=1).ravel()
        return Canonical(kind, value.shape, "", numbers)
    if numbers.dtype != np.int64:
        # 2**63 itself is not an int64, so the upper bound is open.
        whole = np.isfinite(numbers) & (np.floor(numbers) == numbers)
        if not np.all(whole & (numbers >= -(2.0**63)) & (numbers < 2.0**63)):
            return None
        numbers = numbers.astype(np.int64)
    if kind == "bool" and not np.all((numbers == 0) | (numbers == 1)):
        return None
    return Canonical(kind, value.shape, "", numbers)


def describe(value: Canonical) -> str:
    """Say what a value is in a few words, without its content."""
    if value.kind == "tree":
        return "a structure of text, lists or mappings"
    if value.shape == ():
        names = {"bool": "a truth value", "int": "a whole number", "float": "a real number"}
        return names.get(value.kind, "a complex number")
    return f"{value.kind} numbers of shape {value.shape}"


def _plain(value: Any) -> Any:
    """Turn tensors, data frames and numpy scalars into arrays or Python scalars."""
    if hasattr(value, "detach") and hasattr(value, "cpu"):
        value = value.detach().cpu()
        if getattr(value, "is_sparse", False):
            value = value.to_dense()
        if str(getattr(value, "dtype", "")) in ("torch.bfloat16", "torch.float16"):
            value = value.float()
        return np.asarray(value.resolve_conj().resolve_neg().numpy())
    if hasattr(value, "to_numpy"):
        return np.asarray(value.to_numpy())
    if isinstance(value, np.generic):
        return value.item()
    return value


def _as_numbers(value: Any) -> Vector | None:
    """Return the array that ``value`` spells, or None if it does not spell one."""
    if isinstance(value, np.ndarray):
        if value.dtype.kind in "biufc":
            return np.asarray(value)
        if value.dtype.kind in "SU":
            return None
        raise NotEvidence(
            f"expected an array of numbers or text, found dtype {value.dtype}; "
            "convert it with .astype(...) first"
        )
    if isinstance(value, bool | float | complex):
        return np.asarray(value)
    if isinstance(value, int):
        return np.asarray(value) if -(2**63) <= value < 2**63 else None
    if isinstance(value, list | tuple) and value and _all_numbers(value, 0):
        try:
            array = np.array(_unwrapped(value))
        except (ValueError, OverflowError):
            return None  # ragged, or beyond int64: a tree
        return array if array.dtype.kind in "biufc" else None
    return None


def _all_numbers(value: Any, depth: int) -> bool:
    if depth > MAX_DEPTH:
        return False
    if isinstance(value, list | tuple):
        return all(_all_numbers(item, depth + 1) for item in value)
    if isinstance(value, bool | int | float | complex | np.number | np.bool_):
        return True
    plain = _plain(value)
    return isinstance(plain, np.ndarray) and plain.dtype.kind in "biufc"


def _unwrapped(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_unwrapped(item) for item in value]
    return _plain(value)


def _from_array(array: Vector) -> Canonical:
    shape = tuple(int(size) for size in array.shape)
    flat = np.ascontiguousarray(array).reshape(-1)
    if array.dtype.kind == "b":
        return Canonical("bool", shape, "", flat.astype(np.int64))
    if array.dtype.kind in "iu":
        if flat.dtype == np.uint64 and flat.size and int(flat.max()) >= 2**63:
            raise NotEvidence("expected whole numbers below 2**63, found a larger uint64")
        return Canonical("int", shape, "", flat.astype(np.int64))
    if array.dtype.kind == "c":
        return Canonical("complex", shape, "", flat.astype(np.complex128).view(np.float64))
    return Canonical("float", shape, "", flat.astype(np.float64))


def _skeleton(value: Any, floats: list[float], depth: int) -> Any:
    """Return the exact JSON structure of ``value``; its floats go to ``floats`` in order."""
    if depth > MAX_DEPTH:
        raise NotEvidence(f"expected at most {MAX_DEPTH} levels of nesting, found more")
    value = _plain(value)
    if isinstance(value, str):
        return ["s", value]
    if isinstance(value, bytes):
        return ["y", value.hex()]
    if value is None:
        return ["n"]
    if isinstance(value, bool):
        return ["b", int(value)]
    if isinstance(value, int):
        return ["i", str(value)]
    if isinstance(value, float):
        floats.append(value)
        return ["f"]
    if isinstance(value, complex):
        floats.extend((value.real, value.imag))
        return ["c"]
    if isinstance(value, np.ndarray):
        if value.dtype.kind in "SU":
            return ["a", list(value.shape), [str(item) for item in value.ravel()]]
        return _array_skeleton(value, floats)
    if isinstance(value, Mapping):
        items = sorted(
            ((_exact_text(key, depth), item) for key, item in value.items()),
            key=lambda pair: pair[0],
        )
        return ["d", [[key, _skeleton(item, floats, depth + 1)] for key, item in items]]
    if isinstance(value, Set):
        return ["S", sorted(_exact_text(item, depth) for item in value)]
    if isinstance(value, list | tuple | range | ValuesView):
        return ["l", [_skeleton(item, floats, depth + 1) for item in value]]
    raise NotEvidence(
        "expected numbers, text, arrays, tensors, lists or mappings, "
        f"found {type(value).__name__!r}; return its values instead"
    )


def _array_skeleton(array: Vector, floats: list[float]) -> Any:
    numbers = _as_numbers(array)
    assert numbers is not None  # text arrays were handled by the caller
    inner = _from_array(numbers)
    if inner.is_exact:
        return ["A", list(inner.shape), [int(item) for item in inner.numbers]]
    floats.extend(float(item) for item in inner.numbers)
    return ["F", list(inner.shape)]


def _exact_text(value: Any, depth: int) -> str:
    """Return the JSON text of a mapping's key or a set's element, which have no tolerance."""
    floats: list[float] = []
    text = json.dumps(_skeleton(value, floats, depth + 1))
    if floats:
        raise NotEvidence(
            "expected whole numbers or text as keys of a mapping or elements of a set, "
            "found a float; return a sorted list instead"
        )
    return text


def finite_scale(numbers: Vector) -> float:
    """Return the root mean square of the finite numbers, 0.0 if there are none.

    Computed after dividing by the largest magnitude, so that it neither overflows nor
    underflows.
    """
    finite = np.abs(numbers[np.isfinite(numbers)])
    top = float(finite.max()) if finite.size else 0.0
    if top == 0.0:
        return 0.0
    return top * math.sqrt(float(np.mean((finite / top) ** 2)))
