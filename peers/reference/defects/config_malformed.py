"""Defects in reading malformed configuration payloads."""

from collections.abc import Sequence

from conformance.ike.ikesa import IkeSa
from conformance.wire import (
    CP,
    CfgAttr,
    CfgAttribute,
    CfgType,
    Message,
    Payload,
    PayloadType,
    UnknownPayload,
    decode_payloads,
)
from peers.reference.defects.registry import defect


class _Lenient(IkeSa):
    """Goes on with a CP payload that it cannot read."""

    def decode_inside(self, inner: int, plaintext: bytes) -> tuple[Payload, ...]:
        return tuple(map(self.read, decode_payloads(inner, plaintext, lenient=True)))

    def read(self, payload: Payload) -> Payload:
        return payload


@defect("cp-past-end", "cp-short")
class ReadsPastTheEnd(_Lenient):
    """Takes a malformed request for one for an address."""

    def read(self, payload: Payload) -> Payload:
        if isinstance(payload, UnknownPayload) and payload.type == PayloadType.CP:
            return CP(CfgType.REQUEST, (CfgAttr(CfgAttribute.INTERNAL_IP4_ADDRESS),))
        return payload


@defect("cp-cut")
class SilentOnMalformedRequest(_Lenient):
    """Gives no answer to a request that is malformed."""

    def process(self, message: Message) -> Sequence[Payload] | None:
        if any(isinstance(one, UnknownPayload) and one.type == PayloadType.CP for one in message.payloads):
            return None
        return super().process(message)
