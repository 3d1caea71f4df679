"""What the page on scaling rests on: the queue beside calculations by hand, and its tables."""

import itertools
import math

import numpy as np
import pytest

from benchmarks import scaling
from benchmarks.queueing import before_a_deadline, cores_for, serve
from grading.errors import UserError

INPUTS = scaling.Inputs(
    seconds={"lab1_mlp": 10.0, "lab2_rnn_lstm": 20.0},
    runaway=120.0,
    megabytes=1.0,
    transactions={"SQLite": 1000.0, "PostgreSQL": 500.0},
)


def random() -> np.random.Generator:
    return np.random.default_rng(7)


# --- the queue ---------------------------------------------------------------------------------


def test_three_hand_ins_by_hand() -> None:
    came, seconds = np.array([0.0, 0.0, 1.0]), np.array([4.0, 2.0, 3.0])
    one, two = serve(came, seconds, cores=1), serve(came, seconds, cores=2)
    assert one.begun.tolist() == [0, 4, 6] and one.done.tolist() == [4, 6, 9]
    assert two.begun.tolist() == [0, 0, 2] and two.done.tolist() == [4, 2, 5]
    at = np.array([0.0, 1.0, 4.0, 6.0])
    assert one.waiting(at).tolist() == [1, 2, 1, 0]
    assert one.unfinished(at).tolist() == [2, 3, 2, 1]
    assert two.took.tolist() == [4, 2, 4]


@pytest.mark.parametrize(("count", "cores"), [(300, 2), (7, 3), (3, 8)])
def test_all_at_once_take_as_many_rounds_as_they_fill(count: int, cores: int) -> None:
    served = serve(np.zeros(count), np.full(count, 10.0), cores)
    assert served.done.max() == 10.0 * math.ceil(count / cores)


def poisson(rate: float, count: int, draw: np.random.Generator) -> np.ndarray:
    return np.cumsum(draw.exponential(1 / rate, count))


def test_one_core_waits_as_the_formula_of_pollaczek_and_khinchine_says() -> None:
    load, count = 0.5, 200_000
    served = serve(poisson(load, count, random()), np.ones(count), cores=1)
    expected = load / (2 * (1 - load))
    assert np.mean(served.begun - served.came) == pytest.approx(expected, rel=0.05)


def test_several_cores_wait_as_the_formula_of_erlang_says() -> None:
    draw, count, rate, cores = random(), 200_000, 2.4, 3
    served = serve(poisson(rate, count, draw), draw.exponential(1.0, count), cores)
    full = rate**cores / math.factorial(cores) * cores / (cores - rate)
    queued = full / (sum(rate**k / math.factorial(k) for k in range(cores)) + full)
    expected = queued / (cores - rate)
    assert np.mean(served.begun - served.came) == pytest.approx(expected, rel=0.1)


def test_hand_ins_gather_towards_the_deadline() -> None:
    came = before_a_deadline(100_000, window=3600.0, rise=900.0, draw=random())
    assert came.min() >= 0 and came.max() <= 3600 and (np.diff(came) >= 0).all()
    quarters, _ = np.histogram(came, bins=4, range=(0, 3600))
    for before, after in itertools.pairwise(quarters):
        assert after / before == pytest.approx(math.e, rel=0.05)


def test_the_fewest_cores_that_keep_a_promise() -> None:
    came, seconds = np.zeros(100), np.full(100, 10.0)
    assert cores_for(came, seconds, within=100.0, share=1.0) == 10
    assert cores_for(came, seconds, within=99.0, share=1.0) == 12  # 9 rounds
    assert cores_for(came, seconds, within=10.0, share=1.0) == 100
    assert cores_for(came, seconds, within=1000.0) == 1
    with pytest.raises(ValueError, match=r"cost more than 9\.9 s"):
        cores_for(came, seconds, within=9.9)


# --- the tables --------------------------------------------------------------------------------


def cells(lines: list[str]) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


@pytest.fixture(scope="module")
def tables() -> dict[str, list[str]]:
    return {name: list(lines) for name, lines in scaling.tables(INPUTS, 0.1).items()}


@pytest.mark.slow
def test_every_table_has_a_row_for_each_and_is_the_same_again(tables: dict[str, list[str]]) -> None:
    assert list(scaling.table_of_a_class(INPUTS)) == tables["class"]
    assert {name: len(lines) - 2 for name, lines in tables.items()} == {
        "class": 3,
        "promises": 3,
        "rest": 3,
    }
    for lines in tables.values():
        assert len({len(row) for row in cells(lines)}) == 1


@pytest.mark.slow
def test_work_and_its_price_are_what_a_hand_calculation_gives(tables: dict[str, list[str]]) -> None:
    *_, hours, paid, _ = cells(tables["promises"])[-1]
    work = 1_000_000 * (15 + 0.01 * 120) / 3600
    assert hours == f"{work:,.0f}" and paid == f"{work * 0.1:,.2f} €"


def test_a_stricter_promise_takes_more_cores() -> None:
    for load in (scaling.CLASS, scaling.FACULTY):
        found = [scaling.needed(INPUTS, load, minutes) for minutes in scaling.PROMISES]
        assert found == sorted(found, reverse=True) and found[0] > found[-1]


def test_the_busiest_minute_and_who_looks_at_the_queue() -> None:
    came = np.concatenate([np.arange(0.0, 600.0, 10.0), 600.0 + np.arange(30.0)])
    assert scaling.busiest(came) == pytest.approx(33 / 60)  # three came shortly before
    served = serve(np.zeros(20), np.full(20, 1000.0), cores=1)
    # 20 wait: those with up to 15 before them look every 15 s, the others more seldom
    assert scaling.looked(served) == pytest.approx(16 / 15 + 1 / 16 + 1 / 17 + 1 / 18 + 1 / 19)


def test_a_page_keeps_all_but_its_tables() -> None:
    page = "before\n<!-- one -->\nold\n<!-- end of one -->\nafter\n"
    assert scaling.filled_in(page, "one", iter(["| a |", "|---|"])) == (
        "before\n<!-- one -->\n\n| a |\n|---|\n\n<!-- end of one -->\nafter\n"
    )
    with pytest.raises(UserError, match="expected one <!-- two -->"):
        scaling.filled_in(page, "two", iter([]))


@pytest.mark.slow
def test_the_page_has_a_place_for_every_table(tables: dict[str, list[str]]) -> None:
    page = scaling.PAGE.read_text(encoding="utf-8")
    for name, lines in tables.items():
        assert "\n".join(lines) in scaling.filled_in(page, name, iter(lines))


def test_what_was_measured_is_there() -> None:
    inputs = scaling.read_inputs()
    assert inputs.seconds and min(inputs.seconds.values()) > 0
    assert inputs.megabytes > 0 and {"SQLite", "PostgreSQL"} <= inputs.transactions.keys()
