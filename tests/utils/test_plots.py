"""utils.plots: what is drawn, that it can be read, and what is refused."""

import io
from itertools import pairwise

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
import sklearn.metrics
from matplotlib.colors import to_rgb
from scipy.special import softmax
from sklearn.decomposition import PCA

from utils import plots


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def _luminance(colour):
    """The relative luminance of WCAG 2.2, from 0 to 1."""
    parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def _contrast(one, other):
    """The contrast ratio of WCAG 2.2, from 1 to 21."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_text_and_lines_have_contrast():
    assert _contrast(plots.TEXT, plots.BACKGROUND) >= 7
    assert min(_contrast(colour, plots.BACKGROUND) for colour in plots.COLOURS) >= 4
    shares = np.linspace(0, 1, 101)
    assert min(_contrast(plots.SHADES(s), plots._ink(s)) for s in shares) >= 4.5


def test_a_larger_share_is_a_darker_shade():
    """In CIE lightness, in steps that stay visible in grey."""
    luminance = np.array([_luminance(plots.SHADES(share)) for share in np.linspace(0, 1, 11)])
    lightness = 116 * np.cbrt(luminance) - 16
    assert (np.diff(lightness) < -3).all()


def test_figures_keep_their_background_on_a_dark_page():
    with plt.style.context("dark_background"):
        figure = plots.loss_curve([2.0, 1.0]).figure
        png = io.BytesIO()
        figure.savefig(png, transparent=False, facecolor="auto")  # as notebooks show it
    corner = plt.imread(io.BytesIO(png.getvalue()))[0, 0, :3]
    assert np.allclose(corner, to_rgb(plots.BACKGROUND), atol=0.01)


def test_the_style_does_not_leak():
    before = dict(plt.rcParams)
    plots.loss_curve([2.0, 1.0])
    assert dict(plt.rcParams) == before


def test_what_a_notebooks_backend_turns_on_stays_on():
    try:
        with plots.style():
            plt.ion()
        assert plt.isinteractive()
    finally:
        plt.ioff()


def test_curves_draw_the_values_and_differ_without_colour():
    values = {"training": [3.0, 2.0, 1.0], "validation": [3.5, float("nan"), 2.0]}
    ax = plots.loss_curve(values)
    lines = ax.get_lines()
    for line, (name, series) in zip(lines, values.items(), strict=True):
        np.testing.assert_array_equal(line.get_ydata(), series)
        np.testing.assert_array_equal(line.get_xdata(), [1, 2, 3])
        assert line.get_label() == name
    assert lines[0].get_linestyle() != lines[1].get_linestyle()
    assert lines[0].get_marker() != lines[1].get_marker()
    assert [text.get_text() for text in ax.get_legend().get_texts()] == list(values)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("epoch", "loss")


def test_a_dozen_curves_differ_without_colour():
    ax = plots.loss_curve({str(n): [1.0, 2.0] for n in range(12)})
    looks = {(line.get_linestyle(), line.get_marker()) for line in ax.get_lines()}
    assert len(looks) == 12


def test_curves_draw_on_given_axes_and_positions():
    ax = plt.subplots()[1]
    assert plots.curves([1.0, 10.0], ylabel="norm", x=[5, 50], log=True, ax=ax) is ax
    np.testing.assert_array_equal(ax.get_lines()[0].get_xdata(), [5, 50])
    assert ax.get_yscale() == "log"


@pytest.mark.parametrize("nothing", [[], {}, {"training": []}])
def test_curves_refuse_nothing(nothing):
    with pytest.raises(ValueError, match="nothing to draw"):
        plots.loss_curve(nothing)


def test_curves_refuse_other_positions():
    with pytest.raises(ValueError, match="has 2 values and x has 3"):
        plots.curves([1.0, 2.0], ylabel="loss", x=[1, 2, 3])


def test_confusions_are_sklearns(rng):
    truth, predicted = rng.integers(0, 5, 300), rng.integers(0, 4, 300)
    expected = sklearn.metrics.confusion_matrix(truth, predicted)
    np.testing.assert_array_equal(plots.count_confusions(truth, predicted), expected)
    ax = plots.confusion_matrix(truth, predicted, classes=list("abcde"))
    assert sorted(int(text.get_text()) for text in ax.texts) == sorted(expected[expected > 0])
    assert [tick.get_text() for tick in ax.get_yticklabels()] == list("abcde")


@pytest.mark.parametrize(
    ("truth", "predicted", "message"),
    [
        ([], [], "not empty"),
        ([0, 1], [0], r"shape \(2,\) and predicted \(1,\)"),
        ([0, 3], [0, 1], "3 is no class; expected whole numbers from 0 to 2"),
        ([0, 1], [0, -1], "-1 is no class"),
        ([0, 1], [0.2, 0.8], "0.2 is no class.*argmax"),
    ],
)
def test_confusions_refuse(truth, predicted, message):
    with pytest.raises(ValueError, match=message):
        plots.confusion_matrix(truth, predicted, classes=list("abc"))


def test_attention_map_shows_weights_and_tokens(rng):
    weights = softmax(rng.normal(size=(2, 3)), axis=1)
    ax = plots.attention_map(weights, queries=["the", "cat"], keys=["die", "Katze", "."])
    np.testing.assert_allclose(ax.images[0].get_array(), weights)
    assert ax.images[0].get_clim() == (0, 1)
    assert [t.get_text() for t in ax.get_xticklabels()] == ["die", "Katze", "."]
    assert [t.get_text() for t in ax.get_yticklabels()] == ["the", "cat"]


def test_attention_heads_has_a_map_for_each(rng):
    weights = softmax(rng.normal(size=(5, 2, 3)), axis=2)
    figure = plots.attention_heads(weights, queries=["x", "y"], keys=["a", "b", "c"])
    shown = [ax for ax in figure.axes if ax.images]
    assert [ax.get_title() for ax in shown] == [f"head {i}" for i in range(1, 6)]
    for ax, head in zip(shown, weights, strict=True):
        np.testing.assert_allclose(ax.images[0].get_array(), head)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.full((3, 2), 0.5), r"shape \(3, 2\); expected \(2, 3\)"),
        (np.full((2, 3), -1.0), "shares"),
        (np.full((2, 3), np.nan), "shares"),
    ],
)
def test_attention_map_refuses(weights, message):
    with pytest.raises(ValueError, match=message):
        plots.attention_map(weights, queries=["x", "y"], keys=["a", "b", "c"])
    with pytest.raises(ValueError, match="expected"):
        plots.attention_heads(weights, queries=["x", "y"], keys=["a", "b", "c"])


def test_projection_is_pca(rng):
    vectors = rng.normal(size=(40, 6)) @ rng.normal(size=(6, 6))
    pca = PCA(2).fit(vectors)
    points, shares = plots.project(vectors)
    np.testing.assert_allclose(np.abs(points), np.abs(pca.transform(vectors)), atol=1e-9)
    np.testing.assert_allclose(shares, pca.explained_variance_ratio_)


def test_projection_leaves_the_plane_alone(rng):
    plane = rng.normal(size=(5, 2))
    points, shares = plots.project(plane)
    np.testing.assert_array_equal(points, plane)
    assert shares is None


def test_projection_of_a_single_vector_is_finite():
    points, shares = plots.project([[1.0, 2.0, 3.0]])
    np.testing.assert_array_equal(points, [[0, 0]])
    np.testing.assert_array_equal(shares, [0, 0])


def test_embedding_map_names_points_and_groups(rng):
    labels = ["father", "mother", "", "happy"]
    ax = plots.embedding_map(
        rng.normal(size=(4, 3)), labels=labels, groups=["kin", "kin", "mood", "mood"]
    )
    assert sorted(text.get_text() for text in ax.texts) == ["father", "happy", "mother"]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["kin", "mood"]
    assert sum(len(points.get_offsets()) for points in ax.collections) == 4


def test_embedding_map_tells_ten_groups_apart(rng):
    groups = np.arange(30) % 10
    ax = plots.embedding_map(rng.normal(size=(30, 2)), groups=groups)
    looks = {
        (str(c.get_facecolor()), str(c.get_edgecolor()), str(c.get_paths()[0].vertices))
        for c in ax.collections
    }
    assert len(looks) == 10


def test_names_do_not_cover_each_other():
    close = [[0.0, 0.0], [0.02, 0.0], [1.0, 1.0]]
    ax = plots.embedding_map(close, labels=["first", "second", "far"])
    ax.figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in ax.texts]
    assert len(boxes) == 3
    assert all(box.count_overlaps(boxes) == 1 for box in boxes)  # each only itself


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        (np.zeros((0, 3)), r"shape \(0, 3\)"),
        (np.zeros((3, 1)), "D at least 2"),
        ([[0.0, 1.0, 2.0], [np.nan, 0.0, 0.0]], "vector 1 holds NaN"),
    ],
)
def test_embedding_map_refuses(vectors, message):
    with pytest.raises(ValueError, match=message):
        plots.embedding_map(vectors)
    with pytest.raises(ValueError, match="1 labels for 2 vectors"):
        plots.embedding_map(np.eye(2), labels=["a"])


@pytest.mark.parametrize("shape", [(3, 8, 6), (3, 1, 8, 6), (3, 8, 6, 1)])
def test_image_grid_grey(rng, shape):
    images = rng.random(shape)
    figure = plots.image_grid(images, titles=list("abc"), columns=2)
    shown = [ax for ax in figure.axes if ax.images]
    assert [ax.get_title() for ax in shown] == list("abc")
    np.testing.assert_allclose(shown[1].images[0].get_array(), images[1].reshape(8, 6))


def test_image_grid_colour_in_either_order(rng):
    images = rng.integers(0, 256, (2, 3, 8, 6), dtype=np.uint8)
    first = [plots.image_grid(x).axes[0].images[0] for x in (images, images.transpose(0, 2, 3, 1))]
    np.testing.assert_array_equal(first[0].get_array(), first[1].get_array())
    np.testing.assert_allclose(first[0].get_array(), images[0].transpose(1, 2, 0) / 255)


def test_image_grid_labels_rows(rng):
    images = rng.random((6, 4, 4))
    figure = plots.image_grid(images, rows=["original", "blurred"], columns=3)
    assert [ax.get_ylabel() for ax in figure.axes] == ["original", "blurred"]
    shown = [image.get_array() for ax in figure.axes for image in ax.images]
    np.testing.assert_allclose(shown, images)
    places = [image.get_extent() for image in figure.axes[1].images]
    assert all(left[1] < right[0] for left, right in pairwise(places))  # none covers another


@pytest.mark.parametrize(
    ("shape", "message"),
    [((0, 8, 8), "at least one image"), ((8, 8), "1 or 3 channels"), ((2, 8, 8, 4), "1 or 3")],
)
def test_image_grid_refuses_shapes(shape, message):
    with pytest.raises(ValueError, match=message):
        plots.image_grid(np.zeros(shape))


def test_image_grid_refuses_other_numbers_of_labels():
    with pytest.raises(ValueError, match="there are 1 titles; expected 3"):
        plots.image_grid(np.zeros((3, 4, 4)), titles=["a"])
    with pytest.raises(ValueError, match="there are 3 rows; expected 2"):
        plots.image_grid(np.zeros((3, 4, 4)), rows=list("abc"), columns=2)
