"""What the device says in EAP-TLS when all is well, in both roles, and how a server says that it is not."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from conformance.eap.conversation import Conversation
from conformance.eap.layout import Body
from conformance.eap.peer import EapPeer
from conformance.eap.server import EapServer
from conformance.eap.tls_frames import LENGTH, MORE, START, Piece, SizedPiece, decode_frame
from conformance.eap.tls_method import TlsMethod
from conformance.script.peer import Peer
from conformance.script.verdict import Inconclusive, NotApplicable
from conformance.tls import TlsVersion
from conformance.tls.messages import ClientHello, Extension, read_message
from conformance.wire import EapCode
from conformance.wire.errors import WireError
from peers.capabilities import Capability
from suites.connections import eap
from suites.dut import Dut
from suites.eap import listening
from suites.eap.listening import Listened
from suites.eap.preparing import Prepare
from suites.eap_tls.conduct import UNSPOKEN
from suites.eap_tls.deviation import showing
from suites.eap_tls.making import Row, purposes
from suites.eap_tls.test_certificates import untrusted
from suites.purpose import purpose

SERVER, PEER = (Capability.EAP,), (Capability.EAP_PEER,)
V12, V13 = TlsVersion.TLS_1_2, TlsVersion.TLS_1_3
SMALL = 200
"""Octets in a fragment of ours, so that the device has several to acknowledge."""
HANDSHAKE = b"\x16"
OF_CERTIFICATES = range(42, 50)
"""Alerts about a certificate and its authority."""
PRE_SHARED_KEY = 41
RECORD = 5


def each_method(change: Callable[[TlsMethod], None]) -> Prepare:
    """Something done to our side of TLS."""

    def prepare(conversation: Conversation) -> None:
        assert isinstance(conversation, EapPeer | EapServer)
        for one in conversation.methods:
            if isinstance(one, TlsMethod):
                change(one)

    return prepare


def small(version: TlsVersion | None = None) -> Prepare:
    """Our side in small fragments, with one version of TLS."""

    def change(method: TlsMethod) -> None:
        method.fragments.size = SMALL
        if version is not None:
            method.config = replace(method.config, versions=(version,))

    return each_method(change)


def frames(heard: Listened) -> list[Piece | SizedPiece]:
    """The device's frames."""
    try:
        return [decode_frame(one.data) for one in heard.of_method]
    except WireError as error:
        raise Inconclusive(f"it says what is no EAP-TLS: {error}") from None


def our_method(heard: Listened) -> TlsMethod:
    """Our side."""
    found = heard.conversation.method if heard.conversation is not None else None
    if not isinstance(found, TlsMethod) or found.engine is None:
        raise Inconclusive(f"no EAP-TLS: {heard.shown}")
    return found


def must_speak(heard: Listened, version: TlsVersion) -> None:
    """Raises NotApplicable where the device does not speak it."""
    method = our_method(heard)
    assert method.engine is not None
    error = method.engine.error
    greeted = any(one.data[:1] == HANDSHAKE for one in frames(heard))
    refused = not greeted if error is None else error.alert in UNSPOKEN
    if method.engine.version != version and refused:
        raise NotApplicable(f"it does not speak {version} with us: {error}")


def must_be_cut_aright(peer: Peer, found: list[Piece | SizedPiece]) -> None:
    """The first of several fragments tells how long they are together."""
    whole: list[Piece | SizedPiece] = []
    for one in found:
        if one.flags & MORE and not whole:
            peer.check(one.flags & LENGTH, "the L flag in the first fragment", one, "RFC5216-2.1.5-3")
        whole.append(one)
        if one.flags & MORE:
            continue
        if len(whole) > 1:
            first, total = whole[0], sum(len(each.data) for each in whole)
            said = first.total if isinstance(first, SizedPiece) else "no length"
            peer.check(said == total, f"the L flag and {total} octets in the first fragment", said, "RFC5216-2.1.5-3")
        whole = []


def must_acknowledge(peer: Peer, said: list[Any], answers: list[Piece | SizedPiece], requirement: str) -> None:
    """Each fragment of ours that was not the last one got a frame without data."""
    pairs = [(one, answer) for one, answer in zip(said, answers, strict=False) if one.flags & MORE]
    if not pairs:
        raise Inconclusive("we have sent no fragments")
    for _, answer in pairs:
        peer.check(not answer.data, "a frame without data after each fragment", answer, requirement)


def said_by_us(heard: Listened) -> list[Body]:
    """Our frames."""
    assert heard.conversation is not None
    return list(heard.conversation.said)


# --- the device as server ---------------------------------------------------------------------------------------------


@purpose(
    "eap-tls-frames", "RFC5216-2.1.1-1", "RFC5216-2.1.5-3", "RFC5216-2.1.5-6", role="responder", needs=SERVER,
    connection=eap("tls"), ordinary=True,
)  # fmt: skip
def test_frames(peer: Peer) -> None:
    """The server begins with Start and no data, tells the length of what it cuts, and acknowledges our fragments."""
    heard = listening.served(peer, small())
    found = frames(heard)
    peer.check(found, "a request of EAP-TLS", heard.shown, "RFC5216-2.1.1-1")
    first = found[0]
    peer.check(first.flags & START and not first.data, "the S flag and no data", first, "RFC5216-2.1.1-1")
    must_be_cut_aright(peer, found)
    must_acknowledge(peer, said_by_us(heard), found[1:], "RFC5216-2.1.5-6")
    peer.check(heard.up, "an IKE SA", heard.shown, "RFC5216-2.1.5-6")


def premature(early: list[bytes]) -> Prepare:
    """Keeps what has come through the tunnel before our Finished message could be there."""

    def change(method: TlsMethod) -> None:
        answer, take = method.answer, method.take_inner  # type: ignore[attr-defined]
        beginning = [True]

        def answering(message: bytes, engine: Any) -> Any:
            beginning[0] = not engine.done
            return answer(message, engine)

        def taking(data: bytes) -> Any:
            if beginning[0]:
                early.append(data)
            return take(data)

        method.answer, method.take_inner = answering, taking  # type: ignore[attr-defined]

    return each_method(change)


@purpose(
    "eap-tls-13-frames", "RFC9190-2.1.9-1", "RFC9190-2.5-3", "RFC9190-2.1.1-1", role="responder", needs=SERVER,
    connection=eap("tls"), ordinary=True,
)  # fmt: skip
def test_frames_13(peer: Peer) -> None:
    """A server of TLS 1.3 shows a certificate, tells the length of fragments only, and says 0 after our Finished."""
    early: list[bytes] = []

    def prepare(conversation: Conversation) -> None:
        small(V13)(conversation)
        premature(early)(conversation)

    heard = listening.served(peer, prepare)
    must_speak(heard, V13)
    must_tell_no_length(peer, frames(heard))
    peer.check(not early, "nothing through the tunnel before our Finished", early, "RFC9190-2.5-3", bypass=True)
    engine = our_method(heard).engine
    peer.check(engine is not None and engine.peer_chain, "a certificate", "none", "RFC9190-2.1.1-1")
    peer.check(heard.up, "an IKE SA", heard.shown, "RFC9190-2.1.1-1")


def must_tell_no_length(peer: Peer, found: list[Piece | SizedPiece]) -> None:
    """A message in one piece has no L flag."""
    continued = False
    for one in found:
        alone = not continued and not one.flags & MORE
        told = alone and one.flags & LENGTH
        peer.check(not told, "no L flag in a message in one piece", one, "RFC9190-2.1.9-1")
        continued = bool(one.flags & MORE)


def alerted(version: TlsVersion, requirement: str, follows: str) -> Callable[[Peer], None]:
    """How a server refuses a certificate."""
    name = "12" if version == V12 else "13"

    @purpose(
        f"eap-tls-{name}-alert", *dict.fromkeys((follows, requirement)), role="responder", needs=SERVER,
        connection=eap("tls"), family="eap-tls-alert",
    )  # fmt: skip
    def test(peer: Peer) -> None:
        leaf = untrusted(peer)

        def change(method: TlsMethod) -> None:
            method.config = replace(method.config, versions=(version,), leaf=leaf)

        heard = listening.served(peer, each_method(change))
        must_speak(heard, version)
        engine = our_method(heard).engine
        error = engine.error if engine is not None else None
        told = error is not None and error.remote
        fits = error is not None and told and error.alert in OF_CERTIFICATES
        peer.check(fits, "an alert about our certificate", error or heard.shown, requirement)
        last = heard.packets[-1]
        peer.check(last.code == EapCode.FAILURE, "EAP-Failure after the alert", last, follows)

    test.__doc__ = f"A client of {version} whose certificate is untrusted is told so by an alert; EAP-Failure follows."
    test.__module__ = __name__
    return test


test_alert_12 = alerted(V12, "RFC5216-2.1.3-1", "RFC5216-2.1.3-2")
test_alert_13 = alerted(V13, "RFC9190-2.1.4-1", "RFC5216-2.1.3-2")

purposes(__name__, "responder", [
    Row("eap-tls-13-certificate-none", "A server of TLS 1.3 demands a certificate of the client.",
        ("RFC9190-2.1.1-2",), showing(None, "no certificate at all", V13), "unwise"),
])  # fmt: skip


# --- the device as peer -----------------------------------------------------------------------------------------------


@purpose(
    "eap-tls-peer-frames", "RFC5216-2.1.5-3", "RFC5216-2.1.5-4", "RFC5216-2.1.1-5", role="initiator", needs=PEER,
    connection=eap("tls", device="initiator"), ordinary=True,
)  # fmt: skip
def test_peer_frames(peer: Peer, dut: Dut) -> None:
    """The peer shows its certificate, tells the length of what it cuts, and acknowledges our fragments."""
    heard = listening.asking(peer, dut, small())
    found = frames(heard)
    must_be_cut_aright(peer, found)
    must_acknowledge(peer, said_by_us(heard), found, "RFC5216-2.1.5-4")
    engine = our_method(heard).engine
    shown = engine is not None and engine.peer_chain
    peer.check(shown and heard.up, "its certificate and a proof of it", heard.shown, "RFC5216-2.1.1-5")


@purpose(
    "eap-tls-peer-13-frames", "RFC9190-2.1.9-1", "RFC9190-2.1.1-3", role="initiator", needs=PEER,
    connection=eap("tls", device="initiator"), ordinary=True,
)  # fmt: skip
def test_peer_frames_13(peer: Peer, dut: Dut) -> None:
    """A peer of TLS 1.3 tells no length of a message in one piece, and offers no key but those of earlier sessions.

    A key from elsewhere is offered with an age of 0 (RFC 8446, 4.2.11), that of a session with a disguised one.
    """
    heard = listening.asking(peer, dut, small(V13))
    must_speak(heard, V13)
    found = frames(heard)
    must_tell_no_length(peer, found)
    hello = client_hello(found)
    offered = [one.data for one in hello.extensions if isinstance(one, Extension) and one.type == PRE_SHARED_KEY]
    shared = [age for data in offered for age in ages(data) if not age]
    peer.check(not shared, "no pre_shared_key but of a session to resume", hello, "RFC9190-2.1.1-3")


def ages(data: bytes) -> list[int]:
    """The obfuscated_ticket_age of each identity in pre_shared_key (RFC 8446, section 4.2.11)."""
    found, rest = [], data[2 : 2 + int.from_bytes(data[:2], "big")]
    while rest:
        size = 2 + int.from_bytes(rest[:2], "big")
        found.append(int.from_bytes(rest[size : size + 4], "big"))
        rest = rest[size + 4 :]
    return found


def client_hello(found: list[Piece | SizedPiece]) -> ClientHello:
    """The device's first message."""
    octets = b""
    for one in found:
        octets += one.data
        if not one.flags & MORE:
            break
    size = int.from_bytes(octets[3:5], "big")
    message = read_message(octets[RECORD : RECORD + size], V13)
    if not isinstance(message, ClientHello):
        raise Inconclusive(f"it begins with {message}")
    return message
