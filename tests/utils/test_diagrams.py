"""utils.diagrams: what is drawn, where, and in which words."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from utils import diagrams, plots
from utils.alt_text import describe


@pytest.fixture
def ax():
    with plots.style():
        figure, ax = plt.subplots(figsize=(8, 4), dpi=50)
    diagrams.blank(ax, 8, 4)
    ax.set_position((0, 0, 1, 1))  # 50 pixels a unit
    yield ax
    plt.close(figure)


def pixels(ax, x, y):
    """The row of colours, as shares (N, 3), a tenth of a unit around (x, y) of the axes."""
    ax.figure.canvas.draw()
    picture = np.asarray(ax.figure.canvas.buffer_rgba())[::-1, :, :3] / 255
    column, row = ax.transData.transform((x, y)).round().astype(int)
    return picture[row, column - 5 : column + 6]


def has_colour(ax, x, y, colour):
    return np.allclose(pixels(ax, x, y), to_rgb(colour), atol=0.01)


def thickness(ax, x, y):
    """How many pixels of ink the row around (x, y) has."""
    free = np.isclose(pixels(ax, x, y), to_rgb(plots.BACKGROUND), atol=0.01).all(axis=1)
    return int((~free).sum())


def test_a_box_is_centred_and_as_large_as_asked(ax):
    diagrams.box(ax, 4, 2, "", 2, width=3, height=1)
    for x, y in [(2.7, 2), (5.3, 2), (4, 1.6), (4, 2.4)]:
        assert has_colour(ax, x, y, plots.COLOURS[2])
    for x, y in [(2.3, 2), (5.7, 2), (4, 1.4), (4, 2.6)]:
        assert thickness(ax, x, y) == 0


def test_an_enclosure_leaves_its_inside_free_and_is_dashed(ax):
    diagrams.enclose(ax, 4, 2, 6, 3)
    assert thickness(ax, 4, 2) == 0
    edge = [thickness(ax, 1, y) for y in np.linspace(1, 3, 40)]
    assert max(edge) > 0 and min(edge) == 0


def test_an_arrow_goes_through_its_points_and_only_its_end_has_a_head(ax):
    diagrams.arrow(ax, (1, 1), (6, 1), (6, 3.5))
    assert thickness(ax, 6, 3.42) > thickness(ax, 6, 2) > 0
    assert thickness(ax, 1, 1.06) == 0
    diagrams.arrow(ax, (2, 2), (2, 3.5), head=False)
    assert thickness(ax, 2, 3.42) == thickness(ax, 2, 2.5) > 0


def test_lines_pass_behind_boxes_and_dots(ax):
    diagrams.box(ax, 2, 2, "", 1)
    diagrams.dot(ax, 6, 2, "")
    diagrams.arrow(ax, (2, 0.5), (2, 3.5), head=False)
    diagrams.arrow(ax, (6, 0.5), (6, 3.5), head=False)
    assert has_colour(ax, 2, 2, plots.COLOURS[1]) and thickness(ax, 2, 3) > 0
    assert has_colour(ax, 6, 2, plots.BACKGROUND) and thickness(ax, 6, 3) > 0


def test_the_words_of_a_diagram_are_its_labels_alone(ax):
    diagrams.box(ax, 2, 2, "tanh")
    diagrams.dot(ax, 6, 2, "+")
    diagrams.arrow(ax, (2.5, 2), (5.7, 2))
    assert describe(ax.figure) == "Written in it: tanh, +."
