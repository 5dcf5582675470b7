"""Defects of an initiator that believes what it should not, and of one that offers or takes what nobody specifies."""

from collections.abc import Sequence
from dataclasses import replace

from conformance.ike.core.events import Refusal, Violation
from conformance.ike.core.proposals import parsed
from conformance.ike.core.sending import Pending, State
from conformance.ike.ikesa import IkeSa
from conformance.wire import KE, Encr, ExchangeType, KeMethod, Message, Payload, Proposal, Transform
from peers.reference.defects.registry import defect


@defect("init-error-forged")
class BelievesErrors(IkeSa):
    """Gives an IKE SA up at the first error notify, whoever has sent it."""

    def doubt(self, problem: Violation | Refusal, pending: Pending) -> None:
        self.on_violation(problem)


@defect("init-response-late")
class BeginsAnew(IkeSa):
    """Goes back to IKE_AUTH for each IKE_SA_INIT response that comes."""

    def unawaited(self, message: Message) -> None:
        if message.exchange != ExchangeType.IKE_SA_INIT or message.first(KE) is None:
            super().unawaited(message)
            return
        self.state, self.next_id = State.NEW, 1
        self.accept_init_response(message)


_STRANGE = Transform.of(Encr.NULL_AUTH_AES_GMAC)


@defect("init-unspecified-offered")
class OffersGmac(IkeSa):
    """Offers for IKE what is meant for ESP."""

    def init_request(self) -> Sequence[Payload]:
        first = self.offered[0]
        self.offered = (replace(first, transforms=(*first.transforms, _STRANGE)), *self.offered[1:])
        return super().init_request()


@defect("init-unspecified")
class TakesGmac(IkeSa):
    """Takes any cipher for the one that it is configured with."""

    def choose_ike(self, proposals: Sequence[Proposal], group: KeMethod) -> Proposal:
        return super().choose_ike([*proposals, *parsed(self.connection.proposals)], group)


@defect("init-longer-key")
class ShortensKeys(IkeSa):
    """Says yes to a longer key by naming the one that it is configured with."""

    def choose_ike(self, proposals: Sequence[Proposal], group: KeMethod) -> Proposal:
        chosen, usual = super().choose_ike(proposals, group), parsed(self.connection.proposals)[0]
        return replace(chosen, transforms=usual.transforms)
