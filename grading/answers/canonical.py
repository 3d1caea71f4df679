"""One form for every value that can be evidence.

A value becomes an exact part (structure and text) and a vector of numbers, some of them whole and
compared exactly, the others real and compared with a tolerance. `evidence` sends this form,
`fingerprint` hashes it and `judge` compares it, so that the three cannot disagree about what a
value is.
"""

import json
import math
from collections import deque
from collections.abc import Mapping, Set, ValuesView
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy import ma

from grading.messages import message

MAX_DEPTH = 32
MAX_WHOLE = 2**53  # up to here a float64 holds every whole number
PLAIN = frozenset({bool, int, float, complex, str, bytes, list, tuple, dict, type(None)})

Vector = npt.NDArray[Any]
Reals = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


class NotEvidence(TypeError):
    """The value has no canonical form; the message says what was expected and found.

    Parameters
    ----------
    kind : str
        The sentence that says so, in the section ``not_evidence`` of the strings.
    found : object, optional
        What it names.

    Attributes
    ----------
    code : str
        Both, in no language.
    """

    def __init__(self, kind: str, found: object = "") -> None:
        super().__init__(message(f"not_evidence.{kind}", "en", found=found))
        self.code = f"{kind}: {found}"


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
        JSON text of a tree's structure and of its text; ``""`` for the other kinds.
    numbers : ndarray, shape (n,)
        The numbers in row-major order: int64 for ``bool`` and ``int``, else float64. A complex
        number is two floats. The numbers of a tree, in the order of its structure.
    types : str
        One letter for each number of a tree: ``i`` for a whole one, ``f`` for a real one. ``""``
        for the other kinds, whose numbers are all alike.
    """

    kind: str
    shape: tuple[int, ...]
    exact: str
    numbers: Vector
    types: str = ""

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
        If the value has no such form (a model, a function, dates, a list that contains itself).
    """
    try:
        with np.errstate(all="ignore"):
            return _canonical(value)
    except NotEvidence:
        raise
    except Exception as error:  # reading it may run code of the student's, as in a property
        detail = f"{type(error).__name__}: {error}"
        raise NotEvidence("unreadable", " ".join(detail[:100].split())) from None


def _canonical(value: Any) -> Canonical:
    value = _plain(value)
    array = _as_array(value)
    if array is not None:
        return _from_array(array)
    leaves = _Leaves()
    text = json.dumps(_skeleton(value, leaves, depth=0), ensure_ascii=True, separators=(",", ":"))
    return Canonical("tree", (), text, np.array(leaves.numbers, float), "".join(leaves.types))


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


def split(value: Canonical, types: str) -> tuple[Integers, Reals] | None:
    """Return the numbers of ``value`` that are compared exactly, and those with a tolerance.

    Parameters
    ----------
    value : Canonical
    types : str
        Of the answer that it is compared with, which says for a tree which numbers are whole.

    Returns
    -------
    tuple of ndarray, or None
        None if there are not as many numbers as types, or one that should be whole is not.
    """
    if value.is_exact:
        return value.numbers, np.zeros(0)
    if value.kind != "tree":
        return np.zeros(0, np.int64), value.numbers
    if len(types) != value.numbers.size:
        return None
    is_whole = np.frombuffer(types.encode("ascii"), "S1") == b"i"
    whole = value.numbers[is_whole]
    if not np.all((np.abs(whole) <= MAX_WHOLE) & (np.floor(whole) == whole)):
        return None
    return whole.astype(np.int64), value.numbers[~is_whole]


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


def _plain(value: Any) -> Any:
    """Turn tensors, data frames, numpy scalars and other containers into arrays and lists."""
    if type(value) in PLAIN:
        return value
    if hasattr(value, "detach") and hasattr(value, "cpu"):
        value = value.detach().cpu().to_dense().resolve_conj().resolve_neg()
        return np.asarray((value.double() if value.is_floating_point() else value).numpy())
    if hasattr(value, "to_numpy"):
        value = value.to_numpy()
    if isinstance(value, np.generic) and not isinstance(value, str | bytes):
        value = np.asarray(value)
    if isinstance(value, np.ndarray):
        return _plain_array(value)
    if isinstance(value, range | ValuesView | deque):
        return list(value)
    return value


def _plain_array(array: Vector) -> Any:
    """Return an array of numbers as it is, any other as the nested list of its elements."""
    if ma.isMaskedArray(array):
        raise NotEvidence("masked")
    beyond_int64 = array.dtype.kind == "u" and array.size and int(array.max()) >= 2**63
    if array.dtype.kind in "SUOT" or beyond_int64:
        return _plain(array.tolist())
    if array.dtype.kind in "biufc":
        return np.asarray(array)
    raise NotEvidence("dtype", array.dtype)


def _as_array(value: Any) -> Vector | None:
    """Return the array that a plain value spells, or None if it does not spell one."""
    if isinstance(value, np.ndarray):
        return value
    if isinstance(value, bool | float | complex):
        return np.asarray(value)
    if isinstance(value, int):
        return np.asarray(int(value), np.int64) if -(2**63) <= value < 2**63 else None
    if not isinstance(value, list | tuple) or not _all_numbers(value, 0):
        return None
    try:
        array = np.array(_unwrapped(value))
    except (ValueError, OverflowError):
        return None  # ragged, or beyond int64: a tree
    if array.dtype.kind not in "bifc" or (array.dtype.kind == "f" and _only_whole(value)):
        return None  # integers too large for int64, which numpy makes floats or objects
    return array


def _all_numbers(value: Any, depth: int) -> bool:
    if depth > MAX_DEPTH:
        return False
    if isinstance(value, list | tuple):
        return all(_all_numbers(item, depth + 1) for item in value)
    return _is_number(value) or isinstance(_plain(value), np.ndarray)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, complex))


def _only_whole(value: Any) -> bool:
    """Whether a list that is not empty holds nothing but whole numbers."""
    if isinstance(value, list | tuple):
        return bool(value) and all(_only_whole(item) for item in value)
    return isinstance(value, int) or getattr(_plain(value), "dtype", np.dtype("f8")).kind in "biu"


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
        return Canonical("int", shape, "", flat.astype(np.int64))
    if array.dtype.kind == "c":
        return Canonical("complex", shape, "", flat.astype(np.complex128).view(np.float64))
    return Canonical("float", shape, "", flat.astype(np.float64))


@dataclass(frozen=True)
class _Leaves:
    """The numbers of a tree and their types, in the order in which its structure names them."""

    numbers: list[float] = field(default_factory=list)
    types: list[str] = field(default_factory=list)


def _skeleton(value: Any, leaves: _Leaves, depth: int) -> Any:
    """Return the exact JSON structure of ``value``; its numbers go to ``leaves`` in order."""
    if depth > MAX_DEPTH:
        raise NotEvidence("deep", MAX_DEPTH)
    value = _plain(value)
    if isinstance(value, str):
        return ["s", value]
    if isinstance(value, bytes | bytearray):
        return ["y", bytes(value).hex()]
    if value is None:
        return ["n"]
    array = _as_array(value)
    if array is not None:
        return _number_skeleton(_from_array(array), leaves)
    if isinstance(value, int):
        return ["i", hex(value)]
    if isinstance(value, Mapping):
        items = sorted(
            ((_exact_text(key, depth), item) for key, item in value.items()),
            key=lambda pair: pair[0],
        )
        return ["d", [[key, _skeleton(item, leaves, depth + 1)] for key, item in items]]
    if isinstance(value, Set):
        return ["S", sorted(_exact_text(item, depth) for item in value)]
    if isinstance(value, list | tuple):
        return ["l", [_skeleton(item, leaves, depth + 1) for item in value]]
    raise NotEvidence("type", repr(type(value).__name__))


def _number_skeleton(array: Canonical, leaves: _Leaves) -> Any:
    """Return the structure of a number or an array inside a tree."""
    numbers = array.numbers.tolist()
    if array.is_exact and not all(-MAX_WHOLE <= number <= MAX_WHOLE for number in numbers):
        return ["I", list(array.shape), [hex(number) for number in numbers]]
    leaves.numbers.extend(numbers)
    leaves.types.append(("i" if array.is_exact else "f") * len(numbers))
    return ["c" if array.kind == "complex" else "#", list(array.shape)]


def _exact_text(value: Any, depth: int) -> str:
    """Return the JSON text of a mapping's key or a set's element, which have no tolerance."""
    leaves = _Leaves()
    skeleton = _skeleton(value, leaves, depth + 1)
    if "f" in "".join(leaves.types):
        raise NotEvidence("key")
    return json.dumps([skeleton, [int(number) for number in leaves.numbers]])
