"""Whether a run against a device wastes time: ``python -m tests.bench.bench_run RESULTS`` after a run on one worker.

The wall clock of a run, from its start to its end, may exceed the waits that its purposes declare by 0.2 s for each.
"""

import json
import sys
from datetime import datetime
from pathlib import Path

ALLOWED = 0.2
"""Seconds for each purpose beyond what it waits."""


def main() -> None:
    """Print the table."""
    folder = Path(sys.argv[1])
    run = json.loads((folder / "run.json").read_text())
    records = [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]
    begin, end = (datetime.fromisoformat(run[key]) for key in ("started", "finished"))
    wall, waits = (end - begin).total_seconds(), sum(record["waits"] for record in records)
    budget = waits + ALLOWED * len(records)
    print(f"{run['device']['name']} {run['device']['version']}, {len(records)} purposes")
    print(f"{'wall clock of the run':<40}{wall:9.1f} s")
    print(f"{'declared waits':<40}{waits:9.1f} s")
    print(f"{'budget: waits and 0.2 s for each':<40}{budget:9.1f} s")
    print(f"{'used of the budget (at most 1)':<40}{wall / budget:9.2f}")
    slowest = sorted(records, key=lambda record: record["waits"] - record["duration"])[:8]
    print("\nmost time beyond the declared waits")
    for record in slowest:
        print(f"  {record['purpose']:<38}{record['duration'] - record['waits']:9.2f} s  {record['verdict']}")


if __name__ == "__main__":
    main()
