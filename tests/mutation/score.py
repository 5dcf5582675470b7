"""Runs purposes on mutants of the device and says which ones nobody kills."""

import signal
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from hashlib import sha256
from pathlib import Path
from types import FrameType
from typing import Any

from conformance.script.peer import Peer
from peers.reference.device import ReferenceDevice
from suites.conduct import all_purposes, conduct
from tests.mutation.install import HOUSE, installed, watched
from tests.mutation.mutants import Mutant, mutants

FOLDERS = ("conformance/ike", "conformance/wire/payloads", "conformance/ipsec")
LIMIT = 10
"""Seconds of the processor that a purpose may take on a mutant; one that takes longer hangs."""

MOST = 500
"""So many purposes are tried on a mutant, those first that visit the fewest functions."""


class Fate(Enum):
    """What became of a mutant."""

    KILLED = "killed"
    SURVIVED = "survived"
    SAME = "nothing to be seen"
    UNREACHED = "no purpose comes by"
    IMPOSSIBLE = "cannot be made"


@dataclass(frozen=True, slots=True)
class Judged:
    """A mutant, its fate, and the purpose that killed it or whose conversation it changed."""

    mutant: Mutant
    fate: Fate
    purpose: str = ""


@dataclass(frozen=True, slots=True)
class Reach:
    """In which purposes the device comes by each function, with what each conversation was like without a mutant.

    ``steady`` says of a purpose whether that is the same each time, as far as it is known.
    """

    purposes: dict[tuple[str, str], list[str]]
    conversations: dict[str, str]
    steady: dict[str, bool]

    def differs(self, purpose: str, conversation: str) -> bool:
        """Whether a conversation was another one than without a mutant. Where signatures are random, all are."""
        if conversation == self.conversations[purpose]:
            return False
        if purpose not in self.steady:
            self.steady[purpose] = _run(purpose)[1] == self.conversations[purpose]
        return self.steady[purpose]


def all_mutants() -> list[Mutant]:
    """Those of all files in `FOLDERS`."""
    paths = sorted(path for folder in FOLDERS for path in (HOUSE / folder).rglob("*.py"))
    return [mutant for path in paths for mutant in mutants(path)]


def reach(purposes: Iterable[str], told: Callable[[str], None] = lambda text: None) -> Reach:
    """Run purposes once and see where the device comes by."""
    visited: dict[tuple[str, str], list[str]] = {}
    conversations: dict[str, str] = {}
    for purpose in purposes:
        seen: set[tuple[str, str]] = set()

        def note(frame: FrameType, event: str, argument: Any, seen: set[tuple[str, str]] = seen) -> None:
            if event == "call":
                seen.add((frame.f_code.co_filename, frame.f_code.co_qualname))

        with watched(note):
            passed, conversations[purpose] = _run(purpose)
        told(purpose)
        if passed:
            for place in seen:
                visited.setdefault(place, []).append(purpose)
    weight = {one: sum(one in found for found in visited.values()) for one in conversations}
    return Reach({place: sorted(found, key=weight.__getitem__) for place, found in visited.items()}, conversations, {})


def _run(purpose: str) -> tuple[bool, str]:
    """Whether a purpose passes on the device, and what the conversation was like."""
    with ReferenceDevice() as device:
        verdict, peer = conduct(all_purposes()[purpose], device)
    return verdict.verdict == "pass", _digest(peer)


def _digest(peer: Peer | None) -> str:
    found = sha256()
    for entry in peer.trace.entries if peer is not None else ():
        for one in (entry.datagram.payload if entry.datagram else None, entry.packet.data if entry.packet else None):
            found.update(one or b"")
    return found.hexdigest()


def judge(mutant: Mutant, known: Reach) -> Judged:
    """Run the purposes in which the device comes by until one does not pass."""
    place = (str(mutant.path), mutant.function)
    candidates: Sequence[str] = known.purposes.get(place, ())[:MOST]
    if not candidates:
        return Judged(mutant, Fate.UNREACHED)
    others: list[tuple[str, str]] = []
    try:
        with watched(), installed(mutant):
            for purpose in candidates:
                try:
                    passed, conversation = _limited(purpose)
                except TimeoutError:
                    return Judged(mutant, Fate.KILLED, purpose)
                if not passed:
                    return Judged(mutant, Fate.KILLED, purpose)
                if conversation != known.conversations[purpose]:
                    others.append((purpose, conversation))
    except (LookupError, SyntaxError, ValueError):
        return Judged(mutant, Fate.IMPOSSIBLE)
    changed = next((purpose for purpose, conversation in others if known.differs(purpose, conversation)), "")
    return Judged(mutant, Fate.SURVIVED if changed else Fate.SAME, changed)


def _limited(purpose: str) -> tuple[bool, str]:
    def ring(number: int, frame: FrameType | None) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_PROF, LIMIT)
    try:
        return _run(purpose)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def share_killed(judged: Iterable[Judged]) -> float:
    """Killed ones among those that a peer could see."""
    fates = [one.fate for one in judged if one.fate in (Fate.KILLED, Fate.SURVIVED)]
    return fates.count(Fate.KILLED) / len(fates) if fates else 1.0


def place_of(mutant: Mutant) -> Path:
    """Its file, relative to the house."""
    return mutant.path.relative_to(HOUSE)
