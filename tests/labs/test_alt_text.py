"""utils.alt_text: what a figure shows, in words, as far as the exported page."""

import datetime
from collections.abc import Iterator

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import nbformat.v4
import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.pylabtools import select_figure_formats
from matplotlib.figure import Figure
from nbconvert import HTMLExporter

from tests.shells import a_shell
from utils import alt_text, plots
from utils.alt_text import describe


@pytest.fixture(autouse=True)
def _close_figures() -> Iterator[None]:
    yield
    plt.close("all")


def test_curves() -> None:
    values = {"training": [3.0, 0.5, 2.0], "validation": [4.0, float("nan"), 5.0]}
    assert describe(plots.loss_curve(values).figure) == (
        "loss against epoch. Curve training: 3 at 1, 2 at 3, lowest 0.5 at 2. "
        "Curve validation: 4 at 1, 5 at 3."
    )


def test_marked_places_scales_and_dates() -> None:
    ax = plots.curves([1.0, 10.0], ylabel="norm", x=[5, 50], log=True)
    ax.axvline(7, label="chosen")
    ax.axhline(2)
    ax.set_title("Clipped")
    assert describe(ax.figure) == (
        "Clipped, norm against epoch, y logarithmic. Curve norm: 1 at 5, 10 at 50. "
        "Vertical line chosen at 7. Horizontal line at 2."
    )
    figure, ax = plt.subplots()
    ax.plot([datetime.date(2020, 1, 1), datetime.date(2020, 2, 1)], [1, 2], "o")
    ax.plot([datetime.date(2020, 1, 1)], [float("nan")], label="none")
    assert describe(figure) == "Points: 1 at 2020-01-01, 2 at 2020-02-01. Curve none: no values."


def test_matrices() -> None:
    ax = plots.confusion_matrix([0, 0, 0, 1], [0, 0, 1, 1], classes=["cat", "dog"])
    assert describe(ax.figure) == (
        "true against predicted. Matrix of 2 rows and 2 columns. cat: cat 2, dog 1. dog: dog 1."
    )
    ax = plots.attention_map([[0.9, 0.1], [0.3, 0.7]], queries=["the", "cat"], keys=["die", "."])
    assert describe(ax.figure) == (
        'Matrix of 2 rows and 2 columns. the: most on "die" (0.9). cat: most on "." (0.7).'
    )
    unnamed = plt.subplots()[1]
    unnamed.imshow(np.zeros((30, 40)))
    assert describe(unnamed.figure) == "Matrix of 30 rows and 40 columns."


def test_points_and_their_names() -> None:
    places = [[0.0, 0.0], [2.0, 2.0], [5.0, 1.0]]
    ax = plots.embedding_map(places, labels=["father", "mother", ""], groups=["kin", "kin", "mood"])
    assert describe(ax.figure) == (
        "dimension 2 against dimension 1. 2 points kin around 1, 1. 1 point mood around 5, 1. "
        "Written in it: father, mother."
    )


def test_bars() -> None:
    figure, axes = plt.subplots(1, 2)
    axes[0].bar(["x", "y"], [1, 2.5])
    axes[1].barh([0, 1], [3, 4], label="area")
    axes[1].set_yticks([0, 1], ["one", "two"])
    assert describe(figure) == "2 bars: x 1, y 2.5. 2 bars area: one 3, two 4."


def test_pictures() -> None:
    figure = plots.image_grid(np.zeros((4, 8, 6)), rows=["original", "blurred"], columns=2)
    assert describe(figure) == "4 pictures; 8 by 6 pixels; rows: original, blurred."
    figure = plots.image_grid(np.zeros((1, 3, 8, 6)), titles=["a\ncat"])
    assert describe(figure) == "1 picture; 8 by 6 pixels; titles: a cat."


def test_an_empty_figure_says_so_and_a_full_one_is_cut() -> None:
    assert describe(plt.figure()) == "Empty figure."
    ax = plt.subplots()[1]
    for n in range(1000):
        ax.plot([0, 1], [n, n + 1], label=str(n))
    text = describe(ax.figure)
    assert len(text) == alt_text.LONGEST and text.endswith("…")


# --- in a notebook -----------------------------------------------------------------------------


@pytest.fixture
def shell() -> Iterator[InteractiveShell]:
    with a_shell() as shell:
        select_figure_formats(shell, {"png"})
        yield shell


def page(shell: InteractiveShell, figure: Figure) -> str:
    """The HTML of a notebook in which a figure was displayed."""
    data, metadata = shell.display_formatter.format(figure)
    output = nbformat.v4.new_output("display_data", data=data, metadata=metadata)
    cell = nbformat.v4.new_code_cell("plot()", outputs=[output])
    notebook = nbformat.v4.new_notebook(cells=[cell])
    nbformat.validate(notebook)
    return HTMLExporter(template_name="classic").from_notebook_node(notebook)[0]


def test_the_exported_page_says_what_a_figure_shows(shell: InteractiveShell) -> None:
    ax = plots.loss_curve([2.0, 1.0])
    html = page(shell, ax.figure)
    assert "data:image/png;base64," in html
    assert 'alt="loss against epoch. Curve loss: 2 at 1, 1 at 2."' in html


def test_what_a_figure_says_is_escaped(shell: InteractiveShell) -> None:
    ax = plots.curves([1.0], ylabel='"><script>alert(1)</script>')
    assert "<script>alert(1)" not in page(shell, ax.figure)


def test_a_figure_that_cannot_be_described_is_shown(
    shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch
) -> None:
    ax = plots.loss_curve([2.0, 1.0])
    monkeypatch.setattr(alt_text, "describe", lambda figure: 1 / 0)
    data, metadata = shell.display_formatter.format(ax.figure)
    assert "image/png" in data and metadata == {}


def test_without_a_notebook_nothing_is_attached() -> None:
    assert not InteractiveShell.initialized()
    plots.loss_curve([2.0, 1.0])  # does not raise
    assert not InteractiveShell.initialized()
