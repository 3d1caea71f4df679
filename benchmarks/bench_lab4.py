"""Lab 4's reference: training and decoding beside the textbook, its quality, its time.

Run it: ``python -m benchmarks lab4``. Multi30k comes from the network or from ``DL_DATA_MIRROR``.
Quality is that of the recorded run in ``benchmarks/lab4``; ``python -m benchmarks.lab4.train``
makes it anew.
"""

import json
import os
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.lab4.textbook import Textbook, batches, greedy_one_by_one, word_data
from benchmarks.lab_code import definitions
from benchmarks.line import Line
from data.loaders import multi30k
from utils.device import available_cores
from utils.precision import DTYPES
from utils.text import PAD

LAB = "lab4_seq2seq_attention"
ROOT = Path(__file__).resolve().parent.parent
RECORD = ROOT / "benchmarks" / "lab4" / "results.json"
SENTENCES = 80  # of the 1,000, decoded one at a time by the baseline
PUBLISHED = 36.5  # tokenised, lower-case BLEU of the best of well-known teaching versions
Batch = tuple[Tensor, Tensor]


def run() -> list[Line]:
    """Measure in the full profile, with all cores, and the whole lab in the quick one."""
    os.environ["LAB_PROFILE"] = "full"
    torch.set_num_threads(available_cores())
    torch.manual_seed(0)
    lab = definitions(LAB)
    lab["device"] = torch.device("cpu")
    training, model, subwords = _training(lab)
    return [*training, *_decoding(lab, model, subwords), *_quality()]


def _training(lab: dict[str, Any]) -> tuple[list[Line], nn.Module, Any]:
    """Compare target tokens a second; return the lines, and the model half trained."""
    pairs = multi30k("train")
    config = lab["Config"]()
    subwords = lab["learn_pieces"](pairs, config.vocabulary)
    loader = lab["piece_loader"](pairs, subwords, config.tokens)
    (source, target), ids = word_data(pairs)
    padding = target[PAD]
    textbook = Textbook(len(source), len(target), padding, config.dropout)
    slow = _speed(
        textbook,
        batches(ids, padding),
        nn.CrossEntropyLoss(ignore_index=padding),
        _teacher_forced,
        steps=6,
        padding=padding,
    )
    model = lab["new_transformer"](config)
    loss = lab["SmoothedCrossEntropy"](lab["PAD"], config.smoothing)
    lines, fastest = [], 0.0
    for name, wanted, steps in (("fp32", 2, 12), ("bf16", 4, 60)):
        rate, sentences = _speed(
            model, _endless(loader), loss, lab["translate_batch_loss"], steps, lab["PAD"], name
        )
        fastest = max(fastest, sentences)
        lines.append(
            Line(
                what=f"training in {name} ({sentences / slow[1]:.1f} times the sentences a second)",
                value=rate,
                unit="target tokens/s",
                baseline_name="textbook: padded random batches, attention written out, fp32",
                baseline=slow[0],
                ratio=rate / slow[0],
                target=f"ratio >= {wanted}",
                met=rate / slow[0] >= wanted,
            )
        )
    minutes = config.epochs * len(pairs) / fastest / 60
    lines.append(
        Line(
            what=f"{config.epochs} epochs at the faster rate",
            value=minutes,
            unit="min",
            target="<= 40 min, evaluation included",
            met=minutes <= 38,
        )
    )
    return lines, model, subwords


def _teacher_forced(model: nn.Module, batch: Batch) -> Batch:
    source, target = batch
    return model(source, target[:, :-1]).flatten(0, 1), target[:, 1:].flatten()


def _endless(loader: Any) -> Iterator[Batch]:
    while True:
        yield from loader


def _speed(
    model: nn.Module,
    data: Iterator[Any],
    loss: Callable[[Tensor, Tensor], Tensor],
    forward: Callable[[nn.Module, Any], Batch],
    steps: int,
    padding: int,
    chosen: str = "fp32",
) -> tuple[float, float]:
    """Train for some steps; return target tokens and sentences a second."""
    kernel = getattr(loss, "any_precision", False)  # ours, trained as `fit` does
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-4, fused=kernel)
    model.train()
    tokens = sentences = 0
    for step, batch in enumerate(islice(data, steps + 2)):
        if step == 2:  # the first ones pay for caches
            tokens, sentences, started = 0, 0, time.perf_counter()
        with torch.autocast("cpu", dtype=DTYPES[chosen], enabled=chosen != "fp32"):
            logits, targets = forward(model, batch)
        value = loss(logits if kernel else logits.float(), targets)
        optimizer.zero_grad()
        value.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        tokens += int((targets != padding).sum())
        sentences += len(batch[0])
    seconds = time.perf_counter() - started
    return tokens / seconds, sentences / seconds


def _decoding(lab: dict[str, Any], model: nn.Module, subwords: Any) -> list[Line]:
    """Compare greedy decoding of the test sentences, in fp32, with the same weights."""
    model.eval()
    texts = [source for source, _ in multi30k("test_2016_flickr")]
    started = time.perf_counter()
    ours = lab["translate"](model, subwords, texts, lab["greedy"])
    seconds = time.perf_counter() - started
    every = len(texts) // SENTENCES
    sources = [[*subwords.encode(text), lab["EOS"]] for text in texts[::every]]
    started = time.perf_counter()
    theirs = [greedy_one_by_one(model, source, 50, lab["SOS"], lab["EOS"]) for source in sources]
    one_by_one = (time.perf_counter() - started) / len(sources)
    same = sum(
        subwords.decode(written) == text
        for written, text in zip(theirs, ours[::every], strict=True)
    )
    ratio = one_by_one * len(texts) / seconds
    return [
        Line(
            what=f"greedy decoding ({same} of {len(sources)} compared are identical)",
            value=len(texts) / seconds,
            unit="sentences/s",
            baseline_name="one at a time, without a cache",
            baseline=1 / one_by_one,
            ratio=ratio,
            target="ratio >= 20, all identical",
            met=ratio >= 20 and same == len(sources),
        )
    ]


def _quality() -> list[Line]:
    """Read what the recorded run reached."""
    record = json.loads(RECORD.read_text())
    score = record["test"]["beam"]["tokenised, lower case"]
    return [
        Line(
            what=f"BLEU, tokenised and lower case, of the recorded run "
            f"({record['parameters']:,} parameters, {record['configuration']['epochs']} epochs)",
            value=score,
            unit="BLEU",
            baseline_name="well-known teaching versions",
            baseline=PUBLISHED,
            ratio=score / PUBLISHED,
            target=">= 41.0 with at most 9.1 M parameters and 10 epochs",
            met=score >= 41.0
            and record["parameters"] <= 9_100_000
            and record["configuration"]["epochs"] <= 10,
        ),
        Line(
            what="test perplexity of a word, of the recorded run",
            value=record["test"]["perplexity"]["word"],
            unit="",
            target="reported",
            met=True,
        ),
    ]
