"""Run what a check asks for, and turn whatever happens into an answer.

The random number generators are seeded for each probe and put back afterwards, so that a check
neither depends on what ran before it nor disturbs what runs after it.
"""

import random
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from grading.answers.canonical import Canonical, NotEvidence, canonical
from grading.answers.evidence import MAX_ANSWERS, MAX_LABEL, MAX_MESSAGE, Answer, answer_of
from grading.cells.names import MARK

Cases = Callable[[np.random.Generator], Sequence[tuple[Any, ...]]]


def generator(seed: int, label: str) -> np.random.Generator:
    """Return the generator of one check: its own stream of the run's seed."""
    return np.random.default_rng([seed, zlib.crc32(label.encode())])


def probe(thunk: Callable[[], Any], *, seed: int, label: str, whole: bool = False) -> Answer:
    """Return the answer of ``thunk()``: its value, or the exception it raised.

    Only KeyboardInterrupt passes through, so that a grader's time limit and a student's stop
    button work.
    """
    stream = f"{seed}:{label}"
    try:
        with seeded(stream):
            return answer_of(thunk(), seed=stream, whole=whole)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return raised(error)


def draw_cases(cases: Cases, *, seed: int, label: str) -> list[tuple[Any, ...]]:
    """Return the tuples of arguments that ``cases`` draws from the run's seed.

    Raises
    ------
    TypeError, ValueError
        If ``cases`` returns something else, or more than `evidence.MAX_ANSWERS` cases.
        What ``cases`` itself raises passes through.
    """
    with seeded(f"{seed}:{label}"):
        drawn = list(cases(generator(seed, label)))
    if len(drawn) > MAX_ANSWERS:
        raise ValueError(f"check {label!r}: expected at most {MAX_ANSWERS} cases, got {len(drawn)}")
    for index, arguments in enumerate(drawn):
        if not isinstance(arguments, tuple):
            raise TypeError(
                f"check {label!r}: case {index + 1} is {type(arguments).__name__!r}; "
                "expected a tuple of arguments, such as (text,)"
            )
    return drawn


def probe_calls(
    function: Callable[..., Any], drawn: Sequence[tuple[Any, ...]], *, seed: int, label: str
) -> list[Answer]:
    """Return one answer for each tuple of arguments.

    Arguments that the function changes in place are noted in ``Answer.changed``.
    """
    answers = []
    for index, arguments in enumerate(drawn):
        before = [_snapshot(argument) for argument in arguments]
        answer = probe(partial(function, *arguments), seed=seed, label=f"{label}:{index}")
        changed = tuple(
            position
            for position, (argument, old) in enumerate(zip(arguments, before, strict=True))
            if old is not None and not _same(old, _snapshot(argument))
        )
        answers.append(replace(answer, changed=changed))
    return answers


def raised(error: BaseException) -> Answer:
    """Return the answer that says which exception took the value's place."""
    try:
        text = error.code if type(error) is NotEvidence else str(error)
        lines = text.replace(MARK, "").strip().splitlines()
    except Exception:  # the text is the student's code, too
        lines = []
    name = type(error).__name__[:MAX_LABEL] or "Exception"
    return Answer(raised=name, message=(lines or [""])[0][:MAX_MESSAGE])


@contextmanager
def seeded(stream: str) -> Iterator[None]:
    """Seed Python's, numpy's and torch's generators from ``stream``, then put them back."""
    number = zlib.crc32(stream.encode())
    torch = sys.modules.get("torch")
    python_state, numpy_state = random.getstate(), np.random.get_state()
    torch_state = torch.get_rng_state() if torch else None
    random.seed(number)
    np.random.seed(number)
    if torch:
        torch.default_generator.manual_seed(number)
    try:
        yield
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)
        if torch:
            torch.set_rng_state(torch_state)


def _snapshot(argument: Any) -> Canonical | None:
    """Return the argument's canonical form, None for what has none (a function, a model)."""
    try:
        return canonical(argument)
    except NotEvidence:
        return None


def _same(one: Canonical, other: Canonical | None) -> bool:
    return (
        other is not None
        and (one.kind, one.shape, one.exact, one.types)
        == (other.kind, other.shape, other.exact, other.types)
        and np.array_equal(one.numbers, other.numbers, equal_nan=True)
    )
