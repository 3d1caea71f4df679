"""What students add in Colab is added where they do, and shows there what it must."""

import asyncio
import json
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from tests.colab.additions import AFTER_THE_FIRST_CELL, DRIVE, not_shown, with_additions
from tests.colab.machine import has_content
from tests.colab.sessions import execute, handing_in_problems
from tests.colab.style import as_colab_saves
from tests.engines import skip_without_sandbox

DOWNLOAD = """\
from pathlib import Path
from google.colab import _message, files

Path("work.txt").write_text("work")
files.download("work.txt")
print(len(_message.blocking_request("get_ipynb", timeout_sec=5)["ipynb"]["cells"]))"""


def a_notebook() -> NotebookNode:
    setup = nbformat.v4.new_code_cell("print('ready')", metadata={"dl": {"role": "setup"}})
    cells = [nbformat.v4.new_markdown_cell("# A lab"), setup]
    return nbformat.v4.new_notebook(cells=[*cells, nbformat.v4.new_code_cell(DOWNLOAD)])


@pytest.fixture
def place(tmp_path: Path) -> Path:
    for name in ("content", "downloads"):
        (tmp_path / name).mkdir()
    return tmp_path


def test_drive_is_mounted_before_the_first_cell_and_the_rest_comes_after_it():
    notebook = a_notebook()
    added = with_additions(notebook, drive=True)
    theirs = [addition.source for addition in AFTER_THE_FIRST_CELL]
    assert [cell.source for cell in added.cells] == [
        "# A lab",
        DRIVE.source,
        "print('ready')",
        *theirs,
        DOWNLOAD,
    ]
    nbformat.validate(added)
    without = with_additions(notebook, drive=False)
    assert [cell.source for cell in without.cells][1:3] == ["print('ready')", theirs[0]]
    assert len(notebook.cells) == 3


def test_a_cell_that_shows_something_else_is_named():
    blank = with_additions(a_notebook(), drive=True)
    assert len(not_shown(blank)) == 1 + len(AFTER_THE_FIRST_CELL)
    for cell in blank.cells:
        if cell.source == DRIVE.source:
            cell.outputs = [nbformat.v4.new_output("stream", text="Mounted at /content/drive\n")]
    assert not [line for line in not_shown(blank) if "drive" in line]


@pytest.mark.kernels
def test_the_stand_in_for_colabs_package_does_what_they_ask(place: Path):
    notebook = with_additions(a_notebook(), drive=has_content())
    (place / "page.ipynb").write_text(json.dumps(as_colab_saves(notebook)))
    ran, seconds = asyncio.run(execute(notebook, Path(sys.executable), place, {}))
    assert not_shown(ran) == []
    assert 0 < seconds < 60
    assert ran.cells[-1].outputs[0].text == f"{len(notebook.cells)}\n"
    assert (place / "downloads" / "work.txt").read_text() == "work"


@pytest.mark.kernels
@pytest.mark.sandbox
def test_drive_is_where_the_kit_looks_for_it(place: Path):
    skip_without_sandbox()
    notebook = with_additions(a_notebook(), drive=True)
    asyncio.run(execute(notebook, Path(sys.executable), place, {}))
    assert (place / "content" / "drive" / "MyDrive").is_dir()


def test_a_hand_in_is_one_file_that_came_down_or_none(place: Path):
    assert handing_in_problems(place, "lab", expected=False) == []
    (missing,) = handing_in_problems(place, "lab", expected=True)
    assert "made 0 files" in missing
    (place / "downloads" / "lab.ipynb").touch()
    assert "came down" in handing_in_problems(place, "lab", expected=False)[0]
    work = "drive/MyDrive/dl-work" if has_content() else "dl-work"
    folder = place / "content" / work / "lab" / "handed_in"
    folder.mkdir(parents=True)
    (folder / "lab.ipynb").touch()
    assert handing_in_problems(place, "lab", expected=True) == []
    (folder / "lab.ipynb").write_text("more")
    assert "came down" in handing_in_problems(place, "lab", expected=True)[0]
