"""Look first: one ordinary handshake for each kind of connection, before anything is held against the device.

Whoever has mistyped an address or a shared key would otherwise read of hundreds of broken requirements. What is looked
for: does the device answer, choose a suite, authenticate us, make the Child SA, answer a liveness check?
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from textwrap import shorten
from time import monotonic
from typing import Any

from conformance.crypto.suite import IkeSuite
from conformance.ike.core.sending import State
from conformance.net.link import LinkError
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa, fatal
from conformance.script.verdict import Inconclusive, NotApplicable, Unexpected
from conformance.script.words import one_line
from conformance.wire import ExchangeType, Message, NotifyType
from peers.capabilities import Capability
from peers.contract import Death, Device, DeviceError, Unsupported
from suites.conduct import prepared
from suites.connections import Role
from suites.dut import Dut
from suites.gate import KINDS, Gate, Look, wanted
from suites.judge import in_words
from suites.purpose import Purpose

PATIENCE = 6.0
"""Seconds for the very first answer of a device: it may ask its own questions first, or be slow to be told."""


@dataclass(frozen=True, slots=True)
class Advice:
    """What is probably wrong, with what we use filled in, and the keys of a device file where that stands."""

    words: str
    keys: tuple[str, ...] = ()


_ALGORITHMS = ("algorithms.ike",)
_BELIEF = ("identities", "secrets", "certificates")
_POOLS = ("pools",)
_WRONG = {
    NotifyType.NO_PROPOSAL_CHOSEN: Advice(
        "it takes none of what we offer, {ike}: the algorithms are probably wrong", _ALGORITHMS
    ),
    NotifyType.INVALID_KE_PAYLOAD: Advice(
        "it wants another group than any in {ike}: the algorithms are probably wrong", _ALGORITHMS
    ),
    NotifyType.AUTHENTICATION_FAILED: Advice(
        "it does not believe us: an identity or a secret is probably wrong", _BELIEF
    ),
    NotifyType.TS_UNACCEPTABLE: Advice(
        "it takes no traffic selectors of ours, {ts}: the networks are probably wrong",
        ("addresses.device_networks", "addresses.tester_networks"),
    ),
    NotifyType.INTERNAL_ADDRESS_FAILURE: Advice("it has no inner address for us: the pool is probably wrong", _POOLS),
    NotifyType.FAILED_CP_REQUIRED: Advice(
        "it demands that we ask for an inner address: the pool is probably wrong", _POOLS
    ),
}
_NO_CHILD = Advice(
    "it takes none of what we offer for the Child SA, {esp}: the algorithms are probably wrong", ("algorithms.esp",)
)
_NOT_BELIEVED = Advice(
    "we do not believe it: its identity, its certificate or the shared key is probably wrong", _BELIEF
)
_UNHEARD = Advice(
    "address or port are probably wrong ({there}, seen from {here}), a firewall is between, or no IKE daemon runs "
    "there; some devices say nothing to peers and algorithms that they do not know",
    ("addresses.device", "addresses.device_ports", "addresses.tester"),
)
_STRANGE = Advice("whatever answers at {there} does not speak IKE, or is asked too much", ("addresses.device_ports",))
_UNTOLD = Advice(
    "the order to initiate does not work, or its packets go elsewhere than to {here}: address, port, firewall",
    ("commands.initiate", "addresses.tester", "addresses.tester_ports"),
)
_DROPPED = Advice(
    "some devices say nothing where an identity or a secret is wrong; or a large message, with certificates, does not "
    "get through",
    _BELIEF,
)
_OFFERS = Advice("we take {ike}: the algorithms are probably wrong", _ALGORITHMS)
_NOTHING = Advice("")


class Failed(Exception):  # noqa: N818 - it is an answer, not an error of ours
    """The ordinary handshake does not come to its end."""

    def __init__(self, problem: str, advice: Advice = _NOTHING) -> None:
        super().__init__(problem)
        self.problem, self.advice = problem, advice


class Looker:
    """Tries ordinary handshakes; ``conversations`` keeps those for the evidence: name, peer, log of the device.

    ``heard``: the device has said something. Until then an answer may take ``patience`` seconds. ``begun`` are the
    initiator's SPIs of what we have sent, as in `suites.gate.Gate`.
    """

    def __init__(self, device: Device, seed: int, patience: float = PATIENCE) -> None:
        """The device is started."""
        self.device, self.seed, self.patience = device, seed, patience
        self.conversations: list[tuple[str, Peer, str]] = []
        self.heard = False
        self.reported: list[Death] = []
        self.begun = Gate().begun

    def look_first(self, purposes: Iterable[Purpose]) -> Gate:
        """One ordinary handshake for each kind; after silence to the first one no other is tried."""
        gate = Gate(begun=self.begun)
        for kind, role in wanted(purposes, self.device):
            look = self.look(kind, role)
            gate.reported += self.reported
            self.reported.clear()
            if look is None:
                continue
            gate.looks.append(look)
            if look.problem and not self.heard:
                break
        return gate

    def look(self, kind: str, role: Role) -> Look | None:
        """One ordinary handshake; None where the device cannot hold such a connection."""
        capability = Capability.INITIATOR if role == "initiator" else Capability.RESPONDER
        purpose = Purpose(
            f"look-{kind}-{role}", (), role, frozenset({capability}), KINDS[kind][1], ordinary=True, canary=False
        )
        started = monotonic()
        look = Look(kind, role)
        try:
            gate = Gate(reported=self.reported, begun=self.begun)
            with prepared(purpose, self.device, self.seed, gate) as (peer, dut), self._kept(look, peer, dut):
                suite, pair = self._answers(peer) if role == "responder" else self._initiates(peer, dut)
            look = replace(look, suite=suite, pair=pair)
        except (Unsupported, NotApplicable):
            return None
        except Failed as failed:
            look = replace(look, problem=failed.problem, advice=failed.advice.words, keys=failed.advice.keys)
        except (DeviceError, LinkError, Inconclusive) as error:
            look = replace(look, problem=str(error))
        except Exception as error:
            look = replace(look, problem=f"our own side breaks on what the device sends: {in_words(error)}")
        return replace(look, problem=one_line(look.problem), seconds=round(monotonic() - started, 4))

    @contextmanager
    def _kept(self, look: Look, peer: Peer, dut: Dut) -> Iterator[None]:
        try:
            yield
        finally:
            try:
                log = dut.log()
            except (DeviceError, LinkError) as error:
                log = f"the log of the device cannot be read: {error}\n"
            self.conversations.append((look.name, peer, log))

    # --- the device as responder ----------------------------------------------------------------------------------

    def _answers(self, peer: Peer) -> tuple[str, bool]:
        """Raises Failed."""
        sa = self._opened(peer)
        self._liveness(sa)
        return _suite(sa), self._pair(peer, sa)

    def _opened(self, peer: Peer, **changes: Any) -> ScriptedSa:
        usual = peer.response_timeout
        sa = peer.sa(retransmit_timeout=1.0, retransmit_base=1.5, retransmit_tries=3, **changes)
        try:
            peer.response_timeout = usual if self.heard else max(usual, self.patience)
            answer = sa.init()
        except Unexpected as silent:
            waited = f"there is no answer to IKE_SA_INIT within {peer.response_timeout:g} s"
            if silent.got != "nothing":
                raise Failed(f"{waited}, but {shorten(silent.got, 200)}", _filled(_STRANGE, peer)) from None
            raise Failed(waited, _filled(_UNHEARD, peer)) from None
        finally:
            peer.response_timeout = usual
        self.heard = True
        if sa.keys is None:
            raise Failed(f"IKE_SA_INIT fails: {_said(sa)}", _advice(peer, answer))
        try:
            answer = sa.auth()
        except Unexpected as silent:
            problem = f"IKE_SA_INIT succeeds with {_suite(sa)}, but there is no answer to IKE_AUTH ({silent.got})"
            raise Failed(problem, _DROPPED) from None
        if sa.state != State.ESTABLISHED:
            unsure = _NOT_BELIEVED if fatal(answer) is None else None
            raise Failed(f"IKE_AUTH fails: {_said(sa)}", unsure or _advice(peer, answer))
        if not sa.children and peer.connection.children and not peer.connection.childless:
            refused = fatal(answer)
            none = refused is not None and refused.type == NotifyType.NO_PROPOSAL_CHOSEN
            advice = _filled(_NO_CHILD, peer) if none else _advice(peer, answer)
            said = sa.problem or (refused.type.name if refused is not None else "it says nothing about it")
            raise Failed(f"IKE_AUTH succeeds, but there is no Child SA: {said}", advice)
        return sa

    def _liveness(self, sa: ScriptedSa) -> None:
        try:
            sa.peer.pause()
            sa.liveness()
        except Unexpected as silent:
            raise Failed(f"the IKE SA is up, but a liveness check is not answered ({silent.got})") from None

    def _pair(self, peer: Peer, first: ScriptedSa) -> bool:
        """Whether another IKE SA between the same two comes up while this one is there."""
        try:
            self._opened(peer, initial_contact=False)
        except Failed as refused:
            peer.note(f"one IKE SA at a time: {refused.problem}")
            return False
        return True

    # --- the device as initiator ----------------------------------------------------------------------------------

    def _initiates(self, peer: Peer, dut: Dut) -> tuple[str, bool]:
        """Raises Failed."""
        dut.initiate()
        patience = max(peer.response_timeout, self.patience)
        try:
            first = peer.expect_init(patience)
        except Unexpected:
            problem = f"no IKE_SA_INIT request comes within {patience:g} s"
            raise Failed(problem, _filled(_UNTOLD, peer)) from None
        self.heard = True
        try:
            sa = peer.respond_init(first)
        except Unexpected as refused:
            raise Failed(f"its IKE_SA_INIT request cannot be taken: {refused.got}", _filled(_OFFERS, peer)) from None
        try:
            sa.answer(sa.expect_request(ExchangeType.IKE_AUTH))
        except Unexpected as silent:
            raise Failed(f"after IKE_SA_INIT with {_suite(sa)} no IKE_AUTH request comes ({silent.got})") from None
        if sa.state != State.ESTABLISHED:
            raise Failed(f"its IKE_AUTH request cannot be taken: {_said(sa)}", _NOT_BELIEVED)
        if not sa.children and peer.connection.children:
            raise Failed(f"IKE_AUTH succeeds, but there is no Child SA: {sa.problem or 'it asks for none'}")
        self._liveness(sa)
        return _suite(sa), True


def _said(sa: ScriptedSa) -> str:
    """Why our side is not content, or the last message of the device with what is wrong in it."""
    last = next((str(one) for one in reversed(sa.peer.inbox) if one.sa is sa), "")
    return sa.problem or sa.close_after_response or last or "nothing is said"


def _suite(sa: ScriptedSa) -> str:
    return _words(sa.keys.suite) if sa.keys is not None else ""


def _words(suite: IkeSuite) -> str:
    bits = f"-{suite.key_bits}" if suite.key_bits else ""
    integ = [] if suite.integ == 0 else [suite.integ.name]
    return ", ".join([suite.encr.name + bits, *integ, suite.prf.name, suite.ke.name])


def _advice(peer: Peer, answer: Message) -> Advice:
    error = fatal(answer)
    return _filled(_WRONG.get(error.type, _NOTHING), peer) if error is not None else _NOTHING


def _filled(advice: Advice, peer: Peer) -> Advice:
    """Advice with what we use: our proposals, selectors, and both addresses."""
    child = peer.connection.children[0] if peer.connection.children else None
    words = advice.words.format(
        ike=" or ".join(peer.connection.proposals),
        esp=" or ".join(child.proposals) if child else "",
        ts=f"{', '.join(child.local_ts)} to {', '.join(child.remote_ts)}" if child else "",
        there=peer.remote,
        here=peer.local,
    )
    return replace(advice, words=words)
