"""Defects of INFORMATIONAL: liveness, notifications, unknown payloads, configuration."""

from collections.abc import Sequence
from dataclasses import replace

from conformance.ike.core.events import Refusal
from conformance.ike.core.sending import Pending
from conformance.ike.ikesa import IkeSa
from conformance.wire import (
    CP,
    CfgAttr,
    CfgAttribute,
    CfgType,
    ExchangeType,
    Message,
    Notify,
    NotifyType,
    Payload,
    UnknownPayload,
    WireError,
)
from peers.reference.defects.registry import defect


def _unknown(message: Message) -> bool:
    """True if a message holds a notification of an unassigned type."""
    return any(one.type not in NotifyType.__members__.values() for one in message.notifies())


@defect("info-liveness", "info-liveness-device-initiated")
class NoEmptyResponse(IkeSa):
    """Answers only when there is something to say."""

    def process(self, message: Message) -> Sequence[Payload] | None:
        return super().process(message) or None


@defect("info-liveness", "info-dpd")
class ChattyLiveness(IkeSa):
    """Says AUTHENTICATION_FAILED in its liveness checks and in the answers to ours."""

    def handle_informational(self, message: Message) -> Sequence[Payload]:
        return super().handle_informational(message) or [Notify(NotifyType.AUTHENTICATION_FAILED)]

    def start_liveness(self) -> None:
        failed = Notify(NotifyType.AUTHENTICATION_FAILED)
        self.open_exchange(ExchangeType.INFORMATIONAL, lambda sa: [failed], self.ignore)


@defect("info-dpd", "info-dpd-dead")
class NoLivenessCheck(IkeSa):
    """Never asks whether the peer is there."""

    def liveness_due(self) -> float | None:
        return None


@defect("info-dpd-dead", "mid-give-up", "cp-routes-told-unanswered")
class NeverGivesUp(IkeSa):
    """Repeats a request for ever."""

    def give_up(self, pending: Pending) -> None:
        pending.deadline = self.now + self.connection.retransmit_timeout
        self.retransmit(pending)


@defect("info-unknown-critical", "info-critical-effects")
class SkipsCriticalInInformational(IkeSa):
    """Skips unknown payloads whether they are critical or not."""

    def check_critical(self, message: Message) -> None:
        pass


@defect("info-unknown-critical", "info-critical-effects")
class EndsAtCritical(IkeSa):
    """Drops the IKE SA without a Delete payload after it has refused an unknown critical payload."""

    def check_critical(self, message: Message) -> None:
        try:
            super().check_critical(message)
        except Refusal as refusal:
            raise Refusal(refusal.kind, refusal.why, refusal.data, fatal=True) from None


@defect("info-unknown-critical")
class NamesNoCriticalPayload(IkeSa):
    """Leaves out which payload type it does not support."""

    def check_critical(self, message: Message) -> None:
        try:
            super().check_critical(message)
        except Refusal as refusal:
            raise Refusal(refusal.kind, refusal.why) from None


@defect("info-critical-effects")
class ProcessesBeforeCritical(IkeSa):
    """Obeys the payloads of a request before it finds the critical one."""

    def process(self, message: Message) -> Sequence[Payload] | None:
        unknown = [one for one in message.payloads if isinstance(one, UnknownPayload) and one.critical]
        known = tuple(one for one in message.payloads if one not in unknown)
        answer = super().process(replace(message, payloads=known))
        return super().process(message) if unknown else answer


@defect("info-unknown-payload")
class RejectsUnknownInInformational(IkeSa):
    """Treats every unknown payload as critical."""

    def check_critical(self, message: Message) -> None:
        marked = [replace(one, critical=True) if isinstance(one, UnknownPayload) else one for one in message.payloads]
        super().check_critical(replace(message, payloads=tuple(marked)))


@defect("info-critical-known")
class TakesCriticalLiterally(IkeSa):
    """Refuses a critical payload whose content it does not know, although it knows the payload."""

    def check_critical(self, message: Message) -> None:
        if _unknown(message) and any(one.critical for one in message.notifies()):
            raise Refusal(NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD, "critical notification", bytes((41,)))
        super().check_critical(message)


@defect("info-no-critical-in-response")
class CriticalInResponse(IkeSa):
    """Sets the critical flag in the notifications of its responses."""

    def respond(self, request: Message, payloads: Sequence[Payload]) -> None:
        marked = [replace(one, critical=True) if isinstance(one, Notify) else one for one in payloads]
        super().respond(request, marked)


@defect("info-unknown-status", "info-unknown-error", "info-unknown-notify-and-delete", "info-critical-known")
class UnknownNotifyFails(IkeSa):
    """Refuses a request with a notification that it does not know."""

    def handle_informational(self, message: Message) -> Sequence[Payload]:
        if _unknown(message):
            raise Refusal(NotifyType.INVALID_SYNTAX, "unknown notification", fatal=True)
        return super().handle_informational(message)


@defect("info-unknown-notify-and-delete")
class NotifyHidesDelete(IkeSa):
    """Looks at nothing else in a request that carries a notification."""

    def handle_informational(self, message: Message) -> Sequence[Payload]:
        return [] if message.notifies() else super().handle_informational(message)


@defect("info-unknown-payload")
class StopsAtUnknownPayload(IkeSa):
    """Does not see what stands behind an unknown payload."""

    def handle_informational(self, message: Message) -> Sequence[Payload]:
        known: list[Payload] = []
        for one in message.payloads:
            if isinstance(one, UnknownPayload):
                break
            known.append(one)
        return super().handle_informational(replace(message, payloads=tuple(known)))


@defect("info-unknown-status-in-response")
class UnknownInResponseFails(IkeSa):
    """Gives the IKE SA up when a response carries a notification that it does not know."""

    def is_fatal(self, message: Message) -> bool:
        return super().is_fatal(message) or _unknown(message)


@defect("info-suspicious-report")
class BelievesReports(IkeSa):
    """Removes the SA of which the peer says that its SPI is unknown."""

    def handle_informational(self, message: Message) -> Sequence[Payload]:
        invalid = message.notify(NotifyType.INVALID_SPI)
        for child in [one for one in self.children if invalid is not None and one.spi_in == invalid.data]:
            self.drop_child(child)
        return super().handle_informational(message)


@defect("info-suspicious-report")
class BelievesInvalidIkeSpi(IkeSa):
    """Closes the IKE SA on a protected INVALID_IKE_SPI."""

    def handle_informational(self, message: Message) -> Sequence[Payload]:
        if message.notify(NotifyType.INVALID_IKE_SPI) is not None:
            self.close_after_response = "told so"
        return super().handle_informational(message)


@defect("info-malformed")
class MalformedAnsweredEmpty(IkeSa):
    """Answers a malformed request as if it were empty, and goes on."""

    def invalid_syntax(self, message: Message, error: WireError) -> None:
        self.respond(message, [])


@defect("info-malformed")
class SurvivesOwnInvalidSyntax(IkeSa):
    """Reports INVALID_SYNTAX and keeps the IKE SA."""

    def invalid_syntax(self, message: Message, error: WireError) -> None:
        self.respond(message, [Notify(NotifyType.INVALID_SYNTAX)])


@defect("info-invalid-syntax-response")
class SurvivesInvalidSyntaxResponse(IkeSa):
    """Keeps the IKE SA when the peer answers INVALID_SYNTAX."""

    def is_fatal(self, message: Message) -> bool:
        return False


@defect("info-config-version")
class VersionWithNul(IkeSa):
    """Ends its version with a zero octet."""

    def handle_informational(self, message: Message) -> Sequence[Payload]:
        reply = CP(CfgType.REPLY, (CfgAttr(CfgAttribute.APPLICATION_VERSION, b"reference\0"),))
        return [*super().handle_informational(message), *([reply] if message.first(CP) else [])]


@defect(
    "info-config-version", "info-config-unknown", "sweep-config-attributes-info", "sweep-config-attributes-info-whole"
)
class UnknownAttributeFails(IkeSa):
    """Refuses a request for configuration."""

    def handle_informational(self, message: Message) -> Sequence[Payload]:
        if message.first(CP) is not None:
            raise Refusal(NotifyType.INVALID_SYNTAX, "configuration")
        return super().handle_informational(message)


@defect("info-config-unknown")
class InventsAttributes(IkeSa):
    """Gives a value to every configuration attribute that it is asked for."""

    def handle_informational(self, message: Message) -> Sequence[Payload]:
        asked = message.first(CP)
        values = tuple(CfgAttr(one.type, b"\0\0\0\x01") for one in asked.attributes) if asked else ()
        return [*super().handle_informational(message), *([CP(CfgType.REPLY, values)] if asked else [])]


@defect("info-config-set")
class EchoesConfigSet(IkeSa):
    """Acknowledges whatever is set."""

    def handle_informational(self, message: Message) -> Sequence[Payload]:
        given = message.first(CP)
        return [*super().handle_informational(message), *([CP(CfgType.ACK, given.attributes)] if given else [])]
