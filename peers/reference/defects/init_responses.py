"""Defects of an initiator that reads into an IKE_SA_INIT response what is not there (RFC 7296, sections 1.2, 2.6)."""

from collections.abc import Sequence
from dataclasses import replace

from conformance.ike.core.events import Violation
from conformance.ike.core.sending import NO_SPI
from conformance.ike.ikesa import IkeSa
from conformance.wire import KE, SA, Message, Notify, Payload, UnknownPayload
from peers.reference.defects.registry import defect

_HIGHEST_KNOWN = 100
"""Error types are assigned up to 50 or so."""


@defect("init-response-unknown-critical")
class ReadsOverWhatIsUnknown(IkeSa):
    """Leaves unknown payloads out when it reads a message, critical ones included."""

    def deliver(self, message: Message) -> None:
        known = tuple(one for one in message.payloads if not isinstance(one, UnknownPayload))
        super().deliver(replace(message, payloads=known))


@defect("init-response-unknown-error")
class OverlooksUnknownErrors(IkeSa):
    """Takes an error of a type that it does not know for a remark."""

    def refusal_in(self, message: Message) -> Notify | None:
        found = super().refusal_in(message)
        return found if found is None or found.type < _HIGHEST_KNOWN else None


class _Completes(IkeSa):
    """Adds to a response what it has not."""

    def lacking(self, message: Message) -> Sequence[Payload]:
        raise NotImplementedError

    def accept_init_response(self, message: Message) -> None:
        lacking = self.lacking(message)
        kept = [one for one in message.payloads if type(one) not in map(type, lacking)]
        super().accept_init_response(replace(message, payloads=(*kept, *lacking)))


@defect("init-response-without-ke")
class UsesItsOwnKe(_Completes):
    """Takes its own public value where that of the responder is missing."""

    def lacking(self, message: Message) -> Sequence[Payload]:
        if message.first(KE) is not None or self.exchange is None:
            return []
        return [KE(self.exchange.method, self.exchange.public)]


@defect("init-response-without-sa")
class AssumesItsOffer(_Completes):
    """Takes its own offer for accepted where the response says nothing about it."""

    def lacking(self, message: Message) -> Sequence[Payload]:
        return [] if message.first(SA) is not None else [SA(self.offered[:1])]


@defect("init-sar-without-prf", "init-sar-without-integ")
class FillsInTransforms(_Completes):
    """Fills in what the choice of the responder lacks out of its own offer."""

    def lacking(self, message: Message) -> Sequence[Payload]:
        sa = message.first(SA)
        if sa is None or not sa.proposals:
            return []
        chosen = sa.proposals[0]
        known = {one.type for one in chosen.transforms}
        more = tuple(one for one in self.offered[0].transforms if one.type not in known)
        return [SA((replace(chosen, transforms=(*chosen.transforms, *more)),))]


@defect("init-cookie-spi", "init-ke-retry-spi")
class WantsNoSpi(IkeSa):
    """Drops a response that makes no IKE SA and names one."""

    def on_init_response(self, message: Message) -> None:
        if message.spi_r != NO_SPI and message.first(SA) is None:
            raise Violation("a responder SPI and no SA")
        super().on_init_response(message)


@defect("init-cookie-endless")
class ReturnsAnyNumberOfCookies(IkeSa):
    """Returns cookies for ever."""

    def on_init_response(self, message: Message) -> None:
        self.rounds = 0
        super().on_init_response(message)
