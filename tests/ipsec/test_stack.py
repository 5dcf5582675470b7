"""Two hosts with IPsec, and one that is asked to do what it must not."""

from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6EchoReply, ICMPv6PacketTooBig, IPv6
from scapy.packet import Raw

from conformance.ike.core.child import ChildSa
from conformance.ike.core.connection import ChildConfig, Mode
from conformance.ike.core.keys import ChildKeys
from conformance.ike.core.selectors import selectors
from conformance.ipsec import esp, icmp
from conformance.ipsec.errors import Reason
from conformance.ipsec.esp import EspBend
from conformance.ipsec.fragments import fragment
from conformance.ipsec.ip import checksum, header, parse
from conformance.ipsec.sad import DfPolicy, Expiry, InboundSa, Lifetime, OutboundSa, OuterHeader
from conformance.ipsec.spd import Action, Policy
from conformance.ipsec.stack import IpsecHost, datagrams
from conformance.net.link import Address, Datagram
from conformance.wire import ProtocolID
from tests.ipsec.making import HERE, HERE6, THERE, THERE6, parameters, ping, ping6, suite, tcp, udp

LEFT, RIGHT = ("10.1.0.1", "fd01::1"), ("10.2.0.1", "fd02::1")
THERE_SPI, BACK_SPI = b"\0\0\1\1", b"\0\0\1\2"
Wire = Callable[[bytes], list[bytes]]


class Hosts:
    """A host on the left and one on the right, with a pair of SAs; `ask` sends from the left and gives the answers."""

    def __init__(self, words: str = "aes128gcm16", kind: ProtocolID = ProtocolID.ESP, **fields: Any) -> None:
        host = {name: fields.pop(name) for name in ("mtu", "fragment_first", "policies") if name in fields}
        six = fields.pop("six", False)
        here, there = (HERE6, THERE6) if six else (HERE, THERE)
        udp = (4500, 4500) if fields.pop("encapsulated", False) else None
        forth = parameters(words, kind, spi=THERE_SPI, source=here, destination=there, udp=udp, **fields)
        back = parameters(words, kind, spi=BACK_SPI, source=there, destination=here, udp=udp, **fields)
        self.left = IpsecHost(LEFT, Random(1).randbytes, **host)
        self.right = IpsecHost(RIGHT, Random(2).randbytes, **host)
        self.left.install(back, forth, 0.0)
        self.right.install(forth, back, 0.0)
        self.wire: list[bytes] = []

    def ask(self, packet: bytes, now: float = 0.0, **bend: Any) -> list[bytes]:
        before = len(self.left.delivered)
        self.carry(self.left.send(packet, now, bend=EspBend(**bend) if bend else None), now)
        return list(self.left.delivered)[before:]

    def carry(self, packets: list[bytes], now: float = 0.0) -> None:
        self.wire += packets
        for packet in packets:
            for answer in self.right.receive(packet, now):
                self.wire.append(answer)
                self.left.receive(answer, now)


KINDS: list[dict[str, Any]] = [
    {},
    {"six": True},
    {"encapsulated": True},
    {"encapsulated": True, "six": True},
    {"words": "sha256", "kind": ProtocolID.AH},
    {"words": "aes256-sha512-esn"},
    {"tfc": 1300},
]


@pytest.mark.parametrize("kind", KINDS)
def test_echoes(kind: dict[str, Any]) -> None:
    hosts = Hosts(**kind)
    (reply,) = hosts.ask(ping(tos=0xB9))
    back = IP(reply)
    assert (back.src, back.dst, back.tos, back[ICMP].type, back[ICMP].id) == ("10.2.0.1", "10.1.0.1", 0xB9, 0, 9)
    assert bytes(back[ICMP].payload) == bytes(56)
    (reply,) = hosts.ask(ping(0))
    assert len(reply) == 28
    (reply,) = hosts.ask(ping6(100))
    six = IPv6(reply)
    assert (six.src, six.dst, six[ICMPv6EchoReply].data) == ("fd02::1", "fd01::1", bytes(100))
    (reply,) = hosts.ask(udp(20))
    assert (IP(reply)[UDP].sport, IP(reply)[UDP].dport, bytes(IP(reply)[UDP].payload)) == (7, 4000, bytes(20))
    for each in (reply, bytes(six)):
        again = IP(each) if each[0] >> 4 == 4 else IPv6(each)
        assert bytes(again) == each == bytes(rebuilt(again))
    assert not hosts.left.drops and not hosts.right.drops


def rebuilt(packet: Any) -> Any:
    """The packet with lengths and checksums that scapy computes."""
    packet = packet.copy()
    layer = packet
    while layer:
        for name in ("len", "plen", "chksum", "cksum"):
            layer.fields.pop(name, None)
        layer.raw_packet_cache = None
        layer = layer.payload
    return packet


def test_transport_mode_between_hosts() -> None:
    left, right = IpsecHost([HERE], Random(1).randbytes), IpsecHost([THERE], Random(2).randbytes)
    forth = parameters(mode=Mode.TRANSPORT, spi=THERE_SPI)
    back = parameters(mode=Mode.TRANSPORT, spi=BACK_SPI, source=THERE, destination=HERE)
    left.install(back, forth, 0.0)
    right.install(forth, back, 0.0)
    (wire,) = left.send(ping(source=HERE, destination=THERE), 0.0)
    assert IP(wire).proto == 50 and len(wire) == 84 + 8 + 8 + 2 + 2 + 16
    (answer,) = right.receive(wire, 0.0)
    assert left.receive(answer, 0.0) == []
    assert IP(left.delivered[-1])[ICMP].type == 0


def test_udp_without_a_checksum_is_for_ipv4() -> None:
    hosts = Hosts()
    bare = UDP(sport=4000, dport=7, chksum=0) / b"data"
    (reply,) = hosts.ask(bytes(IP(src="10.1.0.1", dst="10.2.0.1") / bare))
    assert bytes(IP(reply)[UDP].payload) == b"data" and IP(reply)[UDP].chksum
    assert hosts.ask(bytes(IPv6(src="fd01::1", dst="fd02::1") / bare)) == []


def test_what_gets_no_answer() -> None:
    hosts = Hosts()
    wrong = bytearray(udp())
    wrong[-1] ^= 1
    bad_header = bytearray(ping())
    bad_header[8] ^= 1
    for packet in (ping(destination="10.2.0.9"), bytes(wrong), bytes(bad_header), ping6(destination="fd02::9")):
        assert hosts.ask(packet) == []
    assert len(hosts.right.delivered) == 4
    (reply,) = hosts.ask(udp(dport=9))
    assert (IP(reply)[ICMP].type, IP(reply)[ICMP].code) == (3, 3)
    (reply,) = hosts.ask(bytes(IPv6(src="fd01::1", dst="fd02::1") / UDP(dport=9)))
    assert (IPv6(reply).nh, reply[40:42]) == (58, b"\1\4")


def tcp_of(packets: list[bytes]) -> Any:
    (packet,) = packets
    again = IP(packet)
    assert bytes(rebuilt(again)) == packet
    return again[TCP]


def test_a_tcp_connection() -> None:
    hosts = Hosts()
    syn = tcp_of(hosts.ask(tcp("S", seq=100)))
    assert (syn.flags, syn.ack) == ("SA", 101)
    ours = syn.seq + 1
    assert tcp_of(hosts.ask(tcp("S", seq=100))).seq == syn.seq  # the same SYN again
    assert hosts.ask(tcp("A", seq=101, ack=ours)) == []
    data = bytes(
        IP(src="10.1.0.1", dst="10.2.0.1") / TCP(sport=4000, dport=7, flags="PA", seq=101, ack=ours) / b"hello"
    )
    echo = tcp_of(hosts.ask(data))
    assert (echo.flags, echo.seq, echo.ack, bytes(echo.payload)) == ("PA", ours, 106, b"hello")
    assert bytes(tcp_of(hosts.ask(data)).payload) == b"hello"  # the echo was lost
    ahead = tcp_of(hosts.ask(tcp("PA", seq=900, ack=ours + 5)))
    assert (ahead.flags, ahead.ack) == ("A", 106)
    fin = tcp_of(hosts.ask(tcp("FA", seq=106, ack=ours + 5)))
    assert (fin.flags, fin.seq, fin.ack) == ("FA", ours + 5, 107)
    assert hosts.ask(tcp("A", seq=107, ack=ours + 6)) == []
    gone = tcp_of(hosts.ask(tcp("A", seq=107, ack=ours + 6)))
    assert (gone.flags, gone.seq) == ("R", ours + 6)


def test_closed_tcp_ports_and_resets() -> None:
    hosts = Hosts()
    closed = tcp_of(hosts.ask(tcp("S", dport=81, seq=100)))
    assert (closed.flags, closed.ack) == ("RA", 101)
    hosts.ask(tcp("S", seq=100))
    assert hosts.ask(tcp("R", seq=101)) == []
    assert tcp_of(hosts.ask(tcp("A", seq=101, ack=5))).flags == "R"


def test_keepalives_and_ike_in_udp() -> None:
    hosts = Hosts(encapsulated=True)
    assert hosts.left.next_tick() == 20.0
    assert hosts.left.tick(19.9) == []
    hosts.ask(ping(), 10.0)
    assert hosts.left.tick(20.0) == []
    (keepalive,) = hosts.left.tick(30.0)
    packet = IP(keepalive)
    assert (packet.src, packet.dst, packet[UDP].sport, packet[UDP].dport) == (HERE, THERE, 4500, 4500)
    assert bytes(packet[UDP].payload) == b"\xff" and bytes(rebuilt(packet)) == keepalive
    assert hosts.left.next_tick() == 50.0
    assert hosts.right.receive(keepalive, 30.0) == []
    ike = bytes(IP(src=HERE, dst=THERE) / UDP(sport=4500, dport=4500) / Raw(bytes(4) + b"ike"))
    assert hosts.right.receive(ike, 30.0) == []
    assert hosts.right.keepalives == 1 and not hosts.right.drops
    hosts.left.remove(THERE_SPI)
    assert hosts.left.tick(100.0) == [] and hosts.left.next_tick() is None
    assert Hosts().left.next_tick() is None


def test_over_sockets() -> None:
    hosts = Hosts(encapsulated=True, mtu=None)
    (request,) = datagrams(hosts.left.send(ping(3000), 0.0))
    assert request.source == Address(HERE, 4500) and request.destination == Address(THERE, 4500)
    (answer,) = hosts.right.receive_datagram(request, 0.0)
    assert hosts.left.receive_datagram(answer, 0.0) == []
    assert IP(hosts.left.delivered[-1])[ICMP].type == 0
    assert hosts.right.receive_datagram(Datagram(request.source, request.destination, b"\xff"), 0.0) == []
    assert hosts.right.keepalives == 1


def child(initiator: bool) -> ChildSa:
    chosen = suite("aes256-sha256")
    encr, integ = chosen.cipher.key_size, chosen.cipher.integ_key_size
    keys = ChildKeys(b"i" * encr, b"I" * integ, b"r" * encr, b"R" * integ)
    spis = (BACK_SPI, THERE_SPI) if initiator else (THERE_SPI, BACK_SPI)
    ends = selectors(["10.1.0.0/24"]), selectors(["10.2.0.0/24"])
    local, remote = ends if initiator else ends[::-1]
    return ChildSa(
        ChildConfig("net", ("aes128gcm16",)),
        ProtocolID.ESP,
        *spis,
        chosen,
        keys,
        initiator,
        local,
        remote,
        Mode.TUNNEL,
        0.0,
    )


def test_the_sas_of_a_child_sa() -> None:
    left, right = IpsecHost(LEFT, Random(1).randbytes, mtu=None), IpsecHost(RIGHT, Random(2).randbytes, mtu=None)
    left.install_child(child(True), HERE, THERE, 0.0, (4500, 31000))
    right.install_child(child(False), THERE, HERE, 0.0, (31000, 4500), window=128)
    (request,) = datagrams(left.send(ping(), 0.0))
    assert request.destination == Address(THERE, 31000)
    (answer,) = right.receive_datagram(request, 0.0)
    left.receive_datagram(answer, 0.0)
    assert IP(left.delivered[-1])[ICMP].type == 0
    assert left.send(ping(destination="10.3.0.1"), 0.0) == []
    assert left.drops == {Reason.NO_SA: 1} and left.wanted[0].destination == bytes((10, 3, 0, 1))


def test_policies() -> None:
    rules = [
        Policy.of(Action.BYPASS, ["10.0.0.0/8"], ["10.0.0.0/8[udp/7]"]),
        Policy.of(Action.BYPASS, ["10.0.0.0/8[udp/7]"], ["10.0.0.0/8"]),
        Policy.of(Action.DISCARD, ["10.0.0.0/8[tcp]"], ["10.0.0.0/8"]),
        Policy(Action.PROTECT),
    ]
    hosts = Hosts(policies=rules)
    (reply,) = hosts.ask(udp())
    assert hosts.wire == [udp(), reply]
    assert hosts.ask(tcp()) == [] and len(hosts.wire) == 2
    assert hosts.left.drops == {Reason.POLICY: 1}
    hosts.carry([ping()])
    assert hosts.right.drops == {Reason.POLICY: 1}
    assert hosts.right.audit[0].text.endswith("came without protection") and hosts.right.audit[0].start == ping()[:64]
    assert hosts.left.send(b"no packet", 0.0) == []


def test_refused_packets_are_counted() -> None:
    hosts = Hosts()
    for bend in ({"flip": 1}, {"sequence": 0}, {"pad_length": 255}, {"spi": b"\7\7\7\7"}, {"truncate": 3}):
        assert hosts.ask(ping(), **bend) == []
    hosts.carry(hosts.wire[:1])
    hosts.carry([b"x", bytes(IP(proto=50, src=HERE, dst=THERE))])
    counted = hosts.right.drops
    assert counted[Reason.WRONG_ICV] >= 1 and counted[Reason.TOO_OLD] == 1 and counted[Reason.BAD_PADDING] == 1
    assert counted[Reason.UNKNOWN_SPI] == 1 and sum(counted.values()) == 8
    assert not hosts.right.delivered
    assert len(hosts.ask(ping())) == 1


def test_dummies_are_counted_and_nothing_else() -> None:
    hosts = Hosts()
    body = esp.dummy(hosts.left.sad.outbound[0], 100, Random(3).randbytes)
    hosts.carry([header(b"\xc0\0\2\1", b"\xc0\0\2\2", 50, len(body)) + body])
    assert hosts.right.dummies == 1 and not hosts.right.delivered and not hosts.right.drops


@pytest.mark.parametrize("kind", KINDS[:6])
@pytest.mark.parametrize("first", [True, False])
def test_large_packets(kind: dict[str, Any], first: bool) -> None:
    hosts = Hosts(**kind, fragment_first=first, mtu=1400)
    (reply, *more) = hosts.ask(ping(3000))
    whole = [reply, *more]
    assert sum(len(part) - 20 for part in whole) == 3008
    assert len(whole) == (3 if first else 1)
    assert all(len(packet) <= 1400 for packet in hosts.wire) and len(hosts.wire) in (6, 7, 8)
    assert not hosts.left.drops and not hosts.right.drops


def test_fragments_before_encryption_need_an_sa_that_takes_them() -> None:
    ports = selectors(["10.0.0.0/8[udp]"])
    named = selectors(["10.2.0.0/24[udp/7]", "10.1.0.0/24[udp/4000]"])
    for fields, before in (
        ({"source_ts": ports, "destination_ts": ports}, True),
        ({"destination_ts": named}, False),
        ({"destination_ts": named, "non_first_fragments": True}, True),
    ):
        hosts = Hosts(**fields)
        assert hosts.ask(udp(2000))
        assert (IP(hosts.wire[0]).flags == "MF") == (not before)


def test_path_mtu_and_df() -> None:
    hosts = Hosts()
    (report,) = hosts.ask(ping(1500, flags="DF"))
    said = IP(report)[ICMP]
    assert (said.type, said.code, said.nexthopmtu) == (3, 4, 1446) and not checksum(report[20:])
    assert bytes(said.payload)[:20] == ping(1500, flags="DF")[:20]
    assert len(hosts.ask(ping(1446 - 28, flags="DF"))) == 1
    (report,) = hosts.ask(ping6(1500))
    assert IPv6(report)[ICMPv6PacketTooBig].mtu == 1446
    assert hosts.left.drops == {Reason.TOO_BIG: 2}


def test_an_outer_header_that_forbids_fragments() -> None:
    hosts = Hosts(outer=OuterHeader(df=DfPolicy.SET), fragment_first=False)
    (report,) = hosts.ask(ping(1500))
    assert IP(report)[ICMP].nexthopmtu == 1446
    hosts = Hosts(outer=OuterHeader(df=DfPolicy.SET))
    assert len(hosts.ask(ping(1500))) == 2
    assert all(IP(packet).flags == "DF" for packet in hosts.wire)


def test_small_ipv6_packets_go_through_every_link() -> None:
    hosts = Hosts(mtu=1200)
    assert len(hosts.ask(ping6(1280 - 48))) == 1
    (report,) = hosts.ask(ping6(1280 - 47))
    assert IPv6(report)[ICMPv6PacketTooBig].mtu == 1280


@pytest.mark.parametrize("kind", [{}, {"encapsulated": True}, {"words": "sha1", "kind": ProtocolID.AH}, {"six": True}])
def test_a_router_reports_a_smaller_mtu(kind: dict[str, Any]) -> None:
    hosts = Hosts(**kind)
    hosts.ask(ping(1300, flags="DF"))
    sent = hosts.wire[0]
    if kind.get("six"):
        report = bytes(IPv6(src="fd09::1", dst=HERE6) / ICMPv6PacketTooBig(mtu=1300) / Raw(sent[:1000]))
    else:
        report = bytes(IP(src="203.0.113.1", dst=HERE) / ICMP(type=3, code=4, nexthopmtu=1300) / Raw(sent[:28]))
        assert hosts.left.receive(report.replace(THERE_SPI, b"\7\7\7\7"), 1.0) == []
        if kind.get("encapsulated"):
            sent = sent[:28] + THERE_SPI
            report = bytes(IP(src="203.0.113.1", dst=HERE) / ICMP(type=3, code=4, nexthopmtu=1300) / Raw(sent[:36]))
    assert hosts.left.receive(report, 1.0) == []
    assert hosts.left.sad.outbound[0].path_mtu == 1300
    (told,) = hosts.ask(ping(1300, flags="DF"), 2.0)
    assert IP(told)[ICMP].type == 3 and 1200 < IP(told)[ICMP].nexthopmtu < 1300
    assert IP(hosts.ask(ping(1300, flags="DF"), 700.0)[0])[ICMP].type == 0


def test_ipv4_paths_may_be_narrower_than_those_of_ipv6() -> None:
    hosts = Hosts()
    hosts.ask(ping(1300, flags="DF"))
    for mtu, known in ((700, 700), (60, 68)):
        report = bytes(IP(src="203.0.113.1", dst=HERE) / ICMP(type=3, code=4, nexthopmtu=mtu) / Raw(hosts.wire[0][:28]))
        hosts.left.receive(report, 1.0)
        assert hosts.left.sad.outbound[0].path_mtu == known


@pytest.mark.parametrize("mtu", [0, 1384, 9000])
def test_reports_that_say_nothing(mtu: int) -> None:
    hosts = Hosts()
    hosts.ask(ping(1300, flags="DF"))
    report = bytes(IP(src="203.0.113.1", dst=HERE) / ICMP(type=3, code=4, nexthopmtu=mtu) / Raw(hosts.wire[0][:28]))
    assert hosts.left.receive(report, 1.0) == [] and hosts.left.sad.outbound[0].path_mtu is None


def test_lifetimes_and_rekeying() -> None:
    hosts = Hosts(soft=Lifetime(packets=1), hard=Lifetime(packets=2))
    hosts.ask(ping())
    assert [(sa.spi, expiry) for sa, expiry in hosts.left.expired(0.0)] == [
        (BACK_SPI, Expiry.SOFT),
        (THERE_SPI, Expiry.SOFT),
    ]
    hosts.ask(ping())
    assert hosts.ask(ping()) == [] and hosts.left.drops == {Reason.NO_SA: 1}
    fresh = parameters(spi=b"\0\0\2\1")
    hosts.left.install(None, fresh, 0.0)
    hosts.right.install(fresh, parameters(spi=b"\0\0\2\2", source=THERE, destination=HERE), 0.0)
    hosts.left.install(parameters(spi=b"\0\0\2\2", source=THERE, destination=HERE), None, 0.0)
    assert len(hosts.ask(ping())) == 1
    assert hosts.wire[-1][20:24] == b"\0\0\2\2"


def test_moving_to_other_addresses() -> None:
    hosts = Hosts()
    sending = hosts.left.sad.outbound[0]
    assert isinstance(sending, OutboundSa)
    sending.move("198.51.100.7", "198.51.100.8", (4500, 31000))
    packet = IP(hosts.left.send(ping(), 0.0)[0])
    assert (packet.src, packet.dst, packet[UDP].dport) == ("198.51.100.7", "198.51.100.8", 31000)


class Gullible(InboundSa):
    def check_sequence(self, sequence: int) -> None:
        pass


class GullibleHost(IpsecHost):
    inbound_class = Gullible


def test_a_decision_can_be_replaced() -> None:
    hosts = Hosts()
    hosts.right = GullibleHost(RIGHT, Random(2).randbytes)
    hosts.right.install(parameters(spi=THERE_SPI), parameters(spi=BACK_SPI, source=THERE, destination=HERE), 0.0)
    assert len(hosts.ask(ping())) == 1
    hosts.carry(hosts.wire[:1])
    assert len(hosts.right.delivered) == 2 and not hosts.right.drops


@settings(max_examples=150)
@given(st.lists(st.binary(max_size=100), max_size=3), st.sampled_from([1, 6, 17, 41, 50, 51, 58]), st.booleans())
def test_any_octets(data: list[bytes], protocol: int, wrapped: bool) -> None:
    hosts = Hosts(encapsulated=True)
    for each in data:
        packet = bytes(IP(src=HERE, dst=THERE, proto=protocol) / Raw(each)) if wrapped else each
        hosts.right.receive(packet, 0.0)
        hosts.left.send(packet, 0.0)
        hosts.carry(hosts.left.send(bytes(IP(src="10.1.0.1", dst="10.2.0.1", proto=protocol) / Raw(each)), 0.0))
        hosts.carry(hosts.left.send(bytes(IPv6(src="fd01::1", dst="fd02::1", nh=protocol) / Raw(each)), 0.0))
    assert len(hosts.ask(ping())) == 1


def test_icmp_reports_that_are_none() -> None:
    for packet in (ping(), ping6(), fragment(ping(2000), 500)[0], bytes(IP() / ICMP(type=3, code=4) / Raw(b"short"))):
        assert icmp.path_mtu(packet, parse(packet)) is None
