"""The message IDs of the device's own requests (RFC 7296, sections 2.1 to 2.3)."""

from dataclasses import dataclass, field

from conformance.wire import ExchangeType, Message
from suites.invariants.broken import Findings

_NEXT = 16
_SK = 46


@dataclass(slots=True)
class Numbering:
    """What the device has asked on one IKE SA: the octets of each request by its message ID.

    ``due`` is the lowest message ID that has not come, ``window`` how many requests may be under way: these may pass
    one another.
    """

    due: int = 0
    window: int = 1
    asked: dict[int, bytes] = field(default_factory=dict)

    def came(self, message: Message, raw: bytes, found: Findings) -> None:
        """An authentic request."""
        number, before = message.message_id, self.asked.get(message.message_id)
        right = before is not None or self.due <= number < self.due + self.window
        got = f"{message.exchange.name} request {number} where {self.due} is due"
        found.must("message-id", "RFC7296-2.2-3", right, "message IDs that grow by one with each request", got)
        if before is None:
            self.asked[number] = raw
            if not right:
                self.due = max(self.due, number)  # what is left out is told once
            while self.due in self.asked:
                self.due += 1
        elif before[_NEXT] == raw[_NEXT] == _SK:
            got = f"{message.exchange.name} request {number} with other octets than before"
            found.must("repetition", "RFC7296-2.1-9", before == raw, "a repeated request with the same octets", got)


class Numberings:
    """Those of all IKE SAs of a conversation, by our SPI."""

    def __init__(self) -> None:
        """Nothing was asked yet."""
        self._of: dict[bytes, Numbering] = {}
        self._opened: set[bytes] = set()
        self._windows: dict[bytes, int] = {}

    def opened(self, spi_i: bytes) -> None:
        """The device has sent IKE_SA_INIT, whose message ID is 0."""
        self._opened.add(spi_i)

    def widened(self, own_spi: bytes, window: int) -> None:
        """We have announced a window on an IKE SA; it cannot be made smaller again (section 2.3)."""
        self._windows[own_spi] = max(window, self._windows.get(own_spi, 1))

    def came(self, message: Message, own_spi: bytes, raw: bytes, found: Findings) -> None:
        """An authentic request on the IKE SA that is ours by this SPI."""
        if message.exchange == ExchangeType.IKE_SA_INIT:
            return
        known = self._of.setdefault(own_spi, Numbering(int(message.spi_i in self._opened)))
        known.window = self._windows.get(own_spi, 1)
        known.came(message, raw, found)
