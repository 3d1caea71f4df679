"""Strategies for the values that evidence is made of, and what several tests ask of them."""

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from grading.session import fingerprint

FLOATS = st.floats(-1e9, 1e9, allow_nan=False)
ANY_FLOATS = st.floats(width=64)
SHAPES = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5)
INT_DTYPES = st.sampled_from(["i1", "i4", "i8", "u1", "u4"])
ARRAYS = st.one_of(
    hnp.arrays(np.bool_, SHAPES),
    INT_DTYPES.flatmap(lambda dtype: hnp.arrays(dtype, SHAPES)),
    hnp.arrays(np.float64, SHAPES, elements=ANY_FLOATS),
    hnp.arrays(np.float32, SHAPES),
    hnp.arrays(np.complex128, SHAPES),
)
SCALARS = st.one_of(st.booleans(), st.integers(), ANY_FLOATS, st.complex_numbers())
TEXT = st.text(max_size=20)
TREES = st.recursive(
    st.one_of(SCALARS, TEXT, st.binary(max_size=8), st.none(), ARRAYS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.tuples(inner, inner),
        st.dictionaries(st.one_of(TEXT, st.integers()), inner, max_size=4),
        st.sets(st.one_of(TEXT, st.integers()), max_size=4),
    ),
    max_leaves=8,
)


# --- JSON that a submission may send -----------------------------------------------------------

JSON_LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(10**400), 10**400),
    st.floats(),
    st.text(max_size=12),
    st.sampled_from(["value", "group", "call", "metric", "tree", "float", "int", ""]),
)
PAYLOAD_KEYS = [
    *("v", "check", "label", "answers", "items", "spec", "value", "sketch", "changed"),
    *("raised", "message", "kind", "shape", "exact", "types", "npy", "size", "scale", "whole"),
]
JSON_VALUES = st.recursive(
    JSON_LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.sampled_from(PAYLOAD_KEYS), inner, max_size=6),
    ),
    max_leaves=12,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path to each part of a JSON value."""
    yield path
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(item, (*path, key))


@st.composite
def mutations(draw: st.DrawFn, payloads: Sequence[Any]) -> Any:
    """One of the payloads with things in it replaced, removed, repeated or cut."""
    payload = copy.deepcopy(draw(st.sampled_from(payloads)))
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(list(places(payload))))
        if not path:
            return draw(JSON_VALUES)
        parent = payload
        for key in path[:-1]:
            parent = parent[key]
        old, how = parent[path[-1]], draw(st.integers(0, 4))
        if how == 0 and isinstance(parent, dict):
            del parent[path[-1]]
        elif how == 1 and isinstance(old, str):
            parent[path[-1]] = old[: draw(st.integers(0, len(old)))]
        elif how == 2 and isinstance(old, str) and old:
            at = draw(st.integers(0, len(old) - 1))
            parent[path[-1]] = old[:at] + draw(st.characters()) + old[at + 1 :]
        elif how == 3 and isinstance(old, list):
            parent[path[-1]] = old * draw(st.integers(2, 3))
        else:
            parent[path[-1]] = draw(JSON_VALUES)
    return payload


@contextmanager
def fast_hashes() -> Iterator[None]:
    """Make the slow hash of fingerprints fast, for tests that try many."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fingerprint, "SCRYPT_COST", 2)
        yield


def softmax(x: Any) -> Any:
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


# What a student computes in float32 and the reference in float64, or the other way round.
COMPUTATIONS = {
    "matmul": lambda x: x @ x.T,
    "softmax": softmax,
    "log_softmax": lambda x: np.log(softmax(x)),
    "cumsum": lambda x: np.cumsum(x),
    "normalised": lambda x: (x - x.mean(axis=0)) / x.std(axis=0),
    "normalised far from zero": lambda x: ((x + 50) - (x + 50).mean()) / (x + 50).std(),
    "softplus": lambda x: np.log1p(np.exp(3 * x)),
    "exp": lambda x: np.exp(8 * x),
    "chain": lambda x: np.tanh(x @ x.T / x.shape[1]) @ np.log1p(x**2),
    "cross entropy": lambda x: -np.log(softmax(x)[..., 0]).mean(),
    "mean of the centred": lambda x: (x - x.mean()).mean(),
    "spectrum": lambda x: np.fft.fft(x.ravel()).astype(
        np.complex64 if x.dtype == np.float32 else np.complex128
    ),
}
