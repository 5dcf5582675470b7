"""What goes on beside the conversation of a purpose: the control before it, the canary through it, life after it.

A negative purpose is passed by every device that refuses everything, and by one that crashes and is quickly back. So
an ordinary handshake with the same connection comes first (`suites.canary`), and its IKE SA must still be there at the
end. Where the device is the initiator it has no such SA, for it would be used in place of a new one: there an ordinary
handshake follows those purposes in which the device has shown nothing but refusal.
"""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from random import Random

from conformance.ike.core.connection import Connection
from conformance.net.link import Link, LinkError
from conformance.script.peer import Peer
from conformance.script.sa import fatal
from conformance.script.verdict import Inconclusive, NotApplicable, Unexpected
from conformance.wire import ExchangeType, summary_message
from peers.capabilities import Capability
from peers.contract import Death, Device, DeviceError, Unsupported, Vitals
from suites.canary import MOST_KEPT, Canary, Stage
from suites.invariants import Broken, Noticed, Watch, worst
from suites.judge import Died, Kind
from suites.pulse import Pulse
from suites.purpose import Purpose
from suites.tidy import tidy

_RELEASE = 0.5
"""Seconds: a device may give addresses back a moment after it has confirmed that the IKE SA is gone."""

LOST = "the device has lost an IKE SA from before this purpose: it restarted or dropped it"

_FAR = {
    Stage.SILENCE: "no answer to IKE_SA_INIT",
    Stage.ANSWERED: "IKE_SA_INIT fails",
    Stage.SUITE: "IKE_AUTH fails",
    Stage.AUTHENTICATED: "there is no Child SA",
}


def shortfall(canary: Canary) -> str:
    """Why an ordinary handshake did not come to its end, in words."""
    why = canary.problem or canary.closed
    return _FAR[canary.stage] + (f": {why}" if why and not why.startswith("no response") else "")


class Guard:
    """The control and the canary of one purpose. ``connection`` and ``link`` are what the scripted peer must use.

    ``log`` is the device's log of the purpose where something else has followed it, else None. ``linger`` is how many
    seconds pass after the purpose before anybody looks: a device may die of it a little later. ``doubt``: at the end
    the device answered no IKE, and nothing has shown that it can on this connection. ``mute`` is why the device cannot
    be told to initiate, empty if it can. ``before`` is what its sanitizers had reported when the purpose began.
    ``excuse`` says of a purpose and an invariant that is broken in it why that is known of the device, else nothing.
    ``kept`` are the requirements of invariants that something in a passed purpose was looked at for, and none broken.
    """

    def __init__(
        self,
        purpose: Purpose,
        device: Device,
        link: Link,
        connection: Connection,
        theirs: Connection,
        seed: str,
        *,
        pair: bool = True,
        vitals: Vitals | None = None,
        begun: deque[set[bytes]] | None = None,
    ) -> None:
        """Open the canary. ``connection`` is ours, ``theirs`` the device's, which is loaded.

        ``pair``: the device has room for an IKE SA of the purpose beside it; else it is deleted before that begins.
        ``vitals`` are what was seen of the device just now, if anybody has looked. ``begun`` gets the initiator's SPIs
        of each handshake, as in `suites.gate.Gate`.
        """
        self.purpose, self.device = purpose, device
        self.base = self.link = link
        self.connection, self.theirs, self.seed = connection, theirs, seed
        self.log: str | None = None
        self.linger = 0.0
        self.doubt = False
        self.mute = ""
        self.before: list[Death] = []
        self.excuse: Callable[[str, Broken], str] = lambda purpose, broken: ""
        self.kept: frozenset[str] = frozenset()
        self.pulse = Pulse(device, vitals)
        self.begun: deque[set[bytes]] = deque() if begun is None else begun
        self.canary: Canary | None = None
        if self._controls_responder() and purpose.canary:
            self.canary = self._settled("canary")
            self.link = self.canary.link()
            if not pair:
                self.canary.retire()
            elif self.canary.settle():
                # Whoever says that nothing was there before makes the device throw the canary away.
                self.connection = replace(connection, initial_contact=False)

    def _controls_responder(self) -> bool:
        # Traffic is the control of purposes on traffic, and another Child SA would be in its way.
        return self.purpose.role == "responder" and Capability.DATA_PLANE not in self.purpose.needs

    def _handshake(self, word: str) -> Canary:
        random = Random(f"{self.seed}/{word}").randbytes
        canary = Canary(self.base, self.connection, random, self.device.pixit.response_timeout)
        self.begun.append(canary.spis)
        canary.open()
        return canary

    def _settled(self, word: str, peer: Peer | None = None) -> Canary:
        """The handshake, which is tried once more where IKE_AUTH failed or only the Child SA is missing.

        Some bugs meet an ordinary handshake now and then (one ECDSA signature of 128 is short), and one afterwards may
        have come too soon after the purpose, whose ``peer`` waits a little then.
        """
        canary = self._handshake(word)
        if canary.stage not in (Stage.SUITE, Stage.AUTHENTICATED):
            return canary
        canary.retire()
        if peer is not None:
            peer.idle(_RELEASE)
        return self._handshake(f"later {word}")

    def note(self, peer: Peer) -> None:
        """Write into the trace what was there before."""
        if self.canary is None:
            return
        if self.canary.stage is not Stage.CHILD:
            peer.note(f"an ordinary handshake before this did not work: {shortfall(self.canary)}")
        elif self.canary.up:
            spis = f"{self.canary.sa.spi_i.hex()}_i {self.canary.sa.spi_r.hex()}_r"
            peer.note(f"an ordinary handshake before this worked; its IKE SA {spis} must live through it")

    def retire(self) -> bool:
        """Delete the canary: the device gets an order which might reach it, too, or the purpose is over.

        True: the device has answered that.
        """
        return self.canary is not None and self.canary.retire()

    def is_canary(self, spi_i: bytes) -> bool:
        """Whether this is the initiator's SPI of the canary."""
        return self.canary is not None and spi_i in self.canary.spis

    # --- afterwards -----------------------------------------------------------------------------------------------

    def after(self, peer: Peer, error: Exception | None) -> Exception | None:
        """What there is to judge, given what the purpose has raised: that, or what is seen beside it."""
        if self.linger:
            peer.idle(self.linger)
        if self._controls_responder() and not self.purpose.canary:
            self.log = self.device.log()
            self.canary = self._settled("control", peer)
        self._must_live(peer, error)
        if error is not None and isinstance(error, Unsupported | NotApplicable):
            return error
        return self._controlled(peer, error) or self._noticed(peer)

    def _noticed(self, peer: Peer) -> Noticed | None:
        """What is wrong with a message of the device that the purpose is not about."""
        watch, frame = Watch(peer), 0
        found: dict[Broken, int] = {}
        for entry in peer.trace.entries:
            frame += entry.datagram is not None or entry.packet is not None
            for broken in watch.look((entry,)):
                found.setdefault(broken, frame)
        found |= dict.fromkeys(watch.packets(), 0)
        self.kept = frozenset(watch.judged - {one.requirement for one in found})
        found = {one: frame for one, frame in found.items() if one.name not in self.purpose.without}
        known = {one: self.excuse(self.purpose.id, one) for one in found}
        for broken, frame in found.items():
            where = f"frame {frame}" if frame else "traffic"
            words = f"{where}: expected {broken.expected}, got {broken.got} ({broken.name}, {broken.requirement})"
            peer.note(words + (f", which is known: {known[broken]}" if known[broken] else ""))
        unknown = worst(one for one in found if not known[one])
        return Noticed(unknown) if unknown is not None else None

    def _must_live(self, peer: Peer, error: Exception | None) -> None:
        """Raises Died."""
        last = peer.trace.unanswered()
        alive = self.device.alive()
        self._must_not_have_died(error, last)
        if self.canary is not None and self.canary.up:
            if not self.canary.answers():
                clear = self.canary.sa.said_in_clear
                said = summary_message(clear) if clear is not None else "nothing"
                peer.note(f"the IKE SA from before this purpose does not answer; in the clear came {said}")
                back = self._handshake("again").stage is not Stage.SILENCE
                self._must_not_die(error, last)
                if back:
                    raise Died(Kind.CRASH, LOST, error, last=last)
                raise Died(Kind.HANG, self._silence(alive), error, last=last)
            peer.note("the IKE SA from before this purpose still answers")
        elif self._doubtful(error):
            self._look_for_life()
            self._must_not_have_died(error, last)
        if not alive:
            words = "the device hangs: its control interface does not answer" + self._condition()
            self._must_not_die(error, last)
            raise Died(Kind.HANG, words, error, last=last)
        if words := self.pulse.spins():
            raise Died(Kind.HANG, f"the device answers, but {words}", error, last=last)

    def _look_for_life(self) -> None:
        if Capability.RESPONDER in self.device.capabilities:
            self.doubt = self._handshake("again").stage is Stage.SILENCE

    def _must_not_die(self, error: Exception | None, last: str) -> None:
        """Look once more: a device that seemed to hang may have been about to die."""
        self.device.alive()
        self._must_not_have_died(error, last)

    def _must_not_have_died(self, error: Exception | None, last: str) -> None:
        death = self.device.obituary()
        if death is not None:
            raise Died.of(death, error, last=last)
        if self.before:
            raise Died.of(self.before.pop(), error)

    def _doubtful(self, error: Exception | None) -> bool:
        """Whether nothing in the conversation shows that the device is still there."""
        silent = self.canary is not None and self.canary.stage is Stage.SILENCE
        return silent or isinstance(error, Unexpected | Inconclusive | DeviceError | LinkError)

    def _silence(self, alive: bool) -> str:
        what = "no IKE any more" if alive else "neither IKE nor its control interface"
        return f"the device hangs: it answers {what}{self._condition()}"

    def _condition(self) -> str:
        words = self.device.condition()
        return f" ({words})" if words else ""

    # --- the control ----------------------------------------------------------------------------------------------

    def _controlled(self, peer: Peer, error: Exception | None) -> Exception | None:
        verdict = error is None or isinstance(error, Unexpected)
        if (self.purpose.ordinary and verdict) or (isinstance(error, Unexpected) and error.bypass):
            return error
        if self.canary is not None and self.canary.stage is not Stage.CHILD:
            return Inconclusive(f"an ordinary handshake with this connection does not work: {shortfall(self.canary)}")
        if error is not None or self.purpose.role == "responder" or _confirmed(peer):
            return error
        problem = self._initiates(peer, "control") and self._initiates(peer, "later control")
        if not problem:
            return None
        self._look_for_life()
        return Inconclusive(f"an ordinary handshake that the device starts does not work: {problem}")

    def _initiates(self, peer: Peer, word: str) -> str:
        """Why an ordinary handshake that the device starts does not come to its end, empty if it does."""
        self.log = self.device.log()
        again = Peer(self.base, self.connection, Random(f"{self.seed}/{word}").randbytes, peer.response_timeout)
        self.begun.append(again.begun)
        again.glance = peer.glance  # one that is at work gets its time again here, too
        try:
            self.device.apply(self.theirs)
            pass_over(self.base)
            self.device.initiate()
            again.accept()
        except (Unexpected, Inconclusive, DeviceError) as problem:
            return str(problem)
        if Capability.CONFIGURABLE not in self.device.capabilities:
            tidy(again)
        peer.note("afterwards an ordinary handshake that the device starts works")
        return ""


def pass_over(link: Link) -> None:
    """What the device has said before is not wanted any more. A flood has no end: it is left to whoever reads next."""
    end = link.now() + _RELEASE
    for _ in range(MOST_KEPT):
        if link.receive(link.now()) is None or link.now() > end:
            return


def _confirmed(peer: Peer) -> bool:
    """Whether the device has answered a request of ours on an established IKE SA without an error."""
    return any(
        one.sa is not None
        and one.protected
        and one.message.is_response
        and one.message.exchange != ExchangeType.IKE_AUTH
        and fatal(one.message) is None
        for one in peer.inbox
    )


@contextmanager
def guarded(guard: Guard, peer: Peer) -> Iterator[None]:
    """Around the body of a purpose: raises what there is to judge."""
    error: Exception | None = None
    try:
        yield
    except Exception as caught:
        error = caught
    found = guard.after(peer, error)
    if found is not None:
        raise found
