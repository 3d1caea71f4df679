"""utils.language: the language of a session, and that everything a student reads is in it."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
import requests
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

import grading.tick
from data import loaders, registry
from grading.places import KIT
from utils import language, plots
from utils.alt_text import describe
from utils.device import seed_everything
from utils.history import History
from utils.language import sentence, tr
from utils.lr_finder import RangeTest
from utils.progress import Progress
from utils.text import Vocabulary
from utils.training import fit

X = torch.randn(12, 4, generator=torch.Generator().manual_seed(0))
LABELS = torch.arange(12) % 3


@pytest.fixture
def spanish() -> None:
    language.use("es")


@pytest.fixture(autouse=True)
def _close_figures() -> Iterator[None]:
    yield
    plt.close("all")


# --- the language of a session -----------------------------------------------------------------


def test_a_session_speaks_the_language_it_was_told() -> None:
    assert tr(es="pérdida", en="loss") == "loss"
    assert sentence("plot.loss") == "loss"
    language.use("es")
    assert tr(es="pérdida", en="loss") == "pérdida"
    assert sentence("plot.loss") == "pérdida"


def test_a_language_without_a_text_or_a_file_is_spoken_in_english() -> None:
    language.use("tlh")
    assert tr(es="pérdida", en="loss") == "loss"
    assert sentence("plot.loss") == "loss"
    language.use("../strings/es")
    assert sentence("plot.loss") == "loss"


def test_a_single_thing_is_singular(spanish: None) -> None:
    assert sentence("words.pictures", count=1) == "1 imagen"
    assert sentence("words.pictures", count=2) == "2 imágenes"


@pytest.mark.parametrize("mode", ["student", "grading", "reference"])
def test_the_first_cell_of_a_notebook_sets_it(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DL_MODE", mode)
    grading.tick.start("lab_of_no_course", lang="es")
    assert sentence("plot.loss") == "pérdida"


def test_to_import_it_costs_neither_numpy_nor_torch() -> None:
    code = "import utils.language, sys; print({'numpy', 'torch', 'matplotlib'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


class Spoken(Dataset[str]):
    """What a worker of a loader says."""

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> str:
        return sentence("plot.loss")


@pytest.mark.slow
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_speak_as_the_session_does(
    method: str, spanish: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    # a spawned worker imports the main module again; other tests put a notebook's in its place
    monkeypatch.setitem(sys.modules, "__main__", ModuleType("__main__"))
    loader = DataLoader(Spoken(), num_workers=1, multiprocessing_context=method, batch_size=None)
    assert list(loader) == ["pérdida", "pérdida"]


def test_processes_that_it_starts_speak_as_the_session_does(spanish: None) -> None:
    code = "from utils.language import sentence; print(ascii(sentence('plot.loss')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ascii("pérdida")


# --- in a Spanish notebook ---------------------------------------------------------------------


def _fit(model: nn.Module, labels: torch.Tensor, loss: nn.Module, rate: float = 0.1, **more):  # type: ignore[no-untyped-def]
    loader = DataLoader(TensorDataset(X, labels), batch_size=4)
    return fit(model, loader, loss, torch.optim.SGD(model.parameters(), lr=rate), **more)


def test_a_loss_that_diverges(spanish: None) -> None:
    expected = r"la pérdida pasó a ser (nan|inf) en el lote \d de la época \d+: .* menor que 1e\+20"
    with pytest.raises(RuntimeError, match=expected):
        _fit(nn.Linear(4, 1), X[:, :1], nn.MSELoss(), rate=1e20, epochs=40)


def test_shapes_that_do_not_fit(spanish: None) -> None:
    with pytest.raises(ValueError, match=r"tienen forma \(4, 1\); se esperaba \(4,\).*Salidas: "):
        _fit(nn.Linear(4, 3), LABELS[:, None], nn.CrossEntropyLoss(), epochs=1)
    with pytest.raises(ValueError, match=r"no acepta su lote: mat1 .* El primer lote de train"):
        _fit(nn.Linear(3, 3), LABELS, nn.CrossEntropyLoss(), epochs=1)
    with pytest.raises(ValueError, match="las etiquetas de train contienen 7 en el índice 11"):
        wrong = torch.where(torch.arange(12) == 11, 7, LABELS)
        _fit(nn.Linear(4, 3), wrong, nn.CrossEntropyLoss(), epochs=1)


def test_lines_and_the_reason_to_stop(spanish: None, capsys: pytest.CaptureFixture[str]) -> None:
    seed_everything(0)
    history = _fit(nn.Linear(4, 3), LABELS, nn.CrossEntropyLoss(), rate=0.0, epochs=9, patience=2)
    assert history.stopped == "loss no baja desde hace 2 épocas"
    said = capsys.readouterr().out
    assert re.search(r"^época 1/9  loss 1\.\d+  \d+ ejemplos/s  quedan \d+ s$", said, re.MULTILINE)
    assert "Parada temprana: loss no baja" in said and "son los de la época 1, la mejor" in said


def test_the_rate_of_a_fast_run_is_a_number_that_reads_alike_everywhere(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DL_MODE", "grading")
    Progress(epochs=1, steps=1, done=0, silent=False).epoch(1, {"loss": 0.5}, rate=12345.6)
    assert "  12346 items/s  " in capsys.readouterr().out


def test_curves(spanish: None) -> None:
    ax = plots.loss_curve({"entrenamiento": [4.0, 1.0, 2.0]})
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("época", "pérdida")
    assert describe(ax.figure) == (
        "pérdida frente a época. Curva entrenamiento: 4 en 1, 2 en 3, mínimo 1 en 2."
    )
    history = History(epochs=[{"loss": 2.0, "aciertos": 0.5, "val_loss": 3.0, "val_aciertos": 1}])
    left, right = history.plot().axes
    assert (left.get_ylabel(), right.get_ylabel()) == ("pérdida", "aciertos")
    assert [t.get_text() for t in left.get_legend().texts] == ["entrenamiento", "validación"]
    found = RangeTest([0.1, 1.0], [2.0, 1.0], [2.0, 1.0], 0.1).plot()
    assert found.get_xlabel() == "tasa de aprendizaje"
    assert found.texts[0].get_text() == "sugerencia 1.0e-01"


def test_a_confusion_matrix(spanish: None) -> None:
    ax = plots.confusion_matrix([0, 0, 0, 1], [0, 0, 1, 1], classes=["gato", "perro"])
    assert describe(ax.figure) == (
        "verdadera frente a predicha. Matriz de 2 filas y 2 columnas. "
        "gato: gato 2, perro 1. perro: perro 1."
    )


def test_an_attention_map_points_and_pictures(spanish: None) -> None:
    ax = plots.attention_map([[0.9, 0.1]] * 2, queries=["the", "cat"], keys=["die", "."])
    assert describe(ax.figure) == (
        "Matriz de 2 filas y 2 columnas. the: sobre todo «die» (0.9). cat: sobre todo «die» (0.9)."
    )
    assert describe(plots.embedding_map(np.eye(4, 3), groups=[0, 0, 0, 1]).figure).startswith(
        "componente 2 (44%) frente a componente 1 (44% de la varianza). 3 puntos 0 en torno a "
    )
    assert describe(plots.image_grid(np.zeros((1, 8, 6)))) == "1 imagen; 8 por 6 píxeles."


def test_words_and_data(spanish: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(KeyError, match="'cebra' no está entre los 1 tokens del vocabulario"):
        Vocabulary(["a"])["cebra"]
    with pytest.raises(ValueError, match="no tiene la partición 'test'; se esperaba una de: train"):
        loaders.multi30k("test")
    monkeypatch.setenv("DL_DATA_MIRROR", "/no/such/folder")
    with pytest.raises(RuntimeError, match="'/no/such/folder', que no es una carpeta"):
        registry.fetch("multi30k/val.de")


def test_a_download_that_fails(
    spanish: None, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise requests.ConnectionError

    monkeypatch.delenv("DL_DATA_MIRROR", raising=False)
    monkeypatch.setenv("DL_DATA_CACHE", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.setattr(requests, "get", refuse)
    with pytest.raises(RuntimeError, match=r"No se puede descargar .*: no hay conexión.*la red"):
        registry.fetch("multi30k/val.de")


# --- nothing is said in one language only ------------------------------------------------------

SHOWN = {"annotate", "print", "say", "set_description", "set_postfix", "set_title", "set_xlabel"}
SHOWN |= {"set_ylabel", "suptitle", "text", "warn", "write"}
SHOWN_AS = {"desc", "label", "title", "unit", "xlabel", "ylabel"}
SENTENCE = re.compile(r"[A-Za-z]+(?:[,:;]? [a-z]+){2}")

# Functions whose errors only somebody who changes the kit can meet.
MAY_BE_ENGLISH = {
    "data/loaders.py": ("read_idx",),
    "data/registry.py": ("read_registry",),
}
MODULES = [
    path
    for package in ("utils", "data")
    for path in sorted((KIT / package).glob("*.py"))
    if path.name != "synthetic.py"  # its sentences are data
]


def literals(node: ast.AST) -> Iterator[str]:
    """The texts with words that a node writes out, those of `sentence` and `tr` left aside."""
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("sentence", "tr"):
        return
    if isinstance(node, ast.Compare):  # with what others say
        return
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        if re.search("[A-Za-z]{2}", node.value):
            yield node.value
    elif isinstance(node, ast.FormattedValue):
        yield from literals(node.value)
    else:
        for child in ast.iter_child_nodes(node):
            yield from literals(child)


def shown(call: ast.Call) -> Iterator[ast.AST]:
    """What of a call a student sees."""
    name = getattr(call.func, "attr", getattr(call.func, "id", ""))
    if name in SHOWN or name.endswith("Error"):
        yield from call.args
    yield from (word.value for word in call.keywords if word.arg in SHOWN_AS)


def unspoken(source: str, passed_over: tuple[str, ...] = ()) -> list[str]:
    """The texts of a module that are in one language and would be read by a student.

    Functions of the names in ``passed_over`` are not looked at.
    """
    tree = ast.parse(source)
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(tree):
        if isinstance(node, documented) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    tree.body = [node for node in tree.body if getattr(node, "name", "") not in passed_over]
    found = [
        text
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        for part in shown(call)
        for text in literals(part)
    ]
    found += [text for text in literals(tree) if SENTENCE.search(text)]
    return list(dict.fromkeys(found))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_what_a_student_reads_is_in_the_files_of_strings(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    allowed = MAY_BE_ENGLISH.get(f"{path.parent.name}/{path.name}", ())
    assert unspoken(source, allowed) == []
    assert unspoken(source) or not allowed, "allowed without need"


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('raise ValueError("empty")', ["empty"]),
        ('raise ValueError(f"{name!r} is {value:.3g}.")', [" is "]),
        ('ax.set_xlabel("epoch")', ["epoch"]),
        ('ax.set(xlabel="epoch", xscale="log")', ["epoch"]),
        ('return "the loss is not finite"', ["the loss is not finite"]),
        ('if "out of memory" in str(error):\n    pass', []),
        ('return RuntimeError(sentence("model.no_gradient"))', []),
        ('ax.set_xlabel(tr(es="época", en="epoch"))', []),
        ('def f():\n    """Return what is not finite."""\n    return {"a": "b"}', []),
    ],
)
def test_a_text_in_one_language_is_noticed(source: str, found: list[str]) -> None:
    assert unspoken(source) == found
