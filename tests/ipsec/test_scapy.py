"""Scapy's IPsec layer as a second opinion: what we protect it opens, and what it protects we open."""

from random import Random
from typing import Any

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrHopByHop, IPv6ExtHdrRouting, PadN, RouterAlert
from scapy.layers.ipsec import AH, ESP, SecurityAssociation
from scapy.packet import Packet, Raw

from conformance.ike.core.connection import Mode
from conformance.ipsec.errors import MalformedPacket
from conformance.ipsec.packets import protect, unprotect
from conformance.ipsec.sad import InboundSa, OutboundSa, Sad, SaParameters
from conformance.wire import ProtocolID
from tests.ipsec.making import HERE, HERE6, THERE, THERE6, parameters, ping, ping6, udp

# Our words, scapy's cipher and integrity algorithm, and the size of a shortened ICV. Scapy has no GCM with a short ICV,
# no XCBC, no Camellia, no implicit IV.
ESP_ALGORITHMS = [
    ("null-sha1", "NULL", "HMAC-SHA1-96", None),
    ("null-sha256", "NULL", "SHA2-256-128", None),
    ("null-sha384", "NULL", "SHA2-384-192", None),
    ("null-sha512", "NULL", "SHA2-512-256", None),
    ("null-md5", "NULL", "HMAC-MD5-96", None),
    ("null-aescmac", "NULL", "AES-CMAC-96", None),
    ("des-sha1", "DES", "HMAC-SHA1-96", None),
    ("3des-sha256", "3DES", "SHA2-256-128", None),
    ("aes128-sha1", "AES-CBC", "HMAC-SHA1-96", None),
    ("aes192-sha384", "AES-CBC", "SHA2-384-192", None),
    ("aes256-sha512", "AES-CBC", "SHA2-512-256", None),
    ("aes256-noauth", "AES-CBC", None, None),
    ("aes128ctr-sha256", "AES-CTR", "SHA2-256-128", None),
    ("aes256ctr-aescmac", "AES-CTR", "AES-CMAC-96", None),
    ("aes128gcm16", "AES-GCM", None, None),
    ("aes192gcm16", "AES-GCM", None, None),
    ("aes256gcm16", "AES-GCM", None, None),
    ("aes128ccm8", "AES-CCM", None, 8),
    ("aes192ccm12", "AES-CCM", None, 12),
    ("aes256ccm16", "AES-CCM", None, None),
    ("aes128gmac", "AES-NULL-GMAC", None, None),
    ("aes256gmac", "AES-NULL-GMAC", None, None),
    ("chacha20poly1305", "CHACHA20-POLY1305", None, None),
]
AH_ALGORITHMS = [
    ("sha1", "HMAC-SHA1-96"),
    ("md5", "HMAC-MD5-96"),
    ("sha256", "SHA2-256-128"),
    ("sha384", "SHA2-384-192"),
    ("sha512", "SHA2-512-256"),
    ("aescmac", "AES-CMAC-96"),
]
IDS = [each[0] for each in ESP_ALGORITHMS]
HIGH = 0x17


def other(ours: SaParameters, crypt: str | None, auth: str | None, icv: int | None = None, **fields: Any) -> Any:
    """The same SA for scapy."""
    layer = ESP if ours.suite.protocol == ProtocolID.ESP else AH
    make: Any = SecurityAssociation
    return make(
        layer,
        int.from_bytes(ours.spi, "big"),
        crypt_algo=crypt,
        crypt_key=ours.encryption_key or None,
        crypt_icv_size=icv,
        auth_algo=auth,
        auth_key=ours.integrity_key or None,
        esn_en=ours.suite.esn,
        esn=HIGH if ours.suite.esn else 0,
        **fields,
    )


def layer(packet: bytes) -> Packet:
    return IP(packet) if packet[0] >> 4 == 4 else IPv6(packet)


def there(ours: SaParameters, theirs: Any, inner: bytes) -> bytes:
    """We protect, scapy opens."""
    sender = OutboundSa(ours)
    sender.sequence = HIGH << 32 if ours.suite.esn else 0
    wire = protect(sender, inner, Random(1).randbytes)
    assert bytes(theirs.decrypt(layer(wire))) == inner
    return wire


def back(ours: SaParameters, theirs: Any, inner: bytes) -> bytes:
    """Scapy protects, we open."""
    receiver, sad = InboundSa(ours), Sad()
    sad.add(receiver)
    if receiver.window:
        receiver.window.top = HIGH << 32 if ours.suite.esn else 0
    wire = bytes(theirs.encrypt(layer(inner)))
    assert unprotect(sad, wire).packet == inner
    return wire


def both_ways(ours: SaParameters, theirs: Any, inner: bytes) -> None:
    assert len(there(ours, theirs, inner)) == len(back(ours, theirs, inner))


@pytest.mark.parametrize("esn", ["", "-esn"])
@pytest.mark.parametrize(("words", "crypt", "auth", "icv"), ESP_ALGORITHMS, ids=IDS)
def test_esp_tunnel(words: str, crypt: str, auth: str | None, icv: int | None, esn: str) -> None:
    for size in (0, 1, 2, 3, 11, 1372):
        ours = parameters(words + esn)
        both_ways(ours, other(ours, crypt, auth, icv, tunnel_header=IP(src=HERE, dst=THERE)), ping(size))


@pytest.mark.parametrize(("words", "crypt", "auth", "icv"), ESP_ALGORITHMS, ids=IDS)
def test_esp_transport(words: str, crypt: str, auth: str | None, icv: int | None) -> None:
    ours = parameters(words, mode=Mode.TRANSPORT)
    for inner in (ping(), ping6(), udp()):
        both_ways(ours, other(ours, crypt, auth, icv), inner)


@pytest.mark.parametrize("inner", [ping(), ping6()], ids=["v4", "v6"])
@pytest.mark.parametrize("outer", [4, 6])
def test_esp_in_any_tunnel(inner: bytes, outer: int) -> None:
    source, destination = (HERE, THERE) if outer == 4 else (HERE6, THERE6)
    ours = parameters("aes256-sha256", source=source, destination=destination)
    header = IP(src=source, dst=destination) if outer == 4 else IPv6(src=source, dst=destination)
    both_ways(ours, other(ours, "AES-CBC", "SHA2-256-128", tunnel_header=header), inner)


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("version", [4, 6])
def test_esp_in_udp(mode: Mode, version: int) -> None:
    source, destination = (HERE, THERE) if version == 4 else (HERE6, THERE6)
    ours = parameters(mode=mode, source=source, destination=destination, udp=(4500, 4500))
    ip = IP(src=source, dst=destination) if version == 4 else IPv6(src=source, dst=destination)
    tunnel = ip if mode == Mode.TUNNEL else None
    theirs = other(ours, "AES-GCM", None, nat_t_header=UDP(sport=4500, dport=4500), tunnel_header=tunnel)
    both_ways(ours, theirs, ping() if version == 4 else ping6())


@pytest.mark.parametrize("esn", ["", "-esn"])
@pytest.mark.parametrize(("words", "auth"), AH_ALGORITHMS)
def test_ah(words: str, auth: str, esn: str) -> None:
    for inner, header in ((ping(), IP(src=HERE, dst=THERE)), (ping6(), IPv6(src=HERE6, dst=THERE6))):
        source, destination = (HERE, THERE) if header.version == 4 else (HERE6, THERE6)
        ours = parameters(words + esn, ProtocolID.AH, source=source, destination=destination)
        both_ways(ours, other(ours, None, auth, tunnel_header=header), inner)
        ours = parameters(words + esn, ProtocolID.AH, mode=Mode.TRANSPORT)
        both_ways(ours, other(ours, None, auth), inner)


def extended(*headers: Packet) -> bytes:
    packet = IPv6(src="fd01::1", dst="fd02::1", tc=0xB8, fl=0x12345)
    for each in headers:
        packet = packet / each
    return bytes(packet / UDP(sport=7, dport=7) / Raw(b"behind headers"))


HOP = IPv6ExtHdrHopByHop(options=[RouterAlert(), PadN(optdata=b"\0\0")])
OPTIONS = IPv6ExtHdrDestOpt(options=[PadN(otype=0x3E, optdata=b"abcdefghij")])
VISITED = IPv6ExtHdrRouting(addresses=["fd03::1", "fd04::1"], segleft=0)
AHEAD = IPv6ExtHdrRouting(addresses=["fd03::1", "fd04::1"], segleft=2)


@pytest.mark.parametrize(
    "headers", [(HOP,), (HOP, VISITED), (OPTIONS, VISITED), (HOP, OPTIONS, VISITED, OPTIONS), (VISITED, OPTIONS)]
)
def test_transport_behind_extension_headers(headers: tuple[Packet, ...]) -> None:
    inner = extended(*headers)
    ours = parameters(mode=Mode.TRANSPORT)
    both_ways(ours, other(ours, "AES-GCM", None), inner)
    ours = parameters("sha256", ProtocolID.AH, mode=Mode.TRANSPORT)
    there(ours, other(ours, None, "SHA2-256-128"), inner)
    if VISITED not in headers:
        # Scapy's sender turns the addresses of a routing header round although no segment is left.
        back(ours, other(ours, None, "SHA2-256-128"), inner)


def test_destination_options_without_routing_are_protected() -> None:
    """Here scapy follows Linux and leaves them outside; both are read by both."""
    inner = extended(OPTIONS)
    ours = parameters(mode=Mode.TRANSPORT)
    wire = protect(OutboundSa(ours), inner, Random(1).randbytes)
    assert b"abcdefghij" not in wire
    theirs = other(ours, "AES-GCM", None)
    assert b"abcdefghij" in bytes(theirs.encrypt(layer(inner)))
    there(ours, theirs, inner)
    back(ours, theirs, inner)


def test_ah_before_the_routing_header_is_worked_off() -> None:
    """The sender computes the ICV over the packet as it will arrive (RFC 4302, appendix A2)."""
    ours = parameters("sha256", ProtocolID.AH, mode=Mode.TRANSPORT)
    wire = protect(OutboundSa(ours), extended(AHEAD), Random(1).randbytes)
    theirs = bytes(other(ours, None, "SHA2-256-128").encrypt(layer(extended(AHEAD))))
    assert theirs == wire
    arrived = IPv6(wire)
    arrived.hlim -= 2
    arrived.dst = "fd04::1"
    arrived[IPv6ExtHdrRouting].segleft = 0
    arrived[IPv6ExtHdrRouting].addresses = ["fd02::1", "fd03::1"]
    sad = Sad()
    sad.add(InboundSa(ours))
    with pytest.raises(MalformedPacket, match="segments left"):
        unprotect(sad, wire)
    assert unprotect(sad, bytes(arrived)).packet is not None
