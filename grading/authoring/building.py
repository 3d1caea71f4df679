"""From a lab's source to what is committed: the student notebooks and the public keys."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from grading.answers.evidence import Reference
from grading.authoring import (
    Lab,
    checks,
    instructor_notebook,
    minutes_of_check,
    parse_lab,
    questions,
    render,
    section_of_check,
    solution_hash,
    student_notebook,
    verify_student_notebook,
)
from grading.authoring.listed import missing_answers, read_answers
from grading.authoring.parts import source_of
from grading.cells.names import locked
from grading.course.config import LANGUAGES, Course
from grading.engine.executor import Executor
from grading.errors import UserError
from grading.judging.assess import Terms, prepare
from grading.judging.judge import compare_answers, metric_limit
from grading.places import KEYS
from grading.session import keyfile
from grading.session.keyfile import KeyFile, ListedCheck
from grading.session.outcomes import (
    Outcome,
    outcome_of_answers,
    outcome_of_group,
    outcome_of_metric,
)
from utils.profile import DEFAULT_SEED, PROFILES, Profile


@dataclass(frozen=True)
class Paths:
    """Where a lab's files are in the course's folder."""

    source: Path
    students: dict[str, Path]
    keys: Path
    costs: Path


def paths(course: Course, lab: str) -> Paths:
    """Return where the source, the built notebooks and the keys of ``lab`` are."""
    notebooks = course.root / "notebooks"
    in_the_kit = KEYS.is_relative_to(course.root)
    keys = KEYS if in_the_kit else course.home / "keys"
    return Paths(
        source=source_of(notebooks / "source", lab),
        students={lang: notebooks / lang / f"{lab}.ipynb" for lang in LANGUAGES},
        keys=keys / f"{lab}.json",
        costs=notebooks / "source" / "costs.json",
    )


def load_keys(course: Course, lab: str) -> KeyFile | None:
    """Read the committed keys of a lab; None if there are none."""
    return keyfile.load(lab, paths(course, lab).keys.parent)


def read_lab(course: Course, lab: str) -> Lab:
    """Parse the source of ``lab``."""
    course.lab(lab)
    source = paths(course, lab).source
    if not source.exists():
        raise UserError(
            f"no source of {lab} in {source.parent}; a lab in course.toml needs a folder {lab} "
            f"there, with its parts, or a file {source.name}"
        )
    return parse_lab(source)


def student_files(course: Course, lab: Lab, commit: str = "") -> dict[Path, str]:
    """Return the text of the lab's student notebooks, by where they belong.

    They name ``commit`` as that of the kit, see `student_notebook`.
    """
    where = paths(course, lab.name).students
    return {where[lang]: render(student_notebook(lab, lang, course, commit)) for lang in LANGUAGES}


def require_answers(lab: Lab) -> None:
    """Refuse a lab with an exercise that lists too few mistakes or variants.

    Raises
    ------
    UserError
        In one line.
    """
    if lacking := missing_answers(read_answers(lab)):
        more = f" (and {len(lacking) - 1} more)" if lacking[1:] else ""
        raise UserError(f"{lab.name}: {lacking[0]}{more}")


def differences(course: Course, lab: Lab) -> list[str]:
    """Return one line for each way in which the committed files are not what the source builds."""
    found = []
    for path, text in student_files(course, lab).items():
        name = path.relative_to(course.root)
        if not path.exists():
            found.append(f"{name} is missing; run `python -m grading build`")
        elif path.read_text(encoding="utf-8") != text:
            found.append(f"{name} is not what its source builds; run `python -m grading build`")
    for lang in LANGUAGES:
        found += verify_student_notebook(student_notebook(lab, lang, course), lab)
    found += [f"{lab.name}: {line}" for line in missing_answers(read_answers(lab))]
    return found + stale_keys(course, lab)


def stale_keys(course: Course, lab: Lab) -> list[str]:
    """Say in one line why the committed keys are not those of the source; nothing if they are."""
    keys = load_keys(course, lab.name)
    if keys is None or keys.source != solution_hash(lab) or not keys.profiles:
        return [
            f"the keys of {lab.name} were made from another version of its solution; "
            "run `python -m grading build`"
        ]
    if keys != up_to_date(keys, lab):
        return [
            f"the keys of {lab.name} name other sections, minutes, points or cells than its "
            "source; run `python -m grading build`"
        ]
    return []


def up_to_date(keys: KeyFile, lab: Lab) -> KeyFile:
    """Return keys with the sections, minutes, points and locked cells that the source has now."""
    sections, minutes = section_of_check(lab), minutes_of_check(lab)
    labels = Counter(check.cell for check in keys.checks)
    covers = {cell.id: tuple(cell.covers) for cell in lab.of_role("check")}
    return replace(
        keys,
        checks=tuple(
            replace(
                check,
                section=sections[check.cell],
                minutes=round(minutes[check.cell] / labels[check.cell], 2),
                covers=covers[check.cell],
            )
            for check in keys.checks
        ),
        question_marks=sum(questions(lab).values()),
        locked=locked((cell.role, cell.code) for cell in lab.cells if cell.is_code),
    )


def stale_profiles(course: Course, lab: Lab, wanted: Iterable[Profile] = PROFILES) -> list[Profile]:
    """Return the profiles for which the lab has no keys made from its present solution."""
    keys = load_keys(course, lab.name)
    if keys is None or keys.source != solution_hash(lab):
        return list(wanted)
    return [profile for profile in wanted if profile not in keys.profiles]


def work_of(course: Course, lab: Lab) -> Path:
    """Return the folder from which an interrupted run of the solution goes on."""
    return course.home / "work" / lab.name


async def run_solution(
    engine: Executor, course: Course, lab: Lab, profile: Profile, seed: int = DEFAULT_SEED
) -> Terms:
    """Execute the solution, by default as a student's session would draw it."""
    solution = instructor_notebook(lab, course.language, course)
    return await prepare(engine, solution, profile, seed, work_of(course, lab).parent)


def refuse_constants(lab: Lab, one: Terms, other: Terms) -> None:
    """Refuse a lab with a check of more than one mark whose answer two seeds do not change.

    Such an answer can be put in place of work by whoever has seen it once.

    Raises
    ------
    UserError
        In one line, with every such check.
    """
    drawn = {item.label: item for _, item in other.evidence}
    constant = [
        f"{item.label!r} ({item.spec.marks:g})"
        for _, item in one.evidence
        if item.spec.marks > 1 and is_same(item, drawn[item.label])
    ]
    if constant:
        raise UserError(
            f"{lab.name}: the answer is the same for any seed in {', '.join(constant)}; draw what "
            "it is asked of from rng in cases=, or give it 1 mark at most"
        )


def is_same(one: Reference, other: Reference) -> bool:
    """Whether a check of two runs of the solution has the same answer within its tolerance."""
    if one.check == "group":
        return all(map(is_same, one.items, other.items))
    if one.spec.metric or len(one.answers) != len(other.answers):
        return False
    pairs = zip(one.answers, other.answers, strict=True)
    return all(compare_answers(mine, theirs, one.spec) is None for mine, theirs in pairs)


def marks_against_keys(terms: Terms, keys: KeyFile) -> list[Outcome]:
    """Return what the ticks of the executed solution show with the committed keys."""

    def outcome(item: Reference) -> Outcome:
        return replace(untitled(item), words=item.title.words)

    def untitled(item: Reference) -> Outcome:
        spec = item.spec
        entry = keys.profiles.get(terms.profile, {}).get(item.label)
        if item.check == "group":
            inner = [outcome(part) for part in item.items]
            return outcome_of_group(item.label, spec.marks, inner, None, None)
        if spec.truth is None:
            answers = list(item.answers)
            return outcome_of_answers(item.label, spec.marks, answers, entry, None)
        truth = spec.truth.numbers.reshape(spec.truth.shape)
        return outcome_of_metric(
            item.label, spec.marks, item.answers[0], lambda: truth, entry, None
        )

    return [outcome(item) for _, item in terms.evidence]


def updated_keys(
    course: Course, lab: Lab, runs: dict[Profile, Terms], seconds: dict[Profile, float]
) -> KeyFile:
    """Return the lab's keys from executed solutions; profiles that are still good are kept.

    ``seconds`` says how long each solution took.

    Raises
    ------
    UserError
        If the marks of a check cell's checks are not the points that its source states.
    """
    listed = _listed(next(iter(runs.values())).evidence)
    _agree_on_points(lab, listed)
    old = load_keys(course, lab.name)
    still = old if old and old.source == solution_hash(lab) else None
    fresh = {
        profile: {
            label: entry for _, item in terms.evidence for label, entry in _entries(item).items()
        }
        for profile, terms in runs.items()
    }
    keys = KeyFile(
        lab=lab.name,
        source=solution_hash(lab),
        checks=listed,
        question_marks=sum(questions(lab).values()),
        profiles=(still.profiles if still else {}) | fresh,
        seconds=(still.seconds if still else {})
        | {profile: round(taken) for profile, taken in seconds.items()},
    )
    return up_to_date(keys, lab)


def _listed(evidence: list[tuple[str, Reference]]) -> tuple[ListedCheck, ...]:
    """List the checks; `up_to_date` fills in what the source says of them."""
    return tuple(
        ListedCheck(cell, item.label, item.spec.marks, section={}, title=dict(item.spec.words))
        for cell, item in evidence
    )


def _agree_on_points(lab: Lab, listed: tuple[ListedCheck, ...]) -> None:
    for cell, points in checks(lab).items():
        marks = sum(check.marks for check in listed if check.cell == cell)
        if abs(marks - points) > 1e-9:
            raise UserError(
                f"{lab.name}: the checks of cell {cell!r} left {marks:g} marks of evidence, its "
                f"source states points={points:g}; a check did not run, or the sum is wrong"
            )


def _entries(evidence: Reference) -> dict[str, Any]:
    """Return the public entries of a check, or of the checks inside a group, by label."""
    spec = evidence.spec
    if evidence.check == "group":
        return {label: entry for item in evidence.items for label, entry in _entries(item).items()}
    if spec.metric:
        return {evidence.label: keyfile.entry_of_metric(spec.metric, *metric_limit(evidence))}
    return {evidence.label: keyfile.entry_of_answers(evidence.answers, spec.tol)}
