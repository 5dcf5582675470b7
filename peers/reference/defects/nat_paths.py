"""Defects that show on rough paths: what is lost, doubled, late or out of order."""

from conformance.ike.core.sending import Pending, State
from conformance.ike.ikesa import IkeSa
from conformance.wire import SKF, Message, NotifyType
from peers.reference.defects.fragmentation import InOrderOnly
from peers.reference.defects.registry import defect


@defect("path-duplicates", "path-duplicates-initiator", "path-rough", "path-rough-initiator", "path-rough-nat")
class ClosesOnDuplicate(IkeSa):
    """Takes a message with an old message ID for an attack and closes the IKE SA."""

    def on_request(self, message: Message) -> None:
        if message.message_id < self.expected_id:
            self.close("an old message ID")
        else:
            super().on_request(message)

    def unawaited(self, message: Message) -> None:
        self.close("an old response")


@defect("path-duplicates", "path-rough", "path-loss", "path-rough-nat", "path-delay")
class AnswersRepetitionAnew(IkeSa):
    """Answers a repeated request as if it were another one."""

    def on_request(self, message: Message) -> None:
        if message.message_id == self.expected_id - 1 and self.last_response is not None and self.children:
            self.close_after_response = "confused"
            self.respond(message, [])
        else:
            super().on_request(message)


@defect("path-loss", "path-rough", "path-fragments-lost")
class KeepsNoResponse(IkeSa):
    """Does not answer a repeated request again."""

    def retransmit_response(self) -> None:
        pass


@defect("path-loss-initiator", "path-rough-initiator", "path-fragments-lost-initiator", "nat-rebind-retransmission")
class SendsRequestsOnce(IkeSa):
    """Sends each request once."""

    def retransmit(self, pending: Pending) -> None:
        pass


@defect("path-delay-initiator")
class ImpatientInitiator(IkeSa):
    """Gives a request up when its first answer is not there in time."""

    def retransmit(self, pending: Pending) -> None:
        self.give_up(pending)


@defect("path-fragments-shuffled", "path-fragments-shuffled-initiator", "path-fragments-lost-initiator")
class ClosesOnGap(IkeSa):
    """Closes the IKE SA when fragments come out of order."""

    reassembly_class = InOrderOnly.reassembly_class

    def drop(self, reason: str) -> None:
        if reason.startswith("fragment "):
            self.close(reason)
        super().drop(reason)


@defect("path-fragments-shuffled-initiator")
class RefusesEarlyRequests(IkeSa):
    """An initiator takes a request that has overtaken the IKE_AUTH response for an error."""

    def is_early(self, message: Message) -> bool:
        if super().is_early(message):
            self.failed("too early", NotifyType.INVALID_SYNTAX)
        return self.state == State.CLOSED


@defect("path-fragments-lost")
class StartsOverWithEachFragment(IkeSa):
    """Keeps no fragments of a message over the repetition of a fragment."""

    def collect(self, message: Message, payload: SKF, plaintext: bytes) -> tuple[int, bytes] | None:
        parts = self.reassembly.get((message.is_response, message.message_id))
        if parts is not None and payload.number in parts.pieces:
            self.close("a fragment again")
            return None
        return super().collect(message, payload, plaintext)
