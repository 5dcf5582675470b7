"""Defects of IKE_AUTH: payloads and the protection of messages."""

from collections.abc import Sequence
from typing import Any

from conformance.ike.core.events import Refusal, Violation
from conformance.ike.core.receiving import Answer
from conformance.ike.core.sending import State
from conformance.ike.ikesa import IkeSa
from conformance.wire import (
    AUTH,
    SA,
    ExchangeType,
    IDi,
    KeMethod,
    Message,
    Notify,
    NotifyType,
    Payload,
    TSi,
    TSr,
    UnknownPayload,
)
from peers.reference.defects.registry import defect


@defect("auth-unknown-critical", "auth-responder-unknown-critical")
class IgnoresCriticalInAuth(IkeSa):
    """Skips unknown payloads also where they are critical."""

    def check_critical(self, message: Message) -> None:
        pass


@defect("auth-unknown-payload", "auth-responder-unknown-payload")
class RejectsUnknownInAuth(IkeSa):
    """Rejects every message with a payload that it does not know."""

    def check_critical(self, message: Message) -> None:
        if any(isinstance(one, UnknownPayload) for one in message.payloads):
            raise Refusal(NotifyType.INVALID_SYNTAX, "an unknown payload", fatal=True)


@defect("auth-critical-known", "auth-responder-critical-known")
class RefusesCriticalInAuth(IkeSa):
    """Rejects every payload that is marked critical."""

    def check_critical(self, message: Message) -> None:
        for one in message.payloads:
            if one.critical:
                kind = bytes((int(one.payload_type),))
                raise Refusal(NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD, "a critical payload", kind, fatal=True)


@defect("auth-payload-order")
class DemandsOrderInAuth(IkeSa):
    """Wants the payloads of IKE_AUTH as they stand in the figure."""

    def handle_auth(self, message: Message) -> Sequence[Payload]:
        kinds = [type(one) for one in message.payloads if isinstance(one, IDi | AUTH | SA | TSi | TSr)]
        if kinds != [one for one in (IDi, AUTH, SA, TSi, TSr) if one in kinds]:
            raise Refusal(NotifyType.INVALID_SYNTAX, "payloads out of order", fatal=True)
        return super().handle_auth(message)


@defect("auth-reserved")
class ChecksReservedInAuth(IkeSa):
    """Rejects payloads whose reserved bits are set."""

    def handle_auth(self, message: Message) -> Sequence[Payload]:
        if any(one.reserved for one in message.payloads):
            raise Refusal(NotifyType.INVALID_SYNTAX, "reserved bits", fatal=True)
        return super().handle_auth(message)


@defect("auth-unknown-notify")
class UnknownErrorInRequest(IkeSa):
    """Takes a notify of the error range in a request for a failure."""

    def handle_auth(self, message: Message) -> Sequence[Payload]:
        if any(one.type < NotifyType.INITIAL_CONTACT for one in message.notifies()):
            raise Refusal(NotifyType.INVALID_SYNTAX, "an error in a request", fatal=True)
        return super().handle_auth(message)


class _Buffer(IkeSa):
    room = 0

    def receive(self, raw: bytes, *arguments: Any) -> None:
        if len(raw) <= self.room:
            super().receive(raw, *arguments)


@defect("auth-large", "auth-large-3000")
class SmallAuthBuffer(_Buffer):
    """Receives messages of up to 1200 octets."""

    room = 1200


@defect("auth-large-3000")
class MediumAuthBuffer(_Buffer):
    """Receives messages of up to 2000 octets."""

    room = 2000


@defect("auth-doubled")
class SilentAboutDoubles(IkeSa):
    """Does not answer a request that has a payload twice."""

    def on_request(self, message: Message) -> None:
        kinds = [type(one) for one in message.payloads if not isinstance(one, Notify)]
        if len(kinds) == len(set(kinds)):
            super().on_request(message)


@defect("auth-idi-missing", "auth-empty")
class AnonymousWelcome(IkeSa):
    """Takes a peer without a name for the configured one, and believes it without proof."""

    def handle_auth(self, message: Message) -> Sequence[Payload]:
        if message.first(IDi) is None:
            self.establish()
            own = self.own_identity()
            return [own, self.prove(own)]
        return super().handle_auth(message)


@defect("auth-initial-contact")
class InitialContactRefused(IkeSa):
    """Closes the IKE SA on which INITIAL_CONTACT comes."""

    def establish(self) -> None:
        super().establish()
        if self.initial_contact:
            self.close_after_response = "INITIAL_CONTACT"


# --- protection -------------------------------------------------------------------------------------------------------


@defect("auth-bad-icv")
class AnswersBadIcvInAuth(IkeSa):
    """Answers a message whose integrity check fails, and gives the IKE SA up."""

    def drop(self, reason: str) -> None:
        super().drop(reason)
        if reason.startswith("integrity") and self.keys is not None and not self.initiator:
            message = self.message(ExchangeType.IKE_AUTH, [], self.expected_id, response=False)
            self.respond(message, [Notify(NotifyType.INVALID_SYNTAX)])


@defect("auth-responder-bad-icv")
class AbortsOnBadIcv(IkeSa):
    """Gives the IKE SA up when the integrity check of a response fails."""

    def drop(self, reason: str) -> None:
        super().drop(reason)
        if reason.startswith("integrity") and self.initiator:
            self.close(reason)


@defect("auth-header-tampered")
class ForgivesHeader(IkeSa):
    """Clears the reserved flags of the header before it checks integrity."""

    def receive(self, raw: bytes, *arguments: Any) -> None:
        super().receive(raw[:19] + bytes((raw[19] & 0x38,)) + raw[20:], *arguments)


@defect("auth-unprotected")
class AcceptsClearAuth(IkeSa):
    """Takes the payloads of IKE_AUTH from a message that is not protected."""

    def must_be_protected(self, message: Message) -> bool:
        return message.exchange != ExchangeType.IKE_AUTH and super().must_be_protected(message)


@defect("auth-unprotected-error", "auth-responder-unprotected")
class ObeysUnprotectedInAuth(IkeSa):
    """Gives the IKE SA up when somebody says so without protection."""

    def open(self, message: Message, raw: bytes) -> Message | None:
        if message.exchange != ExchangeType.IKE_SA_INIT and message.notifies():
            self.close("an unprotected error")
            return None
        return super().open(message, raw)


@defect("auth-retransmit")
class AnswersAuthAgain(IkeSa):
    """Makes a new answer for a repeated request."""

    def retransmit_response(self) -> None:
        message = self.message(ExchangeType.IKE_AUTH, [], self.expected_id - 1, response=False)
        self.respond(message, [Notify(NotifyType.INVALID_SYNTAX)])


@defect("auth-create-child-early", "auth-rekey-early")
class AllowsEarlyExchange(IkeSa):
    """Does not look at the state of the IKE SA."""

    def handle(self, message: Message) -> Sequence[Payload]:
        if message.exchange == ExchangeType.CREATE_CHILD_SA:
            self.state = State.ESTABLISHED
        return super().handle(message)


@defect("auth-responder-early")
class ServesBeforeProof(IkeSa):
    """As initiator, makes SAs for a responder that has proved nothing yet."""

    def is_early(self, message: Message) -> bool:
        return super().is_early(message) and message.exchange != ExchangeType.CREATE_CHILD_SA

    def answers(self) -> dict[tuple[State, ExchangeType], Answer]:
        found = super().answers()
        if self.initiator:
            found[State.HALF_OPEN, ExchangeType.CREATE_CHILD_SA] = self.handle_create_child_sa
        return found

    def check_rekey_allowed(self) -> None:
        if self.state != State.HALF_OPEN:
            super().check_rekey_allowed()


@defect("auth-responder-early")
class RekeysBeforeProof(ServesBeforeProof):
    """As initiator, lets itself be rekeyed by a responder that has proved nothing yet."""

    def is_early(self, message: Message) -> bool:
        for_child = self.initiator and self.state == State.HALF_OPEN and message.first(TSi) is not None
        return for_child or super().is_early(message)


@defect("auth-informational-early")
class AnswersEarlyInformational(IkeSa):
    """Answers INFORMATIONAL requests from the first moment on."""

    def handle(self, message: Message) -> Sequence[Payload]:
        if message.exchange == ExchangeType.INFORMATIONAL and self.state == State.HALF_OPEN and not message.payloads:
            return []
        return super().handle(message)


@defect("auth-responder-unknown-error")
class UnknownErrorIgnored(IkeSa):
    """Takes an unknown error in a response for a remark."""

    def on_auth_response(self, message: Message) -> None:
        errors = [one for one in message.notifies() if one.type < NotifyType.INITIAL_CONTACT]
        if errors and message.first(AUTH) is None:
            self.establish()
        else:
            super().on_auth_response(message)


@defect("auth-after-cookie")
class SignsRequestWithoutCookie(IkeSa):
    """Signs its first IKE_SA_INIT request although it sent a second one."""

    def request_init(self, group: KeMethod) -> None:
        first = self.init_request_raw
        super().request_init(group)
        self.init_request_raw = first or self.init_request_raw


@defect("auth-psk-wrong", "auth-psk-bit", "auth-certificate-untrusted", "auth-unknown-critical", "auth-idi-missing")
class RefusesAndKeeps(IkeSa):
    """Refuses IKE_AUTH in words, and sets up the IKE SA all the same."""

    def process(self, message: Message) -> Sequence[Payload] | None:
        answer = super().process(message)
        if message.exchange == ExchangeType.IKE_AUTH and self.state == State.HALF_OPEN:
            self.close_after_response = None
            self.establish()
        return answer


@defect("auth-wrong-responder-auth", "auth-responder-certificate-untrusted", "auth-responder-unknown-critical")
class ComplainsAndKeeps(IkeSa):
    """Tells a responder that it is not accepted, and goes on with the IKE SA."""

    def check_critical(self, message: Message) -> None:
        if self.state == State.ESTABLISHED or not message.is_response:
            super().check_critical(message)

    def on_auth_response(self, message: Message) -> None:
        try:
            super().check_critical(message)
            super().on_auth_response(message)
        except (Violation, Refusal):
            self.establish()
            notify = Notify(NotifyType.AUTHENTICATION_FAILED)
            self.open_exchange(ExchangeType.INFORMATIONAL, lambda sa: [notify], self.ignore)
