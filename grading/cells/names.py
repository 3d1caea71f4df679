"""The names that a lab's own cells use, kept where nothing that a student writes can reach them.

A loop over `tick`, a variable called `sum` or a `%reset` is nobody's mistake, and must not cost the
marks of right work. So the locked cells of a lab, which no student writes, take their names from
the lab: `protected` rewrites a cell's syntax tree before it runs, so that it reads what a locked
cell left under a name in place of what the name means by now. A name that an exercise asks for is
the student's everywhere.
"""

import ast
import builtins
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from types import BuiltinFunctionType, FunctionType, MappingProxyType, ModuleType
from typing import Any

from grading.cells.syntax import parsed

MARK = "\u200b"  # no identifier can hold it, and a message that does reads as if it did not
KEEP = f"keep{MARK}"  # called with the names that a locked cell has just bound

# Not `super`, whose name the compiler looks for, nor what a notebook's kernel puts in their place.
_LEFT_ALONE = ("super", "input", "open", "breakpoint")
BUILTINS: Mapping[str, Any] = MappingProxyType(
    {
        name: value
        for name, value in vars(builtins).items()
        if isinstance(value, type | BuiltinFunctionType)
        and not name.startswith("_")
        and name not in _LEFT_ALONE
    }
)

_SIMPLE = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
_ASSIGNED = (ast.Assign, ast.AnnAssign, ast.AugAssign)
_LASTING = (ModuleType, FunctionType, BuiltinFunctionType, type)


class Writer(Enum):
    """Who wrote a cell, and so what its names mean."""

    CHECK = "check"
    GIVEN = "given"  # its variables are there to be tried out with other values, too
    STUDENT = "student"


@dataclass(frozen=True)
class Locked:
    """Which cells of a notebook are the lab's.

    Attributes
    ----------
    writers : mapping of str to Writer
        Who wrote a cell, by its `digest`; a cell that is not here is the student's.
    answers : frozenset of str
        Names that exercises ask for; the student's, even where a locked cell binds them, too.
    """

    writers: Mapping[str, Writer]
    answers: frozenset[str]

    def writer(self, source: str) -> Writer:
        """Return who wrote a cell."""
        return self.writers.get(digest(source), Writer.STUDENT)

    def to_json(self) -> dict[str, Any]:
        """Return the data that `from_json` reads."""
        by_writer = {
            writer.value: [name for name, one in self.writers.items() if one is writer]
            for writer in (Writer.GIVEN, Writer.CHECK)
        }
        return by_writer | {"answers": sorted(self.answers)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Locked":
        """Return what `to_json` made ``data`` from; of an empty mapping, no cell."""
        writers = {
            name: writer
            for writer in (Writer.GIVEN, Writer.CHECK)
            for name in data.get(writer.value, ())
        }
        return cls(writers, frozenset(data.get("answers", ())))


NOTHING_LOCKED = Locked({}, frozenset())


def locked(cells: Iterable[tuple[str, str]]) -> Locked:
    """Return which cells of a solution are the lab's, from the role and the source of each."""
    pairs = list(cells)
    solved = [parsed(source) for role, source in pairs if role in ("exercise", "identity")]
    return Locked(
        {digest(source): Writer(role) for role, source in pairs if role in ("given", "check")},
        frozenset(name for tree in solved for name in bound(tree.body) | declared_global(tree)),
    )


def digest(source: str) -> str:
    """Return what a cell is known by; blanks at the ends of its lines do not count."""
    text = "\n".join(line.rstrip() for line in source.strip().splitlines())
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:8]


def hidden(name: str) -> str:
    """Return the name under which a name's own value is kept."""
    return name + MARK


def bound(nodes: Iterable[ast.AST]) -> set[str]:
    """Return the names that ``nodes`` bind in the scope that they stand in."""
    return {name for node in nodes for name in _bound_by(node)}


def _bound_by(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            yield node.name
            return
        case ast.Lambda():
            return
        case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
            for inner in ast.walk(node):  # `:=` binds in the scope around a comprehension
                if isinstance(inner, ast.NamedExpr):
                    yield inner.target.id
            return
        case ast.Import() | ast.ImportFrom():
            yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names)
        case ast.Name(ctx=ast.Store() | ast.Del()):
            yield node.id
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)):
            yield name
        case ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
            yield name
    for child in ast.iter_child_nodes(node):
        yield from _bound_by(child)


def declared_global(tree: ast.AST) -> set[str]:
    """Return the names that functions inside ``tree`` declare global."""
    return {name for node in ast.walk(tree) if isinstance(node, ast.Global) for name in node.names}


@dataclass(frozen=True)
class Protected:
    """A cell that is ready to run.

    Attributes
    ----------
    tree : Module
    overwritten : list of str
        Names of which it reads the lab's value, though they mean something else by now.
    """

    tree: ast.Module
    overwritten: list[str]


def protected(
    tree: ast.Module,
    writer: Writer,
    answers: frozenset[str],
    kept: Mapping[str, Any],
    present: Mapping[str, Any],
) -> Protected:
    """Return a cell that reads the lab's names.

    A check reads all of them. Given code reads modules, functions, classes and builtins: its
    variables may be tried out with other values. A student's own code reads a module or a function
    where it uses one as such (``np.mean``, ``sum(...)``) under a name that means neither by now.

    Parameters
    ----------
    tree : Module
        It is changed.
    writer : Writer
    answers : frozenset of str
        The student's names.
    kept : mapping of str to object
        What the locked cells before this one left under their names.
    present : mapping of str to object
        What all names mean now.
    """
    is_locked = writer is not Writer.STUDENT
    mine = bound(tree.body)
    students = answers | declared_global(tree)
    lasting = _SIMPLE if writer is Writer.GIVEN else _SIMPLE + _ASSIGNED
    ahead = bound(s for s in tree.body if isinstance(s, lasting)) - bound(
        s for s in tree.body if not isinstance(s, lasting)
    )
    values = {**BUILTINS, **kept}

    def wanted(name: str, parent: ast.AST, is_deferred: bool) -> bool:
        if name in students:
            return False
        if name in mine:  # the cell's own: as it is while the cell runs, kept once it has
            return is_locked and is_deferred and name in ahead
        if name not in values:
            return False
        value = values[name]
        if writer is Writer.CHECK:
            return True
        if writer is Writer.GIVEN:
            return name not in kept or isinstance(value, _LASTING)
        now = present.get(name, value)
        if isinstance(parent, ast.Attribute):
            return _is_module(value) and (now is value or not _is_module(now))
        is_called = isinstance(parent, ast.Call) and isinstance(value, _LASTING)
        return is_called and (now is value or not callable(now))

    rename = _Rename(wanted)
    body: list[ast.stmt] = []
    for statement in tree.body:
        body.append(rename.visit(statement))
        names = sorted(bound([statement]) - students)
        if is_locked and names:
            call = ast.Call(
                ast.Name(KEEP, ast.Load()), [ast.Constant(name) for name in names], keywords=[]
            )
            body.append(ast.copy_location(ast.Expr(call), statement))
    tree.body = body
    overwritten = [
        name
        for name in sorted(rename.done - mine)
        if name in present and present[name] is not values[name]
    ]
    return Protected(ast.fix_missing_locations(tree), overwritten)


def _is_module(value: object) -> bool:
    return isinstance(value, ModuleType)


class _Rename(ast.NodeTransformer):
    """Gives the names that ``wanted`` says, where they are read and not local, their hidden name.

    Names local to a function or a class count as local in all of it.
    """

    def __init__(self, wanted: Callable[[str, ast.AST, bool], bool]) -> None:
        self.done: set[str] = set()
        self._wanted = wanted
        self._local: list[set[str]] = []
        self._deferred = 0
        self._parent: ast.AST = ast.Pass()

    def visit(self, node: ast.AST) -> Any:
        """Visit a node; what it stands in, and whether it runs later, is known meanwhile."""
        is_scope, is_deferred = True, False
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                local, is_deferred = bound(node.body) | _parameters(node.args), True
            case ast.Lambda():
                local, is_deferred = bound([node.body]) | _parameters(node.args), True
            case ast.ClassDef():
                local = bound(node.body)
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                local = bound(generator.target for generator in node.generators)
            case ast.Name(ctx=ast.Load()):
                return self._name(node)
            case _:
                local, is_scope = set(), False
        parent, self._parent = self._parent, node
        self._deferred += is_deferred
        if is_scope:
            self._local.append(local)
        try:
            return self.generic_visit(node)
        finally:
            if is_scope:
                self._local.pop()
            self._deferred -= is_deferred
            self._parent = parent

    def _name(self, node: ast.Name) -> ast.Name:
        parent = self._parent
        if isinstance(parent, ast.Call) and parent.func is not node:
            parent = ast.Pass()  # an argument
        is_local = any(node.id in names for names in self._local)
        if not is_local and self._wanted(node.id, parent, self._deferred > 0):
            self.done.add(node.id)
            node.id = hidden(node.id)
        return node


def _parameters(arguments: ast.arguments) -> set[str]:
    found = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    found += [one for one in (arguments.vararg, arguments.kwarg) if one]
    return {one.arg for one in found}
