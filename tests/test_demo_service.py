"""`make demo-service` on the small lab: a notebook hands itself in, in a real kernel."""

from dataclasses import replace
from pathlib import Path

import pytest
from nbformat import NotebookNode

from tests import demo_service, mini
from tests.demo_service import Member, compare, done_by, play, prepare
from tests.engines import skip_without_sandbox

ADA = Member("ada", "Ada Lovelace", mini.LAB, "en", undone=1)


@pytest.mark.kernels
@pytest.mark.heavy
def test_a_notebook_hands_itself_in_while_a_worker_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    skip_without_sandbox()
    monkeypatch.setattr(demo_service, "CHROMIUM", None)
    course = mini.make_course(tmp_path)
    (handed,) = play(course, (ADA,))
    assert handed.in_notebook == handed.on_page == 5.0
    assert handed.handin.result is not None and handed.handin.tries == 2
    executed = (tmp_path / "students" / "ada" / "mini.executed.ipynb").read_text()
    assert "Received by the course: attempt 1" in executed
    assert compare(course, [handed])
    said = capsys.readouterr().out
    assert "killed the worker, which graded mini" in said and "The marks are the same." in said


@pytest.mark.slow
def test_the_class_hands_in_labs_of_the_kit(tmp_path: Path) -> None:
    course = prepare(tmp_path / "course")
    for member in demo_service.CLASS:
        notebook = done_by(course, member)
        sources = all_of(notebook)
        assert member.id in sources and member.name in sources
        complete = done_by(course, replace(member, undone=0))
        stubs = [text.count("raise NotImplementedError") for text in (sources, all_of(complete))]
        assert stubs[0] - stubs[1] >= member.undone
        assert member.undone or stubs[0] == stubs[1]


def all_of(notebook: NotebookNode) -> str:
    return "\n".join(cell.source for cell in notebook.cells)
