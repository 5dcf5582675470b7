"""Defects in what is sent, in RESERVED fields, and in the Encrypted payload (RFC 7296, sections 2.5, 3.14)."""

from collections.abc import Sequence
from dataclasses import replace

from conformance.crypto import IntegrityError
from conformance.ike.core import protection
from conformance.ike.core.protection import Fragment
from conformance.ike.endpoint import Endpoint
from conformance.ike.ikesa import IkeSa
from conformance.wire import (
    FLAG_VERSION,
    SA,
    SK,
    SKF,
    Attribute,
    AttributeType,
    ExchangeType,
    Header,
    Message,
    Notify,
    Payload,
    ProtocolID,
    TrafficSelector,
    Transform,
    TSi,
    TSr,
    WireError,
    decode_message,
    decode_payloads,
)
from peers.reference.defects.registry import defect


@defect("format-reserved-sent", "format-reserved-sent-initiator")
class SendsReserved(IkeSa):
    """Fills the RESERVED octet of its proposals."""

    def message(
        self, exchange: ExchangeType, payloads: Sequence[Payload], message_id: int, *, response: bool
    ) -> Message:
        filled = [
            replace(one, proposals=tuple(replace(each, reserved=1) for each in one.proposals))
            if isinstance(one, SA)
            else one
            for one in payloads
        ]
        return super().message(exchange, filled, message_id, response=response)


def _changed(sa: SA, **lies: object) -> SA:
    """The SA payload with a change in the last transform of its last proposal."""
    proposal = sa.proposals[-1]
    last: Transform = replace(proposal.transforms[-1], **lies)  # type: ignore[arg-type]
    return replace(sa, proposals=(*sa.proposals[:-1], replace(proposal, transforms=(*proposal.transforms[:-1], last))))


@defect("format-lengths-sent", "format-lengths-sent-initiator")
class WrongLastSubstruc(IkeSa):
    """Leaves a 3 in its last transform."""

    def message(
        self, exchange: ExchangeType, payloads: Sequence[Payload], message_id: int, *, response: bool
    ) -> Message:
        wrong = [_changed(one, last=3) if isinstance(one, SA) else one for one in payloads]
        return super().message(exchange, wrong, message_id, response=response)


@defect("format-version-sent")
class SetsVersionFlag(IkeSa):
    """Sets the Version flag in protected messages."""

    def flags(self, *, response: bool) -> int:
        return super().flags(response=response) | (FLAG_VERSION if self.keys is not None else 0)


@defect("format-notify-sent")
class NotifyProtocolIke(IkeSa):
    """Sends Protocol ID 1 in notifications about the IKE SA."""

    def init_notifies(self) -> list[Notify]:
        return [replace(one, protocol=ProtocolID.IKE) for one in super().init_notifies()]


@defect("format-attribute-sent")
class KeyLengthTlv(IkeSa):
    """Encodes the Key Length attribute with a length of its own."""

    def init_response(self, chosen: object, public: bytes) -> Sequence[Payload]:
        long = Attribute(AttributeType.KEY_LENGTH, b"\x00\x80")
        return [self.lengthened(one, long) for one in super().init_response(chosen, public)]  # type: ignore[arg-type]

    def lengthened(self, payload: Payload, attribute: Attribute) -> Payload:
        """The payload with this attribute in all transforms that have one."""
        if not isinstance(payload, SA):
            return payload
        proposal = payload.proposals[0]
        transforms = (replace(one, attributes=(attribute,) if one.attributes else ()) for one in proposal.transforms)
        return SA((replace(proposal, transforms=tuple(transforms)),))


@defect("format-ts-sent")
class PortsZeroZero(IkeSa):
    """Sends the ports 0 to 0 for any port."""

    def narrowed(self, offered: TSi | TSr, policy: tuple[TrafficSelector, ...]) -> tuple[TrafficSelector, ...]:
        return tuple(replace(one, end_port=0) for one in super().narrowed(offered, policy))


@defect("format-padding-sent")
class PadsAWholeBlock(IkeSa):
    """Adds a block of padding more than is needed."""

    def seal(self, message: Message, inner: int, plaintext: bytes, fragment: Fragment | None) -> bytes:
        assert self.keys is not None
        scheme = self.keys.suite.cipher
        text = protection.padded(plaintext, scheme.block_size)
        size = text[-1] + scheme.block_size
        text = text[:-1] + bytes(scheme.block_size) + bytes((size,))
        return protection.seal(message, inner, text, scheme, self.own_key, self.random, fragment)


@defect("format-iv-unpredictable")
class ChainsIv(IkeSa):
    """Takes the last block of a message as the IV of the next one."""

    last_block = b""

    def seal(self, message: Message, inner: int, plaintext: bytes, fragment: Fragment | None) -> bytes:
        assert self.keys is not None
        drawn, before = self.random, self.last_block
        try:
            if before:
                self.random = lambda size: before[:size]
            raw = super().seal(message, inner, plaintext, fragment)
        finally:
            self.random = drawn
        icv = self.keys.suite.cipher.icv_size
        self.last_block = raw[-icv - 16 : -icv]
        return raw


# --- RESERVED fields received -----------------------------------------------------------------------------------------


def _check_reserved(payloads: Sequence[Payload]) -> None:
    if any(one.reserved for one in payloads):
        raise WireError(0, "reserved", "not zero")


class ReservedCheckingSa(IkeSa):
    """Takes a RESERVED field that is not zero for an error."""

    def decode(self, raw: bytes) -> Message:
        message = super().decode(raw)
        _check_reserved(message.payloads)
        return message

    def decode_inside(self, inner: int, plaintext: bytes) -> tuple[Payload, ...]:
        payloads = super().decode_inside(inner, plaintext)
        _check_reserved(payloads)
        return payloads


@defect(
    "format-reserved-ignored", "format-reserved-ignored-auth", "format-reserved-ignored-initiator",
    "format-reserved-ignored-child", "format-reserved-ignored-rekey", "format-reserved-ignored-info",
    "format-reserved-ignored-info-initiator",
)  # fmt: skip
class ChecksReserved(Endpoint):
    """Takes a RESERVED field that is not zero for an error."""

    sa_class = ReservedCheckingSa

    def decode(self, raw: bytes) -> Message:
        message = super().decode(raw)
        _check_reserved(message.payloads)
        return message


# --- the Encrypted payload --------------------------------------------------------------------------------------------


@defect(
    *("format-padding-long", "format-padding-long-initiator", "format-padding-chacha"),
    "format-padding-chacha-initiator",
)
class MinimalPaddingOnly(IkeSa):
    """Rejects padding that is longer than needed."""

    def unseal(self, raw: bytes, payload: SK | SKF) -> bytes:
        assert self.keys is not None
        text, scheme = super().unseal(raw, payload), self.keys.suite.cipher
        if len(payload.body) - len(text) > scheme.iv_size + scheme.block_size + scheme.icv_size:
            raise IntegrityError("too much padding")
        return text


@defect("format-padding-beyond")
class PadLengthUnchecked(IkeSa):
    """Takes what is padding from end to end for an empty message."""

    def unseal(self, raw: bytes, payload: SK | SKF) -> bytes:
        try:
            return super().unseal(raw, payload)
        except WireError:
            return b""

    def decode_inside(self, inner: int, plaintext: bytes) -> tuple[Payload, ...]:
        return super().decode_inside(inner if plaintext else 0, plaintext)


@defect("format-iv-any")
class RejectsRepeatedIv(IkeSa):
    """Keeps a list of the IVs that it has seen."""

    def unseal(self, raw: bytes, payload: SK | SKF) -> bytes:
        seen: set[bytes] = self.__dict__.setdefault("ivs", set())
        if payload.body[:16] in seen:
            raise IntegrityError("an IV again")
        seen.add(payload.body[:16])
        return super().unseal(raw, payload)


@defect("format-sk-not-last")
class ParsesBehindSk(IkeSa):
    """Takes what stands behind the Encrypted payload for more payloads of the message."""

    behind: tuple[Payload, ...] = ()

    def decode(self, raw: bytes) -> Message:
        message = decode_message(raw, lenient=True)
        sealed = message.first(SK)
        if sealed is None or not message.trailing:
            return super().decode(raw)
        self.behind = decode_payloads(int(sealed.inner), message.trailing, lenient=True)
        return replace(message, trailing=b"")

    def open(self, message: Message, raw: bytes) -> Message | None:
        more, self.behind = self.behind, ()
        sealed = message.first(SK)
        if sealed is not None and more:
            raw = raw[: 32 + len(sealed.body)]
        opened = super().open(message, raw)
        return opened if opened is None else replace(opened, payloads=(*opened.payloads, *more))


@defect("format-sk-nested")
class UnwrapsTwice(IkeSa):
    """Opens an Encrypted payload inside of another one."""

    def decrypted(self, message: Message, inner: int, plaintext: bytes) -> Message | None:
        opened = super().decrypted(message, inner, plaintext)
        nested = opened.first(SK) if opened is not None else None
        if opened is None or nested is None:
            return opened
        outer = replace(message, payloads=())
        raw = protection.associated_data(outer, int(nested.inner), len(nested.body), None) + nested.body
        return super().decrypted(message, int(nested.inner), self.unseal(raw, nested))


# --- versions ---------------------------------------------------------------------------------------------------------


@defect("format-minor-version")
class RejectsMinorVersion(Endpoint):
    """Speaks 2.0 and no other minor version."""

    def speaks(self, header: Header) -> bool:
        return header.version == 0x20


@defect("format-major-version")
class AnyMajorVersion(Endpoint):
    """Does not look at the version."""

    def speaks(self, header: Header) -> bool:
        return True
