"""Defects of a device that stumbles over what it has no use for, or leaves what it does not want at its peer."""

from collections.abc import Sequence

from conformance.ike.core.child import ChildOffer
from conformance.ike.core.events import Refusal, Violation
from conformance.ike.ikesa import IkeSa
from conformance.wire import CERTREQ, CP, ExchangeType, IDi, IdType, Message, NotifyType, Payload, VendorID
from peers.reference.defects.registry import defect


@defect("auth-skipped")
class WantsNoConfiguration(IkeSa):
    """Refuses a request with a configuration payload, as it has nothing to configure."""

    def handle(self, message: Message) -> Sequence[Payload]:
        if message.exchange == ExchangeType.IKE_AUTH and message.first(CP) is not None:
            raise Refusal(NotifyType.INVALID_SYNTAX, "no configuration here", fatal=True)
        return super().handle(message)


@defect("auth-vendors", "auth-responder-vendors")
class IdentityComesFirst(IkeSa):
    """Wants the identity of its peer in front of everything else."""

    def handle_auth(self, message: Message) -> Sequence[Payload]:
        if isinstance(message.payloads[0], VendorID):
            raise Refusal(NotifyType.INVALID_SYNTAX, "no identity in front", fatal=True)
        return super().handle_auth(message)

    def on_auth_response(self, message: Message) -> None:
        if isinstance(message.payloads[0], VendorID):
            raise Violation("no identity in front")
        super().on_auth_response(message)


@defect("auth-skipped-critical")
class KnowsNoCertificates(IkeSa):
    """Does not understand CERTREQ, and says so where that is marked critical."""

    def check_critical(self, message: Message) -> None:
        super().check_critical(message)
        if any(one.critical for one in message.all(CERTREQ)):
            raise Refusal(NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD, "CERTREQ", bytes((38,)))


@defect("auth-id-nai")
class WantsMailAddresses(IkeSa):
    """Takes a network access identifier only if mail could be sent there."""

    def handle(self, message: Message) -> Sequence[Payload]:
        found = message.first(IDi)
        if found is not None and found.id_type == IdType.RFC822_ADDR:
            user = found.data.partition(b"@")[0].replace(b".", b"")
            if not user.isalnum():
                raise Refusal(NotifyType.AUTHENTICATION_FAILED, "no mail address", fatal=True)
        return super().handle(message)


@defect("child-response-cleaned")
class LeavesItThere(IkeSa):
    """Says nothing about what its peer has made for a response that it cannot take."""

    def disown(self, offer: ChildOffer, problem: Violation) -> None:
        return
