"""AH: what its ICV covers and what it leaves out, and packets that lie."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import IP, UDP, IPOption_LSRR, IPOption_NOP, IPOption_RR, IPOption_Security, IPOption_Timestamp
from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop, PadN
from scapy.packet import Raw

from conformance.ike.core.connection import Mode
from conformance.ipsec.ah import AhBend
from conformance.ipsec.errors import (
    IpsecError,
    MalformedPacket,
    Reason,
    Replayed,
    SaExpired,
    SequenceOverflow,
    TooOld,
    TooShort,
    UnknownSpi,
    WrongIcv,
)
from conformance.ipsec.packets import protect, unprotect
from conformance.ipsec.sad import InboundSa, Lifetime, OutboundSa, Sad
from conformance.wire import ProtocolID
from tests.ipsec.making import AH_SUITES, SPI, pair, ping, ping6, random


def ends(words: str = "sha256", **fields: Any) -> tuple[OutboundSa, Sad, InboundSa]:
    sender, receiver = pair(words, ProtocolID.AH, **fields)
    sad = Sad()
    sad.add(receiver)
    return sender, sad, receiver


@pytest.mark.parametrize("esn", ["", "-esn"])
@pytest.mark.parametrize("words", AH_SUITES)
@pytest.mark.parametrize("mode", Mode)
def test_round_trip(words: str, esn: str, mode: Mode) -> None:
    sender, sad, receiver = ends(words + esn, mode=mode)
    for packet in (ping(0), ping(1), ping(1400), ping6(), ping6(33)):
        assert unprotect(sad, protect(sender, packet, random)).packet == packet
    assert sender.packets == receiver.packets == 5 and sender.octets == receiver.octets


@pytest.mark.parametrize(
    ("words", "packet", "payload_length"),
    [("sha1", ping(), 4), ("sha1", ping6(), 4), ("sha256", ping(), 5), ("sha256", ping6(), 6), ("sha512", ping6(), 10)],
)
def test_payload_length_and_padding(words: str, packet: bytes, payload_length: int) -> None:
    """32-bit words less two; IPv6 fills up to 64 bits (RFC 4302, sections 2.2 and 3.3.3.2.1)."""
    wire = protect(ends(words, mode=Mode.TRANSPORT)[0], packet, random)
    at = 20 if packet[0] >> 4 == 4 else 40
    assert wire[at + 1] == payload_length
    assert wire[at + 2 : at + 8] == b"\0\0" + SPI
    assert wire[at + payload_length * 4 + 8 :] == packet[at:]


OPTIONS = [
    IPOption_RR(pointer=4, routers=["0.0.0.0", "0.0.0.0"]),
    IPOption_NOP(),
    IPOption_Security(),
    IPOption_Timestamp(),
]


def test_mutable_fields_of_ipv4_may_change() -> None:
    sender, sad, _ = ends(mode=Mode.TRANSPORT)
    wire = IP(protect(sender, bytes(IP(src="10.1.0.1", dst="10.2.0.1", options=OPTIONS) / UDP()), random))
    wire.tos, wire.ttl, wire.flags = 0xFF, 3, "DF"
    wire.options[0].routers[0] = "203.0.113.9"
    wire.options[0].pointer = 8
    wire.options[3].timestamp = 77
    del wire.chksum
    assert unprotect(sad, bytes(wire)).packet is not None


@pytest.mark.parametrize("field", [{"src": "10.1.0.9"}, {"dst": "10.2.0.9"}, {"id": 99}])
def test_immutable_fields_of_ipv4_may_not(field: dict[str, Any]) -> None:
    sender, sad, receiver = ends(mode=Mode.TRANSPORT)
    wire = IP(protect(sender, ping(), random))
    for name, value in field.items():
        setattr(wire, name, value)
    del wire.chksum
    with pytest.raises(WrongIcv):
        unprotect(sad, bytes(wire))
    assert receiver.drops == {Reason.WRONG_ICV: 1}


def test_an_immutable_option() -> None:
    sender, sad, _ = ends(mode=Mode.TRANSPORT)
    wire = IP(protect(sender, bytes(IP(src="10.1.0.1", dst="10.2.0.1", options=OPTIONS) / UDP()), random))
    wire.options[2].security = 7
    del wire.chksum
    with pytest.raises(WrongIcv):
        unprotect(sad, bytes(wire))


def test_a_source_route_with_one_stop() -> None:
    sender, sad, _ = ends(mode=Mode.TRANSPORT)
    route = IPOption_LSRR(pointer=4, routers=["10.2.0.1"])
    wire = IP(protect(sender, bytes(IP(src="10.1.0.1", dst="10.8.0.1", options=[route]) / UDP()), random))
    wire.dst = "10.2.0.1"
    wire.options[0].routers, wire.options[0].pointer = ["10.8.0.1"], 8
    del wire.chksum
    assert unprotect(sad, bytes(wire)).packet is not None


def test_a_source_route_is_predicted() -> None:
    sender, sad, _ = ends(mode=Mode.TRANSPORT)
    route = IPOption_LSRR(pointer=4, routers=["10.9.0.1", "10.2.0.1"])
    wire = IP(protect(sender, bytes(IP(src="10.1.0.1", dst="10.8.0.1", options=[route]) / UDP()), random))
    wire.dst = "10.2.0.1"
    wire.options[0].routers = ["10.8.0.1", "10.9.0.1"]
    wire.options[0].pointer = 12
    del wire.chksum
    assert unprotect(sad, bytes(wire)).packet is not None


def test_fields_and_options_of_ipv6() -> None:
    def packet(changing: bytes, lasting: bytes) -> bytes:
        hop = IPv6ExtHdrHopByHop(options=[PadN(otype=0x3E, optdata=changing), PadN(otype=0x1E, optdata=lasting)])
        return bytes(IPv6(src="fd01::1", dst="fd02::1") / hop / UDP() / Raw(b"data"))

    sender, sad, _ = ends(mode=Mode.TRANSPORT)
    wire = protect(sender, packet(b"abcd", b"efgh"), random)
    changed = IPv6(wire.replace(b"abcd", b"ABCD"))
    changed.tc, changed.fl, changed.hlim = 0xFF, 0xFFFFF, 1
    with pytest.raises(WrongIcv):
        unprotect(sad, wire.replace(b"efgh", b"EFGH"))
    assert unprotect(sad, bytes(changed)).packet is not None
    for name, value in {"src": "fd01::2", "dst": "fd02::2"}.items():
        other = IPv6(wire)
        setattr(other, name, value)
        with pytest.raises((WrongIcv, Replayed)):
            unprotect(sad, bytes(other))


def test_a_fragment_header_of_a_whole_datagram_is_passed_over() -> None:
    sender, sad, _ = ends(mode=Mode.TRANSPORT)
    packet = IPv6(ping6())
    alone = bytes(IPv6(src="fd01::1", dst="fd02::1") / IPv6ExtHdrFragment(id=5) / packet.payload)
    wire = protect(sender, alone, random)
    assert IPv6(wire).nh == 51
    reassembled = IPv6(src="fd01::1", dst="fd02::1") / IPv6ExtHdrFragment(id=5, nh=51) / Raw(wire[40:])
    assert unprotect(sad, bytes(reassembled)).packet == ping6()


@pytest.mark.parametrize(
    ("bend", "expected"),
    [
        (AhBend(flip=0), WrongIcv),
        (AhBend(flip=-1), WrongIcv),
        (AhBend(next_header=41), MalformedPacket),
        (AhBend(payload_length=0), MalformedPacket),
        (AhBend(payload_length=255), MalformedPacket),
        (AhBend(spi=b"\0\0\1\0"), UnknownSpi),
        (AhBend(sequence=0), TooOld),
        (AhBend(truncate=1), MalformedPacket),
    ],
)
def test_broken_packets(bend: AhBend, expected: type[IpsecError]) -> None:
    sender, sad, receiver = ends()
    with pytest.raises(expected):
        unprotect(sad, protect(sender, ping(), random, bend=bend))
    assert unprotect(sad, protect(sender, ping(), random)).packet == ping()
    assert receiver.packets >= 1


def test_what_a_receiver_takes_no_offence_at() -> None:
    sender, sad, _ = ends()
    for bend in (AhBend(reserved=0xFFFF), AhBend(padding=b"pads")):
        assert unprotect(sad, protect(sender, ping(), random, bend=bend)).packet == ping()


def test_the_high_half_is_covered() -> None:
    sender, sad, _ = ends("sha1-esn")
    with pytest.raises(WrongIcv):
        unprotect(sad, protect(sender, ping(), random, bend=AhBend(high=1)))


def test_replay_lifetime_overflow() -> None:
    sender, sad, receiver = ends(hard=Lifetime(packets=2))
    wire = protect(sender, ping(), random)
    unprotect(sad, wire)
    with pytest.raises(Replayed):
        unprotect(sad, wire)
    sender.sequence = 2**32 - 1
    with pytest.raises(SequenceOverflow):
        protect(sender, ping(), random)
    assert protect(sender, ping(), random, bend=AhBend(sequence=2))
    with pytest.raises(SaExpired):
        protect(sender, ping(), random)
    assert sender.drops == {Reason.OVERFLOW: 1, Reason.EXPIRED: 1}
    assert receiver.drops == {Reason.REPLAYED: 1}


def test_too_short_for_the_icv() -> None:
    _, sad, _ = ends()
    with pytest.raises(TooShort):
        unprotect(sad, bytes(IP(proto=51) / Raw(b"\4\5\0\0" + SPI + bytes(8))))


@given(st.lists(st.binary(max_size=12), max_size=4), st.binary(max_size=40))
def test_any_extension_headers(options: list[bytes], data: bytes) -> None:
    """Odd options neither disturb the sender nor the receiver, as long as they stay as they are."""
    sender, sad, _ = ends(mode=Mode.TRANSPORT)
    raw = b"".join(options)
    hop = bytes((60, (len(raw) + 1) // 8)) + raw + bytes(-(len(raw) + 2) % 8)
    whole = bytes(IPv6(src="fd01::1", dst="fd02::1", nh=0) / Raw(hop) / IPv6ExtHdrDestOpt(nh=17) / Raw(data))
    try:
        wire = protect(sender, whole, random)
    except IpsecError:
        return
    assert unprotect(sad, wire).packet == whole


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_any_ipv4_options(options: bytes, data: bytes) -> None:
    sender, sad, _ = ends(mode=Mode.TRANSPORT)
    options += bytes(-len(options) % 4)
    size = 20 + len(options)
    packet = bytearray(
        IP(src="10.1.0.1", dst="10.2.0.1", proto=17, ihl=size // 4, len=size + len(data), chksum=0).build()
    )
    whole = bytes(packet[:20]) + options + data
    wire = protect(sender, whole, random)
    received = unprotect(sad, wire).packet
    assert received is not None and received[20:] == whole[20:]
