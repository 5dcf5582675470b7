"""What a device answers: what it may refuse, and where it may be silent."""

from collections.abc import Sequence

from conformance.ike.core.events import Refusal
from conformance.ike.core.sending import State
from conformance.ike.endpoint import Endpoint
from conformance.ike.ikesa import IkeSa
from conformance.net.link import Datagram
from conformance.wire import Header, Message, Notify, NotifyType, Payload
from peers.contract import Capability
from peers.reference.variants.registry import variant

_REKEYING = (Capability.REKEY_IKE, Capability.REKEY_CHILD, Capability.REAUTH, Capability.LIFETIME)

_NEVER_NAMED = {
    "RFC7296-1.4.1-6": "normally the response names the other half; section 4 lets it be empty all the same",
    "RFC7296-2.25.1-6": "as usual is empty here",
    "RFC7296-2.25.2-7": "as usual is empty here",
}


class NoMoreSas(IkeSa):
    """Refuses every CREATE_CHILD_SA."""

    def handle_create_child_sa(self, message: Message) -> Sequence[Payload]:
        if self.state in (State.ESTABLISHED, State.REKEYED):
            raise Refusal(NotifyType.NO_ADDITIONAL_SAS, "no CREATE_CHILD_SA here")
        return super().handle_create_child_sa(message)


@variant(
    "RFC 7296, 1.3: NO_ADDITIONAL_SAS refuses any CREATE_CHILD_SA; 4: the ability to rekey can be omitted",
    lacks=(*_REKEYING, Capability.MULTIPLE_CHILDREN, Capability.PFS),
)
class RefusesCreateChild(NoMoreSas):
    """Refuses every CREATE_CHILD_SA."""


@variant(
    "RFC 7296, 4: a minimal implementation refuses CREATE_CHILD_SA and answers every INFORMATIONAL request empty",
    lacks=(
        *_REKEYING, Capability.MULTIPLE_CHILDREN, Capability.PFS, Capability.DELETE_IKE, Capability.DELETE_CHILD,
        Capability.DPD, Capability.VIRTUAL_IP,
    ),
    advice=_NEVER_NAMED,
)  # fmt: skip
class MinimalResponder(NoMoreSas):
    """Is the minimal implementation of RFC 7296, section 4."""

    def handle_informational(self, message: Message) -> Sequence[Payload]:
        super().handle_informational(message)
        return []


@variant(
    "RFC 7296, 4: a minimal implementation may answer any INFORMATIONAL request with an empty response",
    advice=_NEVER_NAMED,
)
class EmptyInformational(IkeSa):
    """Answers every INFORMATIONAL request with an empty response, also where it deletes a Child SA."""

    def handle_informational(self, message: Message) -> Sequence[Payload]:
        super().handle_informational(message)
        return []


@variant(
    "RFC 7296, 1.3.1: NO_ADDITIONAL_SAS; 4: several Child SAs in one IKE SA can be omitted",
    lacks=(Capability.MULTIPLE_CHILDREN,),
)
class OneChild(IkeSa):
    """Has one Child SA in an IKE SA, which can be rekeyed."""

    def handle_child(self, message: Message) -> Sequence[Payload]:
        if self.children and message.notify(NotifyType.REKEY_SA) is None:
            raise Refusal(NotifyType.NO_ADDITIONAL_SAS, "one Child SA is enough")
        return super().handle_child(message)


@variant(
    "RFC 7296, 2.21.1: before there is an IKE SA, answering an error is a trade-off",
    advice={"RFC7296-2.21.1-3": "it prefers silence to help"},
)
class SilentInit(Endpoint):
    """Does not answer IKE_SA_INIT requests that it cannot accept."""

    def refuse(self, header: Header, datagram: Datagram, *payloads: Payload) -> None:
        unhelpful = {NotifyType.NO_PROPOSAL_CHOSEN, NotifyType.INVALID_SYNTAX}
        if not any(isinstance(one, Notify) and one.type in unhelpful for one in payloads):
            super().refuse(header, datagram, *payloads)
