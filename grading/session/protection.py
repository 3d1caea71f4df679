"""Runs each cell of a session with the lab's names protected, see `grading.cells.names`."""

import ast
import builtins
from collections.abc import Callable
from typing import Any

from IPython.core.getipython import get_ipython

from grading.cells.names import BUILTINS, KEEP, Locked, Writer, hidden, protected


class Protection:
    """An IPython AST transformer that knows what locked cells left under their names.

    Parameters
    ----------
    shell : InteractiveShell
    locked : Locked
    kept : dict
        What is the lab's from the start, by name.
    say : callable
        Is told the names that a cell would have found overwritten.
    """

    def __init__(
        self, shell: Any, locked: Locked, kept: dict[str, Any], say: Callable[[list[str]], None]
    ) -> None:
        self.kept = kept
        self._shell = shell
        self._locked = locked
        self._say = say
        self._source = ""
        self._answers: dict[str, Any] = {}  # the student's, as they stood before the last cell

    def note_source(self, info: Any) -> None:
        """Note the text of the cell that is about to be read."""
        self._source = info.raw_cell

    def visit(self, tree: ast.Module) -> ast.Module:
        """Return the cell as it is to run; called by IPython."""
        names = self._shell.user_ns
        for name, value in {**self._answers, **self.kept}.items():
            names.setdefault(name, value)  # deleted, or lost to `%reset`
        self._answers = {name: names[name] for name in self._locked.answers if name in names}
        writer = self._locked.writer(self._source)
        cell = protected(tree, writer, self._locked.answers, self.kept, names)
        # Among the builtins nothing that a student runs can reach them, not even `%reset`.
        vars(builtins).update(
            {hidden(name): value for name, value in {**BUILTINS, **self.kept}.items()}
        )
        vars(builtins)[KEEP] = self._keep
        if cell.overwritten and writer is not Writer.GIVEN:
            self._say(cell.overwritten)
        return cell.tree

    def _keep(self, *names: str) -> None:
        present = self._shell.user_ns
        self.kept |= {name: present[name] for name in names if name in present}
        vars(builtins).update({hidden(name): self.kept[name] for name in names if name in present})


def protect(locked: Locked, kept: dict[str, Any], say: Callable[[list[str]], None]) -> None:
    """Protect the cells that this session runs from now on; what is kept already stays."""
    shell: Any = get_ipython()
    if shell is None:
        return
    for old in [one for one in shell.ast_transformers if isinstance(one, Protection)]:
        shell.ast_transformers.remove(old)
        shell.events.unregister("pre_run_cell", old.note_source)
        kept = old.kept | kept
    protection = Protection(shell, locked, kept, say)
    shell.ast_transformers.append(protection)
    shell.events.register("pre_run_cell", protection.note_source)
