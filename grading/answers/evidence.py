"""Evidence: the records that a check cell leaves behind.

`grading.answers.encoding` makes JSON of them, `grading.answers.decoding` reads it back strictly.
Values of more than `MAX_NUMBERS_SENT` numbers are sent as a `Sketch`.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from grading.answers.canonical import (
    Canonical,
    NotEvidence,
    Reals,
    as_kind,
    canonical,
    finite_scale,
    split,
)
from grading.answers.projections import digest_of_integers, digest_of_specials, project
from grading.messages import Title

MIME = "application/vnd.dl-evidence+json"
VERSION = 1

MAX_NUMBERS_SENT = 16_384  # beyond, an answer is sent as a sketch
MAX_NUMBERS_SCORED = 1_000_000  # predictions must be sent whole, since metrics need them
MAX_TEXT = 65_536  # characters of an answer's exact part; a longer one is sent as its SHA-256
MAX_ANSWERS = 1_000  # cases of one check
MAX_LABEL = 200
MAX_MESSAGE = 300
SKETCH_ROWS = 4  # projections that each number of a large value takes part in
SKETCH_BLOCKS = 1_024
KINDS = ("bool", "int", "float", "complex", "tree")
CHECKS = ("value", "array", "call", "predictions", "metric", "group")
NAMELESS = Title("")  # the baseline of a check that measures nothing


@dataclass(frozen=True, eq=False)
class Sketch:
    """What is sent of a value with many numbers.

    Attributes
    ----------
    kind, shape, exact
        As in `grading.answers.canonical.Canonical`; ``exact`` of a tree is a SHA-256.
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
        Absolute tolerance; None for `grading.session.fingerprint.tolerance_of`'s default.
    metric : str
        Name in `grading.answers.metrics`; ``""`` for checks that compare answers.
    share : float
        How much of the way from the baseline to the reference earns the marks.
    baseline_name : Title
    baseline, truth : Canonical or None
    inputs : dict or None
        The hidden inputs, encoded, that a submission predicts on.
    words : mapping of str to str
        The label as people read it, see `grading.messages.Title`.
    """

    marks: float
    tol: float | None = None
    metric: str = ""
    share: float = 0.5
    baseline_name: Title = NAMELESS
    baseline: Canonical | None = None
    truth: Canonical | None = None
    inputs: Any = None
    words: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Evidence:
    """What one check leaves: its answers, and those of the checks inside a group."""

    label: str
    check: str
    answers: tuple[Answer, ...] = ()
    items: tuple["Evidence", ...] = ()


@dataclass(frozen=True, eq=False)
class Reference(Evidence):
    """What a check leaves in the reference's run: the answers, and the terms of the check."""

    items: tuple["Reference", ...] = ()
    spec: Spec = field(kw_only=True)

    @property
    def title(self) -> Title:
        """What people read in place of the label."""
        return Title(self.label, self.spec.words)


def answer_of(value: Any, *, seed: str, whole: bool = False) -> Answer:
    """Return the answer that holds ``value``.

    Parameters
    ----------
    value : Any
        Anything that `grading.answers.canonical.canonical` takes.
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
    size = form.numbers.size // floats_each(form.kind)
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


def floats_each(kind: str) -> int:
    """Return how many real numbers one number of a kind is."""
    return 2 if kind == "complex" else 1


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
