"""Conversations with the server that are long, large, or hold what has nothing to do with them (RFC 2865, 3579)."""

from contextlib import suppress
from itertools import pairwise
from typing import Any

from conformance.eap.conversation import Limits
from conformance.radius import bend
from conformance.radius.bend import RadiusBend
from conformance.radius.packet import LARGEST, Code
from conformance.script.peer import Peer
from conformance.script.verdict import NotApplicable, Unexpected
from conformance.wire import EAP, EapType, Message
from suites.aaa.steps import ASKS, SERVED, in_or_refused, must_get_in, must_not_get_in, patient, up_to_result
from suites.connections import by_aaa
from suites.purpose import purpose
from suites.radius import Aaa

TIER = "full"

ROUNDS = 270
"""More than there are Identifiers."""


@purpose(
    "aaa-challenge-wrap", "RFC2865-4.1-6", "RFC2865-4.1-7", role="responder", needs=ASKS, connection=SERVED,
)  # fmt: skip
def test_wrap(peer: Peer, aaa: Aaa) -> None:
    """Through 270 challenges the Identifiers of RADIUS come round, each another one than before, and we get in.

    A device that has had enough of them may refuse us.
    """
    aaa.notices += [b"please wait"] * ROUNDS
    sa = peer.sa()

    def be_patient(message: Message) -> None:
        if sa.as_peer is not None:
            sa.as_peer.limits = Limits(packets=2 * ROUNDS, notifications=2 * ROUNDS)

    answer: Message | None = None
    with suppress(Unexpected), patient(peer):
        answer = up_to_result(peer, sa, be_patient)
    different = list({one.packet.octets: one.packet for one in aaa.requests()}.values())
    for before, now in pairwise(different):
        peer.check(before.identifier != now.identifier, "another Identifier", now.identifier, "RFC2865-4.1-6")
    if answer is None or len(different) < ROUNDS:
        raise NotApplicable(f"it ends the conversation after {len(different)} requests")
    number = len({one.authenticator for one in different})
    peer.check(number == len(different), "Authenticators that all differ", number, "RFC2865-4.1-7")
    sa.conclude(sa.proceed(answer))
    sa.must_be_established("RFC2865-4.1-6")


def in_pieces(size: int) -> RadiusBend:
    """The EAP packet of an answer in attributes of so many octets."""

    def change(found: Any) -> None:
        whole = b"".join(found.get("EAP-Message", ()))
        found["EAP-Message"] = [whole[at : at + size] for at in range(0, len(whole), size)]

    return bend.packet(f"with EAP-Message in pieces of {size} octets", change)


@purpose(
    "aaa-eap-pieces", "RFC3579-3.1-6", role="responder", needs=ASKS, connection=by_aaa("tls"),
)  # fmt: skip
def test_pieces(peer: Peer, aaa: Aaa) -> None:
    """Of an EAP packet of the server's in attributes of 100 octets nothing is lost, and nothing out of its order."""
    aaa.server.always = in_pieces(100).only(Code.ACCESS_CHALLENGE)
    must_get_in(peer, "RFC3579-3.1-6").liveness()


@purpose(
    "aaa-eap-shreds", "RFC3579-3.1-6", role="responder", needs=ASKS, connection=SERVED,
)  # fmt: skip
def test_shreds(peer: Peer, aaa: Aaa) -> None:
    """An EAP packet of the server's in attributes of one octet each is one packet all the same."""
    aaa.server.always = in_pieces(1).only(Code.ACCESS_CHALLENGE)
    must_get_in(peer, "RFC3579-3.1-6").liveness()


@purpose("aaa-reply-message", "RFC3579-2.6.5-2", role="responder", needs=ASKS, connection=SERVED)
def test_reply_message(peer: Peer, aaa: Aaa) -> None:
    """A Reply-Message beside EAP is no EAP: no notification is made of it, and the conversation goes on."""
    aaa.server.always = bend.adding(("Reply-Message", "good morning"))
    sa = peer.sa()
    heard: list[Message] = []
    answer = up_to_result(peer, sa, heard.append)
    made = [one for one in heard if (found := one.first(EAP)) and found.packet.type == EapType.NOTIFICATION]
    peer.check(not made, "no notification", made[0] if made else "", "RFC3579-2.6.5-2")
    sa.conclude(sa.proceed(answer))
    sa.must_be_established("RFC3579-2.6.5-2")


@purpose(
    "aaa-reject-message", "RFC3579-2.1-1", "RFC3579-2.6.5-2", role="responder", needs=ASKS, connection=SERVED,
)  # fmt: skip
def test_reject_message(peer: Peer, aaa: Aaa) -> None:
    """A Reply-Message in an Access-Reject, with a State beside it, invites nobody to try again: it is a refusal."""
    aaa.server.refusing = True
    again = bend.adding(("Reply-Message", "again"), ("State", b"again"))
    aaa.server.always = again.only(Code.ACCESS_REJECT)
    must_not_get_in(peer, aaa, "RFC3579-2.1-1", quiet="RFC7296-2.21.2-1")


# --- sizes ------------------------------------------------------------------------------------------------------------


def filled(length: int) -> RadiusBend:
    """With so many octets: filled with values of Class."""

    def fill(found: bytes) -> bytes:
        missing = length - len(found)
        more = b""
        while missing:
            size = missing if missing <= 255 else min(255, missing - 3)
            more += bytes([25, size]) + bytes([65]) * (size - 2)
            missing -= size
        return found[:2] + length.to_bytes(2, "big") + found[4:] + more

    return bend.octets(f"of {length} octets", fill)


@purpose("aaa-largest", "RFC2865-3-3", role="responder", needs=ASKS, connection=SERVED)
def test_largest(peer: Peer, aaa: Aaa) -> None:
    """An Access-Accept of 4096 octets, the largest that there is, lets us in."""
    aaa.server.always = filled(LARGEST).only(Code.ACCESS_ACCEPT)
    must_get_in(peer, "RFC2865-3-3").liveness()


@purpose(
    "aaa-oversize", "RFC2865-3-3", "RFC3579-2.1-2", role="responder", needs=ASKS, connection=SERVED, waits=4.0,
)  # fmt: skip
def test_oversize(peer: Peer, aaa: Aaa) -> None:
    """An Access-Accept of 6000 octets, more than a packet can have, does no harm: the next user gets in.

    Whether it counts is the device's affair.
    """
    aaa.server.always = filled(6000).only(Code.ACCESS_ACCEPT)
    in_or_refused(peer, aaa)
    must_get_in(peer, "RFC2865-3-3").liveness()


# --- what nobody knows ------------------------------------------------------------------------------------------------


UNKNOWN = (
    bend.raw(200, b"ikespec"),
    bend.raw(26, (4242).to_bytes(4, "big") + b"\x01\x09ikespec"),
    bend.raw(241, b"\x01ikespec"),
)
"""An attribute, one of a maker, and an extended one, that nobody has."""


@purpose(
    "aaa-attribute-unknown", "RFC2865-5.26-1", role="responder", needs=ASKS, connection=SERVED, waits=4.0,
)  # fmt: skip
def test_unknown(peer: Peer, aaa: Aaa) -> None:
    """An Access-Accept with attributes that nobody has lets us in or is a refusal; it is never an open door.

    The user's own AUTH payload counts as ever, and an Access-Accept without them lets him in.
    """
    for one in UNKNOWN:
        aaa.server.always = one.only(Code.ACCESS_ACCEPT)
        in_or_refused(peer, aaa)
    must_get_in(peer, "RFC2865-5.26-1").liveness()


@purpose(
    "aaa-vendor-malformed", "RFC2865-5-2", role="responder", needs=ASKS, connection=SERVED, waits=4.0,
)  # fmt: skip
def test_vendor_malformed(peer: Peer, aaa: Aaa) -> None:
    """Attributes of makers that end amid their number, their length or their value do no harm: the next user gets in.

    Their insides are the makers' affair, so the Access-Accept may count.
    """
    cisco, microsoft = (9).to_bytes(4, "big"), (311).to_bytes(4, "big")
    for value in (b"\0\0\x01", microsoft, microsoft + b"\x10", microsoft + b"\x10\x20\x80\x01", cisco + b"\x01\0"):
        aaa.server.always = bend.raw(26, value).only(Code.ACCESS_ACCEPT)
        in_or_refused(peer, aaa)
    must_get_in(peer, "RFC2865-5-2").liveness()
