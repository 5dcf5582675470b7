"""What a network that is announced by CFG_SET may look like, and which ones lead the tunnel into itself.

RFC 7296, section 3.15.1, says how an attribute is written, and that what is accepted comes back in CFG_ACK. What a
device does with a network that it has accepted is what it claims by exchanging routes: traffic to it comes to us.
"""

from ipaddress import IPv4Network, ip_network

from conformance.ike.core.connection import Connection
from conformance.ike.core.selectors import contains, selectors
from conformance.ike.core.subnets import network_of, subnet
from conformance.script import inner
from conformance.script.peer import Peer
from conformance.script.verdict import NotApplicable, Unexpected
from conformance.wire import CP, CfgAttr, CfgAttribute, CfgType, ExchangeType
from peers.capabilities import Capability
from peers.contract import Pixit
from suites.configuration.exchanges import ACCEPTED, NOT_ACCEPTED, acknowledged
from suites.configuration.routes import (
    BEHIND,
    CLEAR,
    GIVEN,
    OURS,
    ROUTES,
    SUBNET,
    TAKES,
    WIDE,
    announced,
    reached,
    taken,
)
from suites.configuration.steps import INNER, VALID, inner6, serving
from suites.configuration.test_routes_told import opened, pushes
from suites.configuration.test_set_stays import LEAVES, begun, ends
from suites.connections import Role, Setup, usual
from suites.data_plane.steps import DATA
from suites.dut import Dut
from suites.purpose import purpose
from suites.several import deleted_by_device

TIER = "full"
SUBNET6 = CfgAttribute.INTERNAL_IP6_SUBNET
OURS6 = "fd08::/64"
BOTH = {"remote_routes": (OURS, OURS6)}

# --- families ---------------------------------------------------------------------------------------------------------


def both_families(*, ipv6: bool = False) -> Setup:
    """A Child SA for everything of both families, between IPv4 or IPv6 addresses."""
    everything = ("0.0.0.0/0", "::/0")

    def setup(pixit: Pixit) -> Connection:
        inner6(pixit.device_networks)
        return usual(local_ts=everything, remote_ts=everything, ipv6=ipv6)(pixit)

    return setup


def behind6(pixit: Pixit) -> str:
    """The IPv6 host behind the device."""
    return str(ip_network(inner6(pixit.device_networks)[0])[1])


def families(*, ipv6: bool) -> object:
    """A purpose: networks of both families are announced, over one of them."""

    def test(peer: Peer, dut: Dut) -> None:
        sa = peer.establish()
        if not contains(sa.child.local_ts[-1], selectors((OURS6,))[0]):
            raise NotApplicable("it has no Child SA for both families")
        accepted = announced(peer, sa, subnet(OURS), subnet(OURS6))
        if SUBNET not in accepted:
            raise NotApplicable("it does not accept networks of both families")
        reached(peer, sa, OURS)
        if SUBNET6 in accepted:
            sa.traffic.ask(inner.ping(str(ip_network(OURS6)[1]), behind6(dut.pixit)), sa.child, GIVEN)
        sa.traffic.must_not_leak(CLEAR)

    family = "IPv6" if ipv6 else "IPv4"
    test.__doc__ = f"""Over {family} we announce a network of each family: both are ours.

    A device may have no use for the second family, and leave it out of CFG_ACK.
    """
    suffix = "-ipv6" if ipv6 else ""
    return purpose(
        f"cp-routes-families{suffix}", GIVEN, ACCEPTED, NOT_ACCEPTED, "RFC7296-3.15.2-1",
        role="responder", needs=(*ROUTES, DATA, *((Capability.IPV6,) if ipv6 else ())),
        connection=both_families(ipv6=ipv6), device=BOTH,
    )(test)  # fmt: skip


test_families, test_families_over_ipv6 = families(ipv6=False), families(ipv6=True)


@purpose(
    "cp-routes-other-family", GIVEN, "RFC7296-3.15.1-15", ACCEPTED, NOT_ACCEPTED,
    role="responder", needs=(*ROUTES, DATA), connection=WIDE, device=TAKES,
)  # fmt: skip
def test_other_family(peer: Peer) -> None:
    """Beside a network of IPv4 stand some of IPv6, for which there is no Child SA: if acknowledged, it is used."""
    sa = peer.establish()
    accepted = announced(peer, sa, subnet(OURS6), subnet(OURS), subnet("::/0"))
    if SUBNET in accepted:
        reached(peer, sa, OURS)
    sa.traffic.must_not_leak(CLEAR)
    sa.must_be_up(GIVEN)


# --- prefixes ---------------------------------------------------------------------------------------------------------


@purpose(
    "cp-routes-host-bits", GIVEN, ACCEPTED, NOT_ACCEPTED, role="responder", needs=(*ROUTES, DATA), connection=WIDE,
    device=TAKES,
)  # fmt: skip
def test_host_bits(peer: Peer) -> None:
    """We announce 10.8.1.77 with a mask of 24 bits: who acknowledges that sends to us what is for the prefix around it.

    An address and a mask is what RFC 7296 asks for. A device may take one with further bits for malformed, and leave it
    out of CFG_ACK.
    """
    sa = peer.establish()
    network = IPv4Network("10.8.1.0/24")
    accepted = announced(peer, sa, CfgAttr(SUBNET, network[77].packed + network.netmask.packed))
    if SUBNET in accepted:
        reached(peer, sa, str(network))
        sa.traffic.ask(inner.ping(str(network[77]), str(ip_network(BEHIND)[1])), sa.child, GIVEN)
    sa.must_be_up(NOT_ACCEPTED)


@purpose(
    "cp-routes-narrow", "RFC4301-5.2-3", GIVEN, role="responder", needs=(*ROUTES, DATA),
    connection=usual(), device=TAKES,
)  # fmt: skip
def test_narrow(peer: Peer) -> None:
    """We announce a network for which the Child SA is not: its packets are dropped there, for the SA is none the wider.

    The device takes routes, and may acknowledge this one.
    """
    sa = peer.establish()
    announced(peer, sa, subnet(OURS), *(subnet(one) for one in peer.connection.children[0].local_ts if ":" not in one))
    with peer.preamble("a ping through the Child SA"):
        sa.traffic.ping()
    with sa.traffic.silence("RFC4301-5.2-3", bypass=True):
        sa.traffic.send(inner.ping(str(ip_network(OURS)[1]), sa.traffic.channel().theirs))
    sa.must_be_up(GIVEN)


# --- addresses of the tunnel's ends -----------------------------------------------------------------------------------

INTERFACE = {"local_routes": ("10.2.0.1/32",), "remote_routes": ("10.1.0.1/32",)}
"""Both ends announce the address of their tunnel interface, as FlexVPN does it where nothing else is configured."""


def interfaces(role: Role) -> object:
    """A purpose: the addresses of both tunnel interfaces are exchanged, in one role of the device."""

    def test(peer: Peer, dut: Dut) -> None:
        sa = opened(peer, dut) if role == "initiator" else peer.establish()
        request = sa.expect_request(ExchangeType.INFORMATIONAL, where=pushes, requirement=GIVEN)
        found = [network_of(each) for one in request.message.all(CP) for each in one.attributes]
        wanted = ip_network(INTERFACE["local_routes"][0])
        peer.check(wanted in found, f"{wanted} among its networks", request.message, GIVEN)
        sa.answer(request, CP(CfgType.ACK, (CfgAttr(SUBNET),)))
        given = subnet(INTERFACE["remote_routes"][0])
        accepted = acknowledged(peer, (given,), sa.informational(CP(CfgType.SET, (given,))))
        peer.check(SUBNET in accepted, "INTERNAL_IP4_SUBNET accepted", accepted, GIVEN)
        sa.traffic.ask(inner.ping("10.1.0.1", "10.2.0.1"), sa.child, "RFC7296-3.15.2-1")
        sa.traffic.must_not_leak(CLEAR)

    test.__doc__ = f"""Device as {role}: both ends announce the address of their tunnel interface, and reach each other.

    It may announce further networks beside it.
    """
    suffix = "-initiator" if role == "initiator" else ""
    return purpose(
        f"cp-routes-interfaces{suffix}", GIVEN, "RFC7296-3.15.2-1", ACCEPTED, NOT_ACCEPTED, CLEAR,
        role=role, needs=(*ROUTES, DATA), connection=WIDE, device=INTERFACE,
    )(test)  # fmt: skip


test_interfaces, test_interfaces_initiator = interfaces("responder"), interfaces("initiator")


def tunnel_in_tunnel(role: Role) -> object:
    """A purpose: a network with the outer end of the tunnel in it is announced, in one role of the device."""

    def test(peer: Peer, dut: Dut) -> None:
        sa = begun(peer, dut, role)
        try:
            taken(peer, sa, OURS, *ends(peer))
            reached(peer, sa, OURS)
            with sa.traffic.silence(LEAVES, lambda: reached(peer, sa, OURS)):
                sa.liveness()
        except Unexpected:
            if deleted_by_device(sa):
                raise NotApplicable("it ends an IKE SA whose peer announces the ends of the tunnel") from None
            raise
        sa.traffic.must_not_leak(CLEAR)

    test.__doc__ = f"""Device as {role}: networks with the outer ends of the tunnel in them do not lead it into itself.

    Beside them stands one that is good. ESP packets come from the outer address of the device to ours, each with a
    packet of the inner network in it, never with another ESP packet, and no more of them than were asked for. A device
    may as well end the IKE SA, as long as it says so.
    """
    suffix = "-initiator" if role == "initiator" else ""
    return purpose(
        f"cp-routes-own-end-traffic{suffix}", LEAVES, GIVEN, NOT_ACCEPTED, "RFC7296-1.4-4", CLEAR,
        role=role, needs=(*ROUTES, DATA), connection=WIDE, device=TAKES,
    )(test)  # fmt: skip


test_own_end, test_own_end_initiator = tunnel_in_tunnel("responder"), tunnel_in_tunnel("initiator")


# --- clients ----------------------------------------------------------------------------------------------------------


@purpose(
    "cp-routes-own-address", GIVEN, VALID, ACCEPTED, role="responder", needs=(*ROUTES, *INNER, DATA),
    connection=serving(), device={"remote_routes": ("10.77.0.0/24",)},
)  # fmt: skip
def test_own_address(peer: Peer) -> None:
    """A client announces the address that it has got: it is reached there, whether the gateway needs that or not."""
    sa = peer.establish()
    address = sa.virtual_address
    assert address is not None
    announced(peer, sa, subnet(f"{'.'.join(map(str, address))}/32"))
    sa.traffic.ping(sa.child, requirement=GIVEN)
    sa.traffic.must_not_leak(CLEAR)
