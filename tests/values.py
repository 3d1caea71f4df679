"""Strategies for the values that evidence is made of, and what several tests ask of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from grading import fingerprint

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
