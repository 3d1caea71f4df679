import importlib
import math
import sys

import matplotlib.image
import nbformat.v4
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbclient import NotebookClient

import grading.compat
from grading.compat import checkarr, gradeutils, image_audio, partial_marks, tick
from grading.compat.partial import MIME

TWELVE = np.arange(12.0).reshape(3, 4)


@pytest.fixture(autouse=True)
def _no_marks():
    tick.reset_marks()


# --- install --------------------------------------------------------------------------------------


@pytest.fixture
def installed(monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] in ("jhwutils", "lautils")]:
        monkeypatch.delitem(sys.modules, name)
    before = set(sys.modules)
    grading.compat.install()
    yield
    for name in set(sys.modules) - before:
        if name.split(".")[0] in ("jhwutils", "lautils"):
            del sys.modules[name]


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("jhwutils.tick", "marks"),
        ("jhwutils.checkarr", "check_hash"),
        ("jhwutils.image_audio", "show_image"),
        ("lautils.gradeutils", "compare_numbers"),
    ],
)
def test_older_notebooks_import_the_names_they_know(installed, name, call):
    assert callable(getattr(importlib.import_module(name), call))
    package, module = name.split(".")
    assert getattr(importlib.import_module(package), module) is sys.modules[name]


def test_a_module_that_is_not_there_is_an_ordinary_import_error(installed):
    with pytest.raises(ModuleNotFoundError, match=r"jhwutils\.matrices"):
        importlib.import_module("jhwutils.matrices")


def test_installing_again_keeps_the_marks_counted(installed, capsys):
    from jhwutils.tick import marks

    with marks(2):
        pass
    grading.compat.install()
    from jhwutils.tick import summarise_marks

    capsys.readouterr()
    summarise_marks()
    assert capsys.readouterr().out == "2 / 2 marks (100.0%)\n"


# --- checkarr -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (42, "0x9cea83b8"),
        (0.1, "0xc7c67bce"),
        (1234.5678, "0x9b9e2085"),
        (-7, "0xca35503c"),
        (0, "0x75c2e82a"),
    ],
)
def test_hash_of_a_number(number, expected):
    assert checkarr._check_scalar(number) == expected
    assert checkarr.check_scalar(number, expected)
    assert checkarr.check_scalar(np.float64(number), expected)
    assert not checkarr.check_scalar(number + 1, expected)


def test_a_number_on_a_rounding_edge_passes_from_both_sides():
    edge = 1.000005  # rounds to 1.00000 or 1.00001
    for side in (edge * (1 + 4e-7), edge * (1 - 4e-7)):
        for other in ("1.00000e+00", "1.00001e+00"):
            assert checkarr.check_scalar(side, checkarr._check_scalar(float(other)))
    assert not checkarr.check_scalar(1.00002, checkarr._check_scalar(1.0))


def test_tolerance_is_the_number_of_decimals():
    coarse = checkarr._check_scalar(3.14159, tol=2)
    assert checkarr.check_scalar(3.1416, coarse, tol=2)
    assert not checkarr.check_scalar(3.16, coarse, tol=2)


@pytest.mark.parametrize("nothing", [None, "42", [1, 2], np.arange(3), 10**400])
def test_what_is_no_number_fails_with_one_line(nothing, capsys):
    assert not checkarr.check_scalar(nothing, "0x9cea83b8")
    assert capsys.readouterr().out.startswith("expected a number, found ")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("Hola", "0x6fa0f988"), ("hOLA", "0x6fa0f988"), ("EOS", "0x9a348737")],
)
def test_hash_of_a_text(text, expected):
    assert checkarr.check_string(text, expected)
    assert not checkarr.check_string(text + " ", expected)
    assert not checkarr.check_string(None, expected)


@pytest.mark.parametrize(
    ("array", "expected"),
    [(TWELVE, ((3, 4), 597.4520525295346)), ([1, 2, 3], ((3,), 22.816496580927726))],
)
def test_hash_of_an_array(array, expected):
    assert checkarr.array_hash(array) == expected
    assert checkarr.check_hash(array, expected)
    assert checkarr.check_hash(np.asarray(array, dtype=np.float32), expected)


def test_strict_hash_of_an_array():
    assert checkarr.strict_array_hash(TWELVE) == ((3, 4), 1047.9812710410536)
    assert checkarr.check_hash(TWELVE, ((3, 4), 1047.9812710410536), strict=True)
    assert not checkarr.check_hash(TWELVE[::-1], ((3, 4), 1047.9812710410536), strict=True)


def test_number_of_the_hash_is_compared_with_a_tolerance():
    shape, number = checkarr.array_hash(TWELVE)
    assert checkarr.check_hash(TWELVE, (shape, number * (1 + 0.9e-5)))
    assert not checkarr.check_hash(TWELVE, (shape, number * (1 + 1.2e-5)))


def test_another_shape_fails_and_says_so(capsys):
    assert not checkarr.check_hash(TWELVE.T, checkarr.array_hash(TWELVE))
    assert capsys.readouterr().out == "expected shape (3, 4), found (4, 3)\n"


@pytest.mark.parametrize("nothing", [None, "text", ["a", "b"], [[1, 2], [3]], {"a": 1}])
@pytest.mark.parametrize("strict", [False, True])
def test_what_is_no_array_fails_with_one_line(nothing, strict, capsys):
    assert not checkarr.check_hash(nothing, checkarr.array_hash(TWELVE), strict)
    assert len(capsys.readouterr().out.splitlines()) == 1


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "array", [np.array(3.5), np.zeros((0, 2)), np.full(3, np.nan), np.array([True, False])]
)
@pytest.mark.parametrize("strict", [False, True])
def test_odd_arrays_have_a_hash_that_they_match(array, strict):
    key = checkarr.strict_array_hash(array) if strict else checkarr.array_hash(array)
    assert checkarr.check_hash(array, key, strict)


# --- tick -----------------------------------------------------------------------------------------


def test_marks_count_what_passes_and_raise_what_fails(capsys):
    with tick.marks(3):
        assert True
    with pytest.raises(AssertionError, match="wrong"), tick.marks(4):
        raise AssertionError("wrong")
    assert capsys.readouterr().out == "✓ 3 / 3 marks\n✗ 0 / 4 marks\n"
    tick.summarise_marks()
    assert capsys.readouterr().out == "3 / 7 marks (42.9%)\n"


def test_summary_without_any_marks(capsys):
    tick.summarise_marks()
    assert capsys.readouterr().out == "0 / 0 marks (0.0%)\n"


def test_tick_shows_without_counting(capsys):
    with tick.tick():
        pass
    with pytest.raises(ZeroDivisionError), tick.tick():
        _ = 1 / 0
    tick.summarise_marks()
    assert capsys.readouterr().out == "✓\n✗\n0 / 0 marks (0.0%)\n"


@pytest.mark.parametrize("count", [-1, math.inf, math.nan])
def test_marks_must_be_a_number_of_marks(count):
    with pytest.raises(ValueError, match="marks"), tick.marks(count):
        pass


# --- partial marks --------------------------------------------------------------------------------


def _block(earned, available):
    return nbformat.v4.new_output(
        "display_data", {MIME: {"earned": earned, "available": available}}
    )


@pytest.fixture(scope="module")
def executed():
    """An old notebook, run in a real kernel: one cell fails at its third block, one passes."""
    cells = [
        "import grading.compat; grading.compat.install()\nfrom jhwutils.tick import marks",
        "with marks(2):\n    assert 1 + 1 == 2\n"
        "with marks(3):\n    assert len('ab') == 2\n"
        "with marks(5):\n    assert 1 == 2\n"
        "with marks(7):\n    assert True",
        "with marks(4):\n    assert True\nprint('done')",
        "1 / 0",
        "from jhwutils.image_audio import *\nimport numpy as np\n"
        "show_image(np.eye(4))\nshow_image_mpl(np.eye(4))\nplay_sound(np.sin(np.arange(800.)))",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
    return NotebookClient(notebook, allow_errors=True, timeout=120).execute().cells


@pytest.mark.slow
def test_blocks_before_the_failing_one_keep_their_marks(executed):
    assert partial_marks(executed[1].outputs) == (5.0, None)


@pytest.mark.slow
def test_a_cell_that_passes_has_all_its_marks(executed):
    assert partial_marks(executed[2].outputs) == (4.0, 4.0)


@pytest.mark.slow
def test_cells_without_blocks_have_no_marks(executed):
    assert partial_marks(executed[0].outputs) == (0.0, 0.0)
    assert partial_marks(executed[3].outputs) == (0.0, None)


@pytest.mark.slow
def test_marks_are_shown_as_text_and_as_html(executed):
    shown = executed[2].outputs[0].data
    assert shown["text/plain"] == "✓ 4 / 4 marks"
    assert "✓" in shown["text/html"]


@pytest.mark.slow
def test_images_and_sounds_are_shown(executed):
    as_html, figure, player = executed[4].outputs
    assert "data:image/png;base64," in as_html.data["text/html"]
    assert "4 × 4" in as_html.data["text/plain"]
    assert figure.data["image/png"]
    assert "<audio" in player.data["text/html"]


@pytest.mark.parametrize(
    "forged",
    [
        _block(math.nan, 1),
        _block(math.inf, math.inf),
        _block(-5, 1),
        _block(3, -3),
        _block(9, 1),
        _block(True, True),
        _block("5", "5"),
        _block(None, None),
        _block([5], {"a": 5}),
        nbformat.v4.new_output("display_data", {MIME: "5"}),
        {"output_type": "display_data"},
        {"output_type": "display_data", "data": None},
        {"output_type": "stream", "name": "stdout", "text": "✓ 9 / 9 marks"},
        {},
    ],
)
def test_malformed_marks_count_for_nothing(forged):
    earned, available = partial_marks([_block(2, 2), forged])
    assert earned == 2
    assert available is not None
    assert 2 <= available < 4


@given(st.lists(st.tuples(st.floats(), st.floats())))
def test_marks_are_never_negative_and_never_above_what_there_is(blocks):
    earned, available = partial_marks([_block(*block) for block in blocks])
    assert available is not None
    assert 0 <= earned <= available


# --- image_audio ----------------------------------------------------------------------------------


def test_images_are_loaded_in_gray_and_in_colour(tmp_path):
    pixels = np.zeros((2, 3, 3))
    pixels[..., 0] = 1.0  # red
    path = tmp_path / "red.png"
    matplotlib.image.imsave(path, pixels)
    gray, colour = image_audio.load_image_gray(path), image_audio.load_image_colour(path)
    assert gray.shape == (2, 3)
    assert np.allclose(gray, 0.299)
    assert np.allclose(colour, pixels)
    assert image_audio.load_image_color is image_audio.load_image_colour


def test_gray_files_have_three_equal_channels_in_colour(tmp_path):
    path = tmp_path / "photo.jpg"
    matplotlib.image.imsave(
        path, np.full((8, 8), 128, dtype=np.uint8), cmap="gray", vmin=0, vmax=255
    )
    colour = image_audio.load_image_colour(str(path))
    assert colour.shape == (8, 8, 3)
    assert np.allclose(colour, 128 / 255, atol=0.02)
    assert np.allclose(image_audio.load_image_gray(str(path)), 128 / 255, atol=0.02)


@pytest.mark.parametrize("show", [image_audio.show_image, image_audio.show_image_mpl])
@pytest.mark.parametrize("shape", [(3,), (2, 2, 2), (1, 2, 2, 3)])
def test_what_is_no_image_is_refused(show, shape):
    with pytest.raises(ValueError, match="expected an image of shape"):
        show(np.zeros(shape))


# --- gradeutils -----------------------------------------------------------------------------------


@given(st.floats(allow_nan=False))
def test_numbers_in_hexadecimal_come_back_exactly(x):
    assert gradeutils.new_representation(x) == x.hex()
    assert gradeutils.hex_to_float(gradeutils.new_representation(x)) == x


@pytest.mark.parametrize(
    ("op", "below", "equal", "above"),
    [
        ("3c", True, False, False),
        ("3e", False, False, True),
        ("3c3d", True, True, False),
        ("3e3d", False, True, True),
        ("3d3d", False, True, False),
        ("213d", True, False, True),
    ],
)
def test_comparisons_in_hexadecimal(op, below, equal, above):
    two = gradeutils.new_representation(2)
    for x, expected in ((1, below), (2, equal), (3, above)):
        assert gradeutils.compare_numbers(gradeutils.new_representation(x), op, two) is expected


@pytest.mark.parametrize("op", ["", "3d", "2b", "5f5f696d706f72745f5f", "<"])
def test_anything_but_a_comparison_is_refused(op):
    with pytest.raises(ValueError, match="expected a comparison"):
        gradeutils.compare_numbers("0x1p+0", op, "0x1p+0")


def test_percentage_of_equal_positions():
    assert gradeutils.calculate_coincidences_percentage([1, 2, 3, 4], [1, 2, 0, 4]) == 75
    assert gradeutils.calculate_coincidences_percentage([], []) == 100
    assert gradeutils.compare_lists_by_percentage([1, 2, 3, 4], [1, 2, 0, 4], 75)
    assert not gradeutils.compare_lists_by_percentage([1, 2, 3, 4], [1, 2, 0, 4], 75.1)


def test_the_shorter_list_is_filled_up_with_a_warning():
    with pytest.warns(UserWarning, match="different lengths: 2 and 4"):
        assert gradeutils.calculate_coincidences_percentage([1, 2], [1, 2, 3, None]) == 75
