"""Defects that come along with others: how a device that is wrong in one thing behaves in all the rest.

Each is wrong by itself, too. Together with any other defect (``reference:accepts-wrong-auth+errors-in-clear``) it must
not hide that one.
"""

from collections.abc import Sequence

from conformance.ike.endpoint import Endpoint
from conformance.ike.ikesa import IkeSa
from conformance.net.link import Datagram
from conformance.wire import ExchangeType, Header, Message, Notify, Payload, UnknownPayload, WireError, encode_message
from peers.reference.defects.registry import defect


@defect("info-malformed", "info-unknown-critical")
class ErrorsInClear(IkeSa):
    """Sends the responses that carry an error without protection."""

    in_clear: bool = False

    def respond(self, request: Message, payloads: Sequence[Payload]) -> None:
        refusing = any(isinstance(one, Notify) and one.type.is_error for one in payloads)
        self.in_clear = refusing and request.exchange != ExchangeType.IKE_SA_INIT
        super().respond(request, payloads)

    def encode(self, message: Message) -> list[bytes]:
        if self.in_clear and message.is_response:
            self.in_clear = False
            return [encode_message(message)]
        return super().encode(message)


class Fragile(IkeSa):
    """Remembers that it was killed by a message."""

    killed: bool = False

    def malformed(self, raw: bytes, error: WireError) -> None:
        self.killed = True

    def malformed_inside(self, message: Message, error: WireError) -> None:
        self.killed = True

    def deliver(self, message: Message) -> None:
        if any(isinstance(one, UnknownPayload) for one in message.payloads):
            self.killed = True
        else:
            super().deliver(message)


@defect("info-malformed")
class CrashesAndRestarts(Endpoint):
    """Crashes at what is malformed or unknown, and is there again at once, without any of its SAs."""

    sa_class = Fragile

    def receive(self, datagram: Datagram, now: float) -> None:
        super().receive(datagram, now)
        if any(isinstance(sa, Fragile) and sa.killed for sa in self.sas.values()):
            self.restart()

    def malformed_init(self, header: Header, datagram: Datagram, error: WireError) -> None:
        self.restart()

    def restart(self) -> None:
        """Nothing is left."""
        self.note("crash")
        self.sas.clear()
        self.requests.clear()
        self.outbox.clear()
