"""Defects of IKE fragmentation (RFC 7383)."""

from dataclasses import dataclass, field, replace
from math import inf

from conformance.crypto import IntegrityError
from conformance.ike.core.fragmentation import Reassembly
from conformance.ike.core.protection import Fragment
from conformance.ike.core.sending import Pending
from conformance.ike.endpoint import Endpoint
from conformance.ike.ikesa import IkeSa
from conformance.net.link import Datagram
from conformance.wire import SK, SKF, Encr, ExchangeType, Message, Notify, NotifyType, encode_message, encode_payloads
from peers.reference.defects.registry import defect

# --- collecting -------------------------------------------------------------------------------------------------------


@defect(
    "frag-request", "frag-uneven", "frag-single", "frag-informational", "frag-next-exchange", "frag-response-accepted"
)
class NoReassembly(IkeSa):
    """Announces fragmentation and ignores all fragments."""

    def collect(self, message: Message, payload: SKF, plaintext: bytes) -> tuple[int, bytes] | None:
        return None


@defect("frag-each-cipher")
class KeepsPaddingOfFragments(IkeSa):
    """Leaves the padding of ciphers that work on blocks in what it puts together."""

    def collect(self, message: Message, payload: SKF, plaintext: bytes) -> tuple[int, bytes] | None:
        assert self.keys is not None
        blocks = self.keys.suite.encr in (Encr.AES_CBC, Encr.CAMELLIA_CBC, Encr.TRIPLE_DES)
        return super().collect(message, payload, plaintext + b"\0" * blocks)


@defect("frag-reordered", "frag-response-accepted")
class InOrderOnly(IkeSa):
    """Drops fragments that come before their turn."""

    class _Reassembly(Reassembly):
        def accepts(self, payload: SKF) -> bool:
            return super().accepts(payload) and payload.number <= len(self.pieces) + 1

    reassembly_class = _Reassembly


@defect("frag-duplicate", "frag-response-replay")
class DuplicateCounts(IkeSa):
    """Counts fragments as they come, whatever their numbers are."""

    class _Reassembly(Reassembly):
        def add(self, payload: SKF, plaintext: bytes) -> bool:
            inner = self.inner or int(payload.inner)
            done = super().add(replace(payload, number=len(self.pieces) + 1), plaintext)
            self.inner = inner
            return done

    reassembly_class = _Reassembly


@defect("frag-replay-other")
class ReplacesFragment(IkeSa):
    """Lets a later fragment with the same number take the place of the first one."""

    class _Reassembly(Reassembly):
        def add(self, payload: SKF, plaintext: bytes) -> bool:
            self.pieces.pop(payload.number, None)
            return super().add(payload, plaintext)

    reassembly_class = _Reassembly


@defect("frag-bad-icv", "frag-response-bad-icv")
class BadFragmentPoisons(IkeSa):
    """Stores a fragment whose ICV is wrong."""

    def unseal(self, raw: bytes, payload: SK | SKF) -> bytes:
        try:
            return super().unseal(raw, payload)
        except IntegrityError:
            if isinstance(payload, SK):
                raise
            return payload.body


@defect("frag-response-bad-icv")
class BadFragmentEndsAll(IkeSa):
    """Throws away what has come of a message with a fragment whose ICV is wrong."""

    def unseal(self, raw: bytes, payload: SK | SKF) -> bytes:
        try:
            return super().unseal(raw, payload)
        except IntegrityError:
            self.reassembly.clear()
            raise


@defect("frag-response-replay")
class DuplicateEndsAll(IkeSa):
    """Throws away what has come of a message with a fragment that comes twice."""

    class _Reassembly(Reassembly):
        def add(self, payload: SKF, plaintext: bytes) -> bool:
            if payload.number in self.pieces:
                self.pieces.clear()
                return False
            return super().add(payload, plaintext)

    reassembly_class = _Reassembly


@defect("frag-number-zero")
class FragmentZeroAccepted(IkeSa):
    """Counts fragments from 0."""

    class _Reassembly(Reassembly):
        def accepts(self, payload: SKF) -> bool:
            return super().accepts(payload) or (payload.number == 0 and payload.total > 0)

    reassembly_class = _Reassembly


@defect("frag-number-beyond")
class FragmentBeyondAccepted(IkeSa):
    """Stores a fragment with a number above the total."""

    class _Reassembly(Reassembly):
        def accepts(self, payload: SKF) -> bool:
            return super().accepts(payload) or payload.number > payload.total > 0

    reassembly_class = _Reassembly


@defect("frag-number-zero", "frag-number-beyond", "frag-nonsense-forged", "frag-response-nonsense")
class RefusesNonsense(IkeSa):
    """Answers fragment numbers that make no sense by INVALID_SYNTAX, before it looks at the ICV."""

    def open(self, message: Message, raw: bytes) -> Message | None:
        last = message.payloads[-1] if message.payloads else None
        if isinstance(last, SKF) and not 0 < last.number <= last.total:
            self.close_after_response = "nonsense"
            if message.is_response:
                self.close("nonsense")
            else:
                self.respond(message, [Notify(NotifyType.INVALID_SYNTAX)])
            return None
        return super().open(message, raw)


@defect("frag-total-smaller")
class AnyTotal(IkeSa):
    """Does not compare the totals of fragments."""

    class _Reassembly(Reassembly):
        def accepts(self, payload: SKF) -> bool:
            return 0 < payload.number <= payload.total

    reassembly_class = _Reassembly


@defect("frag-total-larger")
class KeepsOldSet(IkeSa):
    """Takes fragments of the set that it has begun with only."""

    class _Reassembly(Reassembly):
        def accepts(self, payload: SKF) -> bool:
            return super().accepts(payload) and self.total in (0, payload.total)

    reassembly_class = _Reassembly


@defect("frag-total-mixed")
class MixesSets(IkeSa):
    """Joins fragments of sets with different totals."""

    class _Reassembly(Reassembly):
        def accepts(self, payload: SKF) -> bool:
            return 0 < payload.number <= payload.total

        def add(self, payload: SKF, plaintext: bytes) -> bool:
            self.total = payload.total
            return super().add(payload, plaintext)

    reassembly_class = _Reassembly


@defect("frag-total-smaller", "frag-total-mixed")
class KeepsBothSets(IkeSa):
    """Collects sets with different totals beside each other, and takes the one that is whole first."""

    @dataclass
    class _Reassembly(Reassembly):
        sets: dict[int, dict[int, bytes]] = field(default_factory=dict)

        def accepts(self, payload: SKF) -> bool:
            return 0 < payload.number <= payload.total

        def add(self, payload: SKF, plaintext: bytes) -> bool:
            self.total, self.pieces = payload.total, self.sets.setdefault(payload.total, {})
            return super().add(payload, plaintext)

    reassembly_class = _Reassembly


@defect("frag-incomplete")
class AnswersTooEarly(IkeSa):
    """Believes a message complete one fragment too early."""

    class _Reassembly(Reassembly):
        def add(self, payload: SKF, plaintext: bytes) -> bool:
            return super().add(payload, plaintext) or len(self.pieces) == self.total - 1

    reassembly_class = _Reassembly


@defect("frag-timeout")
class NeverForgets(IkeSa):
    """Keeps fragments for ever."""

    def waits_until(self, parts: Reassembly) -> float:
        return inf


@defect("frag-retransmit-first")
class RetransmitNeedsAll(IkeSa):
    """Does not repeat the response when fragment 1 comes again."""

    def asks_again(self, payload: SKF) -> bool:
        return False


@defect("frag-retransmit-other")
class AnswersEveryFragment(IkeSa):
    """Repeats the response for every fragment that comes again."""

    def asks_again(self, payload: SKF) -> bool:
        return True


@defect("frag-next-after-repetition")
class CollectsRepetitions(IkeSa):
    """Collects fragments of an answered request once more, and others only when it has all of them."""

    collecting = -1

    def collect(self, message: Message, payload: SKF, plaintext: bytes) -> tuple[int, bytes] | None:
        if not message.is_response:
            if message.message_id == self.expected_id - 1 and payload.number > 1:
                self.collecting = message.message_id
            if self.collecting not in (-1, message.message_id):
                return None
        return super().collect(message, payload, plaintext)


@defect("frag-request-repeated")
class RepeatsOneFragment(IkeSa):
    """Repeats the first fragment of a request, and not the others."""

    def retransmit(self, pending: Pending) -> None:
        self.transmit(pending.datagrams[:1], self.local, self.remote)


@defect("frag-limit")
class UnboundedReassembly(IkeSa):
    """Stores fragments without a limit."""

    class _Reassembly(Reassembly):
        def overflows(self, plaintext: bytes) -> bool:
            return False

    reassembly_class = _Reassembly


@defect("frag-flood")
class ChokesOnFragments(Endpoint):
    """Answers nobody any more once a hundred fragments wait."""

    waiting = 0

    def receive(self, datagram: Datagram, now: float) -> None:
        self.waiting += datagram.payload[16] == SKF.payload_type
        if self.waiting < 100:
            super().receive(datagram, now)


@defect("frag-then-whole")
class FragmentsForEver(IkeSa):
    """Wants fragments only, once there were some."""

    seen = False

    def open(self, message: Message, raw: bytes) -> Message | None:
        self.seen = self.seen or message.first(SKF) is not None
        return None if self.seen and message.first(SK) else super().open(message, raw)


# --- sending ----------------------------------------------------------------------------------------------------------


@defect("frag-announce-unasked", "frag-request-not-supported")
class FragmentsUnasked(IkeSa):
    """Fragments by size alone, whatever the peer has announced."""

    def must_fragment(self, size: int, room: int) -> bool:
        return 0 < room < size


@defect("frag-liveness-whole")
class FragmentsAlways(IkeSa):
    """Fragments every message, even into a single fragment."""

    def must_fragment(self, size: int, room: int) -> bool:
        return self.fragmenting and room > 0


@defect("frag-response", "frag-request-by-device")
class NextPayloadInAll(IkeSa):
    """Repeats the type of the first payload in all fragments."""

    first_inner = 0

    def seal(self, message: Message, inner: int, plaintext: bytes, fragment: Fragment | None) -> bytes:
        self.first_inner = inner or self.first_inner
        return super().seal(message, self.first_inner if fragment else inner, plaintext, fragment)


@defect("frag-response", "frag-request-by-device")
class FragmentsTooLarge(IkeSa):
    """Forgets that headers take room, too."""

    def fragment_room(self) -> int:
        return self.connection.fragment_size


@defect("frag-init-whole")
class FragmentsInit(IkeSa):
    """Fragments IKE_SA_INIT as well, though nothing is encrypted there."""

    def encode(self, message: Message) -> list[bytes]:
        size = self.connection.fragment_size
        if message.exchange != ExchangeType.IKE_SA_INIT or not size or len(encode_message(message)) <= size:
            return super().encode(message)
        _, text = encode_payloads(message.payloads)
        pieces = [text[at : at + size] for at in range(0, len(text), size)]
        skfs = [SKF(message.payloads[0].payload_type, at, len(pieces), one) for at, one in enumerate(pieces, 1)]
        return [encode_message(replace(message, payloads=(one,))) for one in skfs]


@defect("frag-announce", "frag-announce-initiator")
class FragNotifyWithData(IkeSa):
    """Puts data into its announcement of fragmentation."""

    def init_notifies(self) -> list[Notify]:
        kind = NotifyType.IKEV2_FRAGMENTATION_SUPPORTED
        return [replace(one, data=b"\0\1") if one.type == kind else one for one in super().init_notifies()]


class _FewFragments(Reassembly):
    """Room for 16 fragments."""

    def accepts(self, payload: SKF) -> bool:
        return payload.total <= 16 and super().accepts(payload)


@defect("frag-many", "frag-many-reversed", "frag-many-auth")
class HasRoomForFewFragments(IkeSa):
    """Puts no message together that has more than 16 fragments."""

    reassembly_class = _FewFragments


@defect("frag-later-response", "frag-later-request")
class FragmentsOnce(IkeSa):
    """Fragments IKE_AUTH only, and sends what is large afterwards in one datagram."""

    def must_fragment(self, size: int, room: int) -> bool:
        return super().must_fragment(size, room) and max(self.next_id, self.expected_id) < 3


@defect("frag-limit-drops")
class LivesOn(IkeSa):
    """Throws too many fragments away and keeps the IKE SA."""

    def close(self, reason: str) -> None:
        if not reason.startswith("too many fragments"):
            super().close(reason)


@defect("frag-response-ipv6", "frag-request-by-device-ipv6")
class ForgetsIpv6(IkeSa):
    """Takes the header of IPv6 for one of IPv4."""

    def fragment_room(self) -> int:
        return super().fragment_room() + (20 if ":" in self.local.host else 0)
