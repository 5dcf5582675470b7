"""Fragments that a script makes itself, and the form of those that the device sends (RFC 7383)."""

from collections.abc import Callable, Iterator, Sequence
from copy import copy
from dataclasses import replace
from math import ceil
from types import TracebackType
from typing import Any, Self

from conformance.ike.core.protection import Fragment
from conformance.script.bend import Bend
from conformance.script.message import Received, Sent
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.verdict import Inconclusive, NotApplicable, Unexpected
from conformance.wire import (
    SKF,
    ExchangeType,
    Message,
    NotifyType,
    Payload,
    UnknownPayload,
    VendorID,
    decode_message,
    summary_message,
)
from suites.dut import Dut
from suites.format.beside import sealed_beside

_ASK = ExchangeType.CREATE_CHILD_SA
CRITICAL = UnknownPayload(200, b"ikespec", critical=True)
TRIES = 3
"""Attempts at a conversation in which each datagram counts."""
FITS = 1280
"""Octets of an IP datagram that nearly every path carries whole; all that have IPv6 do (RFC 8200, section 5)."""


def spoiled(datagram: bytes) -> bytes:
    """The datagram with one bit of its ICV flipped."""
    return datagram[:-1] + bytes((datagram[-1] ^ 1,))


def renumbered(datagram: bytes, number: int, total: int) -> bytes:
    """A fragment with other numbers, which makes its ICV wrong."""
    return datagram[:32] + number.to_bytes(2, "big") + total.to_bytes(2, "big") + datagram[36:]


def said(found: list[tuple[Message, bytes]]) -> str:
    """Messages in one line."""
    return "; ".join(summary_message(one) for one, _ in found)


class NotPutTogether(Unexpected):
    """No response to a request in fragments: what is broken is what the purpose is about."""


class Split:
    """A request of an established IKE SA that the script sends in fragments of its own making.

    It asks for another Child SA, which the device may give or refuse, behind unfamiliar Vendor IDs, which are ignored
    (RFC 7296, section 3.12). A fragment that goes to the wrong place leaves a broken chain of payloads.
    """

    def __init__(
        self,
        sa: ScriptedSa,
        *,
        exchange: ExchangeType = _ASK,
        vendors: int = 12,
        octets: int = 30,
        more: Sequence[Payload] = (),
    ) -> None:
        """The next request of ``sa``, at the end ``more``; nothing is sent yet but a liveness check before it."""
        with sa.peer.preamble("a liveness check"):
            sa.liveness()
        assert sa.last_sent is not None
        self.sa, self.before = sa, sa.last_sent
        self.lost, self.last = False, True
        self.firsts: list[bytes] = []  # each fragment 1 that was sent, those of a rival, too
        self.made: dict[tuple[int, int, bytes], bytes] = {}
        content: list[Payload] = [VendorID(sa.random(octets)) for _ in range(vendors)]
        if exchange == _ASK:
            config = sa.connection.children[0]
            content += sa.child_request(sa.make_offer(config, with_ke=True))
            sa.offer = None
        self.message = sa.message(exchange, [*content, *more], sa.next_id, response=False)
        self.inner, self.plaintext = sa.plaintext(self.message)
        sa.next_id += 1

    def rival(self) -> "Split":
        """Another request with the same message ID, which is refused if it is ever put together.

        Its last payload is unknown and critical.
        """
        other = copy(self)
        other.made = {}
        other.message = replace(self.message, payloads=(*self.message.payloads, CRITICAL))
        other.inner, other.plaintext = self.sa.plaintext(other.message)
        return other

    def following(self) -> "Split":
        """The same payloads in the next request, at once: nothing else is asked in between."""
        other = copy(self)
        other.made, other.firsts = {}, []
        other.message = replace(self.message, message_id=self.sa.next_id)
        self.sa.next_id += 1
        return other

    def __enter__(self) -> Self:
        """An attempt: see `attempts`."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        """Make little of a missing response, unless this was the last attempt."""
        self.lost = isinstance(error, NotPutTogether) and not self.last
        if self.lost:
            self.sa.peer.note("no answer: once more from the beginning, for a datagram may have got lost")
        return self.lost

    def fragment(self, number: int, total: int, content: bytes | None = None) -> bytes:
        """One fragment of the request cut into ``total`` equal pieces, or one with another ``content``.

        A fragment that is made again is the same, octet by octet, as in a retransmission (RFC 7296, section 2.1).
        """
        piece = self.piece(number, total) if content is None else content
        known = self.made.get((number, total, piece))
        if known is not None:
            return known
        raw = self.sa.seal(self.message, self.inner if number == 1 else 0, piece, Fragment(number, total))
        self.sa.peer.remember(Sent(self.message, (raw,), f"as fragment {number} of {total}", True))
        self.made[(number, total, piece)] = raw
        return raw

    def piece(self, number: int, total: int) -> bytes:
        """The plaintext of one of ``total`` equal pieces."""
        size = ceil(len(self.plaintext) / max(1, total))
        return self.plaintext[max(0, number - 1) * size :][:size]

    def beside(self, number: int, total: int, *clear: Payload) -> bytes:
        """One fragment with payloads in clear in front of it, which are authenticated like its header."""
        inner, fragment = self.inner if number == 1 else 0, Fragment(number, total)
        raw = sealed_beside(self.sa, self.message, inner, self.piece(number, total), clear, fragment)
        self.sa.peer.remember(Sent(self.message, (raw,), f"as fragment {number} of {total}, payloads in front", True))
        return raw

    def send(self, *datagrams: bytes) -> None:
        """Send fragments in this order."""
        first = [raw for (number, _, _), raw in self.made.items() if number == 1]
        self.firsts += [one for one in datagrams if one in first]
        self.sa.transmit(datagrams, self.sa.local, self.sa.remote)
        self.sa.peer.flush()

    def send_numbers(self, total: int, *numbers: int) -> None:
        """Send these of ``total`` fragments, by default all of them in order."""
        self.send(*(self.fragment(number, total) for number in numbers or range(1, total + 1)))

    def response(self) -> Received:
        """Wait for the response."""
        try:
            return self.sa.response(Sent(self.message, (), encrypted=True))
        except Unexpected as silent:
            raise NotPutTogether(silent.expected, silent.got) from None

    def must_be_unanswered(self, requirement: str) -> None:
        """No response has come so far. The device has seen our fragments: it repeats an earlier response meanwhile.

        It may do that while it still works on what it has put together: that answer comes later.
        """
        self.sa.peer.pause()
        self._check_unanswered(requirement)
        try:
            self.sa.repeat(self.before)
        except Unexpected as silent:
            self._check_unanswered(requirement)
            raise Inconclusive(f"repeating an earlier request did not work: {silent}") from None
        self._check_unanswered(requirement)

    def _check_unanswered(self, requirement: str) -> None:
        peer, number = self.sa.peer, self.message.message_id
        answers = [one for one in peer.inbox if one.sa is self.sa and one.message.is_response]
        early = [
            one
            for one in answers
            if one.message.message_id == number and not one.message.notify(NotifyType.INVALID_IKE_SPI)
        ]
        peer.check(not early, "no response yet", "; ".join(map(str, early)), requirement)

    def must_be_answered_once(self, requirement: str) -> Received:
        """The response to what we meant comes, and only once, but for copies of it that a late fragment 1 asks for.

        Whoever works on several datagrams at a time may get to a fragment 1 last, when the others have made the message
        with one that came before, and take it for a retransmission (section 2.6.1).
        """
        peer, answer = self.sa.peer, self.response()
        refusals = NotifyType.INVALID_SYNTAX, NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD
        readable = not any(answer.message.notify(one) for one in refusals)
        peer.check(readable, "a response to the whole request", answer.message, requirement)
        for _ in range(2):
            peer.pause()
            self.sa.liveness()
        answers = [one for one in peer.inbox if one.sa is self.sa and one.message.is_response]
        number = self.message.message_id
        again = [one for one in answers if one is not answer and one.message.message_id == number]
        right = len(again) < len(self.firsts) and all(one.message == answer.message for one in again)
        peer.check(right or not again, "no answer", "; ".join(map(str, again)), requirement)
        return answer


def attempts(
    peer: Peer, exchange: ExchangeType = _ASK, more: Sequence[Payload] = (), **changes: Any
) -> Iterator[Split]:
    """Three attempts at most, each ``with`` an IKE SA of its own, until the response has come.

    At the end of the request stands ``more``; ``changes`` are those of our connection.

    A fragment may get lost, and it cannot be repeated where the point is which ones the device keeps.
    """
    for number in range(1, TRIES + 1):
        split = Split(peer.establish(initial_contact=False, **changes), exchange=exchange, more=more)
        split.last = number == TRIES
        yield split
        if not split.lost:
            return


def answer_in_fragments(peer: Peer, dut: Dut, bent: Callable[[ScriptedSa], Bend], requirement: str) -> None:
    """The device initiates, and our IKE_AUTH response comes in three fragments, bent: its IKE SA must be up.

    A datagram may get lost, so the same ones are sent once more if the device repeats its request. They come no third
    time: a device that keeps one fragment of each set has the message then.
    """
    dut.initiate()
    sa = peer.respond_init(peer.expect_init(), fragment_size=150)
    sa.repetitions = 1
    sa.answer(sa.expect_request(ExchangeType.IKE_AUTH), bend=bent(sa))
    sa.must_be_up(requirement, "the device takes the response and its IKE SA is up")


def received_fragments(peer: Peer, exchange: ExchangeType) -> list[tuple[Message, bytes]]:
    """The messages of an exchange type that the device sent, once each, as they came: still encrypted."""
    found = {one.raw: decode_message(one.raw, lenient=True) for one in [*peer.fragments, *peer.inbox]}
    return [(message, raw) for raw, message in found.items() if message.exchange == exchange]


def octets(peer: Peer, raw: bytes) -> int:
    """The size of an IP datagram with an IKE message."""
    return len(raw) + (48 if ":" in peer.local.host else 28)


def must_be_large(peer: Peer, found: list[tuple[Message, bytes]], threshold: int = FITS) -> None:
    """Raise NotApplicable for a whole message of at most ``threshold`` octets: nobody needs to cut that.

    Which threshold a sender has is up to it, and where no datagram is cut on the way none should be (RFC 7383, sections
    2.4 and 2.5.1).
    """
    sizes = [octets(peer, raw) for _, raw in found]
    if len(found) == 1 and not found[0][0].first(SKF) and sizes[0] <= threshold:
        raise NotApplicable(f"a datagram of {sizes[0]} octets: too small to be cut")


def check_form(peer: Peer, found: list[tuple[Message, bytes]], whole: Message, limit: int) -> None:
    """The form of the fragments that make up ``whole``; ``limit`` is the size of IP datagrams in octets.

    It is the one that is meant for the version of IP where the sender knows nothing better (section 2.5.1).
    """
    usual = "RFC7383-2.5.1-3" if ":" in peer.local.host else "RFC7383-2.5.1-4"
    parts = [(message.payloads[-1], message, raw) for message, raw in found if message.payloads]
    peer.check(all(isinstance(last, SKF) for last, _, _ in parts), "SKF as last payload", "none", "RFC7383-2.5-3")
    fragments = [last for last, _, _ in parts if isinstance(last, SKF)]
    numbers = [(one.number, one.total) for one in fragments]
    expected = [(number, len(parts)) for number in range(1, len(parts) + 1)]
    peer.check(sorted(numbers) == expected, f"fragments 1 to {len(parts)}", numbers, "RFC7383-2.5-7")
    headers = {(one.spi_i, one.spi_r, one.exchange, one.flags, one.message_id, one.version) for one, _ in found}
    peer.check(len(headers) == 1, "the same header in all fragments", f"{len(headers)} headers", "RFC7383-2.5-10")
    named = {one.number: int(one.inner) for one in fragments}
    first = int(whole.payloads[0].payload_type)
    peer.check(named[1] == first, f"next payload {first} in fragment 1", named[1], "RFC7383-2.5-5")
    others = [kind for number, kind in named.items() if number > 1]
    peer.check(not any(others), "next payload 0 in the other fragments", others, "RFC7383-2.5-6")
    largest = max(octets(peer, raw) for _, raw in found)
    peer.check(largest <= limit, f"IP datagrams of at most {limit} octets", f"{largest} octets", usual)
