"""The commands that make GRE tunnels in a guest."""

from conformance.ike.core.connection import GreTunnel
from peers.places.uml import _gre


def test_a_tunnel_over_ipv4_has_its_fields_and_routes() -> None:
    tunnel = GreTunnel("192.0.2.2", "192.0.2.1", ("10.2.0.0/24",), ("10.1.0.0/24", "fd01::/64"), 0, True, True)
    made, up, *routes = _gre("tunnel0", tunnel).split(" && ")
    assert made == "ip link add tunnel0 type gre local 192.0.2.2 remote 192.0.2.1 key 0 csum seq"
    assert up == "ip link set tunnel0 up"
    assert routes == [f"ip route replace {one} dev tunnel0" for one in ("10.1.0.0/24", "fd01::/64")]


def test_a_tunnel_over_ipv6_has_nothing_between_ipv6_and_gre() -> None:
    made, *_ = _gre("tunnel1", GreTunnel("fd00::2", "fd00::1")).split(" && ")
    assert made == "ip link add tunnel1 type ip6gre encaplimit none local fd00::2 remote fd00::1"


def test_the_other_side_describes_it_the_other_way_round() -> None:
    tunnel = GreTunnel("192.0.2.2", "192.0.2.1", ("10.2.0.0/24",), ("10.1.0.0/24",), 7)
    assert tunnel.mirrored() == GreTunnel("192.0.2.1", "192.0.2.2", ("10.1.0.0/24",), ("10.2.0.0/24",), 7)
    assert tunnel.mirrored().mirrored() == tunnel
