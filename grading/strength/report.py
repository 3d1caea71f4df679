"""What came of trying a lab's answers: numbers for a file, lines for people."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from grading.authoring.listed import Listed
from grading.strength.measure import Measured, Tried
from grading.strength.mutants import Mutant
from grading.strength.trial import Seen

LEAST_SHARE = 0.99  # of the mutants that are not equivalent


def summary(measured: Measured) -> dict[str, Any]:
    """Return the numbers of a lab, and every answer that was not treated as it should be."""
    tried = measured.tried
    of_kind: dict[str, list[Tried]] = {
        kind: [one for one in tried if one.kind == kind]
        for kind in ("mutant", "equivalent", "mistake", "variant")
    }
    survived = [one for one in of_kind["mutant"] if not one.is_killed]
    killed = len(of_kind["mutant"]) - len(survived)
    runs = Counter(len(one.graded) for one in tried)
    return {
        "mutants": len(of_kind["mutant"]),
        "killed": killed,
        "share": round(killed / len(of_kind["mutant"]), 4) if of_kind["mutant"] else None,
        "equivalent": len(of_kind["equivalent"]),
        "mistakes": len(of_kind["mistake"]),
        "refused": sum(one.is_refused for one in of_kind["mistake"]),
        "variants": len(of_kind["variant"]),
        "accepted": sum(one.is_accepted for one in of_kind["variant"]),
        "disagreements": sum(bool(one.disagreements) for one in tried),
        "answers_by_grading_seeds": {str(seeds): runs[seeds] for seeds in sorted(runs)},
        "survived": [_named(one) for one in survived],
        "equivalent_but_killed": [_named(one) for one in of_kind["equivalent"] if one.is_killed],
        "not_refused": [_named(one) for one in of_kind["mistake"] if not one.is_refused],
        "not_accepted": [
            _named(one) | {"why": _why_refused(one)}
            for one in of_kind["variant"]
            if not one.is_accepted
        ],
        "disagree": [
            _named(one)
            | {
                "checks": {
                    label: f"{'✓' if passed else '✗'} in the session, "
                    f"{count} of {len(one.graded)} grading runs"
                    for label, (passed, count) in one.disagreements.items()
                }
            }
            for one in tried
            if one.disagreements
        ],
        "lost_together": [
            {"exercise": f"variants {number}", "name": what}
            for number, seen in enumerate(measured.together, start=1)
            for what in _lost(seen)
        ],
    }


def lines(lab: str, found: dict[str, Any]) -> Iterator[str]:
    """Yield what `summary` found as lines to read."""
    for title, key in (
        ("Survived", "survived"),
        ("Named equivalent, but killed", "equivalent_but_killed"),
        ("Mistakes that are not refused", "not_refused"),
        ("Variants that are not accepted", "not_accepted"),
        ("Session and grading disagree", "disagree"),
        ("Lost by a whole hand-in of variants", "lost_together"),
    ):
        if found[key]:
            yield f"\n{title}:"
        for one in found[key]:
            yield from _as_lines(one)
    share = "–" if found["share"] is None else f"{found['share']:.1%}"
    yield (
        f"\n{lab}: {found['killed']} of {found['mutants']} mutants killed ({share}), "
        f"{found['equivalent']} equivalent; {found['refused']} of {found['mistakes']} mistakes "
        f"refused, {found['accepted']} of {found['variants']} variants accepted; "
        f"{found['disagreements']} disagreements"
    )


def is_sound(found: dict[str, Any]) -> bool:
    """Whether a lab's checks keep their promise."""
    wrong = ("equivalent_but_killed", "not_refused", "not_accepted", "disagree", "lost_together")
    killed = found["share"] is None or found["share"] >= LEAST_SHARE
    return killed and not any(found[key] for key in wrong)


def _as_lines(one: dict[str, Any]) -> Iterator[str]:
    yield f"  {one['exercise']}: {one.get('name') or one['operator']}"
    for sign, key in (("-", "before"), ("+", "after")):
        for line in one.get(key, "").splitlines():
            yield f"    {sign} {line}"
    if "why" in one:
        yield f"    {one['why']}"
    for label, where in one.get("checks", {}).items():
        yield f"    {label}: {where}"


def _named(tried: Tried) -> dict[str, str]:
    answer = tried.answer
    if isinstance(answer, Listed):
        return {"exercise": tried.exercise, "name": answer.name}
    assert isinstance(answer, Mutant)
    return {
        "exercise": tried.exercise,
        "operator": answer.operator,
        "before": answer.before,
        "after": answer.after,
    }


def _lost(seen: Seen) -> Iterator[str]:
    """Yield what a whole hand-in made of variants lost, and the first given cell that raised."""
    if seen.crash:
        yield f"the given cell {seen.crash}"
    for label, passed in seen.passed.items():
        if not passed:
            yield f"{label}: {seen.why.get(label, '')}"


def _why_refused(tried: Tried) -> str:
    """Return the first reason why a check, or a given cell, did not take a variant."""
    for where, seen in (
        ("in the session", tried.session),
        *(("in grading", s) for s in tried.graded),
    ):
        for label, passed in seen.passed.items():
            if not passed:
                return f"{where}: {label}: {seen.why.get(label, '')}"
        if seen.crash:
            return f"{where}: the given cell {seen.crash}"
        if not seen.passed:
            return f"{where}: it had to be stopped"
    return ""
