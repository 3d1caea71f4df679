"""Says what is wrong with a TOML table, key by key, from the dataclass that declares it.

A field ``Annotated[T, Rule(...)]`` is a key with a value, ``Annotated[T, TABLE]`` a table of its
own, or an array of them if T is a tuple; T may be ``… | None``. Other fields are not in the file.
A key whose field has a default may be left out.
"""

import difflib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, get_args, get_origin, get_type_hints

TABLE = "table"


@dataclass(frozen=True)
class Rule:
    """What a value must be.

    Attributes
    ----------
    expected : str
        What an error says after "expected".
    accepts : callable
        Whether a value, of any of TOML's types, is that.
    unique : bool
        Whether no other table of its array may have the same, in capitals or not. It then also
        names its table in errors.
    """

    expected: str
    accepts: Callable[[Any], bool]
    unique: bool = False


@dataclass(frozen=True)
class Key:
    """A key of a table: one value, or the table or tables of another dataclass.

    Attributes
    ----------
    name : str
    required : bool
    rule : Rule or None
        Of its value; None if it is a table.
    kind : type
        The dataclass of a table.
    many : bool
        Whether it is an array of tables.
    """

    name: str
    required: bool
    rule: Rule | None
    kind: type[Any]
    many: bool

    @property
    def expected(self) -> str:
        """What an error says after "expected"."""
        if self.rule:
            return self.rule.expected
        return f"tables, each under [[{self.name}]]" if self.many else f"a table, [{self.name}]"


def one_of(*known: str) -> Rule:
    """Return the rule of a value that is one of some words."""
    return Rule(f"one of: {', '.join(known)}", lambda value: value in known)


def is_number(value: Any) -> bool:
    """Return whether it is a number that TOML can hold; NaN and infinity count as none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 2**63


def keys_of(kind: type[Any]) -> dict[str, Key]:
    """Return the keys that a dataclass declares, by name.

    Examples
    --------
    >>> from typing import Annotated
    >>> @dataclass
    ... class Point:
    ...     x: Annotated[int, Rule("a whole number", lambda value: isinstance(value, int))]
    >>> keys_of(Point)["x"].expected
    'a whole number'
    """
    hints = get_type_hints(kind, include_extras=True)
    keys = {}
    for item in fields(kind):
        type_, *notes = get_args(hints[item.name]) or (None,)
        rule = next((note for note in notes if isinstance(note, Rule)), None)
        if rule or TABLE in notes:
            many = rule is None and get_origin(type_) is tuple
            required = item.default is MISSING and item.default_factory is MISSING
            table = (get_args(type_) or (type_,))[0]
            keys[item.name] = Key(item.name, required, rule, table, many)
    return keys


def problems(kind: type[Any], table: Mapping[str, Any], where: str) -> Iterator[str]:
    """Yield one line for each thing that is wrong with a table.

    Parameters
    ----------
    kind : type
        The dataclass that declares it.
    table : mapping
        As `tomllib` reads it.
    where : str
        What each line begins with.
    """
    keys = keys_of(kind)
    for name in table:
        if name not in keys:
            yield f"{where}there is no key {_shown(name)}; {_instead(name, list(keys))}"
    for key in keys.values():
        if key.name in table:
            yield from _problems_of_value(key, table[key.name], where)
        elif key.required:
            yield f"{where}{key.name} is missing; expected {key.expected}"


def _problems_of_value(key: Key, value: Any, where: str) -> Iterator[str]:
    if not _fits(key, value):
        yield f"{where}{key.name} is {_shown(value)}; expected {key.expected}"
    elif key.many:
        yield from _problems_of_array(key, value, where)
    elif key.rule is None:
        yield from problems(key.kind, value, f"{where}[{key.name}]: ")


def _problems_of_array(key: Key, tables: list[dict[str, Any]], where: str) -> Iterator[str]:
    unique = [inner for inner in keys_of(key.kind).values() if inner.rule and inner.rule.unique]
    seen: dict[tuple[str, str], int] = {}
    for number, table in enumerate(tables, start=1):
        named = {
            inner.name: table[inner.name]
            for inner in unique
            if inner.name in table and _fits(inner, table[inner.name])
        }
        label = f" ({', '.join(map(str, named.values()))})" if named else ""
        here = f"{where}[[{key.name}]] number {number}{label}: "
        yield from problems(key.kind, table, here)
        for name, value in named.items():
            first = seen.setdefault((name, str(value).casefold()), number)
            if first != number:
                yield f"{here}{name} is that of number {first}, too; expected another"


def _fits(key: Key, value: Any) -> bool:
    if key.rule:
        return key.rule.accepts(value)
    if key.many:
        return isinstance(value, list) and all(isinstance(item, dict) for item in value)
    return isinstance(value, dict)


def _instead(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]}?" if near else f"expected one of: {', '.join(known)}"


def _shown(value: Any) -> str:
    """Return a value in one short line."""
    text = repr(value) if isinstance(value, str | list | dict) else str(value)
    return text if len(text) <= 60 else f"{text[:60]}…"
