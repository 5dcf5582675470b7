"""Defects of IKE_SA_INIT: repetition, SPIs, versions, flags, and payloads that must not disturb."""

from collections.abc import Sequence

from conformance.ike.core.events import Refusal
from conformance.ike.core.sending import NO_SPI, Pending, State
from conformance.ike.endpoint import Endpoint
from conformance.ike.ikesa import IkeSa
from conformance.net.link import Datagram
from conformance.wire import (
    FLAG_INITIATOR,
    FLAG_RESPONSE,
    KE,
    SA,
    ExchangeType,
    Header,
    Message,
    Nonce,
    Notify,
    NotifyType,
    Payload,
    ProtocolID,
    UnknownPayload,
    VendorID,
    encode_message,
)
from peers.reference.defects.registry import defect

# --- the header -------------------------------------------------------------------------------------------------------


@defect("init-response")
class WrongResponseFlags(IkeSa):
    """Leaves the Initiator flag set in the messages of a responder."""

    def flags(self, *, response: bool) -> int:
        return super().flags(response=response) | FLAG_INITIATOR


@defect("init-request-format", "init-request-spi-zero")
class NonZeroSpiR(IkeSa):
    """Fills the responder SPI of its first request with random octets."""

    def message(
        self, exchange: ExchangeType, payloads: Sequence[Payload], message_id: int, *, response: bool
    ) -> Message:
        if self.initiator and self.spi_r == NO_SPI:
            self.spi_r = self.random(8)
        return super().message(exchange, payloads, message_id, response=response)


@defect("init-request-format")
class RequestWithoutInitiatorFlag(IkeSa):
    """Forgets the Initiator flag."""

    def flags(self, *, response: bool) -> int:
        return super().flags(response=response) & ~FLAG_INITIATOR


@defect("init-version-flag", "init-reserved-flags")
class EchoesFlags(IkeSa):
    """Copies the flags of a request into its response."""

    echoed: int = 0

    def respond(self, request: Message, payloads: Sequence[Payload]) -> None:
        self.echoed = request.flags & ~FLAG_INITIATOR
        super().respond(request, payloads)

    def flags(self, *, response: bool) -> int:
        return super().flags(response=response) | (self.echoed if response else 0)


@defect("init-major-version", "init-response-major-version")
class AnswersAnyVersion(Endpoint):
    """Answers a request of whatever major version."""

    def speaks(self, header: Header) -> bool:
        return True


@defect("init-major-version")
class SilentAboutVersions(Endpoint):
    """Drops a request of a higher major version without a word."""

    def unknown(self, header: Header, raw: bytes, datagram: Datagram) -> None:
        if self.speaks(header):
            super().unknown(header, raw, datagram)


@defect("init-minor-version", "init-response-minor-version", "sweep-versions-init", "sweep-versions-init-whole")
class ChecksMinorVersion(Endpoint):
    """Refuses a minor version other than 0."""

    def speaks(self, header: Header) -> bool:
        return header.version == 0x20


@defect("init-spi-unique", "init-same-spi-other-peer")
class ConstantSpi(IkeSa):
    """Always chooses the same SPI."""

    def choose_spi(self) -> bytes:
        return bytes(range(8))


@defect("init-nonce-size", "init-nonce-size-initiator")
class ShortNonce(IkeSa):
    """Chooses nonces of 16 octets, whatever the PRF."""

    def choose_nonce(self) -> bytes:
        return self.random(16)


@defect("init-nonce-fresh", "init-same-spi-other-peer")
class ConstantNonce(IkeSa):
    """Always uses the same nonce."""

    def choose_nonce(self) -> bytes:
        return bytes(range(32))


# --- repetition -------------------------------------------------------------------------------------------------------


@defect("init-retransmit")
class NewStateOnRetransmit(Endpoint):
    """Takes a repeated request for a new one."""

    def answered(self, header: Header, raw: bytes, datagram: Datagram) -> IkeSa | None:
        return None


@defect("init-retransmit-after-auth")
class AnswersOldInit(Endpoint):
    """Answers an IKE_SA_INIT request again whose IKE SA is up."""

    def init_repeated(self, known: IkeSa, datagram: Datagram) -> None:
        if known.state == State.HALF_OPEN:
            super().init_repeated(known, datagram)
        else:
            known.last_response = [known.init_response_raw]
            known.retransmit_response()
            self.collect(known)


@defect("init-retransmit-after-auth")
class RestartsOnOldInit(Endpoint):
    """Forgets an established IKE SA when its IKE_SA_INIT request comes again."""

    def init_repeated(self, known: IkeSa, datagram: Datagram) -> None:
        known.close("IKE_SA_INIT again")
        self.collect(known)


@defect("init-same-spi-other-peer")
class MatchesHalfOpenBySpi(Endpoint):
    """Answers a request with the response of another one that has the same initiator SPI."""

    def answered(self, header: Header, raw: bytes, datagram: Datagram) -> IkeSa | None:
        return next((sa for (_, spi), sa in self.requests.items() if spi == header.spi_i), None)


@defect("init-retransmit-initiator")
class ChangesOnRetransmit(IkeSa):
    """Draws a new nonce when it repeats its request."""

    def retransmit(self, pending: Pending) -> None:
        self.nonce_i = self.choose_nonce()
        pending.datagrams = [
            encode_message(self.message(ExchangeType.IKE_SA_INIT, self.init_request(), 0, response=False))
        ]
        super().retransmit(pending)


@defect("init-retransmit-initiator")
class ConstantIntervals(IkeSa):
    """Repeats its request at constant intervals."""

    def tick(self, now: float) -> None:
        before = self.pending.tries if self.pending else 0
        super().tick(now)
        if self.pending is not None and self.pending.tries > before:
            self.pending.deadline = now + self.connection.retransmit_timeout


# --- payloads that must not disturb -----------------------------------------------------------------------------------


@defect(
    "init-unknown-payload", "init-response-unknown-payload", "init-solution-unasked", "init-payload-types",
    "init-response-payload-types",
)  # fmt: skip
class RejectsUnknownPayload(IkeSa):
    """Takes any unknown payload as an error."""

    def check_critical(self, message: Message) -> None:
        if any(isinstance(one, UnknownPayload) for one in message.payloads):
            raise Refusal(NotifyType.INVALID_SYNTAX, "an unknown payload")


@defect("init-unknown-critical")
class IgnoresCritical(IkeSa):
    """Skips unknown payloads, critical ones included."""

    def check_critical(self, message: Message) -> None:
        pass


@defect("init-unknown-critical")
class CriticalWithoutType(IkeSa):
    """Does not say which payload it did not understand."""

    def check_critical(self, message: Message) -> None:
        try:
            super().check_critical(message)
        except Refusal as refusal:
            raise Refusal(refusal.kind, refusal.why) from None


@defect("init-known-critical")
class CriticalMeansReject(IkeSa):
    """Refuses critical payloads of any type."""

    def check_critical(self, message: Message) -> None:
        super().check_critical(message)
        if any(one.critical for one in message.payloads):
            raise Refusal(NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD, "critical", b"\x21")


class _Picky(IkeSa):
    def dislikes(self, message: Message) -> bool:
        raise NotImplementedError

    def respond_init(self, message: Message, raw: bytes) -> None:
        if self.dislikes(message):
            raise Refusal(NotifyType.INVALID_SYNTAX, "not to our liking")
        super().respond_init(message, raw)


@defect("init-payload-order")
class DemandsPayloadOrder(_Picky):
    """Takes SA, KE and Nonce in this order only."""

    def dislikes(self, message: Message) -> bool:
        kinds = [type(one) for one in message.payloads if isinstance(one, SA | KE | Nonce)]
        return kinds != [SA, KE, Nonce]


@defect("init-vendor-id", "init-large-request", "init-3000-octets", "eap-client-windows")
class RejectsUnknownVendor(_Picky):
    """Takes an unfamiliar Vendor ID as an error."""

    def dislikes(self, message: Message) -> bool:
        return message.first(VendorID) is not None


@defect("init-unknown-notify")
class UnknownStatusFails(_Picky):
    """Takes an unknown status notify as an error."""

    def dislikes(self, message: Message) -> bool:
        return any(one.type == 39999 for one in message.notifies())


@defect("init-unknown-notify")
class UnknownErrorFails(_Picky):
    """Takes an unknown error notify in a request as failure."""

    def dislikes(self, message: Message) -> bool:
        return any(one.type < NotifyType.INITIAL_CONTACT for one in message.notifies())


@defect("init-notify-protocol-ignored")
class ChecksNotifyProtocol(_Picky):
    """Refuses a notify without SPI whose Protocol ID is not 0."""

    def dislikes(self, message: Message) -> bool:
        return any(one.protocol != ProtocolID.NONE and not one.spi for one in message.notifies())


@defect("init-cookie-unasked")
class RejectsUnaskedCookie(_Picky):
    """Refuses a request with a cookie that it did not ask for."""

    def dislikes(self, message: Message) -> bool:
        return message.notify(NotifyType.COOKIE) is not None


@defect("init-large-request", "init-3000-octets")
class SmallBuffer(Endpoint):
    """Drops messages of more than 1024 octets."""

    def receive(self, datagram: Datagram, now: float) -> None:
        if len(datagram.payload) <= 1024:
            super().receive(datagram, now)


@defect("init-3000-octets")
class MediumBuffer(Endpoint):
    """Drops messages of more than 2048 octets."""

    def receive(self, datagram: Datagram, now: float) -> None:
        if len(datagram.payload) <= 2048:
            super().receive(datagram, now)


@defect("init-response-unsolicited")
class AnswersResponses(Endpoint):
    """Answers a response to nothing with an error notify."""

    def unknown(self, header: Header, raw: bytes, datagram: Datagram) -> None:
        if header.flags & FLAG_RESPONSE:
            self.refuse(header, datagram, Notify(NotifyType.INVALID_IKE_SPI))
        else:
            super().unknown(header, raw, datagram)
