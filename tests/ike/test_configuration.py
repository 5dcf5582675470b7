"""What goes with inner addresses, between two endpoints without a network."""

from dataclasses import replace
from ipaddress import ip_address, ip_network

from conformance.ike.core.config_mode import attributes_of
from conformance.ike.core.connection import InnerNetwork
from conformance.ike.core.subnets import network_of, subnet
from conformance.ike.ikesa import IkeSa
from conformance.wire import CP, CfgAttr, CfgAttribute, CfgType, IDi, IdType
from suites.connections import Setup, psk
from tests.ike.pair import Pair

POOL, POOL6 = "10.77.0.0/30", "fd77::/112"
INNER = InnerNetwork(
    dns=("10.2.0.53", "fd02::53"),
    domains=("corp.example",),
    resolver="resolver.corp.example",
    subnets=("10.2.0.0/24", "fd02::/64"),
)
BOTH = {"local_ts": ("0.0.0.0/0", "::/0"), "remote_ts": ("10.2.0.0/24", "fd02::/64")}


def _asking(**changes: object) -> Setup:
    return psk(remote_pool=POOL, remote_pool6=POOL6, initial_contact=False, **{**BOTH, **changes})  # type: ignore[arg-type]


def test_an_address_of_each_family_is_assigned() -> None:
    ours, theirs = Pair(_asking()).establish()
    assert ours.inner == theirs.inner == (ip_address("10.77.0.1").packed, ip_address("fd77::1").packed)
    assert [one.start for one in ours.children[0].local_ts] == list(ours.inner)


def test_a_wish_is_granted_where_the_address_is_free_and_of_the_pool() -> None:
    _, sa = Pair(_asking()).establish()
    wishes = {
        (POOL, "10.77.0.2"): "10.77.0.2",
        (POOL, "10.77.0.1"): "10.77.0.2",  # taken
        (POOL, "10.77.0.3"): "10.77.0.2",  # broadcast
        (POOL, "192.0.2.1"): "10.77.0.2",
        (POOL6, "fd77::4321"): "fd77::4321",
        (POOL6, "fe80::4321"): "fd77::4321",  # the interface identifier
        (POOL6, "fd77::1"): "fd77::2",  # taken
    }
    for (pool, wish), expected in wishes.items():
        assert sa.assign(pool, ip_address(wish).packed) == ip_address(expected).packed, wish
    for odd in (b"", b"\x0a", bytes(4), bytes(5)):
        assert sa.assign(POOL, odd) == ip_address("10.77.0.2").packed


def _told(sa: IkeSa, *kinds: CfgAttribute) -> list[CfgAttr]:
    return sa.configuration_told(CP(CfgType.REQUEST, tuple(map(CfgAttr, kinds))))


def test_only_what_is_asked_for_is_told() -> None:
    _, sa = Pair(_asking(remote_inner=INNER)).establish()
    dns, domain = CfgAttribute.INTERNAL_IP4_DNS, CfgAttribute.INTERNAL_DNS_DOMAIN
    assert _told(sa, dns) == [CfgAttr(dns, bytes((10, 2, 0, 53)))]
    assert _told(sa, domain) == []  # there are none without name servers (RFC 8598, section 3.2)
    assert _told(sa, domain, dns)[-1] == CfgAttr(domain, b"corp.example")
    assert [network_of(one) for one in _told(sa, CfgAttribute.INTERNAL_IP6_SUBNET)] == [ip_network("fd02::/64")]
    [resolver] = _told(sa, CfgAttribute.ENCDNS_IP4)
    assert resolver.value == b"\0\1\1\x15" + bytes((10, 2, 0, 53)) + b"resolver.corp.example" + b"\0\1\0\4\3dot"


def test_what_is_expected_is_asked_for() -> None:
    ours, theirs = Pair(_asking(remote_inner=INNER)).establish()
    assert theirs.opening is not None
    kinds = [one.type for one in attributes_of(theirs.opening, CfgType.REQUEST)]
    assert kinds[:2] == [CfgAttribute.INTERNAL_IP4_ADDRESS, CfgAttribute.INTERNAL_IP6_ADDRESS]
    assert {CfgAttribute.INTERNAL_IP6_DNS, CfgAttribute.INTERNAL_DNS_DOMAIN, CfgAttribute.ENCDNS_IP6} <= set(kinds)
    assert ours.inner


def test_networks_that_cannot_be_are_none() -> None:
    assert network_of(subnet("10.8.0.0/16")) == ip_network("10.8.0.0/16")
    for wrong in ("0a080001ffff0000", "0a080000ff00ff00", "0a0800000000ffff", "0a080000", ""):
        assert network_of(CfgAttr(CfgAttribute.INTERNAL_IP4_SUBNET, bytes.fromhex(wrong))) is None, wrong
    assert network_of(CfgAttr(CfgAttribute.INTERNAL_IP6_SUBNET, bytes(16) + b"\x81")) is None


def test_routes_are_exchanged_once_the_ike_sa_is_up() -> None:
    pair = Pair(psk(local_routes=("10.8.0.0/16", "fd08::/64"), remote_routes=("10.2.0.0/24",)))
    ours, theirs = pair.establish()
    pair.wait(0.1)
    assert theirs.routes == (ip_network("10.8.0.0/16"), ip_network("fd08::/64"))
    assert ours.routes == (ip_network("10.2.0.0/24"),)
    assert ours.acknowledged == (CfgAttribute.INTERNAL_IP4_SUBNET, CfgAttribute.INTERNAL_IP6_SUBNET)


def test_a_route_to_the_end_of_the_tunnel_is_not_taken() -> None:
    ours, theirs = Pair(psk(remote_routes=("10.2.0.0/24",))).establish()
    ends = (subnet(f"{theirs.remote.host}/32"), subnet("10.8.0.0/16"))
    accepted = ours.configuration_accepted(CP(CfgType.SET, ends))
    assert [one.value for one in accepted] == [b""]
    assert ours.routes == (ip_network("10.8.0.0/16"),) or ours.local.host == ours.remote.host


def test_who_expects_no_routes_takes_none() -> None:
    ours, _ = Pair(psk()).establish()
    assert ours.configuration_accepted(CP(CfgType.SET, (subnet("10.8.0.0/16"),))) == []


def test_routes_that_are_told_in_ike_auth_need_no_cfg_set() -> None:
    pair = Pair(psk(local_routes=("10.8.0.0/16",), remote_routes=("10.2.0.0/24", "fd02::/64"), routes_in_auth=True))
    ours, theirs = pair.establish()
    assert ours.routes == (ip_network("10.2.0.0/24"), ip_network("fd02::/64"))
    assert theirs.routes_told and theirs.acknowledged is None
    pair.wait(0.1)
    assert theirs.routes == (ip_network("10.8.0.0/16"),)
    assert theirs.acknowledged is None and ours.acknowledged == (CfgAttribute.INTERNAL_IP4_SUBNET,)


def test_of_several_networks_in_which_a_name_is_the_smallest_counts() -> None:
    _, sa = Pair(psk()).establish()
    networks = ("203.0.113.0/24", "203.0.113.64/26", "198.51.100.0/24")
    small = replace(sa.connection, beside=tuple(replace(sa.connection, remote_network=one) for one in networks))
    sa.connection = small
    found = {
        text: sa.connection_for(IDi(IdType.IPV4_ADDR, ip_address(text).packed)).remote_network
        for text in ("203.0.113.77", "203.0.113.5", "198.51.100.1", "192.0.2.1")
    }
    assert list(found.values()) == [networks[1], networks[0], networks[2], ""]
