"""Captures in the pcapng format (IETF draft-ietf-opsawg-pcapng) that Wireshark, tshark and scapy read."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Literal, Self

from conformance.net.link import Datagram
from conformance.net.packets import LARGEST_PAYLOAD, ip_packet, udp_datagram

LINKTYPE_RAW = 101
"""Packets begin with an IPv4 or IPv6 header."""

_SECTION_HEADER = 0x0A0D0D0A
_INTERFACE_DESCRIPTION = 1
_ENHANCED_PACKET = 6
_BYTE_ORDER_MAGIC = 0x1A2B3C4D
_OPT_COMMENT = 1
_SHB_USERAPPL = 4
_IF_NAME = 2
_IF_TSRESOL = 9


class CaptureError(Exception):
    """A capture file cannot be read; its text is one line."""


class PcapngWriter:
    """Writes datagrams as IP packets.

    Each is in the file when `datagram` returns: a killed run leaves a readable file. ``digits`` are the decimal digits
    of a second that are kept: 6 (microseconds) or 9 (nanoseconds; more than UNIX time in a float has). Raises OSError
    where the file cannot be written.
    """

    def __init__(self, file: Path | BinaryIO, *, digits: Literal[6, 9] = 6, interface: str = "ikespec") -> None:
        """Create or overwrite the file, or take an open one, and write its header."""
        self._ticks = 10**digits
        self._count = 0
        self._file = file.open("wb", buffering=0) if isinstance(file, Path) else file
        section = struct.pack("<IHHq", _BYTE_ORDER_MAGIC, 1, 0, -1) + _options((_SHB_USERAPPL, b"ikespec"))
        link = struct.pack("<HHI", LINKTYPE_RAW, 0, 0)
        link += _options((_IF_NAME, interface.encode()), (_IF_TSRESOL, bytes([digits])))
        self._file.write(_block(_SECTION_HEADER, section) + _block(_INTERFACE_DESCRIPTION, link))

    def datagram(self, t: float, d: Datagram, comment: str | None = None) -> None:
        """Write a datagram of the time ``t`` (UNIX time in seconds) with a comment for whoever reads the capture.

        A payload too large for UDP is cut, and the comment says so. Raises ValueError for addresses that are no IP
        addresses of one family.
        """
        if len(d.payload) > LARGEST_PAYLOAD:
            cut = f"cut: {len(d.payload)} octets do not fit into a UDP datagram"
            comment, d = f"{comment}; {cut}" if comment else cut, replace(d, payload=d.payload[:LARGEST_PAYLOAD])
        self._count += 1
        self.packet(t, ip_packet(d, self._count - 1), comment)

    def packet(self, t: float, packet: bytes, comment: str | None = None) -> None:
        """Write a whole IP packet."""
        high, low = divmod(max(0, round(t * self._ticks)), 1 << 32)
        body = struct.pack("<IIIII", 0, high & 0xFFFFFFFF, low, len(packet), len(packet)) + _padded(packet)
        if comment:
            body += _options((_OPT_COMMENT, _cut_utf8(comment)))
        self._file.write(_block(_ENHANCED_PACKET, body))

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _options(*options: tuple[int, bytes]) -> bytes:
    return b"".join(struct.pack("<HH", code, len(value)) + _padded(value) for code, value in options) + bytes(4)


def _block(kind: int, body: bytes) -> bytes:
    size = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + size + body + size


def _cut_utf8(text: str) -> bytes:
    raw = text.encode(errors="replace")
    return raw if len(raw) <= 0xFFFF else raw[:0xFFFC].decode(errors="ignore").encode()


@dataclass(frozen=True, slots=True)
class Captured:
    """A datagram of a capture: ``time`` is UNIX time in seconds, ``comments`` are the packet's."""

    time: float
    datagram: Datagram
    comments: tuple[str, ...]


def read_pcapng(path: Path) -> Iterator[Captured]:
    """The UDP datagrams of a pcapng file of raw IP packets, in order; other packets are passed over.

    A last block that a killed writer left half-written ends the file. Raises CaptureError, OSError.
    """
    data = path.read_bytes()
    order, ticks = "<", [10**6]
    for kind, body in _blocks(data, path):
        if kind == _SECTION_HEADER:
            order, ticks = _byte_order(body), []
        elif kind == _INTERFACE_DESCRIPTION:
            if struct.unpack_from(order + "H", body)[0] != LINKTYPE_RAW:
                raise CaptureError(f"{path}: link type {struct.unpack_from(order + 'H', body)[0]}, only 101 is read")
            ticks.append(_resolution(_parse_options(body[8:], order)))
        elif kind == _ENHANCED_PACKET:
            interface, high, low, size, _ = struct.unpack_from(order + "IIIII", body)
            datagram = udp_datagram(body[20 : 20 + size])
            if datagram is not None:
                options = _parse_options(body[20 + size + -size % 4 :], order)
                comments = tuple(value.decode(errors="replace") for code, value in options if code == _OPT_COMMENT)
                yield Captured(((high << 32) + low) / ticks[interface], datagram, comments)


def _byte_order(section_body: bytes) -> str:
    return "<" if section_body.startswith(struct.pack("<I", _BYTE_ORDER_MAGIC)) else ">"


def _blocks(data: bytes, path: Path) -> Iterator[tuple[int, bytes]]:
    if data[:4] != struct.pack("<I", _SECTION_HEADER):
        raise CaptureError(f"{path}: no pcapng file, it begins with {data[:4].hex() or 'nothing'}")
    offset, order = 0, "<"
    while offset + 12 <= len(data):
        if data[offset : offset + 4] == struct.pack("<I", _SECTION_HEADER):
            order = _byte_order(data[offset + 8 : offset + 12])
        kind, size = struct.unpack_from(order + "II", data, offset)
        if size < 12 or size % 4:
            raise CaptureError(f"{path}: offset {offset}: a block of {size} octets")
        if offset + size > len(data):
            return
        yield kind, data[offset + 8 : offset + size - 4]
        offset += size


def _resolution(options: list[tuple[int, bytes]]) -> int:
    for code, value in options:
        if code == _IF_TSRESOL and value:
            return int(2 ** (value[0] & 0x7F) if value[0] & 0x80 else 10 ** value[0])
    return 10**6


def _parse_options(data: bytes, order: str) -> list[tuple[int, bytes]]:
    found, offset = [], 0
    while offset + 4 <= len(data):
        code, size = struct.unpack_from(order + "HH", data, offset)
        if code == 0:
            break
        found.append((code, data[offset + 4 : offset + 4 + size]))
        offset += 4 + size + -size % 4
    return found
