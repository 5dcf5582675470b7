"""Defects about what of a Child SA is optional: key exchange, extended sequence numbers, compression."""

from collections.abc import Sequence
from dataclasses import replace

from conformance.crypto.suite import ChildSuite
from conformance.ike.core.connection import ChildConfig
from conformance.ike.ikesa import IkeSa
from conformance.wire import (
    KE,
    Esn,
    KeMethod,
    Message,
    Notify,
    NotifyType,
    Payload,
    Proposal,
    Transform,
    TransformType,
)
from peers.reference.defects.registry import defect


@defect("child-group-none")
class AnswersAnyKe(IkeSa):
    """Answers a KE payload by one of its own, whether a key exchange was chosen or not."""

    def child_key_exchange(self, suite: ChildSuite, message: Message) -> tuple[bytes, bytes]:
        ke = message.first(KE)
        if ke is None or suite.ke != KeMethod.NONE:
            return super().child_key_exchange(suite, message)
        public, _ = self.answer_key_exchange(ke.method, ke.data, fatal=True)
        return public, b""


@defect("child-esn-only")
class OverlooksEsn(IkeSa):
    """Takes the offer of extended sequence numbers for one of ordinary ones."""

    def choose_child(self, config: ChildConfig, proposals: Sequence[Proposal], message: Message) -> Proposal:
        return super().choose_child(config, [_ordinary(one) for one in proposals], message)


def _ordinary(one: Proposal) -> Proposal:
    kept = tuple(each for each in one.transforms if each.type != TransformType.ESN)
    return replace(one, transforms=(*kept, Transform.of(Esn.NO)))


@defect("child-two-compressions")
class CompressesByAll(IkeSa):
    """Accepts every compression algorithm that is offered."""

    def handle_child(self, message: Message) -> Sequence[Payload]:
        offered = [one for one in message.notifies() if one.type == NotifyType.IPCOMP_SUPPORTED]
        return [*(Notify(one.type, one.data) for one in offered), *super().handle_child(message)]
