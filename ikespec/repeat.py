"""``ikespec run --repeat N``: the same run several times, and which purposes do not always have the same verdict."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from ikespec import again
from reports import ReportError, Results, load

LISTED = 50


def run(console: Console, words: Sequence[str], times: int, folder: Path) -> int:
    """Run it so often, into folders beside each other; the exit code.

    0: all verdicts were the same, whatever they were; 1: some were not; 2: a run could not be made, or did not come to
    its end. After Ctrl-C or SIGTERM that of the run that was ended by it.
    """
    verdicts: dict[str, list[str]] = {}
    for number in range(1, times + 1):
        place, begun = folder / f"{number:02}", datetime.now(UTC)
        done = subprocess.run([sys.executable, "-m", "ikespec", "run", *words, "--out", str(place)], check=False)
        found = _results(place, begun)
        if done.returncode not in (0, 1) and (found is None or found.run.finished is None):
            return done.returncode
        for one in found.results if found else ():
            verdicts.setdefault(one.purpose, []).append(one.label)
        console.print(f"run {number} of {times}: {_unsteady(verdicts)} of {len(verdicts)} purposes changed so far")
    return _tell(console, verdicts, times, folder)


def _results(folder: Path, begun: datetime) -> Results | None:
    """What a run has left behind since then; None where it could not be made."""
    try:
        found = load(folder)
    except ReportError:
        return None
    return found if found.run.started >= begun else None


def words_of(argv: Sequence[str]) -> list[str]:
    """The words of a command line without those about repetition and the results folder."""
    words, left = [], iter(argv)
    for word in left:
        if word in ("--repeat", "--out"):
            next(left, None)
        elif not word.startswith(("--repeat=", "--out=")):
            words.append(word)
    return words


def _unsteady(verdicts: dict[str, list[str]]) -> int:
    return sum(len(set(found)) > 1 for found in verdicts.values())


def _tell(console: Console, verdicts: dict[str, list[str]], times: int, folder: Path) -> int:
    changed = {one: found for one, found in sorted(verdicts.items()) if len(set(found)) > 1 or len(found) < times}
    (folder / "repeat.json").write_text(json.dumps({"times": times, "changed": changed}, indent=1) + "\n")
    if not changed:
        console.print(f"{times} runs of {len(verdicts)} purposes: every verdict was the same each time")
        return 0
    console.print(f"{len(changed)} of {len(verdicts)} purposes did not have the same verdict in {times} runs:")
    for one, found in list(changed.items())[:LISTED]:
        counts = ", ".join(f"{number} {verdict}" for verdict, number in Counter(found).most_common())
        first = 1 + next((at for at, verdict in enumerate(found) if verdict != found[0]), len(found) - 1)
        console.print(f"  {escape(one)}: {counts}; see {escape(str(folder / f'{first:02}'))}", highlight=False)
    console.print(f"try one again and again: {escape(again.program())} run PURPOSE --repeat 20", highlight=False)
    return 1
