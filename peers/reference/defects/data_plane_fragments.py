"""Defects of the data plane: fragments of ESP packets, large packets in GRE and transport mode, and ECN."""

from conformance.ike.core.connection import Mode
from conformance.ipsec.errors import WrongIcv
from conformance.ipsec.fragments import Reassembler, fragment
from conformance.ipsec.ip import ESP, parse, with_traffic_class
from conformance.ipsec.packets import Bend
from conformance.ipsec.tunnel import CE, NOT_ECT
from peers.reference.dataplane import DeviceHost
from peers.reference.defects.registry import defect
from peers.reference.tunnels import TunnelHost

_ECN = 3


@defect("data-fragments-never-whole")
class CountsTheFirstFragment(DeviceHost):
    """Takes the sequence number in a first fragment for one that has come."""

    def receive(self, packet: bytes, now: float) -> list[bytes]:
        found = parse(packet)
        at = found.payload_at
        if found.fragment and not found.fragment_offset and found.protocol == ESP:
            sa = self.sad.find(packet[at : at + 4])
            sa.accept_sequence(sa.sequence_of(int.from_bytes(packet[at + 4 : at + 8], "big")))
        return super().receive(packet, now)


@defect("data-fragments-never-whole")
class StopsWhenFull(DeviceHost):
    """Takes no packet as long as there are too many fragments that wait for others."""

    def receive(self, packet: bytes, now: float) -> list[bytes]:
        return [] if len(self._reassembler) >= 64 else super().receive(packet, now)


@defect("data-fragments-window")
class ForgetsHalves(DeviceHost):
    """Keeps fragments only until the next packet that is whole."""

    def receive(self, packet: bytes, now: float) -> list[bytes]:
        if not parse(packet).fragment:
            self._reassembler = Reassembler()
        return super().receive(packet, now)


class _Assembling(DeviceHost):
    """Knows of a packet whether it came in fragments."""

    assembled = False

    def receive(self, packet: bytes, now: float) -> list[bytes]:
        self.assembled = parse(packet).fragment
        return super().receive(packet, now)


@defect("data-fragments-window")
class ChecksNoNumberOfFragments(_Assembling):
    """Takes a packet that came in fragments whatever its sequence number is."""

    def unprotected(self, packet: bytes, now: float) -> bytes | None:
        known = [(sa, sa.window) for sa in self.sad.inbound()]
        try:
            for sa, _ in known:
                sa.window = None if self.assembled else sa.window
            return super().unprotected(packet, now)
        finally:
            for sa, window in known:
                sa.window = window


@defect("data-fragments-one-identification")
class CountsBeforeTheIcv(_Assembling):
    """Notes the sequence number of a packet that came in fragments before it looks at the ICV."""

    def unprotected(self, packet: bytes, now: float) -> bytes | None:
        try:
            return super().unprotected(packet, now)
        except WrongIcv:
            at = parse(packet).payload_at
            if self.assembled:
                sa = self.sad.find(packet[at : at + 4])
                sa.accept_sequence(sa.sequence_of(int.from_bytes(packet[at + 4 : at + 8], "big")))
            raise


@defect("data-large-transport-whole")
class CutsBeforeTransport(DeviceHost):
    """Fragments a large packet before encryption in transport mode, too."""

    def send(self, packet: bytes, now: float, *, bend: Bend | None = None) -> list[bytes]:
        if len(packet) <= 1400 or any(child.mode == Mode.TUNNEL for child in self.carried):
            return super().send(packet, now, bend=bend)
        parts = fragment(packet, 1200, 4712, forced=True)
        return [each for part in parts for each in super(CutsBeforeTransport, self).send(part, now, bend=bend)]


class _SmallGre(TunnelHost):
    """Takes no GRE packet that is larger than its link."""

    def answer(self, packet: bytes, now: float) -> list[bytes]:
        return [] if len(packet) > 1476 else super().answer(packet, now)


@defect("data-gre-large")
class LosesLargeGre(DeviceHost):
    """Drops a GRE packet that had to be fragmented."""

    tunnels_class = _SmallGre


# --- ECN --------------------------------------------------------------------------------------------------------------


@defect("data-ecn-unmarked")
class MarksAnything(DeviceHost):
    """Writes the ECN field of the outer header into an inner packet that is not ECN-capable."""

    def unprotected(self, packet: bytes, now: float) -> bytes | None:
        field = parse(packet).traffic_class
        found = super().unprotected(with_traffic_class(packet, field & ~_ECN), now)
        inside = NOT_ECT if found is None else parse(found).traffic_class
        return with_traffic_class(found, inside | field & _ECN) if found and not inside & _ECN else found


@defect("data-ecn-kept")
class ForgetsCongestion(DeviceHost):
    """Writes the ECN field of the outer header over a mark that the inner packet had."""

    def unprotected(self, packet: bytes, now: float) -> bytes | None:
        found = super().unprotected(packet, now)
        outside = parse(packet).traffic_class & _ECN
        if found is None or parse(found).traffic_class & _ECN != CE:
            return found
        return with_traffic_class(found, parse(found).traffic_class & ~_ECN | outside)
