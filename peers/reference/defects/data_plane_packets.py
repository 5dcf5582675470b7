"""Defects of the data plane: packets that should be dropped and are not, or the reverse."""

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from conformance.crypto import Random
from conformance.ike.core.connection import Connection
from conformance.ipsec.ah import AhBend
from conformance.ipsec.errors import MalformedPacket, Misaligned, TooShort, WrongIcv
from conformance.ipsec.esp import EspBend
from conformance.ipsec.flow import Flow
from conformance.ipsec.icmp import PathMtu
from conformance.ipsec.ip import AH, UDP, parse, with_checksum
from conformance.ipsec.packets import Bend
from conformance.ipsec.sad import InboundSa, OutboundSa
from conformance.ipsec.spd import Action, Direction, Policy, Spd
from conformance.wire import Encr
from peers.reference.dataplane import DeviceHost
from peers.reference.defects.registry import defect


def unverified(sa: InboundSa, body: bytes) -> bytes:
    """What stands behind the IV of an ESP packet, decrypted, ICV and all."""
    suite, key = sa.parameters.suite, sa.parameters.encryption_key
    if suite.encr == Encr.NULL:
        return body
    if suite.encr == Encr.AES_CBC:
        whole = body[16 : len(body) // 16 * 16]
        return Cipher(algorithms.AES(key), modes.CBC(body[:16])).decryptor().update(whole)
    counter = key[-4:] + body[:8].ljust(8, b"\0") + b"\0\0\0\2"
    return Cipher(algorithms.AES(key[:-4]), modes.CTR(counter)).decryptor().update(body[8:])


@defect(
    *("data-wrong-icv", "data-wrong-icv-cbc", "data-changed", "data-truncated", "data-appended", "data-null-icv"),
    *("data-ah-icv", "data-ah-ipv6-icv", "data-fragments-inside-missing"),
)
class ChecksNoIcv(DeviceHost):
    """Does not check the ICV; where an inner packet ends is told by its own length."""

    def unprotected(self, packet: bytes, now: float) -> bytes | None:
        try:
            return super().unprotected(packet, now)
        except (WrongIcv, Misaligned, TooShort):
            outer = parse(packet)
            at = outer.payload_at + 8 * (outer.protocol == UDP)
            *_, sa = self.sad.inbound()
            behind = at + (packet[at + 1] * 4 if outer.protocol == AH else 0) + 8
            inner = packet[behind:] if outer.protocol == AH else unverified(sa, packet[behind:])
            return inner[: parse(inner).length]


@defect("data-wrong-spi", "data-ah-wrong-spi")
class IgnoresTheSpi(DeviceHost):
    """Takes the newest SA for packets with an unknown SPI."""

    def receive(self, packet: bytes, now: float) -> list[bytes]:
        known = list(self.sad.inbound())
        at = {UDP: 28, AH: 24}.get(packet[9], 20)
        spi = packet[at : at + 4]
        if known and spi not in [sa.spi for sa in known]:
            known[-1].spi = spi
            self.sad.add(known[-1])
        return super().receive(packet, now)


class AnythingIn(InboundSa):
    """Does not look at the selectors of an SA for what arrives."""

    def selects(self, flow: Flow) -> bool:
        return True


class AnythingOut(OutboundSa):
    """Does not look at the selectors of an SA for what leaves."""

    def selects(self, flow: Flow) -> bool:
        return True


@defect(
    "data-selector-source", "data-selector-child", "data-selector-port", "data-fragment-port", "data-selector-special"
)
class IgnoresSelectors(DeviceHost):
    """Carries anything on any SA."""

    inbound_class, outbound_class = AnythingIn, AnythingOut


@defect("data-dummy")
class DummyIsAnError(DeviceHost):
    """Gives up its SAs when a dummy packet comes."""

    def unprotected(self, packet: bytes, now: float) -> bytes | None:
        found = super().unprotected(packet, now)
        if found is None:
            self.remove(*[sa.spi for sa in self.sad.inbound()])
        return found


@defect("data-tfc", "data-padding-long")
class RefusesLongPackets(DeviceHost):
    """Drops a packet that is longer than its contents need."""

    def unprotected(self, packet: bytes, now: float) -> bytes | None:
        found = super().unprotected(packet, now)
        if found is not None and len(packet) - len(found) > 56:
            raise MalformedPacket(f"{len(packet)} octets for {len(found)}")
        return found


@defect("data-clear", "data-clear-transport", "data-gre-clear")
class TakesCleartext(DeviceHost):
    """Lets in what comes without protection."""

    def __init__(self, connection: Connection, random: Random) -> None:
        super().__init__(connection, random)
        self.spd = Spd([Policy(Action.BYPASS, directions=frozenset({Direction.IN})), Policy(Action.PROTECT)])


@defect("data-set-up", "data-set-up-initiator", "data-null", "data-transport")
class LeaksInTheClear(DeviceHost):
    """Takes protected packets and answers without protection."""

    def __init__(self, connection: Connection, random: Random) -> None:
        super().__init__(connection, random)
        self.spd = Spd([Policy(Action.BYPASS, directions=frozenset({Direction.OUT})), Policy(Action.PROTECT)])


@defect("data-ipv6-inside", "data-ipv6-outside")
class RefusesMixedVersions(DeviceHost):
    """Carries in a tunnel only packets of the tunnel's own IP version."""

    def unprotected(self, packet: bytes, now: float) -> bytes | None:
        found = super().unprotected(packet, now)
        if found is not None and found[0] >> 4 != packet[0] >> 4:
            raise MalformedPacket("another IP version inside")
        return found


# --- AH -------------------------------------------------------------------------------------------------------------


@defect("data-ah", "data-overhead-ah")
class WritesLongAh(DeviceHost):
    """Aligns AH to 64 bits under IPv4, too."""

    def protected(self, sa: OutboundSa, packet: bytes, now: float, bend: Bend | None) -> bytes:
        long = AhBend(padding=bytes(4)) if sa.protocol == 2 and sa.cipher.icv_size % 8 == 0 else None
        return super().protected(sa, packet, now, long)


@defect("data-ah")
class WritesIntoReserved(DeviceHost):
    """Does not leave the field Reserved of AH zero."""

    def protected(self, sa: OutboundSa, packet: bytes, now: float, bend: Bend | None) -> bytes:
        return super().protected(sa, packet, now, AhBend(reserved=1) if sa.protocol == 2 else None)


@defect("data-ah-mutable")
class CoversMutableFields(DeviceHost):
    """Takes AH packets whose DSCP or TTL was changed on the way for wrong."""

    def unprotected(self, packet: bytes, now: float) -> bytes | None:
        outer = parse(packet)
        if outer.traffic_class or outer.ttl != 64:
            raise WrongIcv("the header was changed")
        return super().unprotected(packet, now)


@defect(
    *("data-overhead-table", "data-overhead-esp", "data-overhead-transport", "data-overhead-udp", "data-overhead-ipv6"),
    *("data-null-initiator", "data-ccm-initiator", "data-sha1-initiator", "data-xcbc-initiator"),
    *("data-sha512-initiator", "data-mandatory"),
)
class FillsBehindTheIcv(DeviceHost):
    """Fills packets of an odd length behind the ICV, where nothing belongs."""

    def protected(self, sa: OutboundSa, packet: bytes, now: float, bend: Bend | None) -> bytes:
        return super().protected(sa, packet, now, EspBend(append=bytes(4)) if len(packet) % 2 else None)


# --- fragments and MTU ----------------------------------------------------------------------------------------------


@defect("data-mtu-largest", "data-path-mtu", "data-tcp-mss")
class IgnoresTheMtu(DeviceHost):
    """Sends packets of any size."""

    def __init__(self, connection: Connection, random: Random) -> None:
        super().__init__(connection, random)
        self.mtu = None

    def learn_path_mtu(self, report: PathMtu, now: float) -> bool:
        return True


@defect("data-large", "data-large-ipv6", "data-large-transport")
class ReassemblesNothing(DeviceHost):
    """Drops fragments of ESP packets."""

    def receive(self, packet: bytes, now: float) -> list[bytes]:
        return [] if parse(packet).fragment else super().receive(packet, now)


@defect("data-fragments-inside", "data-fragments-inside-ipv6")
class RefusesInnerFragments(DeviceHost):
    """Drops fragments that come through a tunnel."""

    def unprotected(self, packet: bytes, now: float) -> bytes | None:
        found = super().unprotected(packet, now)
        if found is not None and parse(found).fragment:
            raise MalformedPacket("a fragment")
        return found


@defect("data-path-mtu")
class IgnoresReports(DeviceHost):
    """Does not heed reports of the path MTU."""

    def learn_path_mtu(self, report: PathMtu, now: float) -> bool:
        return True


@defect("data-path-mtu-foreign")
class HeedsEveryReport(DeviceHost):
    """Takes a report of the path MTU for all SAs, whichever it is about."""

    def learn_path_mtu(self, report: PathMtu, now: float) -> bool:
        for sa in self.sad.outbound:
            sa.path_mtu, sa.path_mtu_until = report.mtu, now + self.path_mtu_lasts
        return True


@defect("data-df")
class TurnsDfOver(DeviceHost):
    """Sets the DF bit of the outer header where the inner one is clear, and the reverse."""

    def protected(self, sa: OutboundSa, packet: bytes, now: float, bend: Bend | None) -> bytes:
        made = super().protected(sa, packet, now, bend)
        return with_checksum(made[:6] + bytes((made[6] ^ 0x40,)) + made[7:20]) + made[20:]


@defect("data-drops-counted")
class CountsNoDrops(DeviceHost):
    """Drops packets without a trace."""

    def dropped(self) -> int:
        return 0
