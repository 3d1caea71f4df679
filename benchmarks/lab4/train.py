"""Train the lab's Transformer on Multi30k, score it on test_2016_flickr, and write the log.

Run it: ``python -m benchmarks.lab4.train FOLDER``. Whatever stops it, the same
command goes on where it was. The code is that of the lab's solution, in its full profile; the
sentences come from the network or from ``DL_DATA_MIRROR``. Weights stay in FOLDER, the log and
the scores go beside this file.
"""

import csv
import json
import os
import sys
import time
from dataclasses import asdict
from pathlib import Path

import torch

from benchmarks.lab_code import definitions
from benchmarks.line import machine
from data.loaders import multi30k
from utils.device import pick_device

LAB = "lab4_seq2seq_attention"
HERE = Path(__file__).resolve().parent


def main(folder: Path) -> None:
    os.environ["LAB_PROFILE"] = "full"
    lab = definitions(LAB)
    lab["device"] = pick_device()
    config = lab["full_config"]()
    pairs, validation, test = (multi30k(split) for split in ("train", "val", "test_2016_flickr"))
    subwords = lab["learn_pieces"](pairs, config.vocabulary)
    loaders = [lab["piece_loader"](side, subwords, config.tokens) for side in (pairs, validation)]
    model, history = lab["train_transformer"](config, *loaders, folder)
    with (HERE / "log.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["epoch", *history.names, "seconds"])
        for epoch, (row, seconds) in enumerate(
            zip(history.epochs, history.seconds, strict=True), start=1
        ):
            writer.writerow([epoch, *(f"{value:.6g}" for value in row.values()), f"{seconds:.1f}"])
    started = time.perf_counter()
    results = {
        "command": "python -m benchmarks.lab4.train FOLDER",
        "threads": torch.get_num_threads(),
        "configuration": asdict(config),
        "precision": history.precision,
        "machine": machine(),
        "parameters": lab["count_parameters"](model),
        "test": lab["score_translations"](model, subwords, test),
        "seconds of evaluation": time.perf_counter() - started,
    }
    (HERE / "results.json").write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    print(json.dumps(results["test"], indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
