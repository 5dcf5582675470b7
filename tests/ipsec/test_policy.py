"""Flows and the SPD."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP
from scapy.layers.inet6 import (
    MIP6MH_BU,
    ICMPv6EchoRequest,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrRouting,
)
from scapy.layers.sctp import SCTP
from scapy.packet import Raw

from conformance.ike.core.selectors import SelectorError
from conformance.ipsec.errors import MalformedPacket
from conformance.ipsec.flow import Flow, flow_of
from conformance.ipsec.fragments import fragment
from conformance.ipsec.ip import parse
from conformance.ipsec.spd import DISCARD_ALL, Action, Direction, Policy, Spd
from conformance.wire import TrafficSelector
from tests.ipsec.making import ping, ping6, tcp, udp

V6 = IPv6(src="fd01::1", dst="fd02::1")


def flow(packet: bytes) -> Flow:
    return flow_of(packet, parse(packet))


@pytest.mark.parametrize(
    ("packet", "protocol", "ports"),
    [
        (udp(sport=4000, dport=7), 17, (4000, 7)),
        (tcp(sport=4000, dport=80), 6, (4000, 80)),
        (bytes(V6 / SCTP(sport=9, dport=10)), 132, (9, 10)),
        (ping(), 1, (8 << 8, None)),
        (bytes(V6 / ICMPv6EchoRequest()), 58, (128 << 8, None)),
        (bytes(V6 / MIP6MH_BU()), 135, (5 << 8, None)),
        (bytes(IP(dst="10.2.0.1", proto=47) / Raw(bytes(4))), 47, (None, None)),
        (bytes(V6 / IPv6ExtHdrRouting() / IPv6ExtHdrDestOpt() / SCTP(sport=9, dport=10)), 132, (9, 10)),
        (bytes(V6 / IPv6ExtHdrFragment(m=1) / SCTP(sport=9, dport=10)), 132, (9, 10)),
        (bytes(V6 / IPv6ExtHdrFragment(offset=5, nh=132) / Raw(b"12345678")), 132, (None, None)),
        (fragment(udp(2000), 1000)[0], 17, (4000, 7)),
        (fragment(udp(2000), 1000)[1], 17, (None, None)),
        (bytes(IP(dst="10.2.0.1", proto=17) / Raw(b"\1\2\3")), 17, (None, None)),
        (bytes(IP(dst="10.2.0.1", proto=17) / Raw(b"\0\7\0\7")), 17, (7, 7)),
        (bytes(IP(dst="10.2.0.1", proto=1) / Raw(b"\10")), 1, (None, None)),
        (bytes(IP(dst="10.2.0.1", proto=1) / Raw(b"\10\0\0")), 1, (None, None)),
        (bytes(IP(dst="10.2.0.1", proto=1) / Raw(b"\10\0\0\0")), 1, (8 << 8, None)),
    ],
)
def test_flows(packet: bytes, protocol: int, ports: tuple[int | None, int | None]) -> None:
    found = flow(packet)
    assert (found.protocol, (found.source_port, found.destination_port)) == (protocol, ports)


def policy(action: Action, local: str, remote: str) -> Policy:
    return Policy.of(action, [local], [remote], f"{local} {remote}")


def test_the_first_policy_that_selects_decides() -> None:
    web = policy(Action.BYPASS, "10.1.0.0/24", "10.2.0.0/24[tcp/80]")
    ours = policy(Action.PROTECT, "10.1.0.0/24", "10.2.0.0/24")
    rest = policy(Action.DISCARD, "0.0.0.0/0", "0.0.0.0/0")
    spd = Spd([web, ours, rest])
    for packet, expected in (
        (tcp(dport=80), web),
        (tcp(dport=81), ours),
        (ping(), ours),
        (fragment(udp(2000), 1000)[1], ours),
        (ping(source="10.9.0.1"), rest),
        (ping6(), DISCARD_ALL),
    ):
        assert spd.lookup(packet, Direction.OUT) == expected
    assert spd.lookup(tcp(dport=80), Direction.IN) == rest
    assert spd.lookup(ping(0, "10.2.0.1", "10.1.0.1"), Direction.IN) == ours
    spd.add(policy(Action.DISCARD, "10.1.0.0/24", "10.2.0.0/24[icmp]"), 0)
    assert spd.lookup(ping(), Direction.OUT).action == Action.DISCARD
    spd.remove(ours)
    assert spd.lookup(tcp(dport=81), Direction.OUT) == rest
    with pytest.raises(MalformedPacket):
        spd.lookup(b"no packet", Direction.OUT)
    with pytest.raises(SelectorError):
        policy(Action.BYPASS, "anything", "10.2.0.0/24")


def test_a_policy_for_one_direction() -> None:
    one = Policy(Action.BYPASS, directions=frozenset({Direction.IN}))
    assert Spd([one]).lookup(ping(), Direction.OUT) == DISCARD_ALL
    assert Spd([one]).lookup(ping(), Direction.IN) == one


def icmp(kind: int, code: int = 0) -> bytes:
    return bytes(IP(src="10.1.0.1", dst="10.2.0.1") / ICMP(type=kind, code=code))


def one(net: str, protocol: int, ports: tuple[int, int]) -> tuple[TrafficSelector]:
    return (TrafficSelector.net(net, protocol=protocol, ports=ports),)


OPAQUE = (65535, 0)


def test_icmp_types_are_asked_of_the_sender_only() -> None:
    """RFC 4301, section 4.4.1.3, case C: to be sent but not received."""
    echo = (8 << 8, (8 << 8) + 255)
    sending = Policy(Action.PROTECT, one("10.1.0.0/24", 1, echo), one("10.2.0.0/24", 1, OPAQUE))
    assert sending.selects(flow(icmp(8)), Direction.OUT)
    assert sending.selects(flow(icmp(8, 200)), Direction.OUT)
    assert not sending.selects(flow(icmp(0)), Direction.OUT)
    back = bytes(IP(src="10.2.0.1", dst="10.1.0.1") / ICMP(type=8))
    assert not sending.selects(flow(back), Direction.IN)


@given(st.integers(0, 255), st.integers(0, 255), st.integers(0, 65535), st.integers(0, 65535))
def test_icmp_type_and_code_are_one_number(kind: int, code: int, low: int, high: int) -> None:
    rule = Policy(Action.PROTECT, one("10.1.0.0/24", 1, (low, high)))
    found = Flow(1, bytes((10, 1, 0, 1)), bytes((10, 2, 0, 1)), kind * 256 + code, single=True)
    assert rule.selects(found, Direction.OUT) == (low <= kind * 256 + code <= high)


def test_opaque_is_for_what_shows_no_ports() -> None:
    later, first = fragment(udp(2000), 1000)[1], fragment(udp(2000), 1000)[0]
    opaque = Policy(Action.PROTECT, one("10.1.0.0/24", 17, OPAQUE), one("10.2.0.0/24", 17, OPAQUE))
    anything = Policy(Action.PROTECT, one("10.1.0.0/24", 17, (0, 65535)))
    all_ports = Policy(Action.PROTECT, one("10.1.0.0/24", 17, (1, 65535)))
    assert [rule.selects(flow(later), Direction.OUT) for rule in (opaque, anything, all_ports)] == [True, True, False]
    assert [rule.selects(flow(first), Direction.OUT) for rule in (opaque, anything, all_ports)] == [False, True, True]
