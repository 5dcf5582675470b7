"""Defects that the invariants see in conversations about something else: header, message IDs, what is said unasked."""

from collections.abc import Sequence
from dataclasses import replace

from conformance.ike.core.protection import Fragment
from conformance.ike.ikesa import IkeSa
from conformance.wire import FLAG_INITIATOR, ExchangeType, Message, Payload
from peers.reference.defects.registry import defect
from peers.reference.variants.own_requests import Greeting


@defect("info-delete-child")
class SaysMinorVersion(IkeSa):
    """Says version 2.1 in protected messages."""

    def message(
        self, exchange: ExchangeType, payloads: Sequence[Payload], message_id: int, *, response: bool
    ) -> Message:
        message = super().message(exchange, payloads, message_id, response=response)
        return replace(message, version=0x21) if self.keys is not None else message


@defect("info-delete-child")
class SetsReservedFlag(IkeSa):
    """Sets a flag that nobody has defined in protected messages."""

    def flags(self, *, response: bool) -> int:
        return super().flags(response=response) | (0x40 if self.keys is not None else 0)


@defect("info-delete-child")
class CountsIvFromTheSameStart(IkeSa):
    """Starts the counter of its IVs anew with every message."""

    def seal(self, message: Message, inner: int, plaintext: bytes, fragment: Fragment | None) -> bytes:
        drawn = self.random
        self.random = lambda size: bytes(size)
        try:
            return super().seal(message, inner, plaintext, fragment)
        finally:
            self.random = drawn


class Unasked(Greeting):
    """Sends one message that nobody has asked for soon after IKE_AUTH."""

    def unasked(self) -> Message:
        """That message."""
        return self.message(ExchangeType.INFORMATIONAL, (), self.next_id, response=False)

    def speak(self) -> None:
        self.transmit(self.encode(self.unasked()), self.local, self.remote)


@defect("info-delete-child")
class AsksAsTheInitiator(Unasked):
    """Sends a request with the Initiator flag of the other side."""

    def unasked(self) -> Message:
        message = super().unasked()
        return replace(message, flags=message.flags ^ FLAG_INITIATOR)


@defect("info-delete-child")
class AnswersNobody(Unasked):
    """Sends a response to a request that was never made."""

    def unasked(self) -> Message:
        return self.message(ExchangeType.INFORMATIONAL, (), 77, response=True)


@defect("info-delete-child")
class SkipsMessageIds(Unasked):
    """Sends a request with a message ID far ahead."""

    def unasked(self) -> Message:
        return self.message(ExchangeType.INFORMATIONAL, (), self.next_id + 5, response=False)


@defect("info-delete-child")
class RepeatsWithAnotherIv(Greeting):
    """Protects a request anew when it repeats it, so that its octets are others."""

    def speak(self) -> None:
        super().speak()
        if self.pending is not None:
            self.transmit(self.encode(self.pending.message), self.local, self.remote)
