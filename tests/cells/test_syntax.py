"""Code is read into trees in one place, by as many threads as want to."""

import gc
import time
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest

from grading.cells.syntax import parsed
from grading.places import KIT

CODE = "\n".join(
    f"value_{n} = [f({n}, key='\\d') for f in (g, h)] if x else {{}}" for n in range(400)
)


def test_threads_read_code_at_once() -> None:
    """Python 3.11 fails where another thread has its turn while garbage is collected."""
    before = gc.get_threshold()
    gc.callbacks.append(give_way)
    gc.set_threshold(2_000)
    try:
        with ThreadPoolExecutor(8) as pool:
            trees = list(pool.map(parsed, [CODE] * 24))
    finally:
        gc.set_threshold(*before)
        gc.callbacks.remove(give_way)
    assert all(len(tree.body) == 400 for tree in trees)


def give_way(phase: str, about: dict[str, int]) -> None:
    time.sleep(0.0005)


def test_what_code_warns_of_is_not_said_here() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        parsed("x = '\\d'")
    assert caught == []


def test_what_is_no_code_is_said() -> None:
    with pytest.raises(SyntaxError):
        parsed("def")


def test_nothing_else_reads_code() -> None:
    found = [
        path.relative_to(KIT).as_posix()
        for path in (KIT / "grading").rglob("*.py")
        if "ast.parse(" in path.read_text(encoding="utf-8")
    ]
    assert found == ["grading/cells/syntax.py"]
