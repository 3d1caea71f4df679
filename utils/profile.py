"""Which profile and which seed this run uses.

A lab runs in one of two profiles, chosen by the environment variable ``LAB_PROFILE``:
``full`` (a student's default: real data, real budgets) or ``quick`` (CI and grading: small
data drawn from the run's seed, no network). The seed comes from ``DL_RUN_SEED``, which the
grader sets afresh for every run; a student's own session uses :data:`DEFAULT_SEED`.
"""

import os
from typing import Literal, TypeVar

from utils.language import sentence

T = TypeVar("T")
Profile = Literal["full", "quick"]

PROFILES: tuple[Profile, ...] = ("full", "quick")
DEFAULT_SEED = 2026


def profile() -> Profile:
    """Return the profile of this run, ``"full"`` unless ``LAB_PROFILE`` says otherwise.

    Raises
    ------
    ValueError
        If ``LAB_PROFILE`` is neither ``full`` nor ``quick``.
    """
    name = os.environ.get("LAB_PROFILE", "full")
    if name not in PROFILES:
        raise ValueError(sentence("settings.profile", found=name))
    return name


def budget(*, full: T, quick: T) -> T:
    """Return ``full`` or ``quick``, whichever belongs to this run's profile.

    Examples
    --------
    >>> import os
    >>> os.environ["LAB_PROFILE"] = "quick"
    >>> budget(full=10, quick=1)
    1
    """
    return full if profile() == "full" else quick


def run_seed() -> int:
    """Return the seed of this run (``DL_RUN_SEED``, or :data:`DEFAULT_SEED`).

    Raises
    ------
    ValueError
        If ``DL_RUN_SEED`` is not a whole number.
    """
    text = os.environ.get("DL_RUN_SEED", str(DEFAULT_SEED))
    try:
        return int(text)
    except ValueError:
        raise ValueError(sentence("settings.run_seed", found=text)) from None
