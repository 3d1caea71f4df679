"""Handing in: what is missing is listed, and a whole notebook becomes a file with a receipt."""

import hashlib
import os
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from grading.authoring import IDENTITY
from grading.messages import languages
from grading.session import handing_in
from grading.session.handing_in import missing, order_problem
from grading.session.outcomes import Outcome, Verdict
from grading.session.scorecard import Scorecard
from tests.shells import a_shell

SIGNED = IDENTITY.replace('STUDENT_1 = ""', 'STUDENT_1 = "123"').replace(
    'SIGNATURE_1 = ""', 'SIGNATURE_1 = "Ada L."'
)
PLACEHOLDER = "*Your answer here*"


def a_notebook(identity: str = SIGNED, answer: str = "Because.") -> NotebookNode:
    question = {"dl": {"role": "question"}, "nbgrader": {"grade_id": "q1"}}
    who = {"dl": {"role": "identity"}, "nbgrader": {"grade_id": "identity"}}
    return new_notebook(
        cells=[
            new_code_cell("x = 1"),
            new_code_cell(identity, metadata=who),
            new_markdown_cell(answer, metadata=question),
            new_code_cell("x += 1"),
            new_code_cell("tick.hand_in()"),
        ]
    )


# --- what is missing ---------------------------------------------------------------------------


def test_nothing_is_missing_in_a_whole_notebook() -> None:
    assert missing(a_notebook(), PLACEHOLDER, "en") == []


@pytest.mark.parametrize("lang", languages())
@pytest.mark.parametrize(
    ("notebook", "said"),
    [
        (a_notebook(identity=IDENTITY), "STUDENT_1"),
        (a_notebook(identity=SIGNED.replace("Ada L.", "")), "123"),
        (a_notebook(identity="STUDENT_1 = ("), "STUDENT_1"),
        (a_notebook(answer=PLACEHOLDER), ": 1."),
        (a_notebook(answer="  \n"), ": 1."),
    ],
)
def test_what_is_missing_is_said_in_one_line(notebook: Any, said: str, lang: str) -> None:
    (line,) = missing(notebook, PLACEHOLDER, lang)
    assert said in line and "\n" not in line


CELLS = ["import x", "a = 1", "", "a += 1", "tick.hand_in()"]


def test_a_session_that_ran_all_in_order() -> None:
    ran = ["import x", "a = 1\n", "a += 1", "tick.hand_in()"]
    assert order_problem(CELLS, ran, "en") == ""
    assert order_problem([*CELLS, "after"], ran, "en") == ""


def test_the_cell_that_hands_in_may_be_run_again() -> None:
    ran = ["import x", "tick.hand_in()", "a = 1", "a += 1", "tick.hand_in()", "tick.hand_in()"]
    assert order_problem(CELLS, ran, "en") == ""


@pytest.mark.parametrize(
    ("ran", "said"),
    [
        (["import x", "a = 1", "a = 1", "a += 1"], "place 3 was “a = 1”"),
        (["a = 1", "tick.hand_in()", "tick.hand_in()"], "place 1 was “a = 1”"),
        (["import x", "a += 1"], "place 2 was “a += 1”"),
        (["a = 1"], "place 1 was “a = 1”"),
        (["import x", "a = 2"], "place 2 ran “a = 2”, which is no longer so"),
        ([*[cell for cell in CELLS if cell], "extra"], "place 5 ran “extra”"),
    ],
)
def test_a_session_out_of_order_is_named_by_its_first_departure(ran: list[str], said: str) -> None:
    assert said in order_problem(CELLS, ran, "en")


# --- in a session ------------------------------------------------------------------------------


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COLAB_RELEASE_TAG", raising=False)
    monkeypatch.delenv("DL_SERVICE", raising=False)
    with a_shell() as shell:
        shell.display_pub = CapturingDisplayPublisher(parent=shell)
        yield shell


def card() -> Scorecard:
    found = Scorecard()
    found.open("mini", "en", None)
    found.record(Outcome("size", 2, Verdict.PASSED))
    return found


def run(shell: InteractiveShell, notebook: NotebookNode, anyway: bool = False) -> str:
    """Run a notebook's cells as a session would; its last cell hands in and says how it went."""
    shell.user_ns["tick"] = types.SimpleNamespace(
        hand_in=lambda: handing_in.hand_in(card(), "", anyway=anyway)
    )
    shell.display_pub.outputs.clear()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            shell.run_cell(cell.source, store_history=True).raise_error()
    (said,) = [output["data"]["text/plain"] for output in shell.display_pub.outputs]
    return said


def save(notebook: NotebookNode, folder: Path, name: str = "mini.ipynb") -> bytes:
    folder.mkdir(exist_ok=True)
    nbformat.write(notebook, folder / name)
    return (folder / name).read_bytes()


def test_a_whole_notebook_becomes_a_file_with_its_receipt(
    shell: InteractiveShell, tmp_path: Path
) -> None:
    content = save(a_notebook(), tmp_path)
    said = run(shell, a_notebook())
    folder = Path(os.environ["DL_WORK"]) / "mini" / "handed_in"
    assert (folder / "mini_123.ipynb").read_bytes() == content
    receipt = (folder / "mini_123.receipt.txt").read_text()
    assert hashlib.sha256(content).hexdigest() in receipt and receipt in said
    assert "Marks seen in the checks: 2/0" in receipt and "missing" not in receipt


def test_what_is_missing_makes_no_file_unless_it_is_wanted(
    shell: InteractiveShell, tmp_path: Path
) -> None:
    notebook = a_notebook(identity=IDENTITY, answer=PLACEHOLDER)
    save(notebook, tmp_path)
    said = run(shell, notebook)
    assert "STUDENT_1" in said and "Questions without an answer: 1." in said
    assert "tick.hand_in(anyway=True)" in said and "place" not in said
    folder = Path(os.environ["DL_WORK"]) / "mini" / "handed_in"
    assert not folder.exists()
    shell.reset()
    shell.history_manager.reset()
    assert "Handed in with 2 things missing." in run(shell, notebook, anyway=True)
    assert (folder / "mini_unsigned.ipynb").exists()


def test_a_notebook_that_was_not_saved_is_noticed(shell: InteractiveShell, tmp_path: Path) -> None:
    save(a_notebook(), tmp_path)
    changed = a_notebook()
    changed.cells[0].source = "x = 2"
    assert "In place 1 ran “x = 2”, which is no longer so" in run(shell, changed)


def test_the_notebook_is_found_where_jupyter_says(
    shell: InteractiveShell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(a_notebook(), tmp_path / "elsewhere", "renamed.ipynb")
    assert "I cannot find the notebook's file (mini.ipynb)" in run(shell, a_notebook())
    shell.history_manager.reset()
    monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "elsewhere" / "renamed.ipynb"))
    assert "Done." in run(shell, a_notebook())


def test_in_colab_the_page_s_own_notebook_is_taken_and_downloaded(
    shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch
) -> None:
    downloaded: list[str] = []
    colab = types.ModuleType("google.colab")
    colab._message = types.SimpleNamespace(  # type: ignore[attr-defined]
        blocking_request=lambda name, timeout_sec: {"ipynb": a_notebook()}
    )
    colab.files = types.SimpleNamespace(download=downloaded.append)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "google.colab", colab)
    assert "Done." in run(shell, a_notebook())
    assert [Path(name).name for name in downloaded] == ["mini_123.ipynb"]


def test_a_notebook_whose_first_cell_was_not_run() -> None:
    assert "first cell" in str(handing_in.make(Scorecard(), "", anyway=False))


def test_a_disk_without_room_loses_nothing(
    shell: InteractiveShell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    save(a_notebook(), tmp_path)
    monkeypatch.setattr(handing_in, "write_atomically", full)
    said = run(shell, a_notebook())
    assert "No space left on device" in said and "nothing is lost" in said


def test_a_folder_that_cannot_be_made_is_one_line(
    shell: InteractiveShell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(a_notebook(), tmp_path)
    (tmp_path / "a file").touch()
    monkeypatch.setenv("DL_WORK", str(tmp_path / "a file"))
    said = run(shell, a_notebook())
    assert "Cannot write to" in said and "nothing is lost" in said
