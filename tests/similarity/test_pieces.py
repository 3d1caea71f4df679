import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from grading.similarity.pieces import CODE, TEXT, code_tokens, pieces_of, words
from grading.similarity.winnowing import grams, winnow


def texts(source):
    return [token.text for token in code_tokens(source)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("total = 0\nfor x in xs:\n    total += x", "s=1\nfor valor in lista: s += valor  # suma"),
        ('def f(a):\n    """Mean."""\n    return a.mean()', "def g(b):\n\n    return b.mean()"),
        ("print('a' 'b', 1.5)", 'print("""x\ny""", 0x1F)'),
        ("print(f'{a + b!r:>{n}}')", "print('a')"),
        ("self.proj = nn.Linear(a, b)\nself.proj(x)", "self.w = nn.Linear(c, d)\nself.w(y)"),
        ("return (a, b)", "return a, (b)"),
        ("f(a)((b))[c](d)", "g(x)(y)[z](w)"),
        ("%matplotlib inline\n!pip install x\ny = 1", "y = 2"),
    ],
)
def test_what_a_copier_may_change_makes_no_difference(one, other):
    assert texts(one) == texts(other) != []


@pytest.mark.parametrize(
    ("one", "other"),
    [("a + b", "a - b"), ("x.sum()", "x.mean()"), ("len(x)", "sum(x)"), ("if a: b", "while a: b")],
)
def test_what_the_code_does_makes_one(one, other):
    assert texts(one) != texts(other)


@pytest.mark.parametrize(
    "broken",
    ["x = $", "def f(:\n  (", "s = '''never ends", "  a\n b\nc", "\x00", "if x:\n\ty\n  z"],
)
def test_after_a_line_that_is_not_python_it_goes_on(broken):
    found = [*code_tokens(f"first = alpha()\n{broken}")]
    assert [token.text for token in found][:5] == ["name", "=", "name", "(", ")"]
    after = [token for token in code_tokens("x = 1 $ ?\ny = [1, 2]") if token.line == 1]
    assert [token.text for token in after] == ["name", "=", "[", "number", ",", "number", "]"]


def test_tokens_know_their_line_and_statement():
    found = [*code_tokens("# one\na = (1,\n     2); b = 3\nreturn b")]
    assert [token.line for token in found] == [1, 1, 1, 1, 2, 2, 2, 2, 3, 3]
    assert [token.unit for token in found] == [0] * 5 + [1] * 3 + [2] * 2


def test_a_words_place_and_line():
    assert [*words("Sí, ASÍ\nes")] == [("si", 0, 0), ("asi", 0, 1), ("es", 1, 2)]


def test_pieces_are_code_and_answers_but_not_who_signed_nor_the_labs_prose():
    cells = [
        new_code_cell("STUDENT_1 = 'ana'", metadata={"nbgrader": {"grade_id": "identity"}}),
        new_markdown_cell("Read this.", metadata={"dl": {"role": "prose"}}),
        new_markdown_cell("Because.", metadata={"nbgrader": {"grade_id": "why"}}),
        new_code_cell("given()"),
        new_code_cell("mine()"),
    ]
    found = pieces_of(new_notebook(cells=cells), given={"given()"})
    assert [(piece.kind, piece.name, piece.source) for piece in found] == [
        (TEXT, "why", "Because."),
        (CODE, "5", "mine()"),
    ]


# Winnowing


@pytest.mark.parametrize("kind", [CODE, TEXT])
@pytest.mark.parametrize("before", range(0, 12, 3))
def test_a_match_of_the_threshold_is_always_found(kind, before):
    common = [f"c{number}" for number in range(kind.k + kind.window - 1)]
    sides = []
    for side, length in (("a", before), ("b", 17 - before)):
        around = [f"{side}{number}" for number in range(length)]
        tokens = [*around, *common, *around[::-1]]
        sides.append({one.hash for one in winnow(grams(tokens, kind.k), kind.window)})
    assert sides[0] & sides[1]


@pytest.mark.parametrize("kind", [CODE, TEXT])
def test_a_match_shorter_than_k_is_never_found(kind):
    common = [f"c{number}" for number in range(kind.k - 1)]
    one, other = (grams([side, *common, side], kind.k) for side in ("a", "b"))
    assert len(one) == len(other) == 2
    assert not {*one} & {*other}


@pytest.mark.parametrize("length", [0, 1, 3, 4, 5, 40])
def test_every_window_has_its_least_and_nothing_else_is_chosen(length):
    hashes = [(number * 7919) % 13 for number in range(length)]
    windows = [hashes[start : start + 4] for start in range(max(length - 3, min(length, 1)))]
    chosen = winnow(hashes, 4)
    assert [one.place for one in chosen] == sorted({one.place for one in chosen})
    assert all(hashes[one.place] == one.hash for one in chosen)
    for start, window in enumerate(windows):
        last = start + max(n for n, value in enumerate(window) if value == min(window))
        assert last in {one.place for one in chosen}
    assert len(chosen) <= len(windows)
