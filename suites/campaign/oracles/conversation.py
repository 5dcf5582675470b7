"""What a conversation as a whole shows: answers outside of the window, Child SAs that are deleted twice."""

from collections.abc import Iterator

from conformance.script.peer import Peer
from conformance.wire import FLAG_RESPONSE, HEADER_SIZE, Delete, Message, NotifyType
from suites.campaign.case import Problem

_ID = slice(20, 24)
_FLAGS = 19


class Conversation:
    """Remembers the message IDs that we have used, and the Child SAs that the device asks us to delete."""

    def __init__(self, peer: Peer) -> None:
        """Nothing has been sent."""
        self.peer = peer
        self.window = 1
        self._seen = 0
        self._gap = 0
        self._beyond: set[int] = set()
        self._deleted: set[bytes] = set()

    def look(self) -> Iterator[Problem]:
        """What was added to the trace since."""
        for entry in self.peer.trace.entries[self._seen :]:
            self._seen += 1
            if entry.datagram is not None and entry.sent:
                self._used(self.peer.octets(entry.datagram))
            elif entry.message is not None and entry.encrypted:
                yield from self._came(entry.message)

    def rewind(self) -> None:
        """The trace was cut off; what was in it counts."""
        self._seen = len(self.peer.trace.entries)

    def _used(self, raw: bytes) -> None:
        """A message ID that the device may have seen: it knows of none behind the first that nobody has used."""
        if len(raw) < HEADER_SIZE:
            return
        if raw[_FLAGS] & FLAG_RESPONSE:
            self._deleted.clear()  # its request is answered, so that nothing crosses it any more
        self._beyond.add(int.from_bytes(raw[_ID], "big"))
        while self._gap in self._beyond:
            self._beyond.remove(self._gap)
            self._gap += 1

    def _came(self, message: Message) -> Iterator[Problem]:
        for notify in message.notifies():
            if notify.type == NotifyType.SET_WINDOW_SIZE:
                self.window = max(self.window, int.from_bytes(notify.data, "big"))
        spis = {spi for one in message.all(Delete) for spi in one.spis}
        if not message.is_response:
            self._deleted |= spis
            return
        if message.message_id >= self._gap + self.window:
            words = f"request {message.message_id} is answered before {self._gap} was sent (window {self.window})"
            yield Problem("requirement", "window: no answer to a request outside of it", words, "RFC7296-2.3-13")
        if spis & self._deleted:
            words = f"the response deletes {', '.join(one.hex() for one in spis & self._deleted)} once more"
            yield Problem("requirement", "delete: no second one where both cross", words, "RFC7296-1.4.1-8")
