"""A made-up class and what it does in a term: who hands in what, when, and what that earns.

All of it is drawn from a seed. The labs are real, with their checks, exercises and questions; no
notebook is executed.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from nbformat import NotebookNode

from grading.cells.metadata import grade_id, is_question
from grading.judging.assess import Assessment
from grading.judging.judge import CheckResult, Judgement
from grading.judging.results import Result, result_of
from grading.messages import Reason, Title
from grading.session.keyfile import ListedCheck, load
from tests.example_class import identity_cell
from tests.similarity.honest import OWN_MATCHES, Classroom, renamed

SEED = 20260907
GIVEN = """\
Ana Bruno Carla Diego Elena Fermín Gema Hugo Inés Jorge Karen León María Nicolás Olalla Pablo Quique
Rocío Saúl Teresa Unai Vera Wei Ximena Yago Zoé"""
SURNAMES = """\
Acosta Benítez Castaño Duarte Echevarría Ferrer Gálvez Herrero Ibáñez Jurado Lorca Montes Nieto
Núñez Ochoa Prado Quiroga Robledo Sáez Torres Urrutia Vidal Yáñez Zamora"""
GROUPS = "mañana", "tarde"
# People with a story; the others take part, alone or in pairs.
ILL, GONE, SLOW = 0, 3, 4  # the first and the last of them share a function, too
PAIR = 1, 2  # of every six, those who work together
FORGOTTEN = 1  # asks for it at the end
DAYS_LATE = (0,) * 12 + (1, 1, 2, 4)  # what is drawn from
ANSWER = """\
porque cada paso suma una corrección pequeña el gradiente baja la pérdida media de validación y el
modelo generaliza mejor con menos parámetros aunque tarda más épocas en llegar al mismo valor"""
COMMENTS = "Bien visto.", "Falta decir por qué.", "Compara con la otra curva.", ""


@dataclass(frozen=True)
class Person:
    """A student, with the share of exercises that they solve."""

    number: int
    given: str
    surname: str
    group: str
    ability: float

    @property
    def id(self) -> str:
        """The id that the university gave them."""
        return f"u{1001 + self.number}"

    @property
    def name(self) -> str:
        """Their whole name."""
        return f"{self.given} {self.surname}"

    @property
    def email(self) -> str:
        """Their address at the university."""
        return f"{self.id}@uni.example"


@dataclass(frozen=True)
class DrawnLab:
    """A lab of the course as people meet it; ``questions`` has the marks of each by its cell."""

    name: str
    due: datetime
    classroom: Classroom
    checks: tuple[ListedCheck, ...]
    questions: Mapping[str, float]

    @classmethod
    def of(cls, name: str, due: datetime, lang: str) -> "DrawnLab":
        """Return a lab of the kit, due at an instant."""
        keys, classroom = load(name), Classroom.of(name, lang)
        if keys is None:
            raise ValueError(f"{name} has no keys; run `python -m grading build {name}`")
        questions = {
            grade_id(cell): float(cell.metadata.nbgrader.points)
            for cell in classroom.blank.cells
            if is_question(cell)
        }
        return cls(name, due, classroom, keys.checks, questions)


@dataclass(frozen=True)
class Work:
    """What one person or two hand in of a lab, and what it earns.

    Attributes
    ----------
    people : tuple of Person
        Who hands it in comes first.
    lab : DrawnLab
    at : datetime
    undone : frozenset of str
        Exercises that are as they were released.
    wrong : frozenset of str
        Exercises with a mistake, which loses the last of their checks.
    written : mapping of str to float
        Marks that a person gives, by question; those left blank are not there.
    """

    people: tuple[Person, ...]
    lab: DrawnLab
    at: datetime
    undone: frozenset[str]
    wrong: frozenset[str]
    written: Mapping[str, float]

    def notebook(self) -> NotebookNode:
        """Return the notebook, signed."""
        rng = self._rng()
        answers = {
            cell: text
            for cell, text in self.lab.classroom.answers(rng).items()
            if cell not in self.undone and cell not in self.lab.questions
        }
        answers |= {cell: " ".join(rng.choices(ANSWER.split(), k=30)) for cell in self.written}
        shared = {ILL: OWN_MATCHES, SLOW: renamed(OWN_MATCHES)}.get(self.people[0].number)
        if shared and "bleu" in self.lab.classroom.ways:
            answers["bleu"] = shared
        answers["identity"] = identity_cell(tuple((one.id, one.name) for one in self.people))
        return self.lab.classroom.notebook(answers)

    def judgement(self, lang: str) -> Judgement:
        """Return the marks of the checks."""
        last = {exercise: check for check in self.lab.checks for exercise in check.covers}
        found = []
        for check in self.lab.checks:
            reason = None
            if blank := sorted(self.undone.intersection(check.covers)):
                reason = Reason("reason.unfinished", {"detail": f"{blank[0]}()"})
            elif any(last[name] is check for name in self.wrong.intersection(check.covers)):
                reason = self._rng().choice(list(_mistakes()))
            marks = 0.0 if reason else check.marks
            title = Title(check.label, check.title)
            found.append(CheckResult(check.cell, title, marks, check.marks, reason))
        is_odd = self.people[0].number == SLOW
        return Judgement(tuple(found), (Reason("flag.added", {"count": 3}),) if is_odd else ())

    def results(self, content: bytes, notebook: NotebookNode, lang: str) -> list[Result]:
        """Return what grading would say of it, to each of its people."""
        judgement, blank = self.judgement(lang), self.lab.classroom.blank
        assessment = Assessment(notebook, judgement, judgement.flags, 9.0, None)
        first = result_of(assessment, blank, "", self.lab.name, content, lang)
        ids = [person.id for person in self.people]
        team = sorted(ids) if len(ids) > 1 else []
        return [replace(first, student=student, team=team) for student in ids]

    def comment(self, cell: str) -> str:
        """Return what is said to a written answer."""
        return random.Random(f"{self._seed}-{cell}").choice(COMMENTS)

    @property
    def _seed(self) -> str:
        return f"{SEED}-{self.people[0].id}-{self.lab.name}"

    def _rng(self) -> random.Random:
        return random.Random(self._seed)


def _mistakes() -> Iterator[Reason]:
    """Yield why a check may be lost."""
    yield Reason("reason.value")
    shapes = Reason("reason.shape", {"expected": "(4, 2)", "found": "(2, 2)"})
    yield Reason("reason.case", {"right": 2, "total": 3, "first": 2, "why": shapes})
    yield Reason("reason.changed", {"arguments": 1})
    yield Reason("reason.raised", {"error": "IndexError: index 4 is out of range"})


def draw_people(count: int) -> tuple[Person, ...]:
    """Return a class, of six at least; the last of them comes when the first lab is over."""
    rng, given, surnames = random.Random(SEED), GIVEN.split(), SURNAMES.split()
    return tuple(
        Person(
            number,
            given[number % len(given)],
            f"{surnames[number * 7 % len(surnames)]} {surnames[number * 5 % len(surnames) - 1]}",
            GROUPS[number // 3 % 2],
            min(max(rng.gauss(0.82, 0.12), 0.35), 0.99),
        )
        for number in range(count)
    )


def draw_work(people: Sequence[Person], labs: Sequence[DrawnLab]) -> list[Work]:
    """Return all that is handed in, lab by lab."""
    found = []
    for place, lab in enumerate(labs):
        for person in people:
            rng = random.Random(f"{SEED}-{person.id}-{place}")
            partner = _partner(people, person)
            if partner and partner.number < person.number:
                continue  # the other one hands it in
            if not _hands_in(rng, person, place, len(people)):
                continue
            team = (person, partner) if partner else (person,)
            found.append(_work(rng, team, lab, place))
    return found


def _partner(people: Sequence[Person], person: Person) -> Person | None:
    one, other = PAIR
    step = {one: other - one, other: one - other}.get(person.number % 6)
    number = person.number + step if step else len(people)
    return people[number] if number < len(people) else None


def _hands_in(rng: random.Random, person: Person, place: int, count: int) -> bool:
    if person.number == GONE:
        return place == 0
    if person.number == count - 1:
        return place > 0
    return person.number < 6 or rng.random() > 0.04


def _work(rng: random.Random, team: tuple[Person, ...], lab: DrawnLab, place: int) -> Work:
    person = team[0]
    days = 3 if person.number == SLOW else rng.choice(DAYS_LATE)
    if person.number == ILL:
        days = 5 if place == 1 else 0
    exercises = dict.fromkeys(name for check in lab.checks for name in check.covers)
    undone, wrong = set(), set()
    for name in exercises:
        if rng.random() > person.ability:
            (undone if rng.random() < 0.4 else wrong).add(name)
    return Work(
        team,
        lab,
        lab.due + timedelta(days=days) - timedelta(minutes=rng.randrange(45, 1200)),
        frozenset(undone),
        frozenset(wrong),
        {
            cell: rng.choice((most, most, round(most / 2, 1), 0.0))
            for cell, most in lab.questions.items()
            if rng.random() < 0.93
        },
    )
