"""Requirements that a message of the device breaks, or that its state shows to be broken."""

from collections.abc import Iterator, Sequence

from conformance.crypto import IntegrityError
from conformance.ike.core import protection
from conformance.script.sa import ScriptedSa, fatal
from conformance.script.trace import Entry
from conformance.wire import (
    AUTH,
    SA,
    SK,
    ExchangeType,
    Message,
    Payload,
    PayloadType,
    WireError,
    decode_message,
    decode_payloads,
)
from suites.campaign.case import Problem
from suites.invariants import Broken


def problem_of(broken: Broken) -> Problem:
    """An invariant that does not hold, as a problem."""
    words = f"expected {broken.expected}, got {broken.got}"
    return Problem("requirement", f"{broken.name}: {broken.expected}", words, broken.requirement)


LOST = Problem(
    "requirement",
    "lost: an IKE SA that is up survives what is not protected",
    "the IKE SA answers no more, though nothing that was sent passes its integrity check",
    "RFC7296-2.4-7",
)


def unproved(straight: Sequence[Message | None], entries: Sequence[Entry], sa: ScriptedSa | None) -> Iterator[Problem]:
    """An IKE_AUTH request whose proof is not ours any more is taken (RFC 7296, section 2.15).

    ``straight`` are our messages before they were bent, ``entries`` what went to and fro.
    """
    right = {
        (one.message_id, auth.method, auth.data)
        for one in straight
        if one is not None and one.exchange == ExchangeType.IKE_AUTH and (auth := one.first(AUTH)) is not None
    }
    if sa is None or sa.keys is None or not right:
        return
    for number in {one[0] for one in right}:
        said = [_seen(entry, sa) for entry in entries if entry.sent]
        asked = [one for one in said if one is not None and one[0] == number]
        shown = {(number, auth.method, auth.data) for one in asked for auth in one[1] if isinstance(auth, AUTH)}
        if not asked or shown & right or _in_fragments(entries, number, sa) or not _taken(entries, number):
            continue
        words = "IKE_AUTH succeeds without our AUTH payload: " + ("another one was sent" if shown else "none was sent")
        yield Problem("requirement", "proof: nothing is established without proof", words, "RFC7296-1.2-11")


def _seen(entry: Entry, sa: ScriptedSa) -> tuple[int, tuple[Payload, ...]] | None:
    """The message ID and payloads of a request of ours as the device decrypts them."""
    assert sa.keys is not None
    if entry.datagram is None:
        return None
    raw = sa.peer.octets(entry.datagram)
    try:
        message = decode_message(raw)
        last = message.payloads[-1] if message.payloads else None
        if not isinstance(last, SK) or message.is_response:
            return None
        plain = protection.unseal(raw, last, sa.keys.suite.cipher, sa.own_key)
        return message.message_id, decode_payloads(int(last.inner), plain)
    except (WireError, IntegrityError):
        return None


def _in_fragments(entries: Sequence[Entry], number: int, sa: ScriptedSa) -> bool:
    """Whether a request with this message ID went in fragments, which a device may put together in its own way."""
    sent = [sa.peer.octets(one.datagram) for one in entries if one.sent and one.datagram]
    return any(raw[16:17] == bytes((PayloadType.SKF,)) and raw[20:24] == number.to_bytes(4, "big") for raw in sent)


def _taken(entries: Sequence[Entry], number: int) -> bool:
    """Whether the device says in its response that it believes us."""
    return any(
        not one.sent
        and one.encrypted
        and one.message is not None
        and one.message.exchange == ExchangeType.IKE_AUTH
        and one.message.is_response
        and one.message.message_id == number
        and fatal(one.message) is None
        and (one.message.first(AUTH) is not None or one.message.first(SA) is not None)
        for one in entries
    )
