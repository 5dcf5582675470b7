"""Configuration payloads after IKE_AUTH, and where they do not belong (RFC 7296, sections 2.20 and 3.15.1)."""

from collections.abc import Callable

from conformance.ike.core.connection import InnerNetwork
from conformance.ike.core.subnets import subnet
from conformance.script import bend
from conformance.script.peer import Peer
from conformance.script.sa import fatal
from conformance.wire import CP, CfgAttr, CfgAttribute, CfgType
from peers.capabilities import Capability
from suites.configuration.exchanges import ACCEPTED, NOT_ACCEPTED, acknowledged, asks
from suites.configuration.steps import (
    A4,
    A6,
    IGNORED,
    INNER,
    LENGTHS,
    VALID,
    attributes,
    inside,
    no_reply,
    packed,
    serving,
    values,
    well_formed,
)
from suites.configuration.test_attributes import DNS, EVERYTHING, among, with_inner
from suites.dut import Dut
from suites.ike_auth.steps import must_succeed
from suites.purpose import purpose

# --- CFG_REQUEST ------------------------------------------------------------------------------------------------------


@purpose("cp-info-address", VALID, "RFC7296-3.15.1-5", role="responder", needs=INNER, connection=serving())
def test_address(peer: Peer) -> None:
    """A client that has an address asks for one again, later: it keeps its own, whatever it suggests."""
    sa = peer.establish()
    assert sa.virtual_address is not None
    for wish in (b"", sa.virtual_address, inside(peer.connection.remote_pool, -3)):
        found = values(asks(sa, CfgAttr(A4, wish)), A4)
        other = [one.hex() for one in found if one and one != sa.virtual_address]
        peer.check(not other, "the address that was assigned in IKE_AUTH, or none", ", ".join(other), VALID)
    sa.must_be_up(VALID)


@purpose("cp-info-no-pool", IGNORED, "RFC7296-3.15.4-4", role="responder")
def test_no_pool(peer: Peer) -> None:
    """Whoever has no addresses to assign is asked for one later: the IKE SA and its Child SA go on.

    The response has no address. It may be empty, or say INTERNAL_ADDRESS_FAILURE.
    """
    sa = peer.establish()
    answer = sa.informational(CP(CfgType.REQUEST, (CfgAttr(A4), CfgAttr(A6))))
    found = [one for kind in (A4, A6) for one in values(answer, kind) if one]
    peer.check(not found, "no address", answer, IGNORED)
    sa.must_be_up(IGNORED)


@purpose(
    "cp-info-dns", LENGTHS, IGNORED, role="responder", needs=(*INNER, Capability.CONFIG_DNS),
    connection=with_inner(InnerNetwork(dns=DNS)),
)  # fmt: skip
def test_dns(peer: Peer) -> None:
    """Name servers are asked for later: those that are configured come, or none."""
    sa = peer.establish()
    answer = asks(sa, CfgAttr(CfgAttribute.INTERNAL_IP4_DNS))
    among(CfgAttribute.INTERNAL_IP4_DNS, *map(packed, DNS))(peer, answer)
    sa.must_be_up(LENGTHS)


@purpose("cp-info-everything", IGNORED, LENGTHS, "RFC7296-3.15.1-13", role="responder")
def test_everything(peer: Peer) -> None:
    """Every registered attribute but addresses is asked for later: what comes has the form that its table says."""
    sa = peer.establish()
    asks(sa, *map(CfgAttr, EVERYTHING))
    sa.must_be_up(IGNORED)


@purpose("cp-info-reserved", "RFC7296-3.15.1-2", "RFC7296-3.15-2", role="responder")
def test_reserved(peer: Peer) -> None:
    """Everything that is reserved is set in a later request: it is answered all the same."""
    sa = peer.establish()
    wanted = CfgAttr(CfgAttribute.APPLICATION_VERSION, reserved=1)
    answer = sa.informational(CP(CfgType.REQUEST, (wanted,), reserved2=0xABCDEF))
    peer.check(fatal(answer) is None, "no error", answer, "RFC7296-3.15.1-2")
    well_formed(peer, answer)
    sa.must_be_up("RFC7296-3.15.1-2")


@purpose("cp-info-empty", IGNORED, role="responder")
def test_empty(peer: Peer) -> None:
    """A later CFG_REQUEST asks for nothing: nothing is told, and the IKE SA goes on."""
    sa = peer.establish()
    answer = asks(sa)
    told = [one for one in attributes(answer) if one.type in (A4, A6) and one.value]
    peer.check(not told, "no address", answer, IGNORED)
    sa.must_be_up(IGNORED)


@purpose("cp-info-types", "RFC7296-2.19-8", role="responder")
def test_types(peer: Peer) -> None:
    """CFG_REPLY, CFG_ACK and types that nobody knows come as requests: nothing of them is answered with a CFG_REPLY."""
    sa = peer.establish()
    for kind in (CfgType.REPLY, CfgType.ACK, 0, 5, 255):
        answer = sa.informational(CP(CfgType(kind), (CfgAttr(CfgAttribute.APPLICATION_VERSION),)))
        no_reply(peer, answer)
        if fatal(answer) is not None:
            return  # an error may end the IKE SA (RFC 7296, section 2.21.3)
    sa.must_be_up("RFC7296-2.19-8")


@purpose("cp-init", "RFC7296-2.19-8", role="responder", ordinary=True)
def test_init(peer: Peer) -> None:
    """IKE_SA_INIT has a CFG_REQUEST for the version: before authentication nothing is told to anybody.

    The payload does not belong there: a device may refuse the request, drop it, or go on without looking at it.
    """
    request = CP(CfgType.REQUEST, (CfgAttr(A4), CfgAttr(CfgAttribute.APPLICATION_VERSION)))
    first = peer.sa()
    first.begin(first.start_init, bend.append(request))
    first.pending = None
    sa = peer.sa()
    sa.init()
    told = [str(one) for one in peer.inbox if not one.protected and one.message.first(CP) is not None]
    peer.check(not told, "no CP in the clear", "; ".join(told), "RFC7296-2.19-8")
    sa.auth()
    must_succeed(peer, sa)


# --- CFG_SET ----------------------------------------------------------------------------------------------------------


_ROUTE = subnet("10.8.0.0/16")


def pushed(identifier: str, title: str, *given: CfgAttr, malformed: bool = False) -> Callable[[Peer], None]:
    """A purpose: this CFG_SET is acknowledged as it must be, or not at all; a malformed one may be refused."""

    def test(peer: Peer) -> None:
        sa = peer.establish()
        answer = sa.informational(CP(CfgType.SET, given))
        if malformed and fatal(answer) is not None:
            return  # which may end the IKE SA (RFC 7296, section 2.21.3)
        acknowledged(peer, given, answer)
        sa.must_be_up("RFC7296-3.15.1-19")

    test.__doc__ = title
    return purpose(identifier, ACCEPTED, NOT_ACCEPTED, "RFC7296-3.15.1-19", "RFC7296-3.15.1-16", role="responder")(test)


test_set_subnets = pushed(
    "cp-set-subnets", "A CFG_SET with networks and a version, as FlexVPN sends it, is acknowledged or ignored.",
    subnet("10.1.0.1/32"), _ROUTE, subnet("fd08::/64"), CfgAttr(CfgAttribute.APPLICATION_VERSION, b"ikespec"),
)  # fmt: skip
test_set_empty = pushed("cp-set-empty", "A CFG_SET with nothing in it has no effect, and the IKE SA goes on.")
test_set_reserved = pushed(
    "cp-set-reserved", "The reserved bits of a CFG_SET are set: what is acknowledged has none of them.",
    CfgAttr(CfgAttribute.INTERNAL_IP4_SUBNET, _ROUTE.value, reserved=1),
)  # fmt: skip
test_set_malformed = pushed(
    "cp-set-malformed", "Networks of wrong lengths, with host bits and masks with holes, harm nobody.",
    *(CfgAttr(CfgAttribute.INTERNAL_IP4_SUBNET, bytes.fromhex(one)) for one in ("0a080000ffff00", "0a080001ffff0000",
      "0a080000ff00ff00", "0a08", "")),
    CfgAttr(CfgAttribute.INTERNAL_IP6_SUBNET, b"\xfd\x08" + bytes(14) + b"\xff"), malformed=True,
)  # fmt: skip
test_set_many = pushed(
    "cp-set-many", "A CFG_SET with 80 networks, as much as fits into a datagram, is acknowledged or ignored.",
    *(subnet(f"10.8.{one}.0/24") for one in range(80)),
)  # fmt: skip


@purpose("cp-set-address", VALID, ACCEPTED, NOT_ACCEPTED, role="responder", needs=INNER, connection=serving())
def test_set_address(peer: Peer, dut: Dut) -> None:
    """A client pushes another inner address by CFG_SET: it is the gateway that assigns."""
    sa = peer.establish()
    given = (CfgAttr(A4, inside(peer.connection.remote_pool, -3)),)
    acknowledged(peer, given, sa.informational(CP(CfgType.SET, given)))
    sa.must_be_up(VALID)
    again = asks(sa, CfgAttr(A4))
    other = [one.hex() for one in values(again, A4) if one and one != sa.virtual_address]
    peer.check(not other, "the address that was assigned in IKE_AUTH, or none", ", ".join(other), VALID)


@purpose("cp-set-and-request", "RFC7296-2.19-8", role="responder")
def test_set_and_request(peer: Peer) -> None:
    """CFG_SET and CFG_REQUEST in one message, which nothing provides for: what comes back is well-formed.

    A device may look at the first of the two only, or take the message for malformed.
    """
    sa = peer.establish()
    given = (_ROUTE,)
    answer = sa.informational(CP(CfgType.SET, given), CP(CfgType.REQUEST, (CfgAttr(CfgAttribute.APPLICATION_VERSION),)))
    if fatal(answer) is not None:
        return
    well_formed(peer, answer)
    kinds = {one.cfg_type for one in answer.all(CP)}
    peer.check(kinds <= {CfgType.ACK, CfgType.REPLY}, "no payloads but CFG_ACK and CFG_REPLY", answer, "RFC7296-2.19-8")
    sa.must_be_up("RFC7296-2.19-8")
