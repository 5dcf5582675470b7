"""Inner addresses by configuration payloads (RFC 7296, sections 2.19 and 3.15)."""

from ipaddress import ip_address, ip_network

from conformance.ike.core.connection import Connection
from conformance.ike.core.selectors import host
from conformance.script import bend
from conformance.script.peer import Peer
from conformance.wire import (
    AUTH,
    CP,
    SA,
    CfgAttr,
    CfgAttribute,
    CfgType,
    ExchangeType,
    Message,
    NotifyType,
    Payload,
    TSi,
)
from peers.capabilities import Capability
from peers.contract import Pixit
from suites.connections import usual
from suites.create_child_sa.answers import kept
from suites.dut import Dut
from suites.ike_auth.steps import must_succeed
from suites.purpose import purpose

POOL = "10.77.0.0/24"
"""That of devices which take any."""
_UNKNOWN = CfgAttr(CfgAttribute(16000), b"ikespec")


def from_device(pixit: Pixit) -> Connection:
    """The device assigns inner addresses."""
    return usual(local_ts=("0.0.0.0/0",), remote_pool=pixit.device_pool or POOL)(pixit)


def from_us(pixit: Pixit) -> Connection:
    """We assign inner addresses."""
    return usual(remote_ts=("0.0.0.0/0",), local_pool=pixit.tester_pool or POOL)(pixit)


def before(message: Message, first: type[Payload], second: type[Payload]) -> bool:
    """Whether a payload stands before another one."""
    kinds = [type(one) for one in message.payloads]
    return first in kinds and second in kinds and kinds.index(first) < kinds.index(second)


def assigned(peer: Peer, answer: Message) -> bytes:
    """The only address of a CFG_REPLY, which must be one of the pool."""
    reply = peer.expect(answer, CP, "RFC7296-3.15.4-1")
    peer.check(reply.cfg_type == CfgType.REPLY, "CFG_REPLY", reply, "RFC7296-3.15.4-1")
    found = [one.value for one in reply.attributes if one.type == CfgAttribute.INTERNAL_IP4_ADDRESS]
    peer.check(len(found) == 1, "one INTERNAL_IP4_ADDRESS, as one was asked for", reply, "RFC7296-3.15.1-5")
    peer.check(len(found[0]) == 4, "an INTERNAL_IP4_ADDRESS of 4 octets", reply, "RFC7296-3.15.1-3")
    pool = peer.connection.remote_pool
    assert pool is not None
    peer.check(ip_address(found[0]) in ip_network(pool), f"an address of {pool}", reply, "RFC7296-3.15.4-1")
    return found[0]


@purpose(
    "auth-cfg-address", "RFC7296-3.15.4-1", "RFC7296-2.19-3", "RFC7296-2.9-13", "RFC7296-3.15.1-3",
    "RFC7296-3.15.1-5", "RFC7296-3.15.1-22", "RFC7296-4-12",
    role="responder", ordinary=True, needs=(Capability.VIRTUAL_IP,), connection=from_device,
)  # fmt: skip
def test_address(peer: Peer) -> None:
    """Who asks for an inner address gets one, and the Child SA is for it.

    The device has a pool. We send CP(CFG_REQUEST) with an empty INTERNAL_IP4_ADDRESS and offer 0.0.0.0/0 as TSi. The
    device returns one address of the pool before the SA payload, and narrows TSi to this address.
    """
    sa = peer.sa()
    sa.init()
    answer = sa.auth()
    peer.expect(answer, AUTH)
    address = assigned(peer, answer)
    peer.check(before(answer, CP, SA), "CP before SA", answer, "RFC7296-2.19-3")
    selectors = peer.expect(answer, TSi, "RFC7296-2.9-13")
    peer.check(
        selectors.selectors == (host(address),), "the assigned address alone as TSi", selectors, "RFC7296-2.9-13"
    )
    must_succeed(peer, sa)


@purpose(
    "auth-cfg-unknown-attribute", "RFC7296-3.15.1-15",
    role="responder", needs=(Capability.VIRTUAL_IP,), connection=from_device,
)  # fmt: skip
def test_unknown_attribute(peer: Peer) -> None:
    """A configuration attribute of an unknown type is ignored; the address that was asked for is assigned."""
    sa = peer.sa()
    sa.init()
    wanted = (_UNKNOWN, CfgAttr(CfgAttribute.INTERNAL_IP4_ADDRESS))
    answer = sa.auth(bend.change(CP, attributes=wanted))
    peer.expect(answer, AUTH)
    peer.expect(answer, CP)
    assigned(peer, answer)


@purpose(
    "auth-cfg-not-asked", "RFC7296-2.19-8", "RFC7296-2.19-9", "RFC7296-2.19-10",
    role="responder", needs=(Capability.VIRTUAL_IP,), connection=from_device,
)  # fmt: skip
def test_not_asked(peer: Peer) -> None:
    """Who does not ask for an inner address gets none, though the device has a pool, and the IKE SA is set up.

    Whether there is a Child SA without such an address is a matter of the device's policy. If that demands an address,
    N(FAILED_CP_REQUIRED) stands alone and without data in its place.
    """
    sa = peer.sa()
    sa.init()
    answer = sa.auth(bend.drop(CP))
    peer.expect(answer, AUTH, "RFC7296-2.19-10")
    peer.check(answer.first(CP) is None, "no CP payload", answer, "RFC7296-2.19-8")
    refusal = answer.notify(NotifyType.FAILED_CP_REQUIRED)
    if refusal is not None:
        peer.check(not refusal.data, "no data in N(FAILED_CP_REQUIRED)", answer, "RFC7296-2.19-10")
        peer.check(answer.first(SA) is None, "no Child SA beside N(FAILED_CP_REQUIRED)", answer, "RFC7296-2.19-10")
    kept(peer, sa, "RFC7296-2.19-10")


@purpose(
    "auth-cfg-request", "RFC7296-2.19-2", "RFC7296-2.19-3", "RFC7296-2.19-5", "RFC7296-3.15.1-1",
    "RFC7296-3.15.1-3", "RFC7296-4-11", role="initiator", needs=(Capability.VIRTUAL_IP,), connection=from_us,
)  # fmt: skip
def test_request(peer: Peer, dut: Dut) -> None:
    """A device that wants an inner address asks for it in IKE_AUTH, before the SA payload, and takes what it gets."""
    dut.initiate()
    sa = peer.respond_init(peer.expect_init())
    request = sa.expect_request(ExchangeType.IKE_AUTH)
    asked = peer.expect(request.message, CP, "RFC7296-2.19-2")
    peer.check(asked.cfg_type == CfgType.REQUEST, "CFG_REQUEST", asked, "RFC7296-2.19-2")
    peer.check(before(request.message, CP, SA), "CP before SA", request.message, "RFC7296-2.19-3")
    found = [one for one in asked.attributes if one.type == CfgAttribute.INTERNAL_IP4_ADDRESS]
    peer.check(found, "an INTERNAL_IP4_ADDRESS", asked, "RFC7296-2.19-5")
    peer.check(all(len(one.value) in (0, 4) for one in found), "0 or 4 octets of address", asked, "RFC7296-3.15.1-3")
    peer.check(not any(one.reserved for one in asked.attributes), "reserved bits of zero", asked, "RFC7296-3.15.1-1")
    sa.answer(request)
    sa.must_be_up("RFC7296-2.19-2")
