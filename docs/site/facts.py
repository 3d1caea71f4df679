"""What authors write for the site alone: TOML files beside this module, read or refused."""

import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Annotated, Any

from grading.course.config import LANGUAGES, LINE
from grading.course.tables import TABLE, Rule, problems
from grading.errors import UserError

HERE = Path(__file__).resolve().parent
SHORTEST = "one line for each language: " + ", ".join(LANGUAGES)


def _by_language(value: Any, accepts: Any) -> bool:
    return (
        isinstance(value, dict) and [*value] == [*LANGUAGES] and all(map(accepts, value.values()))
    )


TEXTS = Rule(SHORTEST, lambda value: _by_language(value, LINE.accepts))
LISTS = Rule(
    "a list of lines for each language, each as long as the others: " + ", ".join(LANGUAGES),
    lambda value: (
        _by_language(
            value, lambda lines: isinstance(lines, list) and lines and all(map(LINE.accepts, lines))
        )
        and len({len(lines) for lines in value.values()}) == 1
    ),
)
SPELLINGS = Rule(
    "a line of spellings, with commas between them, for one language or more",
    lambda value: (
        isinstance(value, dict)
        and {*value} <= {*LANGUAGES}
        and all(map(LINE.accepts, value.values()))
    ),
)
DAY = Rule("a date such as 2026-10-05", lambda value: isinstance(value, date))
NAME = Rule("the name of a lab in quotes", LINE.accepts, unique=True)


@dataclass(frozen=True)
class Term:
    """A word of the field: what it is called and what it means, by language.

    ``forms`` has, by language, further spellings by which a lab's text is found to use it, with
    commas between them.
    """

    name: Annotated[dict[str, str], TEXTS]
    mean: Annotated[dict[str, str], TEXTS]
    forms: Annotated[dict[str, str], SPELLINGS] = field(default_factory=dict)


@dataclass(frozen=True)
class Chapter:
    """A lab as the site presents it: what one can do after it, and ten minutes of class."""

    lab: Annotated[str, NAME]
    able: Annotated[dict[str, list[str]], LISTS]
    notes: Annotated[dict[str, list[str]], LISTS]


@dataclass(frozen=True)
class Erratum:
    """A mistake in what was published, and when it was mended."""

    day: Annotated[date, DAY]
    lab: Annotated[str, LINE]
    text: Annotated[dict[str, str], TEXTS]


@dataclass(frozen=True)
class Facts:
    """All of it."""

    terms: Annotated[tuple[Term, ...], TABLE] = ()
    chapters: Annotated[tuple[Chapter, ...], TABLE] = ()
    errata: Annotated[tuple[Erratum, ...], TABLE] = ()

    def chapter(self, lab: str) -> Chapter | None:
        """Return what there is of a lab; None for one that nobody wrote about."""
        return next((chapter for chapter in self.chapters if chapter.lab == lab), None)


def read_facts(labs: Iterable[str], folder: Path = HERE) -> Facts:
    """Read ``glossary.toml``, ``chapters.toml`` and ``errata.toml``.

    Raises
    ------
    UserError
        With one line for each thing that is wrong: a language that is missing, a lab that is not
        among ``labs``, a term that is explained twice.
    """
    kinds = {"terms": "glossary.toml", "chapters": "chapters.toml", "errata": "errata.toml"}
    raw = {}
    for key, name in kinds.items():
        table = _table(folder / name)
        if wrong := list(problems(Facts, {key: table.get(key, [])} | table, f"{name}: ")):
            raise UserError("\n".join(wrong))
        raw[key] = table.get(key, [])
    facts = Facts(
        terms=tuple(Term(**table) for table in raw["terms"]),
        chapters=tuple(Chapter(**table) for table in raw["chapters"]),
        errata=tuple(Erratum(**table) for table in raw["errata"]),
    )
    if found := list(_contradictions(facts, set(labs))):
        raise UserError("\n".join(found))
    return facts


def _contradictions(facts: Facts, labs: set[str]) -> Iterator[str]:
    for what, name in (
        *(("chapters.toml", chapter.lab) for chapter in facts.chapters),
        *(("errata.toml", erratum.lab) for erratum in facts.errata),
    ):
        if name not in labs:
            yield f"{what}: there is no lab {name!r}; expected one of: {', '.join(sorted(labs))}"
    for lang in LANGUAGES:
        seen: set[str] = set()
        for term in facts.terms:
            name = term.name[lang].casefold()
            if name in seen:
                yield f"glossary.toml: {term.name[lang]!r} ({lang}) is there twice; expected once"
            seen.add(name)


def _table(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read {path}: {error}") from None
