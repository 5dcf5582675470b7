"""Fragments: against scapy's, in any order, and hostile ones."""

from contextlib import suppress
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import IP, IPOption_EOL, IPOption_NOP, IPOption_RR, IPOption_Security, defragment
from scapy.layers.inet6 import IPv6, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop, RouterAlert, defragment6
from scapy.packet import Raw

from conformance.ipsec.errors import IpsecError, MalformedPacket, TooBig
from conformance.ipsec.fragments import Reassembler, fragment, without_fragment_header
from conformance.ipsec.ip import checksum, parse
from tests.ipsec.making import ping, ping6, random, udp

scapy_defragment: Any = defragment
scapy_defragment6: Any = defragment6


def test_1500_octets_over_a_link_of_1400() -> None:
    """All fragments but the last carry a multiple of 8 octets: 1376, although 1380 would fit (RFC 791, section 3.2).

    The book that gives this example splits it after 1380 and calls the second fragment's offset 1400 octets.
    """
    first, second = (IP(part) for part in fragment(udp(1472), 1400))
    assert (first.len, int(first.flags), first.frag) == (1396, 1, 0)
    assert (second.len, int(second.flags), second.frag) == (124, 0, 1376 // 8)


@given(st.integers(0, 3000), st.integers(68, 1500), st.integers(0, 2**16))
def test_ipv4_any_size_any_order(size: int, mtu: int, seed: int) -> None:
    packet = ping(size)
    parts = fragment(packet, mtu)
    assert all(len(part) <= mtu and not checksum(part[:20]) for part in parts)
    together = scapy_defragment([IP(part) for part in parts])
    assert len(together) == 1 and bytes(together[0]) == packet
    Random(seed).shuffle(parts)
    reassembler = Reassembler()
    results = [reassembler.add(part, 0.0) for part in parts]
    assert results == [None] * (len(parts) - 1) + [packet]
    assert len(reassembler) == 0


@given(st.integers(0, 3000), st.integers(104, 1500), st.booleans(), st.integers(0, 2**16))
def test_ipv6_any_size_any_order(size: int, mtu: int, extended: bool, seed: int) -> None:
    packet = ping6(size)
    if extended:
        packet = bytes(
            IPv6(src="fd01::1", dst="fd02::1") / IPv6ExtHdrHopByHop(options=[RouterAlert()]) / IPv6(packet).payload
        )
    parts = fragment(packet, mtu, 0x01020304)
    assert all(len(part) <= mtu for part in parts)
    if len(parts) > 1:
        assert {IPv6(part)[IPv6ExtHdrFragment].id for part in parts} == {0x01020304}
        assert bytes(scapy_defragment6([IPv6(part) for part in parts])) == packet
    Random(seed).shuffle(parts)
    reassembler = Reassembler()
    assert [reassembler.add(part, 0.0) for part in parts][-1] == packet


def test_options_with_the_copied_flag_are_in_every_fragment() -> None:
    options = [IPOption_RR(pointer=4, routers=["0.0.0.0"]), IPOption_NOP(), IPOption_Security()]
    packet = bytes(IP(src="10.1.0.1", dst="10.2.0.1", options=options) / Raw(random(1000)))
    first, second, *_ = (IP(part) for part in fragment(packet, 576))
    assert [type(each) for each in first.options[:3]] == [type(each) for each in options]
    assert bytes(second.options[0]) == bytes(options[2])
    assert {type(each) for each in second.options[1:]} == {IPOption_EOL}
    reassembler = Reassembler()
    assert [reassembler.add(part, 0.0) for part in fragment(packet, 576)][-1] == packet


def test_a_fragment_may_be_fragmented_again() -> None:
    packet = ping(2000)
    parts = [small for part in fragment(packet, 1000) for small in fragment(part, 300)]
    assert bytes(scapy_defragment([IP(part) for part in parts])[0]) == packet
    with pytest.raises(TooBig):
        fragment(fragment(ping6(2000), 1000)[0], 500)


def test_df() -> None:
    packet = ping(2000, flags="DF")
    with pytest.raises(TooBig) as caught:
        fragment(packet, 1500)
    assert caught.value.mtu == 1500
    assert not any(parse(part).dont_fragment for part in fragment(packet, 1500, forced=True))
    with pytest.raises(TooBig):
        fragment(ping(100), 24)
    with pytest.raises(TooBig):
        fragment(ping6(1500), 50)


@pytest.mark.parametrize("packet", [ping(100), ping6(100)])
def test_overlaps_throw_everything_away(packet: bytes) -> None:
    mtu = 84 if packet[0] >> 4 == 4 else 112
    parts, others = fragment(packet, mtu), fragment(packet, mtu - 16)
    reassembler = Reassembler()
    assert reassembler.add(parts[0], 0.0) is None
    assert reassembler.add(parts[0], 0.0) is None  # the same again is no overlap
    with pytest.raises(MalformedPacket):
        reassembler.add(others[1], 0.0)
    assert len(reassembler) == 0
    assert reassembler.add(parts[1], 0.0) is None


def test_two_ends() -> None:
    long, short = fragment(ping(200), 100), fragment(ping(100), 100)
    reassembler = Reassembler()
    reassembler.add(long[-1], 0.0)
    with pytest.raises(MalformedPacket):
        reassembler.add(short[-1], 0.0)


@pytest.mark.parametrize(("size", "more"), [(0, True), (12, True), (70000 - 65528, False)])
def test_fragments_that_cannot_be(size: int, more: bool) -> None:
    flags, offset = ("MF", 0) if more else (0, 65528 // 8)
    with pytest.raises(MalformedPacket):
        Reassembler().add(bytes(IP(src="10.1.0.1", dst="10.2.0.1", flags=flags, frag=offset) / Raw(bytes(size))), 0.0)


def test_protocols_of_ipv4_do_not_mix() -> None:
    reassembler = Reassembler()
    parts = fragment(udp(100, id=7), 100), fragment(ping(100), 100)
    for one in (0, 1):
        results = [reassembler.add(part[one], 0.0) for part in parts]
    assert results == [udp(100, id=7), ping(100)]


def test_what_is_incomplete_is_forgotten() -> None:
    first, second = fragment(ping(100), 100)
    reassembler = Reassembler(timeout=30.0, limit=2)
    reassembler.add(first, 0.0)
    assert reassembler.add(second, 30.0) is None
    for source in ("10.1.0.2", "10.1.0.3", "10.1.0.4"):
        reassembler.add(fragment(ping(100, source), 100)[0], 31.0)
    assert len(reassembler) == 2


def test_a_datagram_of_one_fragment() -> None:
    alone = IPv6(src="fd01::1", dst="fd02::1") / IPv6ExtHdrFragment(id=5) / IPv6(ping6()).payload
    assert without_fragment_header(bytes(alone)) == ping6()
    assert without_fragment_header(ping6()) == ping6()
    assert Reassembler().add(bytes(alone), 0.0) == bytes(alone)


@given(st.lists(st.tuples(st.sampled_from([4, 6]), st.integers(0, 40), st.booleans(), st.integers(0, 60)), max_size=12))
def test_hostile_fragments(parts: list[tuple[int, int, bool, int]]) -> None:
    reassembler = Reassembler(limit=1)
    for version, offset, more, size in parts:
        if version == 4:
            packet = bytes(
                IP(src="10.1.0.1", dst="10.2.0.1", frag=offset, flags="MF" if more else 0) / Raw(bytes(size))
            )
        else:
            header = IPv6ExtHdrFragment(offset=offset, m=more, nh=59)
            packet = bytes(IPv6(src="fd01::1", dst="fd02::1") / header / Raw(bytes(size)))
        try:
            whole = reassembler.add(packet, 0.0)
        except IpsecError:
            continue
        if whole is not None:
            assert parse(whole).length == len(whole)


@given(st.binary(max_size=120), st.integers(0, 200))
def test_any_octets(data: bytes, mtu: int) -> None:
    for lead in (b"", b"\x45\0", b"\x60\0\0\0"):
        for work in (lambda packet: fragment(packet, mtu), lambda packet: Reassembler().add(packet, 0.0)):
            with suppress(IpsecError):
                work(lead + data)
