"""GRE packets against scapy, and the two ends of a tunnel of the reference device."""

from ipaddress import ip_address

import pytest
from scapy.layers import l2
from scapy.layers.inet import IP

from conformance.ike.core.connection import GreTunnel
from conformance.ipsec.errors import MalformedPacket
from conformance.ipsec.gre import GRE, IGNORED, IPV4, KEY, ROUTING, SEQUENCE, GrePacket
from conformance.ipsec.ip import header, parse
from conformance.script import inner
from peers.reference.tunnels import End, TunnelHost
from tests.ipsec.making import octets

PING = inner.ping("10.1.0.1", "10.2.0.1", size=17)
FIELDS = [{}, {"key": 7}, {"checksum": True}, {"sequence": 9}, {"key": 0, "checksum": True, "sequence": 0}]


@pytest.mark.parametrize("fields", FIELDS)
def test_what_is_written_is_read_by_scapy_and_by_us(fields: dict[str, int]) -> None:
    made = GrePacket(PING, IPV4, **fields)  # type: ignore[arg-type]
    written = made.encode()
    assert GrePacket.decode(written) == made
    found = l2.GRE(written)
    assert (found.proto, bytes(found[IP])) == (IPV4, PING)
    assert (found.key, found.sequence_number) == (fields.get("key"), fields.get("sequence"))
    if made.checksum:
        right = found.chksum
        del found.chksum
        assert l2.GRE(bytes(found)).chksum == right


def test_a_wrong_checksum_is_seen() -> None:
    made = GrePacket(PING, IPV4, checksum=True, spoiled=True)
    assert GrePacket.decode(made.encode()).spoiled
    assert GrePacket.decode(made.encode()) == made


def test_what_is_cut_off_is_no_header() -> None:
    for cut in (b"", b"\0\0\x08", GrePacket(b"", IPV4, key=1).encode()[:-1]):
        with pytest.raises(MalformedPacket):
            GrePacket.decode(cut)


def host(**fields: object) -> TunnelHost:
    tunnel = GreTunnel("192.0.2.2", "192.0.2.1", remote_networks=("10.1.0.0/24",), **fields)  # type: ignore[arg-type]
    return TunnelHost(["10.2.0.1", "192.0.2.2"], octets().randbytes, [tunnel])


def asked(one: TunnelHost, made: GrePacket) -> list[GrePacket]:
    body = made.encode()
    ends = ip_address("192.0.2.1").packed, ip_address("192.0.2.2").packed
    answers = one.answer(header(*ends, GRE, len(body)) + body, 0.0)
    return [GrePacket.decode(each[parse(each).payload_at :]) for each in answers]


def test_a_ping_is_answered_in_the_tunnel_with_its_fields() -> None:
    one = host(key=5, checksum=True, sequence=True)
    for number in range(2):
        (answer,) = asked(one, GrePacket(PING, IPV4, 5, number, True))
        assert inner.answers(PING)(answer.payload)
        assert (answer.key, answer.sequence, answer.spoiled) == (5, number, False)


@pytest.mark.parametrize(
    "made",
    [
        GrePacket(PING, IPV4),
        GrePacket(PING, IPV4, 6),
        GrePacket(PING, IPV4, 5, checksum=True, spoiled=True),
        GrePacket(PING, 0x6600, 5),
        GrePacket(PING, IPV4, 5, flags=ROUTING),
    ],
)
def test_what_is_not_for_the_tunnel_is_dropped(made: GrePacket) -> None:
    assert asked(host(key=5), made) == []


def test_reserved_bits_are_ignored() -> None:
    assert asked(host(), GrePacket(PING, IPV4, flags=IGNORED))
    assert not IGNORED & (KEY | SEQUENCE | ROUTING)


def test_numbers_go_round() -> None:
    end = End(GreTunnel("192.0.2.2", "192.0.2.1"))
    assert not end.is_late(0)
    end.last = (1 << 32) - 1
    assert [end.is_late(number) for number in (0, 1, (1 << 32) - 1, (1 << 32) - 2)] == [False, False, True, True]
