"""Lab 3: the usual mistakes in both halves, its numbers and bad input.

The example class of the demo (`tests.example_class`) adds mischief, through the command line. Each
member here names the checks that it must lose.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.lab_code import definitions
from tests import autoencoder_class
from tests.example_class import written_differently
from tests.graded_class import Graded, grade

LAB = "lab3_word2vec_autoencoder"
ROOT = Path(__file__).resolve().parents[2]

# several runs of the lab, on a machine that may be busy
pytestmark = [pytest.mark.kernels, pytest.mark.timeout(900)]

# --- wrong in the usual ways -------------------------------------------------------------------

SLIPS_OF_SAMPLING = {
    "noise_distribution": """\
def noise_distribution(counts, power=0.75):
    return counts.float() / counts.sum()
""",
    # each negative weighs 1, however many there are
    "negative_sampling": """\
def negative_sampling_loss(centres, contexts, negatives, k):
    real = (centres * contexts).sum(dim=1)
    made_up = centres @ negatives.T
    log_sigmoid = nn.functional.logsigmoid
    return -log_sigmoid(real).sum() - k / len(negatives) * log_sigmoid(-made_up).sum()


def negative_sampling_gradients(centres, contexts, negatives, k):
    real = torch.sigmoid((centres * contexts).sum(dim=1, keepdim=True)) - 1
    made_up = torch.sigmoid(centres @ negatives.T)
    return real * contexts + made_up @ negatives, real * centres, made_up.T @ centres
""",
    "count_pairs": """\
def count_pairs(pairs, vocabulary_size):
    cells = pairs[:, 1] * vocabulary_size + pairs[:, 0]
    counts = torch.bincount(cells, minlength=vocabulary_size**2)
    return counts.view(vocabulary_size, vocabulary_size).float()
""",
}

SLIPS_OF_COUNTING = {
    # the probabilities are not multiplied by how often the centre came
    "full_batch": """\
def full_batch(embedding, output, counts):
    log_p = (embedding @ output.T).log_softmax(dim=1)
    errors = (log_p.exp() - counts / counts.sum(dim=1, keepdim=True).clamp(min=1)) / len(counts)
    return -(counts * log_p).sum() / counts.sum(), errors @ output, errors.T @ embedding
""",
    "shifted_ppmi": """\
def shifted_ppmi(counts, noise, k):
    return (counts / (counts.sum(dim=1, keepdim=True) * noise)).log() - np.log(k)
""",
    "order_share": """\
def order_share(vectors, triples):
    word, near, far = (vectors[ids] for ids in triples.T)
    return float(((word * near).sum(axis=1) > (word * far).sum(axis=1)).mean())
""",
}

LOST_BY_SLIPS_OF_SAMPLING = {
    # such training still brings the right words together: the neighbours keep their mark
    "noise: probabilities",
    "negatives: gradients",
    "counts: table",
}
LOST_BY_SLIPS_OF_COUNTING = {"exact: gradients", "PPMI: matrix", "order: share"}


def class_of(solved: dict[str, str]) -> dict[str, dict[str, str]]:
    """Return what each member of the class handed in, by exercise.

    The two halves of the lab need nothing of each other, so one member errs in both.
    """
    half = {name: solved[name] for name in autoencoder_class.OTHERWISE}
    return {
        "otherwise": written_differently(solved),
        "half of a half": {name: half[name] for name in autoencoder_class.DONE_BY_PARTIAL},
        "mistaken": solved
        | SLIPS_OF_SAMPLING
        | SLIPS_OF_COUNTING
        | autoencoder_class.MIRROR_AND_SUMS
        | autoencoder_class.KL_SIGN_NO_NOISE,
        "mistaken in a half": half
        | autoencoder_class.VARIANCE_AS_SPREAD
        | autoencoder_class.LOG_VARIANCE_AS_SPREAD,
    }


LOST = {
    "otherwise": set(),
    "mistaken": LOST_BY_SLIPS_OF_SAMPLING
    | LOST_BY_SLIPS_OF_COUNTING
    | {*autoencoder_class.LOST_BY_MIRROR_AND_SUMS}
    | {*autoencoder_class.LOST_BY_KL_SIGN_NO_NOISE},
}
KEPT_OF_HALF = {label for labels in autoencoder_class.CHECKS.values() for label in labels}
LOST_OF_HALF = {
    "half of a half": KEPT_OF_HALF - autoencoder_class.KEPT_BY_PARTIAL,
    "mistaken in a half": {
        *autoencoder_class.LOST_BY_LOG_VARIANCE_AS_SPREAD,
        *autoencoder_class.LOST_BY_VARIANCE_AS_SPREAD,
    },
}


@pytest.fixture(scope="module")
def graded() -> Graded:
    return grade(LAB, class_of)


@pytest.mark.heavy
@pytest.mark.parametrize("member", LOST)
def test_member_loses_these_checks_and_no_other(graded: Graded, member: str) -> None:
    assert graded.lost(member) == LOST[member]


@pytest.mark.heavy
@pytest.mark.parametrize("member", LOST_OF_HALF)
def test_member_who_did_one_half_loses_the_other_and_these(graded: Graded, member: str) -> None:
    assert graded.lost(member) == {*graded.marks} - KEPT_OF_HALF | LOST_OF_HALF[member]


def more_threads(solved: dict[str, str]) -> dict[str, dict[str, str]]:
    """Return the complete submission, run with two threads instead of one."""
    return {"complete": solved | {"clean": "torch.set_num_threads(2)\n\n\n" + solved["clean"]}}


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


# --- the solution's own numbers ----------------------------------------------------------------


@pytest.fixture(scope="module")
def lab() -> dict[str, Any]:
    names = definitions(LAB)
    names["device"] = torch.device("cpu")
    return names


@pytest.fixture
def pairs() -> torch.Tensor:
    """Draw pairs of 30 words, the frequent ones first, with many repeated."""
    ids = np.random.default_rng(5).geometric(0.1, size=(6000, 2)).clip(max=30) - 1
    return torch.tensor(ids)


def test_loss_of_the_counts_is_the_loss_pair_by_pair(lab, pairs) -> None:
    torch.manual_seed(0)
    model = lab["SkipGram"](30, 8)
    loss = lab["full_batch"](
        model.embedding.weight, model.output.weight, lab["count_pairs"](pairs, 30)
    )[0]
    loader = lab["make_loader"](lab["PairsDataset"](pairs), 64)
    assert loss.item() == pytest.approx(lab["mean_loss"](model, loader), abs=1e-5)


def test_exact_gradients_are_those_of_autograd(lab, pairs) -> None:
    torch.manual_seed(0)
    model = lab["SkipGram"](30, 8)
    weights = [model.embedding.weight, model.output.weight]
    nn_loss = torch.nn.functional.cross_entropy(model(pairs[:, 0]), pairs[:, 1])
    expected = torch.autograd.grad(nn_loss, weights)
    _, *found = lab["full_batch"](*(w.detach() for w in weights), lab["count_pairs"](pairs, 30))
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-4)


def test_gradients_with_negatives_are_those_of_autograd(lab) -> None:
    torch.manual_seed(0)
    rows = [torch.randn(count, 6, requires_grad=True) for count in (9, 9, 20)]
    expected = torch.autograd.grad(lab["negative_sampling_loss"](*rows, 5), rows)
    found = lab["negative_sampling_gradients"](*(row.detach() for row in rows), 5)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


def test_negatives_with_room_reach_the_shifted_pmi(lab, pairs) -> None:
    """Levy and Goldberg (2014): with as many dimensions as words the scores are PMI - log k."""
    torch.manual_seed(0)
    counts = lab["count_pairs"](pairs, 30)
    sizes = {"dim": 30, "epochs": 60, "batch_size": 100, "shared": 30, "k": 2}
    model, _ = lab["train_negative"](pairs, pairs[:10], 30, learning_rate=0.05, **sizes)
    scores = model(torch.arange(30)).detach()
    noise = lab["noise_distribution"](counts.sum(dim=0))
    pmi = (counts / (counts.sum(dim=1, keepdim=True) * noise)).log() - np.log(2)
    often = counts >= 20
    assert (scores - pmi)[often].abs().mean() < 0.15


def test_softmax_with_room_reaches_the_log_counts(lab) -> None:
    """Its scores are PMI + log q, up to a constant in each row: not PMI."""
    torch.manual_seed(0)
    counts = torch.tensor(np.random.default_rng(3).integers(5, 50, size=(8, 8))).float()
    counts *= torch.arange(1.0, 9.0)  # frequent and rare columns
    model, _ = lab["train_exact"](counts, counts, dim=8, steps=600, learning_rate=0.05, every=600)
    scores = model(torch.arange(8)).detach()
    q = lab["noise_distribution"](counts.sum(dim=0), power=1)
    pmi = (counts / (counts.sum(dim=1, keepdim=True) * q)).log()
    assert (scores - counts.log()).std(dim=1).max() < 0.02
    assert (scores - pmi - q.log()).std(dim=1).max() < 0.02
    assert (scores - pmi).std(dim=1).min() > 0.3


def test_ppmi_is_finite_and_zero_where_nothing_was_counted(lab, pairs) -> None:
    counts = lab["count_pairs"](pairs, 31)  # the last word is in no pair
    noise = lab["noise_distribution"](counts.sum(dim=0))
    matrix = lab["shifted_ppmi"](counts, noise, 1)
    assert torch.isfinite(matrix).all() and (matrix >= 0).all()
    assert not matrix[counts == 0].any()
    assert matrix.any()


# --- bad input ---------------------------------------------------------------------------------


def test_words_without_a_vector_are_named(lab) -> None:
    vocabulary = {"father": 0, "happi": 1, "school": 2}
    assert lab["look_up"](["school", "father"], vocabulary) == [2, 0]
    with pytest.raises(
        ValueError, match=r"not in the vocabulary: happy, Dad; .* more than 10 times"
    ):
        lab["look_up"](["happy", "father", "Dad"], vocabulary)
