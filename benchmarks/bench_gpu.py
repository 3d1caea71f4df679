"""Lab 4's Transformer on a CUDA GPU, beside the textbook on the same card.

Run it: ``python -m benchmarks gpu``, or ``make test-gpu``. Multi30k comes from the network or from
``DL_DATA_MIRROR``.
"""

import os
import tempfile
import time
from collections.abc import Iterable
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import nn

from benchmarks.lab4.textbook import Textbook, batches, word_data
from benchmarks.lab_code import definitions
from benchmarks.line import Line
from data.loaders import multi30k
from utils.device import pick_device
from utils.precision import DTYPES, Precision
from utils.text import PAD

LAB = "lab4_seq2seq_attention"
EPOCHS = 3  # of which the last counts: by then every step is recorded
STEPS = 100  # of the textbook, after ten that pay for caches
PRECISIONS: tuple[Precision, ...] = ("fp32", "bf16", "fp16")


def run() -> list[Line]:
    """Measure sentences a second, and the quality of ten epochs."""
    if not torch.cuda.is_available():
        return [Line.skipped("lab 4 on a GPU", "there is no CUDA device here")]
    os.environ["LAB_PROFILE"] = "full"
    lab = definitions(LAB)
    lab["device"] = pick_device()
    card = torch.cuda.get_device_name()
    config = lab["full_config"]()
    pairs, validation, test = (multi30k(split) for split in ("train", "val", "test_2016_flickr"))
    subwords = lab["learn_pieces"](pairs, config.vocabulary)
    rates = {name: _textbook(pairs, config, name, lab["device"]) for name in ("fp32", "bf16")}
    baseline = rates["fp32"]
    lines = [
        Line(f"{card}: the textbook in bf16", rates["bf16"], "sentences/s", "reported", True,
             "in fp32", baseline, rates["bf16"] / baseline)
    ]  # fmt: skip
    for name in PRECISIONS:
        wanted = 3 if name == "fp16" else 5
        rate = _ours(lab, config, pairs, subwords, name)
        reported = name == "fp32"  # on a card that has a faster one
        lines.append(
            Line(
                what=f"{card}: ours in {name}, {config.tokens:,} tokens a batch",
                value=rate,
                unit="sentences/s",
                baseline_name="textbook in fp32",
                baseline=baseline,
                ratio=rate / baseline,
                target="reported" if reported else f"ratio >= {wanted}",
                met=reported or rate / baseline >= wanted,
            )
        )
    return [*lines, *_quality(lab, config, subwords, (pairs, validation), test, card)]


def _textbook(pairs: Any, config: Any, precision: Precision, device: torch.device) -> float:
    """Return the sentences a second of the textbook's loop."""
    (source, target), ids = word_data(pairs)
    padding = target[PAD]
    model = Textbook(len(source), len(target), padding, config.dropout).to(device).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-4)
    loss = nn.CrossEntropyLoss(ignore_index=padding)
    seen, started = 0, 0.0
    for step, batch in enumerate(islice(batches(ids, padding), STEPS + 10)):
        if step == 10:
            torch.cuda.synchronize()
            seen, started = 0, time.perf_counter()
        given, wanted = (side.to(device) for side in batch)
        with (
            device,
            torch.autocast("cuda", dtype=DTYPES[precision], enabled=precision != "fp32"),
        ):
            logits = model(given, wanted[:, :-1])
        value = loss(logits.float().flatten(0, 1), wanted[:, 1:].flatten())
        optimizer.zero_grad()
        value.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        seen += len(given)
    torch.cuda.synchronize()
    return seen / (time.perf_counter() - started)


def _ours(
    lab: dict[str, Any], config: Any, pairs: Any, subwords: Any, precision: Precision
) -> float:
    """Return the sentences a second of the lab's own training, in its last epoch."""
    short = replace(config, epochs=EPOCHS, averaged=1)
    loaders = [lab["piece_loader"](side, subwords, config.tokens) for side in (pairs, pairs[:100])]
    with tempfile.TemporaryDirectory() as folder:
        _, history = lab["train_transformer"](short, *loaders, Path(folder), precision)
    return len(pairs) / history.seconds[-1]


def _quality(
    lab: dict[str, Any],
    config: Any,
    subwords: Any,
    sides: Iterable[Any],
    test: Any,
    card: str,
) -> list[Line]:
    """Train all epochs in the precision that is measured to be fastest, and score the result."""
    loaders = [lab["piece_loader"](side, subwords, config.tokens) for side in sides]
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        model, history = lab["train_transformer"](config, *loaders, Path(folder))
        seconds = time.perf_counter() - started
    score = lab["score_translations"](model, subwords, test)["beam"]["tokenised, lower case"]
    return [
        Line(
            what=f"{card}: {config.epochs} epochs in {history.precision}, all included",
            value=seconds,
            unit="s",
            target="reported",
            met=True,
        ),
        Line(
            what=f"{card}: BLEU with beam, tokenised and lower case, after them",
            value=score,
            unit="BLEU",
            target=">= 40",
            met=score >= 40,
        ),
    ]
