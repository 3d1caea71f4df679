"""What an author lists beside each exercise: typical mistakes, and honest variants.

Beside the part ``1_linear.py`` of a lab stands ``1_linear.answers.toml``. By exercise it holds
``mistakes``, which the checks must refuse, ``variants``, which they must accept, and the
``equivalent`` ones of the automatic mutants, each with the reason why nothing can tell them from
the solution. docs/authoring.md shows the format.
"""

import ast
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grading.authoring.parts import ANSWERS
from grading.authoring.source import Cell, Lab
from grading.cells.syntax import parsed
from grading.errors import UserError

LEAST_MISTAKES, LEAST_VARIANTS = 4, 3  # an exercise


@dataclass(frozen=True)
class Listed:
    """A mistake or a variant: its name, and the exercise's whole cell with it."""

    name: str
    code: str


@dataclass(frozen=True)
class Equivalent:
    """Mutants of one line that behave as the solution does.

    Attributes
    ----------
    before : str
        The solution's line or lines that they change, without indentation.
    after : tuple of str
        What they are in each of the mutants.
    because : str
    """

    before: str
    after: tuple[str, ...]
    because: str


@dataclass(frozen=True)
class Answers:
    """What is listed for one exercise."""

    mistakes: tuple[Listed, ...] = ()
    variants: tuple[Listed, ...] = ()
    equivalent: tuple[Equivalent, ...] = ()


def read_answers(lab: Lab) -> dict[str, Answers]:
    """Return what is listed for each exercise of a lab, by its id.

    Raises
    ------
    UserError
        In one line: a file that cannot be read, an exercise that is not in its part, a field that
        is not known or is missing, a replacement that does not occur exactly once, code that does
        not parse or is the solution.
    """
    exercises = {cell.id: cell for cell in lab.of_role("exercise")}
    found = dict.fromkeys(exercises, Answers())
    for part in dict.fromkeys(cell.place.file for cell in lab.cells):
        file = part.with_name(f"{part.stem}{ANSWERS}")
        if not file.exists():
            continue
        for name, table in tables_of(file).items():
            exercise = exercises.get(name)
            if exercise is None or exercise.place.file != part:
                raise UserError(f"{file}: [{name}] is no exercise of {part.name}")
            found[name] = _answers(table, exercise, f"{file}: [{name}]")
    return found


def missing_answers(answers: dict[str, Answers]) -> list[str]:
    """Return one line for each exercise with fewer mistakes or variants than it needs."""
    return [
        f"the exercise {name!r} lists {len(one.mistakes)} mistakes and {len(one.variants)} "
        f"variants; expected {LEAST_MISTAKES} and {LEAST_VARIANTS} at least, see docs/authoring.md"
        for name, one in answers.items()
        if len(one.mistakes) < LEAST_MISTAKES or len(one.variants) < LEAST_VARIANTS
    ]


def tables_of(file: Path) -> dict[str, Any]:
    """Return the tables of a TOML file, or raise `UserError`."""
    try:
        return tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UserError(f"cannot read {file}: {error}") from None


def _answers(table: Any, exercise: Cell, where: str) -> Answers:
    rest = dict(table) if isinstance(table, dict) else {"": table}
    answers = Answers(
        mistakes=_listed(rest.pop("mistakes", []), exercise, f"{where} mistakes"),
        variants=_listed(rest.pop("variants", []), exercise, f"{where} variants"),
        equivalent=_equivalents(rest.pop("equivalent", []), f"{where} equivalent"),
    )
    if rest:
        raise UserError(
            f"{where}: found {', '.join(map(repr, rest))}; "
            "expected mistakes, variants and equivalent, each a list of tables"
        )
    return answers


def _listed(tables: Any, exercise: Cell, where: str) -> tuple[Listed, ...]:
    solution = ast.dump(parsed(exercise.code))
    found: list[Listed] = []
    for number, table in enumerate(_as_tables(tables, where), start=1):
        here = f"{where} {number}"
        fields = _texts(table, here, [{"name", "code"}, {"name", "replace", "by"}])
        code = fields.get("code", "").strip("\n")
        if "replace" in fields:
            count = exercise.code.count(fields["replace"])
            if count != 1 or not fields["replace"]:
                raise UserError(
                    f"{here} ({fields['name']}): replace= occurs {count} times in the exercise; "
                    "quote so much that it occurs once"
                )
            code = exercise.code.replace(fields["replace"], fields["by"])
        try:
            tree = parsed(code)
        except SyntaxError as error:
            raise UserError(
                f"{here} ({fields['name']}): it does not parse: {error.msg} in line {error.lineno}"
            ) from None
        if ast.dump(tree) == solution:
            raise UserError(f"{here} ({fields['name']}): it is the solution itself")
        if fields["name"] in {one.name for one in found}:
            raise UserError(f"{here}: the name {fields['name']!r} is taken above; give another")
        found.append(Listed(fields["name"], code))
    return tuple(found)


def _equivalents(tables: Any, where: str) -> tuple[Equivalent, ...]:
    found = []
    for number, table in enumerate(_as_tables(tables, where), start=1):
        here, after = f"{where} {number}", table.get("after")
        if not isinstance(after, list) or not all(isinstance(line, str) for line in after):
            raise UserError(f"{here}: after= is {after!r}; expected a list of texts")
        rest = {name: value for name, value in table.items() if name != "after"}
        fields = _texts(rest, here, [{"before", "because"}])
        lines = tuple(bare(line) for line in after)
        found.append(Equivalent(bare(fields["before"]), lines, fields["because"]))
    return tuple(found)


def bare(code: str) -> str:
    """Return lines of code without indentation and blank lines, by which mutants are named."""
    lines = (line.strip() for line in code.splitlines())
    return "\n".join(line for line in lines if line)


def _as_tables(tables: Any, where: str) -> Iterable[dict[str, Any]]:
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise UserError(f"{where}: expected a list of tables")
    return tables


def _texts(table: dict[str, Any], where: str, expected: list[set[str]]) -> dict[str, str]:
    """Return a table of texts that has exactly the fields of one of those expected."""
    if set(table) not in expected or not all(isinstance(text, str) for text in table.values()):
        wanted = " or ".join(", ".join(sorted(names)) for names in expected)
        raise UserError(
            f"{where}: found {', '.join(sorted(table)) or 'nothing'}; expected {wanted}, as texts"
        )
    return table
