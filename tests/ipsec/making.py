"""SAs in pairs, inner packets by scapy, and random octets that repeat."""

from random import Random
from typing import Any

from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6
from scapy.packet import Raw

from conformance.crypto.suite import ChildSuite, proposal
from conformance.ipsec.sad import InboundSa, OutboundSa, SaParameters
from conformance.wire import ProtocolID

SPI = bytes.fromhex("c0ffee01")
HERE, THERE = "192.0.2.1", "192.0.2.2"
HERE6, THERE6 = "2001:db8::1", "2001:db8::2"

ESP_SUITES = (
    "null-sha256",
    "null-sha1",
    "null-sha384",
    "null-sha512",
    "null-md5",
    "null-aescmac",
    "null-aesxcbc",
    "des-md5",
    "3des-sha1",
    "aes128-sha256",
    "aes192-sha384",
    "aes256-sha512",
    "aes128-aesxcbc",
    "camellia256-sha256",
    "aes128ctr-sha1",
    "aes256ctr-sha256",
    "aes128gcm16",
    "aes256gcm16",
    "aes192gcm12",
    "aes128gcm8",
    "aes128ccm16",
    "aes256ccm12",
    "aes128ccm8",
    "aes128gmac",
    "aes256gmac",
    "chacha20poly1305",
    "aes128gcm16iiv",
    "aes256ccm8iiv",
    "chacha20poly1305iiv",
    "aes128-noauth",
)
AH_SUITES = ("sha1", "md5", "sha256", "sha384", "sha512", "aesxcbc", "aescmac", "sha1_160", "md5_128")


def octets(seed: int = 1) -> Random:
    return Random(seed)


def random(size: int) -> bytes:
    """Random octets that are not; for tests in which their value does not matter."""
    return Random(4303).randbytes(size)


def suite(words: str, protocol: ProtocolID = ProtocolID.ESP) -> ChildSuite:
    return ChildSuite.of(proposal(words, 1, protocol))


def parameters(words: str = "aes128gcm16", protocol: ProtocolID = ProtocolID.ESP, **fields: Any) -> SaParameters:
    chosen = suite(words, protocol)
    source = octets()
    keys = source.randbytes(chosen.cipher.key_size), source.randbytes(chosen.cipher.integ_key_size)
    return SaParameters(fields.pop("spi", SPI), chosen, *keys, **{"source": HERE, "destination": THERE, **fields})


def pair(
    words: str = "aes128gcm16", protocol: ProtocolID = ProtocolID.ESP, **fields: Any
) -> tuple[OutboundSa, InboundSa]:
    """Both ends of one SA."""
    both = parameters(words, protocol, **fields)
    return OutboundSa(both), InboundSa(both)


def ping(size: int = 56, source: str = "10.1.0.1", destination: str = "10.2.0.1", **ip: Any) -> bytes:
    return bytes(IP(src=source, dst=destination, id=7, **ip) / ICMP(id=9, seq=1) / Raw(bytes(size)))


def ping6(size: int = 56, source: str = "fd01::1", destination: str = "fd02::1", **ip: Any) -> bytes:
    return bytes(IPv6(src=source, dst=destination, **ip) / ICMPv6EchoRequest(id=9, seq=1, data=bytes(size)))


def udp(size: int = 20, sport: int = 4000, dport: int = 7, **ip: Any) -> bytes:
    return bytes(
        IP(**{"src": "10.1.0.1", "dst": "10.2.0.1", "id": 8, **ip}) / UDP(sport=sport, dport=dport) / bytes(size)
    )


def tcp(flags: str = "S", sport: int = 4000, dport: int = 7, **fields: Any) -> bytes:
    return bytes(IP(src="10.1.0.1", dst="10.2.0.1") / TCP(sport=sport, dport=dport, flags=flags, **fields))
