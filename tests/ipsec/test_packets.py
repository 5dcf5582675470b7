"""Whole packets through SAs: outer headers, what the inner packet becomes, and what policy refuses."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrFragment
from scapy.packet import Raw

from conformance.ike.core.connection import Mode
from conformance.ipsec import esp
from conformance.ipsec.ah import AhBend
from conformance.ipsec.errors import (
    CongestionDrop,
    FragmentReceived,
    IpsecError,
    MalformedPacket,
    PolicyViolation,
    Reason,
    TooShort,
    UnknownSpi,
    WrongIcv,
)
from conformance.ipsec.esp import EspBend
from conformance.ipsec.fragments import fragment
from conformance.ipsec.ip import header, with_traffic_class
from conformance.ipsec.packets import protect, unprotect
from conformance.ipsec.sad import DfPolicy, InboundSa, OutboundSa, OuterHeader, Sad
from conformance.ipsec.tunnel import CE, ECT_0, ECT_1, NOT_ECT, ecn_after
from conformance.wire import ProtocolID, TrafficSelector
from tests.ipsec.making import HERE, HERE6, SPI, THERE, THERE6, pair, ping, ping6, random, tcp, udp

NET1, NET2 = TrafficSelector.net("10.1.0.0/24"), TrafficSelector.net("10.2.0.0/24")


def ends(words: str = "aes128gcm16", **fields: Any) -> tuple[OutboundSa, Sad, InboundSa]:
    sender, receiver = pair(words, **fields)
    sad = Sad()
    sad.add(receiver)
    return sender, sad, receiver


@pytest.mark.parametrize("ecn", [NOT_ECT, ECT_0, ECT_1, CE])
@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (OuterHeader(), lambda ecn: 46 << 2 | ecn),
        (OuterHeader(ecn=False), lambda ecn: 46 << 2),
        (OuterHeader(dscp=10), lambda ecn: 10 << 2 | ecn),
    ],
)
def test_dscp_and_ecn_of_the_outer_header(ecn: int, policy: OuterHeader, expected: Any) -> None:
    for source, destination in ((HERE, THERE), (HERE6, THERE6)):
        sender, sad, _ = ends(source=source, destination=destination, outer=policy)
        wire = protect(sender, ping(tos=46 << 2 | ecn), random)
        outer = IP(wire) if ":" not in source else IPv6(wire)
        assert (outer.tos if outer.version == 4 else outer.tc) == expected(ecn)
        assert unprotect(sad, wire).packet == ping(tos=46 << 2 | ecn)


# RFC 6040, figure 4: the inner field, then what comes out for Not-ECT, ECT(0), ECT(1), CE outside.
FIGURE_4 = {
    NOT_ECT: (NOT_ECT, NOT_ECT, NOT_ECT, None),
    ECT_0: (ECT_0, ECT_0, ECT_1, CE),
    ECT_1: (ECT_1, ECT_1, ECT_1, CE),
    CE: (CE, CE, CE, CE),
}


@pytest.mark.parametrize("inner", FIGURE_4)
@pytest.mark.parametrize("version", [4, 6])
def test_ecn_after_the_tunnel(inner: int, version: int) -> None:
    for outer, expected in zip((NOT_ECT, ECT_0, ECT_1, CE), FIGURE_4[inner], strict=True):
        sender, sad, receiver = ends()
        packet = ping(tos=0x20 | inner) if version == 4 else ping6(tc=0x20 | inner)
        wire = with_traffic_class(protect(sender, packet, random), 0xB8 | outer)
        if expected is None:
            with pytest.raises(CongestionDrop):
                unprotect(sad, wire)
            assert receiver.drops == {Reason.CONGESTION: 1}
            with pytest.raises(CongestionDrop):
                ecn_after(inner, outer)
        else:
            fresh = ping(tos=0x20 | expected) if version == 4 else ping6(tc=0x20 | expected)
            assert unprotect(sad, wire).packet == fresh


@pytest.mark.parametrize(("policy", "expected"), [(DfPolicy.COPY, None), (DfPolicy.SET, True), (DfPolicy.CLEAR, False)])
def test_df_of_the_outer_header(policy: DfPolicy, expected: bool | None) -> None:
    sender, _, _ = ends(outer=OuterHeader(df=policy))
    for inner, df in ((ping(flags="DF"), True), (ping(), False), (ping6(), True)):
        assert bool(IP(protect(sender, inner, random)).flags.DF) == (df if expected is None else expected)


def test_the_rest_of_the_outer_header() -> None:
    wire = protect(ends(outer=OuterHeader(ttl=33))[0], ping(ttl=2), random, identification=0x1234)
    outer = IP(wire)
    assert (outer.src, outer.dst, outer.ttl, outer.proto, outer.id, outer.len) == (
        HERE,
        THERE,
        33,
        50,
        0x1234,
        len(wire),
    )
    assert outer.chksum == IP(bytes(IP(src=HERE, dst=THERE, ttl=33, proto=50, id=0x1234) / Raw(wire[20:]))).chksum
    sender = ends(source=HERE6, destination=THERE6, outer=OuterHeader(flow_label=0x54321))[0]
    six = IPv6(protect(sender, ping(), random))
    assert (six.fl, six.hlim, six.nh, six.plen) == (0x54321, 64, 50, len(six) - 40)


def test_tfc_padding_and_dummies_leave_no_trace() -> None:
    sender, sad, receiver = ends(tfc=600)
    wire = protect(sender, ping(), random)
    assert len(wire) > 600
    assert unprotect(sad, wire).packet == ping()
    hidden = esp.dummy(sender, 600, random)
    outer = header(sender.source, sender.destination, 50, len(hidden))
    assert unprotect(sad, outer + hidden).packet is None
    assert not receiver.drops


def test_tfc_padding_in_transport_mode_goes_where_udp_tells_its_length() -> None:
    sender, sad, _ = ends(mode=Mode.TRANSPORT)
    assert unprotect(sad, protect(sender, udp(), random, bend=EspBend(tfc=40))).packet == udp()


@pytest.mark.parametrize("size", [0, 7, 8])
def test_a_length_of_udp_that_cannot_be_tells_nothing(size: int) -> None:
    packet = bytes(IP(src="10.1.0.1", dst="10.2.0.1") / UDP(len=size) / b"data")
    sender, sad, _ = ends(mode=Mode.TRANSPORT)
    received = unprotect(sad, protect(sender, packet, random)).packet
    assert received is not None and len(received) == (32 if size < 8 else 28)
    sender, sad, _ = ends("sha1", protocol=ProtocolID.AH, mode=Mode.TRANSPORT)
    assert unprotect(sad, protect(sender, packet, random)).packet == packet


def test_octets_behind_the_packet_are_not_the_packet() -> None:
    sender, sad, _ = ends()
    assert unprotect(sad, protect(sender, ping() + b"trailer", random) + b"padding of ethernet").packet == ping()


@pytest.mark.parametrize(
    ("bend", "expected"),
    [
        (EspBend(next_header=41), MalformedPacket),
        (EspBend(next_header=6), MalformedPacket),
        (EspBend(spi=b"\0\0\1\0"), UnknownSpi),
        (EspBend(truncate=60), (WrongIcv, MalformedPacket)),
        (EspBend(flip=3), WrongIcv),
    ],
)
def test_broken_packets(bend: EspBend, expected: Any) -> None:
    sender, sad, receiver = ends()
    with pytest.raises(expected) as caught:
        unprotect(sad, protect(sender, ping(), random, bend=bend))
    if caught.type is not UnknownSpi:
        assert receiver.drops == {caught.value.reason: 1}


def test_a_protected_fragment_is_not_opened() -> None:
    sender, sad, _ = ends()
    first = fragment(protect(sender, ping(500), random), 300)[0]
    with pytest.raises(FragmentReceived):
        unprotect(sad, first)


def test_packets_that_are_for_others() -> None:
    _, sad, _ = ends()
    with pytest.raises(PolicyViolation):
        unprotect(sad, tcp())
    with pytest.raises(TooShort):
        unprotect(sad, bytes(IP(src=HERE, dst=THERE, proto=50) / Raw(SPI)))


def test_transport_mode_behind_the_fragment_header_of_a_whole_datagram() -> None:
    sender, sad, _ = ends(mode=Mode.TRANSPORT)
    alone = bytes(IPv6(src="fd01::1", dst="fd02::1") / IPv6ExtHdrFragment(id=5) / IPv6(ping6()).payload)
    wire = protect(sender, alone, random)
    assert (wire[6], wire[40], wire[48:52]) == (44, 50, SPI)
    assert unprotect(sad, wire).packet == alone


def test_transport_mode_carries_no_fragments() -> None:
    with pytest.raises(PolicyViolation):
        protect(ends(mode=Mode.TRANSPORT)[0], fragment(ping(500), 300)[0], random)


def test_the_wrong_kind_of_bend() -> None:
    with pytest.raises(TypeError):
        protect(ends()[0], ping(), random, bend=AhBend())
    with pytest.raises(TypeError):
        protect(ends("sha1", protocol=ProtocolID.AH)[0], ping(), random, bend=EspBend())


@pytest.mark.parametrize(
    ("size", "fields"),
    [
        (65535, {}),
        (65535, {"mode": Mode.TRANSPORT}),
        (65535, {"udp": (4500, 4500)}),
        (65515, {}),
        (65515, {"udp": (4500, 4500)}),
        (65515, {"source": HERE6, "destination": THERE6}),
    ],
)
def test_what_does_not_fit_into_a_packet(size: int, fields: dict[str, Any]) -> None:
    with pytest.raises(MalformedPacket):
        protect(ends(**fields)[0], ping(size - 28), random)


@pytest.mark.parametrize(
    ("inner", "passes"),
    [
        (ping(), True),
        (ping(source="10.1.1.1"), False),
        (ping(destination="10.3.0.1"), False),
        (ping(source="10.2.0.1", destination="10.1.0.1"), False),
        (ping6(), False),
    ],
)
def test_inner_packets_must_fit_the_selectors(inner: bytes, passes: bool) -> None:
    sender, sad, receiver = ends(source_ts=(NET1,), destination_ts=(NET2,))
    wire = protect(sender, inner, random)
    if passes:
        assert unprotect(sad, wire).packet == inner
    else:
        with pytest.raises(PolicyViolation):
            unprotect(sad, wire)
        assert receiver.drops == {Reason.POLICY: 1}


def test_later_fragments_need_selectors_without_ports() -> None:
    port = TrafficSelector.net("10.2.0.0/24", protocol=17, ports=(7, 7))
    first, later = fragment(udp(2000), 1200)
    for fields, passes in (
        ({"destination_ts": (NET2,)}, True),
        ({"destination_ts": (port,)}, False),
        ({"destination_ts": (port,), "non_first_fragments": True}, True),
        ({"destination_ts": (TrafficSelector.net("10.2.0.0/24", protocol=17, ports=(65535, 0)),)}, True),
    ):
        sender, sad, _ = ends(**fields)
        wire = protect(sender, later, random)
        if passes:
            assert unprotect(sad, wire).packet == later
        else:
            with pytest.raises(PolicyViolation):
                unprotect(sad, wire)
    sender, sad, _ = ends(destination_ts=(port,))
    assert unprotect(sad, protect(sender, first, random)).packet == first


def test_a_fragment_that_would_overwrite_tcp_flags() -> None:
    sender, sad, _ = ends()
    with pytest.raises(PolicyViolation):
        unprotect(
            sad, protect(sender, bytes(IP(src="10.1.0.1", dst="10.2.0.1", proto=6, frag=1) / Raw(b"x" * 16)), random)
        )


@pytest.mark.parametrize(
    "make", [lambda ip: ip / UDP(sport=7, dport=9) / b"data", lambda ip: ip / TCP(dport=80) / b"data"]
)
def test_checksums_behind_a_nat(make: Any) -> None:
    """The NAT changed the source address, which the transport checksum covers (RFC 3948, section 3.1.2)."""
    sender, sad, _ = ends(mode=Mode.TRANSPORT, source="10.0.0.5", udp=(4500, 4500))
    wire = IP(protect(sender, bytes(make(IP(src="10.0.0.5", dst=THERE))), random))
    wire.src, wire[UDP].sport = "198.51.100.7", 31000
    del wire.chksum
    assert unprotect(sad, bytes(wire)).packet == bytes(make(IP(src="198.51.100.7", dst=THERE)))


@pytest.mark.parametrize(("protocol", "size"), [(6, 17), (17, 7)])
def test_cut_headers_behind_a_nat_stay_as_they_are(protocol: int, size: int) -> None:
    sender, sad, _ = ends(mode=Mode.TRANSPORT, udp=(4500, 4500))
    packet = bytes(IP(src=HERE, dst=THERE, proto=protocol) / Raw(b"x" * size))
    assert unprotect(sad, protect(sender, packet, random)).packet == packet


def test_no_checksum_stays_no_checksum() -> None:
    sender, sad, _ = ends(mode=Mode.TRANSPORT, udp=(4500, 4500))
    packet = bytes(IP(src=HERE, dst=THERE) / UDP(sport=7, dport=9, chksum=0) / b"data")
    assert unprotect(sad, protect(sender, packet, random)).packet == packet


def test_an_sa_takes_esp_with_and_without_udp() -> None:
    """RFC 7296, section 2.23."""
    for ours, theirs in (((4500, 4500), None), (None, (4500, 4500))):
        sender, _ = pair(udp=ours)
        _, sad, _ = ends(udp=theirs)
        assert unprotect(sad, protect(sender, ping(), random)).packet == ping()


def test_lookup_with_a_destination() -> None:
    sad = Sad()
    one, other = pair()[1], pair()[1]
    sad.add(one, b"\xc0\0\2\1")
    sad.add(other)
    assert sad.find(SPI, ProtocolID.ESP, b"\xc0\0\2\1") is one
    assert sad.find(SPI, ProtocolID.ESP, b"\xc0\0\2\2") is other
    sad.remove(other)
    for wrong in ((SPI, ProtocolID.ESP, b"\xc0\0\2\2"), (SPI, ProtocolID.AH, b"\xc0\0\2\1")):
        with pytest.raises(UnknownSpi):
            sad.find(*wrong)


@settings(max_examples=300)
@given(st.sampled_from([4, 6]), st.sampled_from([0, 17, 43, 44, 50, 51, 60]), st.binary(max_size=150), st.booleans())
def test_any_octets(version: int, protocol: int, data: bytes, known: bool) -> None:
    for words, kind in (("aes128gcm16", ProtocolID.ESP), ("sha1", ProtocolID.AH)):
        for mode in Mode:
            _, sad, _ = ends(words, protocol=kind, mode=mode)
            start = {50: SPI, 51: b"\6\4\0\0" + SPI, 17: b"\x11\x94" * 4 + SPI}.get(protocol, b"") if known else b""
            body = start + data
            wire = bytes(IP(proto=protocol) / Raw(body)) if version == 4 else bytes(IPv6(nh=protocol) / Raw(body))
            with pytest.raises(IpsecError):
                unprotect(sad, wire)


@settings(max_examples=200)
@given(st.sampled_from(list(Mode)), st.sampled_from([4, 6, 17, 41, 0, 60]), st.binary(max_size=80))
def test_any_authentic_payload(mode: Mode, protocol: int, data: bytes) -> None:
    sender, sad, _ = ends(mode=mode, udp=(4500, 4500))
    for lead in (b"", b"\x45\0\0\x20", b"\x60\0\0\0\0\x10\x3c\1"):
        body = esp.encapsulate(sender, protocol, lead + data, random)
        try:
            received = unprotect(sad, header(sender.source, sender.destination, 50, len(body)) + body)
        except IpsecError:
            continue
        assert received.packet is not None and received.packet[0] >> 4 in (4, 6)


@pytest.mark.parametrize("version", [4, 6])
def test_icmp_is_what_scapy_reads(version: int) -> None:
    sender, sad, _ = ends()
    received = unprotect(sad, protect(sender, ping() if version == 4 else ping6(), random)).packet
    assert received is not None
    assert ICMP in IP(received) if version == 4 else IPv6(received).nh == 58
