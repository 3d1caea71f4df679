"""What a lab's cells must keep to: how checks are written, and prose that works offline."""

import ast
import re
from dataclasses import dataclass, field
from typing import Any

from grading.authoring.stubs import Mistake
from grading.cells.syntax import parsed
from grading.course.config import LANGUAGES
from grading.messages import ID_LANGUAGE

CHECKS = ("value", "array", "call", "predictions", "metric")

_REMOTE = r"<?(?:https?:)?//"
_REMOTE_IMAGE = re.compile(
    rf"!\[[^\]]*\]\(\s*{_REMOTE}|<img\b[^>]*\bsrc\s*=\s*[\"']?{_REMOTE}", re.IGNORECASE
)
_IMAGE_BY_NAME = re.compile(r"!\[([^\]]*)\](?:\[([^\]]*)\])?(?!\()")
_REMOTE_NAME = re.compile(rf"^ {{0,3}}\[([^\]]+)\]:\s*{_REMOTE}", re.IGNORECASE | re.MULTILINE)


@dataclass
class CheckCalls:
    """The checks that a code cell makes.

    Attributes
    ----------
    labels : list of (int, str)
        Line and label of each check or group whose label is a literal; of one that is given by
        language, the English text, which is its id.
    marks : float or None
        Sum of the marks; None if a label or a number of marks is computed.
    first : tuple of (int, str) or None
        Line and name of the first check.
    """

    labels: list[tuple[int, str]] = field(default_factory=list)
    marks: float | None = 0.0
    first: tuple[int, str] | None = None


def check_calls(code: str) -> CheckCalls:
    """Return the checks of a cell that parses.

    Raises
    ------
    Mistake
        If the second argument of a check is not a lambda, a label, a hint or a baseline's name
        lacks a language, or a check inside ``tick.marks`` has marks of its own.
    """
    calls = CheckCalls()
    _visit(parsed(code), calls, grouped=False)
    return calls


def _visit(node: ast.AST, calls: CheckCalls, grouped: bool) -> None:
    name = _tick_name(node)
    if isinstance(node, ast.Call) and name:
        _note(node, name, calls, grouped)
    groups = isinstance(node, ast.With) and any(
        _tick_name(item.context_expr) == "marks" for item in node.items
    )
    for child in ast.iter_child_nodes(node):
        inside = groups and not isinstance(child, ast.withitem)
        _visit(child, calls, grouped or inside)


def _tick_name(node: ast.AST) -> str:
    """Return ``value`` for a call of ``tick.value``; ``""`` for what is neither check nor group."""
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "tick"
        and node.func.attr in (*CHECKS, "marks")
    ):
        return node.func.attr
    return ""


def _note(call: ast.Call, name: str, calls: CheckCalls, grouped: bool) -> None:
    keywords = {keyword.arg: keyword.value for keyword in call.keywords}
    calls.first = calls.first or (call.lineno, f"tick.{name}")
    if name == "marks":
        count, label = (_argument(call, i, key) for i, key in enumerate(("count", "label")))
    else:
        if len(call.args) < 2 or not isinstance(call.args[1], ast.Lambda):
            raise Mistake(
                call.lineno,
                f"the second argument of tick.{name} is a function without a name: "
                "write 'lambda: ...', so that a failing expression costs only its own check",
            )
        label, count = _argument(call, 0, "label"), keywords.get("marks")
        if grouped and count is not None:
            raise Mistake(call.lineno, "a check inside tick.marks takes no marks= of its own")
    if "hint" in keywords:
        _require_languages(keywords["hint"], "hint= lacks {lang!r}: write one line")
    baseline = keywords.get("baseline")
    if isinstance(baseline, ast.Tuple) and isinstance(baseline.elts[0], ast.Dict):
        _require_languages(baseline.elts[0], "the baseline's name lacks {lang!r}: write one text")
    if isinstance(label, ast.Dict):
        _require_languages(label, "the label lacks {lang!r}: write one text")
        label = _by_language(label)[ID_LANGUAGE]
    if isinstance(label, ast.Constant) and isinstance(label.value, str):
        calls.labels.append((call.lineno, label.value))
    else:
        calls.marks = None
    if calls.marks is not None and not grouped and count is not None:
        number = count.value if isinstance(count, ast.Constant) else None
        calls.marks = calls.marks + number if isinstance(number, int | float) else None


def _argument(call: ast.Call, index: int, name: str) -> ast.expr | None:
    if index < len(call.args):
        return call.args[index]
    return next((keyword.value for keyword in call.keywords if keyword.arg == name), None)


def _require_languages(texts: ast.expr, lacking: str) -> None:
    found = _by_language(texts)
    for lang in LANGUAGES:
        if lang not in found:
            raise Mistake(texts.lineno, f"{lacking.format(lang=lang)} for each language")


def _by_language(texts: ast.expr) -> dict[Any, ast.expr]:
    if not isinstance(texts, ast.Dict):
        return {}
    pairs = zip(texts.keys, texts.values, strict=True)
    return {key.value: value for key, value in pairs if isinstance(key, ast.Constant)}


def require_local_images(text: str) -> None:
    """Raise `Mistake` at the first image of another site, which would not show offline."""
    remote_names = {name.lower() for name in _REMOTE_NAME.findall(text)}
    starts = [match.start() for match in _REMOTE_IMAGE.finditer(text)]
    starts += [
        match.start()
        for match in _IMAGE_BY_NAME.finditer(text)
        if (match[2] or match[1]).lower() in remote_names
    ]
    if starts:
        line = text.count("\n", 0, min(starts)) + 1
        raise Mistake(line, "the image is on another site; draw it in code or keep it in the lab")
