"""The same honest work earns the same marks: threads, load, seeds, order and restarts aside."""

import multiprocessing
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from grading.course.config import Course, Limits
from grading.engine.kernels.preload import mentioned
from grading.judging.assess import assess, prepare
from tests import mini
from tests.engines import Bench, bench
from tests.twins import in_every_language

pytestmark = pytest.mark.kernels

SEEDS = (1, 22, 333)
LAB_SOURCE = '''\
# %% role="given"
import numpy as np
import torch
from torch import nn

from utils.profile import run_seed

def draw(rng, size):
    """Return points of two rings and which ring each one is of."""
    ring = rng.integers(0, 2, size)
    angle = rng.uniform(0, 2 * np.pi, size)
    radius = 1.0 + ring + 0.15 * rng.normal(size=size)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1), ring

points, rings = draw(np.random.default_rng(run_seed()), 400)

# %% role="exercise" id="scale" title_es="Escala" title_en="Scale" difficulty=1 minutes=2
def standardised(x):
    """Return x with columns of mean 0 and standard deviation 1."""
    ### BEGIN SOLUTION
    return (x - x.mean(axis=0)) / x.std(axis=0)
    ### END SOLUTION

# %% role="check" id="check-scale" points=3
tick.array("standardised", lambda: standardised(points), marks=3)

# %% role="exercise" id="train" title_es="Entrena" title_en="Train" difficulty=2 minutes=5
def trained(x, y):
    """Return a network that tells the rings apart."""
    ### BEGIN SOLUTION
    net = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 2))
    optimizer = torch.optim.Adam(net.parameters(), lr=0.05)
    for _ in range(100):
        loss = nn.functional.cross_entropy(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return net
    ### END SOLUTION

# %% role="given"
net = trained(torch.tensor(points, dtype=torch.float32), torch.tensor(rings))

# %% role="check" id="check-train" points=7
tick.predictions(
    "ring of unseen points",
    lambda x: net(torch.tensor(x, dtype=torch.float32)).argmax(dim=1).numpy(),
    hidden=lambda rng: draw(rng, 300),
    metric="accuracy",
    baseline=("one ring", lambda x: np.zeros(len(x), dtype=int)),
    marks=7,
)
'''

# The same answers, thought out anew.
STANDARDISED = """\
def standardised(x):
    return np.array([(column - np.mean(column)) / np.sqrt(np.var(column)) for column in x.T]).T
"""
TRAINED = """\
torch.set_num_threads({threads})

def trained(x, y):
    torch.manual_seed({seed})
    net = nn.Sequential(nn.Linear(2, 64), nn.ReLU(), nn.Linear(64, 2))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.3, momentum=0.9)
    for _ in range(150):
        for chosen in torch.randperm(len(x)).split(100):
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(x[chosen]), y[chosen]).backward()
            optimizer.step()
    return net
"""


def honest(threads: int, seed: int = 0) -> dict[str, str]:
    return {"scale": STANDARDISED, "train": TRAINED.format(threads=threads, seed=seed)}


WRONG = {"scale": "def standardised(x):\n    return x", "train": "import os\nos._exit(1)"}


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    root = tmp_path_factory.mktemp("fairness")
    made = mini.make_course(root)
    (root / "notebooks" / "source" / f"{mini.LAB}.py").write_text(
        in_every_language(LAB_SOURCE), encoding="utf-8"
    )
    return made


@pytest.fixture(scope="module")
def first() -> Iterator[Bench]:
    """The engine of all that no restart is looked for in."""
    with engine() as opened:
        yield opened


def engine() -> AbstractContextManager[Bench]:
    return bench(Limits(), mentioned([LAB_SOURCE]))


def marks(of: Bench, course: Course, seed: int | None, *submissions: dict[str, str]) -> list[float]:
    """Return the marks of submissions that an engine grades one after the other."""

    async def run() -> list[float]:
        terms = await prepare(of.engine, mini.solution(course), "quick", seed)
        found = []
        for answers in submissions:
            notebook = mini.answered(course, answers)
            done = await assess(of.engine, terms, mini.blank(course), notebook)
            found.append(done.judgement.score)
        return found

    return list(of.wait_for(run()))


@contextmanager
def load(processes: int) -> Iterator[None]:
    """Keep processors busy."""
    started = [multiprocessing.Process(target=_burn, daemon=True) for _ in range(processes)]
    for process in started:
        process.start()
    try:
        yield
    finally:
        for process in started:
            process.kill()
            process.join()


def _burn() -> None:
    while True:
        sum(range(10_000))


@pytest.mark.parametrize(
    "seed",
    [SEEDS[0], *(pytest.param(seed, marks=pytest.mark.heavy) for seed in (None, *SEEDS[1:]))],
)
def test_threads_seeds_and_the_submissions_own_seed_move_no_mark(
    first: Bench, course: Course, seed: int | None
) -> None:
    again = [honest(threads, own) for threads in (1, 2) for own in (0, 7)]
    assert marks(first, course, seed, *again) == [10.0] * 4


def test_order_and_neighbours_move_no_mark(first: Bench, course: Course) -> None:
    half = honest(1) | {"scale": WRONG["scale"]}
    assert marks(first, course, 5, honest(1), half, WRONG, {}) == [10.0, 7.0, 0.0, 0.0]
    assert marks(first, course, 5, {}, WRONG, half, honest(1)) == [0.0, 0.0, 7.0, 10.0]


@pytest.mark.heavy
def test_a_busy_machine_and_a_restart_move_no_mark(course: Course) -> None:
    with load(4), engine() as busy:
        assert marks(busy, course, None, honest(2), honest(1)) == [10.0, 10.0]
    with engine() as restarted:
        assert marks(restarted, course, None, honest(2), honest(1)) == [10.0, 10.0]
