"""``make bench``: run every benchmark, print the table and write ``benchmarks/results.json``.

``python -m benchmarks grading fit`` runs those alone and leaves the other results as they were.
"""

import importlib
import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.line import machine

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"


def main(names: list[str]) -> int:
    known = sorted(path.stem.removeprefix("bench_") for path in HERE.glob("bench_*.py"))
    for name in names:
        if name not in known:
            print(f"no benchmark {name!r}; there are: {', '.join(known)}", file=sys.stderr)
            return 2
    results = json.loads(RESULTS.read_text()) if names and RESULTS.exists() else {}
    here = machine()
    for name in names or known:
        print(f"\n{name}", flush=True)
        lines = importlib.import_module(f"benchmarks.bench_{name}").run()
        for line in lines:
            print(line.text())
        if not any(line.unit for line in lines):
            continue  # what was measured on another machine stays
        results[name] = {
            "machine": here,
            "when": datetime.now(UTC).isoformat(timespec="seconds"),
            "lines": [asdict(line) for line in lines],
        }
        RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    print(", ".join(f"{key}: {value}" for key, value in here.items()))
    asked = [results[name]["lines"] for name in names or known if name in results]
    met = [line["met"] for lines in asked for line in lines]
    print(f"{sum(met)} of {len(met)} lines met")
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
