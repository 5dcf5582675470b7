"""Defects of ESP that should follow a peer behind a NAT to a new address."""

from conformance.ike.ikesa import IkeSa
from conformance.ipsec.replay import ReplayWindow
from conformance.net.packets import udp_datagram
from peers.reference.dataplane import Carried, DeviceHost
from peers.reference.defects.registry import defect

_BY_IKE = ("data-address-change", "data-address-change-host", "data-address-change-both")
_BY_ESP = ("data-address-change-esp", "data-address-change-esp-host", "data-address-change-esp-both")


@defect(*_BY_IKE, *_BY_ESP)
class StaysAtTheOldAddress(DeviceHost):
    """Sends ESP for ever to where the first IKE message came from, though IKE follows the peer."""

    def move(self, one: Carried, sa: IkeSa) -> None:
        return


@defect(*_BY_ESP)
class EspMovesNothing(DeviceHost):
    """Does not look at where ESP comes from."""

    def heard(self, packet: bytes) -> None:
        return


@defect(*_BY_ESP)
class EspMovesOnlyEsp(DeviceHost):
    """Follows an ESP packet with ESP, but goes on sending requests to the old address."""

    def heard(self, packet: bytes) -> None:
        before = {sa: (sa.remote, sa.local) for one in self.carried.values() if (sa := one.keeper) is not None}
        super().heard(packet)
        for sa, (remote, local) in before.items():
            if sa.remote != remote:
                self.at = udp_datagram(packet)
                sa.remote, sa.local = remote, local

    def move(self, one: Carried, sa: IkeSa) -> None:
        super().move(one, sa)
        found = getattr(self, "at", None)
        if found is not None:
            ports = (found.destination.port, found.source.port)
            one.outbound.move(found.destination.host, found.source.host, ports)


@defect("data-address-change", "data-address-change-both", "data-address-change-esp", "data-address-change-esp-both")
class EspKeepsThePort(DeviceHost):
    """Follows the peer to another address with ESP, but not to another port."""

    def ports(self, sa: IkeSa) -> tuple[int, int] | None:
        found = super().ports(sa)
        self.known: tuple[int, int] | None = getattr(self, "known", None) or found
        return self.known if found else None


@defect("data-address-change-host", "data-address-change-both", *_BY_ESP[1:])
class EspKeepsTheHost(DeviceHost):
    """Follows the peer to another port with ESP, but not to another address."""

    def move(self, one: Carried, sa: IkeSa) -> None:
        host = one.outbound.parameters.destination
        super().move(one, sa)
        one.outbound.move(sa.local.host, host, self.ports(sa))


@defect(*_BY_IKE, *_BY_ESP)
class NewChildAtTheOldAddress(DeviceHost):
    """Binds a new Child SA to where the peer was at the beginning."""

    first: tuple[str, str, tuple[int, int] | None] | None = None

    def move(self, one: Carried, sa: IkeSa) -> None:
        super().move(one, sa)
        self.first = self.first or (sa.local.host, sa.remote.host, self.ports(sa))
        if any(other.child.replaced_by is one.child for other in self.carried.values()) or one in self.late:
            self.late.append(one)
            one.outbound.move(*self.first)

    @property
    def late(self) -> list[Carried]:
        """The Child SAs that are successors."""
        found: list[Carried] = self.__dict__.setdefault("successors", [])
        return found


@defect(*_BY_IKE, *_BY_ESP)
class ForgetsTheWindowOnTheWay(DeviceHost):
    """Installs its SAs anew where the peer moves, with an empty replay window."""

    def move(self, one: Carried, sa: IkeSa) -> None:
        before = one.inbound.parameters
        super().move(one, sa)
        if one.inbound.parameters is not before:
            one.inbound.window = ReplayWindow()


@defect("data-address-change-forged", "data-address-change-replayed")
class FollowsEspUnchecked(DeviceHost):
    """Follows whatever comes with the SPI of an SA, before it has looked at the rest."""

    def unprotected(self, packet: bytes, now: float) -> bytes | None:
        self.heard(packet)
        return super().unprotected(packet, now)
