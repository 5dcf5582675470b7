"""Defects that the invariants see in conversations about something else: packets of ESP."""

from typing import ClassVar

from conformance.crypto import Random
from conformance.ipsec.esp import EspBend
from conformance.ipsec.ip import AH, NO_NEXT_HEADER, parse
from conformance.ipsec.packets import Bend
from conformance.ipsec.sad import OutboundSa
from peers.reference.dataplane import DeviceHost
from peers.reference.defects.registry import defect


@defect("data-dscp")
class EspIvFromTheSameStart(OutboundSa):
    """Uses one IV for all packets of an SA."""

    def next_iv(self, random: Random) -> bytes:
        return bytes(self.cipher.iv_size)


class WrongDummies(DeviceHost):
    """Sends a dummy packet with something wrong after each ESP packet."""

    wrong: ClassVar[EspBend]

    def send(self, packet: bytes, now: float, *, bend: Bend | None = None) -> list[bytes]:
        found = super().send(packet, now, bend=bend)
        if found and bend is None and parse(found[0]).protocol != AH:
            found += super().send(packet, now, bend=self.wrong)
        return found


@defect("data-dscp")
class DummiesWithOldNumber(WrongDummies):
    """Gives its dummy packets the number of the first packet."""

    wrong = EspBend(next_header=NO_NEXT_HEADER, sequence=1)


@defect("data-dscp")
class DummiesWithRandomPadding(WrongDummies):
    """Fills the padding of its dummy packets with other octets than 1, 2, 3."""

    wrong = EspBend(next_header=NO_NEXT_HEADER, padding=b"\x09\x08\x07\x06\x05\x04")


@defect("data-dscp")
class DummiesWithWrongIcv(WrongDummies):
    """Gets the ICV of its dummy packets wrong."""

    wrong = EspBend(next_header=NO_NEXT_HEADER, flip=0)


@defect("data-dscp")
class DummiesCutShort(WrongDummies):
    """Cuts an octet from its dummy packets."""

    wrong = EspBend(next_header=NO_NEXT_HEADER, truncate=1)
