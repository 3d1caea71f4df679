"""The public key file of a lab: what a student's session needs to show ✓ and ✗.

Made from the evidence of the executed solution by ``python -m grading build``, never typed. It
holds fingerprints, limits, marks and section titles, and no answer.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grading.canonical import Canonical
from grading.evidence import SENT_PROJECTIONS, Answer
from grading.fingerprint import (
    Fingerprint,
    fingerprint,
    matches,
    projected_tolerance,
    tolerance_of,
)

FOLDER = Path(__file__).parent / "keys"


@dataclass(frozen=True)
class ListedCheck:
    """One check as the summary lists it."""

    cell: str
    label: str
    marks: float
    section: dict[str, str]


@dataclass(frozen=True)
class KeyFile:
    """What is public about a lab's checks.

    Attributes
    ----------
    lab : str
    source : str
        Hash of the solution that the keys were made from.
    checks : tuple of ListedCheck
        In the notebook's order.
    question_marks : float
        Marks of the written questions together.
    profiles : dict
        ``profiles[profile][label]`` is a check's entry, made by `entry_of_answers` or
        `entry_of_metric`.
    """

    lab: str
    source: str
    checks: tuple[ListedCheck, ...]
    question_marks: float
    profiles: dict[str, dict[str, Any]]

    @property
    def marks(self) -> float:
        """Marks of all checks together."""
        return sum(check.marks for check in self.checks)


def load(lab: str, folder: Path = FOLDER) -> KeyFile | None:
    """Read the keys of ``lab``; None if the kit has none."""
    path = folder / f"{lab}.json"
    if not path.exists():
        return None
    data = json.loads(path.read_text(encoding="utf-8"))
    return KeyFile(
        lab=data["lab"],
        source=data["source"],
        checks=tuple(ListedCheck(**check) for check in data["checks"]),
        question_marks=data["question_marks"],
        profiles=data["profiles"],
    )


def dump(keys: KeyFile) -> str:
    """Return the text of a key file, one line of JSON a check, so that it diffs well."""
    data = {
        "lab": keys.lab,
        "source": keys.source,
        "question_marks": keys.question_marks,
        "checks": [vars(check) for check in keys.checks],
        "profiles": keys.profiles,
    }
    return json.dumps(data, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def entry_of_answers(answers: tuple[Answer, ...], tol: float | None) -> dict[str, Any]:
    """Return the entry of a check that compares answers."""
    return {"answers": [_answer_entry(answer, tol) for answer in answers]}


def entry_of_metric(metric: str, limit: float) -> dict[str, Any]:
    """Return the entry of a check that measures: the score to reach."""
    return {"metric": metric, "limit": limit}


def _answer_entry(answer: Answer, tol: float | None) -> dict[str, Any]:
    entry: dict[str, Any] = {"changed": list(answer.changed)}
    if answer.raised:
        return entry | {"raises": answer.raised}
    assert answer.value is not None
    if answer.projected:
        tol = _sketch_tolerance(answer.value, tol)
    return entry | {"fingerprint": fingerprint(_sketch(answer), tol).to_json()}


def agrees(answer: Answer, entry: dict[str, Any]) -> bool:
    """Return whether an answer is the one behind an `entry_of_answers` item."""
    if list(answer.changed) != entry["changed"] or answer.raised != entry.get("raises", ""):
        return False
    if answer.raised:
        return True
    return matches(_sketch(answer), Fingerprint.from_json(entry["fingerprint"]))


def _sketch(answer: Answer) -> Canonical:
    """Return what is hashed: of a large array its projections, which are real numbers."""
    assert answer.value is not None
    if not answer.projected or answer.value.kind in ("tree", "complex"):
        return answer.value
    return Canonical("float", answer.value.shape, answer.value.exact, answer.value.numbers)


def _sketch_tolerance(value: Canonical, tol: float | None) -> float:
    """Return the tolerance for the hashed sum of a large array's projections."""
    size = 1
    for length in value.shape:
        size *= length
    norm = float(value.numbers[-1])
    if value.is_exact:
        return max(0.25, 1e-12 * norm)
    scale = Canonical("float", (1,), "", value.numbers[-1:] / max(size, 1) ** 0.5)
    # The hash sums SENT_PROJECTIONS projections once more; their errors add up like roundings.
    return projected_tolerance(tolerance_of(scale, tol), size) * SENT_PROJECTIONS**0.5
