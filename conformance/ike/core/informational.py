"""INFORMATIONAL: liveness and deletion (RFC 7296, sections 1.4, 2.4, 2.25)."""

from collections.abc import Sequence
from functools import partial

from conformance.ike.core.auth import AuthExchange
from conformance.ike.core.child import ChildSa, ChildState
from conformance.ike.core.events import Refusal
from conformance.ike.core.sending import State
from conformance.wire import Delete, ExchangeType, Message, NotifyType, Payload, ProtocolID


class InformationalExchange(AuthExchange):
    """INFORMATIONAL in both roles."""

    closing: bool = False

    # --- as initiator of the exchange -----------------------------------------------------------------------------

    def start_liveness(self) -> None:
        """Ask whether the peer is there: an empty request (RFC 7296, section 2.4)."""
        self.open_exchange(ExchangeType.INFORMATIONAL, list, self.ignore)

    def start_delete(self) -> None:
        """Delete the IKE SA; its Child SAs go with it (RFC 7296, section 1.4.1)."""
        self.closing = True
        self.open_exchange(ExchangeType.INFORMATIONAL, self.delete_request, self.on_delete_response)

    def delete_request(self) -> Sequence[Payload]:
        """The payloads that delete the IKE SA."""
        return [Delete(ProtocolID.IKE)]

    def on_delete_response(self, message: Message) -> None:
        """The peer has deleted it, too."""
        self.close("deleted by us")

    def start_child_delete(self, child: ChildSa) -> None:
        """Delete one Child SA (RFC 7296, section 1.4.1)."""
        child.state = ChildState.DELETING
        build = partial(self.child_delete_request, child)
        self.open_exchange(ExchangeType.INFORMATIONAL, build, partial(self.on_child_delete_response, child))

    def child_delete_request(self, child: ChildSa) -> Sequence[Payload]:
        """The payload that deletes a Child SA: it names the SPI on which its sender receives."""
        return [Delete(child.protocol, (child.spi_in,))]

    def on_child_delete_response(self, child: ChildSa, message: Message) -> None:
        """The peer has deleted the other half."""
        self.drop_child(child)

    def ignore(self, message: Message) -> None:
        """A response that says nothing more than that the peer is there."""

    # --- as responder of the exchange -----------------------------------------------------------------------------

    def handle_informational(self, message: Message) -> Sequence[Payload]:
        """Answer an INFORMATIONAL request. Without anything to say the answer is empty."""
        if self.state not in (State.ESTABLISHED, State.REKEYED):
            raise Refusal(NotifyType.INVALID_SYNTAX, f"INFORMATIONAL in state {self.state.value}", fatal=True)
        deletes = message.all(Delete)
        if any(one.protocol == ProtocolID.IKE for one in deletes):
            return self.on_deleted()
        answer: list[Payload] = []
        for one in deletes:
            spis = [self.on_child_deleted(child) for child in self.named(one)]
            kept = tuple(spi for spi in spis if spi)
            if kept:
                answer.append(Delete(one.protocol, kept))
        return answer

    def named(self, delete: Delete) -> list[ChildSa]:
        """The Child SAs that a Delete payload names, by the SPIs on which the peer receives."""
        return [child for child in self.children if child.protocol == delete.protocol and child.spi_out in delete.spis]

    def on_deleted(self) -> Sequence[Payload]:
        """The peer deletes the IKE SA: answer, then close (RFC 7296, section 1.4.1)."""
        self.close_after_response = "deleted by the peer"
        return []

    def on_child_deleted(self, child: ChildSa) -> bytes:
        """The peer deletes a Child SA: our half goes, too. Its SPI, empty if we are deleting it as well (2.25.1)."""
        crossing = child.state == ChildState.DELETING
        self.drop_child(child)
        return b"" if crossing else child.spi_in
