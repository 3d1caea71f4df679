"""Python code as a tree, for whoever asks, from several threads at once."""

import ast
import threading
import warnings

_turn = threading.Lock()  # Python 3.11 fails where two threads build trees (gh-106905)


def parsed(code: str) -> ast.Module:
    """Return the tree of some code; what it warns of is the business of who runs it.

    Raises
    ------
    SyntaxError, ValueError, RecursionError, MemoryError
        As `ast.parse` does.
    """
    with _turn, warnings.catch_warnings():  # which is of all threads, too
        warnings.simplefilter("ignore")
        return ast.parse(code)
