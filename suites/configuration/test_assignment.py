"""Which inner address a client gets: of either family, several, with and without a wish (RFC 7296, section 3.15)."""

from collections.abc import Callable
from ipaddress import ip_network

from conformance.script import bend
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.wire import AUTH, CP, SA, CfgAttr, CfgAttribute, CfgType, Message, NotifyType
from peers.capabilities import Capability
from suites.configuration.steps import (
    A4,
    A6,
    ASSIGNED,
    INNER,
    INNER6,
    assigned,
    attributes,
    before,
    inside,
    narrowed,
    packed,
    requested,
    serving,
    serving6,
    serving_both,
    spared,
    values,
    wanting,
    well_formed,
)
from suites.connections import Setup, eap
from suites.create_child_sa.answers import kept
from suites.ike_auth.steps import must_succeed
from suites.purpose import purpose
from suites.several import side_by_side

BOTH = (*INNER, *INNER6, Capability.VIRTUAL_IPS)
PARTLY = "RFC7296-3.15.4-6"
OTHER_FAMILY = "RFC7296-3.15.4-5"


@purpose(
    "cp-address6", ASSIGNED, "RFC7296-2.9-13", "RFC7296-3.15.1-3", "RFC7296-3.15.3-3", "RFC7296-3.15.1-5",
    role="responder", ordinary=True, needs=INNER6, connection=serving6,
)  # fmt: skip
def test_address6(peer: Peer) -> None:
    """Who asks for an inner IPv6 address gets one with the length of its prefix, and the Child SA is for it alone."""
    sa, answer = requested(peer)
    peer.expect(answer, AUTH)
    [address] = assigned(peer, answer, A6)
    peer.check(before(answer, CP, SA), "CP before SA", answer, "RFC7296-2.19-3")
    narrowed(peer, answer, address)
    must_succeed(peer, sa)


@purpose(
    "cp-address-both", ASSIGNED, "RFC7296-2.9-13", "RFC7296-3.15.1-5", PARTLY,
    role="responder", ordinary=True, needs=BOTH, connection=serving_both,
)  # fmt: skip
def test_both(peer: Peer) -> None:
    """Who asks for an address of each family gets both from a device that has both, and the Child SA is for them."""
    sa, answer = requested(peer)
    peer.expect(answer, AUTH)
    found = [*assigned(peer, answer, A4), *assigned(peer, answer, A6)]
    narrowed(peer, answer, *found)
    well_formed(peer, answer)
    must_succeed(peer, sa)


@purpose("cp-address-other-family", OTHER_FAMILY, PARTLY, role="responder", needs=INNER, connection=serving())
def test_other_family(peer: Peer) -> None:
    """Both families are asked for, and the device has IPv4 addresses: it assigns one, and ignores the other request."""
    sa, answer = requested(peer, wanting(CfgAttr(A6), CfgAttr(A4)))
    peer.expect(answer, AUTH, OTHER_FAMILY)
    failed = answer.notify(NotifyType.INTERNAL_ADDRESS_FAILURE) is not None
    peer.check(not failed, "no INTERNAL_ADDRESS_FAILURE", answer, PARTLY)
    [address] = assigned(peer, answer)
    peer.check(not any(values(answer, A6)), "no INTERNAL_IP6_ADDRESS", answer, OTHER_FAMILY)
    narrowed(peer, answer, address)
    must_succeed(peer, sa, OTHER_FAMILY)


@purpose(
    "cp-address-wrong-family",
    "RFC7296-3.15.1-5",
    OTHER_FAMILY,
    "RFC7296-3.15.4-2",
    role="responder",
    needs=INNER,
    connection=serving(),
)
def test_wrong_family(peer: Peer) -> None:
    """Only IPv6 is asked for, and the device has IPv4 addresses: it assigns none, and the IKE SA is set up.

    Whether there is a Child SA then is a matter of policy. A refusal may be called INTERNAL_ADDRESS_FAILURE or, since
    what is left of the request is no request for an address, FAILED_CP_REQUIRED.
    """
    sa, answer = requested(peer, bend.insert(CP(CfgType.REQUEST, (CfgAttr(A6),))), remote_pool=None)
    peer.expect(answer, AUTH, "RFC7296-3.15.4-2")
    found = [one for one in attributes(answer) if one.type in (A4, A6) and one.value]
    peer.check(not found, "no address", answer, "RFC7296-3.15.1-5")
    kept(peer, sa, "RFC7296-3.15.4-2")


@purpose(
    "cp-address-twice", "RFC7296-3.15.1-5", "RFC7296-3.15.1-4", PARTLY, "RFC7296-2.9-13",
    role="responder", needs=INNER, connection=serving(),
)  # fmt: skip
def test_twice(peer: Peer) -> None:
    """Two addresses are asked for: one or two are assigned, and the Child SA is for these."""
    sa, answer = requested(peer, wanting(CfgAttr(A4), CfgAttr(A4)))
    peer.expect(answer, AUTH)
    narrowed(peer, answer, *assigned(peer, answer, at_most=2))
    must_succeed(peer, sa, PARTLY)


@purpose(
    "cp-address-many",
    PARTLY,
    "RFC7296-3.15.1-5",
    "RFC7296-3.15.4-10",
    role="responder",
    needs=INNER,
    connection=serving(),
)
def test_many(peer: Peer) -> None:
    """More addresses are asked for than the pool has: some are assigned, at least one, and nothing is refused."""
    pool = ip_network(peer.connection.remote_pool or "0.0.0.0/0")
    number = min(pool.num_addresses + 44, 300)
    sa, answer = requested(peer, wanting(*[CfgAttr(A4)] * number))
    peer.expect(answer, AUTH)
    failed = answer.notify(NotifyType.INTERNAL_ADDRESS_FAILURE) is not None
    peer.check(not failed, "no INTERNAL_ADDRESS_FAILURE", answer, "RFC7296-3.15.4-10")
    narrowed(peer, answer, *assigned(peer, answer, at_most=number))
    must_succeed(peer, sa, PARTLY)
    sa.delete()


@purpose("cp-two-payloads", "RFC7296-3.15.1-5", role="responder", needs=INNER, connection=serving())
def test_two_payloads(peer: Peer) -> None:
    """Two CFG_REQUESTs, each for an address: the device serves one or both, or refuses what it takes for malformed."""
    sa, answer = requested(peer, bend.double(CP))
    found = values(answer, A4)
    peer.check(len(found) <= 2, "two addresses at most", answer)
    spared(peer, sa, answer, "RFC7296-3.15.1-5")


@purpose("cp-behind-sa", "RFC7296-2.5-17", role="responder", needs=INNER, connection=serving())
def test_behind_sa(peer: Peer) -> None:
    """The CFG_REQUEST stands at the end: it is taken, or at least not what the message is refused for."""
    ordered = bend.order(lambda found: sorted(found, key=lambda one: isinstance(one, CP)), "CP at the end")
    sa, answer = requested(peer, ordered)
    syntax = answer.notify(NotifyType.INVALID_SYNTAX) is not None
    peer.check(not syntax, "no INVALID_SYNTAX", answer, "RFC7296-2.5-17")
    peer.expect(answer, AUTH, "RFC7296-2.5-17")
    if answer.first(CP) is not None:
        narrowed(peer, answer, *assigned(peer, answer))
    sa.must_be_up("RFC7296-2.5-17")


@purpose(
    "cp-eap", "RFC7296-2.19-4", ASSIGNED, "RFC7296-2.9-13",
    role="responder", ordinary=True, needs=(*INNER, Capability.EAP),
    connection=lambda pixit: eap(local_ts=("0.0.0.0/0",), remote_pool=pixit.device_pool or "10.77.0.0/24")(pixit),
)  # fmt: skip
def test_eap(peer: Peer) -> None:
    """With EAP the request stands in the first request of IKE_AUTH, beside SA, and the address in the last response."""
    sa, answer = requested(peer)
    sa.must_be_established()
    told = [one for one in peer.inbox if one.sa is sa and one.protected and one.message.first(CP) is not None]
    early = [str(one) for one in told if one.message.first(SA) is None]
    peer.check(not early, "CFG_REPLY only beside SA", "; ".join(early), "RFC7296-2.19-4")
    narrowed(peer, answer, *assigned(peer, answer))
    must_succeed(peer, sa)


# --- wishes -----------------------------------------------------------------------------------------------------------

Wish = Callable[[Peer], bytes]


def wished(
    identifier: str, title: str, wish: Wish, *, kind: CfgAttribute = A4, connection: Setup | None = None
) -> Callable[[Peer], None]:
    """A purpose: with this wish a client gets an address of the pool, that one or another."""

    def test(peer: Peer) -> None:
        sa, answer = requested(peer, wanting(CfgAttr(kind, wish(peer))))
        peer.expect(answer, AUTH, "RFC7296-4-13")
        narrowed(peer, answer, *assigned(peer, answer, kind))
        must_succeed(peer, sa, "RFC7296-4-13")

    test.__doc__ = title
    needs, more = (INNER, ()) if kind == A4 else (INNER6, ("RFC7296-3.15.3-2",))
    return purpose(
        identifier, "RFC7296-4-13", ASSIGNED, "RFC7296-2.9-13", *more,
        role="responder", needs=needs, connection=connection or serving(),
    )(test)  # fmt: skip


test_wish_free = wished(
    "cp-wish-free", "An address of the pool that nobody has is suggested: it is assigned, or another one.",
    lambda peer: inside(peer.connection.remote_pool, -3),
)  # fmt: skip
test_wish_outside = wished(
    "cp-wish-outside", "An address that is not of the pool is suggested: another one is assigned.",
    lambda peer: packed("192.0.2.77"),
)  # fmt: skip
test_wish_any = wished(
    "cp-wish-any", "0.0.0.0 as a suggestion means that any address will do.", lambda peer: bytes(4)
)  # fmt: skip
test_wish_network = wished(
    "cp-wish-network", "The address of the pool's network itself is suggested: one of the pool is assigned.",
    lambda peer: inside(peer.connection.remote_pool, 0),
)  # fmt: skip
test_wish_broadcast = wished(
    "cp-wish-broadcast", "The broadcast address of the pool is suggested: one of the pool is assigned.",
    lambda peer: inside(peer.connection.remote_pool, -1),
)  # fmt: skip
test_wish_everybody = wished(
    "cp-wish-everybody", "255.255.255.255 is suggested: another address is assigned.", lambda peer: b"\xff" * 4
)  # fmt: skip
test_wish_multicast = wished(
    "cp-wish-multicast", "A multicast address is suggested: another one is assigned.", lambda peer: packed("224.0.0.5")
)  # fmt: skip
test_wish_loopback = wished(
    "cp-wish-loopback", "127.0.0.1 is suggested: another address is assigned.", lambda peer: packed("127.0.0.1")
)  # fmt: skip
test_wish6_free = wished(
    "cp-wish6-free", "An IPv6 address of the pool that nobody has is suggested: it is assigned, or another one.",
    lambda peer: inside(peer.connection.remote_pool6, 0x4321) + b"\x40", kind=A6, connection=serving6,
)  # fmt: skip
test_wish6_identifier = wished(
    "cp-wish6-identifier", "An interface identifier without a prefix is suggested: an address of the pool comes.",
    lambda peer: packed("fe80::4321") + b"\x40", kind=A6, connection=serving6,
)  # fmt: skip
test_wish6_any = wished(
    "cp-wish6-any", "The unspecified IPv6 address as a suggestion means that any address will do.",
    lambda peer: bytes(17), kind=A6, connection=serving6,
)  # fmt: skip
test_wish6_prefix = wished(
    "cp-wish6-prefix", "A suggested IPv6 address has a prefix of 255 bits: an address of the pool comes.",
    lambda peer: inside(peer.connection.remote_pool6, 0x4321) + b"\xff", kind=A6, connection=serving6,
)  # fmt: skip


@purpose(
    "cp-wish-taken",
    "RFC7296-3.15.1-6",
    "RFC7296-3.15.1-14",
    role="responder",
    needs=INNER,
    connection=serving(),
    canary=False,
)
def test_wish_taken(peer: Peer) -> None:
    """The address that another IKE SA has is suggested: as long as that IKE SA is up, it is not given away.

    Both IKE SAs have one identity here, and a device may take the second for the first one come back: then the address
    goes over to the new one. Where it gives another address the older one keeps its own.
    """
    first = peer.establish(initial_contact=False)
    taken = first.virtual_address
    assert taken is not None
    second, answer = requested(peer, wanting(CfgAttr(A4, taken)), initial_contact=False)
    peer.expect(answer, AUTH, "RFC7296-3.15.1-6")
    [address] = assigned(peer, answer)
    if address == taken:
        peer.note("the address has gone over to the new IKE SA of the same identity")
        return
    with side_by_side(first, second):
        first.must_be_up("RFC7296-3.15.1-6")
        second.must_be_up("RFC7296-3.15.1-6")
        new = first.create_child()
        _still(peer, first, new, taken)


def _still(peer: Peer, sa: ScriptedSa, answer: Message, address: bytes) -> None:
    """A further Child SA is for the address that the client has had all the time; a device may refuse further ones."""
    lost = answer.notify(NotifyType.TS_UNACCEPTABLE) is not None
    peer.check(not lost, "the address is still that of the older IKE SA", answer, "RFC7296-3.15.1-6")
    if answer.first(SA) is not None:
        narrowed(peer, answer, address)
