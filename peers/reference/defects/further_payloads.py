"""Defects about payloads beside the usual ones: each is a reason to refuse an SA."""

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from conformance.ike.core.events import Refusal, Violation
from conformance.ike.ikesa import IkeSa
from conformance.wire import CP, CfgAttr, CfgAttribute, CfgType, ExchangeType, Message, NotifyType, Payload
from peers.reference.defects.registry import defect


@defect("child-rekey-cp", "child-rekey-cp-unsupported")
class RefusesConfigurationInRekey(IkeSa):
    """Takes CP in CREATE_CHILD_SA for an unexpected payload and refuses the request."""

    def process(self, message: Message) -> Sequence[Payload] | None:
        if message.exchange == ExchangeType.CREATE_CHILD_SA and message.first(CP) is not None:
            return [Refusal(NotifyType.INVALID_SYNTAX, "unexpected CP").notify()]
        return super().process(message)


@defect("child-rekey-cp")
class AssignsAnotherAddress(IkeSa):
    """Says in the response to a rekey that the address is another one now."""

    def process(self, message: Message) -> Sequence[Payload] | None:
        answer = super().process(message)
        if answer is None or message.exchange != ExchangeType.CREATE_CHILD_SA or message.first(CP) is None:
            return answer
        return [CP(CfgType.REPLY, (CfgAttr(CfgAttribute.INTERNAL_IP4_ADDRESS, bytes((10, 77, 0, 99))),)), *answer]


class _RefusesNotify(IkeSa):
    kinds: ClassVar[frozenset[NotifyType]] = frozenset()

    def process(self, message: Message) -> Sequence[Payload] | None:
        if any(one.type in self.kinds for one in message.notifies()):
            return [Refusal(NotifyType.NO_PROPOSAL_CHOSEN, "not supported").notify()]
        return super().process(message)


@defect("child-rekey-notifies", "auth-further-notifies")
class RefusesFragmentsAlso(_RefusesNotify):
    """Refuses a Child SA whose initiator would like non-first fragments on it."""

    kinds = frozenset({NotifyType.NON_FIRST_FRAGMENTS_ALSO})


@defect("child-rekey-notifies")
class AcceptsCompressionTwice(IkeSa):
    """Accepts the compression that was offered with two payloads."""

    def process(self, message: Message) -> Sequence[Payload] | None:
        answer = super().process(message)
        wanted = message.notify(NotifyType.IPCOMP_SUPPORTED)
        return answer if answer is None or wanted is None else [wanted, replace(wanted, data=b"\1\2\2"), *answer]


@defect("auth-responder-further-notifies", "child-response-notifies")
class RefusesAdditionalSelectors(IkeSa):
    """Gives up an IKE SA whose responder says that more selectors would be possible."""

    def on_response(self, message: Message) -> None:
        if message.notify(NotifyType.ADDITIONAL_TS_POSSIBLE) is not None:
            self.close(str(Violation("ADDITIONAL_TS_POSSIBLE")))
        else:
            super().on_response(message)
