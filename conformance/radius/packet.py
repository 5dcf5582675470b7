"""Packets of RADIUS as values that anybody's octets can be read into, and their words for the evidence.

pyrad codes the attributes; what it takes too lightly (an attribute that runs over the end, two authenticators) is
refused here, so that whoever reads a `Packet` need not fear it.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property
from pathlib import Path
from typing import Any

from pyrad.dictionary import Dictionary
from pyrad.packet import AcctPacket, AuthPacket, CoAPacket, PacketError

DICTIONARY = Dictionary(str(Path(__file__).with_name("attributes.dictionary")))
"""The attributes that an IKEv2 gateway may use, by name."""

Attribute = tuple[str, Any]
"""Name, with a tag behind a colon where wanted, and value of an attribute: ``("Framed-IP-Address", "10.0.0.1")``."""

HEADER = 20
LARGEST = 4096
"""Octets of a packet (RFC 2865 section 3)."""
_MESSAGE_AUTHENTICATOR = 80
_HIDDEN = ("User-Password", "CHAP-Password", "Tunnel-Password", "MS-MPPE-Send-Key", "MS-MPPE-Recv-Key")


class Code(IntEnum):
    """What a packet is."""

    ACCESS_REQUEST = 1
    ACCESS_ACCEPT = 2
    ACCESS_REJECT = 3
    ACCOUNTING_REQUEST = 4
    ACCOUNTING_RESPONSE = 5
    ACCESS_CHALLENGE = 11
    STATUS_SERVER = 12
    DISCONNECT_REQUEST = 40
    DISCONNECT_ACK = 41
    DISCONNECT_NAK = 42
    COA_REQUEST = 43
    COA_ACK = 44
    COA_NAK = 45


NAMES = {
    code.value: "-".join(
        {"Coa": "CoA", "Ack": "ACK", "Nak": "NAK"}.get(one, one) for one in code.name.title().split("_")
    )
    for code in Code
}


class MalformedError(ValueError):
    """Octets that are no packet of RADIUS; its text says where they are not."""


@dataclass(frozen=True)
class Packet:
    """A packet as it came.

    Attributes:
        octets: exactly as long as its Length field says.
        secret: shared with whoever sent it.
        asked: the Request Authenticator that this answers, empty for a request; it is needed to read what is encrypted.
    """

    octets: bytes
    secret: bytes = field(repr=False)
    asked: bytes = b""

    @property
    def code(self) -> int:
        """What it is; see `Code`."""
        return self.octets[0]

    @property
    def identifier(self) -> int:
        """What tells apart the requests of one port."""
        return self.octets[1]

    @property
    def authenticator(self) -> bytes:
        """Request or Response Authenticator."""
        return self.octets[4:HEADER]

    @cached_property
    def coded(self) -> Any:
        """It as pyrad's packet."""
        kind = {Code.ACCOUNTING_REQUEST: AcctPacket, Code.ACCOUNTING_RESPONSE: AcctPacket}.get(Code(self.code))
        if kind is None:
            kind = CoAPacket if self.code >= Code.DISCONNECT_REQUEST else AuthPacket
        found = kind(packet=self.octets, secret=self.secret, dict=DICTIONARY)
        found.request_authenticator = self.asked or None
        return found

    def raw(self, kind: int) -> list[bytes]:
        """The values of all attributes of a type, as they are on the wire."""
        return [value for found, value in attributes(self.octets) if found == kind]

    def all(self, name: str) -> list[Any]:
        """The values of an attribute by its name; what cannot be read is left out."""
        try:
            return list(self.coded.get(name) or [])
        except (ValueError, KeyError, IndexError, PacketError):
            return []

    def text(self, name: str) -> str:
        """The first value as text, empty where there is none; octets that are no UTF-8 are escaped."""
        for value in self.all(name):
            return value.decode(errors="backslashreplace") if isinstance(value, bytes) else str(value)
        return ""

    def number(self, name: str) -> int:
        """The first value as a number, 0 where there is none."""
        return next((int.from_bytes(value, "big") for value in self.raw(DICTIONARY.attributes[name].code)), 0)

    @property
    def eap(self) -> bytes | None:
        """The EAP packet in it (RFC 3579 section 3.1), empty for EAP-Start, None where there is none."""
        parts = self.raw(79)
        return b"".join(parts) if parts else None

    @property
    def pairs(self) -> dict[str, str]:
        """Cisco's AV pairs: what stands before ``=`` and what behind it; the last one where there are several."""
        found = [
            value.decode(errors="replace") if isinstance(value, bytes) else value for value in self.all("Cisco-AVPair")
        ]
        return {name: value for name, _, value in (one.partition("=") for one in found)}

    @property
    def password(self) -> bytes | None:
        """User-Password in the clear (RFC 2865 section 5.2); None where there is none that can be read."""
        hidden = next(iter(self.raw(2)), b"")
        if not hidden or len(hidden) % 16 or len(hidden) > 128:
            return None
        clear, before = b"", self.authenticator
        for start in range(0, len(hidden), 16):
            block = hidden[start : start + 16]
            key = hashlib.md5(self.secret + before).digest()
            clear, before = clear + bytes(a ^ b for a, b in zip(block, key, strict=True)), block
        return clear.rstrip(b"\0")

    @property
    def authenticated(self) -> bool | None:
        """Whether its Message-Authenticator is right (RFC 3579 section 3.2, RFC 5176 section 3.4), None without one."""
        found = self.raw(_MESSAGE_AUTHENTICATOR)
        if not found:
            return None
        if len(found) > 1 or len(found[0]) != 16:
            return False
        random = (
            self.authenticator if self.code in (Code.ACCESS_REQUEST, Code.STATUS_SERVER) else self.asked or bytes(16)
        )
        bare = self.octets[:4] + random + _zeroed(self.octets)
        return hmac.compare_digest(hmac.digest(self.secret, bare, "md5"), found[0])

    @property
    def sealed(self) -> bool:
        """Whether the Authenticator field proves the secret; true for an Access-Request, where it is random."""
        if self.code in (Code.ACCESS_REQUEST, Code.STATUS_SERVER):
            return True
        return hmac.compare_digest(seal(self.octets, self.asked or bytes(16), self.secret), self.octets)

    @property
    def words(self) -> tuple[str, ...]:
        """What it says, a line for its header and one for each attribute; secrets by their lengths only."""
        return (f"{NAMES.get(self.code, f'code {self.code}')} {self.identifier}", *self._lines())

    def _lines(self) -> Iterator[str]:
        for kind, value in attributes(self.octets):
            yield _line(kind, value)


def read(octets: bytes, secret: bytes, asked: bytes = b"") -> Packet:
    """What came, if it is a packet.

    Raises:
        MalformedError: it is none (RFC 2865 section 3), or its code is unknown.
    """
    if len(octets) < HEADER:
        raise MalformedError(f"{len(octets)} octets, a packet has {HEADER} at least")
    length = int.from_bytes(octets[2:4], "big")
    if not HEADER <= length <= min(len(octets), LARGEST):
        raise MalformedError(f"Length {length} in {len(octets)} octets")
    if octets[0] not in NAMES:
        raise MalformedError(f"code {octets[0]}")
    octets = octets[:length]
    for _ in attributes(octets):
        pass
    return Packet(octets, secret, asked)


def attributes(octets: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and value of each attribute, in order. Raises `MalformedError` where the lengths do not add up."""
    at = HEADER
    while at < len(octets):
        length = octets[at + 1] if at + 1 < len(octets) else 0
        if length < 2 or at + length > len(octets):
            raise MalformedError(f"attribute {octets[at]} at octet {at} with length {length}")
        yield octets[at], octets[at + 2 : at + length]
        at += length


def _zeroed(octets: bytes) -> bytes:
    """The attributes with a Message-Authenticator of zeros."""
    return b"".join(
        bytes([kind, len(value) + 2]) + (bytes(len(value)) if kind == _MESSAGE_AUTHENTICATOR else value)
        for kind, value in attributes(octets)
    )


def seal(octets: bytes, before: bytes, secret: bytes) -> bytes:
    """A packet with the Authenticator that proves the secret.

    Args:
        octets: the packet; what its Authenticator field holds does not matter.
        before: the Request Authenticator of what it answers; zeros for a request (RFC 2866 section 3).
        secret: shared with the other side.
    """
    return octets[:4] + hashlib.md5(octets[:4] + before + octets[HEADER:] + secret).digest() + octets[HEADER:]


def prove(octets: bytes, before: bytes, secret: bytes) -> bytes:
    """A packet with a right Message-Authenticator in place of the one that it has; without one as it is.

    Args:
        octets: the packet, well-formed up to there.
        before: the Request Authenticator of what it answers; zeros for a request (RFC 5176 section 3.4).
        secret: shared with the other side.
    """
    at = HEADER
    while at + 18 <= len(octets) and octets[at + 1] >= 2:
        if octets[at] == _MESSAGE_AUTHENTICATOR and octets[at + 1] == 18:
            bare = octets[:4] + before + octets[HEADER : at + 2] + bytes(16) + octets[at + 18 :]
            return octets[: at + 2] + hmac.digest(secret, bare, "md5") + octets[at + 18 :]
        at += octets[at + 1]
    return octets


def chunks(packet: bytes) -> list[bytes]:
    """An EAP packet in values of EAP-Message; one empty value for none (EAP-Start)."""
    return [packet[start : start + 253] for start in range(0, len(packet), 253)] or [b""]


def put(packet: Any, given: Sequence[Attribute]) -> None:
    """Adds attributes to one of pyrad's packets. Raises KeyError, ValueError or TypeError for what it cannot code."""
    for name, value in given:
        packet.AddAttribute(name, value)


def _line(kind: int, value: bytes) -> str:
    """One attribute in words."""
    if kind == 26 and len(value) >= 6 and value[5] == len(value) - 4:
        key: Any = (int.from_bytes(value[:4], "big"), value[4])
        value = value[6:]
    else:
        key = kind
    name = DICTIONARY.attrindex.GetBackward(key) if DICTIONARY.attrindex.HasBackward(key) else f"attribute {key}"
    known = DICTIONARY.attributes.get(name)
    if name in _HIDDEN:
        return f"{name} = {len(value)} octets, hidden"
    if known is None or known.has_tag or known.type == "octets":
        return f"{name} = {_short(value)}"
    try:
        probe = AuthPacket(secret=b"-", dict=DICTIONARY)
        probe[key] = [value]
        return f"{name} = {probe[name][0]}"
    except (ValueError, PacketError):
        return f"{name} = {_short(value)}, not of type {known.type}"


def _short(value: bytes) -> str:
    return value.hex() if len(value) <= 16 else f"{value[:16].hex()}... ({len(value)} octets)"
