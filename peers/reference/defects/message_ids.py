"""Defects about message IDs, the window, and repeated requests of the peer."""

from collections.abc import Iterator, Sequence
from typing import Self

from conformance.ike.core.sending import State, Timer
from conformance.ike.ikesa import IkeSa
from conformance.wire import FLAG_INITIATOR, ExchangeType, Message, Notify, NotifyType, Payload
from peers.reference.defects.registry import defect
from peers.reference.variants.features import WindowOfFive


@defect("mid-response-id")
class WrongResponseId(IkeSa):
    """Answers an INFORMATIONAL request under the message ID that it expects next."""

    def response_id(self, request: Message) -> int:
        return self.expected_id if request.exchange == ExchangeType.INFORMATIONAL else request.message_id


@defect("mid-request-again", "mid-auth-again", "mid-create-child-again", "mid-delete-again", "mid-request-often")
class FreshResponse(IkeSa):
    """Encrypts its response anew for a repeated request."""

    answered: tuple[Message, Sequence[Payload]] | None = None

    def respond(self, request: Message, payloads: Sequence[Payload]) -> None:
        self.answered = request, payloads
        super().respond(request, payloads)

    def retransmit_response(self) -> None:
        if self.answered is None:
            super().retransmit_response()
        else:
            super().respond(*self.answered)


@defect("mid-request-often")
class ForgetsResponseSoon(IkeSa):
    """Repeats a response three times at most."""

    repeated: int = 0

    def respond(self, request: Message, payloads: Sequence[Payload]) -> None:
        self.repeated = 0
        super().respond(request, payloads)

    def retransmit_response(self) -> None:
        self.repeated += 1
        if self.repeated <= 3:
            super().retransmit_response()


@defect("mid-request-again", "mid-auth-again", "mid-create-child-again", "mid-delete-again", "info-any-port-again")
class ForgetsResponse(IkeSa):
    """Keeps no response for a repeated request."""

    def retransmit_response(self) -> None:
        self.drop("answered already")


@defect("mid-refused-again")
class ForgetsRefusal(IkeSa):
    """Keeps no response that is a refusal."""

    def respond(self, request: Message, payloads: Sequence[Payload]) -> None:
        super().respond(request, payloads)
        if any(isinstance(one, Notify) and one.type < NotifyType.INITIAL_CONTACT for one in payloads):
            self.last_response = None


@defect("mid-retransmit-changed", "mid-old", "mid-old-delete", "mid-zero-again")
class ReprocessesRequest(IkeSa):
    """Processes what comes under an old message ID as if it were new."""

    def on_request(self, message: Message) -> None:
        if message.message_id < self.expected_id:
            payloads = self.process(message)
            self.respond(message, payloads or [])
        else:
            super().on_request(message)


@defect("mid-no-gratuitous-response")
class RepeatsInitResponse(IkeSa):
    """Repeats its IKE_SA_INIT response each half second until IKE_AUTH comes."""

    repetitions = 0

    def timers(self) -> Iterator[Timer]:
        if self.state == State.HALF_OPEN and not self.initiator and self.last_response is not None:
            yield self.created + (self.repetitions + 1) / 2, self.repeat_init
        yield from super().timers()

    def repeat_init(self) -> None:
        """Once more."""
        self.repetitions += 1
        self.retransmit_response()


@defect("mid-no-gratuitous-response")
class RepeatsResponse(IkeSa):
    """Repeats each of its responses after a second."""

    repeat_at: float | None = None

    def respond(self, request: Message, payloads: Sequence[Payload]) -> None:
        super().respond(request, payloads)
        self.repeat_at = self.now + 1

    def timers(self) -> Iterator[Timer]:
        if self.repeat_at is not None:
            yield self.repeat_at, self.repeat
        yield from super().timers()

    def repeat(self) -> None:
        self.repeat_at = None
        self.retransmit_response()


@defect("mid-ahead", "mid-ahead-delete", "mid-far", "mid-reversed")
class AcceptsAhead(IkeSa):
    """Accepts a request with any greater message ID."""

    def on_request(self, message: Message) -> None:
        self.expected_id = max(self.expected_id, message.message_id)
        super().on_request(message)


@defect("mid-ahead", "mid-ahead-delete", "mid-far", "mid-invalid-notify", "mid-zero-again")
class InvalidIdInResponse(IkeSa):
    """Answers a request outside of the window by INVALID_MESSAGE_ID."""

    def outside_window(self, message: Message) -> None:
        self.respond(message, [Notify(NotifyType.INVALID_MESSAGE_ID, message.message_id.to_bytes(4, "big"))])


@defect("mid-invalid-notify")
class InvalidIdEachTime(IkeSa):
    """Tells the peer of each single message ID outside of the window."""

    def outside_window(self, message: Message) -> None:
        told = Notify(NotifyType.INVALID_MESSAGE_ID, message.message_id.to_bytes(4, "big"))
        self.open_exchange(ExchangeType.INFORMATIONAL, lambda sa: [told], self.ignore)


@defect("mid-invalid-notify")
class InvalidIdExpected(IkeSa):
    """Says in INVALID_MESSAGE_ID which message ID it had expected."""

    def outside_window(self, message: Message) -> None:
        if self.pending is None:
            told = Notify(NotifyType.INVALID_MESSAGE_ID, self.expected_id.to_bytes(4, "big"))
            self.open_exchange(ExchangeType.INFORMATIONAL, lambda sa: [told], self.ignore)


@defect("mid-auth-two")
class AuthAnyId(IkeSa):
    """Accepts IKE_AUTH under any message ID."""

    def on_request(self, message: Message) -> None:
        if message.exchange == ExchangeType.IKE_AUTH:
            self.expected_id = message.message_id
        super().on_request(message)


@defect("mid-unsolicited-response", "mid-premature-response", "mid-response-duplicate")
class AnswersUnawaited(IkeSa):
    """Answers responses that it does not wait for."""

    def unawaited(self, message: Message) -> None:
        self.respond(message, [])


@defect("mid-premature-response")
class ConfusedByResponse(IkeSa):
    """Closes the IKE SA when the response to its next request comes before that."""

    def unawaited(self, message: Message) -> None:
        if message.message_id == self.next_id:
            self.close("a response before its request")


@defect("mid-unsolicited-response")
class ObeysResponses(IkeSa):
    """Looks into responses that it does not wait for as if they were requests."""

    def unawaited(self, message: Message) -> None:
        self.process(message)
        if self.close_after_response is not None:
            self.close(self.close_after_response)


@defect("mid-while-outstanding", "cp-routes-told-crossing")
class BlocksWhileWaiting(IkeSa):
    """Does not answer while it waits for a response itself."""

    def on_request(self, message: Message) -> None:
        if self.pending is None:
            super().on_request(message)


@defect("mid-rekey-resets")
class RekeyKeepsExpectedId(IkeSa):
    """Goes on counting the peer's requests after a rekey of the IKE SA."""

    def make_heir(self, *, initiator: bool) -> Self:
        new = super().make_heir(initiator=initiator)
        new.expected_id = self.expected_id
        return new


@defect("mid-rekey-resets")
class TakesAnyFirstId(IkeSa):
    """Takes the first message ID on a rekeyed IKE SA as the beginning of the count."""

    fresh: bool = False

    def make_heir(self, *, initiator: bool) -> Self:
        new = super().make_heir(initiator=initiator)
        assert isinstance(new, TakesAnyFirstId)
        new.fresh = True
        return new

    def on_request(self, message: Message) -> None:
        if self.fresh:
            self.fresh, self.expected_id = False, message.message_id
        super().on_request(message)


@defect("mid-rekey-resets-device", "mid-flags-after-rekey")
class RekeyKeepsOwnId(IkeSa):
    """Goes on counting its own requests after a rekey of the IKE SA."""

    def make_heir(self, *, initiator: bool) -> Self:
        new = super().make_heir(initiator=initiator)
        new.next_id = self.next_id + 1
        return new


@defect("mid-flags-after-rekey")
class RekeyKeepsFlag(IkeSa):
    """Sets the Initiator flag by who opened the very first IKE SA."""

    first: bool | None = None

    def make_heir(self, *, initiator: bool) -> Self:
        new = super().make_heir(initiator=initiator)
        assert isinstance(new, RekeyKeepsFlag)
        new.first = self.initiator if self.first is None else self.first
        return new

    def flags(self, *, response: bool) -> int:
        found = super().flags(response=response) & ~FLAG_INITIATOR
        return found | (FLAG_INITIATOR if (self.initiator if self.first is None else self.first) else 0)


@defect("mid-window-order")
class WindowInOrder(IkeSa):
    """Announces a window of five requests, and takes them in their order only."""

    def auth_notifies(self) -> list[Notify]:
        return [*super().auth_notifies(), Notify(NotifyType.SET_WINDOW_SIZE, (5).to_bytes(4, "big"))]


@defect("mid-window-order")
class WindowForgets(WindowOfFive):
    """Announces a window of five requests, and keeps its last response only."""

    def respond(self, request: Message, payloads: Sequence[Payload]) -> None:
        self.answered.clear()
        super().respond(request, payloads)
