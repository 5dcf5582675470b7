"""Requirements that a message of the device breaks, or that its state shows to be broken."""

from collections.abc import Container, Iterator, Sequence

from conformance.crypto import IntegrityError
from conformance.script.sa import ScriptedSa, fatal
from conformance.script.trace import Entry
from conformance.wire import (
    AUTH,
    EAP,
    SA,
    ExchangeType,
    Message,
    Payload,
    PayloadType,
    TSi,
    TSr,
    WireError,
)
from peers.capabilities import Capability
from peers.contract import Device, DeviceError, SaState
from suites.campaign.case import Problem
from suites.invariants import Broken
from suites.invariants.asked import as_read


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


def unproved(
    straight: Sequence[Message | None],
    entries: Sequence[Entry],
    sa: ScriptedSa | None,
    before: Container[int] = (),
) -> Iterator[Problem]:
    """An IKE_AUTH request whose proof is not ours any more is taken (RFC 7296, section 2.15).

    ``straight`` are our messages before they were bent, ``entries`` what went to and fro. ``before`` are the IDs
    of requests in cases before: a slow device may answer those only now.
    """
    right = {
        (one.message_id, auth.method, auth.data)
        for one in straight
        if one is not None and one.exchange == ExchangeType.IKE_AUTH and (auth := one.first(AUTH)) is not None
    }
    if sa is None or sa.keys is None or not right:
        return
    for number in {one[0] for one in right if one[0] not in before}:
        said = [_seen(entry, sa) for entry in entries if entry.sent]
        asked = [one for one in said if one is not None and one[0] == number]
        shown = {(number, auth.method, auth.data) for one in asked for auth in one[1] if isinstance(auth, AUTH)}
        unknown = _in_fragments(entries, number, sa) or _unreadable(entries, number, sa)
        if not asked or shown & right or unknown or not _taken(entries, number):
            continue
        words = "IKE_AUTH succeeds without our AUTH payload: " + ("another one was sent" if shown else "none was sent")
        yield Problem("requirement", "proof: nothing is established without proof", words, "RFC7296-1.2-11")


def halved(
    trace: Sequence[Entry], entries: Sequence[Entry], sa: ScriptedSa | None, before: Container[int] = ()
) -> Iterator[Problem]:
    """IKE_AUTH with a part of what a Child SA needs succeeds, as if all of it or nothing had been asked for.

    ``trace`` has what was sent before, too: a repeated message ID is answered as it was before. Where there are several
    requests the first one asks for the Child SA (section 2.16), and what others have of one asks for nothing.
    ``before`` are the IDs of requests in cases before, as for `unproved`.
    """
    if sa is None or sa.keys is None:
        return
    begun = min((one.message.message_id for one in trace if one.message and _answers_auth(one, sa)), default=None)
    for came in entries:
        message = came.message
        if came.sent or message is None or not came.encrypted or not message.is_response:
            continue
        number = message.message_id
        over = message.first(AUTH) is not None and message.first(EAP) is None
        late = number in before or (begun is not None and begun in before)
        if message.exchange != ExchangeType.IKE_AUTH or not over or late or fatal(message) is not None:
            continue
        said = [_seen(entry, sa) for entry in trace if entry.sent]
        asked = [one[1] for one in said if one is not None and one[0] == begun]
        whole = [{type(each) for each in one} & {SA, TSi, TSr} for one in asked]
        in_fragments = any(_in_fragments(trace, one, sa) for one in (begun, number) if one is not None)
        if whole and all(0 < len(one) < 3 for one in whole) and not in_fragments:
            words = (
                "IKE_AUTH has " + " and ".join(sorted(one.__name__ for one in whole[0])) + ", and no error answers it"
            )
            symptom = "whole: an IKE_AUTH request with a part of a Child SA is refused"
            yield Problem("requirement", symptom, words, "RFC7296-2.21-1")


def _answers_auth(entry: Entry, sa: ScriptedSa) -> bool:
    """Whether this is an IKE_AUTH response of the device in this IKE SA."""
    message = entry.message
    if entry.sent or message is None or not entry.encrypted or message.spi_i != sa.spi_i:
        return False
    return message.exchange == ExchangeType.IKE_AUTH and message.is_response


def believed(
    device: Device, straight: Sequence[Message | None], entries: Sequence[Entry], sa: ScriptedSa | None
) -> Iterator[Problem]:
    """A device that has asked takes an IKE_AUTH response whose proof is not ours: it lists the IKE SA as up."""
    if sa is None or sa.keys is None or Capability.LIST_SAS not in device.capabilities:
        return
    answers = [one for one in straight if one is not None and one.exchange == ExchangeType.IKE_AUTH and one.is_response]
    right = {(one.message_id, auth.method, auth.data) for one in answers if (auth := one.first(AUTH)) is not None}
    for number in {one[0] for one in right}:
        said = [_seen(entry, sa, response=True) for entry in entries if entry.sent]
        told = [one for one in said if one is not None and one[0] == number]
        shown = {(number, auth.method, auth.data) for one in told for auth in one[1] if isinstance(auth, AUTH)}
        if not told or shown & right or _in_fragments(entries, number, sa):
            continue
        try:
            listed = [one for one in device.list_sas() if (one.spi_i, one.spi_r) == (sa.spi_i, sa.spi_r)]
        except DeviceError:
            return
        if any(one.state == SaState.ESTABLISHED for one in listed):
            words = "the device lists the IKE SA as established, and " + (
                "another AUTH payload than ours was sent" if shown else "no AUTH payload was sent"
            )
            yield Problem("requirement", "proof: nobody is believed without proof", words, "RFC7296-1.2-11")


def _seen(entry: Entry, sa: ScriptedSa, *, response: bool = False) -> tuple[int, tuple[Payload, ...]] | None:
    """The message ID and payloads of a request of ours, or a response, as the device decrypts them."""
    if entry.datagram is None:
        return None
    try:
        message = as_read(sa.peer.octets(entry.datagram), sa)
    except (WireError, IntegrityError):
        return None
    if message is None or message.is_response != response:
        return None
    return message.message_id, message.payloads


def _unreadable(entries: Sequence[Entry], number: int, sa: ScriptedSa) -> bool:
    """Whether a request with this message ID is malformed inside: a device may read it all the same."""
    for raw in (sa.peer.octets(one.datagram) for one in entries if one.sent and one.datagram):
        if raw[20:24] != number.to_bytes(4, "big"):
            continue
        try:
            as_read(raw, sa)
        except IntegrityError:
            continue
        except WireError:
            return True
    return False


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
