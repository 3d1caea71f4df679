"""What a lab's own cells read under their names, whatever a student's cells made of them."""

import ast
import math
from typing import Any

import pytest

from grading.cells.names import (
    BUILTINS,
    KEEP,
    MARK,
    Locked,
    Writer,
    bound,
    declared_global,
    digest,
    hidden,
    locked,
    protected,
)

ANSWERS = frozenset({"answer", "solve"})


def run(cells: list[tuple[Writer, str]]) -> dict[str, Any]:
    """Run cells one after the other, as a session does, and return what their names mean then."""
    kept: dict[str, Any] = {}
    names: dict[str, Any] = {}

    def keep(*fresh: str) -> None:
        kept.update({name: names[name] for name in fresh if name in names})
        names.update({hidden(name): kept[name] for name in fresh if name in kept})

    for writer, source in cells:
        cell = protected(ast.parse(source), writer, ANSWERS, kept, names)
        names |= {hidden(name): value for name, value in {**BUILTINS, **kept}.items()}
        names[KEEP] = keep
        exec(compile(cell.tree, "cell", "exec"), names)
    return names


def result(given: str, *mine: str, check: str) -> Any:
    cells = [(Writer.GIVEN, given), *((Writer.STUDENT, code) for code in mine)]
    return run([*cells, (Writer.CHECK, f"found = {check}")])["found"]


@pytest.mark.parametrize(
    ("given", "mine", "check", "expected"),
    [
        ("import math", "math = 3", "math.pi", math.pi),
        ("import math", "for math in [1, 2]: pass", "math.pi", math.pi),
        ("import math", "def math(): pass", "(lambda: math.pi)()", math.pi),
        ("import math", "class math: pass", "[math.pi for _ in range(1)]", [math.pi]),
        ("from math import sqrt as root", "root = 'root'", "root(4)", 2),
        ("points = [1, 2]", "points = [5]", "points", [1, 2]),
        ("points = [1, 2]", "points += [5]\npoints = 0", "len(points)", 3),  # changed, not renamed
        ("a, (b, *c) = 1, (2, 3)", "a = b = c = None", "(a, b, c)", (1, 2, [3])),
        ("size: int = 4", "size: str = ''", "size", 4),
        ("", "sum = 0\nfor k in range(3): sum += k", "sum([1, 2])", 3),
        ("", "list = [1]\nlen = 7\nmax = min = id = 0", "max(len(list((1, 2))), 0)", 2),
        ("", "float = 3.0", "float('2')", 2.0),
        ("", "def sorted(x): return x", "sorted([2, 1])", [1, 2]),
        ("", "(print := 3)", "callable(print)", True),
        ("", "import json as type", "type(1) is type(2)", True),
        ("", "range = 1", "{k: [j for j in range(k)] for k in range(2)}", {0: [], 1: [0]}),
    ],
)
def test_a_check_reads_what_the_lab_left(given: str, mine: str, check: str, expected: Any) -> None:
    assert result(given, mine, check=check) == expected


@pytest.mark.parametrize(
    "mine",
    [
        "factor = 10\nscale = None\nmath = 3\nfloat = 3.0",
        "def scale(x): return 0\nclass math: pred = 1\nfactor = 'x'",
        "for scale in [math]: float = sum = 1",
    ],
)
def test_given_functions_stay_whole(mine: str) -> None:
    given = (
        "import math\n"
        "def twice(x): return float(scale(x) * math.floor(2.5))\n"  # names what comes below
        "def scale(x): return 3 * x\n"
    )
    assert result(given, mine, check="twice(5)") == 30.0


def test_a_variable_may_be_tried_out_with_other_values() -> None:
    cells = [
        (Writer.GIVEN, "epochs = 2\ndef train(): return epochs"),
        (Writer.STUDENT, "epochs = 50"),
        (Writer.GIVEN, "longer, losses = train(), [0] * epochs"),
        (Writer.CHECK, "found = epochs, longer, len(losses)"),
    ]
    assert run(cells)["found"] == (2, 50, 50)


def test_an_answer_is_the_students_even_where_the_lab_binds_it() -> None:
    cells = [
        (Writer.GIVEN, "answer = 0\ndef solve(): return 0"),
        (Writer.STUDENT, "answer = 42\ndef solve(): return answer"),
        (Writer.CHECK, "found = answer, solve()"),
    ]
    assert run(cells)["found"] == (42, 42)


def test_students_functions_keep_the_students_names() -> None:
    mine = "max, points, scale = 3, [9], 2\ndef solve(): return points[:max], scale"
    found = result(
        "points = [1]\ndef scale(x): return x", mine, check="(solve(), points, scale(1))"
    )
    assert found == (([9], 2), [1], 1)


@pytest.mark.parametrize(
    "mine",
    [
        ("math = 3", "def solve(x): return float(math.floor(x)) + sum([1])"),
        ("def solve(x): return float(math.floor(x)) + sum([1])", "math = 3\nfloat = 3.0\nsum = 0"),
        ("float = sum = 0", "def solve(x): return float(math.floor(x)) + sum([1])"),
    ],
)
def test_what_is_used_as_a_module_or_a_function_is_one(mine: tuple[str, ...]) -> None:
    assert result("import math", *mine, check="solve(2.5)") == 3.0


@pytest.mark.parametrize(
    "mine",
    [
        "import cmath as math\ndef solve(): return math.pi",
        "def solve():\n    import cmath as math\n    return math.pi",
        "def solve(math=math): return math.pi",
        "def sum(x): return math.pi\ndef solve(): return sum([])",
        "from math import pi as sum\ndef solve(): return sum",
        "solve = lambda *float, **sum: math.pi if not float else sum",
    ],
)
def test_what_a_student_made_on_purpose_is_used(mine: str) -> None:
    assert result("import math", mine, check="solve()") == math.pi


def test_scopes() -> None:
    body = ast.parse(
        "import a.b, c as d\nfrom e import f\n"
        "def g(): h = 1\nclass i: j = 1\n"
        "k = l, *m = [n for o in []]\nfor p in q: pass\nwith r as s: t = 1\n"
        "try: pass\nexcept E as u: pass\n"
        "match v:\n    case [w, *x]: pass\n    case {1: y, **z}: pass\n"
        "[aa := 1 for ab in []]\nac: int = 1\ndel ad\nlambda ae: (af := 1)\n"
    ).body
    expected = {*"adfgiklmpstuwxyz", "aa", "ac", "ad"}
    assert bound(body) == expected
    assert declared_global(ast.parse("def f():\n    global x, y\n    x = 1")) == {"x", "y"}


def test_super_and_what_a_kernel_replaces_are_left_alone() -> None:
    given = (
        "class Base:\n    def __init__(self): self.ready = True\n"
        "class Net(Base):\n    def __init__(self): super().__init__()\n"
    )
    assert result(given, "Base = None", check="Net().ready") is True
    tree = protected(ast.parse("input('?'), open('x')"), Writer.CHECK, ANSWERS, {}, {}).tree
    assert MARK not in ast.unparse(tree)


def test_overwritten_names_are_told() -> None:
    kept = {"math": math, "points": [1], "other": 1}
    present = kept | {"math": 3, "sum": 0, "other": 2, "points": kept["points"]}
    check = "tick.value('a', lambda: sum(points) + math.pi)"
    cell = protected(ast.parse(check), Writer.CHECK, ANSWERS, kept, present)
    assert cell.overwritten == ["math", "sum"]


def test_which_cells_are_the_labs() -> None:
    cells = [
        ("prose", "# import this"),
        ("given", "import math\n"),
        ("exercise", "def solve():\n    global state\n    state = 1\nanswer: int = 2"),
        ("check", "tick.value('a', lambda: 1)"),
        ("identity", 'STUDENT_1 = ""'),
    ]
    found = locked(cells)
    assert found.writer("\nimport math   \n") is Writer.GIVEN
    assert found.writer("tick.value('a', lambda: 1)") is Writer.CHECK
    assert found.writer("import math, cmath") is Writer.STUDENT
    assert found.answers == {"solve", "state", "answer", "STUDENT_1"}
    assert Locked.from_json(found.to_json()) == found
    assert Locked.from_json({}).writer("import math") is Writer.STUDENT
    assert digest("\ud800") != digest("")  # what is no text has a digest, too
