"""One question each to IKEv1 beside IKEv2: Main Mode, and Aggressive Mode (RFC 2408, RFC 2409)."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from conformance.crypto import Random
from conformance.crypto.ke import key_exchange
from conformance.net.link import Address, Datagram, IpPacket, Link
from conformance.probe.vendors import vendor
from conformance.wire import KeMethod

MAIN, INFORMATIONAL, AGGRESSIVE = 2, 5, 4
_SA, _KE, _ID, _NONCE, _NOTIFY, _VENDOR = 1, 4, 5, 10, 11, 13
_CIPHERS = {(7, 256): "AES-CBC-256", (7, 128): "AES-CBC-128", (5, None): "3DES"}
_HASHES = {4: "SHA2-256", 2: "SHA1", 1: "MD5"}
_GROUPS = {14: "MODP-2048", 5: "MODP-1536", 2: "MODP-1024"}
_AUTH = {1: "shared key", 3: "RSA signatures"}
_ERRORS = {
    1: "INVALID-PAYLOAD-TYPE",
    5: "INVALID-MAJOR-VERSION",
    7: "INVALID-EXCHANGE-TYPE",
    14: "NO-PROPOSAL-CHOSEN",
    15: "BAD-PROPOSAL-SYNTAX",
    16: "PAYLOAD-MALFORMED",
    18: "INVALID-ID-INFORMATION",
    24: "AUTHENTICATION-FAILED",
    29: "UNSUPPORTED-EXCHANGE-TYPE",
}
_HEADER = struct.Struct("!8s8sBBBBII")


@dataclass(frozen=True, slots=True)
class Ikev1:
    """What came of the question: ``suite`` chosen, or the ``error``, both empty: no answer. ``vendors`` by name."""

    mode: str
    suite: str = ""
    error: str = ""
    vendors: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.suite:
            return f"{self.mode} Mode is answered with {self.suite}"
        return f"{self.mode} Mode gets {self.error}" if self.error else f"no answer to {self.mode} Mode"


def ask_ikev1(link: Link, local: Address, remote: Address, random: Random, timeout: float) -> tuple[Ikev1, ...]:
    """One Main Mode and one Aggressive Mode request, sent twice at most. Raises ProbeError, LinkError."""
    wanted = {random(8): MAIN, random(8): AGGRESSIVE}
    requests = {spi: _request(spi, mode, random) for spi, mode in wanted.items()}
    found: dict[bytes, Ikev1] = {}
    for _ in range(2):
        for spi, raw in requests.items():
            if spi not in found:
                link.send(Datagram(local, remote, raw))
        until = link.now() + timeout / 2
        while len(found) < len(wanted) and link.now() < until:
            came = link.receive(until)
            if came is not None and not isinstance(came, IpPacket):
                spi = came.payload[:8]
                if spi in wanted and spi not in found and (answer := _answer(came.payload, wanted[spi])):
                    found[spi] = answer
    return tuple(found.get(spi, Ikev1(_name(mode))) for spi, mode in wanted.items())


def _name(mode: int) -> str:
    return "Main" if mode == MAIN else "Aggressive"


def _request(spi: bytes, mode: int, random: Random) -> bytes:
    chain = [(_SA, _proposals([14, 5, 2] if mode == MAIN else [14]))]
    if mode == AGGRESSIVE:
        public = key_exchange(KeMethod.MODP_2048, random).public
        identity = struct.pack("!BBH", 2, 17, 500) + b"probe.ikespec.example"
        chain += [(_KE, public), (_NONCE, random(16)), (_ID, identity)]
    body = b""
    for index, (_, data) in enumerate(chain):
        following = chain[index + 1][0] if index + 1 < len(chain) else 0
        body += struct.pack("!BBH", following, 0, len(data) + 4) + data
    return _HEADER.pack(spi, bytes(8), _SA, 0x10, mode, 0, 0, _HEADER.size + len(body)) + body


def _proposals(groups: list[int]) -> bytes:
    """The body of the SA payload: one proposal with a transform for each combination."""
    found = list(product(_CIPHERS, _HASHES, groups, _AUTH))
    transforms = b""
    for number, ((cipher, bits), digest, group, auth) in enumerate(found, 1):
        values = [(1, cipher), (2, digest), (3, auth), (4, group), (11, 1), (12, 28800)]
        values += [(14, bits)] if bits else []
        attributes = b"".join(struct.pack("!HH", 0x8000 | kind, value) for kind, value in values)
        last = 0 if number == len(found) else 3
        transforms += struct.pack("!BBHBBH", last, 0, 8 + len(attributes), number, 1, 0) + attributes
    proposal = struct.pack("!BBHBBBB", 0, 0, 8 + len(transforms), 1, 1, 0, len(found)) + transforms
    return struct.pack("!II", 1, 1) + proposal


def _answer(raw: bytes, mode: int) -> Ikev1 | None:
    """What an answer says, None for what is none. Trusts no length."""
    if len(raw) < _HEADER.size:
        return None
    _, _, first, version, exchange, _, _, _ = _HEADER.unpack_from(raw)
    if version >> 4 != 1:
        return Ikev1(_name(mode), error="an answer of IKEv2: it speaks no IKEv1") if version >> 4 == 2 else None
    suite = error = ""
    vendors = []
    for kind, body in _payloads(first, raw[_HEADER.size :]):
        if kind == _SA and exchange == mode:
            suite = _suite(body)
        elif kind == _NOTIFY and len(body) >= 8:
            number = int.from_bytes(body[6:8], "big")
            error = _ERRORS.get(number, f"notify {number}")
        elif kind == _VENDOR:
            vendors.append(vendor(body))
    return Ikev1(_name(mode), suite, error, tuple(vendors)) if suite or error else None


def _payloads(kind: int, data: bytes) -> Iterator[tuple[int, bytes]]:
    while kind and len(data) >= 4:
        following, _, length = struct.unpack_from("!BBH", data)
        if not 4 <= length <= len(data):
            return
        yield kind, data[4:length]
        kind, data = following, data[length:]


def _suite(body: bytes) -> str:
    """The transform that was chosen, in words; the body is DOI, situation, proposal, transform, attributes."""
    transform = 16 + (body[14] if len(body) > 14 else 0)
    end = min(len(body), transform + int.from_bytes(body[transform + 2 : transform + 4], "big"))
    start, values = transform + 8, {}
    while start + 4 <= end:
        kind, value = struct.unpack_from("!HH", body, start)
        values[kind & 0x7FFF] = value
        start += 4 if kind & 0x8000 else 4 + value
    cipher = _CIPHERS.get((values.get(1, 0), values.get(14))) or f"cipher {values.get(1, 0)}"
    words = [cipher, _HASHES.get(values.get(2, 0)) or f"hash {values.get(2, 0)}"]
    words += [_GROUPS.get(values.get(4, 0)) or f"group {values.get(4, 0)}"]
    return ", ".join([*words, _AUTH.get(values.get(3, 0)) or f"authentication {values.get(3, 0)}"])
