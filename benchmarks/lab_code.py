"""The functions of a lab's solution, without running the lab."""

import ast
from pathlib import Path
from typing import Any

from grading.authoring import parse_lab

SOURCES = Path(__file__).resolve().parent.parent / "notebooks" / "source"


def definitions(lab: str) -> dict[str, Any]:
    """Return a namespace with what the lab's given code and solutions define.

    Imports, functions, classes and names of plain values are there; whatever else a cell does
    (drawing data, training, plotting) is left out, so its results have to be put in by hand.
    """
    names: dict[str, Any] = {"__name__": lab}
    for cell in parse_lab(SOURCES / lab).cells:
        if cell.role in ("given", "exercise", "check"):
            kept = [node for node in ast.parse(cell.code).body if _defines(node)]
            code = compile(ast.Module(kept, type_ignores=[]), f"{lab}:{cell.id}", "exec")
            exec(code, names)
    return names


def _defines(node: ast.stmt) -> bool:
    if isinstance(node, ast.Assign):
        try:
            ast.literal_eval(node.value)
        except ValueError:
            return False
        return True
    return isinstance(
        node, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    )
