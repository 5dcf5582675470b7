"""``python -m tests.mutation [--sample N] [--seed N] [--out FILE] [--shard K/N]``: the score, and the survivors.

``--at child_sa.py:127`` tries the mutants of one line, or of one file, ``--purposes 'child-*'`` with these purposes
only: to see whether a new purpose kills a survivor.
"""

import argparse
import json
import time
from collections import Counter
from fnmatch import fnmatch
from pathlib import Path
from random import Random

from suites.conduct import all_purposes
from tests.mutation.mutants import Mutant
from tests.mutation.score import Fate, all_mutants, judge, place_of, reach, share_killed


def is_at(mutant: Mutant, places: list[str]) -> bool:
    """Whether a mutant is in one of these files, or on one of these lines of them; everywhere if none is named."""
    here = (str(place_of(mutant)), f"{place_of(mutant)}:{mutant.line}")
    return not places or any(one.endswith(place) for place in places for one in here)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation")
    parser.add_argument("--sample", type=int, default=0, help="so many mutants, by seed; default: all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--shard", default="1/1", help="only the Kth of N parts of the sample")
    parser.add_argument("--at", action="append", default=[], help="only mutants of this FILE or FILE:LINE")
    parser.add_argument("--purposes", action="append", default=[], help="only these purposes; * and ? allowed")
    parser.add_argument("--out", type=Path, help="what became of each, as JSON lines")
    given = parser.parse_args()
    found = [one for one in all_mutants() if is_at(one, given.at)]
    chosen = Random(given.seed).sample(found, min(given.sample, len(found))) if given.sample else found
    part, parts = map(int, given.shard.split("/"))
    chosen = chosen[part - 1 :: parts]
    print(f"{len(found)} mutants, {len(chosen)} of them are tried", flush=True)
    start = time.monotonic()
    quick = [one for one, written in all_purposes().items() if not written.purpose.waits]
    quick = [one for one in quick if not given.purposes or any(fnmatch(one, each) for each in given.purposes)]
    known = reach(quick)
    print(f"{len(quick)} purposes, {time.monotonic() - start:.0f} s", flush=True)
    judged = []
    out = given.out.open("w") if given.out else None
    for mutant in chosen:
        one = judge(mutant, known)
        judged.append(one)
        if out is not None:
            told = {"place": f"{place_of(mutant)}:{mutant.line}", "function": mutant.function, "text": mutant.text}
            out.write(json.dumps(told | {"fate": one.fate.name, "purpose": one.purpose}) + "\n")
            out.flush()
        if one.fate in (Fate.SURVIVED, Fate.UNREACHED):
            print(f"{one.fate.value}: {mutant} {one.purpose}", flush=True)
    counts = Counter(one.fate for one in judged)
    print("; ".join(f"{counts[fate]} {fate.value}" for fate in Fate))
    print(f"killed {share_killed(judged):.1%} of those that can be seen, {time.monotonic() - start:.0f} s")


if __name__ == "__main__":
    main()
