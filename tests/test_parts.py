"""What grows is run in parts that make up the whole."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def collected(*words: str) -> tuple[str, ...]:
    command = [sys.executable, "-m", "pytest", "-q", "--collect-only", "-p", "no:cacheprovider", *words]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120, check=False)
    return tuple(line for line in (done.stdout + done.stderr).splitlines() if "::" in line or line.startswith("ERROR"))


def test_the_parts_are_the_whole() -> None:
    module = "tests/suites/test_defects_in_other_devices.py"
    parts = [collected(module, "--part", f"{part}/3") for part in (1, 2, 3)]
    assert all(parts) and max(map(len, parts)) < len(collected(module))
    assert sorted(one for part in parts for one in part) == sorted(collected(module))


def test_what_does_not_grow_is_in_each_part() -> None:
    module = "tests/wire/test_golden.py"
    whole = collected(module)
    assert whole and collected(module, "--part", "2/5") == whole


def test_a_part_that_is_none() -> None:
    (said,) = collected("--part", "6/5")
    assert said == "ERROR: --part 6/5: expected K/N with K from 1 to N, such as 2/5, N at most 9999"
