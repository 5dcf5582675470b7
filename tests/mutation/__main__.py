"""``python -m tests.mutation [--sample N] [--seed N] [--out FILE] [--minutes N]``: the score, and the survivors.

``--at child_sa.py:127`` tries the mutants of one line, or of one file, ``--purposes 'child-*'`` with these purposes
only: to see whether a new purpose kills a survivor. Mutants are tried in the order of the seed, so what is known when
the time is over is a sample, too.
"""

import argparse
import json
import time
from collections import Counter
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path
from random import Random

from suites.conduct import all_purposes
from tests.mutation.many import Many
from tests.mutation.mutants import Mutant
from tests.mutation.reach import reach
from tests.mutation.score import Fate, Judged, all_mutants, bounds, place_of, share_killed

BATCH = 250
"""So many mutants are judged together; what is known of fewer is not told before they are over."""


def is_at(mutant: Mutant, places: list[str]) -> bool:
    """Whether a mutant is in one of these files, or on one of these lines of them; everywhere if none is named."""
    here = (str(place_of(mutant)), f"{place_of(mutant)}:{mutant.line}")
    return not places or any(one.endswith(place) for place in places for one in here)


def in_words(judged: Sequence[Judged]) -> str:
    """How many had which fate, and the score."""
    counts = Counter(one.fate for one in judged)
    low, high = bounds(judged)
    score = f"killed {share_killed(judged):.1%} ({low:.1%} to {high:.1%}) of those that can be seen"
    return f"{'; '.join(f'{counts[fate]} {fate.value}' for fate in Fate)}\n{score}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation")
    parser.add_argument("--sample", type=int, default=0, help="so many mutants, by seed; default: all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=1e9, help="begin nothing new after so many")
    parser.add_argument("--at", action="append", default=[], help="only mutants of this FILE or FILE:LINE")
    parser.add_argument("--purposes", action="append", default=[], help="only these purposes; * and ? allowed")
    parser.add_argument("--out", type=Path, help="what became of each, as JSON lines")
    given = parser.parse_args()
    start = time.monotonic()
    found = [one for one in all_mutants() if is_at(one, given.at)]
    chosen = Random(given.seed).sample(found, min(given.sample or len(found), len(found)))
    print(f"{len(found)} mutants, {len(chosen)} of them are tried", flush=True)
    purposes = [
        one for one in all_purposes() if not given.purposes or any(fnmatch(one, each) for each in given.purposes)
    ]
    known = reach(purposes)
    print(f"{len(known.usual)} of {len(purposes)} purposes, {time.monotonic() - start:.0f} s", flush=True)
    out = given.out.open("w") if given.out else None

    def tell(one: Judged) -> None:
        if out is not None:
            mutant = one.mutant
            told = {"place": f"{place_of(mutant)}:{mutant.line}", "function": mutant.function, "text": mutant.text}
            out.write(json.dumps(told | {"fate": one.fate.name, "purpose": one.purpose}) + "\n")
            out.flush()
        if one.fate in (Fate.SURVIVED, Fate.UNREACHED):
            print(f"{one.fate.value}: {one.mutant} {one.purpose}", flush=True)

    many = Many(known, tell)
    for at in range(0, len(chosen), BATCH):
        if time.monotonic() - start > 60 * given.minutes:
            break
        many.judge(chosen[at : at + BATCH])
        print(f"{in_words(many.judged)}, {time.monotonic() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
