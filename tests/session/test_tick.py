"""Check cells run in a real shell, as a student, in grading and for the reference."""

import copy
import json
import re
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from nbformat import NotebookNode

from grading import tick
from grading.answers.evidence import MIME, Reference
from grading.judging.annotate import line_of
from grading.judging.judge import Judgement, judge, metric_limit, reference_evidence
from grading.session import keyfile
from grading.session.keyfile import KeyFile, ListedCheck
from grading.session.scorecard import Scorecard
from tests.shells import a_shell
from tests.values import fast_hashes

SETUP = "import numpy as np\nfrom grading import tick\ntick.start('mini', lang='en')"

SOLUTION = """
size = 12
W = np.arange(6.0).reshape(2, 3)

def double(x):
    return 2 * x

c, h = 0.5, [0.25, 0.75]

def predict(x):
    return 3 * x

outputs = [0.1, 1.0, 2.0, 2.9]
"""

CHECKS = """
tick.value("size", lambda: size, marks=1, hint={"es": "Cuenta.", "en": "Count."})
tick.array("embedding", lambda: W, marks=2)
tick.call(
    "double",
    lambda x: double(x),
    cases=lambda rng: [(rng.normal(size=3),), (2.0,), ("ab",)],
    marks=3,
)
with tick.marks(4, "step"):
    tick.value("cell", lambda: c)
    tick.value("hidden", lambda: h, tol=0.01)
tick.predictions(
    "unseen",
    lambda x: predict(x),
    hidden=lambda rng: ((points := rng.normal(size=20)), 3 * points),
    metric="rmse",
    baseline=("always 0", lambda x: 0 * x),
    marks=5,
)
tick.metric(
    "fit",
    lambda: outputs,
    truth=lambda: np.arange(4.0),
    metric="rmse",
    baseline=("the mean", lambda: np.full(4, 1.5)),
    marks=2,
)
"""
ASK = "\n   Hints, in three steps: tick.hint()"
MARKS = {"size": 1, "embedding": 2, "double": 3, "step": 4, "unseen": 5, "fit": 2}


@pytest.fixture(scope="module")
def shell() -> Iterator[InteractiveShell]:
    with a_shell() as shell, fast_hashes():
        shell.display_pub = CapturingDisplayPublisher(parent=shell)
        yield shell


class Session:
    """One kernel's session: what its cells display, print and raise."""

    def __init__(self, shell: InteractiveShell, patch: pytest.MonkeyPatch) -> None:
        self.shell, self.patch = shell, patch
        self.fresh("student")

    def fresh(self, mode: str, hidden: dict[str, Any] | None = None) -> None:
        """Begin anew in a mode; ``hidden`` are the inputs that a grader hands over."""
        self.shell.user_ns.clear()
        self.shell.init_user_ns()
        for name, value in (("_card", Scorecard()), ("_groups", []), ("_hidden_inputs", hidden)):
            self.patch.setattr(tick, name, value if value is not None else {})
        if mode == "student":
            self.patch.delenv("DL_MODE", raising=False)
        else:
            self.patch.setenv("DL_MODE", mode)

    def run(self, *cells: str) -> list[dict[str, Any]]:
        """Run cells and return what they displayed; whatever one raises is raised."""
        publisher = self.shell.display_pub
        publisher.outputs.clear()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for cell in cells:
                self.shell.run_cell(cell, store_history=False).raise_error()
        return [output["data"] for output in publisher.outputs]

    def text(self, *cells: str) -> str:
        return "\n".join(data["text/plain"] for data in self.run(*cells))


def executed(displayed: list[dict[str, Any]]) -> NotebookNode:
    """A notebook with one check cell that displayed this, as it is read from its file."""
    cell = {
        "cell_type": "code",
        "metadata": {"nbgrader": {"grade_id": "c", "grade": True, "solution": False}},
        "outputs": [{"output_type": "display_data", "data": data} for data in displayed],
    }
    return NotebookNode(cells=[json.loads(json.dumps(cell), object_hook=NotebookNode)])


def entries(item: Reference) -> dict[str, Any]:
    if item.check == "group":
        return {label: entry for part in item.items for label, entry in entries(part).items()}
    if item.spec.metric:
        return {item.label: keyfile.entry_of_metric(item.spec.metric, *metric_limit(item))}
    return {item.label: keyfile.entry_of_answers(item.answers, item.spec.tol)}


def set_up(patch: pytest.MonkeyPatch) -> None:
    patch.setenv("LAB_PROFILE", "quick")
    patch.delenv("DL_RUN_SEED", raising=False)
    patch.setattr(keyfile, "load", lambda lab: None)


@pytest.fixture(scope="module")
def recorded(shell: InteractiveShell) -> tuple[NotebookNode, KeyFile]:
    """The reference's run, and the keys that are made of it."""
    with pytest.MonkeyPatch.context() as patch:
        set_up(patch)
        session = Session(shell, patch)
        session.fresh("reference")
        notebook = executed(session.run(SETUP, SOLUTION, CHECKS))
    evidence = [item for _, item in reference_evidence(notebook)]
    keys = KeyFile(
        lab="mini",
        source="",
        checks=tuple(
            ListedCheck("c", item.label, item.spec.marks, {"es": "Todo", "en": "All"})
            for item in evidence
        ),
        question_marks=0,
        profiles={"quick": {k: entry for item in evidence for k, entry in entries(item).items()}},
    )
    return notebook, keys


@pytest.fixture
def session(shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch) -> Session:
    """A student's session, of a kit without keys."""
    set_up(monkeypatch)
    return Session(shell, monkeypatch)


@pytest.fixture
def reference(session: Session, recorded: tuple[NotebookNode, KeyFile]) -> NotebookNode:
    """The reference's run, with its keys in the kit."""
    notebook, keys = recorded
    copied = copy.deepcopy(keys)
    session.patch.setattr(keyfile, "load", lambda lab: copied if lab == "mini" else None)
    return notebook


def graded(session: Session, reference: NotebookNode, *answers: str) -> Judgement:
    """Run answers and then the checks as a grader would, and judge what they leave."""
    inputs = {item.label: item.spec.inputs for _, item in reference_evidence(reference)}
    session.fresh("grading", inputs)
    return judge(reference, executed(session.run(SETUP, *answers, CHECKS)))


# --- a student's session -----------------------------------------------------------------------


@pytest.mark.usefixtures("reference")
def test_every_check_of_a_solution_passes(session: Session, capfd: Any) -> None:
    displayed = session.run(SETUP, SOLUTION, CHECKS, "tick.summary()")
    first, second = displayed[0]["text/plain"].splitlines()
    assert first == "mini: 6 checks, 17 marks. Profile quick. The packages are ready."
    assert second.startswith("Your work is kept in ")
    assert [data["text/plain"] for data in displayed[1:-1]] == [
        f"✓ {label}: {marks} of {marks} mark{'s' * (marks > 1)}" for label, marks in MARKS.items()
    ]
    assert all("text/html" in data and MIME not in data for data in displayed[1:])
    assert "17/17  100 %" in displayed[-1]["text/plain"]
    assert capfd.readouterr() == ("", "")


@pytest.mark.usefixtures("reference")
def test_running_a_check_again_never_changes_the_totals(session: Session) -> None:
    session.run(SETUP, SOLUTION, CHECKS)
    once = session.text("tick.summary()")
    assert session.text(CHECKS, CHECKS, "tick.summary()").endswith(once)
    assert session.text("double = None", CHECKS, "tick.summary()").endswith("the section “All”.")
    assert session.text(SOLUTION, CHECKS, "tick.summary()").endswith(once)
    assert session.text(SETUP, "tick.summary()").endswith(once)


@pytest.mark.usefixtures("reference")
def test_before_an_exercise_is_done_its_check_waits(session: Session) -> None:
    stub = "def double(x):\n    raise NotImplementedError('Complete double()')"
    lines = session.text(SETUP, stub, CHECKS).splitlines()[2:]
    assert lines == [
        "· size: 1 mark waits here. Not done yet: name 'size' is not defined.",
        "· embedding: 2 marks wait here. Not done yet: name 'W' is not defined.",
        "· double: 3 marks wait here. Not done yet: Complete double().",
        "· step: 4 marks wait here. Cell: not done yet: name 'c' is not defined.",
        "· unseen: 5 marks wait here. Not done yet: name 'predict' is not defined.",
        "· fit: 2 marks wait here. Not done yet: name 'outputs' is not defined.",
    ]
    assert "0/17" in session.text("tick.summary()")


WRONG = {
    "size": "size = 13",
    "embedding": "W = W.T",
    "double": "def double(x):\n    x *= 2\n    return x",
    "step": "h = [0.25, 0.8]",
    "unseen": "def predict(x):\n    return 0.5 * x",
    "fit": "outputs = [2.0, 1.0, 1.0, 2.0]",
}


@pytest.mark.parametrize("label", MARKS)
def test_a_mistake_costs_its_own_check_and_no_other(
    session: Session, reference: NotebookNode, label: str
) -> None:
    for mistake in (WRONG[label], WRONG[label].replace("return", "return 1 / 0 #")):
        session.fresh("student")
        lines = session.text(SETUP, SOLUTION, mistake, CHECKS).splitlines()[1:]
        lost = [line for line in lines if line.startswith("✗")]
        assert len(lost) == 1 and re.match(rf"✗ {label}: 0 of {MARKS[label]} marks?\. ", lost[0])
        judgement = graded(session, reference, SOLUTION, mistake)
        assert [r.label for r in judgement.results if r.marks < r.max] == [label]
        assert judgement.score == 17 - MARKS[label]


@pytest.mark.usefixtures("reference")
def test_a_mistake_is_diagnosed_without_the_answer(session: Session) -> None:
    text = session.text(SETUP, SOLUTION, *WRONG.values(), CHECKS)
    for said in (
        "✗ size: 0 of 1 mark. The value is not the expected one.\n   Hints, in three steps: ",
        "Expected shape (2, 3), found (3, 2).",
        "2 of 3 cases are right; case 1: the function changes its input in place (argument 1); "
        "work on a copy.",
        "Hidden: the value is not the expected one.",
        "does not reach",
    ):
        assert said.casefold() in text.casefold()
    assert "12" not in text.splitlines()[2]


@pytest.mark.usefixtures("reference")
def test_in_spanish(session: Session) -> None:
    setup = SETUP.replace("'en'", "'es'")
    text = session.text(setup, SOLUTION, "size = 13", CHECKS, "tick.summary()")
    for said in (
        "mini: 6 comprobaciones, 17 puntos. Perfil quick.",
        "✗ size: 0 de 1 punto. El valor no es el esperado.\n   Pistas, en tres pasos: ",
        "✓ embedding: 2 de 2 puntos",
        "Resumen de mini",
        "Siguiente: «size», en la sección «Todo».",
    ):
        assert said in text


TITLES = {"size": "tamaño", "step": "paso", "hidden": "estado oculto", "unseen": "datos nuevos"}


def titled(checks: str) -> str:
    """The checks with some labels by language, whose English texts are the labels as they were."""
    for label, spanish in TITLES.items():
        checks = checks.replace(f'"{label}"', json.dumps({"es": spanish, "en": label}))
    return checks


@pytest.mark.usefixtures("reference")
def test_labels_by_language_are_read_in_the_sessions_and_keep_their_ids(session: Session) -> None:
    wrong = "size, h = 13, [0.25, 0.8]"
    session.run(SETUP, SOLUTION, wrong)
    english = session.text(CHECKS, "tick.summary()")
    assert session.text(titled(CHECKS), "tick.summary()") == english
    setup = SETUP.replace("'en'", "'es'")
    text = session.text(setup, SOLUTION, wrong, titled(CHECKS), "tick.summary()")
    for said in (
        "✗ tamaño: 0 de 1 punto. El valor no es el esperado.",
        "✓ embedding: 2 de 2 puntos",
        "✗ paso: 0 de 4 puntos. Estado oculto: el valor no es el esperado.",
        "✓ datos nuevos: 5 de 5 puntos",
    ):
        assert said in text
    assert set(tick._card.passed) == {"embedding", "double", "unseen", "fit"}


@pytest.mark.usefixtures("reference")
def test_a_hint_is_asked_for_by_the_label_in_any_language(session: Session) -> None:
    session.run(SETUP.replace("'en'", "'es'"), SOLUTION, "size = 13", titled(CHECKS))
    assert session.text("tick.hint('tamaño')").startswith("Pista 1 de 3 · tamaño: ")
    assert session.text("tick.hint('size')") == "Pista 2 de 3 · tamaño: Cuenta."
    assert "«tamano»" in session.text("tick.hint('tamano')")
    assert "Ejecutadas: “tamaño”, “embedding”" in session.text("tick.hint('tamano')")


def test_a_label_without_its_english_text_says_what_to_do(session: Session) -> None:
    with pytest.raises(ValueError, match=r"lacks 'en', found \['es'\]: .* write it"):
        session.run("from grading import tick", 'tick.value({"es": "tamaño"}, lambda: 1)')


def test_the_references_labels_are_read_in_both_and_a_submission_has_no_say(
    session: Session, recorded: tuple[NotebookNode, KeyFile]
) -> None:
    session.fresh("reference")
    reference = executed(session.run(SETUP, SOLUTION, titled(CHECKS)))
    for checks in (CHECKS, titled(CHECKS), titled(CHECKS).replace("tamaño", "gratis")):
        inputs = {item.label: item.spec.inputs for _, item in reference_evidence(reference)}
        session.fresh("grading", inputs)
        submitted = executed(session.run(SETUP, SOLUTION, "size, h = 1, [0.25, 0.8]", checks))
        judgement = judge(reference, submitted)
        assert {result.label: result.max for result in judgement.results} == MARKS
        assert {result.label for result in judgement.results if result.reason} == {"size", "step"}
        said = {lang: [line_of(r, lang) for r in judgement.results] for lang in ("es", "en")}
        assert said["es"][0] == "✗ tamaño: 0 de 1 punto: el valor no es el esperado"
        assert said["es"][3].startswith("✗ paso: 0 de 4 puntos: estado oculto: 1 de 2 valores")
        assert said["es"][4] == "✓ datos nuevos: 5 de 5 puntos"
        assert said["en"][3].startswith("✗ step: 0 of 4 marks: hidden: 1 of 2 values differ")
    forged = copy.deepcopy(submitted)
    for output in forged.cells[0].outputs:
        output.data[MIME]["spec"] = {"words": {"es": "gratis", "en": "free"}}
    assert judge(reference, forged) == judgement
    assert "gratis" not in str(judgement)


@pytest.mark.usefixtures("reference")
def test_labels_are_escaped_in_html(session: Session) -> None:
    session.run(SETUP)
    (known,) = session.run('tick.value("<b>&", lambda: 1 / 0, marks=1)')
    assert "<b>" in known["text/plain"] and "<b>" not in known["text/html"]
    assert "&lt;b&gt;&amp;" in known["text/html"]


@pytest.mark.usefixtures("reference")
def test_hints_come_in_three_steps_and_never_tell_the_answer(session: Session) -> None:
    session.run(SETUP, SOLUTION, "size = 13", CHECKS)
    first, second, third, last = (session.text("tick.hint()") for _ in range(4))
    assert first == "Hint 1 of 3 · size: what comes out should be a whole number."
    assert second == "Hint 2 of 3 · size: Count."
    assert third == "Hint 3 of 3 · size: what yours gives now: a whole number: [13]."
    assert last == third
    assert "12" not in first + second + third


@pytest.mark.usefixtures("reference")
def test_hints_before_an_exercise_is_done(session: Session) -> None:
    stub = "def double(x):\n    raise NotImplementedError('Complete double()')"
    session.run(SETUP, stub, CHECKS)
    said = [session.text("tick.hint('double')") for _ in range(2)]
    assert said[0].startswith("Hint 1 of 2 · double: in each of the 3 cases")
    assert "try it by hand with (x = [" in said[1] and "not done yet: Complete double()" in said[1]


@pytest.mark.usefixtures("reference")
def test_the_hint_of_a_group_is_about_what_is_wrong_in_it(session: Session) -> None:
    session.run(SETUP, SOLUTION, "h = [0.25, 0.8]", CHECKS)
    said = [session.text("tick.hint('step')") for _ in range(2)]
    assert said[0].endswith("what comes out should be real numbers of shape (2,).")
    assert said[1].endswith("what yours gives now: real numbers of shape (2,): [0.25, 0.8].")


@pytest.mark.usefixtures("reference")
def test_the_hint_of_a_measure_is_what_to_reach(session: Session) -> None:
    session.run(SETUP, SOLUTION, "outputs = [2.0, 1.0, 1.0, 2.0]", CHECKS)
    assert re.fullmatch(
        r"Hint 1 of 2 · fit: rmse has to reach [\d.]+\.", session.text("tick.hint()")
    )


@pytest.mark.usefixtures("reference")
def test_asking_for_a_hint_of_nothing(session: Session) -> None:
    session.run(SETUP, SOLUTION, CHECKS)
    assert "none is waiting" in session.text("tick.hint()")
    assert "No check “no such”" in session.text("tick.hint('no such')")
    assert session.text("tick.hint('size')").startswith("Hint 1 of 2 · size: ")


@pytest.mark.usefixtures("reference")
def test_what_passed_comes_back_in_another_session(session: Session) -> None:
    session.run(SETUP, SOLUTION, CHECKS)
    session.fresh("student")
    said = session.text(SETUP)
    assert "Brought back from another session: 6 checks, 17 marks." in said
    summary = session.text("tick.summary()")
    assert "17/17" in summary and "17 of these marks are from another session" in summary
    session.run("import numpy as np\nsize = 13", CHECKS)
    summary = session.text("tick.summary()")
    assert "0/17" in summary and "another session" not in summary
    session.fresh("student")
    assert "Brought back" not in session.text(SETUP)


def test_without_keys_a_check_says_so_and_goes_on(session: Session) -> None:
    text = session.text(SETUP, SOLUTION, CHECKS, "tick.summary()")
    assert "No fingerprints for mini in this kit" in text
    assert text.count("there is nothing to compare with for profile quick") == 6
    session.fresh("student")
    assert "size: there is nothing to compare with" in session.text(
        "from grading import tick\nimport numpy as np", SOLUTION, CHECKS
    )


@pytest.mark.usefixtures("reference")
def test_keys_of_another_profile(session: Session) -> None:
    session.patch.setenv("LAB_PROFILE", "full")
    assert "for profile full" in session.text(SETUP, SOLUTION, CHECKS)


@pytest.mark.usefixtures("reference")
def test_what_the_answers_print_is_the_student_s_own(session: Session, capfd: Any) -> None:
    cell = 'tick.value("size", lambda: print("hello") or 12, marks=1)'
    assert session.text(SETUP, cell).endswith("✓ size: 1 of 1 mark")
    assert capfd.readouterr() == ("hello\n", "")


# --- groups ------------------------------------------------------------------------------------


@pytest.mark.usefixtures("reference")
@pytest.mark.parametrize(
    ("block", "said"),
    [
        ("raise KeyError('w')", f"✗ step: 0 of 4 marks. Raised KeyError: 'w'.{ASK}"),
        ("raise SystemExit", f"✗ step: 0 of 4 marks. Raised SystemExit.{ASK}"),
        ("raise NotImplementedError('Do it')", "· step: 4 marks wait here. Not done yet: Do it."),
    ],
)
def test_an_exception_in_a_group_goes_no_further(
    session: Session, reference: NotebookNode, block: str, said: str
) -> None:
    cell = f'with tick.marks(4, "step"):\n    tick.value("cell", lambda: 0.5)\n    {block}'
    session.run(SETUP)
    after = 'tick.value("size", lambda: 12, marks=1)'
    assert session.text(cell, after) == f"{said}\n✓ size: 1 of 1 mark"
    session.fresh("grading")
    judgement = judge(reference, executed(session.run(SETUP, cell)))
    assert judgement.score == 0


@pytest.mark.usefixtures("reference")
def test_the_stop_button_leaves_no_group_open(session: Session) -> None:
    with pytest.raises(KeyboardInterrupt):
        session.run(SETUP, 'with tick.marks(4, "step"):\n    raise KeyboardInterrupt')
    assert session.text('tick.value("size", lambda: 12, marks=1)') == "✓ size: 1 of 1 mark"


# --- grading -----------------------------------------------------------------------------------


def test_a_solution_has_full_marks(session: Session, reference: NotebookNode) -> None:
    judgement = graded(session, reference, SOLUTION)
    assert judgement.score == judgement.max_score == 17
    assert {result.label: result.max for result in judgement.results} == MARKS


def test_written_differently(session: Session, reference: NotebookNode) -> None:
    import_torch = "import torch\nW = torch.arange(6.0).reshape(2, 3).requires_grad_()"
    other = "size = np.float64(12)\nc = np.array(0.5)\nh = (0.251, 0.749)"
    assert graded(session, reference, SOLUTION, import_torch, other).score == 17


def test_nothing_was_done(session: Session, reference: NotebookNode) -> None:
    judgement = graded(session, reference)
    assert judgement.score == 0
    assert {r.reason.key for r in judgement.results if r.reason} <= {
        "reason.unfinished",
        "reason.item",
    }


def test_grading_shows_evidence_and_nothing_else(
    session: Session, reference: NotebookNode, capfd: Any
) -> None:
    inputs = {item.label: item.spec.inputs for _, item in reference_evidence(reference)}
    session.fresh("grading", inputs)
    displayed = session.run(SETUP, SOLUTION, CHECKS, "tick.summary()")
    assert [data["text/plain"] for data in displayed] == [f"evidence: {x}" for x in MARKS]
    assert all(set(data) == {"text/plain", MIME} for data in displayed)
    payloads = json.dumps([data[MIME] for data in displayed])
    for term in ("spec", "marks", "tol", "truth", "baseline", "Count."):
        assert term not in payloads
    assert capfd.readouterr() == ("", "")


def test_in_grading_truth_and_baseline_are_never_computed(
    session: Session, reference: NotebookNode
) -> None:
    session.fresh("grading", {"unseen": [1.0]})
    displayed = session.run(
        SETUP,
        SOLUTION,
        """
tick.predictions("unseen", lambda x: x, hidden=lambda rng: boom(), metric="rmse",
                 baseline=("b", lambda x: boom()), marks=5)
tick.metric("fit", lambda: outputs, truth=lambda: boom(), metric="rmse",
            baseline=("b", lambda: boom()), marks=2)
""",
    )
    assert [data[MIME]["label"] for data in displayed] == ["unseen", "fit"]
    assert all("value" in data[MIME]["answers"][0] for data in displayed)


def test_hidden_inputs_come_from_the_grader(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "hidden.json"
    path.write_text(json.dumps({"unseen": [7.0, 8.0]}), encoding="utf-8")
    monkeypatch.setenv("DL_HIDDEN_INPUTS", str(path))
    predict = "seen = []\ndef predict(x):\n    seen.append(x)\n    return x"
    session.run(SETUP, predict, CHECKS)
    seen_by_a_student = [list(one) for one in session.shell.user_ns["seen"]]
    assert seen_by_a_student and [7.0, 8.0] not in seen_by_a_student
    session.fresh("grading")
    session.run(SETUP, predict, CHECKS)
    assert session.shell.user_ns["seen"] == [[7.0, 8.0]]


def test_a_remembered_answer_is_worth_nothing(session: Session, monkeypatch: Any) -> None:
    session.fresh("reference")
    before = executed(session.run(SETUP, SOLUTION, CHECKS))
    monkeypatch.setenv("DL_RUN_SEED", "99")
    session.fresh("reference")
    now = executed(session.run(SETUP, SOLUTION, CHECKS))
    lost = {result.label for result in judge(now, before).results if result.marks < result.max}
    assert lost == {"double", "unseen"}


def test_a_mode_set_by_the_submission_gains_nothing(
    session: Session, reference: NotebookNode
) -> None:
    for mode in ("reference", "student", "anything"):
        cheat = f"import os\nos.environ['DL_MODE'] = {mode!r}"
        assert graded(session, reference, cheat).score == 0


# --- what depends on unfinished work -----------------------------------------------------------

CALL = 'tick.call("double", lambda x: x, cases=lambda rng: [(make(rng),)], marks=3)'
PREDICT = (
    'tick.predictions("unseen", lambda x: x, hidden=lambda rng: make(rng), metric="rmse",'
    ' baseline=("b", lambda x: 0 * x), marks=5)'
)
METRIC = (
    'tick.metric("fit", lambda: outputs, truth=lambda: make(), metric="rmse",'
    ' baseline=("b", lambda: 0), marks=2)'
)


@pytest.mark.usefixtures("reference")
@pytest.mark.parametrize("cell", [CALL, PREDICT, METRIC])
def test_inputs_that_cannot_be_made_yet(session: Session, cell: str) -> None:
    session.run(SETUP, SOLUTION)
    assert session.text(cell).endswith("Not done yet: name 'make' is not defined.")
    session.run("def make(*_):\n    raise OSError('no such file')")
    assert session.text(cell).endswith(f"Raised OSError: no such file.{ASK}")


def test_cases_that_cannot_be_made_in_grading(session: Session, reference: NotebookNode) -> None:
    session.fresh("grading")
    judgement = judge(reference, executed(session.run(SETUP, CALL)))
    (found,) = (result for result in judgement.results if result.label == "double")
    assert found.reason is not None
    assert found.reason.text("en") == "not done yet: name 'make' is not defined"


@pytest.mark.parametrize("cell", [CALL, PREDICT, METRIC, CALL.replace("(make(rng),)", "'ab'")])
def test_a_reference_stops_where_a_check_is_wrong(session: Session, cell: str) -> None:
    session.fresh("reference")
    with pytest.raises((NameError, TypeError)):
        session.run(SETUP, SOLUTION, cell)


# --- beyond the shell --------------------------------------------------------------------------


def test_a_session_needs_neither_nbgrader_nor_the_engine() -> None:
    script = """
import sys
from grading import tick
tick.start("no such lab")
tick.value("x", lambda: 1 / 0, marks=2)
heavy = [n for n in sys.modules if n.split(".")[0] in ("nbgrader", "nbclient", "jupyter_client")]
assert not heavy + [n for n in sys.modules if n.startswith("grading.engine")], heavy
assert "torch" not in sys.modules
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "No fingerprints for no such lab" in ran.stdout and "? x:" in ran.stdout


def test_a_hint_names_the_arguments_that_a_check_takes_as_they_come(session: Session) -> None:
    check = "tick.call('twice', lambda *sizes: 1, cases=lambda rng: [(3, 4)], marks=1)"
    session.run(SETUP, check)
    said = [session.text("tick.hint('twice')") for _ in range(3)]
    assert "sizes = (3, 4)" in said[-1]
