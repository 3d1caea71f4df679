"""Three hints for a check: what is expected, the author's hint, and a case to try by hand.

Made from what a student's session knows anyway: the public key, the notebook and the student's own
answer. None of them is the answer.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from grading.answers.evidence import Answer, Evidence, Sketch
from grading.answers.reasons import describe, reason_of_exception
from grading.messages import Reason, message
from grading.session.keyfile import agrees
from grading.session.outcomes import Hint, expected_kind

MAX_SHOWN = 160  # characters of an input or an answer
MAX_LISTED = 8  # numbers that are listed one by one

Inputs = Callable[[], Sequence[Mapping[str, Any]]]


def three_hints(
    evidence: Evidence,
    entry: Callable[[str], dict[str, Any] | None],
    inputs: Inputs | None,
    author: Hint | None,
    lang: str,
) -> list[str]:
    """Return the hints of a check, vaguest first; fewer than three where there is less to say.

    Parameters
    ----------
    evidence : Evidence
        What the student's code gave just now.
    entry : callable
        Returns the public entry of a label, None if there is none.
    inputs : callable, optional
        Draws the cases of a ``call`` again, each as its arguments by name.
    author : dict, optional
        The hint written in the notebook, by language.
    lang : str
    """
    part = _open_part(evidence, entry)
    known = entry(part.label) or {}
    found = [_expected(known, lang)]
    if author:
        found.append(author.get(lang) or next(iter(author.values())))
    found.append(_example(part, known, inputs if part is evidence else None, lang))
    return [hint for hint in found if hint]


def _open_part(evidence: Evidence, entry: Callable[[str], dict[str, Any] | None]) -> Evidence:
    """Return the first check of a group that does not agree with its key; else the check itself."""
    for item in evidence.items:
        answers = (entry(item.label) or {}).get("answers")
        if answers is None or _first_wrong(item.answers, answers) is not None:
            return item
    return evidence


def _first_wrong(answers: Sequence[Answer], entries: Sequence[dict[str, Any]]) -> int | None:
    if len(answers) != len(entries):
        return 0
    pairs = zip(answers, entries, strict=True)
    return next((n for n, (answer, known) in enumerate(pairs) if not agrees(answer, known)), None)


def _expected(known: dict[str, Any], lang: str) -> str:
    """Say what kind of thing should come out, or which score."""
    if "metric" in known:
        return message("help.score", lang, metric=known["metric"], limit=f"{known['limit']:.4g}")
    answers = known.get("answers")
    if not answers:
        return ""
    if answers[0].get("raises"):
        return message("help.raises", lang, expected=answers[0]["raises"])
    what = expected_kind(answers[0])
    key = "help.cases" if len(answers) > 1 else "help.expected"
    return message(key, lang, expected=what, count=len(answers))


def _example(part: Evidence, known: dict[str, Any], inputs: Inputs | None, lang: str) -> str:
    """Show the first answer that is not right and, for a call, what it was called with."""
    if not part.answers:
        return ""
    number = _first_wrong(part.answers, known.get("answers", [])) or 0
    answer = part.answers[min(number, len(part.answers) - 1)]
    yours = _said(answer, lang)
    if inputs is None:
        return message("help.yours", lang, found=yours)
    try:
        arguments = inputs()[number]
    except Exception:  # what draws the inputs may need an exercise that is not done yet
        return message("help.yours", lang, found=yours)
    shown = ", ".join(f"{name} = {_short(value)}" for name, value in arguments.items())
    return message("help.case", lang, inputs=shown, found=yours)


def _said(answer: Answer, lang: str) -> str:
    """Put the student's answer in words: an exception, or a value with its first numbers."""
    value = answer.value
    if value is None:
        return reason_of_exception(answer).text(lang)
    what = describe(value).text(lang)
    if isinstance(value, Sketch) or value.numbers.size == 0:
        return what
    if value.numbers.size <= MAX_LISTED:
        return f"{what}: {_short(value.numbers.tolist())}"
    numbers = value.numbers.astype(float)
    spread = {"least": numbers.min(), "most": numbers.max(), "mean": numbers.mean()}
    shown = {name: f"{number:.4g}" for name, number in spread.items()}
    return Reason("help.spread", {"what": what, **shown}).text(lang)


def _short(value: Any) -> str:
    """Return a value as one line of at most `MAX_SHOWN` characters."""
    try:
        if hasattr(value, "detach"):
            value = value.detach().cpu().numpy()
        with np.printoptions(precision=4, threshold=MAX_LISTED, edgeitems=2):
            text = str(value) if isinstance(value, np.ndarray) else repr(value)
            text = re.sub(r"\s*\n\s*", " ", text)  # of an array's lines; text keeps its spaces
    except Exception:
        text = type(value).__name__
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…"
