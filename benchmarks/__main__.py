"""``make bench``: run every benchmark, print the table and write ``benchmarks/results.json``.

``python -m benchmarks grading fit`` runs those alone and leaves the other results as they were.
"""

import importlib
import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.line import Line, machine

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"


def main(names: list[str]) -> int:
    known = sorted(path.stem.removeprefix("bench_") for path in HERE.glob("bench_*.py"))
    for name in names:
        if name not in known:
            print(f"no benchmark {name!r}; there are: {', '.join(known)}", file=sys.stderr)
            return 2
    console = Console()
    results = json.loads(RESULTS.read_text()) if names and RESULTS.exists() else {}
    here = machine()
    for name in names or known:
        console.print(f"Running {name} …")
        lines = importlib.import_module(f"benchmarks.bench_{name}").run()
        results[name] = {
            "machine": here,
            "when": datetime.now(UTC).isoformat(timespec="seconds"),
            "lines": [asdict(line) for line in lines],
        }
        console.print(_table(name, lines))
        RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    console.print(", ".join(f"{key}: {value}" for key, value in here.items()))
    missed = [line for name in names or known for line in results[name]["lines"] if not line["met"]]
    for line in missed:
        console.print(f"missed: {line['what']} (target {line['target']})")
    return 1 if missed else 0


def _table(title: str, lines: list[Line]) -> Table:
    table = Table(title=title, title_justify="left")
    for column in ("what", "measured", "baseline", "ratio", "target", "met"):
        table.add_column(column)
    for line in lines:
        baseline = (
            f"{line.baseline:.4g} {line.unit} ({line.baseline_name})" if line.baseline else ""
        )
        ratio = f"{line.ratio:.2f}" if line.ratio is not None else ""
        met = "yes" if line.met else "no"
        table.add_row(line.what, f"{line.value:.4g} {line.unit}", baseline, ratio, line.target, met)
    return table


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
