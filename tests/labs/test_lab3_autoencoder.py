"""The autoencoder half of lab 3: an example class graded on it, and bad input.

Solutions are read from the source; only what is wrong, or right but written otherwise, stands
here. Each member does this half alone, names the checks that it must lose, and keeps the others.
"""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.lab_code import definitions
from grading.authoring import Lab, checks, instructor_notebook, questions, student_notebook
from grading.authoring.building import load_keys, marks_against_keys, read_lab
from grading.course.config import load_course
from grading.engine.runner import Engine
from grading.judging.assess import Assessment, Terms, assess, prepare
from grading.session.keyfile import KeyFile
from tests.autoencoder_class import CHECKS, OTHERWISE
from tests.example_class import filled, solutions
from utils.profile import DEFAULT_SEED, PROFILES

LAB = "lab3_word2vec_autoencoder"
ROOT = Path(__file__).resolve().parents[2]
FIRST, LAST = "autoencoder_check", "sequences_check"  # check cells of this half
QUESTIONS = ("what_bottleneck_forces", "why_vae_blurs", "anomalies")
MARKS = 36

pytestmark = pytest.mark.timeout(900)  # several runs of the lab, on a machine that may be busy

# --- wrong in the usual ways -------------------------------------------------------------------

MIRROR_AND_SUMS = {
    "autoencoder": """\
class Autoencoder(nn.Module):
    def __init__(self, n_inputs, hidden, latent):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Linear(n_inputs, hidden), nn.ReLU(), nn.Linear(hidden, n_inputs)
        )
        self.decoder = nn.Sequential(
            nn.Linear(n_inputs, hidden), nn.ReLU(), nn.Linear(hidden, n_inputs), nn.Sigmoid()
        )

    def forward(self, images):
        return self.decoder(self.encoder(images))
""",
    "reconstruction_errors": """\
def reconstruction_errors(outputs, images):
    return (outputs - images).square().sum(dim=1)
""",
    "vae_loss": """\
def vae_loss(outputs, images, beta):
    logits, mean, log_variance = outputs
    cross_entropy = nn.functional.binary_cross_entropy_with_logits(logits, images)
    return cross_entropy + beta * kl_divergence(mean, log_variance).mean()
""",
}

LOST_BY_MIRROR_AND_SUMS = {
    "autoencoder: shapes and parameters": "the code is as wide as the image",
    "autoencoder: new images through the bottleneck": "so there is none",
    "reconstruction errors: values": "a sum, not a mean",
    "VAE loss: rebuilding": "a mean over the pixels, not a sum",
    "VAE: new images through their clouds": "so the price weighs too much: every code collapses",
}

KL_SIGN_NO_NOISE = {
    "reparameterise": """\
def reparameterise(mean, log_variance):
    return mean + 0 * log_variance
""",
    "kl_divergence": """\
def kl_divergence(mean, log_variance):
    return 0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum(dim=1)
""",
}

LOST_BY_KL_SIGN_NO_NOISE = {
    "reparameterise: mean and spread": "there is no spread",
    "reparameterise: gradients": "the variance gets none",
    "reparameterise: noise of its own for each number": "there is no noise",
    "KL: values": "the wrong sign",
    "KL: nothing to pay, and tiny clouds": "here too",
    "VAE loss: the price": "it is a reward",
    "VAE: new images through their clouds": "the training runs away, or learns clouds of any size",
}

LOG_VARIANCE_AS_SPREAD = {
    "reparameterise": """\
def reparameterise(mean, log_variance):
    return mean + log_variance * torch.randn_like(mean)
""",
    "repair": """\
MASKED = 0.5


def repair(model, images):
    spoilt = corrupt(images, MASKED)
    return model(spoilt), spoilt
""",
    "roc_auc": """\
def roc_auc(normal, anomalous):
    return float((anomalous[:, None] > normal).mean())
""",
}

LOST_BY_LOG_VARIANCE_AS_SPREAD = {
    "reparameterise: mean and spread": "a logarithm is no standard deviation",
    "reparameterise: gradients": "nor is its derivative",
    "VAE: new images through their clouds": "it learns a noise of 0, and clouds that say otherwise",
    "repair: inputs and target": "the target is the spoilt image",
    "denoiser: new spoilt images": "so it learns to rebuild the damage",
    "AUC: ties": "they count for nothing",
}

VARIANCE_AS_SPREAD = {
    "reparameterise": """\
def reparameterise(mean, log_variance):
    return mean + log_variance.exp() * torch.randn_like(mean)
""",
    "pca": """\
def pca(rows, k):
    _, _, directions = np.linalg.svd(rows, full_matrices=False)
    return rows.mean(axis=0), directions[:k]
""",
    "linear_loss": """\
def linear_loss(encoder, decoder, covariance):
    shared = covariance @ encoder
    return covariance.trace() - (decoder.T * shared).sum()
""",
    "corrupt": """\
def corrupt(images, share):
    images *= torch.rand_like(images) >= share
    return images
""",
    "sequences": """\
class Seq2Seq(nn.Module):
    def __init__(self, symbols, hidden):
        super().__init__()
        self.start = symbols
        self.embedding = nn.Embedding(symbols + 1, 16)
        self.encoder = nn.GRU(16, hidden, batch_first=True)
        self.decoder = nn.GRU(16, hidden, batch_first=True)
        self.output = nn.Linear(hidden, symbols)

    def forward(self, source, target):
        _, code = self.encoder(self.embedding(source))
        outputs, _ = self.decoder(self.embedding(target), code)
        return self.output(outputs)

    @torch.no_grad()
    def write(self, source):
        _, state = self.encoder(self.embedding(source))
        symbol = torch.full_like(source[:, :1], self.start)
        answer = []
        for _ in range(source.shape[1]):
            outputs, state = self.decoder(self.embedding(symbol), state)
            symbol = self.output(outputs).argmax(dim=-1)
            answer.append(symbol)
        return torch.cat(answer, dim=1)
""",
}

LOST_BY_VARIANCE_AS_SPREAD = {
    "reparameterise: mean and spread": "a variance is no standard deviation",
    "reparameterise: gradients": "nor is its derivative",
    "PCA: mean and subspace": "the data are not centred",
    "PCA: variance of each component": "here too",
    "linear loss: values": "the square is missing",
    "linear autoencoder: the subspace": "and the loss has no minimum",
    "corrupt: how many pixels": "the images are spoilt twice",
    "corrupt: new noise, same images": "in place",
    "repair: inputs and target": "so the target is spoilt, too",
    "denoiser: new spoilt images": "and the training images stay so",
    "sequences: logits": "the decoder sees the symbol that it has to write",
    "sequences: new ones reversed": "and copies it in training",
}

DONE_BY_PARTIAL = ("autoencoder", "reconstruction_errors", "pca", "kl_divergence", "roc_auc")

# --- the class ---------------------------------------------------------------------------------


def own_checks(lab: Lab) -> dict[str, float]:
    """Return the points of the check cells of this half, in order."""
    points = checks(lab)
    names = list(points)
    return {name: points[name] for name in names[names.index(FIRST) : names.index(LAST) + 1]}


@dataclass(frozen=True)
class Graded:
    """The lab's terms and keys, the check cells of this half, and what came of each member."""

    terms: Terms
    keys: KeyFile | None
    cells: dict[str, float]
    assessments: dict[str, Assessment]

    def lost(self, member: str) -> set[str]:
        """Labels of this half's checks without their marks; a check has all of them or none."""
        results = self.assessments[member].judgement.results
        results = tuple(result for result in results if result.cell in self.cells)
        assert sum(result.max for result in results) == MARKS
        assert all(result.marks in (0, result.max) for result in results)
        return {result.label for result in results if not result.marks}

    def labels(self) -> list[str]:
        """Labels of this half's checks, in order."""
        return [item.label for cell, item in self.terms.evidence if cell in self.cells]


@pytest.fixture(scope="module")
def graded() -> Graded:
    course = load_course(ROOT)
    lab = read_lab(course, LAB)
    instructor = instructor_notebook(lab, course.language, course)
    release = student_notebook(lab, course.language, course)
    solved = solutions(instructor)
    solved = {name: solved[name] for name in OTHERWISE}  # this half
    members = {
        "complete": solved,
        "otherwise": OTHERWISE,
        "partial": {name: solved[name] for name in DONE_BY_PARTIAL},
        "mirror_and_sums": solved | MIRROR_AND_SUMS,
        "kl_sign_no_noise": solved | KL_SIGN_NO_NOISE,
        "log_variance_as_spread": solved | LOG_VARIANCE_AS_SPREAD,
        "variance_as_spread": solved | VARIANCE_AS_SPREAD,
    }

    async def run() -> tuple[Terms, dict[str, Assessment]]:
        async with Engine(course.limits, sandbox=False) as engine:
            terms = await prepare(engine, instructor, "quick", seed=DEFAULT_SEED)
            found = {
                name: await assess(engine, terms, release, filled(release, cells))
                for name, cells in members.items()
            }
        return terms, found

    terms, assessments = asyncio.run(run())
    return Graded(terms, load_keys(course, LAB), own_checks(lab), assessments)


def test_half_is_worth_45_marks_questions_included() -> None:
    lab = read_lab(load_course(ROOT), LAB)
    assert sum(own_checks(lab).values()) == MARKS
    assert [questions(lab)[name] for name in QUESTIONS] == [3, 3, 3]


def test_checks_are_those_that_the_example_class_expects(graded: Graded) -> None:
    assert graded.labels() == [label for group in CHECKS.values() for label in group]


def test_solution_earns_full_marks_with_the_committed_keys(graded: Graded) -> None:
    assert graded.keys is not None, f"run `python -m grading build {LAB}`"
    assert set(graded.keys.profiles) == set(PROFILES)
    outcomes = [
        outcome
        for outcome in marks_against_keys(graded.terms, graded.keys)
        if outcome.label in graded.labels()
    ]
    assert [outcome.label for outcome in outcomes if outcome.earned != outcome.marks] == []
    assert sum(outcome.earned for outcome in outcomes) == MARKS


@pytest.mark.parametrize("member", ["complete", "otherwise"])
def test_right_work_earns_every_mark(graded: Graded, member: str) -> None:
    assert graded.lost(member) == set()


def test_partial_submission_earns_what_is_done(graded: Graded) -> None:
    kept = {label for exercise in DONE_BY_PARTIAL for label in CHECKS[exercise]}
    assert graded.lost("partial") == set(graded.labels()) - kept


@pytest.mark.parametrize(
    ("member", "lost"),
    [
        ("mirror_and_sums", LOST_BY_MIRROR_AND_SUMS),
        ("kl_sign_no_noise", LOST_BY_KL_SIGN_NO_NOISE),
        ("log_variance_as_spread", LOST_BY_LOG_VARIANCE_AS_SPREAD),
        ("variance_as_spread", LOST_BY_VARIANCE_AS_SPREAD),
    ],
)
def test_each_mistake_costs_its_own_checks(
    graded: Graded, member: str, lost: dict[str, str]
) -> None:
    assert graded.lost(member) == set(lost)


# --- bad input ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def half() -> dict[str, Any]:
    names = definitions(LAB)
    names.update(height=8, width=6)
    return names


def test_images_become_rows_from_0_to_1(half: dict[str, Any]) -> None:
    images = np.arange(2 * 8 * 6, dtype=np.uint8).reshape(2, 8, 6)
    rows = half["to_rows"](images)
    torch.testing.assert_close(rows, torch.arange(96.0).reshape(2, 48) / 255)
    torch.testing.assert_close(half["to_rows"](images / 255), rows)


@pytest.mark.parametrize("shape", [(8, 6, 5), (5, 8, 6, 1), (5, 3, 8, 6), (5, 48), (5, 6, 8)])
def test_images_in_another_order_are_refused_in_one_line(
    half: dict[str, Any], shape: tuple[int, ...]
) -> None:
    with pytest.raises(ValueError, match=r"expected \(N, 8, 6\), one grey image") as caught:
        half["to_rows"](np.zeros(shape))
    assert str(shape) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("images", "found"),
    [
        (np.full((2, 8, 6), 1.5), "from 1.5 to 1.5"),
        (np.full((2, 8, 6), -0.4), "from -0.4 to -0.4"),
        (np.full((2, 8, 6), 256), "from 256 to 256"),
        (np.full((2, 8, 6), np.nan), "from nan to nan"),
    ],
)
def test_pixels_out_of_range_are_refused_in_one_line(
    half: dict[str, Any], images: np.ndarray, found: str
) -> None:
    with pytest.raises(ValueError, match=found) as caught:
        half["to_rows"](images)
    assert "undo any normalisation" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("latent", [-1, 0, 48, 60])
@pytest.mark.parametrize("model", ["Autoencoder", "VAE"])
def test_code_without_a_bottleneck_is_refused(
    half: dict[str, Any], model: str, latent: int
) -> None:
    with pytest.raises(ValueError, match=f"the code has {latent} numbers; expected 1 to 47"):
        half[model](48, 10, latent)
