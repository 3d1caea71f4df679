"""A session's checks work, and say so, whatever the student's cells made of the lab's names."""

from collections.abc import Iterator

import pytest
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell

from grading import tick
from grading.cells.names import locked
from grading.session import keyfile
from grading.session.keyfile import KeyFile
from grading.session.scorecard import Scorecard
from tests.shells import a_shell

START = "from grading import tick\ntick.start('mini', lang='en')"
GIVEN = "import math\npoints = [1.0, 2.0]\ndef scale(x):\n    return math.floor(x)"
CHECK = "tick.value('area', lambda: float(area(sum(points))) + scale(0.5), marks=1)"
ANSWER = "def area(r):\n    return math.pi * r**2"
CELLS = [("given", GIVEN), ("exercise", ANSWER), ("check", CHECK)]


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    """A student's session of a lab without fingerprints."""
    keys = KeyFile("mini", "", (), 0, {}, locked=locked(CELLS))
    monkeypatch.setattr(keyfile, "load", lambda lab: keys)
    monkeypatch.setattr(tick, "_card", Scorecard())
    monkeypatch.setenv("LAB_PROFILE", "quick")
    monkeypatch.delenv("DL_MODE", raising=False)
    with a_shell() as shell:
        shell.display_pub = CapturingDisplayPublisher(parent=shell)
        yield shell


def said(shell: InteractiveShell, *cells: str) -> list[str]:
    """Run cells and return the lines that the last one displayed."""
    for cell in cells:
        shell.display_pub.outputs.clear()
        shell.run_cell(cell).raise_error()
    return [output["data"]["text/plain"] for output in shell.display_pub.outputs]


UNKNOWN = "? area: there is nothing to compare with"  # it ran to its end: nothing was raised


@pytest.mark.parametrize(
    ("own", "named"),
    [
        ("for tick in 'ab': pass", "`tick`"),
        ("float = 3.0\nsum = 0", "`float`, `sum`"),
        ("points = None", "`points`"),
        ("math = points = scale = None", "`points`, `scale`"),  # `math` is not the check's
    ],
)
def test_a_check_says_what_was_overwritten_and_works(
    shell: InteractiveShell, own: str, named: str
) -> None:
    note, outcome = said(shell, START, GIVEN, own, ANSWER, CHECK)
    assert note.startswith(f"Overwritten by a cell of yours: {named}.")
    assert outcome.startswith(UNKNOWN)


@pytest.mark.parametrize("own", ["del tick, math, points", "%reset -f", "import this"])
def test_what_is_missing_comes_back_and_nothing_is_said(shell: InteractiveShell, own: str) -> None:
    (outcome,) = said(shell, START, GIVEN, own, ANSWER, CHECK)
    assert outcome.startswith(UNKNOWN)


def test_the_first_cell_may_run_again(shell: InteractiveShell) -> None:
    said(shell, START, GIVEN, ANSWER, "tick = points = 0", START)
    assert sum("Protection" in repr(one) for one in shell.ast_transformers) == 1
    assert said(shell, CHECK)[-1].startswith(UNKNOWN)


def test_what_is_not_defined_is_called_by_its_name(shell: InteractiveShell) -> None:
    (outcome,) = said(shell, START, CHECK)
    assert "'area'" in outcome or "'points'" in outcome
    assert "\u200b" not in outcome


def test_help_can_be_asked_for_in_a_cell_of_ones_own(shell: InteractiveShell) -> None:
    assert said(shell, START, GIVEN, CHECK, "for tick in 'ab': pass", "tick.hint()")
