"""Try all answers to a lab's exercises at the student's seed and at grading seeds."""

import multiprocessing
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from grading.authoring import Lab, instructor_notebook
from grading.authoring.building import paths, stale_keys
from grading.authoring.listed import Answers, Listed, read_answers
from grading.course.config import Course
from grading.engine.kernels.preload import mentioned
from grading.errors import UserError
from grading.strength.mutants import Mutant, mutants
from grading.strength.trial import CONTROL, Job, Seen, Trial, run, run_together
from utils.profile import DEFAULT_SEED

SEEDS = tuple(range(1, 21))  # of grading
SECONDS = 0.5  # that a trial takes when it is run at every grading seed; a longer one at fewer
LEAST_SEEDS = 3

Said = Callable[[int, int], None]  # is told how many runs of the lab are done, and of how many


@dataclass(frozen=True)
class Tried:
    """What came of one answer.

    Attributes
    ----------
    exercise : str
    answer : Mutant or Listed
    kind : {"mutant", "equivalent", "mistake", "variant"}
    session : Seen
        In a student's session.
    graded : tuple of Seen
        At each of the grading seeds.
    """

    exercise: str
    answer: Mutant | Listed
    kind: str
    session: Seen
    graded: tuple[Seen, ...] = ()

    @property
    def is_killed(self) -> bool:
        """Whether a check refused it in the session."""
        return not _all_passed(self.session)

    @property
    def is_refused(self) -> bool:
        """Whether a check refused it in the session, and one did at every grading seed."""
        return self.is_killed and not any(map(_all_passed, self.graded))

    @property
    def is_accepted(self) -> bool:
        """Whether every check took it everywhere, and the given cells could use it."""
        return all(_all_passed(seen) and not seen.crash for seen in (self.session, *self.graded))

    @property
    def disagreements(self) -> dict[str, tuple[bool, int]]:
        """By label, where they differ: ✓ in the session, and how many grading runs passed.

        A session that leaves it open, because a score is near its limit, agrees with both.
        """
        found = {}
        for label, passed in self.session.passed.items():
            if passed is not None and any(label in seen.passed for seen in self.graded):
                count = sum(bool(seen.passed.get(label)) for seen in self.graded)
                if count != passed * len(self.graded):
                    found[label] = (passed, count)
        return found


def _all_passed(seen: Seen) -> bool:
    return bool(seen.passed) and all(seen.passed.values())


@dataclass(frozen=True)
class Measured:
    """What came of all answers to a lab, each alone, and of whole hand-ins made of variants."""

    tried: tuple[Tried, ...]
    together: tuple[Seen, ...]


@dataclass(frozen=True)
class _Planned:
    """An answer to try."""

    exercise: str
    kind: str
    answer: Mutant | Listed


def _together(plan: Sequence[_Planned], trials: Sequence[Trial]) -> list[tuple[Trial, ...]]:
    """Return the first variant of every exercise, then every second one, and on."""
    of_exercise: dict[str, list[Trial]] = {}
    for one, trial in zip(plan, trials, strict=True):
        if one.kind == "variant":
            of_exercise.setdefault(one.exercise, []).append(trial)
    return [tuple(filter(None, row)) for row in zip_longest(*of_exercise.values())]


def measure(
    course: Course,
    lab: Lab,
    work: Path,
    *,
    only: Sequence[str] = (),
    every: int = 1,
    seeds: Sequence[int] = SEEDS,
    said: Said = lambda done, total: None,
) -> Measured:
    """Try the mutants, mistakes and variants of a lab's exercises.

    Parameters
    ----------
    course : Course
    lab : Lab
    work : Path
        An empty folder, for what the lab writes.
    only : sequence of str
        Ids of exercises; by default all.
    every : int
        Try each ``every``-th answer alone; such a sample has no whole hand-ins of variants.
    seeds : sequence of int
        Those of grading.
    said : callable

    Raises
    ------
    UserError
        If the lab's keys are not those of its source, an exercise of ``only`` is not there, or the
        solution itself does not pass.
    """
    if stale := stale_keys(course, lab):
        raise UserError(stale[0])
    plan = _plan(lab, read_answers(lab), only, every)
    solution = instructor_notebook(lab, course.language, course)
    keys = paths(course, lab.name).keys.parent
    covering = {
        exercise.id: tuple(c.id for c in lab.of_role("check") if exercise.id in c.covers)
        for exercise in lab.of_role("exercise")
    }

    def job(name: str, seed: int, in_session: bool, trials: tuple[Trial, ...]) -> Job:
        return Job(solution, covering, seed, in_session, trials, keys, work / name)

    cores = os.cpu_count() or 1
    trials = tuple(Trial(n, one.exercise, one.answer.code) for n, one in enumerate(plan))
    rows = _together(plan, trials) if every == 1 else []
    shares = [trials[first::cores] for first in range(min(cores, len(trials)))]
    total = len(shares) + len(rows) + len(seeds)
    modules = mentioned(cell.source for cell in solution.cells)
    with _processes(cores, modules) as pool:
        whole = [
            pool.submit(run_together, job(f"together{n}", DEFAULT_SEED, True, row))
            for n, row in enumerate(rows)
        ]
        first = [
            pool.submit(run, job(f"session{n}", DEFAULT_SEED, True, share))
            for n, share in enumerate(shares)
        ]
        session = _collect(first, 0, total, said)
        together = tuple(future.result() for future in whole)
        costs = {seen.exercise: seen.seconds for seen in session if seen.number == CONTROL}
        chosen = [
            tuple(t for t in trials if index < seeds_for(costs[t.exercise], len(seeds)))
            for index in range(len(seeds))
        ]
        graded = [
            pool.submit(run, job(f"seed{seed}", seed, False, some))
            for seed, some in zip(seeds, chosen, strict=True)
            if some
        ]
        runs = _collect(graded, len(shares) + len(rows), total, said)
    return Measured(tuple(_tried(plan, session, runs)), together)


def seeds_for(seconds: float, count: int) -> int:
    """Return at how many of the grading seeds an exercise is tried that takes some seconds."""
    if seconds <= SECONDS:
        return count
    return min(count, max(LEAST_SEEDS, int(count * SECONDS / seconds)))


def kind_of(mutant: Mutant, answers: Answers) -> str:
    """Return ``"equivalent"`` for a mutant that the author named so, else ``"mutant"``."""
    for one in answers.equivalent:
        if mutant.before == one.before and mutant.after in one.after:
            return "equivalent"
    return "mutant"


def _plan(
    lab: Lab, answers: Mapping[str, Answers], only: Sequence[str], every: int
) -> list[_Planned]:
    exercises = {cell.id: cell for cell in lab.of_role("exercise")}
    for name in only:
        if name not in exercises:
            raise UserError(
                f"{lab.name} has no exercise {name!r}; expected one of {', '.join(exercises)}"
            )
    plan: list[_Planned] = []
    for name in only or exercises:
        listed = answers[name]
        for mutant in mutants(exercises[name].code):
            plan.append(_Planned(name, kind_of(mutant, listed), mutant))
        plan += [_Planned(name, "mistake", mistake) for mistake in listed.mistakes]
        plan += [_Planned(name, "variant", variant) for variant in listed.variants]
    return plan[every - 1 :: every]


def _tried(
    plan: Sequence[_Planned], session: Sequence[Seen], runs: Sequence[Seen]
) -> Iterator[Tried]:
    by_number = {seen.number: seen for seen in session}
    graded: dict[int, list[Seen]] = {}
    for seen in runs:
        graded.setdefault(seen.number, []).append(seen)
    for number, one in enumerate(plan):
        seen_graded = tuple(graded.get(number, ()))
        yield Tried(one.exercise, one.answer, one.kind, by_number[number], seen_graded)


def _collect(
    futures: Sequence[Future[list[Seen]]], done: int, total: int, said: Said
) -> list[Seen]:
    """Wait for runs of a lab, saying how many are done, and refuse a solution that fails."""
    found: list[Seen] = []
    said(done, total)
    for number, future in enumerate(as_completed(futures), start=done + 1):
        found += future.result()
        said(number, total)
    for seen in found:
        lost = [label for label, passed in seen.passed.items() if not passed]
        if seen.number == CONTROL and (lost or not seen.passed or seen.crash):
            what = seen.crash or ", ".join(f"{one}: {seen.why.get(one)}" for one in lost)
            raise UserError(f"the solution of {seen.exercise!r} itself does not pass: {what}")
    return found


@contextmanager
def _processes(count: int, modules: Sequence[str]) -> Iterator[ProcessPoolExecutor]:
    """Yield a pool of fresh processes, one a job, with one thread each: a fork keeps no other.

    They find the modules imported.
    """
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([run.__module__, *modules])
    pool = ProcessPoolExecutor(count, mp_context=context, max_tasks_per_child=1)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
        if before is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = before
