"""A number from the wire is the index of a table, or is counted with too few bits."""

from collections.abc import Sequence
from struct import pack

from conformance.ike.ikesa import IkeSa
from conformance.wire import SKF, Message, Payload, UnknownPayload
from peers.reference.defects.fuzz.registry import fuzz_defect

_NAMES = [f"payload {number}" for number in range(33, 55)]
_COUNTERS = [0] * 48


@fuzz_defect(
    "death",
    "fuzz-before-init",
    "fuzz-before-auth",
    "fuzz-established",
    "fuzz-eap-round",
    "fuzz-rekeyed",
    "fuzz-asked-auth",
)
class PayloadTable(IkeSa):
    """Payloads that it does not know are counted in a table of those that there were when it was written."""

    def check_critical(self, message: Message) -> None:
        """Name them for the log."""
        super().check_critical(message)
        for payload in message.payloads:
            if isinstance(payload, UnknownPayload):
                self.drop(f"does not know {_NAMES[int(payload.type) - 33]}")


@fuzz_defect("death")
class ExchangeTable(IkeSa):
    """Requests are counted by their exchange type, of which there are 48."""

    def handle(self, message: Message) -> Sequence[Payload]:
        """Count before looking."""
        self.drop(f"the {_COUNTERS[int(message.exchange)] + 1}. of its kind")
        return super().handle(message)


@fuzz_defect("death")
class FragmentIndex(IkeSa):
    """Fragments go into a table with as many places as the first one says that there are."""

    places: list[bytes] | None = None

    def collect(self, message: Message, payload: SKF, plaintext: bytes) -> tuple[int, bytes] | None:
        """Put it into its place before looking at its number."""
        if self.places is None:
            self.places = [b""] * payload.total
        self.places[payload.number - 1] = plaintext
        found = super().collect(message, payload, plaintext)
        if found is not None:
            self.places = None
        return found


@fuzz_defect("death")
class SignedMessageId(IkeSa):
    """Message IDs have a sign, so that the upper half of them overflows."""

    def outside_window(self, message: Message) -> None:
        """Put it into the log as an integer."""
        pack(">i", message.message_id)
        super().outside_window(message)
