"""What a notebook imports: checks that show ✓ and ✗, and leave evidence when graded.

A check never decides its own marks. In a student's session it compares the answer with a public
fingerprint and shows the result at once. In grading (``DL_MODE=grading``) it only leaves
evidence, which the judge reads in another process; in the reference's run
(``DL_MODE=reference``) it also states the terms of the check.

The answer is always given as a function without arguments (``lambda: loss``), so that an
expression that fails costs its own check and no other.

A label is a text, or a text for each language: ``{"es": "tamaño", "en": "size"}``. People read the
one in their language; evidence, keys and marks are kept under the English one.

Examples
--------
>>> from grading import tick
>>> tick.value("vocabulary size", lambda: len(vocabulary), marks=2)  # doctest: +SKIP
"""

import inspect
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from grading.answers.canonical import NotEvidence, canonical
from grading.answers.encoding import decode_inputs, encode, encode_inputs
from grading.answers.evidence import MIME, Answer, Evidence, Reference, Spec
from grading.cells.names import NOTHING_LOCKED, Locked
from grading.messages import Label, Title, message
from grading.session import keyfile
from grading.session.display import publish, show_figures_in_words
from grading.session.hints import Inputs, three_hints
from grading.session.outcomes import (
    Hint,
    Outcome,
    doubted,
    outcome_of_answers,
    outcome_of_group,
    outcome_of_metric,
)
from grading.session.probe import Cases, draw_cases, generator, probe, probe_calls, raised
from grading.session.protection import protect
from grading.session.scorecard import Scorecard, render_outcome, render_summary
from grading.session.start import prepare, write_progress
from utils import language
from utils.profile import profile, run_seed

__all__ = [
    "array",
    "call",
    "hand_in",
    "hint",
    "marks",
    "metric",
    "outcomes",
    "predict_on",
    "predictions",
    "start",
    "summary",
    "value",
]

Hidden = Callable[[np.random.Generator], tuple[Any, Any]]
Baseline = tuple[Label, Callable[..., Any]]


def _mode() -> str:
    return os.environ.get("DL_MODE", "student")


_card = Scorecard()
_groups: list[list[tuple[Evidence, Any]]] = []  # open `marks` blocks, innermost last
_hidden_inputs: dict[str, Any] = {}


def start(lab: str, lang: str = "en", version: str = "") -> None:
    """Begin a lab's session: load its public keys, prepare the machine, bring back earlier marks.

    Called by the first cell of each notebook. Calling it again keeps the marks shown so far.

    Parameters
    ----------
    lab : str
    lang : str
        The language of the messages, and of all that `utils` and `data` say.
    version : str
        The beginning of the hash of the solution that the notebook was built beside.
    """
    language.use(lang)
    _hidden_inputs.update(_load_hidden_inputs())
    _card.open(lab, lang, keyfile.load(lab))
    protect(_locked(), {"tick": sys.modules[__name__]}, _say_overwritten)
    if _mode() == "student":
        said, earlier = prepare(lab, _card.keys, version, lang)
        _card.restore(earlier)
        publish(said)
    else:
        show_figures_in_words()


def _load_hidden_inputs() -> dict[str, Any]:
    path = os.environ.get("DL_HIDDEN_INPUTS") if _mode() == "grading" else None
    return json.loads(Path(path).read_text(encoding="utf-8")) if path else {}


def value(
    label: Label,
    answer: Callable[[], Any],
    *,
    marks: float = 0,
    tol: float | None = None,
    hint: Hint | None = None,
) -> None:
    """Check a number, a text, a list or a mapping.

    Parameters
    ----------
    label : str or dict
        Name of the check, unique in the lab: one for all languages, or one for each.
    answer : callable
        Returns the value.
    marks : float
    tol : float, optional
        Absolute tolerance of real numbers. By default about 1e-4 of each number's own size, for
        numbers smaller than the others half of that of their root mean square, and 1e-7 at
        least: an answer below 0.001 needs its own.
    hint : dict, optional
        One line for each language, shown on request (`hint`). Never the answer.
    """
    title = Title.of(label)
    answers = [probe(answer, seed=run_seed(), label=title.label)]
    _compared("value", title, answers, marks, tol, hint)


def array(
    label: Label,
    answer: Callable[[], Any],
    *,
    marks: float = 0,
    tol: float | None = None,
    hint: Hint | None = None,
) -> None:
    """Check an array or a tensor: shape, order and every element.

    Parameters are those of `value`. An answer that is no array of numbers fails.
    """

    def numbers() -> Any:
        result = answer()
        if canonical(result).kind == "tree":
            raise NotEvidence("array", type(result).__name__)
        return result

    title = Title.of(label)
    answers = [probe(numbers, seed=run_seed(), label=title.label)]
    _compared("array", title, answers, marks, tol, hint)


def call(
    label: Label,
    function: Callable[..., Any],
    *,
    cases: Cases,
    marks: float = 0,
    tol: float | None = None,
    hint: Hint | None = None,
) -> None:
    """Check a function on inputs drawn from the run's seed.

    Parameters
    ----------
    label, marks, tol, hint
        As in `value`.
    function : callable
        The student's function, wrapped (``lambda text: clean(text)``).
    cases : callable
        Given a `numpy.random.Generator`, returns a list of tuples of arguments. Every case must
        be right. An exception counts as the answer of its case. Changes of the inputs in place
        are compared, too.
    """
    seed, title = run_seed(), Title.of(label)
    again = partial(draw_cases, cases, seed=seed, label=title.label)
    try:
        drawn = again()
    except Exception as error:
        if _mode() == "reference":
            raise
        answers = [raised(error)]  # it may call what an earlier exercise should have defined
    else:
        answers = probe_calls(function, drawn, seed=seed, label=title.label)

    def named() -> list[dict[str, Any]]:
        signature = inspect.signature(function)
        return [dict(signature.bind(*case).arguments) for case in again()]

    _compared("call", title, answers, marks, tol, hint, named)


def predictions(
    label: Label,
    predict: Callable[[Any], Any],
    *,
    hidden: Hidden,
    metric: str,
    baseline: Baseline,
    marks: float = 0,
    share: float = 0.5,
    hint: Hint | None = None,
) -> None:
    """Check a model by its predictions on inputs it has not seen.

    In grading the inputs are drawn from a seed that the submission does not know and the truth
    stays with the judge, who measures the predictions. The marks are earned at the score that
    lies ``share`` of the way from the baseline to the reference's score in the same run (see
    `grading.answers.metrics.limit_between`).

    Parameters
    ----------
    label, marks, hint
        As in `value`.
    predict : callable
        Maps the inputs to predictions.
    hidden : callable
        Given a `numpy.random.Generator`, returns (inputs, truth). Inputs are arrays, text,
        numbers or lists of them.
    metric : str
        Name of a metric in `grading.answers.metrics`.
    baseline : tuple of (str or dict) and callable
        Name of a baseline, given as a label is, and a function from the inputs to its predictions.
    share : float
        Between 0 (the baseline) and 1 (the reference).
    """
    title = Title.of(label)
    try:
        encoded, truth = _hidden(hidden, title.label)
    except Exception as error:
        if _mode() == "reference":
            raise
        encoded, truth, answer = None, None, raised(error)
    else:
        answer = probe(
            lambda: predict(decode_inputs(encoded)), seed=run_seed(), label=title.label, whole=True
        )
    _measured(
        Evidence(title.label, "predictions", (answer,)),
        Spec(
            marks,
            metric=metric,
            share=share,
            baseline_name=Title.of(baseline[0]),
            inputs=encoded,
            words=title.words,
        ),
        lambda: truth,
        lambda: baseline[1](decode_inputs(encoded)),
        hint,
    )


def metric(
    label: Label,
    outputs: Callable[[], Any],
    *,
    truth: Callable[[], Any],
    metric: str,
    baseline: Baseline,
    marks: float = 0,
    share: float = 0.5,
    hint: Hint | None = None,
) -> None:
    """Check outputs by a metric that the judge computes, not by the number that a cell prints.

    Parameters
    ----------
    label, marks, metric, share, hint
        As in `predictions`.
    outputs : callable
        Returns the model's outputs.
    truth : callable
        Returns what they are measured against. In grading only the reference's truth counts.
    baseline : tuple of (str or dict) and callable
        Name of a baseline, given as a label is, and a function that returns its outputs.
    """
    title = Title.of(label)
    answer = probe(outputs, seed=run_seed(), label=title.label, whole=True)
    _measured(
        Evidence(title.label, "metric", (answer,)),
        Spec(
            marks,
            metric=metric,
            share=share,
            baseline_name=Title.of(baseline[0]),
            words=title.words,
        ),
        truth,
        baseline[1],
        hint,
    )


@contextmanager
def marks(count: float, label: Label, *, hint: Hint | None = None) -> Iterator[None]:
    """Group checks: all those inside must pass to earn ``count`` marks.

    The checks inside take no marks of their own. An exception in the block fails the group and
    goes no further.
    """
    title = Title.of(label)
    items: list[tuple[Evidence, Any]] = []
    _groups.append(items)
    stopped: tuple[Answer, ...] = ()
    try:
        yield
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        stopped = (raised(error),)
    finally:
        _groups.pop()
    _finish(
        Evidence(title.label, "group", stopped, tuple(item for item, _ in items)),
        Spec(count, words=title.words),
        lambda: outcome_of_group(
            title.label,
            count,
            [outcome for _, outcome in items],
            stopped[0] if stopped else None,
            hint,
        ),
    )


def summary() -> None:
    """Show the marks by section, the total and what to look at next."""
    if _mode() == "student":
        publish(*render_summary(_card))


def predict_on(inputs: dict[str, Any]) -> None:
    """Take further inputs to predict on, encoded, by the label of their check; for graders."""
    _hidden_inputs.update(inputs)


def outcomes() -> dict[str, Outcome]:
    """Return what the checks of this session have shown, by label, the latest one last."""
    return dict(_card.outcomes)


def hint(label: str = "") -> None:
    """Show the next hint of a check: of the one called ``label``, or the latest that did not pass.

    The check may be called by its label in any language. There are up to three hints: what is
    expected, the author's, and a case to try by hand.
    """
    lang = _card.lang
    label = _card.label_of(label) or _card.open_label
    if label not in _card.hints:
        known = ", ".join(f"“{_card.title_of(name).text(lang)}”" for name in _card.hints) or "–"
        key = "help.unknown" if label else "help.nothing"
        publish(message(key, lang, label=label, known=known))
        return
    title = _card.title_of(label)
    number, hints = _card.next_hint(label)
    if not hints:
        publish(message("help.none", lang, label=title))
        return
    text = hints[number - 1]
    publish(message("help.hint", lang, label=title, number=number, count=len(hints), text=text))


def hand_in(path: str = "", *, anyway: bool = False) -> None:
    """Check that the notebook is complete, say what is missing, and make the file to upload.

    Where the course has a service, the notebook is sent there, and its marks are shown here.

    Parameters
    ----------
    path : str, optional
        The notebook's file, where it cannot be found by itself.
    anyway : bool
        Make the file although something is missing.
    """
    if _mode() == "student":
        from grading.session import handing_in  # needs a package that `start` may have to install

        handing_in.hand_in(_card, path, anyway=anyway)


def _compared(
    check: str,
    title: Title,
    answers: list[Answer],
    marks: float,
    tol: float | None,
    hint: Hint | None,
    inputs: Inputs | None = None,
) -> None:
    """Finish a check that compares answers."""
    label = title.label
    _finish(
        Evidence(label, check, tuple(answers)),
        Spec(marks, tol, words=title.words),
        lambda: outcome_of_answers(label, marks, answers, _entry(label), hint),
        inputs,
    )


def _measured(
    evidence: Evidence,
    spec: Spec,
    truth: Callable[[], Any],
    baseline: Callable[[], Any],
    hint: Hint | None,
) -> None:
    """Finish a check that measures; only the reference's run states truth and baseline."""
    if _mode() == "reference":
        spec = replace(spec, truth=canonical(truth()), baseline=canonical(baseline()))
    _finish(
        evidence,
        spec,
        lambda: doubted(
            outcome_of_metric(
                evidence.label, spec.marks, evidence.answers[0], truth, _entry(evidence.label), hint
            ),
            _card.refused_under(evidence.label),
        ),
    )


def _finish(
    evidence: Evidence, spec: Spec, outcome: Callable[[], Outcome], inputs: Inputs | None = None
) -> None:
    """Leave evidence in a graded run, show the outcome in a student's session."""
    mode = _mode()
    if mode == "reference":
        evidence = Reference(**vars(evidence), spec=spec)
    shown = replace(outcome(), words=spec.words) if mode == "student" else None
    if _groups:
        _groups[-1].append((evidence, shown))
    elif shown is None:
        text = message("tick.recorded", _card.lang, label=evidence.label)
        publish(text, data={MIME: encode(evidence)})
    else:
        before, lang, author = _card.passed, _card.lang, shown.hint
        _card.record(shown)
        _card.hints[shown.label] = lambda: three_hints(evidence, _entry, inputs, author, lang)
        if _card.lab and _card.passed != before:
            write_progress(_card.lab, _card.passed)
        publish(*render_outcome(shown, lang, profile()))


def _hidden(hidden: Hidden, label: str) -> tuple[Any, Any]:
    """Return (encoded inputs, truth); in grading the inputs are given and the truth is not."""
    if _mode() == "grading":
        return _hidden_inputs.get(label), None
    seed = int(os.environ.get("DL_HIDDEN_SEED", run_seed()))
    inputs, truth = hidden(generator(seed, label))
    return encode_inputs(inputs), truth


def _locked() -> Locked:
    """Return the lab's own cells: the grader names them, in a student's session the keys do."""
    if _mode() == "student":
        return _card.keys.locked if _card.keys else NOTHING_LOCKED
    return Locked.from_json(json.loads(os.environ.get("DL_LOCKED", "{}")))


def _say_overwritten(names: list[str]) -> None:
    if _mode() == "student":
        listed = ", ".join(f"`{name}`" for name in names)
        publish(message("session.overwritten", _card.lang, names=listed))


def _entry(label: str) -> dict[str, Any] | None:
    entries = (_card.keys.profiles if _card.keys else {}).get(profile(), {})
    return entries.get(label)
