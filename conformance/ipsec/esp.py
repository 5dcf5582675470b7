"""ESP packets, from the SPI to the ICV (RFC 4303). What stands before them is the matter of `packets`."""

from dataclasses import dataclass
from struct import Struct

from conformance.crypto import Random
from conformance.ipsec.errors import BadPadding, IpsecError, Misaligned, TooShort
from conformance.ipsec.ip import NO_NEXT_HEADER
from conformance.ipsec.sad import InboundSa, OutboundSa

_HEADER = Struct("!4sI")
_NUMBERS = bytes(range(1, 256))
_TRAILERS = [_NUMBERS[:size] + bytes((size,)) for size in range(256)]


@dataclass(frozen=True, slots=True)
class EspBend:
    """What is wrong with a packet; None and zero: nothing.

    Attributes:
        spi: written instead of the SA's.
        sequence: the whole number used instead of the next one; the SA's counter stays where it is.
        high: the high half of the extended sequence number that the ICV covers, and an implicit IV holds.
        iv: used instead of a new one.
        next_header: written instead of the payload's protocol.
        padding: written instead of 1, 2, 3 ...; its length counts, so it must fill the cipher's blocks.
        pad_length: written instead of the number of octets of padding.
        tfc: octets of TFC padding to add, zeros.
        flip: octet of the ICV in which a bit is turned over; negative from its end.
        truncate: octets cut from the end.
        append: octets that follow the packet.
    """

    spi: bytes | None = None
    sequence: int | None = None
    high: int | None = None
    iv: bytes | None = None
    next_header: int | None = None
    padding: bytes | None = None
    pad_length: int | None = None
    tfc: int = 0
    flip: int | None = None
    truncate: int = 0
    append: bytes = b""


@dataclass(frozen=True, slots=True)
class Decapsulated:
    """What an ESP packet contained. TFC padding is still behind the payload; its own length tells where it starts."""

    sequence: int
    next_header: int
    payload: bytes

    @property
    def dummy(self) -> bool:
        """The packet is to be discarded without an error (RFC 4303, section 2.6)."""
        return self.next_header == NO_NEXT_HEADER


def encapsulate(
    sa: OutboundSa, next_header: int, payload: bytes, random: Random, now: float = 0.0, bend: EspBend | None = None
) -> bytes:
    """The ESP packet for a payload of the given protocol.

    Raises SaExpired and SequenceOverflow; CryptoError where bent padding or a bent IV does not fit the cipher.
    """
    try:
        sa.check_lifetime(now)
        if bend is not None:
            packet = _bent(sa, next_header, payload, random, bend)
        else:
            sequence = sa.next_sequence()
            if len(payload) < sa.parameters.tfc:
                payload += bytes(sa.parameters.tfc - len(payload))
            plaintext = payload + _TRAILERS[sa.padding_size(len(payload))] + bytes((next_header,))
            packet = _sealed(sa, sa.spi, sequence, sequence, sa.next_iv(random), plaintext)
    except IpsecError as error:
        sa.drops[error.reason] += 1
        raise
    # What is encrypted counts, padding included (RFC 4301, section 4.4.2.1).
    sa.count(max(len(packet) - 8 - sa.explicit_iv_size - sa.cipher.icv_size, 0))
    return packet


def dummy(sa: OutboundSa, size: int, random: Random, now: float = 0.0) -> bytes:
    """A dummy packet with ``size`` random octets (RFC 4303, section 2.6). Raises as `encapsulate`."""
    return encapsulate(sa, NO_NEXT_HEADER, random(size), random, now)


def _sealed(sa: OutboundSa, spi: bytes, shown: int, covered: int, iv: bytes, plaintext: bytes) -> bytes:
    aad, tail = sa.associated_data(spi, covered)
    low = (shown & 0xFFFFFFFF).to_bytes(4, "big")
    if sa.cipher.implicit_iv:
        # RFC 8750, section 4: four zeros before a sequence number that is not extended.
        iv = (covered if sa.esn else covered & 0xFFFFFFFF).to_bytes(8, "big")
        return spi + low + sa.keyed.seal(iv, plaintext, aad, tail)
    return spi + low + iv + sa.keyed.seal(iv, plaintext, aad, tail)


def _bent(sa: OutboundSa, next_header: int, payload: bytes, random: Random, bend: EspBend) -> bytes:
    sequence = sa.next_sequence() if bend.sequence is None else bend.sequence
    covered = sequence if bend.high is None else bend.high << 32 | sequence & 0xFFFFFFFF
    tfc = max(bend.tfc, sa.parameters.tfc - len(payload))
    payload += bytes(tfc)
    padding = _NUMBERS[: sa.padding_size(len(payload))] if bend.padding is None else bend.padding
    pad_length = len(padding) & 255 if bend.pad_length is None else bend.pad_length
    last = next_header if bend.next_header is None else bend.next_header
    iv = sa.next_iv(random) if bend.iv is None else bend.iv
    plaintext = payload + padding + bytes((pad_length, last))
    packet = _sealed(sa, sa.spi if bend.spi is None else bend.spi, sequence, covered, iv, plaintext)
    if bend.flip is not None and sa.cipher.icv_size:
        at = len(packet) - sa.cipher.icv_size + bend.flip % sa.cipher.icv_size
        packet = packet[:at] + bytes((packet[at] ^ 1,)) + packet[at + 1 :]
    return packet[: len(packet) - bend.truncate] + bend.append


def decapsulate(sa: InboundSa, packet: bytes, now: float = 0.0) -> Decapsulated:
    """Check and open an ESP packet of this SA (RFC 4303, section 3.4).

    Raises, and counts in the SA: SaExpired, TooShort, Misaligned, TooOld, Replayed, WrongIcv, BadPadding.
    """
    try:
        sa.check_lifetime(now)
        return _opened(sa, packet)
    except IpsecError as error:
        sa.drops[error.reason] += 1
        raise


def _opened(sa: InboundSa, packet: bytes) -> Decapsulated:
    start = 8 + sa.explicit_iv_size
    size = len(packet) - start - sa.cipher.icv_size
    if size < 2:
        raise TooShort(f"an ESP packet of {len(packet)} octets")
    if size % sa.alignment:
        raise Misaligned(f"{size} octets of ciphertext, not a multiple of {sa.alignment}")
    _, low = _HEADER.unpack_from(packet)
    sequence = sa.sequence_of(low)
    sa.check_sequence(sequence)
    sequence, plaintext = sa.authentic(sequence, lambda number: _plaintext(sa, number, packet, start))
    sa.accept_sequence(sequence)
    pad_length = plaintext[-2]
    end = sa.payload_end(size, pad_length)
    if pad_length and not sa.padding_is_right(plaintext[end:-2]):
        raise BadPadding(f"padding {plaintext[end:-2].hex()}")
    sa.count(size)
    return Decapsulated(sequence, plaintext[-1], plaintext[:end])


def _plaintext(sa: InboundSa, sequence: int, packet: bytes, start: int) -> bytes:
    aad, tail = sa.associated_data(packet[:4], sequence)
    iv = sequence.to_bytes(8, "big") if sa.cipher.implicit_iv else packet[8:start]
    return sa.keyed.open(iv, packet[start:], aad, tail)
