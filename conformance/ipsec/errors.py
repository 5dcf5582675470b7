"""Why a packet is not sent or not accepted: one exception for each reason, and the reasons to count by."""

from enum import Enum
from typing import ClassVar


class Reason(Enum):
    """What a packet is dropped for; SAs and hosts count by it (RFC 4301, section 4.4.2.1)."""

    TOO_SHORT = "too short"
    MISALIGNED = "not aligned"
    UNKNOWN_SPI = "unknown SPI"
    REPLAYED = "replayed"
    TOO_OLD = "left of the replay window"
    WRONG_ICV = "wrong ICV"
    BAD_PADDING = "bad padding"
    MALFORMED = "malformed packet"
    FRAGMENT = "fragment of a protected packet"
    POLICY = "policy"
    CONGESTION = "congestion experienced outside, no ECN inside"
    EXPIRED = "SA expired"
    OVERFLOW = "sequence number overflow"
    TOO_BIG = "larger than the path MTU"
    NO_SA = "no SA for the policy"


class IpsecError(Exception):
    """A packet that must not pass; ``reason`` is what it is counted as, the text says what was found."""

    reason: ClassVar[Reason]


class TooShort(IpsecError):  # noqa: N818 - these are named for what they say of a packet
    """The packet cannot hold header, IV, trailer and ICV."""

    reason = Reason.TOO_SHORT


class Misaligned(IpsecError):  # noqa: N818
    """The ciphertext fills no whole blocks, or does not end on a 4-octet boundary (RFC 4303, section 2.4)."""

    reason = Reason.MISALIGNED


class UnknownSpi(IpsecError):  # noqa: N818
    """There is no SA for the SPI (RFC 4303, section 3.4.2)."""

    reason = Reason.UNKNOWN_SPI


class Replayed(IpsecError):  # noqa: N818
    """A packet with this sequence number was accepted before (RFC 4303, section 3.4.3)."""

    reason = Reason.REPLAYED


class TooOld(IpsecError):  # noqa: N818
    """The sequence number lies left of the replay window, or is zero (RFC 4303, section 3.4.3)."""

    reason = Reason.TOO_OLD


class WrongIcv(IpsecError):  # noqa: N818
    """The integrity check value does not fit (RFC 4303, section 3.4.4)."""

    reason = Reason.WRONG_ICV


class BadPadding(IpsecError):  # noqa: N818
    """Pad Length points in front of the payload, or the padding is not 1, 2, 3 ... (RFC 4303, section 2.4)."""

    reason = Reason.BAD_PADDING


class MalformedPacket(IpsecError):  # noqa: N818
    """No whole IPv4 or IPv6 packet, or an AH whose lengths do not fit."""

    reason = Reason.MALFORMED


class FragmentReceived(IpsecError):  # noqa: N818
    """A fragment was offered to ESP or AH; reassembly comes first (RFC 4303, section 3.4.1)."""

    reason = Reason.FRAGMENT


class PolicyViolation(IpsecError):  # noqa: N818
    """The packet is not what its SA or the SPD allows (RFC 4301, sections 5.1 and 5.2)."""

    reason = Reason.POLICY


class CongestionDrop(IpsecError):  # noqa: N818
    """The outer header says CE and the inner transport knows no ECN (RFC 6040, section 4.2)."""

    reason = Reason.CONGESTION


class SaExpired(IpsecError):  # noqa: N818
    """A hard lifetime of the SA is over (RFC 4301, section 4.4.2.1)."""

    reason = Reason.EXPIRED


class SequenceOverflow(IpsecError):  # noqa: N818
    """The next packet would let the sequence number cycle (RFC 4303, section 3.3.3)."""

    reason = Reason.OVERFLOW


class TooBig(IpsecError):  # noqa: N818
    """The packet must not be fragmented and exceeds ``mtu`` octets (RFC 4301, section 8.2.1)."""

    reason = Reason.TOO_BIG

    def __init__(self, text: str, mtu: int) -> None:
        super().__init__(text)
        self.mtu = mtu


class NoSa(IpsecError):  # noqa: N818
    """The policy wants protection and no SA offers it (RFC 4301, section 5.1)."""

    reason = Reason.NO_SA
