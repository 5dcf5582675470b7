"""Defects in what SPIs of zero and odd reasons to ask again lead to (RFC 7296, sections 1.2, 2.6, 2.21.1 and 3.1)."""

from collections.abc import Sequence
from dataclasses import replace

from conformance.ike.core.events import Violation
from conformance.ike.core.proposals import groups
from conformance.ike.core.sending import NO_SPI
from conformance.ike.endpoint import Endpoint
from conformance.ike.ikesa import IkeSa
from conformance.net.link import Address, Datagram
from conformance.wire import (
    KE,
    Encr,
    ExchangeType,
    Header,
    KeMethod,
    Message,
    Notify,
    NotifyType,
    Payload,
    Proposal,
    Transform,
    TransformType,
)
from peers.reference.defects.registry import defect


@defect("init-spi-i-zero")
class TakesNoSpiForOne(Endpoint):
    """Makes an IKE SA for an initiator SPI of zero."""

    def init_requested(self, header: Header, raw: bytes, datagram: Datagram) -> None:
        if header.spi_i == NO_SPI:
            self.accept_init(self.decode(raw), header, raw, datagram)
        else:
            super().init_requested(header, raw, datagram)


@defect("init-spi-r-set")
class TakesTheSpiThatItIsGiven(Endpoint):
    """Makes an IKE SA for any IKE_SA_INIT request, with the responder SPI that stands there, whoever has chosen it."""

    given: bytes = b""

    def unknown_spi(self, header: Header, datagram: Datagram) -> None:
        if header.exchange == ExchangeType.IKE_SA_INIT:
            self.given = header.spi_r
            self.init_requested(header, datagram.payload, datagram)
        else:
            super().unknown_spi(header, datagram)

    def new_sa(self, *, initiator: bool, local: Address, remote: Address) -> IkeSa:
        sa = super().new_sa(initiator=initiator, local=local, remote=remote)
        if self.given:
            sa.spi_r, self.given = self.given, b""
        return sa


@defect("init-response-spi-i-zero")
class GivesStraysToTheNewest(Endpoint):
    """Takes a message without an initiator SPI for one of the IKE SA that it has begun last."""

    def find(self, header: Header) -> IkeSa | None:
        begun = [one for one in self.sas.values() if one.initiator]
        return begun[-1] if header.spi_i == NO_SPI and begun else super().find(header)


@defect("init-ke-endless", "init-ke-retry-data")
class OffersLessEachTime(IkeSa):
    """Offers one group only once it was asked for another one, or for nothing that makes sense."""

    def other_group(self, data: bytes) -> KeMethod:
        asked = KeMethod(int.from_bytes(data[:2], "big"))
        group = asked if asked in groups(self.offered) else groups(self.offered)[0]

        def fits(one: Transform) -> bool:
            return not isinstance(one.id, KeMethod) or one.id == group

        self.offered = tuple(replace(one, transforms=tuple(filter(fits, one.transforms))) for one in self.offered)
        return group


@defect("init-ke-retry-data")
class SulksAfterNonsense(IkeSa):
    """Takes no response any more once INVALID_KE_PAYLOAD made no sense."""

    def on_init_response(self, message: Message) -> None:
        asked = message.notify(NotifyType.INVALID_KE_PAYLOAD)
        if asked is not None:
            self.deaf = len(asked.data) != 2
        if self.deaf:
            raise Violation("a group that makes no sense")
        super().on_init_response(message)

    deaf = False


class _TakesAnyCookie(IkeSa):
    """Returns cookies of any size."""

    def returned(self, cookie: bytes) -> bytes:
        raise NotImplementedError

    def on_init_response(self, message: Message) -> None:
        found = message.notify(NotifyType.COOKIE)
        if found is None or 1 <= len(found.data) <= 64 or self.exchange is None:
            super().on_init_response(message)
        else:
            self.cookie = self.returned(found.data)
            self.request_init(self.exchange.method)


@defect("init-cookie-length-65", "init-cookie-length-1000")
class HasRoomForSmallCookies(_TakesAnyCookie):
    """Returns the first 64 octets of a cookie that is too long."""

    def returned(self, cookie: bytes) -> bytes:
        return cookie[:64]


@defect("init-cookie-length-0")
class FillsEmptyCookies(_TakesAnyCookie):
    """Returns a cookie of eight octets where it got none."""

    def returned(self, cookie: bytes) -> bytes:
        return cookie or bytes(8)


@defect("init-response-version-refused")
class FallsBack(IkeSa):
    """Goes on with version 1 where its version is refused."""

    def message(
        self, exchange: ExchangeType, payloads: Sequence[Payload], message_id: int, *, response: bool
    ) -> Message:
        made = super().message(exchange, payloads, message_id, response=response)
        return replace(made, version=0x10) if self.refused else made

    def on_init_response(self, message: Message) -> None:
        if message.notify(NotifyType.INVALID_MAJOR_VERSION) is not None and not self.refused:
            self.refused = True
            self.request_init(groups(self.offered)[0])
        else:
            super().on_init_response(message)

    refused = False


@defect("init-response-version-refused")
class ArguesAboutVersions(IkeSa):
    """Answers a refusal of its version by an error."""

    def on_init_response(self, message: Message) -> None:
        if message.notify(NotifyType.INVALID_MAJOR_VERSION) is not None:
            answer = self.message(message.exchange, [Notify(NotifyType.INVALID_SYNTAX)], 0, response=True)
            self.transmit(self.encode(answer), self.local, self.remote)
        super().on_init_response(message)


# --- what stands twice, and attributes --------------------------------------------------------------------------------


@defect("init-doubled")
class AnswersEachKe(IkeSa):
    """Sends a KE payload for each that it gets."""

    asked = 1

    def respond_init(self, message: Message, raw: bytes) -> None:
        self.asked = len(message.all(KE))
        super().respond_init(message, raw)

    def init_response(self, chosen: Proposal, public: bytes) -> Sequence[Payload]:
        found = super().init_response(chosen, public)
        return [copy for one in found for copy in [one] * (self.asked if isinstance(one, KE) else 1)]


_ONE_LENGTH = (Encr.CHACHA20_POLY1305, Encr.TRIPLE_DES)


@defect("init-attribute-twice", "init-key-length-of-prf", "init-key-length-of-cipher")
class ReadsOneAttribute(IkeSa):
    """Reads one attribute of a cipher and none of other transforms, and sends back what it has read."""

    def choose_ike(self, proposals: Sequence[Proposal], group: KeMethod) -> Proposal:
        def read(one: Transform) -> Transform:
            known = one.type == TransformType.ENCR and one.id not in _ONE_LENGTH
            return replace(one, attributes=one.attributes[: 1 if known else 0])

        return super().choose_ike(
            [replace(one, transforms=tuple(map(read, one.transforms))) for one in proposals], group
        )
