"""Defects about messages that are not authentic, or belong to no IKE SA."""

from collections.abc import Sequence
from dataclasses import replace

from conformance.crypto import IntegrityError
from conformance.ike.core import protection
from conformance.ike.core.sending import State
from conformance.ike.endpoint import Endpoint
from conformance.ike.ikesa import IkeSa
from conformance.net.link import Address, Datagram
from conformance.wire import (
    FLAG_INITIATOR,
    FLAG_RESPONSE,
    SK,
    SKF,
    Delete,
    ExchangeType,
    Header,
    Message,
    Notify,
    NotifyType,
    decode_message,
)
from peers.reference.defects.registry import defect


@defect("info-unprotected-esp-spi")
class AnswersHints(Endpoint):
    """Answers a message of no IKE SA whether it is encrypted or not."""

    def unknown_spi(self, header: Header, datagram: Datagram) -> None:
        self.refuse(header, datagram, Notify(NotifyType.INVALID_IKE_SPI))


@defect("info-unprotected-often")
class ChecksEachHint(IkeSa):
    """Asks whether the peer is there as often as somebody says that it is not."""

    def unprotected(self, message: Message) -> None:
        super().unprotected(message)
        if message.notify(NotifyType.INVALID_IKE_SPI):
            self.start_liveness()


@defect(
    "info-unprotected-notify", "info-unprotected-invalid-spi", "info-unprotected-delete", "info-unprotected-response",
    "info-unprotected-not-dead",
)  # fmt: skip
class ObeysUnprotectedInformational(IkeSa):
    """Closes the IKE SA when an unprotected message says that it is gone."""

    def unprotected(self, message: Message) -> None:
        if message.first(Delete) or any(one.type < NotifyType.INITIAL_CONTACT for one in message.notifies()):
            self.close("told so")
        super().unprotected(message)


@defect("info-unprotected-init")
class BeginsAnewUnderItsSpis(IkeSa):
    """Takes an IKE_SA_INIT request with its SPIs for a peer that begins anew."""

    def unprotected(self, message: Message) -> None:
        if message.exchange == ExchangeType.IKE_SA_INIT and not message.is_response:
            self.close("begun anew")
        super().unprotected(message)


@defect("info-unprotected-invalid-spi")
class AnswersInvalidIkeSpi(IkeSa):
    """Answers an unprotected INVALID_IKE_SPI."""

    def unprotected(self, message: Message) -> None:
        self.respond(message, [])


@defect("info-bad-icv")
class AnswersBadIcv(IkeSa):
    """Answers INVALID_SYNTAX to what fails its integrity check."""

    def not_authentic(self, raw: bytes, error: IntegrityError) -> None:
        self.respond(decode_message(raw), [Notify(NotifyType.INVALID_SYNTAX)])


@defect("info-bad-icv", "info-bad-icv-delete")
class ToleratesWrongBit(IkeSa):
    """Accepts an integrity check value of which one bit is wrong."""

    def unseal(self, raw: bytes, payload: SK | SKF) -> bytes:
        for bit in (0, 1, 2, 4, 8, 16, 32, 64, 128):
            mended = replace(payload, body=payload.body[:-1] + bytes((payload.body[-1] ^ bit,)))
            try:
                return super().unseal(raw, mended)
            except IntegrityError:
                pass
        raise IntegrityError("more than one wrong bit")


@defect("info-bad-header")
class LeavesMessageIdUnprotected(IkeSa):
    """Does not cover the message ID by the integrity check."""

    def unseal(self, raw: bytes, payload: SK | SKF) -> bytes:
        for number in range(self.expected_id):
            try:
                return super().unseal(raw[:20] + number.to_bytes(4, "big") + raw[24:], payload)
            except IntegrityError:
                pass
        return super().unseal(raw, payload)


@defect("info-wrong-own-spi")
class LeavesPeerSpiUnprotected(IkeSa):
    """Does not cover the peer's SPI by the integrity check."""

    def unseal(self, raw: bytes, payload: SK | SKF) -> bytes:
        return super().unseal(self.spi_i + self.spi_r + raw[16:], payload)


@defect("info-reflected")
class OneKeyForBothDirections(IkeSa):
    """Accepts what is protected by the keys of either direction."""

    def unseal(self, raw: bytes, payload: SK | SKF) -> bytes:
        try:
            return super().unseal(raw, payload)
        except IntegrityError:
            assert self.keys is not None
            return protection.unseal(raw, payload, self.keys.suite.cipher, self.own_key)


@defect("info-any-port", "info-any-port-again")
class RespondsToKnownPort(IkeSa):
    """Sends responses to the port that it knows, wherever the request came from."""

    def follows(self) -> bool:
        return self.state == State.HALF_OPEN and super().follows()

    def transmit(self, datagrams: Sequence[bytes], local: Address, remote: Address) -> None:
        super().transmit(datagrams, self.local, self.remote)


@defect("info-any-port")
class IgnoresOtherPorts(IkeSa):
    """Ignores requests that come from another port than before."""

    def receive(self, raw: bytes, source: Address, destination: Address, now: float) -> None:
        if source == self.remote:
            super().receive(raw, source, destination, now)


@defect("info-outside-request")
class InvalidSpiNewId(Endpoint):
    """Answers with message ID 0 to a request that belongs to no IKE SA."""

    def unknown_spi(self, header: Header, datagram: Datagram) -> None:
        super().unknown_spi(header._replace(message_id=0), datagram)


@defect("info-outside-request")
class InvalidSpiToUsualPort(Endpoint):
    """Answers a request that belongs to no IKE SA on port 500, wherever it came from."""

    def unknown_spi(self, header: Header, datagram: Datagram) -> None:
        usual = Address(datagram.source.host, self.connection.remote_ports[0])
        super().unknown_spi(header, replace(datagram, source=usual))


@defect("info-outside-request")
class InvalidSpiWithData(Endpoint):
    """Repeats the SPI in the data of INVALID_IKE_SPI."""

    def unknown_spi(self, header: Header, datagram: Datagram) -> None:
        self.refuse(header, datagram, Notify(NotifyType.INVALID_IKE_SPI, header.spi_r))


@defect("info-outside-response")
class AnswersStrayResponses(Endpoint):
    """Answers INVALID_IKE_SPI also to responses that belong to no IKE SA."""

    def unknown(self, header: Header, raw: bytes, datagram: Datagram) -> None:
        super().unknown(header._replace(flags=header.flags & ~FLAG_RESPONSE), raw, datagram)


@defect("info-spi-lookup")
class LookupByAddress(Endpoint):
    """Takes the newest IKE SA with the address of a message."""

    def find(self, header: Header) -> IkeSa | None:
        found = super().find(header)
        return self.established()[-1] if found is not None and found in self.established() else found


class _EitherFlag(IkeSa):
    def deliver(self, message: Message) -> None:
        own = FLAG_INITIATOR if not self.initiator else 0
        super().deliver(replace(message, flags=message.flags & ~FLAG_INITIATOR | own))


@defect("mid-wrong-initiator-flag")
class IgnoresInitiatorFlag(Endpoint):
    """Finds an IKE SA by either SPI and does not look at the Initiator flag."""

    sa_class = _EitherFlag

    def find(self, header: Header) -> IkeSa | None:
        return self.sas.get(header.spi_r) or self.sas.get(header.spi_i)
