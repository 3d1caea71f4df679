"""Which modules of this kit a module imports, read from the code without running it."""

import ast
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

from grading.cells.syntax import parsed

Sources = Mapping[str, str]  # code by module name: {"grading.tick": "..."}


def closure(roots: Iterable[str], sources: Sources) -> set[str]:
    """Return the modules of ``sources`` that importing ``roots`` may load, ``roots`` included.

    Imports inside functions count, those for type checkers (``if TYPE_CHECKING:``) do not.

    Examples
    --------
    >>> sorted(closure(["a"], {"a": "import b.c", "b": "", "b.c": "import json", "d": ""}))
    ['a', 'b', 'b.c']
    """
    found: set[str] = set()
    waiting = [name for name in roots if name in sources]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        wanted = [name, *imports(sources[name])]
        waiting += [part for path in wanted for part in _with_parents(path) if part in sources]
    return found


@lru_cache(maxsize=1_024)
def imports(source: str) -> tuple[str, ...]:
    """Return every dotted path that code imports; ``from a import b`` gives ``a`` and ``a.b``."""
    found: list[str] = []
    for node in _running(parsed(source)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return tuple(found)


def _running(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a tree but for what stands under ``if TYPE_CHECKING:``."""
    yield node
    skipped: list[ast.stmt] = []
    if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
        skipped = node.body
    for child in ast.iter_child_nodes(node):
        if child not in skipped:
            yield from _running(child)


def _with_parents(path: str) -> list[str]:
    parts = path.split(".")
    return [".".join(parts[:end]) for end in range(1, len(parts) + 1)]
