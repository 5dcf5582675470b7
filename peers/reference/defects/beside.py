"""Defects in what stands beside what is protected, and in fragments where there are none (RFC 7296, 2.5; RFC 7383)."""

from dataclasses import replace

from conformance.ike.endpoint import Endpoint
from conformance.ike.ikesa import IkeSa
from conformance.wire import (
    SK,
    SKF,
    Delete,
    ExchangeType,
    Message,
    NotifyType,
    Payload,
    ProtocolID,
    UnknownPayload,
    decode_payloads,
)
from peers.reference.defects.registry import defect

_TABLE = 30


@defect("auth-beside-critical", "auth-responder-beside-critical")
class LooksInsideOnly(IkeSa):
    """Does not look at what stands in front of the Encrypted payload."""

    def decrypted(self, message: Message, inner: int, plaintext: bytes) -> Message | None:
        return super().decrypted(replace(message, payloads=message.payloads[-1:]), inner, plaintext)


@defect("auth-beside-unknown", "auth-responder-beside-unknown", "frag-beside-unknown", "frag-response-beside-unknown")
class WantsNothingBeside(IkeSa):
    """Drops a protected message with anything in front of what is protected."""

    def open(self, message: Message, raw: bytes) -> Message | None:
        protected = any(isinstance(one, SK | SKF) for one in message.payloads)
        return None if protected and len(message.payloads) > 1 else super().open(message, raw)


@defect("frag-beside-many", "frag-response-beside-many")
class RoomForThirtyPayloads(IkeSa):
    """Keeps the payloads around a fragment in a table of thirty, and dies of one more."""

    def open(self, message: Message, raw: bytes) -> Message | None:
        found = super().open(message, raw)
        if isinstance(message.payloads[-1], SKF) and len(message.payloads) > _TABLE:
            raise IndexError("no room for another payload")
        return found


class _ReadsOn(IkeSa):
    """Believes what stands behind a fragment."""

    def behind(self, raw: bytes, end: int) -> bool:
        raise NotImplementedError

    def receive(self, raw: bytes, *given: object) -> None:
        end = 28 + int.from_bytes(raw[30:32], "big")
        if raw[16] == SKF.payload_type and end < len(raw) and self.behind(raw, end):
            self.close("what stands behind a fragment")
        else:
            super().receive(raw, *given)  # type: ignore[arg-type]


@defect("frag-not-last")
class ObeysWhatIsBehindFragments(_ReadsOn):
    """Obeys a Delete in clear behind a fragment."""

    def behind(self, raw: bytes, end: int) -> bool:
        return raw[end + 4 : end + 8] == bytes((ProtocolID.IKE, 0, 0, 0))


@defect("frag-and-whole")
class LosesItsWayBehindFragments(_ReadsOn):
    """Gives an IKE SA up for a fragment with a protected payload behind it."""

    def behind(self, raw: bytes, end: int) -> bool:
        return raw[end] == Delete.payload_type


@defect("frag-unnegotiated")
class AnswersInFragmentsUnasked(IkeSa):
    """Takes a fragment for the announcement of fragmentation."""

    def open(self, message: Message, raw: bytes) -> Message | None:
        if message.first(SKF) is not None:
            self.fragmenting = True
            self.pmtu.threshold = 200
        return super().open(message, raw)


@defect("frag-announced-unasked")
class FragmentsWhereThePeerCan(IkeSa):
    """Fragments where the peer has announced it, though it has not itself."""

    def init_announced(self, message: Message) -> None:
        super().init_announced(message)
        if message.notify(NotifyType.IKEV2_FRAGMENTATION_SUPPORTED) is not None and not self.can_fragment():
            self.fragmenting = True
            self.pmtu.threshold = 400


def _unwrapped(message: Message) -> Message:
    """An IKE_SA_INIT message that came in one fragment, as it would have come without."""
    last = message.payloads[-1] if message.payloads else None
    if message.exchange != ExchangeType.IKE_SA_INIT or not isinstance(last, SKF) or last.total != 1:
        return message
    return replace(message, payloads=decode_payloads(int(last.inner), last.body))


@defect("frag-in-init")
class UnwrapsRequests(Endpoint):
    """Takes an IKE_SA_INIT request out of a fragment in clear."""

    def decode(self, raw: bytes) -> Message:
        return _unwrapped(super().decode(raw))


@defect("frag-in-init-response")
class UnwrapsResponses(IkeSa):
    """Takes an IKE_SA_INIT response out of a fragment in clear."""

    def decode(self, raw: bytes) -> Message:
        return _unwrapped(super().decode(raw))


@defect("frag-critical", "frag-response-critical")
class TrustsWhatIsPutTogether(IkeSa):
    """Leaves unknown payloads out of a message that came in fragments, critical ones included."""

    whole = True

    def open(self, message: Message, raw: bytes) -> Message | None:
        self.whole = message.first(SKF) is None
        return super().open(message, raw)

    def decode_inside(self, inner: int, plaintext: bytes) -> tuple[Payload, ...]:
        found = super().decode_inside(inner, plaintext)
        return found if self.whole else tuple(one for one in found if not isinstance(one, UnknownPayload))
