"""Defects of the data plane: what reports of routers about too large packets do."""

from conformance.ipsec.icmp import PathMtu
from conformance.ipsec.ip import parse
from conformance.ipsec.packets import Bend
from conformance.ipsec.sad import OutboundSa
from peers.reference.dataplane import DeviceHost
from peers.reference.defects.registry import defect


@defect("data-path-mtu-quoted")
class WantsLongQuotes(DeviceHost):
    """Heeds a report only if it quotes more of a packet than its headers."""

    def learn_path_mtu(self, report: PathMtu, now: float) -> bool:
        return len(report.quoted) < 100 or super().learn_path_mtu(report, now)


class _Believing(DeviceHost):
    """Takes any value of a report about one of its SAs."""

    def learn_path_mtu(self, report: PathMtu, now: float) -> bool:
        known = super().learn_path_mtu(report, now)
        if known and self.believes(report):
            for sa in self.sad.outbound:
                sa.path_mtu, sa.path_mtu_until = report.mtu, now + self.path_mtu_lasts
        return known

    def believes(self, report: PathMtu) -> bool:
        """Whether it takes this value as it stands."""
        raise NotImplementedError


@defect("data-path-mtu-least", "data-path-mtu-least-ipv6")
class BelievesTheAbsurd(_Believing):
    """Heeds reports of whatever small size."""

    def believes(self, report: PathMtu) -> bool:
        return report.mtu <= 600


@defect("data-path-mtu-least")
class CutsIntoCrumbs(_Believing):
    """Takes a report that says nothing of the size for one of 44 octets."""

    def believes(self, report: PathMtu) -> bool:
        return not report.mtu

    def learn_path_mtu(self, report: PathMtu, now: float) -> bool:
        return super().learn_path_mtu(report, now) and self.shrunk(report)

    def shrunk(self, report: PathMtu) -> bool:
        """All SAs that had nothing have something now."""
        for sa in self.sad.outbound:
            sa.path_mtu = sa.path_mtu or 44
        return True


@defect("data-path-mtu-larger")
class BelievesTheLatest(_Believing):
    """Heeds the last report, whatever came before it."""

    def believes(self, report: PathMtu) -> bool:
        return report.mtu >= 1000


@defect("data-path-mtu-kept")
class ForgetsAtOnce(DeviceHost):
    """Tries larger packets again five seconds after a report."""

    path_mtu_lasts = 5.0


@defect("data-path-mtu-steps", "data-path-mtu-steps-ipv6", "data-path-mtu-quoted")
class LearnsOnce(DeviceHost):
    """Heeds one report about an SA, and none after it."""

    def learn_path_mtu(self, report: PathMtu, now: float) -> bool:
        return any(sa.path_mtu for sa in self.sad.outbound) or super().learn_path_mtu(report, now)


@defect("data-path-mtu-rekey")
class LearnsOfTheFirstSa(DeviceHost):
    """Heeds no report about an SA that has replaced another."""

    def learn_path_mtu(self, report: PathMtu, now: float) -> bool:
        return len(self.carried) == 0 or self.replaced() or super().learn_path_mtu(report, now)

    def replaced(self) -> bool:
        """Whether there was another Child SA before, which it remembers."""
        seen = getattr(self, "seen", set[bytes]()) | {one.child.spi_in for one in self.carried.values()}
        self.seen = seen
        return len(seen) > 1


@defect("data-path-mtu-rekey")
class DropsLargeAfterRekey(DeviceHost):
    """Sends nothing on a new SA that is larger than what it knew of the path of the old one."""

    known: int | None = None

    def learn_path_mtu(self, report: PathMtu, now: float) -> bool:
        self.known = report.mtu
        return super().learn_path_mtu(report, now)

    def protected(self, sa: OutboundSa, packet: bytes, now: float, bend: Bend | None) -> bytes:
        made = super().protected(sa, packet, now, bend)
        if self.known and sa.path_mtu is None and parse(made).length > self.known:
            return made[:20] + bytes(len(made) - 20)
        return made


@defect("data-path-mtu-ipv6", "data-path-mtu-steps-ipv6", "data-path-mtu-tcp-ipv6")
class IgnoresPacketTooBig(DeviceHost):
    """Heeds reports of ICMP, and none of ICMPv6."""

    def learn_path_mtu(self, report: PathMtu, now: float) -> bool:
        return report.header.version == 6 or super().learn_path_mtu(report, now)
