"""Small changes of a solution, one at a time: what a check should notice.

The operators are those of mutation testing (DeMillo, Lipton & Sayward, “Hints on Test Data
Selection”, Computer 11(4), 1978), with some for arrays and networks: axes, slices, masks,
transposes, reductions, modes and dtypes. Only code between the solution's markers is changed, and
only in the text of what changes, so that a difference shows the author's own line.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from grading.authoring.listed import bare
from grading.authoring.stubs import regions
from grading.cells.syntax import parsed


@dataclass(frozen=True)
class Mutant:
    """A changed solution.

    Attributes
    ----------
    operator : str
        What kind of change it is.
    line : int
        The first line of the cell that is changed, counted from 1.
    before, after : str
        The changed lines as they were and as they are, without indentation.
    code : str
        The exercise's whole cell.
    """

    operator: str
    line: int
    before: str
    after: str
    code: str


@dataclass(frozen=True)
class _Edit:
    """Bytes from ``start`` to ``end`` of the source that become ``text``."""

    operator: str
    start: int
    end: int
    text: str


def mutants(code: str) -> list[Mutant]:
    """Return the mutants of an exercise's cell, in the order of their lines, each only once."""
    tree = parsed(code)
    source = _Source(code)
    solved = [range(region.begin, region.end + 1) for region in regions(code)]
    seen = {ast.dump(tree)}
    found: list[Mutant] = []
    edits = sorted(
        (
            edit
            for node in _code_of(tree)
            for edit in _edits(node, source)
            if any(source.line(edit.start) in lines for lines in solved)
        ),
        key=lambda edit: (edit.start, edit.end, edit.operator, edit.text),
    )
    for edit in edits:
        changed = source.edited(edit)
        try:
            shape = ast.dump(parsed(changed))
        except SyntaxError:
            continue
        if shape in seen:
            continue
        seen.add(shape)
        before, after = source.lines_of(edit)
        found.append(Mutant(edit.operator, source.line(edit.start), before, after, changed))
    return found


def _code_of(node: ast.AST) -> Iterator[ast.AST]:
    """Yield a tree's nodes but for those of messages and annotations, which no check reads."""
    yield node
    for name, child in ast.iter_fields(node):
        if name in ("annotation", "returns") or isinstance(node, ast.Raise | ast.JoinedStr):
            continue
        for one in child if isinstance(child, list) else [child]:
            if isinstance(one, ast.AST):
                yield from _code_of(one)


class _Source:
    """A cell's text, addressed as ``ast`` does: by line and by byte."""

    def __init__(self, code: str) -> None:
        self._code = code.encode()
        self._begins = [0]
        for line in self._code.splitlines(keepends=True):
            self._begins.append(self._begins[-1] + len(line))

    def start(self, node: ast.AST) -> int:
        return self._begins[node.lineno - 1] + node.col_offset  # type: ignore[attr-defined]

    def end(self, node: ast.AST) -> int:
        return self._begins[node.end_lineno - 1] + node.end_col_offset  # type: ignore[attr-defined]

    def text(self, start: int, end: int) -> str:
        return self._code[start:end].decode()

    def of(self, node: ast.AST) -> str:
        return self.text(self.start(node), self.end(node))

    def line(self, at: int) -> int:
        return sum(begin <= at for begin in self._begins[:-1])

    def edited(self, edit: _Edit) -> str:
        return (self._code[: edit.start] + edit.text.encode() + self._code[edit.end :]).decode()

    def lines_of(self, edit: _Edit) -> tuple[str, str]:
        """Return the lines that an edit touches, before and after it."""
        begin = self._begins[self.line(edit.start) - 1]
        end = self._begins[self.line(max(edit.start, edit.end - 1))]
        after = self.text(begin, edit.start) + edit.text + self.text(edit.end, end)
        return bare(self.text(begin, end)), bare(after)


# --- operators ---------------------------------------------------------------------------------

_COMPARISONS: dict[type[ast.cmpop], tuple[str, tuple[str, ...]]] = {
    ast.Lt: ("<", ("<=", ">")),
    ast.LtE: ("<=", ("<", ">=")),
    ast.Gt: (">", (">=", "<")),
    ast.GtE: (">=", (">", "<=")),
    ast.Eq: ("==", ("!=",)),
    ast.NotEq: ("!=", ("==",)),
    ast.Is: ("is", ("is not",)),
    ast.IsNot: ("is not", ("is",)),
    ast.In: ("in", ("not in",)),
    ast.NotIn: ("not in", ("in",)),
}
_ARITHMETIC: dict[type[ast.operator], tuple[str, tuple[str, ...]]] = {
    ast.Add: ("+", ("-",)),
    ast.Sub: ("-", ("+",)),
    ast.Mult: ("*", ("/",)),
    ast.Div: ("/", ("*",)),
    ast.FloorDiv: ("//", ("*",)),
    ast.Mod: ("%", ("*",)),
    ast.Pow: ("**", ("*",)),
    ast.BitAnd: ("&", ("|",)),
    ast.BitOr: ("|", ("&",)),
}
_SWAPS = (
    ("max", "min"),
    ("argmax", "argmin"),
    ("maximum", "minimum"),
    ("amax", "amin"),
    ("sum", "mean"),
    ("zeros", "ones"),
    ("zeros_like", "ones_like"),
    ("floor", "ceil"),
    ("train", "eval"),
    ("any", "all"),
    ("triu", "tril"),
    ("append", "extend"),
    ("relu", "tanh"),
    ("sin", "cos"),
)
_SWAPPED = {one: other for pair in _SWAPS for one, other in (pair, pair[::-1])}
_AXES = ("axis", "dim", "dims", "axes", "start_dim", "end_dim")


def _edits(node: ast.AST, source: _Source) -> Iterator[_Edit]:
    match node:
        case ast.Compare():
            operands = [node.left, *node.comparators]
            for left, kind, right in zip(operands, node.ops, operands[1:], strict=False):
                sign, others = _COMPARISONS[type(kind)]
                yield from _resigned(source, "comparison", left, sign, others, right)
        case ast.BinOp() if type(node.op) in _ARITHMETIC:
            sign, others = _ARITHMETIC[type(node.op)]
            yield from _resigned(source, "arithmetic", node.left, sign, others, node.right)
        case ast.BinOp(op=ast.MatMult()):
            text = f"{_atom(source, node.right)} @ {_atom(source, node.left)}"
            yield _whole(source, "transpose", node, text)
        case ast.AugAssign() if type(node.op) in _ARITHMETIC:
            sign, others = _ARITHMETIC[type(node.op)]
            others = (*(f"{other}=" for other in others), "=")
            yield from _resigned(source, "arithmetic", node.target, f"{sign}=", others, node.value)
            yield _whole(source, "statement", node, "pass")
        case ast.UnaryOp(op=ast.USub() | ast.Not() | ast.Invert()):
            yield _whole(source, "sign", node, _atom(source, node.operand))
        case ast.BoolOp():
            sign, other = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
            for left, right in zip(node.values, node.values[1:], strict=False):
                yield from _resigned(source, "logic", left, sign, (other,), right)
        case ast.Constant():
            yield from _constants(node, source)
        case ast.Subscript(slice=ast.Slice() as part):
            yield from _slices(part, source)
        case ast.Subscript(slice=ast.Tuple(elts=parts)):
            for one in parts:
                if isinstance(one, ast.Slice):
                    yield from _slices(one, source)
        case ast.Attribute(attr="T" | "mT"):
            yield _whole(source, "transpose", node, source.of(node.value))
        case ast.Call():
            yield from _calls(node, source)
        case ast.Expr(value=ast.Constant()):
            return  # a docstring
        case ast.Expr() | ast.Raise() | ast.Assert() | ast.Continue() | ast.Break():
            yield _whole(source, "statement", node, "pass")
        case ast.Assign(targets=[ast.Subscript() | ast.Attribute()]):
            yield _whole(source, "statement", node, "pass")
        case ast.If() | ast.IfExp() | ast.While():
            for value in ("True", "False")[isinstance(node, ast.While) :]:
                yield _whole(source, "condition", node.test, value)
        case ast.For():
            last = node.body[-1]
            indent = " " * last.col_offset
            yield _Edit("early end", source.end(last), source.end(last), f"\n{indent}break")
        case ast.comprehension(ifs=tests):
            for test in tests:
                yield _whole(source, "condition", test, "True")
        case ast.With(items=[ast.withitem(context_expr=manager, optional_vars=None)]):
            nothing = "__import__('contextlib').nullcontext()"
            yield _whole(source, "mode", manager, nothing)


def _whole(source: _Source, operator: str, node: ast.AST, text: str) -> _Edit:
    return _Edit(operator, source.start(node), source.end(node), text)


def _atom(source: _Source, node: ast.expr) -> str:
    """Return an operand's text, in parentheses where it needs them elsewhere."""
    text = source.of(node)
    simple = ast.Name | ast.Constant | ast.Attribute | ast.Call | ast.Subscript | ast.List
    return text if isinstance(node, simple) else f"({text})"


def _resigned(
    source: _Source,
    operator: str,
    left: ast.AST,
    sign: str,
    others: tuple[str, ...],
    right: ast.AST,
) -> Iterator[_Edit]:
    """Yield edits of the sign between two operands."""
    start, end = source.end(left), source.start(right)
    at = source.text(start, end).find(sign)
    for other in others if at >= 0 else ():
        yield _Edit(operator, start + at, start + at + len(sign), other)


def _constants(node: ast.Constant, source: _Source) -> Iterator[_Edit]:
    edit = partial(_whole, source, "constant", node)
    match node.value:
        case bool():
            yield edit(str(not node.value))
        case int():
            yield edit(str(node.value + 1))
            if node.value:
                yield edit(str(node.value - 1))
        case float():
            yield edit(repr(node.value * 2) if node.value else "1.0")
            if node.value:
                yield edit("0.0")


def _slices(part: ast.Slice, source: _Source) -> Iterator[_Edit]:
    """Yield the slice without each of its ends, and with an end off by one."""
    names = ("lower", "upper", "step")
    ends = {name: end for name in names if (end := getattr(part, name)) is not None}
    texts = {name: source.of(end) for name, end in ends.items()}

    def joined(**changed: str) -> str:
        whole = texts | changed
        step = f":{whole['step']}" if whole.get("step") else ""
        return f"{whole.get('lower', '')}:{whole.get('upper', '')}{step}"

    whole = partial(_whole, source, "slice", part)
    for name, text in texts.items():
        yield whole(joined(**{name: ""}))
        if name != "step" and not isinstance(ends[name], ast.Constant):
            yield whole(joined(**{name: f"{text} + 1"}))
            yield whole(joined(**{name: f"{text} - 1"}))


def _calls(node: ast.Call, source: _Source) -> Iterator[_Edit]:
    match node.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            pass
        case _:
            return
    called, end = source.start(node), source.end(node)
    if name in _SWAPPED:
        at = source.end(node.func) - len(name)
        yield _Edit("swapped call", at, at + len(name), _SWAPPED[name])
    if name == "range":
        for index, argument in enumerate(node.args[:2]):
            if not isinstance(argument, ast.Constant):
                for by in ("+ 1", "- 1"):
                    text = f"{source.of(argument)} {by}"
                    operator = "range" if index or len(node.args) == 1 else "range's start"
                    yield _whole(source, operator, argument, text)
        return
    if isinstance(node.func, ast.Attribute) and not _is_module(node.func.value):
        yield _Edit("dropped call", called, end, _atom(source, node.func.value))
    elif node.args and not isinstance(node.args[0], ast.Starred):
        yield _Edit("dropped call", called, end, f"({source.of(node.args[0])})")
    everything = sorted([*node.args, *(k for k in node.keywords if k.arg)], key=source.start)
    for keyword in node.keywords:
        if keyword.arg is None:
            continue
        here = everything.index(keyword)
        if here:
            start, stop = source.end(everything[here - 1]), source.end(keyword)
        else:
            after = source.start(everything[1]) if len(everything) > 1 else source.end(keyword)
            start, stop = source.start(keyword), after
        yield _Edit("dropped keyword", start, stop, "")
    for keyword in node.keywords:
        if keyword.arg in _AXES and isinstance(keyword.value, ast.Constant | ast.UnaryOp):
            text = source.of(keyword.value)
            for other in ("0", "1", "-1"):
                if other != text:
                    yield _whole(source, "axis", keyword.value, other)


_MODULES = {
    "np",
    "torch",
    "nn",
    "F",
    "math",
    "random",
    "text",
    "plots",
    "scipy",
    "time",
    "functional",
}


def _is_module(node: ast.expr) -> bool:
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name) and node.id in _MODULES
