"""Which lines of the device each purpose comes by, and what its conversation is like where nothing is changed."""

import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from types import FrameType

from conformance.script.peer import Peer
from peers.reference.device import ReferenceDevice
from suites.conduct import all_purposes, conduct
from tests.mutation.install import marked, watched
from tests.mutation.mutants import Mutant

LIMIT = 2.0
TIMES = 20.0
"""Seconds of the processor that a purpose may take on a mutant, beside so many times its usual ones: else it hangs."""

_AGAIN = (1, 8, 0)
"""How often a conversation must be the usual one again, by strictness, until another one is due to a mutant."""


class Hang(BaseException):
    """A purpose takes too long. No part of the device or of the suite may take it for an error of its own."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a purpose.

    Attributes:
        verdict: ``pass`` and the others, ``hang`` where it took too long.
        octets: a digest of all that was sent, in both directions.
        sizes: a digest of how long each of that was.
        seconds: what it took of the processor.
    """

    verdict: str
    octets: str = ""
    sizes: str = ""
    seconds: float = 0.0

    def like(self, other: "Run", strictness: int) -> bool:
        """Whether two conversations are the same: 0 compares octets, 1 their sizes, 2 nothing."""
        return ((self.octets, self.sizes, ""))[strictness] == ((other.octets, other.sizes, ""))[strictness]


@dataclass
class Reach:
    """In which purposes the device comes by each line (path, number), and their runs without a mutant.

    ``strictness`` says how far the conversation of a purpose is the same each time, as far as that is known: random
    signatures change octets, and some change sizes.
    """

    lines: dict[tuple[str, int], list[str]]
    usual: dict[str, Run]
    strictness: dict[str, int] = field(default_factory=dict)

    def purposes(self, mutant: Mutant) -> list[str]:
        """Those in which the device comes by a mutant, quickest first."""
        found = {one for line in mutant.lines for one in self.lines.get((str(mutant.path), line), ())}
        return sorted(found, key=lambda one: self.usual[one].seconds)

    def alike(self, purpose: str, run: Run) -> bool:
        """Whether a conversation is the usual one, as far as is known."""
        return run.like(self.usual[purpose], self.strictness.get(purpose, 0))

    def differs(self, purpose: str, run: Run) -> bool:
        """Whether a conversation is surely another one than the usual: what differs by itself is found out and kept.

        No mutant may be in place.
        """
        while not self.alike(purpose, run):
            strictness = self.strictness.get(purpose, 0)
            # Octets that are random are so each time; the size of a signature is another one now and then.
            if all(self.alike(purpose, run_once(purpose)) for _ in range(_AGAIN[strictness])):
                return True
            self.strictness[purpose] = strictness + 1
        return False


def reach(purposes: Iterable[str], most: float = 0.5) -> Reach:
    """Run purposes and see where the device comes by.

    Those that take more than ``most`` seconds of the processor are left out: a few sweeps, as long as all others.
    """
    known = Reach({}, {})
    with marked() as (seen, places), watched():
        for purpose in purposes:
            seen.clear()
            usual = run_once(purpose)
            if usual.verdict != "pass" or usual.seconds > most:
                continue
            known.usual[purpose] = usual
            for place in {places[number] for number in seen}:
                known.lines.setdefault(place, []).append(purpose)
    return known


def run_once(purpose: str, limit: float | None = None) -> Run:
    """Run a purpose on the device, at most for so many seconds of the processor."""
    before = time.process_time()
    try:
        verdict, peer = _limited(purpose, limit)
    except Hang:
        return Run("hang", seconds=time.process_time() - before)
    return Run(verdict, *_digests(peer), time.process_time() - before)


def _limited(purpose: str, limit: float | None) -> tuple[str, Peer | None]:
    def ring(number: int, frame: FrameType | None) -> None:
        raise Hang

    before = signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_PROF, limit or 0.0, 1.0)
    try:
        with ReferenceDevice() as device:
            verdict, peer = conduct(all_purposes()[purpose], device)
        return verdict.verdict, peer
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _digests(peer: Peer | None) -> tuple[str, str]:
    octets, sizes = sha256(), sha256()
    for entry in peer.trace.entries if peer is not None else ():
        for one in (entry.datagram.payload if entry.datagram else None, entry.packet.data if entry.packet else None):
            octets.update(one or b"")
            sizes.update(b"%d," % len(one or b""))
    return octets.hexdigest(), sizes.hexdigest()
