"""What is changed of a solution, and what is not."""

import ast

import pytest

from grading.strength.mutants import mutants


def cell(*lines: str) -> str:
    body = "\n".join(f"    {line}" for line in lines)
    return (
        f'def f(x, y):\n    """Return 1."""\n    z = 1\n    ### BEGIN SOLUTION\n{body}\n'
        "    ### END SOLUTION\n    return z + 1"
    )


def after(*lines: str) -> set[str]:
    return {mutant.after for mutant in mutants(cell(*lines))}


@pytest.mark.parametrize(
    ("line", "changed"),
    [
        ("return x < y", {"return x <= y", "return x > y"}),
        ("return x == y", {"return x != y"}),
        ("return x - y", {"return x + y"}),
        ("return -x", {"return x"}),
        ("return x and y", {"return x or y"}),
        ("return x[1:]", {"return x[:]", "return x[2:]", "return x[0:]"}),
        ("return x[:y]", {"return x[:]", "return x[:y + 1]", "return x[:y - 1]"}),
        ("return x @ y", {"return y @ x"}),
        ("return x.T", {"return x"}),
        ("return x.detach()", {"return x"}),
        ("return x.max()", {"return x", "return x.min()"}),
        ("return np.sqrt(x)", {"return (x)"}),
        ("model.train()", {"model.eval()", "model", "pass"}),
        (
            "return x.sum(axis=1)",
            {
                "return x",
                "return x.mean(axis=1)",
                "return x.sum()",
                "return x.sum(axis=0)",
                "return x.sum(axis=2)",
                "return x.sum(axis=-1)",
            },
        ),
        ("x += y", {"x -= y", "x = y", "pass"}),
        ("return True", {"return False"}),
        ("return 0.5 * x", {"return 1.0 * x", "return 0.0 * x", "return 0.5 / x"}),
        ("x[0] = y", {"pass", "x[1] = y"}),
        ("return {'a': x}", set()),
    ],
)
def test_a_line_has_these_mutants(line: str, changed: set[str]) -> None:
    assert after(line) == changed


def test_only_code_between_the_markers_changes() -> None:
    assert after("return x") == set()
    found = mutants(cell("return x + 1"))
    assert found and all('"""Return 1."""\n    z = 1\n' in mutant.code for mutant in found)
    assert all(mutant.code.endswith("return z + 1") for mutant in found)


def test_each_mutant_parses_and_occurs_once() -> None:
    code = cell(
        "for i in range(len(x)):",
        "    if not i:",
        "        continue",
        "    with torch.no_grad():",
        "        y = [w for w in x if w > 0] + x[i : i + 1, ::2]",
        'raise ValueError(f"{x[0]} is not {y + 1}")',
    )
    found = mutants(code)
    shapes = {ast.dump(ast.parse(mutant.code)) for mutant in found}
    assert len(shapes) == len(found)
    assert ast.dump(ast.parse(code)) not in shapes
    assert {"early end", "range", "mode", "condition", "slice", "statement"} <= {
        mutant.operator for mutant in found
    }
    assert not any("y - 1" in mutant.after for mutant in found), "a message is nobody's answer"


def test_text_that_is_not_ascii_keeps_its_place() -> None:
    assert "año = x * y" in after("año = x / y")
    assert mutants(cell('s = "ñandú"; t = x + y'))[0].after == 's = "ñandú"; t = x - y'
