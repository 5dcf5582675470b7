"""As much of TCP as it takes to talk to an echo service through a tunnel."""

from collections.abc import Callable
from dataclasses import dataclass

from conformance.script import inner
from conformance.script.peer import Peer
from conformance.script.traffic import Arrived, Channel
from conformance.script.verdict import Unexpected

_PORT = 40100
_PATIENCE = 64
"""Segments without news after which we give up."""


@dataclass(slots=True)
class Conversation:
    """A TCP connection from our inner address to port 7 of the device's."""

    peer: Peer
    channel: Channel
    sequence: int = 1000
    theirs: int = 0
    port: int = _PORT

    def echo(self, data: bytes, segment: int, mss: int) -> bytes:
        """Open the connection, send data in segments of this size, and return what comes back in order."""
        self._send("S", mss=mss)
        answer = self._next(again=lambda: self._send("S", mss=mss))
        if answer.flags != "SA":
            raise Unexpected("SYN and ACK from port 7", str(answer))
        self.sequence, self.theirs = self.sequence + 1, answer.seq + 1
        self._send("A")
        for at in range(0, len(data), segment):
            part = data[at : at + segment]
            self._send("PA", part)
            self.sequence += len(part)
        found = b""
        for _ in range(_PATIENCE):
            if len(found) >= len(data):
                break
            answer = self._next()
            if answer.seq == self.theirs and answer.data:
                found, self.theirs = found + answer.data, self.theirs + len(answer.data)
                self._send("A")
        self._send("R")
        return found

    def _send(self, flags: str, data: bytes = b"", mss: int | None = None) -> None:
        packet = inner.tcp(
            self.channel.ours, self.channel.theirs, flags, sport=self.port, seq=self.sequence, ack=self.theirs,
            data=data, mss=mss,
        )  # fmt: skip
        self.peer.traffic.send(packet, self.channel.child)

    def _next(self, again: Callable[[], None] | None = None) -> inner.Segment:
        """The next segment for us. Meanwhile ``again`` repeats what may have been lost."""

        def fits(one: Arrived) -> bool:
            segment = _segment(one)
            return segment is not None and segment.dport == self.port

        found = _segment(self.peer.traffic.expect(fits, "a TCP segment from port 7", again=again))
        assert found is not None
        return found


def _segment(one: Arrived) -> inner.Segment | None:
    return None if one.channel is None or one.packet is None else inner.segment_of(one.packet)
