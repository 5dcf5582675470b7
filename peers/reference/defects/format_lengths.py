"""Defects in reading lengths, counts and chains of payloads (RFC 7296, section 3)."""

from collections.abc import Callable
from dataclasses import replace

from conformance.ike.core.events import Refusal
from conformance.ike.endpoint import Endpoint
from conformance.ike.ikesa import IkeSa
from conformance.net.link import Datagram
from conformance.wire import (
    SA,
    SK,
    Delete,
    ExchangeType,
    Header,
    Message,
    Nonce,
    Notify,
    NotifyType,
    Payload,
    ProtocolID,
    TrafficSelector,
    TSi,
    TSr,
    UnknownPayload,
    WireError,
    decode_message,
    decode_payloads,
)
from peers.reference.defects.registry import defect

Mend = Callable[[bytearray], None]


def _mended(payload: Payload, kind: type[SA] | type[TSi] | type[TSr] | type[Delete], mend: Mend) -> Payload:
    """A payload that a strict decoder does not take, read after ``mend`` has made its numbers fit."""
    if not isinstance(payload, UnknownPayload) or payload.type != kind.payload_type:
        return payload
    body = bytearray(payload.body)
    mend(body)
    try:
        return kind.parse_body(bytes(body))
    except WireError:
        return payload


class _Guessing(Endpoint):
    """Reads a malformed SA payload as it is most likely meant, in either role."""

    def __init_subclass__(cls) -> None:
        mend = cls.mend

        class GuessingSa(IkeSa):
            """The same on the IKE SA: IKE_SA_INIT responses and what is encrypted."""

            def decode(self, raw: bytes) -> Message:
                return _read(raw, mend)

            def decode_inside(self, inner: int, plaintext: bytes) -> tuple[Payload, ...]:
                found = decode_payloads(inner, plaintext, lenient=True)
                return tuple(_mended(one, SA, mend) for one in found)

        cls.sa_class = GuessingSa

    @staticmethod
    def mend(body: bytearray) -> None:
        """Make the numbers fit."""

    def decode(self, raw: bytes) -> Message:
        return _read(raw, self.mend)


def _read(raw: bytes, mend: Mend) -> Message:
    try:
        return decode_message(raw)
    except WireError:
        message = decode_message(raw, lenient=True)
        return replace(message, payloads=tuple(_mended(one, SA, mend) for one in message.payloads))


def _transforms(body: bytearray) -> list[int]:
    """Where the transforms of the first proposal begin, if their lengths are right."""
    found, at = [], 8 + body[6]
    while at + 8 <= len(body):
        found.append(at)
        at += max(8, int.from_bytes(body[at + 2 : at + 4], "big"))
    return found


@defect("format-sa-length", "format-response-sa-length", "format-child-sa-length")
class TrustsProposalLength(_Guessing):
    """Reads a proposal to the end of the payload, whatever its length says."""

    @staticmethod
    def mend(body: bytearray) -> None:
        body[2:4] = len(body).to_bytes(2, "big")


@defect(
    "format-transform-count", "format-response-transform-count", "format-child-sa-length",
    "format-response-auth-malformed",
)  # fmt: skip
class IgnoresTransformCount(_Guessing):
    """Counts the transforms by itself."""

    @staticmethod
    def mend(body: bytearray) -> None:
        body[7] = len(_transforms(body))


@defect("format-transform-length")
class TrustsTransformLength(_Guessing):
    """Takes transforms to be as long as they usually are."""

    @staticmethod
    def mend(body: bytearray) -> None:
        body[10:12] = b"\x00\x0c"


@defect("format-attribute-length")
class IgnoresAttributeLength(_Guessing):
    """Takes the value of an attribute to be a key length, whatever the attribute says about its form."""

    @staticmethod
    def mend(body: bytearray) -> None:
        if body[16:18] == b"\x00\x0e":
            del body[18:20]
            body[16] |= 0x80
            body[2:4] = len(body).to_bytes(2, "big")
            body[10:12] = b"\x00\x0c"


@defect("format-spi-size", "format-child-sa-length")
class IgnoresSpiSize(_Guessing):
    """Takes the SPI to be as long as it should be."""

    @staticmethod
    def mend(body: bytearray) -> None:
        body[6] = 0 if body[5] == ProtocolID.IKE else 4


class _Mortal(Endpoint):
    """An endpoint that may hang for ever: it answers nobody any more."""

    dead = False

    def receive(self, datagram: Datagram, now: float) -> None:
        if not self.dead:
            super().receive(datagram, now)


@defect(
    "format-sa-length", "format-transform-count", "format-transform-length", "format-attribute-length",
    "format-spi-size", "format-last-substructure", "format-payload-length-short", "format-payload-length-long",
    "format-next-payload-dangling", "format-header-length",
)  # fmt: skip
class HangsOnMalformed(_Mortal):
    """Hangs for ever on the first malformed IKE_SA_INIT request."""

    def malformed_init(self, header: Header, datagram: Datagram, error: WireError) -> None:
        self.dead = True


@defect("format-truncated", "format-random-octets")
class CrashesOnShort(_Mortal):
    """Crashes on a datagram that is shorter than an IKE header."""

    def receive(self, datagram: Datagram, now: float) -> None:
        self.dead = self.dead or len(datagram.payload) < 28
        super().receive(datagram, now)


@defect("format-sk-too-short", "format-sk-no-blocks", "format-forged-malformed")
class CrashesOnShortSk(IkeSa):
    """Gives the IKE SA up for an Encrypted payload that cannot hold IV and ICV."""

    def open(self, message: Message, raw: bytes) -> Message | None:
        sealed = message.first(SK)
        if sealed is not None and len(sealed.body) < 24:
            self.close("crashed")
            return None
        return super().open(message, raw)

    def malformed(self, raw: bytes, error: WireError) -> None:
        self.close("crashed")


@defect("format-forged-malformed")
class AnswersForgedMalformed(IkeSa):
    """Answers INVALID_SYNTAX to what is malformed before it knows whether it is authentic."""

    def malformed(self, raw: bytes, error: WireError) -> None:
        message = decode_message(raw, lenient=True)
        if self.keys is not None and not message.is_response:
            self.respond(message, [Notify(NotifyType.INVALID_SYNTAX)])


@defect("format-payload-length-long", "format-next-payload-dangling")
class ReadsWhatIsThere(Endpoint):
    """Reads payloads as far as there are octets, and does not care about the rest."""

    def decode(self, raw: bytes) -> Message:
        return decode_message(raw, lenient=True)


@defect("format-response-payload-length", "format-response-length-zero")
class AnswersMalformedResponse(IkeSa):
    """Answers a malformed response by an error message."""

    def malformed(self, raw: bytes, error: WireError) -> None:
        if self.initiator and self.keys is None:
            answer = self.message(ExchangeType.INFORMATIONAL, [Notify(NotifyType.INVALID_SYNTAX)], 0, response=False)
            self.transmit(self.encode(answer), self.local, self.remote)


@defect("format-inner-next-payload", "format-inner-length")
class IgnoresDangling(IkeSa):
    """Reads payloads inside of the Encrypted payload as far as they make sense, and ignores the rest."""

    def decode_inside(self, inner: int, plaintext: bytes) -> tuple[Payload, ...]:
        return decode_payloads(inner, plaintext, lenient=True)


@defect("format-invalid-syntax-fatal")
class OutlivesInvalidSyntax(IkeSa):
    """Keeps the IKE SA after it has answered INVALID_SYNTAX."""

    def invalid_syntax(self, message: Message, error: WireError) -> None:
        self.respond(message, [Notify(NotifyType.INVALID_SYNTAX)])


class _LaxSelectors(IkeSa):
    """Reads malformed selectors as they are most likely meant."""

    @staticmethod
    def mend(body: bytearray) -> None:
        """Make the numbers fit."""

    def decode_inside(self, inner: int, plaintext: bytes) -> tuple[Payload, ...]:
        found = decode_payloads(inner, plaintext, lenient=True)
        return tuple(_mended(_mended(one, TSi, self.mend), TSr, self.mend) for one in found)


@defect("format-ts-length")
class IgnoresSelectorLength(_LaxSelectors):
    """Takes selectors to be as long as addresses make them."""

    @staticmethod
    def mend(body: bytearray) -> None:
        body[6:8] = b"\x00\x10"


@defect("format-ts-count")
class IgnoresSelectorCount(_LaxSelectors):
    """Counts selectors by itself."""

    @staticmethod
    def mend(body: bytearray) -> None:
        body[0] = (len(body) - 4) // 16


@defect("format-ts-left-over")
class TakesLeftOversForEverything(_LaxSelectors):
    """Takes what is behind the last selector for one more, of all addresses, and grants whatever is asked for."""

    @staticmethod
    def mend(body: bytearray) -> None:
        counted = 4 + 16 * sum(body[:1])
        if len(body) > counted:
            body[counted:] = b"\x07\0\0\x10\0\0\xff\xff" + bytes(4) + b"\xff" * 4
            body[0] += 1

    def narrowed(self, offered: TSi | TSr, policy: tuple[TrafficSelector, ...]) -> tuple[TrafficSelector, ...]:
        return tuple(one for one in offered.selectors if isinstance(one, TrafficSelector))


@defect("format-child-notify-spi")
class SilentOnMalformed(IkeSa):
    """Does not answer what is authentic but malformed."""

    def invalid_syntax(self, message: Message, error: WireError) -> None:
        self.drop(str(error))


@defect("format-delete-spi-size")
class IgnoresDeleteSpiSize(IkeSa):
    """Takes the first four octets of an SPI in a Delete payload."""

    def named(self, delete: Delete) -> list:  # type: ignore[type-arg]
        return super().named(replace(delete, spis=tuple(spi[:4] for spi in delete.spis)))


@defect("format-delete-count")
class EchoesDeletes(IkeSa):
    """Reads as many SPIs as there are and returns what it could not find."""

    def decode_inside(self, inner: int, plaintext: bytes) -> tuple[Payload, ...]:
        def mend(body: bytearray) -> None:
            body[2:4] = ((len(body) - 4) // 4).to_bytes(2, "big")

        return tuple(_mended(one, Delete, mend) for one in decode_payloads(inner, plaintext, lenient=True))

    def handle_informational(self, message: Message) -> list[Payload]:
        return list(super().handle_informational(message)) or list(message.all(Delete))


@defect("format-nonce-sizes")
class LongNonceRejected(IkeSa):
    """Rejects nonces of more than 64 octets."""

    def respond_init(self, message: Message, raw: bytes) -> None:
        nonce = message.first(Nonce)
        if nonce is not None and len(nonce.data) > 64:
            raise Refusal(NotifyType.INVALID_SYNTAX, "a long nonce")
        super().respond_init(message, raw)
