"""How it begins and ends: Start, acknowledgements, the octet 0 of TLS 1.3, Success, the key; and what never ends."""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from conformance.eap.tls import EapTlsPeer, EapTlsServer
from conformance.eap.tls_frames import MORE, START, Frame, Piece, decode_frame
from conformance.eap.tls_method import TlsMethod
from conformance.script import bend
from conformance.script.peer import Peer
from conformance.tls import TlsConfig, TlsEngine, TlsVersion
from conformance.wire import EAP, EapCode, EapPacket
from peers.capabilities import Capability
from suites.connections import eap
from suites.dut import Dut
from suites.eap.steps import must_get_nothing, proof
from suites.eap_tls.conduct import must_not_believe, must_refuse, served, told
from suites.eap_tls.deviation import ALERT, APPLICATION_DATA, HANDSHAKE, Deviation, Note, Shape, lite, speaking
from suites.eap_tls.making import Row, purposes
from suites.ike_auth.refusal import NOT_CREATED, must_be_refused_by
from suites.purpose import purpose

TIER = "full"

M = TypeVar("M", bound=TlsMethod)
V12, V13 = TlsVersion.TLS_1_2, TlsVersion.TLS_1_3
SERVER, PEER = (Capability.EAP,), (Capability.EAP_PEER,)
AS_SERVER, AS_CLIENT = eap("tls"), eap("tls", device="initiator")
OLD_LABEL, NEW_LABEL = b"client EAP encryption", b"EXPORTER_EAP_TLS_Key_Material"
KEY = 64
ENDLESS, PIECE = 128 * 1024, 4000
"""Octets after which nobody has to wait for the end of a message, twice what RFC 5216 suggests; and of a fragment."""


# --- Start ------------------------------------------------------------------------------------------------------------


class Beginner(EapTlsServer):
    """Begins otherwise."""

    def __init__(self, config: TlsConfig, first: Frame) -> None:
        super().__init__(config)
        self.first = first

    def start(self) -> Frame:
        """Another frame."""
        super().start()
        return self.first


class Restarter(EapTlsServer):
    """Says Start again with its ServerHello."""

    def answer(self, message: bytes, engine: TlsEngine) -> Frame | None:
        """As usual, with the flag."""
        found = super().answer(message, engine)
        return found and replace(found, flags=found.flags | START)  # type: ignore[type-var]


def beginning(text: str, first: Frame) -> Deviation:
    """As the server: another frame in place of Start."""

    def shape(found: TlsMethod, note: Note) -> TlsMethod:
        note(text)
        return Beginner(found.config, first)

    return Deviation(text, shape)


def _kept(make: Callable[[TlsConfig], M], made: list[M]) -> Shape:
    def shape(found: TlsMethod, note: Note) -> TlsMethod:
        note("it is in play")
        made.append(make(found.config))
        return made[-1]

    return shape


def _in_play(text: str, make: Callable[[TlsConfig], TlsMethod]) -> Shape:
    def shape(found: TlsMethod, note: Note) -> TlsMethod:
        note(text)
        return make(found.config)

    return shape


# --- the end of TLS 1.3 -----------------------------------------------------------------------------------------------


class Ending(EapTlsServer):
    """Ends otherwise: with these records in place of the octet 0, or with Success at once."""

    def __init__(self, config: TlsConfig, note: Callable[[], None], *words: tuple[int, bytes]) -> None:
        super().__init__(lite(config))
        self.note = note
        self.words = words

    def protect(self, data: bytes) -> bytes:
        """The records in place of the octet 0, with the keys that are in force after the handshake."""
        if not data:
            return b""
        self.note()
        assert self.engine is not None
        return b"".join(self.engine.inject(*one) for one in self.words)

    def answer(self, message: bytes, engine: TlsEngine) -> Frame | None:
        """Success at once where nothing is to be said."""
        found = super().answer(message, engine)
        if not self.words and engine.done and found is not None and not found.data:
            self.end(True)
            return None
        return found


def ending(text: str, *words: tuple[int, bytes]) -> Deviation:
    """As the server of TLS 1.3: another end."""
    return Deviation(text, lambda found, note: Ending(found.config, lambda: note(text), *words), V13, True)


def said(kind: int, body: bytes) -> tuple[int, bytes]:
    """The record of a handshake message."""
    return HANDSHAKE, bytes((kind,)) + len(body).to_bytes(3, "big") + body


ZERO = (APPLICATION_DATA, b"\0")
_LIFETIME, _AGE, _NONCE, _TICKET = (3600).to_bytes(4, "big"), bytes(4), b"\1\0", b"\0\x08a ticket"
TICKET = said(4, _LIFETIME + _AGE + _NONCE + _TICKET + b"\0\0")
EARLY_TICKET = said(4, _LIFETIME + _AGE + _NONCE + _TICKET + bytes.fromhex("0008 002a 0004 00004000"))
KEY_UPDATE = said(24, b"\0")
ASKS_LATER = said(13, bytes.fromhex("04 00112233 0008 000d 0004 0002 0403"))
SUCCEEDS, SAYS = "RFC9190-2.5-2", "RFC9190-2.1-3"

purposes(__name__, "initiator", [
    Row("eap-tls-peer-start-data", "A Start that brings data along confuses nobody.", ("RFC5216-3.1-3",),
        beginning("Start with data", Piece(START, b"hello")), "either"),
    Row("eap-tls-peer-start-none", "A first request without the flag of Start confuses nobody.", ("RFC5216-3.1-3",),
        beginning("no Start", Piece(0)), "either"),
    Row("eap-tls-peer-start-more", "A Start that says that more follows confuses nobody.", ("RFC5216-3.1-3",),
        beginning("Start with More", Piece(START | MORE)), "either"),
    Row("eap-tls-peer-start-again", "The flag of Start beside a ServerHello confuses nobody.", ("RFC5216-3.1-3",),
        Deviation("Start again", _in_play("Start again", Restarter)), "either"),
    Row("eap-tls-peer-13-end-none", "A Success that no octet 0 through the tunnel has announced is not believed.",
        (SUCCEEDS,), ending("Success at once")),
    Row("eap-tls-peer-13-end-other", "Another octet than 0 through the tunnel announces no Success.",
        (SUCCEEDS,), ending("an octet 1", (APPLICATION_DATA, b"\1"))),
    Row("eap-tls-peer-13-end-alert", "After an alert through the tunnel no Success is believed.",
        ("RFC9190-2.5-4",), ending("an alert at the end", (ALERT, bytes((2, 49))))),
    Row("eap-tls-peer-13-ticket", "A ticket in front of the octet 0 is taken, used or not.",
        (SAYS,), ending("a ticket", TICKET, ZERO), "accepted"),
    Row("eap-tls-peer-13-ticket-early", "What a ticket says about early data is ignored.",
        ("RFC9190-2.1.2-2",), ending("a ticket with early_data", EARLY_TICKET, ZERO), "accepted"),
    Row("eap-tls-peer-13-key-update", "KeyUpdate in front of the octet 0 confuses nobody.",
        (SAYS,), ending("KeyUpdate", KEY_UPDATE, ZERO), "either"),
    Row("eap-tls-peer-13-asked-later", "A request for a certificate after the handshake is refused or ignored.",
        ("RFC9190-2.1-2",), ending("a late CertificateRequest", ASKS_LATER, ZERO), "either"),
])  # fmt: skip


# --- Success ----------------------------------------------------------------------------------------------------------


def _results(code: EapCode) -> bend.Bend:
    return bend.replace(EAP, lambda one: EAP(replace(one.packet, code=code, type=None, data=b"")), f"EAP {code.name}")


@purpose(
    "eap-tls-peer-success-early", "RFC3748-4.2-3", NOT_CREATED, role="initiator", needs=PEER, connection=AS_CLIENT,
)  # fmt: skip
def test_success_early(peer: Peer, dut: Dut) -> None:
    """A Success in place of the server's last flight convinces nobody: its Finished is still due.

    In TLS 1.3 what is missing is the octet 0.
    """

    class Early(EapTlsServer):
        def answer(self, message: bytes, engine: TlsEngine) -> Frame | None:
            found = super().answer(message, engine)
            if not engine.done:
                return found
            self.end(True)
            return None

    early = Deviation("Success in place of the last flight", _in_play("early", Early))
    played, attempt, _ = served(peer, dut, early)
    peer.check(played.last is None, "no AUTH payload", played.last, "RFC3748-4.2-3", bypass=True)
    played.must_have_deviated()
    must_be_refused_by(dut, peer, attempt)


@purpose(
    "eap-tls-peer-success-none", "RFC7296-2.16-14", NOT_CREATED, role="initiator", needs=PEER, connection=AS_CLIENT,
)  # fmt: skip
def test_success_none(peer: Peer, dut: Dut) -> None:
    """Where TLS has ended well and a Failure comes, the device does not prove itself and has no IKE SA."""

    class Failing(EapTlsServer):
        def take_inner(self, data: bytes) -> bytes:
            self.end(False)
            return b""

    failing = Deviation("Failure in place of Success", _in_play("fails", Failing))
    played, attempt, _ = served(peer, dut, failing)
    peer.check(played.last is None, "no AUTH payload", played.last, "RFC7296-1.2-18", bypass=True)
    must_be_refused_by(dut, peer, attempt)


# --- the key ----------------------------------------------------------------------------------------------------------


def _key(method: TlsMethod, label: bytes, context: bytes | None) -> bytes:
    assert method.engine is not None
    return method.engine.export(label, context, 2 * KEY)[:KEY]


def _other_key(peer: Peer, version: TlsVersion, label: bytes, context: bytes | None, requirement: str) -> None:
    played = told(peer, speaking(version))
    if played.code != EapCode.SUCCESS:
        played.must_speak()
    with peer.preamble("EAP"):
        peer.check(played.code == EapCode.SUCCESS, "EAP-Success", played.why)
    method = played.method
    assert isinstance(method, EapTlsPeer) and played.last is not None
    made = proof(played.sa, _key(method, label, context), f"AUTH with the key that {label.decode()} makes")
    must_get_nothing(peer, played.sa, played.last, made, requirement=requirement)


@purpose("eap-tls-12-key-of-13", "RFC5216-2.3-1", NOT_CREATED, role="responder", needs=SERVER, connection=AS_SERVER)
def test_key_of_13(peer: Peer) -> None:
    """After TLS 1.2 an AUTH payload whose key is made with the label of TLS 1.3 lets nobody in."""
    _other_key(peer, V12, NEW_LABEL, b"\x0d", "RFC5216-2.3-1")


@purpose("eap-tls-13-key-of-12", "RFC9190-2.3-1", NOT_CREATED, role="responder", needs=SERVER, connection=AS_SERVER)
def test_key_of_12(peer: Peer) -> None:
    """After TLS 1.3 an AUTH payload whose key is made with the label of TLS 1.2 lets nobody in."""
    _other_key(peer, V13, OLD_LABEL, None, "RFC9190-2.3-1")


# --- what never ends --------------------------------------------------------------------------------------------------


def _endless() -> Piece:
    return Piece(MORE, bytes((HANDSHAKE, 3, 3, 0x40, 0)) + bytes(PIECE - 5))


@purpose(
    "eap-tls-fragments-endless", NOT_CREATED, "RFC5216-2.1.5-2", role="responder", needs=SERVER, connection=AS_SERVER,
)  # fmt: skip
def test_fragments_endless(peer: Peer) -> None:
    """A message in ever more fragments is given up before it has 128 KB, and the device serves others meanwhile."""

    class Endless(EapTlsPeer):
        sent = 0

        def receive(self, data: bytes, packet: EapPacket) -> Frame:
            if self.sent >= ENDLESS or decode_frame(data).data:
                return Piece(0)
            self.sent += PIECE
            return _endless()

    made: list[Endless] = []
    must_refuse(peer, Deviation("fragments without end", _kept(Endless, made)))
    sent = made[0].sent
    peer.check(sent < ENDLESS, "an end of it before 128 KB", f"{sent} octets acknowledged", "RFC5216-2.1.5-2")


@purpose(
    "eap-tls-peer-fragments-endless", NOT_CREATED, "RFC5216-2.1.5-2", role="initiator", needs=PEER,
    connection=AS_CLIENT,
)  # fmt: skip
def test_peer_fragments_endless(peer: Peer, dut: Dut) -> None:
    """A server whose message has ever more fragments is given up before it has 128 KB."""

    class Endless(EapTlsServer):
        sent = 0

        def receive(self, data: bytes, packet: EapPacket) -> Frame | None:
            if decode_frame(data).flags & MORE:
                return super().receive(data, packet)
            if self.sent >= ENDLESS:
                return Piece(0)
            self.sent += PIECE
            return _endless()

    made: list[Endless] = []
    must_not_believe(peer, dut, Deviation("fragments without end", _kept(Endless, made)))
    sent = made[0].sent
    peer.check(sent < ENDLESS, "an end of it before 128 KB", f"{sent} octets acknowledged", "RFC5216-2.1.5-2")
