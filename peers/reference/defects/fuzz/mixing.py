"""One IKE SA is taken for another, one message for another."""

from collections.abc import Sequence

from conformance.ike.endpoint import Endpoint
from conformance.ike.ikesa import IkeSa
from conformance.wire import FLAG_INITIATOR, Header, Message, Notify, NotifyType, Payload
from peers.reference.defects.fuzz.registry import fuzz_defect


@fuzz_defect("requirement")
class HalfSpi(Endpoint):
    """An IKE SA is found by the first half of its SPI."""

    def find(self, header: Header) -> IkeSa | None:
        """The first one that begins like this."""
        mine = header.spi_r if header.flags & FLAG_INITIATOR else header.spi_i
        found = super().find(header)
        return found or next((sa for spi, sa in self.sas.items() if spi[:4] == mine[:4] or spi[4:] == mine[4:]), None)


@fuzz_defect("requirement", "fuzz-established")
class NonceAgain(IkeSa):
    """CREATE_CHILD_SA is answered with the nonce of IKE_SA_INIT."""

    def handle_child(self, message: Message) -> Sequence[Payload]:
        """Choose nothing."""
        self.again = True
        try:
            return super().handle_child(message)
        finally:
            self.again = False

    again: bool = False

    def choose_nonce(self) -> bytes:
        """What there is already."""
        return self.nonce_r if self.again and self.nonce_r else super().choose_nonce()


@fuzz_defect("requirement", "fuzz-rekey-asked", "fuzz-asked-auth")
class AnswersResponses(IkeSa):
    """A response that nobody has asked for is answered."""

    def unawaited(self, message: Message) -> None:
        """As if it were a request."""
        self.respond(message, [])


@fuzz_defect("requirement", "fuzz-before-auth")
class StaleMemory(IkeSa):
    """UNSUPPORTED_CRITICAL_PAYLOAD carries what was in its buffer before, behind the type."""

    def process(self, message: Message) -> Sequence[Payload] | None:
        """Send the whole buffer."""
        found = super().process(message)
        if found is None:
            return None
        return [
            Notify(one.type, one.data + self.nonce_r[:7])
            if isinstance(one, Notify) and one.type == NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD
            else one
            for one in found
        ]
