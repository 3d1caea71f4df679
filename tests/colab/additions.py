"""What students add to a notebook in Colab, and what each cell must show there."""

from dataclasses import dataclass

import nbformat
from nbformat import NotebookNode

WIDGET = "application/vnd.jupyter.widget-view+json"
TABLE = "application/vnd.google.colaboratory.module+javascript"
PREFIX = "added-"  # of their cells' ids


@dataclass(frozen=True)
class Addition:
    """A cell.

    Attributes
    ----------
    source : str
    shows : str
        All that it prints, or the MIME type of something that it displays.
    """

    source: str
    shows: str


DRIVE = Addition(
    "from google.colab import drive\n\ndrive.mount('/content/drive')",
    "Mounted at /content/drive",
)
SETTINGS = Addition(
    '#@title Settings { display-mode: "form" }\n'
    'rate = 0.1  #@param {type:"slider", min:0, max:1, step:0.1}\n'
    "print(rate)",
    "0.1",
)
FRAME = Addition(
    "%load_ext google.colab.data_table\n"
    "import pandas as pd\n\n"
    "pd.DataFrame({'epoch': [1, 2], 'loss': [0.5, 0.25]})",
    TABLE,
)
BAR = Addition("from tqdm.auto import tqdm\n\nfor _ in tqdm(range(3)):\n    pass", WIDGET)
SLIDER = Addition(
    "import ipywidgets\nfrom google.colab import output\n\n"
    "output.enable_custom_widget_manager()\n"
    "ipywidgets.interact(lambda rate: rate, rate=(0.0, 1.0))",
    WIDGET,
)
CLEARED = Addition("print('epoch 1')\noutput.clear()\nprint('epoch 2')", "epoch 2")
AFTER_THE_FIRST_CELL = (SETTINGS, FRAME, BAR, SLIDER, CLEARED)


def with_additions(notebook: NotebookNode, *, drive: bool) -> NotebookNode:
    """Return a copy of a student's notebook with these cells added.

    Parameters
    ----------
    notebook : NotebookNode
    drive : bool
        Whether Drive is mounted, before the first cell.
    """
    setup = position_of_setup(notebook)
    before = [DRIVE] if drive else []
    copied = nbformat.from_dict(notebook)
    copied.cells = [
        *copied.cells[:setup],
        *map(_cell, before),
        copied.cells[setup],
        *map(_cell, AFTER_THE_FIRST_CELL),
        *copied.cells[setup + 1 :],
    ]
    return copied


def _cell(addition: Addition) -> NotebookNode:
    name = f"{PREFIX}{[DRIVE, *AFTER_THE_FIRST_CELL].index(addition)}"
    return nbformat.v4.new_code_cell(addition.source, id=name)


def position_of_setup(notebook: NotebookNode) -> int:
    """Return where the first cell of the kit is."""
    cells = enumerate(notebook.cells)
    return next(n for n, cell in cells if cell.metadata.get("dl", {}).get("role") == "setup")


def not_shown(notebook: NotebookNode) -> list[str]:
    """Return a line for each added cell of an executed notebook that does not show what it must."""
    wanted = {addition.source: addition.shows for addition in (DRIVE, *AFTER_THE_FIRST_CELL)}
    return [
        f"the added cell {cell.source.splitlines()[0]!r} does not show {wanted[cell.source]!r}"
        for cell in notebook.cells
        if cell.id.startswith(PREFIX) and wanted[cell.source] not in _shown(cell)
    ]


def _shown(cell: NotebookNode) -> list[str]:
    printed = "".join(item.text for item in cell.outputs if item.output_type == "stream")
    return [printed.strip(), *(kind for item in cell.outputs for kind in item.get("data", {}))]
