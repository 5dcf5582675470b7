"""Defects of the INFORMATIONAL exchange right after IKE_AUTH (RFC 7296, section 2.21.2)."""

from conformance.ike.ikesa import IkeSa
from conformance.wire import Message, Payload
from peers.reference.defects.registry import defect


@defect("info-after-auth-failed", "info-after-auth-invalid-syntax")
class SurvivesRejection(IkeSa):
    """Keeps an IKE SA whose initiator has rejected it right after IKE_AUTH."""

    def informed(self, message: Message) -> list[Payload]:
        self.after_auth = None
        return super().informed(message)


@defect("info-after-auth-failed", "info-after-auth-invalid-syntax")
class RejectedButChildrenStay(IkeSa):
    """Forgets an IKE SA that the initiator has rejected, but only half: it goes on answering under it."""

    def close(self, reason: str) -> None:
        if not reason.startswith("the initiator refuses"):
            super().close(reason)


@defect("info-after-auth-other-error")
class AnyErrorAfterAuthIsFatal(IkeSa):
    """Takes every error right after IKE_AUTH for the end of the IKE SA."""

    def informed(self, message: Message) -> list[Payload]:
        if message.message_id == self.after_auth and any(one.type.value < 16384 for one in message.notifies()):
            self.close_after_response = "an error after IKE_AUTH"
        return super().informed(message)
