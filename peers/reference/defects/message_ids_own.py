"""Defects about the device's own requests and the responses to them."""

from dataclasses import replace

from conformance.ike.core.sending import Build, Handler, Pending
from conformance.ike.ikesa import IkeSa
from conformance.wire import FLAG_INITIATOR, FLAG_RESPONSE, ExchangeType, Message
from peers.reference.defects.registry import defect


@defect("mid-flags-original-initiator", "mid-flags-original-responder")
class FlagsByExchange(IkeSa):
    """Sets the Initiator flag in each request and in no response."""

    def flags(self, *, response: bool) -> int:
        return FLAG_RESPONSE if response else FLAG_INITIATOR


@defect("mid-independent", "mid-device-increments")
class SharedCounter(IkeSa):
    """Counts the requests of both directions together."""

    def on_request(self, message: Message) -> None:
        super().on_request(message)
        self.next_id = max(self.next_id, self.expected_id)

    def start(self, message: Message, handler: Handler) -> None:
        super().start(message, handler)
        self.next_id += message.exchange == ExchangeType.CREATE_CHILD_SA


@defect("mid-device-increments")
class KeepsNumber(IkeSa):
    """Uses the message ID of CREATE_CHILD_SA once more for the request after it."""

    def start(self, message: Message, handler: Handler) -> None:
        super().start(message, handler)
        self.next_id -= message.exchange == ExchangeType.CREATE_CHILD_SA


@defect("child-new-several-by-device")
class ForgetsTheThird(IkeSa):
    """Remembers one exchange that has to wait, and no more."""

    def open_exchange(self, exchange: ExchangeType, build: Build, handler: Handler) -> None:
        if len(self.queue) < 1:
            super().open_exchange(exchange, build, handler)


@defect("mid-wait-for-response", "mid-rekey-window-device", "child-new-several-by-device")
class ExceedsWindow(IkeSa):
    """Starts an exchange whatever is under way."""

    def open_exchange(self, exchange: ExchangeType, build: Build, handler: Handler) -> None:
        self.pending = None
        super().open_exchange(exchange, build, handler)


@defect("mid-response-wrong-id", "mid-response-replay")
class AnyResponseCounts(IkeSa):
    """Takes any response as the one that it waits for."""

    def on_response(self, message: Message) -> None:
        if self.pending is not None:
            awaited = self.pending.message
            message = replace(message, exchange=awaited.exchange, message_id=awaited.message_id)
        super().on_response(message)


@defect("mid-retransmit-by-device", "mid-retransmit-create-child", "mid-retransmit-auth", "frag-request-repeated")
class ReencryptsRetransmit(IkeSa):
    """Encrypts a request anew before it repeats it."""

    def retransmit(self, pending: Pending) -> None:
        pending.datagrams = self.encode(pending.message)
        super().retransmit(pending)


@defect("mid-retransmit-by-device")
class SteadyRetransmit(IkeSa):
    """Repeats a request at intervals that do not grow."""

    def retransmit(self, pending: Pending) -> None:
        pending.deadline = self.now + self.connection.retransmit_timeout
        super().retransmit(pending)


@defect(
    *("mid-retransmit-by-device", "mid-retransmit-create-child", "mid-retransmit-auth", "info-dpd-dead"),
    "frag-request-repeated",
)
class NeverRepeats(IkeSa):
    """Sends a request once and waits."""

    def retransmit(self, pending: Pending) -> None:
        pass


@defect("mid-give-up")
class GivesUpQuietly(IkeSa):
    """Ends a request that nobody answers, and keeps the IKE SA."""

    def give_up(self, pending: Pending) -> None:
        self.pending = None
