"""The header of a message from the device (RFC 7296, sections 2.2, 2.5, 2.21 and 3.1)."""

from collections.abc import Sequence

from conformance.script.sa import ScriptedSa
from conformance.wire import FLAG_INITIATOR, FLAG_RESPONSE, FLAG_VERSION, ExchangeType, Message
from suites.invariants.asked import Asked, Ours
from suites.invariants.broken import Findings

_KNOWN = FLAG_INITIATOR | FLAG_RESPONSE | FLAG_VERSION
_NONE = bytes(8)


def header(message: Message, sa: ScriptedSa | None, asked: Sequence[Asked], found: Findings) -> None:
    """Version, flags, and the message ID of IKE_SA_INIT; ``asked`` are the requests that a response may be for."""
    flags = f"flags {message.flags:#04x}"
    if sa is not None or any(one.straight for one in asked):
        version, right = f"version {message.version:#04x}", message.version >> 4 == 2
        found.must("version", "RFC7296-3.1-10", right, "major version 2", version)
        found.must("version", "RFC7296-3.1-12", not (right and message.version & 15), "minor version 0", version)
    found.must("flags", "RFC7296-2.5-7", not message.flags & ~_KNOWN, "reserved flags of zero", flags)
    found.must("flags", "RFC7296-3.1-20", not message.flags & FLAG_VERSION, "the Version flag cleared", flags)
    if message.is_response:
        return
    if message.exchange == ExchangeType.IKE_SA_INIT:
        number = f"message ID {message.message_id}"
        found.must("message-id", "RFC7296-2.2-2", not message.message_id, "message ID 0 in IKE_SA_INIT", number)


def role(message: Message, sa: ScriptedSa, found: Findings) -> None:
    """The Initiator flag of an authentic message."""
    rule = "RFC7296-3.1-23" if sa.initiator else "RFC7296-3.1-22"
    side = "responder" if sa.initiator else "initiator"
    right = message.from_initiator != sa.initiator
    found.must("role", rule, right, f"the Initiator flag of the {side} of the IKE SA", f"flags {message.flags:#04x}")


def response(message: Message, ours: Ours, sa: ScriptedSa | None, found: Findings) -> None:
    """A response is for a request of ours, and has its message ID, exchange type and SPIs.

    ``sa`` is the IKE SA of one that is protected.
    """
    same_id = ours.requests.get(message.message_id, [])
    got = f"{message.exchange.name} response {message.message_id}"
    if not same_id and (message.spi_i, message.message_id) in ours.responses:
        found.must("response", "RFC7296-3.1-19", False, "no response to a response", got)
        return
    found.must("response", "RFC7296-2.2-6", same_id, "the message ID of a request of ours", got)
    if not same_id or any(one.header.version >> 4 != 2 for one in same_id):
        return  # exchange types of other versions are no matter of this one
    named = [one for one in same_id if (_same_spis(one, message) if sa is None else _for(one, message, sa))]
    asked = sorted({one.header.exchange.name for one in named or same_id})
    if message.exchange.name not in asked:
        got = f"{message.exchange.name}, not {' or '.join(asked)}"
        found.must("response", "RFC7296-2.2-6", False, "the exchange type of the request", got)
        return
    got = f"SPIs {message.spi_i.hex()} and {message.spi_r.hex()}"
    found.must("response", "RFC7296-2.21.4-3", named, "the SPIs of the request", got)


def _for(one: Asked, message: Message, sa: ScriptedSa) -> bool:
    """Whether a request names the IKE SA by the SPI of the device, by which that finds it."""
    named, own = (one.header.spi_r, sa.spi_r) if sa.initiator else (one.header.spi_i, sa.spi_i)
    return named == own and (message.spi_i, message.spi_r) == (sa.spi_i, sa.spi_r)


def _same_spis(one: Asked, message: Message) -> bool:
    if one.header.spi_i != message.spi_i:
        return False
    opening = one.header.exchange == ExchangeType.IKE_SA_INIT and one.header.spi_r == _NONE
    return opening or one.header.spi_r == message.spi_r
