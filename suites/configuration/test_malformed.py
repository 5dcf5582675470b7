"""Attributes of wrong lengths and payloads of wrong types (RFC 7296, sections 2.21 and 3.15.1)."""

from collections.abc import Callable
from dataclasses import replace

from conformance.script import bend
from conformance.script.bend import Bend
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa, fatal
from conformance.script.verdict import Unexpected
from conformance.wire import (
    AUTH,
    CP,
    SA,
    CfgAttr,
    CfgAttribute,
    CfgType,
    Message,
    NotifyType,
    PayloadType,
    UnknownPayload,
)
from suites.configuration.steps import A4, A6, INNER, inside, no_reply, requested, serving, spared, values, wanting
from suites.create_child_sa.answers import kept
from suites.ike_auth.refusal import must_be_gone
from suites.purpose import purpose

SYNTAX = "RFC7296-2.21-1"
SAID = "RFC7296-2.21.2-1"
HUGE = 2000
"""With all else fewer than 3000 octets, more than which no device need take (RFC 7296, section 2)."""


def sized(identifier: str, kind: CfgAttribute, right: int) -> Callable[[Peer], None]:
    """A purpose: an attribute of one octet less and more than it has, of one octet, and of two thousand."""

    def test(peer: Peer) -> None:
        for size in sorted({1, right - 1, right + 1, HUGE} - {0}):
            wish = CfgAttr(kind, (inside(peer.connection.remote_pool, 9) * HUGE)[:size])
            attributes = (wish,) if kind == A4 else (CfgAttr(A4), wish)
            sa, answer = requested(peer, wanting(*attributes), initial_contact=False)
            back = [one.hex() for one in values(answer, kind) if len(one) == size]
            peer.check(not back, f"no {kind.name} of {size} octets in return", ", ".join(back), "RFC7296-3.15.1-3")
            spared(peer, sa, answer, SYNTAX)

    name = kind.name
    test.__doc__ = f"{name} of a wrong length in a request is refused or ignored, and not told back."
    return purpose(
        identifier, SYNTAX, "RFC7296-3.15.1-3", role="responder", needs=INNER, connection=serving()
    )(test)  # fmt: skip


test_address = sized("cp-length-address", A4, 4)
test_netmask = sized("cp-length-netmask", CfgAttribute.INTERNAL_IP4_NETMASK, 4)
test_dns = sized("cp-length-dns", CfgAttribute.INTERNAL_IP4_DNS, 4)
test_nbns = sized("cp-length-nbns", CfgAttribute.INTERNAL_IP4_NBNS, 4)
test_dhcp = sized("cp-length-dhcp", CfgAttribute.INTERNAL_IP4_DHCP, 4)
test_address6 = sized("cp-length-address6", A6, 17)
test_dns6 = sized("cp-length-dns6", CfgAttribute.INTERNAL_IP6_DNS, 16)
test_dhcp6 = sized("cp-length-dhcp6", CfgAttribute.INTERNAL_IP6_DHCP, 16)
test_subnet = sized("cp-length-subnet", CfgAttribute.INTERNAL_IP4_SUBNET, 8)
test_subnet6 = sized("cp-length-subnet6", CfgAttribute.INTERNAL_IP6_SUBNET, 17)
test_prefix6 = sized("cp-length-prefix6", CfgAttribute.INTERNAL_IP6_PREFIX, 17)
test_cscf = sized("cp-length-cscf", CfgAttribute.P_CSCF_IP4_ADDRESS, 4)
test_cscf6 = sized("cp-length-cscf6", CfgAttribute.P_CSCF_IP6_ADDRESS, 16)
test_liveness = sized("cp-length-liveness", CfgAttribute.TIMEOUT_PERIOD_FOR_LIVENESS_CHECK, 4)


@purpose(
    "cp-length-supported", "RFC7296-3.15.1-13", SYNTAX, "RFC7296-3.15.1-12",
    role="responder", needs=INNER, connection=serving(),
)  # fmt: skip
def test_supported(peer: Peer) -> None:
    """SUPPORTED_ATTRIBUTES has a value in the request, of even and odd lengths: a list comes, or none, or a refusal."""
    for size in (1, 2, 3, HUGE + 1):
        wish = CfgAttr(CfgAttribute.SUPPORTED_ATTRIBUTES, bytes(size))
        sa, answer = requested(peer, wanting(CfgAttr(A4), wish), initial_contact=False)
        spared(peer, sa, answer, SYNTAX)


@purpose(
    "cp-length-resolver", "RFC9464-4-1", SYNTAX, "RFC9464-3.1-5", role="responder", needs=INNER, connection=serving()
)
def test_resolver(peer: Peer) -> None:
    """ENCDNS_IP4 with lengths inside that contradict each other, and digests of too many hashes."""
    wishes = (
        CfgAttr(CfgAttribute.ENCDNS_IP4, b"\0\1\xff\0\x0a\2\0\1"),
        CfgAttr(CfgAttribute.ENCDNS_IP4, b"\0\1\1\xff\x0a\2\0\1a.example"),
        CfgAttr(CfgAttribute.ENCDNS_IP6, b"\0\1"),
        CfgAttr(CfgAttribute.ENCDNS_DIGEST_INFO, b"\xff\xff\0\2"),
    )
    for wish in wishes:
        sa, answer = requested(peer, wanting(CfgAttr(A4), wish), initial_contact=False)
        back = [one.hex() for one in values(answer, wish.type) if one == wish.value]
        peer.check(not back, "not told back", ", ".join(back), "RFC9464-4-1")
        spared(peer, sa, answer, SYNTAX)


def malformed(peer: Peer, bent: Bend) -> tuple[ScriptedSa, Message]:
    """The answer to such a request.

    Who takes the message for malformed has authenticated nobody: it may be silent, and is only told that it should not.
    """
    sa = peer.sa()
    sa.init()
    try:
        return sa, sa.auth(bent)
    except Unexpected as silent:
        sa.pending = None
        must_be_gone(peer, sa, told=False)
        raise Unexpected("an error notify", silent.got, SAID) from None


def rejected(peer: Peer, bent: Bend) -> None:
    """A payload that cannot be read is an error, and nothing is assigned; the IKE SA may come up without a Child SA.

    It is the content of a payload that is wrong, and not the message as a whole (RFC 7296, section 2.21.2).
    """
    sa, answer = malformed(peer, bent)
    given = [one for kind in (A4, A6) for one in values(answer, kind) if one]
    peer.check(not given, "no address", answer, SYNTAX)
    peer.check(answer.first(SA) is None, "no Child SA", answer, SYNTAX)
    peer.check(fatal(answer), "an error notify", answer, SYNTAX)
    if answer.first(AUTH) is not None:
        kept(peer, sa, "RFC7296-2.21.2-8")


@purpose(
    "cp-past-end", SYNTAX, "RFC7296-2.21.2-8", "RFC7296-3.10.1-6", SAID,
    role="responder", needs=INNER, connection=serving(),
)  # fmt: skip
def test_past_end(peer: Peer) -> None:
    """The only attribute claims more octets than the payload has: that is an error, and no address is assigned."""
    rejected(peer, wanting(CfgAttr(A4, inside(peer.connection.remote_pool, 9), length=8)))


@purpose("cp-cut", SYNTAX, SAID, role="responder", needs=INNER, connection=serving())
def test_cut(peer: Peer) -> None:
    """Two octets stand behind the last attribute, less than any attribute has: the message is refused, or served.

    A lenient device may leave them unread. What it assigns then must be right.
    """
    body = CP(CfgType.REQUEST, (CfgAttr(A4),)).encode_body() + b"\0\3"
    sa, answer = malformed(peer, bend.replace(CP, lambda _: UnknownPayload(PayloadType.CP, body), "two octets more"))
    spared(peer, sa, answer, SYNTAX)


@purpose(
    "cp-short", SYNTAX, "RFC7296-2.21.2-8", "RFC7296-3.10.1-6", SAID,
    role="responder", needs=INNER, connection=serving(),
)  # fmt: skip
def test_short(peer: Peer) -> None:
    """The payload has less octets than its own header: that is an error, and no address is assigned."""
    rejected(peer, bend.replace(CP, lambda _: UnknownPayload(PayloadType.CP, b"\1\0"), "a body of two octets"))


# --- types ------------------------------------------------------------------------------------------------------------


def typed(identifier: str, kind: int, words: str) -> Callable[[Peer], None]:
    """A purpose: a payload of this type in IKE_AUTH is no request, and gets no CFG_REPLY."""

    def test(peer: Peer) -> None:
        sa, answer = requested(peer, bend.replace(CP, lambda one: replace(one, cfg_type=CfgType(kind)), words))
        no_reply(peer, answer)
        syntax = answer.notify(NotifyType.INVALID_SYNTAX) is not None
        if not syntax:
            peer.expect(answer, AUTH, "RFC7296-2.19-10")
            kept(peer, sa, "RFC7296-2.19-10")

    test.__doc__ = f"In IKE_AUTH stands {words} in place of a CFG_REQUEST: there is no CFG_REPLY."
    return purpose(
        identifier, "RFC7296-2.19-8", "RFC7296-2.19-10", role="responder", needs=INNER, connection=serving()
    )(test)  # fmt: skip


test_type_reply = typed("cp-type-reply", CfgType.REPLY, "a CFG_REPLY")
test_type_set = typed("cp-type-set", CfgType.SET, "a CFG_SET")
test_type_ack = typed("cp-type-ack", CfgType.ACK, "a CFG_ACK")
test_type_0 = typed("cp-type-0", 0, "a CP of the reserved type 0")
test_type_5 = typed("cp-type-5", 5, "a CP of the unassigned type 5")
test_type_255 = typed("cp-type-255", 255, "a CP of the private type 255")


@purpose("cp-empty", "RFC7296-2.19-10", "RFC7296-3.15.1-5", role="responder", needs=INNER, connection=serving())
def test_empty(peer: Peer) -> None:
    """A CFG_REQUEST without any attribute asks for no address: none is assigned.

    Policy decides whether there is a Child SA; if an address is demanded, N(FAILED_CP_REQUIRED) says so. A device may
    take a request without an address for malformed.
    """
    sa, answer = requested(peer, wanting())
    given = [one for kind in (A4, A6) for one in values(answer, kind) if one]
    peer.check(not given, "no address", answer, "RFC7296-3.15.1-5")
    if answer.notify(NotifyType.INVALID_SYNTAX) is None:
        peer.expect(answer, AUTH, "RFC7296-2.19-10")
        kept(peer, sa, "RFC7296-2.19-10")
