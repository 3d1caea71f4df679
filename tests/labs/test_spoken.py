"""What a lab's code draws and prints, and what its checks are called, is in every language."""

import ast
import re
from pathlib import Path

import pytest

from grading.authoring import Lab, stub
from grading.authoring.building import read_lab
from grading.course.config import load_course

COURSE = load_course(Path(__file__).resolve().parents[2])
LABS = COURSE.lab_names


def lab_of(name: str) -> Lab:
    return read_lab(COURSE, name)


# Calls whose texts a student sees, and keywords of any call that are drawn.
SAID = {"print", "set_title", "set_xlabel", "set_ylabel", "suptitle", "annotate", "text", "legend"}
DRAWN = {"title", "titles", "xlabel", "ylabel", "label", "labels"}
A_WORD = re.compile(r"\b(?!error\b)[a-z]{4,}\b")  # but for those of both languages
FORMULA = re.compile(r"\$[^$]*\$")


def unspoken(tree: ast.AST) -> list[str]:
    """Return the texts with words that code prints or draws in one language only."""
    found: list[str] = []

    def visit(node: ast.AST, said: bool) -> None:
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name in ("tr", "sentence"):
                return
            for child in (node.func, *node.args):
                visit(child, name in SAID)
            for keyword in node.keywords:
                visit(keyword.value, keyword.arg in DRAWN)
            return
        if isinstance(node, ast.Subscript | ast.FormattedValue | ast.comprehension):
            said = False  # the key of a mapping, what a value is formatted from, and data
        text = node.value if said and isinstance(node, ast.Constant) else ""
        if isinstance(text, str) and A_WORD.search(FORMULA.sub("", text)):
            found.append(text)
        for child in ast.iter_child_nodes(node):
            visit(child, said)

    visit(tree, False)
    return found


@pytest.mark.parametrize("name", LABS)
def test_what_a_lab_draws_and_prints_is_in_the_notebooks_language(name: str) -> None:
    found = []
    for cell in lab_of(name).cells:
        if cell.is_code:
            found += [f"{cell.id}: {text}" for text in unspoken(ast.parse(stub(cell.code, "en")))]
    assert found == []


def test_a_text_in_one_language_is_found() -> None:
    code = (
        'ax.set_title("loss by epoch")\nprint(f"{n} words")\nplot(x, label=tr(es="a", en="what"))'
    )
    assert unspoken(ast.parse(code)) == ["loss by epoch", " words"]


@pytest.mark.parametrize("name", LABS)
def test_a_label_with_words_has_all_languages(name: str) -> None:
    """One word alone, such as softmax, may be the same in all of them."""
    for cell in lab_of(name).of_role("check"):
        for call in ast.walk(ast.parse(cell.code)):
            function = call.func if isinstance(call, ast.Call) else None
            if isinstance(function, ast.Attribute) and ast.unparse(function.value) == "tick":
                label = call.args[1 if function.attr == "marks" else 0]
                text = label.value if isinstance(label, ast.Constant) else ""
                assert len(A_WORD.findall(text)) < 2, f"{cell.id}: {text}"
