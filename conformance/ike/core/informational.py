"""INFORMATIONAL: liveness and deletion (RFC 7296, sections 1.4, 2.4, 2.25)."""

from collections.abc import Iterator, Sequence

from conformance.ike.core.child import ChildSa, ChildState
from conformance.ike.core.receiving import Answer
from conformance.ike.core.sending import State, Timer
from conformance.ike.core.spine import UP, Spine
from conformance.wire import Delete, ExchangeType, Message, Payload, ProtocolID


class InformationalExchange(Spine):
    """INFORMATIONAL in both roles. ``closing``: we have asked the peer to delete the IKE SA.

    ``carried_at`` is when one of its Child SAs has carried something to the peer, None: none has yet.
    """

    closing: bool = False
    carried_at: float | None = None

    # --- as initiator of the exchange -----------------------------------------------------------------------------

    def start_liveness(self) -> None:
        """Ask whether the peer is there: an empty request (RFC 7296, section 2.4)."""
        self.open_exchange(ExchangeType.INFORMATIONAL, lambda sa: [], self.ignore)

    def liveness_due(self) -> float | None:
        """When a peer that is silent must be asked, None: never."""
        delay = self.connection.dpd_delay
        if delay is None or not self.is_idle():
            return None
        needless = self.connection.dpd_on_demand and (self.carried_at is None or self.carried_at < self.last_heard)
        return None if needless else self.last_heard + delay

    def timers(self) -> Iterator[Timer]:
        """Ask a silent peer whether it is there."""
        if (due := self.liveness_due()) is not None:
            yield due, self.start_liveness
        yield from super().timers()

    def is_closing(self) -> bool:
        """True once we have asked the peer to delete the IKE SA."""
        return self.closing

    def start_delete(self) -> None:
        """Delete the IKE SA; its Child SAs go with it (RFC 7296, section 1.4.1)."""
        self.closing = True
        self.open_exchange(
            ExchangeType.INFORMATIONAL,
            lambda sa: sa.delete_request(),
            lambda sa, message: sa.on_delete_response(message),
        )

    def delete_request(self) -> Sequence[Payload]:
        """The payloads that delete the IKE SA."""
        return [Delete(ProtocolID.IKE)]

    def on_delete_response(self, message: Message) -> None:
        """The peer has deleted it, too."""
        self.close("deleted by us")

    def start_child_delete(self, child: ChildSa) -> None:
        """Delete one Child SA (RFC 7296, section 1.4.1)."""
        child.state = ChildState.DELETING
        self.open_exchange(
            ExchangeType.INFORMATIONAL,
            lambda sa: sa.child_delete_request(child),
            lambda sa, message: sa.on_child_delete_response(child, message),
        )

    def child_delete_request(self, child: ChildSa) -> Sequence[Payload]:
        """The payload that deletes a Child SA: it names the SPI on which its sender receives."""
        return [Delete(child.protocol, (child.spi_in,))]

    def on_child_delete_response(self, child: ChildSa, message: Message) -> None:
        """The peer has deleted the other half."""
        self.drop_child(child)

    # --- as responder of the exchange -----------------------------------------------------------------------------

    def answers(self) -> dict[tuple[State, ExchangeType], Answer]:
        """INFORMATIONAL follows IKE_AUTH (RFC 7296, section 1.4)."""
        return {**super().answers(), **{(state, ExchangeType.INFORMATIONAL): self.handle_informational for state in UP}}

    def handle_informational(self, message: Message) -> Sequence[Payload]:
        """Answer an INFORMATIONAL request. Without anything to say the answer is empty."""
        deletes = message.all(Delete)
        if any(one.protocol == ProtocolID.IKE for one in deletes):
            return self.on_deleted()
        answer = self.informed(message)
        for one in deletes:
            spis = [self.on_child_deleted(child) for child in self.named(one)]
            kept = tuple(spi for spi in spis if spi)
            if kept:
                answer.append(Delete(one.protocol, kept))
        return answer

    def named(self, delete: Delete) -> list[ChildSa]:
        """The Child SAs that a Delete payload names, by the SPIs on which the peer receives."""
        return [child for child in self.children if child.protocol == delete.protocol and child.spi_out in delete.spis]

    def on_child_deleted(self, child: ChildSa) -> bytes:
        """The peer deletes a Child SA: our half goes, too. Its SPI, empty if we are deleting it as well (2.25.1)."""
        crossing = child.state == ChildState.DELETING
        self.drop_child(child)
        return b"" if crossing else child.spi_in
