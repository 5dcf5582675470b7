"""Defects that the invariants see in conversations about something else: packets of ESP."""

from dataclasses import replace
from typing import ClassVar

from conformance.crypto import Random
from conformance.ike.ikesa import IkeSa
from conformance.ipsec.errors import PolicyViolation
from conformance.ipsec.esp import EspBend
from conformance.ipsec.ip import AH, NO_NEXT_HEADER, TCP, UDP, parse
from conformance.ipsec.packets import Bend
from conformance.ipsec.sad import OutboundSa
from conformance.net.link import Datagram, IpPacket
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


@defect("data-udp")
class ChecksumAroundEsp(DeviceHost):
    """Computes the UDP checksum around ESP."""

    def drain(self) -> list[Datagram | IpPacket]:
        found = super().drain()
        return [replace(one, checksum=0xBEEF) if isinstance(one, Datagram) else one for one in found]


@defect("nat-keepalive-sent")
class ChecksumAroundKeepalives(IkeSa):
    """Computes the UDP checksum around NAT keepalives."""

    def send_keepalive(self) -> None:
        super().send_keepalive()
        self.outbox[-1] = replace(self.outbox[-1], checksum=0xBEEF)


@defect("data-set-up")
class ZeroIsNoProtocol(DeviceHost):
    """Carries nothing but ICMP where a selector says protocol 0."""

    def unprotected(self, packet: bytes, now: float) -> bytes | None:
        found = super().unprotected(packet, now)
        if found is not None and parse(found).protocol in (TCP, UDP):
            raise PolicyViolation("neither TCP nor UDP")
        return found
