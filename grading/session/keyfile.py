"""The public key file of a lab: what a student's session needs to show ✓ and ✗.

Made from the evidence of the executed solution by ``python -m grading build``, never typed. It
holds fingerprints, limits, marks and section titles, and no answer.
"""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from grading.answers.canonical import Canonical
from grading.answers.evidence import SKETCH_BLOCKS, Answer, Sketch
from grading.answers.reasons import describe
from grading.answers.tolerance import tolerance_of
from grading.cells.names import NOTHING_LOCKED, Locked
from grading.places import KEYS
from grading.session.fingerprint import Fingerprint, fingerprint, matches


@dataclass(frozen=True)
class ListedCheck:
    """One check as the summary lists it."""

    cell: str
    label: str
    marks: float
    section: dict[str, str]
    minutes: float = 0  # of the exercises that it covers, its share
    title: dict[str, str] = field(default_factory=dict)  # by language; empty if it is the label
    covers: tuple[str, ...] = ()  # ids of exercises


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
    seconds : dict
        ``seconds[profile]`` is how long the solution computed, without a GPU, when the keys were
        made.
    locked : Locked
        Which cells of the notebook are the lab's own, and which names are the student's.
    """

    lab: str
    source: str
    checks: tuple[ListedCheck, ...]
    question_marks: float
    profiles: dict[str, dict[str, Any]]
    seconds: dict[str, float] = field(default_factory=dict)
    locked: Locked = NOTHING_LOCKED

    @property
    def marks(self) -> float:
        """Marks of all checks together."""
        return sum(check.marks for check in self.checks)


def load(lab: str, folder: Path | None = None) -> KeyFile | None:
    """Read the keys of ``lab``; None if there are none.

    They are looked for in ``folder``, else in the one that ``DL_KEYS`` names, else in the kit's.
    """
    path = (folder or Path(os.environ.get("DL_KEYS") or KEYS)) / f"{lab}.json"
    if not path.exists():
        return None
    data = json.loads(path.read_text(encoding="utf-8"))
    return KeyFile(
        lab=data["lab"],
        source=data["source"],
        checks=tuple(
            ListedCheck(**check | {"covers": tuple(check.get("covers", ()))})
            for check in data["checks"]
        ),
        question_marks=data["question_marks"],
        profiles=data["profiles"],
        seconds=data.get("seconds", {}),
        locked=Locked.from_json(data.get("locked", {})),
    )


def dump(keys: KeyFile) -> str:
    """Return the text of a key file, one line a check, so that it diffs well."""
    checks = ",\n".join(f"  {_line(_listed(check))}" for check in keys.checks)
    profiles = ",\n".join(
        f"  {_line(name)}: {{\n"
        + ",\n".join(f"   {_line(label)}: {_line(entries[label])}" for label in sorted(entries))
        + "\n  }"
        for name, entries in sorted(keys.profiles.items())
    )
    return (
        f'{{\n "lab": {_line(keys.lab)},\n "source": {_line(keys.source)},\n'
        f' "question_marks": {_line(keys.question_marks)},\n "seconds": {_line(keys.seconds)},\n'
        f' "locked": {_line(keys.locked.to_json())},\n'
        f' "checks": [\n{checks}\n ],\n "profiles": {{\n{profiles}\n }}\n}}\n'
    )


def _listed(check: ListedCheck) -> dict[str, Any]:
    empty = {name for name in ("title", "covers") if not getattr(check, name)}
    return {key: value for key, value in asdict(check).items() if key not in empty}


def _line(data: Any) -> str:
    return json.dumps(data, ensure_ascii=False, sort_keys=True)


def entry_of_answers(answers: tuple[Answer, ...], tol: float | None) -> dict[str, Any]:
    """Return the entry of a check that compares answers."""
    return {"answers": [_answer_entry(answer, tol) for answer in answers]}


def entry_of_metric(metric: str, limit: float, margin: float = 0.0) -> dict[str, Any]:
    """Return the entry of a check that measures: the score to reach, and how near is in doubt."""
    return {"metric": metric, "limit": limit, "margin": margin}


def _answer_entry(answer: Answer, tol: float | None) -> dict[str, Any]:
    entry: dict[str, Any] = {"changed": list(answer.changed)}
    value = answer.value
    if value is None:
        return entry | {"raises": answer.raised}
    if value.kind == "tree":
        entry["tree"] = describe(value).key
    if isinstance(value, Canonical):
        return entry | {"fingerprint": fingerprint(value, tol).to_json()}
    # What is hashed of a sketch's sums are sums of them, which allow for their own spread.
    sums = tolerance_of(value.scale, tol).of_sums(-(-value.size // SKETCH_BLOCKS), spread=1.0)
    public = fingerprint(_hashable(value, value.kind), sums.absolute)
    return entry | {"fingerprint": public.to_json(), "sketch": value.kind}


def agrees(answer: Answer, entry: dict[str, Any]) -> bool:
    """Return whether an answer is the one behind an `entry_of_answers` item."""
    if list(answer.changed) != entry["changed"] or answer.raised != entry.get("raises", ""):
        return False
    value, kind = answer.value, entry.get("sketch")
    if value is None:
        return True
    if isinstance(value, Sketch) != (kind is not None):
        return False
    seen = _hashable(value, str(kind)) if isinstance(value, Sketch) else value
    return matches(seen, Fingerprint.from_json(entry["fingerprint"]))


def _hashable(value: Sketch, kind: str) -> Canonical:
    """Return what is hashed of a sketch, seen as a reference of ``kind`` sees it."""
    if kind in ("bool", "int"):
        return Canonical("float", value.shape, value.whole, value.sums[:0])
    whole = value.whole if kind == "tree" else ""
    is_alike = kind == value.kind or "complex" not in (kind, value.kind)
    exact = json.dumps([is_alike, value.exact, value.size, whole, value.specials])
    return Canonical("float", value.shape, exact, value.sums)
