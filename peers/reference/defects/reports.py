"""Defects of a device that should tell of packets and messages of no SA, and how it tells."""

from dataclasses import replace

from conformance.ike.endpoint import Endpoint
from conformance.net.link import Address
from conformance.wire import FLAG_RESPONSE, Message, Notify
from peers.reference.defects.registry import defect


@defect("data-wrong-spi-reported", "info-suspicious-reported")
class TellsNobody(Endpoint):
    """Keeps to itself what it cannot process."""

    def report(self, source: Address, notify: Notify) -> bool:
        return True


@defect("data-wrong-spi-told")
class TellsAsResponse(Endpoint):
    """Marks what answers nothing as a response."""

    def one_way(self, notify: Notify) -> Message:
        return replace(super().one_way(notify), flags=FLAG_RESPONSE)


@defect("data-wrong-spi-told")
class TellsEachTime(Endpoint):
    """Says that an SPI is unknown as often as it comes."""

    def may_report(self, host: str) -> bool:
        return True
