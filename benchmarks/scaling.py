"""``make scaling``: what a class, a faculty and a MOOC need, simulated from measured costs.

Reads the seconds of each lab (``notebooks/source/costs.json``), what ``python -m benchmarks
handins`` measured and the limits of ``course.toml``; fills the tables of ``docs/scaling.md`` and
draws its picture. The draws are seeded: the same inputs give the same tables.
"""

import argparse
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np

from benchmarks.__main__ import RESULTS
from benchmarks.queueing import Served, Times, before_a_deadline, cores_for, serve
from grading.authoring.costs import read_costs
from grading.course.config import load_course
from grading.errors import UserError
from grading.files import write_atomically
from grading.session.uploading import WATCHED, last_pause

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "scaling.md"
PICTURE = ROOT / "docs" / "pictures" / "scaling.png"

# What nobody measured; the page says so of each.
PRICE = 0.05  # euros of a core-hour, rented
RUNAWAYS = 0.01  # share of hand-ins with a cell that runs until its limit
TRANSACTIONS = 5  # of a hand-in: received, leased, renewed, its marks, its place in the gradebook
COPIES = 3  # of a hand-in: as it came, as it ran, and its page
MACHINE = 16  # cores
WEEKS = 15  # of a term
HOUR, WEEK = 3600.0, 7 * 24 * 3600.0
RISE = 900.0  # seconds in which hand-ins become e times as many, towards the deadline
PROMISES = (5, 15, 60)  # minutes within which 95 % shall have their marks


@dataclass(frozen=True)
class Inputs:
    """What was measured.

    Attributes
    ----------
    seconds : dict
        Of processor time that a hand-in costs, by lab.
    runaway : float
        Seconds of a cell that does not end.
    megabytes : float
        Of a complete hand-in.
    transactions : dict
        A second, by database.
    """

    seconds: dict[str, float]
    runaway: float
    megabytes: float
    transactions: dict[str, float]


@dataclass(frozen=True)
class Load:
    """Hand-ins before one deadline: ``count`` in its last ``window`` seconds, of so many a week."""

    name: str
    count: int
    a_week: int
    window: float = HOUR
    rise: float = RISE


CLASS = Load("a class of 300", 300, 300)
FACULTY = Load("a faculty of 5,000", 5_000, 5_000)
MOOC = Load("a MOOC of a million hand-ins a week", 50_000, 1_000_000)


def read_inputs() -> Inputs:
    """Return what was measured.

    Raises
    ------
    UserError
        If something was not measured yet.
    """
    costs = read_costs(ROOT / "notebooks" / "source" / "costs.json")
    lines = json.loads(RESULTS.read_text(encoding="utf-8")).get("handins", {}).get("lines", [])
    found = {line["what"]: line["value"] for line in lines}
    sizes = [value for what, value in found.items() if what.startswith("a complete hand-in")]
    rates = {what.split()[-1]: v for what, v in found.items() if what.startswith("transactions")}
    if not (costs and sizes and rates):
        raise UserError("nothing measured to scale from; run `python -m benchmarks handins` first")
    return Inputs(
        seconds={lab: sum(cells.values()) for lab, cells in costs.items()},
        runaway=load_course(ROOT).limits.cell_seconds,
        megabytes=sizes[0],
        transactions=rates,
    )


def draw(load: Load, costs: Sequence[float], runaway: float) -> tuple[Times, Times]:
    """Draw when hand-ins come and what each costs, of labs that are handed in equally often."""
    random = np.random.default_rng(0)
    came = before_a_deadline(load.count, load.window, load.rise, random)
    seconds = random.choice(np.array(costs), load.count)
    stuck = random.random(load.count) < RUNAWAYS
    return came, np.where(stuck, seconds + runaway, seconds)


# --- the tables --------------------------------------------------------------------------------


def table_of_a_class(inputs: Inputs) -> Iterator[str]:
    """Yield what two cores make of a class's deadline, lab by lab."""
    yield "| lab | s each | most that wait | 95 % have marks in | all, after the deadline |"
    yield "|---|---|---|---|---|"
    at_once = Load("", CLASS.count, CLASS.a_week, window=600.0)
    rows = [(lab, CLASS) for lab in inputs.seconds] + [("lab1_mlp, all in ten minutes", at_once)]
    for name, load in rows:
        cost = inputs.seconds[name.partition(",")[0]]
        served = serve(*draw(load, [cost], inputs.runaway), cores=2)
        late = served.done.max() - load.window
        yield (
            f"| {name} | {cost:.1f} | {most(served)} | {_minutes(np.quantile(served.took, 0.95))} "
            f"| {_minutes(late)} |"
        )


def table_of_promises(inputs: Inputs, price: float) -> Iterator[str]:
    """Yield the cores that keep a promise, and what they cost."""
    yield (
        "| who | hand-ins in the last hour | "
        + " | ".join(f"cores for {minutes} min" for minutes in PROMISES)
        + " | core-hours a week | paid by use | kept all week |"
    )
    yield "|---|---|" + "---|" * len(PROMISES) + "---|---|---|"
    for load in (CLASS, FACULTY, MOOC):
        cores = [needed(inputs, load, minutes) for minutes in PROMISES]
        hours = load.a_week * mean_cost(inputs) / HOUR
        kept = max(cores[-1], hours / (WEEK / HOUR)) * WEEK / HOUR * price
        yield (
            f"| {load.name} | {load.count:,} | "
            + " | ".join(f"{count:,} ({-(-count // MACHINE):,})" for count in cores)
            + f" | {hours:,.0f} | {hours * price:,.2f} € | {kept:,.0f} € |"
        )


def table_of_the_rest(inputs: Inputs) -> Iterator[str]:
    """Yield what else is asked for in the busiest minute, and what is kept."""
    databases = [f"of {name}'s {rate:,.0f}" for name, rate in inputs.transactions.items()]
    yield (
        "| who | hand-ins a second | transactions a second | "
        + " | ".join(databases)
        + " | MB a second | looks at the queue a second | GB a week | GB a term |"
    )
    yield "|---|---|---|" + "---|" * len(databases) + "---|---|---|---|"
    for load in (CLASS, FACULTY, MOOC):
        came, seconds = draw(load, list(inputs.seconds.values()), inputs.runaway)
        rate = busiest(came)
        commits = rate * TRANSACTIONS
        shares = [f"{commits / known:.1%}" for known in inputs.transactions.values()]
        looks = looked(serve(came, seconds, needed(inputs, load, PROMISES[-1])))
        kept = load.a_week * COPIES * inputs.megabytes / 1000
        yield (
            f"| {load.name} | {rate:.1f} | {commits:.1f} | "
            + " | ".join(shares)
            + f" | {rate * inputs.megabytes:.1f} | {looks:.1f} | {kept:,.1f} "
            + f"| {kept * WEEKS:,.0f} |"
        )


def needed(inputs: Inputs, load: Load, minutes: float) -> int:
    """Return the cores with which 95 % have their marks within so many minutes."""
    return cores_for(*draw(load, list(inputs.seconds.values()), inputs.runaway), 60 * minutes)


def mean_cost(inputs: Inputs) -> float:
    """Return the seconds of a hand-in, over the labs, with those that do not end."""
    return float(np.mean(list(inputs.seconds.values()))) + RUNAWAYS * inputs.runaway


def most(served: Served) -> int:
    """Return how many wait when most do; that is when one has just come."""
    return int(served.waiting(served.came).max())


def busiest(came: Times) -> float:
    """Return how many come a second in the busiest minute."""
    return float((np.searchsorted(came, came + 60.0) - np.arange(len(came))).max()) / 60.0


def looked(served: Served) -> float:
    """Return how often a second sessions look at the queue when most do; each leaves in the end."""
    came = served.came
    came_since = np.arange(1, len(came) + 1) - np.searchsorted(came, came - WATCHED)
    unfinished = served.unfinished(came)
    most_seen = int(np.argmax(np.minimum(unfinished, came_since)))
    last = int(unfinished[most_seen])
    first = max(last - int(came_since[most_seen]), 0)
    return sum(1 / last_pause(place) for place in range(first, last))


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.1f} min"


# --- the picture and the page ------------------------------------------------------------------


def picture(inputs: Inputs, path: Path) -> None:
    """Draw how many wait, before and after the deadline."""
    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(1, 3, figsize=(11, 3.4), dpi=90, layout="constrained")
    for panel, load in zip(panels, (CLASS, FACULTY, MOOC), strict=True):
        came, seconds = draw(load, list(inputs.seconds.values()), inputs.runaway)
        counts = {needed(inputs, load, minutes) for minutes in PROMISES}
        at = np.arange(0.0, load.window + 1.5 * HOUR, 10.0)
        for cores in sorted(counts):
            waiting = serve(came, seconds, cores).waiting(at)
            panel.plot((at - load.window) / 60, waiting, label=f"{cores:,}")
        panel.axvline(0, color="0.6", linestyle=":")
        panel.set_title(load.name, fontsize="medium")
        panel.set_xlabel("minutes after the deadline")
        panel.set_ylim(bottom=0)
        panel.legend(title="cores", fontsize="small")
    panels[0].set_ylabel("hand-ins that wait")
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path)
    pyplot.close(figure)


def filled_in(page: str, name: str, lines: Iterator[str]) -> str:
    """Return a page with lines in place of those between the marks of this name.

    Raises
    ------
    UserError
        If it has no such marks.
    """
    begin, end = f"<!-- {name} -->\n", f"\n<!-- end of {name} -->"
    text, found = re.subn(
        re.escape(begin) + r".*?" + re.escape(end),
        lambda _: begin + "\n" + "\n".join(lines) + "\n" + end,
        page,
        flags=re.DOTALL,
    )
    if found != 1:
        raise UserError(f"docs/scaling.md: expected one {begin.strip()} and its end, found {found}")
    return text


def tables(inputs: Inputs, price: float) -> dict[str, Iterator[str]]:
    """Return the page's tables by name."""
    return {
        "class": table_of_a_class(inputs),
        "promises": table_of_promises(inputs, price),
        "rest": table_of_the_rest(inputs),
    }


def main() -> None:
    """Fill in the page and draw its picture."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling")
    parser.add_argument("--price", type=float, default=PRICE, help="euros of a core-hour")
    price = parser.parse_args().price
    inputs = read_inputs()
    page = PAGE.read_text(encoding="utf-8")
    for name, lines in tables(inputs, price).items():
        page = filled_in(page, name, lines)
    write_atomically(PAGE, page.encode())
    picture(inputs, PICTURE)
    print(page)


if __name__ == "__main__":
    main()
