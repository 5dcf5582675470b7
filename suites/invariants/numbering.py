"""The message IDs of the device's own requests (RFC 7296, sections 2.1 and 2.2)."""

from dataclasses import dataclass, field

from conformance.wire import ExchangeType, Message
from suites.invariants.broken import Findings

_NEXT = 16
_SK = 46


@dataclass(slots=True)
class Numbering:
    """What the device has asked on one IKE SA: the highest message ID, and the octets of each request by its ID."""

    highest: int = -1
    asked: dict[int, bytes] = field(default_factory=dict)

    def came(self, message: Message, raw: bytes, found: Findings) -> None:
        """An authentic request."""
        number, highest = message.message_id, self.highest
        before = self.asked.get(number)
        got = f"{message.exchange.name} request {number} after {highest}"
        right = number == highest + 1 if before is None else number <= highest
        found.must("message-id", "RFC7296-2.2-3", right, "message IDs that grow by one with each request", got)
        self.highest = max(highest, number)
        if before is None:
            self.asked[number] = raw
        elif before[_NEXT] == raw[_NEXT] == _SK:
            got = f"{message.exchange.name} request {number} with other octets than before"
            found.must("repetition", "RFC7296-2.1-9", before == raw, "a repeated request with the same octets", got)


class Numberings:
    """Those of all IKE SAs of a conversation, by our SPI."""

    def __init__(self) -> None:
        """Nothing was asked yet."""
        self._of: dict[bytes, Numbering] = {}
        self._opened: set[bytes] = set()

    def opened(self, spi_i: bytes) -> None:
        """The device has sent IKE_SA_INIT, whose message ID is 0."""
        self._opened.add(spi_i)

    def came(self, message: Message, own_spi: bytes, raw: bytes, found: Findings) -> None:
        """An authentic request on the IKE SA that is ours by this SPI."""
        if message.exchange == ExchangeType.IKE_SA_INIT:
            return
        start = Numbering(0 if message.spi_i in self._opened else -1)
        self._of.setdefault(own_spi, start).came(message, raw, found)
