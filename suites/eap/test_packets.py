"""EAP packets that are wrong, out of place or not EAP at all; the device as responder (RFC 3748, section 4)."""

from dataclasses import replace

from conformance.ike.core.connection import Eap
from conformance.script import bend
from conformance.script.bend import Bend
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa, fatal
from conformance.script.verdict import Unexpected
from conformance.wire import EAP, EapCode, EapPacket, EapType, Message
from peers.capabilities import Capability
from suites.connections import eap
from suites.eap.steps import asked, fields, must_be_up, must_get_nothing, octets, packet, until_method
from suites.ike_auth.refusal import must_be_gone
from suites.purpose import purpose

NEEDS = (Capability.EAP,)


def each(peer: Peer, *bends: Bend, method: bool = True) -> None:
    """Each of these in place of our response to the method, or to the first request, on an IKE SA of its own."""
    for bent in bends:
        sa = peer.sa()
        answer = until_method(peer, sa) if method else asked(peer, sa)
        peer.note(bent.text)
        must_get_nothing(peer, sa, answer, bent)


@purpose(
    "eap-identifier", "RFC3748-4.1-7", "RFC7296-1.2-18", role="responder", needs=NEEDS, connection=eap(),
)  # fmt: skip
def test_identifier(peer: Peer) -> None:
    """A response whose Identifier is that of no request is none: it must lead to no Success."""
    each(peer, *map(moved, (1, -1, 128)))


def moved(by: int) -> Bend:
    """An Identifier that is larger by this much."""
    return packet(lambda one: replace(one, identifier=(one.identifier + by) & 0xFF), f"Identifier {by:+d}")


@purpose(
    "eap-code", "RFC3748-4-1", "RFC7296-1.2-18", role="responder", needs=NEEDS, connection=eap(),
)  # fmt: skip
def test_code(peer: Peer) -> None:
    """A peer that sends a Request, a Success, a Failure or a code that does not exist is not let in."""
    each(
        peer,
        fields("our response with the code of a Request", code=EapCode.REQUEST),
        *map(result, (EapCode.SUCCESS, EapCode.FAILURE)),
        *(fields(f"code {code}", code=EapCode(code)) for code in (0, 5, 255)),
    )


def result(code: EapCode) -> Bend:
    """A Success or Failure of our own."""
    return packet(lambda one: EapPacket(code, one.identifier), f"our own {code.name}")


@purpose(
    "eap-length", "RFC3748-4-3", "RFC7296-3.16-2", "RFC7296-1.2-18", role="responder", needs=NEEDS, connection=eap(),
)  # fmt: skip
def test_length(peer: Peer) -> None:
    """An EAP packet whose Length is not that of the payload lets nobody in, whichever of them is larger."""
    each(peer, *(fields(f"Length {length}", length=length) for length in (0, 3, 4, 5, 65535)))


@purpose(
    "eap-truncated", "RFC3748-4-3", "RFC7296-1.2-18", role="responder", needs=NEEDS, connection=eap(),
)  # fmt: skip
def test_truncated(peer: Peer) -> None:
    """An EAP payload that holds no whole packet lets nobody in."""
    each(peer, *(octets(bytes((2, 1, 0, size))[:size], f"an EAP payload of {size} octets") for size in range(5)))


@purpose(
    "eap-type", "RFC3748-4.1-9", "RFC7296-1.2-18", role="responder", needs=NEEDS, connection=eap(),
)  # fmt: skip
def test_type(peer: Peer) -> None:
    """A response of another type than the request, a Nak apart, lets nobody in."""
    each(peer, *(fields(f"type {kind}", type=EapType(kind)) for kind in (0, 1, 2, 127, 253, 255)))


@purpose(
    "eap-nak-unknown", "RFC7296-1.2-18", "RFC3748-5.3.1-3", role="responder", needs=NEEDS, connection=eap(),
)  # fmt: skip
def test_nak_unknown(peer: Peer) -> None:
    """A Nak that wants only what the device does not have, or nothing, or is empty, ends without Success."""
    each(
        peer,
        *(
            fields(f"a Nak that wants {words}", type=EapType.NAK, data=data)
            for data, words in ((b"\xfa", "type 250"), (b"\0", "no other method"), (b"", "nothing at all"))
        ),
    )


@purpose(
    "eap-nak-many", "RFC7296-1.2-18", "RFC3748-5.3.1-3", role="responder", needs=NEEDS, connection=eap(),
)  # fmt: skip
def test_nak_many(peer: Peer) -> None:
    """A Nak that lists everything that exists twice over lets nobody in by itself."""
    each(peer, fields("a Nak that wants everything", type=EapType.NAK, data=bytes(range(4, 253)) * 2))


@purpose(
    "eap-payload-missing", "RFC7296-2.16-2", "RFC7296-1.2-18", role="responder", needs=NEEDS, connection=eap(),
)  # fmt: skip
def test_payload_missing(peer: Peer) -> None:
    """A request without an EAP payload in the midst of EAP lets nobody in."""
    each(peer, bend.drop(EAP))


@purpose("eap-in-established", "RFC7296-1.4-4", role="responder", needs=NEEDS, connection=eap())
def test_established(peer: Peer) -> None:
    """An EAP payload in a request on an IKE SA that is up does nothing: it is answered, and the IKE SA lives.

    The payload does not belong there, so a device may take the request for malformed; that ends the IKE SA.
    """
    for one in (EapPacket(EapCode.RESPONSE, 1, EapType.IDENTITY, b"somebody else"), EapPacket(EapCode.FAILURE, 1)):
        sa = peer.establish()
        if fatal(sa.informational(EAP(one))) is not None:
            must_be_gone(peer, sa, told=True)
        else:
            must_be_up(peer, sa)


@purpose(
    "eap-identity-odd", "RFC7296-1.2-18", role="responder", needs=NEEDS, connection=eap(),
)  # fmt: skip
def test_identity_odd(peer: Peer) -> None:
    """A user whose name is empty, ends in a NUL, is beyond ASCII, or is very long does not exist.

    The name stands in the Identity response and in what the method says: a device may go by either (RFC 3748, 5.1).
    """
    auth = peer.connection.local.auth
    assert isinstance(auth, Eap)
    for name in ("", "nobody\0", "\u00e9\u20ac" * 20, "a" * 1000, "%n%n%s" * 10, "../../etc/passwd"):
        sa = peer.sa(local=replace(peer.connection.local, auth=replace(auth, identity=name)))
        answer = asked(peer, sa)
        if peer.expect(answer, EAP).packet.type != EapType.IDENTITY:
            peer.note("the device does not ask for the identity")
            return
        peer.note(f"a name of {len(name)} characters: {name[:20]!r}")
        must_fail(peer, sa, answer)


@purpose(
    "eap-identity-nak", "RFC7296-1.2-18", "RFC3748-5.1-1", role="responder", needs=NEEDS, connection=eap(),
)  # fmt: skip
def test_identity_nak(peer: Peer) -> None:
    """A Nak in place of the name, which a peer may not withhold, lets nobody in.

    It wants a method of the device, another one, or none. Who was asked for no name has none to withhold.
    """
    for data, words in ((bytes((4, 6, 13, 21, 25, 26)), "some methods"), (b"\xfa", "type 250"), (b"\0", "no method")):
        sa = peer.sa()
        answer = asked(peer, sa)
        if peer.expect(answer, EAP).packet.type != EapType.IDENTITY:
            peer.note("the device does not ask for the identity")
            return
        must_get_nothing(peer, sa, answer, fields(f"a Nak that wants {words}", type=EapType.NAK, data=data))


def must_fail(peer: Peer, sa: ScriptedSa, answer: Message) -> None:
    """What follows must not end well, however long the device goes on. It may say nothing more."""
    found = answer.first(EAP)
    for _ in range(10):
        if found is None or found.packet.code != EapCode.REQUEST:
            break
        try:
            answer = sa.proceed(answer)
        except Unexpected:
            return
        found = answer.first(EAP)
    success = found is not None and found.packet.code == EapCode.SUCCESS
    peer.check(not success, "no EAP-Success for a name that does not exist", answer, "RFC7296-1.2-18", bypass=True)
