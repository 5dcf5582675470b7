"""EAP packets of the device (RFC 7296, section 3.16; RFC 3748, section 4)."""

from conformance.wire import EAP, EapCode, EapType, Message
from suites.invariants.broken import Findings

_ENDS = (EapCode.SUCCESS, EapCode.FAILURE)


def eap(message: Message, before: Message | None, found: Findings) -> None:
    """``before`` is the response of ours that a request of the device follows, None where it is not known."""
    mine = message.first(EAP)
    if mine is None:
        return
    packet = mine.packet
    if packet.code in _ENDS:
        size = 4 + len(packet.data) + (packet.type is not None)
        found.must("eap", "RFC7296-3.16-3", size == 4, f"EAP-{packet.code.name} of 4 octets", f"{size} octets")
    asked = before.first(EAP) if before is not None else None
    if packet.code != EapCode.RESPONSE or asked is None or asked.packet.code != EapCode.REQUEST:
        return
    theirs = asked.packet
    right, got = packet.identifier == theirs.identifier, f"identifier {packet.identifier}"
    found.must("eap", "RFC7296-3.16-1", right, f"the identifier {theirs.identifier} of the request", got)
    fits = packet.type in (theirs.type, EapType.NAK, EapType.EXPANDED)
    got = packet.type.name if packet.type is not None else "no type"
    wanted = theirs.type.name if theirs.type is not None else "none"
    found.must("eap", "RFC7296-3.16-4", fits, f"a response of type {wanted}, or a Nak", got)
