"""The demo's class: eleven ways of handing in lab 3, each with the marks it deserves.

Solutions are read from the instructor's notebook; only what is wrong, or right but written
otherwise, is written here. The expectations are the oracle of the demo's test: each member names
the checks that it must lose, and why. It keeps all the others.
"""

import ast
import copy
import csv
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import nbformat
from nbformat import NotebookNode
from nltk.stem.snowball import SnowballStemmer

from grading.messages import Label, Title
from grading.session.probe import generator
from tests import autoencoder_class
from utils.profile import DEFAULT_SEED

Identity = tuple[str, str]  # student id, full name typed as the signature

# The labels of the checks of each exercise, in the lab's order.
CHECKS = {
    "clean": ("clean: characters", "clean: no empty words"),
    "normalise": ("normalise: stems", "normalise: stop words go first"),
    "build_vocabulary": (
        "vocabulary: frequency floor",
        "vocabulary: order",
        "vocabulary: token to id",
    ),
    "encode": ("encode: ids", "encode: rare words"),
    "context_pairs": ("pairs: window of 1", "pairs: any window", "pairs: short sentences"),
    "dataset": ("dataset: length and items", "dataset: a list of indices"),
    "loader": ("loader: every pair once", "loader: shuffled batches"),
    "one_hot": ("one-hot: vectors", "one-hot: times the matrix"),
    "model": ("model: parameters", "model: logits"),
    "mean_loss": ("mean loss: value", "mean loss: no gradients"),
    "train_epoch": ("epoch: one batch", "epoch: several batches", "epoch: mean loss"),
    "train": ("training: unseen contexts", "training: both curves", "training: unseen neighbours"),
    "cbow": ("CBOW: logits", "CBOW: gaps"),
    "nearest": ("nearest: ids and distances", "nearest: not itself"),
    "whole_chain": ("whole chain: unseen messages",),  # needs the exercises from clean to train
    "noise_distribution": ("noise: probabilities",),
    "negative_sampling": (
        "negatives: loss",
        "negatives: gradients",
        "negatives: unseen neighbours",  # needs noise_distribution and model, too
    ),
    "count_pairs": ("counts: table",),
    "full_batch": ("exact: loss", "exact: gradients"),
    "shifted_ppmi": ("PPMI: matrix",),
    "order_share": ("order: share",),
    **autoencoder_class.CHECKS,
}
QUESTIONS = ("overfitting", "neighbour_quality", "word2vec_or_bert")


@dataclass(frozen=True)
class Member:
    """One submission of the class and what it deserves.

    Attributes
    ----------
    name : str
        What it is an example of.
    description : str
        The same in one line.
    student_id : str
        Who hands it in.
    identities : tuple of (str, str)
        Id and name of those who sign it: one, or two for a pair.
    files : dict of str to bytes
        Content of each file handed in, by its name.
    lost : dict of str to str
        Labels of the checks that must lose their marks, and why.
    expected : dict of str to float
        Marks of every check by its label; empty where there is nothing to grade.
    """

    name: str
    description: str
    student_id: str
    identities: tuple[Identity, ...]
    files: dict[str, bytes]
    lost: dict[str, str]
    expected: dict[str, float]


def example_class(instructor: NotebookNode, student: NotebookNode) -> list[Member]:
    """Return the class.

    Parameters
    ----------
    instructor, student : NotebookNode
        The lab with its solutions, and as students get it; the first in any language, the second
        in the language of the release.

    Raises
    ------
    ValueError
        If the lab's checks are no longer those of `CHECKS`, or it lacks an exercise.
    """
    solved = solutions(instructor)
    answers = written_answers(instructor)
    marks = marks_of_checks(instructor)
    labels = [label for group in CHECKS.values() for label in group]
    if labels != list(marks):
        raise ValueError(f"the lab's checks are {list(marks)}; CHECKS expects {labels}")
    file_name = f"{student.metadata.dl.lab}.ipynb"

    def member(
        name: str,
        description: str,
        identities: tuple[Identity, ...],
        cells: dict[str, str],
        lost: dict[str, str],
    ) -> Member:
        notebook = filled(student, {"identity": identity_cell(identities)} | cells)
        return Member(
            name=name,
            description=description,
            student_id=identities[0][0],
            identities=identities,
            files={file_name: nbformat.writes(notebook).encode()},
            lost=lost,
            expected={label: 0.0 if label in lost else marks[label] for label in marks},
        )

    half = ("clean", "normalise", "build_vocabulary", "encode", "context_pairs", "dataset")
    undone = tuple(exercise for exercise in CHECKS if exercise not in half)
    return [
        member(
            "complete",
            "everything is right, the questions are answered",
            (("al1001", "Ana Robledo Vidal"),),
            solved | answers,
            {},
        ),
        member(
            "half_done",
            "the first six exercises and one question; the rest as it was released",
            (("al1002", "Bruno Castaño Gil"),),
            {name: solved[name] for name in half} | {QUESTIONS[0]: answers[QUESTIONS[0]]},
            _losing(undone, "the exercise, or one that it needs, is not done"),
        ),
        member(
            "all_stubs",
            "signed and handed in as it was released",
            (("al1003", "Carla Montes Rey"),),
            {},
            _losing(tuple(CHECKS), "the exercise is not done"),
        ),
        member(
            "written_differently",
            "right, with other code: loops, other names, other functions of the library",
            (("al1004", "Diego Sanz Moral"),),
            written_differently(solved),
            {},
        ),
        member(
            "off_by_one",
            "the window lacks its last word on the right",
            (("al1005", "Elena Prado Luna"),),
            solved | {"context_pairs": OFF_BY_ONE},
            {
                # a window longer than the sentence hides the mistake, and so do the neighbours:
                # the short sentences and the whole chain keep their marks
                "pairs: window of 1": "the pairs with the word to the right are missing",
                "pairs: any window": "the pairs with the last word of the window are missing",
            },
        ),
        member(
            "raising_cell",
            "the cell of one exercise raises before it defines its function",
            (("al1006", "Fidel Ochoa Ruiz"),),
            solved | {"encode": "sizes = [10, 20]\nprint(sizes[2])\n\n\n" + solved["encode"]},
            _losing(("encode",), "encode() is never defined")
            | _losing(("whole_chain",), "the chain needs encode()"),
        ),
        member(
            "infinite_loop",
            "one function never returns; its cell is stopped by the time limit",
            (("al1007", "Gema Lorca Pino"),),
            solved | {"one_hot": INFINITE_LOOP},
            _losing(("one_hot",), "one_hot() never returns, so its check cell is stopped"),
        ),
        member(
            "hard_coded",
            "five functions return the answers remembered from a student's own session",
            (("al1008", "Hugo Nieto Saez"),),
            solved | {name: hard_coded(instructor, name) for name in HARD_CODED},
            _losing(HARD_CODED, "the run's seed draws other inputs than those remembered")
            | _losing(("whole_chain",), "the chain needs the five functions"),
        ),
        member(
            "overwrites_tick",
            "replaces the checks by some that print ✓ and leave forged evidence",
            (("al1009", "Iker Otero Mas"),),
            {"clean": OVERWRITES_TICK},
            _losing(tuple(CHECKS), "what the forged evidence says is not the answer"),
        ),
        Member(
            name="not_a_notebook",
            description="a PDF file with the name of a notebook",
            student_id="al1010",
            identities=(("al1010", "Julia Vega Soto"),),
            files={
                file_name: b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<< /Type /Catalog >>\nendobj\n"
            },
            lost={},
            expected={},
        ),
        member(
            "pair",
            "everything is right; two students sign it and one hands it in",
            (("al1011", "Karen Duarte León"), ("al1012", "Leo Ferrer Amat")),
            solved | answers,
            {},
        ),
    ]


def roster_csv(members: list[Member]) -> str:
    """Return the roster of the class, as the course's ``roster.csv`` has it."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["student_id", "name", "email", "group"])
    for student_id, name in (identity for member in members for identity in member.identities):
        group = "AB"[int(student_id[-1]) % 2]
        writer.writerow([student_id, name, f"{student_id}@example.org", group])
    return text.getvalue()


# --- notebooks ---------------------------------------------------------------------------------


def filled(student: NotebookNode, cells: dict[str, str]) -> NotebookNode:
    """Return a copy of the student's notebook with these sources, by grade id."""
    notebook = copy.deepcopy(student)
    by_id = {cell.metadata.get("nbgrader", {}).get("grade_id"): cell for cell in notebook.cells}
    for grade_id, source in cells.items():
        if grade_id not in by_id:
            raise ValueError(f"the student's notebook has no cell {grade_id!r}")
        by_id[grade_id].source = source
    return notebook


def identity_cell(identities: tuple[Identity, ...]) -> str:
    """Return the identity cell as its one or two students fill it in."""
    first, second = (*identities, ("", ""))[:2]
    return "\n".join(
        f"{name} = {value!r}"
        for number, identity in enumerate((first, second), start=1)
        for name, value in zip((f"STUDENT_{number}", f"SIGNATURE_{number}"), identity, strict=True)
    )


def solutions(instructor: NotebookNode) -> dict[str, str]:
    """Return the source of each exercise's solution, by id."""
    return {cell.id: _without_markers(cell.source) for cell in _of_role(instructor, "exercise")}


def written_answers(instructor: NotebookNode) -> dict[str, str]:
    """Return the model answer of each written question, by id."""
    return {cell.id: _without_markers(cell.source) for cell in _of_role(instructor, "question")}


def marks_of_checks(instructor: NotebookNode) -> dict[str, float]:
    """Return the marks of each check by its label, in order, as its call states them."""
    marks = {}
    for cell in _of_role(instructor, "check"):
        for statement in ast.parse(cell.source).body:
            match statement:  # a group states its marks first; the checks in it have none
                case ast.With(items=[ast.withitem(context_expr=ast.Call() as call)]):
                    stated = call.args[::-1]
                case ast.Expr(value=ast.Call() as call):
                    stated = [*call.args[:1], *(k.value for k in call.keywords if k.arg == "marks")]
                case _:
                    continue
            if ast.unparse(call.func).startswith("tick."):
                label, count = map(ast.literal_eval, stated)
                marks[Title.of(label).label] = float(count)
    return marks


def _of_role(notebook: NotebookNode, role: str) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.metadata.dl.role == role]


def _without_markers(source: str) -> str:
    return re.sub(r"(?m)^[ \t]*### (BEGIN|END) SOLUTION\n?", "", source).rstrip()


def _losing(exercises: tuple[str, ...], why: str) -> dict[str, str]:
    return {label: why for exercise in exercises for label in CHECKS[exercise]}


# --- remembered answers ------------------------------------------------------------------------

HARD_CODED = ("clean", "normalise", "build_vocabulary", "encode", "context_pairs")

# A frozenset shows its elements in another order in each process, so the table sorts them.
REMEMBERED = """\
TABLE_{name} = {table!r}


def {name}(*arguments):
    key = repr([sorted(item) if isinstance(item, frozenset) else item for item in arguments])
    return TABLE_{name}.get(key, {otherwise!r})
"""


def hard_coded(instructor: NotebookNode, exercise: str) -> str:
    """Return a cell that answers the inputs of a student's own session from a table.

    These inputs are public, since they come from the default seed: whoever prints them once can
    type the answers. With any other input the function returns an empty answer.
    """
    table: dict[str, Any] = {}
    names: dict[str, Any] = {"stemmer": SnowballStemmer("english"), "tick": _Session()}
    exec(_imports(instructor), names)
    exec(solutions(instructor)[exercise], names)
    solve = names[exercise]

    def remember(*arguments: Any) -> Any:
        key = repr([sorted(item) if isinstance(item, frozenset) else item for item in arguments])
        table[key] = solve(*arguments)
        return table[key]

    names[exercise] = remember
    check = next(cell for cell in _of_role(instructor, "check") if cell.id == f"{exercise}_check")
    exec(check.source, names)
    otherwise: Any = ([], {}) if exercise == "build_vocabulary" else []
    return REMEMBERED.format(name=exercise, table=table, otherwise=otherwise)


def _imports(instructor: NotebookNode) -> str:
    statements = (
        statement
        for cell in _of_role(instructor, "given")
        for statement in ast.parse(cell.source).body
        if isinstance(statement, ast.Import | ast.ImportFrom)
    )
    return "\n".join(map(ast.unparse, statements))


class _Session:
    """Stands in for ``tick``: calls each function on the inputs of a student's own session."""

    def call(self, label: Label, function: Callable[..., Any], *, cases: Any, **_: Any) -> None:
        for arguments in cases(generator(DEFAULT_SEED, Title.of(label).label)):
            function(*arguments)


# --- what is wrong -----------------------------------------------------------------------------

OFF_BY_ONE = '''\
def context_pairs(ids: list[int], window: int) -> list[tuple[int, int]]:
    """Return the (centre, context) pairs of a sentence."""
    pairs = []
    for i in range(len(ids)):
        for j in range(max(0, i - window), min(len(ids), i + window)):
            if i != j:
                pairs.append((ids[i], ids[j]))
    return pairs
'''

INFINITE_LOOP = '''\
def one_hot(ids: torch.Tensor, size: int) -> torch.Tensor:
    """Return float vectors (N, size) with a 1 at each id and zeros elsewhere."""
    rows = torch.zeros(len(ids), size)
    i = 0
    while i < len(ids):
        rows[i, ids[i]] = 1
    return rows


def lookup_by_one_hot(ids: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Return the vectors (N, d) of the ids, as a product with the matrix ``weight`` (V, d)."""
    return one_hot(ids, len(weight)) @ weight
'''

OVERWRITES_TICK = """\
from grading.answers.encoding import encode
from grading.answers.evidence import MIME, Reference, Spec, answer_of
from grading.messages import Title
from IPython.display import display


def clean(text):
    return []


def full_marks(kind):
    def check(label, *_, marks=0, **__):
        label = Title.of(label).label
        print(f"✓ {label}: {marks} of {marks} marks")
        spec = Spec(marks=1000, tol=1e9)
        evidence = Reference(label, kind, (answer_of(True, seed=""),), spec=spec)
        display({MIME: encode(evidence), "text/plain": "✓"}, raw=True)

    return check


for kind in ("value", "array", "call", "predictions", "metric"):
    setattr(tick, kind, full_marks(kind))
"""


# --- right, but written differently ------------------------------------------------------------


def written_differently(solved: dict[str, str]) -> dict[str, str]:
    """Return other right code for every exercise of ``solved``."""
    if set(OTHER_CODE) != set(solved):
        raise ValueError(f"OTHER_CODE is for {sorted(OTHER_CODE)}; the lab has {sorted(solved)}")
    return OTHER_CODE


OTHER_CODE = {
    "clean": """\
def clean(message):
    wanted = "abcdefghijklmnopqrstuvwxyz@# "
    kept = ""
    for letter in message.lower():
        if letter in wanted:
            kept = kept + letter
    result = []
    for piece in kept.split(" "):
        if len(piece) > 0:
            result.append(piece)
    return result
""",
    "normalise": """\
def normalise(tokens, stop):
    mine = SnowballStemmer("english")
    out = []
    for t in tokens:
        if t in stop:
            continue
        out.append(mine.stem(t))
    return out
""",
    "build_vocabulary": """\
def build_vocabulary(corpus, minimum):
    seen = {}
    for line in corpus:
        for t in line:
            seen[t] = seen.get(t, 0) + 1
    names, numbers = [], {}
    for t in seen:
        if seen[t] >= minimum + 1:
            numbers[t] = len(names)
            names.append(t)
    return names, numbers
""",
    "encode": """\
def encode(corpus, numbers):
    result = []
    for line in corpus:
        row = []
        for t in line:
            number = numbers.get(t)
            if number is not None:
                row.append(number)
        result.append(row)
    return result
""",
    "context_pairs": """\
def context_pairs(sentence, size):
    found = []
    for distance in range(1, size + 1):
        for left in range(len(sentence) - distance):
            one, other = sentence[left], sentence[left + distance]
            found.append((one, other))
            found.append((other, one))
    return found
""",
    "dataset": """\
class PairsDataset(Dataset):
    def __init__(self, pairs):
        self.table = pairs.clone()

    def __len__(self):
        return self.table.shape[0]

    def __getitem__(self, which):
        chosen = self.table[which]
        return chosen[..., 0], chosen[..., 1]
""",
    "loader": """\
def make_loader(data, size):
    return DataLoader(data, batch_size=size, shuffle=True)
""",
    "one_hot": """\
def one_hot(numbers, size):
    table = torch.zeros((numbers.shape[0], size))
    for row, number in enumerate(numbers.tolist()):
        table[row, number] = 1.0
    return table


def lookup_by_one_hot(numbers, matrix):
    return torch.einsum("nv,vd->nd", one_hot(numbers, matrix.shape[0]), matrix)
""",
    "model": """\
class SkipGram(nn.Module):
    def __init__(self, words, size):
        super().__init__()
        self.output = nn.Linear(size, words, bias=False)
        self.embedding = nn.Embedding(words, size)

    def forward(self, numbers):
        vectors = self.embedding(numbers)
        return vectors @ self.output.weight.T
""",
    "mean_loss": """\
def mean_loss(net, batches):
    surprises = []
    with torch.inference_mode():
        for x, y in batches:
            log_p = torch.log_softmax(net(x.to(device)), dim=1)
            for row, target in enumerate(y.tolist()):
                surprises.append(-log_p[row, target].item())
    return sum(surprises) / len(surprises)
""",
    "train_epoch": """\
def train_epoch(net, batches, opt):
    criterion = nn.CrossEntropyLoss()
    losses, sizes = [], []
    for batch in batches:
        x, y = batch[0].to(device), batch[1].to(device)
        loss = criterion(net(x), y)
        loss.backward()
        opt.step()
        net.zero_grad()
        losses.append(float(loss))
        sizes.append(len(y))
    return float(np.average(losses, weights=sizes))
""",
    "train": """\
def train(pairs, held_out, vocabulary_size, *, dim, epochs, batch_size, learning_rate):
    net = SkipGram(vocabulary_size, dim)
    net.to(device)
    opt = torch.optim.RMSprop(net.parameters(), lr=learning_rate)
    curves = {"training": [0.0] * epochs, "held out": [0.0] * epochs}
    seen, unseen = PairsDataset(pairs), PairsDataset(held_out)
    for epoch in range(epochs):
        curves["training"][epoch] = train_epoch(net, make_loader(seen, batch_size), opt)
        curves["held out"][epoch] = mean_loss(net, make_loader(unseen, batch_size))
    return net, curves
""",
    "cbow": """\
class CBOW(nn.Module):
    def __init__(self, vocabulary_size, dim):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary_size, dim)
        self.output = nn.Linear(dim, vocabulary_size, bias=False)

    def forward(self, windows):
        known = (windows != -1).float().unsqueeze(2)
        rows = self.embedding(windows.where(windows != -1, 0)) * known
        return self.output(rows.sum(1) / torch.maximum(known.sum(1), torch.tensor(1.0)))
""",
    "nearest": """\
def nearest(matrix, number, count):
    lengths = np.sqrt((matrix**2).sum(axis=1))
    cosines = matrix @ matrix[number] / (lengths * lengths[number])
    others = [i for i in range(len(matrix)) if i != number]
    others.sort(key=lambda i: -cosines[i])
    return np.array(others[:count]), np.array([1 - cosines[i] for i in others[:count]])
""",
    "noise_distribution": """\
def noise_distribution(occurrences, power=0.75):
    raised = torch.pow(occurrences.double(), power)
    return (raised / torch.sum(raised)).float()
""",
    "negative_sampling": """\
def negative_sampling_loss(v, u, wrong, k):
    softplus = nn.functional.softplus
    total = 0
    for i in range(len(v)):
        total = total + softplus(-v[i] @ u[i])
        total = total + k * softplus(wrong @ v[i]).mean()
    return total


def negative_sampling_gradients(v, u, wrong, k):
    weight = k / wrong.shape[0]
    belief = torch.sigmoid(torch.einsum("bd,bd->b", v, u))
    fooled = weight * torch.sigmoid(torch.einsum("bd,kd->bk", v, wrong))
    miss = (belief - 1).unsqueeze(1)
    return miss * u + fooled @ wrong, miss * v, torch.einsum("bk,bd->kd", fooled, v)
""",
    "count_pairs": """\
def count_pairs(pairs, words):
    table = torch.zeros(words, words)
    ones = torch.ones(len(pairs))
    return table.index_put((pairs[:, 0], pairs[:, 1]), ones, accumulate=True)
""",
    "full_batch": """\
def full_batch(E, O, C):
    S = E @ O.T
    S = S - S.max(dim=1, keepdim=True).values
    log_P = S - S.exp().sum(dim=1, keepdim=True).log()
    N = C.sum()
    G = (log_P.exp() * C.sum(dim=1)[:, None] - C) / N
    return -(C * log_P).sum() / N, G @ O, G.T @ E
""",
    "shifted_ppmi": """\
def shifted_ppmi(C, q, k):
    M = torch.zeros_like(C)
    rows, columns = torch.nonzero(C, as_tuple=True)
    pmi = C[rows, columns].log() - C.sum(dim=1).log()[rows] - q.log()[columns]
    M[rows, columns] = torch.relu(pmi - np.log(k)).to(M.dtype)
    return M
""",
    "order_share": """\
def order_share(matrix, triples):
    def cosine(a, b):
        return matrix[a] @ matrix[b] / np.linalg.norm(matrix[a]) / np.linalg.norm(matrix[b])

    right = [cosine(word, near) > cosine(word, far) for word, near, far in triples]
    return sum(right) / len(right)
""",
    **autoencoder_class.OTHERWISE,
}
