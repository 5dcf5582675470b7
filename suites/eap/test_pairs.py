"""TTLS: what the device itself says in the tunnel, pair by pair (RFC 5281, sections 10 and 11), in both roles."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from conformance.eap.avp import (
    CHAP_CHALLENGE,
    CHAP_PASSWORD,
    EAP_MESSAGE,
    MICROSOFT,
    MS_CHAP2_RESPONSE,
    MS_CHAP2_SUCCESS,
    MS_CHAP_CHALLENGE,
    USER_NAME,
    AnyAvp,
    Avps,
)
from conformance.eap.conversation import Conversation
from conformance.eap.layout import Body
from conformance.eap.ttls import Ttls
from conformance.eap.ttls_peer import TtlsPeer
from conformance.eap.ttls_server import TtlsServer
from conformance.script.peer import Peer
from conformance.wire import EapCode, EapType
from conformance.wire.errors import WireError
from suites.dut import Dut
from suites.eap import listening, roles
from suites.eap.cases import Case, tunnels
from suites.eap.roles import NOBODY, TTLS, TTLS_CHAP, TTLS_MSCHAPV2, Way, as_peer, as_server
from suites.eap.sweeping import each
from suites.eap.test_tunnels import pairs

SIZES = {(CHAP_PASSWORD, 0): 17, (MS_CHAP2_RESPONSE, MICROSOFT): 50}
"""Pairs that have one size only, which is no multiple of four."""
TEXTS = ((USER_NAME, 0), (MS_CHAP2_SUCCESS, MICROSOFT))
"""Pairs that end with a letter or digit."""


@dataclass(slots=True)
class Overheard:
    """What the device has said in the tunnel, and the challenge that TLS made."""

    said: list[bytes] = field(default_factory=list)
    challenge: bytes = b""

    def prepare(self, conversation: Conversation) -> None:
        """Our side keeps it."""
        for method in tunnels(conversation):
            if isinstance(method, TtlsPeer | TtlsServer):
                method.take_inner = self._keeping(method, method.take_inner)  # type: ignore[method-assign, assignment]

    def _keeping(self, method: Ttls, take: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
        def keeping(data: bytes) -> bytes:
            if data:
                self.said.append(data)
                self.challenge = method.challenge(17)
            return take(data)

        return keeping

    def first(self, peer: Peer, requirement: str) -> Avps:
        """What was said first, which must be pairs."""
        peer.check(self.said, "pairs in the tunnel", "nothing", requirement)
        return read(peer, self.said[0], requirement)


def read(peer: Peer, data: bytes, requirement: str) -> Avps:
    """Pairs that fill the octets as their lengths say."""
    try:
        return Avps.decode(data)
    except WireError as error:
        peer.check(False, "pairs that are as long as they say", error, requirement)
        raise


def must_be_exact(peer: Peer, data: bytes) -> None:
    """The length of each pair ends with its data: nothing that has an end of its own goes on behind that."""
    found = read(peer, data, "RFC5281-10.1-1")
    for one in found.items:
        if not isinstance(one, AnyAvp) or not one.data:
            continue
        kind, octets = (one.code, one.vendor), len(one.data)
        if kind in SIZES:
            peer.check(octets == SIZES[kind], f"{SIZES[kind]} octets in pair {one.code}", octets, "RFC5281-10.1-1")
        elif kind in TEXTS:
            ends = one.data[-1] != 0
            peer.check(ends, f"pair {one.code} without zeros at its end", one.data.hex(), "RFC5281-10.1-1")
    packet = found.all(EAP_MESSAGE)
    if packet is not None:
        due = int.from_bytes(packet[2:4], "big")
        peer.check(len(packet) == due, f"{due} octets in EAP-Message", len(packet), "RFC5281-10.1-1")


@as_peer("eap-initiator-{}-pairs", "RFC5281-10.1-1", ways=(TTLS, *roles.TUNNELS))
def pairs_of_peer(peer: Peer, dut: Dut, way: Way) -> None:
    """The pairs of a peer of {way.title} are as long as their data, without what fills up four octets."""
    found = Overheard()
    listening.asking(peer, dut, found.prepare)
    found.first(peer, "RFC5281-10.1-1")
    for data in found.said:
        must_be_exact(peer, data)


@as_server("eap-{}-pairs", "RFC5281-10.1-1", ways=(TTLS, TTLS_MSCHAPV2))
def pairs_of_server(peer: Peer, way: Way) -> None:
    """The pairs of a server of {way.title} are as long as their data, without what fills up four octets."""
    found = Overheard()
    listening.served(peer, found.prepare)
    found.first(peer, "RFC5281-10.1-1")
    for data in found.said:
        must_be_exact(peer, data)


@as_peer("eap-initiator-{}-identity", "RFC5281-11.2.1-1", ways=(TTLS,))
def identity(peer: Peer, dut: Dut, way: Way) -> None:
    """With EAP in the tunnel the device begins: its first pair is an EAP-Message with a Response of type Identity."""
    found = Overheard()
    listening.asking(peer, dut, found.prepare)
    octets = found.first(peer, "RFC5281-11.2.1-1").all(EAP_MESSAGE)
    peer.check(octets, "EAP-Message in the first pairs", found.said[0].hex(), "RFC5281-11.2.1-1")
    assert octets is not None
    named = octets[:1] == bytes((EapCode.RESPONSE,)) and octets[4:5] == bytes((EapType.IDENTITY,))
    peer.check(named, "EAP-Response/Identity", octets.hex(), "RFC5281-11.2.1-1")


@as_peer("eap-initiator-{}-challenge", "RFC5281-11.1-1", ways=(TTLS_CHAP, TTLS_MSCHAPV2))
def challenge(peer: Peer, dut: Dut, way: Way) -> None:
    """A peer of {way.title} answers the challenge that TLS makes, and says just that."""
    found = Overheard()
    listening.asking(peer, dut, found.prepare)
    said = found.first(peer, "RFC5281-11.1-1")
    vendor = MICROSOFT if way == TTLS_MSCHAPV2 else 0
    told = said.all(MS_CHAP_CHALLENGE if vendor else CHAP_CHALLENGE, vendor)
    answer = said.all(MS_CHAP2_RESPONSE if vendor else CHAP_PASSWORD, vendor) or b""
    due = found.challenge
    fits = told == due[:16]
    peer.check(fits, f"the challenge {due[:16].hex()}", (told or b"").hex() or "none", "RFC5281-11.1-1")
    peer.check(answer[:1] == due[16:], f"the identifier {due[16]}", answer[:1].hex() or "none", "RFC5281-11.1-1")


@as_server("eap-{}-password", *NOBODY, "RFC5281-11.2.2-2", ways=(TTLS_CHAP,))
def password(peer: Peer, way: Way) -> None:
    """A CHAP-Password of another password, of none, or one that is cut short, lets nobody in."""

    def other(text: str, change: Callable[[bytes], bytes]) -> Case:
        def changing(body: Avps) -> Body:
            return Avps(
                tuple(
                    replace(one, data=change(one.data))  # type: ignore[type-var]
                    if isinstance(one, AnyAvp) and one.code == CHAP_PASSWORD
                    else one
                    for one in body.items
                )
            )

        return pairs(text, changing, wrong=True)

    each(
        peer,
        other("a bit of the hash turned", lambda data: data[:-1] + bytes((data[-1] ^ 1,))),
        other("zeros as the hash", lambda data: data[:1] + bytes(16)),
        other("the identifier alone", lambda data: data[:1]),
        other("half of the hash", lambda data: data[:9]),
        other("another identifier", lambda data: bytes((data[0] ^ 1,)) + data[1:]),
    )
