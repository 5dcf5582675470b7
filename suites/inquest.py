"""When a device has died or hangs: which purpose was it, and how does the device come back?

A daemon may die of a message half a second after it has answered it, when other purposes are under way already. So
those that were tried last are tried again, each alone and with time to die afterwards, until one does it again.
"""

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import islice, pairwise
from typing import Any

from conformance.net.link import LinkError
from peers.contract import Device, DeviceError
from suites.canary import Stage
from suites.conduct import Tried, Written, prepared, tried
from suites.dut import Dut
from suites.gate import Gate
from suites.judge import Died, Kind, Verdict
from suites.look import Looker
from suites.pulse import SAMPLES, Growth

LATE = 1.5
"""Seconds after which a device dies of a message at the latest, as far as we look."""

MEMORY = 5.0
"""Purposes that ended longer ago, in seconds, are not suspected; nor are more than `SUSPECTS`."""

SUSPECTS = 6

AGAIN = 6
"""So often a purpose must make the device use more, each time, after two times that may be its first."""

STEP = {"memory": 256 << 10, "descriptors": 1, "threads": 1}
"""How much more that is at least: what a device keeps of certificates and CRLs for later is less."""

TROUBLE = (Kind.CRASH, Kind.HANG)

UNSOLVED = 5
"""Whoever dies so often and nobody did it dies by itself: the run is given up."""

_HANGS = ("a device that goes on answering", "silence")


@dataclass(frozen=True, slots=True)
class Past:
    """A purpose that was tried: when it ended (`time.monotonic`), its record as JSON, and what pytest calls it."""

    written: Written
    ended: float
    record: dict[str, Any]
    item: Any


@dataclass(frozen=True, slots=True)
class Finding:
    """What an inquest has found out.

    ``verdict`` is that on the purpose during which the trouble was noticed, None: as it was; ``dut`` is the
    conversation that it rests on, if that is another one. ``guilty`` is the earlier purpose that it was instead, with
    what came of it alone. ``gone`` is why the device does not come back, None if it is there.
    """

    verdict: Verdict | None = None
    dut: Dut | None = None
    guilty: Past | None = None
    again: Tried | None = None
    gone: str | None = None


class Gone(Exception):  # noqa: N818 - it is an answer, not an error of ours
    """The device does not come back."""


@dataclass(slots=True)
class Inquest:
    """The memory of a run for what was tried last, and what is done when the device is in trouble."""

    device: Device
    seed: int
    gate: Gate
    past: deque[Past] = field(default_factory=lambda: deque(maxlen=max(SAMPLES, SUSPECTS)))
    unsolved: int = 0

    def remember(self, written: Written, record: dict[str, Any], item: Any) -> None:
        """A purpose has been tried."""
        self.past.append(Past(written, time.monotonic(), record, item))

    # --- who was it -----------------------------------------------------------------------------------------------

    def died(self, current: Written | None, verdict: Verdict, *, early: bool) -> Finding:
        """The device died, hangs or has lost its state; ``early``: before ``current`` had begun, if there is one."""
        try:
            for suspect, past in self._suspects(None if early else current):
                again = self._at_its_end(self._try(suspect))
                if again.verdict.kind in TROUBLE:
                    return self._blame(current, verdict, past, again)
            self.unsolved += 1
            if self.unsolved >= UNSOLVED:
                raise Gone("it dies again and again, and no purpose does it alone")
            if not early:
                if self.device.restarts:
                    self.bring_back()
                return Finding(_told(verdict, "it does not happen again when this is tried alone"))
            return self._last_heard(current, verdict)
        except Gone as gone:
            if not early:
                return Finding(gone=str(gone))
            untried = Verdict("inconclusive", "the device had died before this purpose began", kind=Kind.UNTRIED)
            last = self.past[-1] if self.past else None
            return Finding(untried, None, last, Tried(verdict, None), str(gone))

    def _suspects(self, current: Written | None) -> Iterator[tuple[Written, Past | None]]:
        now = time.monotonic()  # when it was noticed: to try the current one takes a while
        if current is not None:
            yield current, None
        for past in islice(reversed(self.past), SUSPECTS):
            if now - past.ended < MEMORY:
                yield past.written, past

    def _blame(self, current: Written | None, verdict: Verdict, past: Past | None, again: Tried) -> Finding:
        if past is None:
            same = again.verdict.kind is verdict.kind  # then the second time may know more
            words = "it happens again when this is tried alone"
            found = Finding(_told(again.verdict, words), again.dut) if same else Finding(_told(verdict, words))
        else:
            found = Finding(guilty=past, again=again)
        try:
            self.bring_back()
        except Gone as gone:
            return replace(found, gone=str(gone))
        mine = self._alone(current) if past is not None else None
        return replace(found, verdict=mine.verdict, dut=mine.dut) if mine is not None else found

    def _last_heard(self, current: Written | None, verdict: Verdict) -> Finding:
        """Nobody does it again alone: then it is told of the last one before."""
        self.bring_back()
        if not self.past:
            return Finding(_told(verdict, "it happened before any purpose"))
        words = _told(verdict, "this was noticed after this purpose, but does not happen again when it is tried alone")
        mine, told = self._alone(current), Tried(words, None)
        found = Finding(guilty=self.past[-1], again=told)
        return replace(found, verdict=mine.verdict, dut=mine.dut) if mine else found

    def _alone(self, current: Written | None) -> Tried | None:
        return tried(current, self.device, self.seed, self.gate) if current is not None else None

    def _try(self, written: Written) -> Tried:
        """Try a purpose alone, on a device that was started anew: a hang that only seems to be one is none."""
        self.bring_back()
        again = tried(written, self.device, self.seed, self.gate, LATE)
        if again.verdict.kind not in TROUBLE and again.dut is not None and again.dut.guard.doubt:
            self.bring_back()
            if self._answers(written):
                words = "the device hangs: it answers no IKE after this purpose"
                return replace(again, verdict=Verdict("fail", words, *_HANGS, kind=Kind.HANG))
        return again

    def _at_its_end(self, again: Tried) -> Tried:
        """The same, unless what was tried has left something that the device reports when it ends."""
        if again.verdict.kind in TROUBLE or not self.device.restarts:
            return again
        death = self.device.farewell()
        if death is None:
            return again
        died = Died.of(death)
        return replace(again, verdict=Verdict("fail", str(died), _HANGS[0], died.what, kind=died.kind))

    # --- was it at all --------------------------------------------------------------------------------------------

    def doubted(self, current: Written, verdict: Verdict) -> Finding:
        """After ``current`` the device answered no IKE, and nothing had shown that it can on this connection.

        Either it cannot (then the verdict stays), or it hung, or it only took a rest.
        """
        try:
            again = self._try(current)
            found = Finding(again.verdict, again.dut)
            if again.verdict.kind not in TROUBLE:
                if again.dut is not None and again.dut.guard.doubt:
                    return Finding()
                for suspect, past in self._suspects(None) if self.device.restarts else ():
                    other = self._try(suspect)
                    if other.verdict.kind in TROUBLE:
                        found = replace(found, guilty=past, again=other)
                        break
            self.bring_back()
            return found
        except Gone as gone:
            lost = Verdict("fail", f"the device answers no more: {gone}", *_HANGS, kind=Kind.HANG)
            return Finding(lost, gone=str(gone))

    def _answers(self, written: Written) -> bool:
        """Whether a fresh device answers IKE_SA_INIT on the connection of a purpose."""
        ordinary = replace(written.purpose, role="responder", canary=True)
        try:
            with prepared(ordinary, self.device, self.seed) as (_, dut):
                return dut.guard.canary is not None and dut.guard.canary.stage is not Stage.SILENCE
        except (DeviceError, LinkError):
            return False

    # --- what it uses ---------------------------------------------------------------------------------------------

    def grew(self, growth: Growth) -> Finding | None:
        """The device has used more and more: whether the purpose in which it did so most makes it do that alone."""
        past = next((one for one in self.past if one.written.purpose.id == growth.worst), None)
        if past is None or growth.most < STEP[growth.what]:
            return None
        values: list[int] = []
        try:
            self.bring_back()
            for _ in range(AGAIN + 2):
                again = tried(past.written, self.device, self.seed, self.gate)
                vitals = self.device.vitals()
                if again.verdict.kind in TROUBLE or vitals is None:
                    return None
                values.append(getattr(vitals, growth.what))
            self.bring_back()
        except Gone as gone:
            return Finding(gone=str(gone))
        finally:
            self.gate.growth = None
        steps = [later - one for one, later in pairwise(values[1:])]
        if min(steps) < STEP[growth.what]:
            return None
        words = f"{growth}; tried alone {AGAIN} times it adds {min(steps)} or more each time"
        verdict = Verdict("fail", words, "a device that uses no more than it needs", words, kind=Kind.HANG)
        return Finding(guilty=past, again=Tried(verdict, None))

    # --- back to life ---------------------------------------------------------------------------------------------

    def bring_back(self) -> None:
        """Start the device anew, or wait where nobody can: it must answer again. Raises Gone."""
        if self.gate.samples is not None:
            self.gate.samples.forget()
        if self.device.restarts:
            try:
                self.device.stop()
                self.device.start()
            except DeviceError as error:
                raise Gone(f"it cannot be started again: {error}") from None
        elif not self._returns():
            words = f"it gave no answer for {self.device.pixit.half_open_timeout:g} s, and nothing here can start it"
            raise Gone(words)

    def _returns(self) -> bool:
        """Whether it answers an ordinary handshake within the time that it may ignore half-open IKE SAs for."""
        good = next((look for look in self.gate.looks if not look.problem), None)
        end = time.monotonic() + self.device.pixit.half_open_timeout
        while True:
            if self.there(good.kind if good is not None else "psk"):
                return True
            if time.monotonic() > end:
                return False
            time.sleep(0.5)

    def there(self, kind: str) -> bool:
        """Whether the device answers an ordinary handshake now."""
        looker = Looker(self.device, self.seed, patience=0.0)
        looker.begun = self.gate.begun
        return looker.look(kind, "responder") is None or looker.heard


def _told(verdict: Verdict, words: str) -> Verdict:
    return replace(verdict, reason=f"{verdict.reason}; {words}")
