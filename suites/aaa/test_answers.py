"""Answers of the server that contradict themselves, or are malformed (RFC 2865, 3579)."""

from typing import Any

from conformance.radius import bend
from conformance.radius.bend import RadiusBend
from conformance.radius.packet import Code
from conformance.script.peer import Peer
from conformance.wire import EapCode
from suites.aaa.steps import ASKS, SERVED, must_get_in, must_not_get_in, patient, result, up_to_result
from suites.eap.steps import must_not_come_back, own_key
from suites.purpose import purpose
from suites.radius import Aaa

TIER = "full"

NOBODY = "RFC7296-1.2-18"
RECEIVE, SEND = "MS-MPPE-Recv-Key", "MS-MPPE-Send-Key"
MICROSOFT = (311).to_bytes(4, "big")


def accepting(aaa: Aaa, wrong: RadiusBend) -> None:
    """Each Access-Accept is like that."""
    aaa.server.always = wrong.only(Code.ACCESS_ACCEPT)


# --- contradictions ---------------------------------------------------------------------------------------------------


@purpose("aaa-reject", "RFC3579-2.1-1", NOBODY, role="responder", needs=ASKS, connection=SERVED)
def test_reject(peer: Peer, aaa: Aaa) -> None:
    """An Access-Reject lets nobody in, although EAP would have ended well, and no session is told of."""
    aaa.server.refusing = True
    must_not_get_in(peer, aaa, "RFC3579-2.1-1", quiet="RFC7296-2.21.2-1")


@purpose("aaa-reject-auth", "RFC3579-2.1-1", NOBODY, role="responder", needs=ASKS, connection=SERVED)
def test_reject_auth(peer: Peer, aaa: Aaa) -> None:
    """Whoever was rejected does not get in by an AUTH payload after that, made with SK_pi or the key of the method."""
    for words in ("SK_pi", "the MSK"):
        aaa.server.refusing = True
        sa = peer.sa()
        with patient(peer):
            up_to_result(peer, sa)
        method = sa.as_peer.method if sa.as_peer is not None else None
        made = method.msk if method is not None and words == "the MSK" else None
        aaa.be_honest()
        must_not_come_back(peer, sa, made or own_key(sa), words)


@purpose("aaa-reject-bare", "RFC3579-2.1-1", NOBODY, role="responder", needs=ASKS, connection=SERVED)
def test_reject_bare(peer: Peer, aaa: Aaa) -> None:
    """An Access-Reject without an EAP packet lets nobody in either."""
    aaa.server.refusing = True
    aaa.server.always = bend.without("EAP-Message").only(Code.ACCESS_REJECT)
    must_not_get_in(peer, aaa, "RFC3579-2.1-1", quiet="RFC7296-2.21.2-1")


@purpose(
    "aaa-reject-success", "RFC3579-2.6.3-1", "RFC3579-2.6.3-2", "RFC3579-2.1-1", role="responder", needs=ASKS,
    connection=SERVED,
)  # fmt: skip
def test_reject_success(peer: Peer, aaa: Aaa) -> None:
    """An Access-Reject with EAP-Success inside lets nobody in: its kind decides. The Success may be passed on."""
    aaa.server.refusing = True
    aaa.server.always = result(EapCode.SUCCESS).only(Code.ACCESS_REJECT)
    must_not_get_in(peer, aaa, "RFC3579-2.6.3-1", success=True)


@purpose(
    "aaa-accept-failure", "RFC3579-2.6.3-3", role="responder", needs=ASKS, connection=SERVED, waits=4.0,
)  # fmt: skip
def test_accept_failure(peer: Peer, aaa: Aaa) -> None:
    """Of an Access-Accept with EAP-Failure inside nobody makes an EAP-Success."""
    accepting(aaa, result(EapCode.FAILURE))
    must_not_get_in(peer, aaa, "RFC3579-2.6.3-3")


@purpose(
    "aaa-accept-bare", "RFC3579-2.6.3-3", role="responder", needs=ASKS, connection=SERVED, waits=4.0,
)  # fmt: skip
def test_accept_bare(peer: Peer, aaa: Aaa) -> None:
    """Of an Access-Accept without an EAP packet nobody makes an EAP-Success."""
    accepting(aaa, bend.without("EAP-Message"))
    must_not_get_in(peer, aaa, "RFC3579-2.6.3-3")


@purpose(
    "aaa-challenge-bare", "RFC2865-4.4-2", NOBODY, role="responder", needs=ASKS, connection=SERVED, waits=4.0,
)  # fmt: skip
def test_challenge_bare(peer: Peer, aaa: Aaa) -> None:
    """An Access-Challenge without an EAP packet, which nobody can answer in IKE, lets nobody in."""
    aaa.server.always = bend.without("EAP-Message").only(Code.ACCESS_CHALLENGE)
    must_not_get_in(peer, aaa, "RFC2865-4.4-2")


@purpose(
    "aaa-challenge-many", "RFC3579-2.1-1", NOBODY, role="responder", needs=ASKS, connection=SERVED,
)  # fmt: skip
def test_challenge_many(peer: Peer, aaa: Aaa) -> None:
    """After thirty challenges with nothing but a text the refusal, or a device that has had enough, lets nobody in."""
    aaa.notices += [b"please wait"] * 30
    aaa.server.refusing = True
    must_not_get_in(peer, aaa, "RFC3579-2.1-1")


@purpose(
    "aaa-service-unknown", "RFC2865-5.6-1", role="responder", needs=ASKS, connection=SERVED,
)  # fmt: skip
def test_service_unknown(peer: Peer, aaa: Aaa) -> None:
    """An Access-Accept for a service that no gateway has (Call Check) is taken for a refusal."""
    accepting(aaa, bend.setting(("Service-Type", 10)))
    must_not_get_in(peer, aaa, "RFC2865-5.6-1", success=True)


# --- keys -------------------------------------------------------------------------------------------------------------


def must_not_agree(peer: Peer, aaa: Aaa, wrong: RadiusBend) -> None:
    """With these keys in the Access-Accept our AUTH, made with those of the method, must not convince."""
    accepting(aaa, wrong)
    must_not_get_in(peer, aaa, "RFC7296-2.16-6", success=True)


@purpose(
    "aaa-key-none", "RFC7296-2.16-6", "RFC2548-2.4-1", NOBODY, role="responder", needs=ASKS, connection=SERVED,
)  # fmt: skip
def test_key_none(peer: Peer, aaa: Aaa) -> None:
    """Where the server gives no key for a method that makes one, our AUTH does not fit."""
    must_not_agree(peer, aaa, bend.without(RECEIVE, SEND))


@purpose(
    "aaa-key-other", "RFC7296-2.16-6", "RFC2548-2.4-1", NOBODY, role="responder", needs=ASKS, connection=SERVED,
)  # fmt: skip
def test_key_other(peer: Peer, aaa: Aaa) -> None:
    """Where the server gives other keys than those of the method, our AUTH does not fit."""
    must_not_agree(peer, aaa, bend.setting((RECEIVE, bytes(32)), (SEND, bytes(32))))


@purpose(
    "aaa-key-half", "RFC7296-2.16-6", "RFC2548-2.4-1", NOBODY, role="responder", needs=ASKS, connection=SERVED,
)  # fmt: skip
def test_key_half(peer: Peer, aaa: Aaa) -> None:
    """Where the server gives one half of the key, our AUTH does not fit."""
    must_not_agree(peer, aaa, bend.without(SEND))


@purpose(
    "aaa-key-swapped", "RFC7296-2.16-6", "RFC2548-2.4-1", NOBODY, role="responder", needs=ASKS, connection=SERVED,
)  # fmt: skip
def test_key_swapped(peer: Peer, aaa: Aaa) -> None:
    """Where the halves of the key are swapped, our AUTH does not fit."""

    def swap(found: Any) -> None:
        found[RECEIVE], found[SEND] = found[SEND], found[RECEIVE]

    must_not_agree(peer, aaa, bend.packet("with the halves of the key swapped", swap))


@purpose(
    "aaa-key-short", "RFC7296-2.16-6", "RFC2548-2.4-1", NOBODY, role="responder", needs=ASKS, connection=SERVED,
)  # fmt: skip
def test_key_short(peer: Peer, aaa: Aaa) -> None:
    """Where both halves are of 8 octets, our AUTH does not fit."""
    must_not_agree(peer, aaa, bend.setting((RECEIVE, bytes(8)), (SEND, bytes(8))))


def mangled_keys(value: bytes) -> RadiusBend:
    """Both halves of the key hidden as these octets."""

    def replaced(found: bytes) -> bytes:
        out, at = found[:20], 20
        while at < len(found):
            one = found[at : at + found[at + 1]]
            if one[0] == 26 and one[2:6] == MICROSOFT and one[6] in (16, 17):
                inside = bytes([one[6], len(value) + 2]) + value
                one = bytes([26, len(inside) + 6]) + MICROSOFT + inside
            out += one
            at += found[at + 1]
        return out[:2] + len(out).to_bytes(2, "big") + out[4:]

    return bend.octets(f"with keys of {len(value)} octets", replaced)


@purpose(
    "aaa-key-malformed", "RFC2548-2.4-1", "RFC7296-2.16-6", NOBODY, role="responder", needs=ASKS, connection=SERVED,
)  # fmt: skip
def test_key_malformed(peer: Peer, aaa: Aaa) -> None:
    """Keys that end in their salt, are no multiple of 16 octets, or are longer inside than outside let nobody in."""
    salt = b"\x80\x01"
    for value in (b"", salt[:1], salt, salt + bytes(7), salt + b"\xff" * 16, salt + bytes(240)):
        must_not_agree(peer, aaa, mangled_keys(value))


# --- lengths ----------------------------------------------------------------------------------------------------------


def malformed(peer: Peer, aaa: Aaa, wrong: RadiusBend) -> None:
    """An Access-Accept that is malformed like that lets nobody in."""
    accepting(aaa, wrong)
    must_not_get_in(peer, aaa, "RFC2865-5-2")


@purpose(
    "aaa-attribute-zero", "RFC2865-5-2", role="responder", needs=ASKS, connection=SERVED, waits=4.0,
)  # fmt: skip
def test_attribute_zero(peer: Peer, aaa: Aaa) -> None:
    """An Access-Accept with an attribute of Length 0 is no permission."""
    malformed(peer, aaa, bend.raw(25, b"", 0))


@purpose(
    "aaa-attribute-one", "RFC2865-5-2", role="responder", needs=ASKS, connection=SERVED, waits=4.0,
)  # fmt: skip
def test_attribute_one(peer: Peer, aaa: Aaa) -> None:
    """An Access-Accept with an attribute of Length 1 is no permission."""
    malformed(peer, aaa, bend.raw(25, b"gold", 1))


@purpose(
    "aaa-attribute-beyond", "RFC2865-5-2", role="responder", needs=ASKS, connection=SERVED, waits=4.0,
)  # fmt: skip
def test_attribute_beyond(peer: Peer, aaa: Aaa) -> None:
    """An Access-Accept with an attribute that ends behind the packet is no permission."""
    malformed(peer, aaa, bend.raw(25, b"gold", 200))


@purpose("aaa-padding", "RFC2865-3-1", role="responder", needs=ASKS, connection=SERVED)
def test_padding(peer: Peer, aaa: Aaa) -> None:
    """Octets behind the Length of an answer are padding: the answers count as if they were not there."""
    aaa.server.always = RadiusBend("with 7 octets behind it", sealed=lambda found: found + b"\xff" * 7)
    must_get_in(peer, "RFC2865-3-1")
