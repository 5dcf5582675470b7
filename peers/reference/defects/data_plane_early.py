"""Defects of an initiator that gets ESP on a new SA before the response that makes it."""

from collections.abc import Iterable, Sequence

from conformance.ike.core.child import ChildSa
from conformance.ike.ikesa import IkeSa
from conformance.ipsec.errors import IpsecError
from conformance.wire import Delete, ExchangeType, Notify, NotifyType, Payload, ProtocolID
from peers.reference.dataplane import Carried, DeviceHost
from peers.reference.defects.registry import defect


class SeesEarly(DeviceHost):
    """Sees packets with an SPI that a request of its own under way names: ``sas`` are the IKE SAs of the last step."""

    sas: Sequence[IkeSa] = ()

    def follow(self, sas: Iterable[IkeSa], now: float) -> None:
        self.sas = list(sas)
        super().follow(self.sas, now)

    def unprotected(self, packet: bytes, now: float) -> bytes | None:
        try:
            return super().unprotected(packet, now)
        except IpsecError:
            for sa in self.sas:
                if sa.offer is not None and sa.offer.spi in packet[20:32]:
                    self.early(sa, sa.offer.spi)
            raise

    def early(self, sa: IkeSa, spi: bytes) -> None:
        """A packet has come on an SA that is not there yet."""


@defect("data-early", "data-early-repeated", "data-early-fragments")
class GivesUpEarlySpi(SeesEarly):
    """Reports and deletes the SPI that it has asked for itself when ESP comes there before the response."""

    given_up: bytes = b""

    def early(self, sa: IkeSa, spi: bytes) -> None:
        if self.given_up != spi:
            self.given_up = spi
            payloads: list[Payload] = [Notify(NotifyType.INVALID_SPI, spi), Delete(ProtocolID.ESP, (spi,))]
            sa.open_exchange(ExchangeType.INFORMATIONAL, lambda sa: payloads, sa.ignore)


@defect("data-early", "data-early-repeated", "data-early-fragments")
class EarlyEspEndsTheOld(SeesEarly):
    """Takes ESP on the new SA for the end of the old one."""

    def early(self, sa: IkeSa, spi: bytes) -> None:
        for one in self.carried.values():
            self.withdraw(one)


@defect("data-early", "data-early-repeated", "data-early-fragments")
class EarlySpiIsBarred(SeesEarly):
    """Drops for ever what comes on an SPI that was unknown once."""

    barred: frozenset[bytes] = frozenset()

    def early(self, sa: IkeSa, spi: bytes) -> None:
        self.barred |= {spi}

    def bring(self, child: ChildSa, sa: IkeSa, udp: tuple[int, int] | None, now: float) -> Carried:
        made = super().bring(child, sa, udp, now)
        if child.spi_in in self.barred:
            self.sad.remove(made.inbound)
        return made


@defect("data-early-repeated")
class EarlyEspIsTheAnswer(SeesEarly):
    """Takes ESP on the new SA for the response, and does not repeat its request any more."""

    def early(self, sa: IkeSa, spi: bytes) -> None:
        if sa.pending is not None:
            sa.pending.deadline = float("inf")
