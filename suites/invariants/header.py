"""The header of a message from the device (RFC 7296, sections 2.2, 2.5, 2.21 and 3.1)."""

from collections.abc import Iterator, Sequence

from conformance.script.sa import ScriptedSa
from conformance.wire import FLAG_INITIATOR, FLAG_RESPONSE, FLAG_VERSION, ExchangeType, Message
from suites.invariants.asked import Asked, Ours
from suites.invariants.broken import Broken

_KNOWN = FLAG_INITIATOR | FLAG_RESPONSE | FLAG_VERSION
_NONE = bytes(8)


def header(message: Message, sa: ScriptedSa | None, asked: Sequence[Asked]) -> Iterator[Broken]:
    """Version and flags; ``asked`` are the requests that a response may be for."""
    if sa is not None or any(one.straight for one in asked):
        if message.version >> 4 != 2:
            yield Broken("version", "RFC7296-3.1-10", "major version 2", f"version {message.version:#04x}")
        elif message.version & 15:
            yield Broken("version", "RFC7296-3.1-12", "minor version 0", f"version {message.version:#04x}")
    if message.flags & ~_KNOWN:
        yield Broken("flags", "RFC7296-2.5-7", "reserved flags of zero", f"flags {message.flags:#04x}")
    if message.flags & FLAG_VERSION:
        yield Broken("flags", "RFC7296-3.1-20", "the Version flag cleared", f"flags {message.flags:#04x}")


def role(message: Message, sa: ScriptedSa) -> Iterator[Broken]:
    """The Initiator flag of an authentic message."""
    if message.from_initiator == sa.initiator:
        rule = "RFC7296-3.1-23" if sa.initiator else "RFC7296-3.1-22"
        side = "responder" if sa.initiator else "initiator"
        got = f"flags {message.flags:#04x}"
        yield Broken("role", rule, f"the Initiator flag of the {side} of the IKE SA", got)


def response(message: Message, ours: Ours, sa: ScriptedSa | None) -> Iterator[Broken]:
    """A response is for a request of ours, and has its message ID, exchange type and SPIs.

    ``sa`` is the IKE SA of an authentic one.
    """
    same_id = ours.requests.get(message.message_id, [])
    if not same_id and (message.spi_i, message.message_id) in ours.responses:
        got = f"{message.exchange.name} response {message.message_id}"
        yield Broken("response", "RFC7296-3.1-19", "no response to a response", got)
    elif not same_id:
        got = f"{message.exchange.name} response {message.message_id}"
        yield Broken("response", "RFC7296-2.2-6", "the message ID of a request of ours", got)
    elif not (fits := [one for one in same_id if one.header.exchange == message.exchange]):
        wanted = " or ".join(sorted({one.header.exchange.name for one in same_id}))
        yield Broken(
            "response", "RFC7296-2.2-6", "the exchange type of the request", f"{message.exchange.name}, not {wanted}"
        )
    elif not any(_same_spis(one, message) if sa is None else _for(one, message, sa) for one in fits):
        got = f"SPIs {message.spi_i.hex()} and {message.spi_r.hex()}"
        yield Broken("response", "RFC7296-2.21.4-3", "the SPIs of the request", got)


def _for(one: Asked, message: Message, sa: ScriptedSa) -> bool:
    """Whether a request names the IKE SA by the SPI of the device, by which that finds it."""
    named, own = (one.header.spi_r, sa.spi_r) if sa.initiator else (one.header.spi_i, sa.spi_i)
    return named == own and (message.spi_i, message.spi_r) == (sa.spi_i, sa.spi_r)


def _same_spis(one: Asked, message: Message) -> bool:
    if one.header.spi_i != message.spi_i:
        return False
    opening = one.header.exchange == ExchangeType.IKE_SA_INIT and one.header.spi_r == _NONE
    return opening or one.header.spi_r == message.spi_r
