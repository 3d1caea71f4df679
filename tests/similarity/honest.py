"""A made-up class: each student solves a lab's exercises in one of the ways that it lists.

Ways are drawn from the solution and the variants in the lab's ``answers.toml``, and written down
with habits that people have: a name for what is returned or for an inner call, `torch.matmul`
instead of ``@``, a test the other way round, a print or an assert of their own.
"""

import ast
import copy
import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from grading.authoring import parse_lab, student_notebook
from grading.authoring.listed import read_answers
from grading.course.config import load_course
from grading.places import KIT

HABITS = 0.3, 0.7  # how often a student follows a habit where it applies, at least and at most
WORDS = """\
attention gradient weight because each step loss mean layer model longer sentence decoder encoder
sees every word not only last state so that it learns which matters more probability smaller larger
value training average without noise fewer parameters faster"""
MIRRORED = {ast.Lt: ast.Gt, ast.Gt: ast.Lt, ast.LtE: ast.GtE, ast.GtE: ast.LtE}


# Nobody else's: a student wrote it alone, and another one borrows it.
OWN_MATCHES = """
def matches(hypothesis, reference, n):
    if n > len(hypothesis):
        return 0, 0
    left = {}
    for start in range(len(reference) - n + 1):
        gram = " ".join(reference[start:start + n])
        left[gram] = left.get(gram, 0) + 1
    right, total, position = 0, 0, 0
    while position + n <= len(hypothesis):
        gram = " ".join(hypothesis[position:position + n])
        if left.get(gram, 0) > 0:
            right += 1
            left[gram] -= 1
        total += 1
        position += 1
    return right, total
"""


class Habits(ast.NodeTransformer):
    """Writes the same in another way, here and there."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._share = rng.uniform(*HABITS)

    def _has(self) -> bool:
        return self._rng.random() < self._share

    def visit_Return(self, node: ast.Return) -> ast.AST | list[ast.AST]:
        self.generic_visit(node)
        if node.value is None or isinstance(node.value, ast.Name) or not self._has():
            return node
        return [
            ast.Assign([ast.Name("result", ast.Store())], node.value),
            ast.Return(ast.Name("result", ast.Load())),
        ]

    def visit_Assign(self, node: ast.Assign) -> ast.AST | list[ast.AST]:
        self.generic_visit(node)
        value = node.value
        is_nested = (
            isinstance(value, ast.Call) and value.args and isinstance(value.args[0], ast.Call)
        )
        if not is_nested or not self._has():
            return node
        inner = ast.Assign([ast.Name("inner", ast.Store())], value.args[0])
        value.args[0] = ast.Name("inner", ast.Load())
        return [inner, node]

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        self.generic_visit(node)
        if not isinstance(node.target, ast.Name) or not self._has():
            return node
        name = ast.Name(node.target.id, ast.Load())
        return ast.Assign([node.target], ast.BinOp(name, node.op, node.value))

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.op, ast.MatMult) and self._has():
            function = ast.Attribute(ast.Name("torch", ast.Load()), "matmul", ast.Load())
            return ast.Call(function, [node.left, node.right], [])
        if isinstance(node.op, ast.Mult) and self._has():
            node.left, node.right = node.right, node.left
        return node

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        self.generic_visit(node)
        mirrored = MIRRORED.get(type(node.ops[0]))
        if len(node.ops) == 1 and mirrored and self._has():
            return ast.Compare(node.comparators[0], [mirrored()], [node.left])
        return node

    def visit_If(self, node: ast.If) -> ast.AST:
        self.generic_visit(node)
        if node.orelse and self._has():
            node.test = ast.UnaryOp(ast.Not(), node.test)
            node.body, node.orelse = node.orelse, node.body
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        is_dim = [keyword.arg for keyword in node.keywords] == ["dim"] and not node.args
        if is_dim and self._has():
            node.args, node.keywords = [node.keywords[0].value], []
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.generic_visit(node)
        if node.args.args and self._has():
            name = node.args.args[-1].arg
            lines = (f"print({name})", f"assert {name} is not None", f"{name} = {name}")
            node.body[:0] = ast.parse(self._rng.choice(lines)).body
        return node


@dataclass
class Classroom:
    """A lab as it is released, and what its students hand in."""

    lab: str
    blank: NotebookNode
    ways: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, lab: str, lang: str = "en") -> "Classroom":
        """Return the classroom of one of the course's labs."""
        parsed = parse_lab(KIT / "notebooks" / "source" / lab)
        listed = read_answers(parsed)
        ways = {
            cell.id: [cell.code, *(way.code for way in listed[cell.id].variants)]
            for cell in parsed.of_role("exercise")
        }
        return cls(lab, student_notebook(parsed, lang, load_course(KIT)), ways)

    def answers(self, rng: random.Random) -> dict[str, str]:
        """Return an honest student's answer to every exercise and question, by cell."""
        answers = {}
        for name, ways in self.ways.items():
            tree = Habits(rng).visit(ast.parse(rng.choice(ways)))
            answers[name] = ast.unparse(ast.fix_missing_locations(tree))
        for cell in self.blank.cells:
            if cell.metadata.dl.role == "question":
                answers[cell["id"]] = " ".join(rng.choices(WORDS.split(), k=rng.randrange(15, 60)))
        return answers

    def notebook(self, answers: dict[str, str], *members: str) -> NotebookNode:
        """Return the student's notebook with these answers, signed by these members."""
        notebook = copy.deepcopy(self.blank)
        for cell in notebook.cells:
            cell.source = answers.get(cell["id"], cell.source)
            if cell["id"] == "identity":
                for number, member in enumerate(members, start=1):
                    for name in (f"STUDENT_{number}", f"SIGNATURE_{number}"):
                        cell.source = cell.source.replace(f'{name} = ""', f'{name} = "{member}"')
        return notebook

    def hand_in(self, home: Path, notebook: NotebookNode, *students: str) -> None:
        """Put a notebook where `collect` puts it."""
        for student, partner in zip(students, students[::-1], strict=True):
            folder = home / "submitted" / student / self.lab
            folder.mkdir(parents=True)
            nbformat.write(notebook, folder / f"{self.lab}.ipynb")
            if partner != student:
                (folder / "partner.txt").write_text(partner, encoding="utf-8")

    def release(self, home: Path) -> None:
        """Put the release where `release` puts it."""
        folder = home / "release" / self.lab
        folder.mkdir(parents=True)
        nbformat.write(self.blank, folder / f"{self.lab}.ipynb")


def renamed(code: str) -> str:
    """Return code in which whatever it names itself has another name."""
    tree = ast.parse(code)
    own = {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    own |= {
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in own:
            node.id = f"mi_{node.id}"
        elif isinstance(node, ast.arg):
            node.arg = f"mi_{node.arg}"
        elif isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "mi_self":
            node.attr = f"el_{node.attr}"
    return ast.unparse(tree)


def commented(code: str, comments: Iterable[str]) -> str:
    """Return code with a comment over each line."""
    words = iter(comments)
    lines = []
    for line in code.splitlines():
        indent = line[: len(line) - len(line.lstrip())]
        lines += [f"{indent}# {next(words)}", line]
    return "\n".join(lines)
