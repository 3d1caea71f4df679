"""The lab on recurrent networks: an example class graded on it, bad input.

Solutions are read from the source; only what is wrong, or right but written otherwise, stands
here. Each member names the checks that it must lose; it keeps all the others.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.lab_code import definitions
from tests.graded_class import Graded, grade

LAB = "lab2_rnn_lstm"
ROOT = Path(__file__).resolve().parents[2]

# several runs of the lab, on a machine that may be busy
pytestmark = [pytest.mark.kernels, pytest.mark.timeout(900)]

# --- right, written otherwise ------------------------------------------------------------------

OTHERWISE = {
    "stable": """\
def sigmoid(x):
    return 0.5 * (1 + np.tanh(x / 2))


def tanh(x):
    return 2 * sigmoid(2 * x) - 1


def softmax(x):
    return np.exp(x - np.logaddexp.reduce(x, axis=-1, keepdims=True))
""",
    "orthogonal": """\
def orthogonal(size, rng):
    left, _, right = np.linalg.svd(rng.standard_normal((size, size)))
    return left @ right
""",
    "forward": """\
def forward(params, inputs):
    hiddens = np.zeros((len(inputs), len(params["b_h"])))
    logits = np.zeros((len(inputs), len(params["b_y"])))
    for t in range(len(inputs)):
        inner = params["W_xh"] @ inputs[t] + params["b_h"]
        if t:
            inner = inner + params["W_hh"] @ hiddens[t - 1]
        hiddens[t] = np.tanh(inner)
        logits[t] = params["W_hy"] @ hiddens[t] + params["b_y"]
    return hiddens, logits
""",
    "backward": """\
def backward(params, inputs, hiddens, d_logits):
    grads = {name: np.zeros_like(values) for name, values in params.items()}
    carried = np.zeros(hiddens.shape[1])
    for t in range(len(inputs) - 1, -1, -1):
        grads["W_hy"] += np.outer(d_logits[t], hiddens[t])
        grads["b_y"] += d_logits[t]
        inner = (params["W_hy"].T @ d_logits[t] + carried) * (1 - hiddens[t] ** 2)
        grads["W_xh"] += np.outer(inner, inputs[t])
        if t > 0:
            grads["W_hh"] += np.outer(inner, hiddens[t - 1])
        grads["b_h"] += inner
        carried = params["W_hh"].T @ inner
    return grads
""",
    "next_token": """\
class NextToken(nn.Module):
    def __init__(self, vocabulary, hidden, dropout):
        super().__init__()
        self.last = nn.Sequential(nn.Dropout(dropout), nn.Linear(hidden, vocabulary))
        self.memory = nn.LSTM(input_size=vocabulary, hidden_size=hidden, num_layers=1)

    def forward(self, inputs):
        return self.last(self.memory(inputs)[0])
""",
    "forecast": """\
def forecast(history, horizon):
    # no network at all: each month is the same month of the year before, with the mean growth
    growth = np.mean(np.log(history[12:] / history[:-12]))
    months = list(history)
    for _ in range(horizon):
        months.append(months[-12] * np.exp(growth))
    return np.array(months[-horizon:])
""",
}

# --- wrong in the usual ways -------------------------------------------------------------------

FORGETS_THE_CLIPPING = {
    "clip": """\
def clip_by_norm(gradients, max_norm):
    return {name: gradient.copy() for name, gradient in gradients.items()}
""",
}

OFF_BY_ONE_TARGETS = {
    "pairs": """\
def inputs_and_targets(ids):
    return ids[:-1], ids[:-1]


def one_hot(ids, size):
    return np.eye(size)[ids]
""",
}

# The same misunderstanding on the way there and back, so that it even trains.
TRANSPOSED_WEIGHTS = {
    "forward": """\
def forward(params, inputs):
    h = np.zeros(len(params["b_h"]))
    hiddens = []
    for x in inputs:
        h = np.tanh(x @ params["W_xh"].T + h @ params["W_hh"] + params["b_h"])
        hiddens.append(h)
    hiddens = np.array(hiddens)
    return hiddens, hiddens @ params["W_hy"].T + params["b_y"]
""",
    "backward": """\
def backward(params, inputs, hiddens, d_logits):
    before = np.vstack([np.zeros((1, hiddens.shape[1])), hiddens[:-1]])
    inner = np.zeros_like(hiddens)
    carried = np.zeros(hiddens.shape[1])
    for t in reversed(range(len(inputs))):
        inner[t] = (d_logits[t] @ params["W_hy"] + carried) * (1 - hiddens[t] ** 2)
        carried = inner[t] @ params["W_hh"].T
    return {
        "W_xh": inner.T @ inputs,
        "W_hh": before.T @ inner,
        "b_h": inner.sum(axis=0),
        "W_hy": d_logits.T @ hiddens,
        "b_y": d_logits.sum(axis=0),
    }
""",
}

# Perfect on the series that everybody sees; the judge's series are others.
TRAINS_ON_THE_TEST_MONTHS = {
    "forecast": """\
def forecast(history, horizon):
    ahead = to_changes(series)[KNOWN - 1 : KNOWN - 1 + horizon]
    return from_changes(history[-1], ahead)
""",
}

PART_ONE = (
    "vocabulary",
    "split",
    "pairs",
    "orthogonal",
    "stable",
    "forward",
    "loss",
    "backward",
    "clip",
    "momentum_step",
    "train",
    "predict_next",
    "perplexity",
    "generate",
    "pad",
    "batch_gradients",
)
LATER_CHECKS = {
    "cell state and gates",
    "hidden state",
    "gradients of the states",
    "gradients of the weights",
    "LSTM on hidden sequences",
    "logits of the model",
    "dropout on the states, while training",
    "training step",
    "evaluation",
    "nn.LSTM on hidden sequences",
    "errors by position",
    "the unit that counts",
    "changes",
    "and back",
    "windows and targets",
    "seasonal-naive forecast",
    "months to come",
}


def class_of(solved: dict[str, str]) -> dict[str, dict[str, str]]:
    """Return what each member of the class handed in, by exercise.

    The four mistakes need nothing of each other, so one member makes them all.
    """
    return {
        "otherwise": solved | OTHERWISE,
        "rnn only": {name: solved[name] for name in PART_ONE},
        "mistaken": solved
        | FORGETS_THE_CLIPPING
        | OFF_BY_ONE_TARGETS
        | TRANSPOSED_WEIGHTS
        | TRAINS_ON_THE_TEST_MONTHS,
    }


LOST = {
    "otherwise": set(),
    "rnn only": LATER_CHECKS,
    "mistaken": {
        "clipping",  # forgotten
        *("inputs and targets", "RNN on hidden sequences"),  # targets off by one
        *("forward pass", "backward pass"),  # transposed weights
        "months to come",  # trained on
    },
}


@pytest.fixture(scope="module")
def graded() -> Graded:
    return grade(LAB, class_of)


@pytest.mark.heavy
@pytest.mark.parametrize("member", LOST)
def test_member_loses_these_checks_and_no_other(graded: Graded, member: str) -> None:
    assert graded.lost(member) == LOST[member]


def more_threads(solved: dict[str, str]) -> dict[str, dict[str, str]]:
    """Return the complete submission, run with two threads instead of one."""
    return {
        "complete": solved | {"next_token": solved["next_token"] + "\n\ntorch.set_num_threads(2)"}
    }


@pytest.mark.heavy
@pytest.mark.parametrize("seed", [11])
def test_other_seed_and_threads_give_the_same_marks(seed: int) -> None:
    assert grade(LAB, more_threads, seed).lost("complete") == set()


@pytest.mark.heavy
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("seed", range(100, 120))
def test_marks_stay_the_same_over_twenty_seeds(seed: int) -> None:
    choose = more_threads if seed % 2 else lambda solved: {"complete": solved}
    assert grade(LAB, choose, seed).lost("complete") == set()


# --- bad input ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lab() -> dict[str, Any]:
    names = definitions(LAB)
    names["token_to_id"] = {"UNK": 0, "EOS": 1, "a": 2, "b": 3}
    names["VOCABULARY"] = 4
    return names


@pytest.mark.parametrize("tokens", [[], ["a"]])
def test_sequence_of_length_0_or_1_is_refused(lab: dict[str, Any], tokens: list[str]) -> None:
    message = f"has length {len(tokens)}; expected 2 or more .one to read and one to predict"
    with pytest.raises(ValueError, match=message):
        lab["prepare"](tokens, lab["token_to_id"])
    with pytest.raises(ValueError, match=message):
        lab["padded_batch"]([["a", "b", "EOS"], tokens])


def test_prediction_after_nothing_is_refused(lab: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="has length 0; expected 1 or more"):
        lab["predict_next"]({}, [])
    with pytest.raises(ValueError, match="has length 0; expected 1 or more"):
        lab["generate"]({}, [], np.random.default_rng(0))


def test_text_in_place_of_tokens_is_refused(lab: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=r"got the text 'a b EOS'. Write \['a', 'b', 'EOS'\]"):
        lab["prepare"]("a b EOS", lab["token_to_id"])


def test_unknown_tokens_are_named_and_read_as_unk(lab: dict[str, Any]) -> None:
    with pytest.warns(UserWarning, match=r"c, d not in the vocabulary .* read as UNK"):
        inputs, targets = lab["prepare"](["a", "d", "c", "EOS"], lab["token_to_id"])
    assert inputs.argmax(axis=-1).tolist() == [2, 0, 0]
    assert targets.tolist() == [0, 0, 1]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_series_with_a_hole_is_refused(lab: dict[str, Any], bad: float) -> None:
    series = np.arange(1.0, 40.0)
    series[[7, 9]] = bad
    with pytest.raises(ValueError, match="2 values that are NaN or infinite, the first at index 7"):
        lab["make_windows"](series, 12)


@pytest.mark.parametrize("look_back", [0, 30, 31])
def test_look_back_that_does_not_fit_is_refused(lab: dict[str, Any], look_back: int) -> None:
    with pytest.raises(ValueError, match=rf"look-back is {look_back} .* from 1 to 29"):
        lab["make_windows"](np.arange(1.0, 31.0), look_back)


@pytest.mark.parametrize("series", [np.ones((12, 3)), ["one", "two"], [[1.0], [2.0, 3.0]]])
def test_what_is_no_series_is_refused(lab: dict[str, Any], series: Any) -> None:
    with pytest.raises(TypeError, match="no vector of numbers, one value a month"):
        lab["make_windows"](series, 12)


@pytest.mark.parametrize("look_back", [2.0, "12", True])
def test_look_back_that_is_no_whole_number_is_refused(lab: dict[str, Any], look_back: Any) -> None:
    with pytest.raises(TypeError, match="expected a whole number of months"):
        lab["make_windows"](np.arange(1.0, 31.0), look_back)
