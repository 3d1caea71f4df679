"""Solution regions and the stubs that stand in for them in a student's notebook."""

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from grading.cells.syntax import parsed
from grading.messages import message

BEGIN = "### BEGIN SOLUTION"
END = "### END SOLUTION"

# Anything that looks like a marker is one, so that a misspelt marker never releases an answer.
_MARKER = re.compile(r"[ \t]*#+\s*(?:BEGIN|END)[\s_-]*SOLUTION\b.*", re.IGNORECASE)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_SCOPES = (*_FUNCTIONS, ast.ClassDef)


class Mistake(ValueError):
    """Something in a source that authoring refuses.

    Attributes
    ----------
    line : int
        Where, counted from 1.
    text : str
        What was expected, what was found or what to do, in one line.
    """

    def __init__(self, line: int, text: str) -> None:
        super().__init__(f"line {line}: {text}")
        self.line = line
        self.text = text


@dataclass(frozen=True)
class Region:
    """A solution region: the lines of its two markers, counted from 1."""

    begin: int
    end: int


def regions(source: str) -> list[Region]:
    """Return the solution regions of a cell.

    Raises
    ------
    Mistake
        If a marker is misspelt, has no partner or stands inside another region.
    """
    found = []
    begin = 0
    for number, line in enumerate(source.split("\n"), start=1):
        if not _MARKER.fullmatch(line):
            continue
        if line.strip() not in (BEGIN, END):
            raise Mistake(
                number, f"expected the marker '{BEGIN}' or '{END}', found '{line.strip()}'"
            )
        begins = line.strip() == BEGIN
        if begins and begin:
            raise Mistake(
                number, f"a solution begins inside the one of line {begin}; end that first"
            )
        if not begins and not begin:
            raise Mistake(number, f"'{END}' without a '{BEGIN}' above it")
        if begins:
            begin = number
        else:
            found.append(Region(begin, number))
            begin = 0
    if begin:
        raise Mistake(begin, f"a solution without its end marker '{END}'")
    return found


def stub(source: str, lang: str) -> str:
    """Return a code cell with each solution replaced by a ``NotImplementedError``.

    It says in ``lang`` what to complete. A cell without a solution region is returned as it is.

    Raises
    ------
    Mistake
        If the markers are wrong, a region is empty or indented otherwise than its marker, the
        stub does not parse, or a function or class would be missing from it.

    Examples
    --------
    >>> print(stub('''def double(x):
    ...     ### BEGIN SOLUTION
    ...     return 2 * x
    ...     ### END SOLUTION''', "en"))
    def double(x):
        raise NotImplementedError("Complete double()")
    """
    found = {region.begin: region for region in regions(source)}
    if not found:
        return source
    solution = parse_python(source)
    replaced = {line for region in found.values() for line in range(region.begin, region.end + 1)}
    origins: list[int] = []  # the solution's line behind each line of the stub
    lines: list[str] = []
    for number, line in enumerate(source.split("\n"), start=1):
        if number in found:
            lines.append(f"{_indent(source, found[number])}raise NotImplementedError()")
            origins.append(number)
        elif number not in replaced:
            lines.append(line)
            origins.append(number)
    tree = _parse_stub(lines, origins)
    for index, origin in enumerate(origins):
        if origin in found:
            task = _task_at(tree, index + 1)
            if task is None:
                raise Mistake(origin, "a solution must stand where a statement can stand")
            task = task or message("notebook.this_cell", lang)
            told = json.dumps(message("notebook.complete", lang, task=task), ensure_ascii=False)
            lines[index] = lines[index].replace("()", f"({told})")
    _require_same_definitions(solution, tree)
    return "\n".join(lines)


def split_answer(text: str) -> tuple[str, str]:
    """Return a question's text without its solution regions, and what they hold.

    Raises
    ------
    Mistake
        If the markers are wrong.
    """
    lines = text.split("\n")
    answer: list[str] = []
    for region in regions(text):
        answer += lines[region.begin : region.end - 1]
        lines[region.begin - 1 : region.end] = [""] * (region.end - region.begin + 1)
    return "\n".join(lines).strip(), "\n".join(answer).strip()


def parse_python(text: str) -> ast.Module:
    """Return the tree of some code, or raise `Mistake` at the line that is not plain Python."""
    try:
        return parsed(text)
    except SyntaxError as error:
        line = error.lineno or 1
        found = (text.split("\n")[line - 1 : line] or [""])[0].lstrip()
        if found[:1] in ("%", "!"):
            raise Mistake(
                line, f"IPython magics do not belong in a lab, found {found!r}; use plain Python"
            ) from None
        raise Mistake(line, f"not valid Python: {error.msg}") from None
    except ValueError as error:
        raise Mistake(1, f"not valid Python: {error}") from None


def _parse_stub(lines: list[str], origins: list[int]) -> ast.Module:
    try:
        return parsed("\n".join(lines))
    except SyntaxError as error:
        line = origins[min(error.lineno or 1, len(origins)) - 1]
        raise Mistake(line, f"the stub does not parse here: {error.msg}") from None


def _indent(source: str, region: Region) -> str:
    """Return the indentation of a region, which its marker and its code share."""
    lines = source.split("\n")
    body = (line for line in lines[region.begin : region.end - 1] if line.strip())
    first = next((line for line in body if not line.lstrip().startswith("#")), None)
    if first is None:
        raise Mistake(region.begin, "the solution is empty; put its code between the markers")
    indents = [line[: len(line) - len(line.lstrip())] for line in (lines[region.begin - 1], first)]
    if indents[0] != indents[1]:
        raise Mistake(region.begin, "indent the marker as far as the code below it")
    return indents[0]


def _task_at(tree: ast.Module, line: int) -> str | None:
    """Return what a ``raise`` at ``line`` stands for: ``Class.method()``, or ``""`` for the cell.

    None if no statement of this kind begins there.
    """

    def search(node: ast.AST, path: tuple[str, ...], task: str) -> str | None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Raise) and child.lineno == line:
                return task
            inner, inner_task = path, task
            if isinstance(child, _SCOPES):
                inner = (*path, child.name)
            if isinstance(child, _FUNCTIONS):
                inner_task = ".".join(inner) + "()"
            found = search(child, inner, inner_task)
            if found is not None:
                return found
        return None

    return search(tree, (), "")


def _require_same_definitions(solution: ast.Module, stubbed: ast.Module) -> None:
    """Raise `Mistake` at the first function or class of the solution that the stub lacks."""
    left = [signature for _, _, signature in _definitions(stubbed)]
    for line, name, signature in _definitions(solution):
        if signature not in left:
            raise Mistake(
                line, f"the stub lacks {name}; keep its definition line outside the solution"
            )
        left.remove(signature)


def _definitions(node: ast.AST, path: str = "") -> Iterator[tuple[int, str, str]]:
    """Yield (line, qualified name, signature) of what is defined outside any function."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, _FUNCTIONS):
            returns = ast.dump(child.returns) if child.returns else ""
            kind = type(child).__name__
            name = path + child.name
            yield child.lineno, f"{name}()", f"{kind} {name} {ast.dump(child.args)} {returns}"
        elif isinstance(child, ast.ClassDef):
            bases = " ".join(ast.dump(base) for base in [*child.bases, *child.keywords])
            yield child.lineno, f"class {path + child.name}", f"class {path + child.name} {bases}"
            yield from _definitions(child, f"{path + child.name}.")
        else:
            yield from _definitions(child, path)
