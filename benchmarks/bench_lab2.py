"""Lab 2's reference: what batching buys, what its models reach, and how long the lab takes.

Run it: ``python -m benchmarks.bench_lab2``. The airline's passengers come from the network or
from ``DL_DATA_MIRROR``.
"""

import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.courses import timed
from benchmarks.lab_code import definitions
from benchmarks.line import Line

LAB = "lab2_rnn_lstm"
ROOT = Path(__file__).resolve().parent.parent
SEEDS = (1, 2, 3)


def run() -> list[Line]:
    """Measure in the full profile, and the whole lab in both."""
    os.environ["LAB_PROFILE"] = "full"
    torch.set_num_threads(1)
    return [_batching(), _held_out(), *_forecast(), _lab("full", 60), _lab("quick", 45)]


def _solution(seed: int) -> dict[str, Any]:
    """Return the solution's functions and the sequences that the lab draws from a seed."""
    os.environ["DL_RUN_SEED"] = str(seed)
    lab = definitions(LAB)
    sequences = lab["anbn"](np.random.default_rng(seed), count=320, max_n=lab["MAX_N"])
    lab["token_to_id"], lab["id_to_token"] = lab["build_dictionaries"](sequences)
    lab["VOCABULARY"] = len(lab["token_to_id"])
    parts = lab["split"](sequences, np.random.default_rng(seed))
    lab["train_set"], lab["validation_set"], lab["test_set"] = parts
    return lab


def _batching() -> Line:
    """Compare an epoch one sequence at a time with a batched one, from the same start."""
    lab = _solution(SEEDS[0])
    lab["race"](epochs=1)  # the first epoch pays for what NumPy prepares once
    (loop, loop_losses), (batched, losses) = lab["race"](epochs=5)
    apart = float(np.abs(np.subtract(loop_losses, losses)).max())
    return Line(
        what=f"batched RNN, an epoch of 256 sequences (losses differ by {apart:.0e})",
        value=1000 * batched,
        unit="ms",
        baseline_name="one sequence at a time",
        baseline=1000 * loop,
        ratio=loop / batched,
        target="ratio >= 10, losses within 1e-6",
        met=loop / batched >= 10 and apart <= 1e-6,
    )


def _held_out() -> Line:
    """Measure the trained RNN where the test sequences determine the next token."""
    shares, always_b = [], []
    for seed in SEEDS:
        lab = _solution(seed)
        batches, validation = (
            [[lab["prepare"](tokens, lab["token_to_id"]) for tokens in group] for group in groups]
            for groups in (lab["in_batches"](lab["train_set"], 16), [lab["validation_set"]])
        )
        start = lab["new_rnn"](lab["HIDDEN"], lab["VOCABULARY"], np.random.default_rng(seed))
        params, _ = lab["train"](
            start, batches, validation[0], lab["loop_gradients"], lab["descend"], epochs=40
        )
        right, by_rule = [], []
        for tokens in lab["test_set"]:
            inputs, targets = lab["prepare"](tokens, lab["token_to_id"])
            determined = np.array(tokens[:-1]) == "b"
            predicted = lab["forward"](params, inputs)[1].argmax(axis=-1)
            right += (predicted == targets)[determined].tolist()
            by_rule += (targets == lab["token_to_id"]["b"])[determined].tolist()
        shares.append(float(np.mean(right)))
        always_b.append(float(np.mean(by_rule)))
    return Line(
        what=f"RNN, determined positions of held-out sequences (worst of {len(SEEDS)} seeds)",
        value=100 * min(shares),
        unit="% right",
        baseline_name="always b",
        baseline=100 * sum(always_b) / len(SEEDS),
        ratio=min(shares) * len(SEEDS) / sum(always_b),
        target=">= 95 %",
        met=min(shares) >= 0.95,
    )


def _forecast() -> list[Line]:
    """Forecast the last 20 % of the airline's passengers from the months before."""
    lab = definitions(LAB)
    lab["MEMBERS"], lab["SETTINGS"] = 5, {"steps": 200, "lr": 0.01, "noise": 0.4}
    series = lab["airline"]()["passengers"].to_numpy(dtype=float)
    known = len(series) * 8 // 10
    history, future = series[:known], series[known:]
    started = time.perf_counter()
    forecast = lab["forecast"](history, len(future))
    seconds = time.perf_counter() - started
    ours = lab["rmse"](forecast, future)
    naive = lab["rmse"](lab["seasonal_naive"](history, len(future)), future)
    return [
        Line(
            what=f"airline, RMSE of the last {len(future)} months, forecast blind",
            value=float(ours),
            unit="thousand passengers",
            baseline_name="the same as a year ago",
            baseline=float(naive),
            ratio=float(naive / ours),
            target="< 25",
            met=bool(ours < 25),
        ),
        Line(
            what="airline, training and forecast",
            value=seconds,
            unit="s",
            target="< 20 s",
            met=seconds < 20,
        ),
    ]


def _lab(profile: str, limit: float) -> Line:
    """Run the whole solution as the grader does."""
    command = [sys.executable, "-m", "grading", "run", LAB, "--profile", profile]
    took = timed(command, ROOT)
    return Line(
        what=f"whole lab, {profile} profile ({took.cpu:.0f} s of CPU time)",
        value=took.wall,
        unit="s",
        target=f"<= {limit:.0f} s",
        met=took.wall <= limit,
    )


if __name__ == "__main__":
    for line in run():
        beside = f", {line.baseline_name}: {line.baseline:.4g}" if line.baseline else ""
        ratio = f", ratio {line.ratio:.2f}" if line.ratio else ""
        verdict = "met" if line.met else "missed"
        print(
            f"{line.what}: {line.value:.4g} {line.unit}{beside}{ratio} ({line.target}: {verdict})"
        )
