"""What the purposes on CREATE_CHILD_SA have in common: an IKE SA to work on, and what counts as consent or refusal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from conformance.ike.core.child import ChildSa
from conformance.ike.core.proposals import half_keys, parsed
from conformance.net.link import PacketLink
from conformance.script.message import Received
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa, fatal
from conformance.script.verdict import NotApplicable, Unanswered, Unexpected
from conformance.wire import SA, Delete, ExchangeType, Message, Notify, NotifyType, Proposal, ProtocolID
from peers.capabilities import Capability
from suites.dut import Dut


def connected(peer: Peer, dut: Dut) -> ScriptedSa:
    """An IKE SA with a Child SA: ours, or the device's where it cannot respond."""
    if Capability.RESPONDER in dut.device.capabilities:
        return peer.establish()
    dut.initiate()
    return peer.accept()


def granted(peer: Peer, dut: Dut, answer: Message, claim: Capability, requirement: str) -> Proposal:
    """The device must have agreed; returns its choice.

    It may refuse every CREATE_CHILD_SA with NO_ADDITIONAL_SAS (RFC 7296, section 1.3), unless it claims what was asked.
    """
    if answer.notify(NotifyType.NO_ADDITIONAL_SAS) and claim not in dut.device.capabilities:
        raise NotApplicable("the device refuses CREATE_CHILD_SA, as RFC 7296, section 1.3 lets it")
    sa = peer.expect(answer, SA, requirement)
    peer.check(fatal(answer) is None, "no error notify beside SA", answer, "RFC7296-2.21.3-1")
    peer.check(len(sa.proposals) == 1, "one proposal", answer, "RFC7296-2.7-1")
    return sa.proposals[0]


def refused(peer: Peer, answer: Message, *kinds: NotifyType, requirement: str = "RFC7296-2.21.3-1") -> Notify:
    """The device must have refused with one of these errors, or any if none is named."""
    peer.check(answer.first(SA) is None, "no SA payload", answer, requirement)
    error = fatal(answer)
    names = " or ".join(f"N({kind.name})" for kind in kinds) or "an error notify"
    peer.check(error is not None and (not kinds or error.type in kinds), names, answer, requirement)
    assert error is not None
    return error


def temporary(peer: Peer, dut: Dut, answer: Message, claim: Capability, requirement: str) -> None:
    """The device must have refused with TEMPORARY_FAILURE; who does not claim what was asked may refuse it for good."""
    if answer.notify(NotifyType.NO_ADDITIONAL_SAS) and claim not in dut.device.capabilities:
        raise NotApplicable("the device refuses CREATE_CHILD_SA, as RFC 7296, section 1.3 lets it")
    refused(peer, answer, NotifyType.TEMPORARY_FAILURE, requirement=requirement)


def deleted(message: Message) -> list[bytes]:
    """The SPIs of ESP and AH that a message deletes."""
    return [spi for one in message.all(Delete) if one.protocol != ProtocolID.IKE for spi in one.spis]


def deletes_ike(message: Message) -> bool:
    """True if a message deletes the IKE SA that it is sent on."""
    return any(one.protocol == ProtocolID.IKE for one in message.all(Delete))


@contextmanager
def advised(requirement: str) -> Iterator[None]:
    """No answer breaks this recommendation only: for the device the IKE SA is no longer established."""
    try:
        yield
    except Unanswered as silent:
        raise Unexpected(silent.expected, silent.got, requirement) from None


PATIENCE = 10.0
"""Seconds within which a device deletes what it has replaced: it may let the old SA live on for a moment."""


def deleting(sa: ScriptedSa, fits: Callable[[Message], bool], requirement: str | None = None) -> Received:
    """Wait for a request of the device that deletes what ``fits`` says; it is held.

    Without a requirement the deletion is a step that others follow: a device that takes its time for it is not judged.
    """
    try:
        return sa.expect_request(ExchangeType.INFORMATIONAL, timeout=PATIENCE, where=fits)
    except Unexpected as nothing:
        if requirement is None:
            raise NotApplicable(f"the device deletes nothing within {PATIENCE:g} s after its rekey") from None
        raise Unexpected("a Delete payload in a request of the device", nothing.got, requirement) from None


def deletion(sa: ScriptedSa, fits: Callable[[Message], bool], requirement: str | None = None) -> Message:
    """As `deleting`, and answer it."""
    received = deleting(sa, fits, requirement)
    sa.answer(received)
    return received.message


def shortest_nonce(peer: Peer) -> int:
    """How many octets a nonce of ours has at least: 16, and half a key of each PRF that we offer (RFC 7296, 2.10)."""
    return max(16, *half_keys(parsed(peer.connection.proposals)))


def successor(peer: Peer, sa: ScriptedSa) -> ScriptedSa:
    """Our rekey of the IKE SA as a step of something else; returns the new one, the old one is deleted.

    A device that is about to rekey something itself may put us off for a moment (RFC 7296, section 2.25). Raises
    NotApplicable where the device rekeys no IKE SA.
    """
    for _ in range(3):
        answer = sa.rekey()
        if answer.notify(NotifyType.NO_ADDITIONAL_SAS) is not None:
            raise NotApplicable("the device refuses CREATE_CHILD_SA, as RFC 7296, section 1.3 lets it")
        if answer.notify(NotifyType.TEMPORARY_FAILURE) is None:
            break
        peer.idle(peer.response_timeout / 4)
    sa.finish()
    return sa.rekeyed


def names(peer: Peer, answer: Message, child: ChildSa, requirement: str = "RFC7296-1.4.1-6") -> None:
    """The response to our deletion of ``child`` should name the other half of the pair.

    An empty response breaks no MUST: a minimal device may answer every INFORMATIONAL request so (RFC 7296, section 4).
    """
    expected = f"a Delete of {child.spi_out.hex()}, the other half"
    peer.check(deleted(answer) == [child.spi_out], expected, answer, requirement)


def kept(
    peer: Peer,
    sa: ScriptedSa,
    requirement: str = "RFC7296-2.21-4",
    ends: Callable[[Message], bool] | None = None,
) -> None:
    """The device must not forget the IKE SA. It may delete it, as long as it says so with a Delete payload.

    ``ends`` is which of its requests say so, where others do, too.
    """
    ends = ends or deletes_ike
    if any(map(ends, requests(peer, sa))):
        return
    expected = "the IKE SA is kept, or deleted with a Delete payload"
    sa.finish()
    check = sa.begin(sa.start_liveness).message

    def fits(found: Received) -> bool:
        message = found.message
        answer = message.is_response and message.message_id == check.message_id
        return found.sa is sa and (answer or ends(message))

    try:
        found = peer.wait(
            fits, "an answer to a liveness check, or a Delete payload for the IKE SA", renew=sa.begin_patience
        )
    except Unexpected as silent:
        raise Unexpected(expected, silent.got, requirement) from None
    if found.message.is_response:
        peer.check(not fatal(found.message), expected, found, requirement)
    elif not found.answered:
        sa.answer(found)


def deletes_child(message: Message) -> bool:
    """True if a message deletes a Child SA."""
    return bool(deleted(message))


def inherited(peer: Peer, dut: Dut, successor: ScriptedSa, requirement: str) -> None:
    """The new IKE SA must be there and have the Child SA of the old one: that is rekeyed and then deleted on it."""
    successor.must_be_up(requirement, "the new IKE SA is there")
    carries(peer, dut, requirement=requirement)
    answer = successor.rekey_child()
    lost = answer.notify(NotifyType.CHILD_SA_NOT_FOUND)
    peer.check(lost is None, "the new IKE SA has the Child SA", answer, requirement)
    successor.finish()
    child = successor.child
    carries(peer, dut, child, requirement)
    names(peer, successor.delete_child(child), child)


def shows_traffic(peer: Peer, dut: Dut, child: ChildSa | None = None) -> bool:
    """Whether the device has a data plane, and our link shows what goes through a Child SA."""
    channel = peer.traffic.channel(child)
    seen = isinstance(peer.link, PacketLink) or channel.outbound.parameters.udp is not None
    return Capability.DATA_PLANE in dut.device.capabilities and seen


def carries(peer: Peer, dut: Dut, child: ChildSa | None = None, requirement: str | None = None) -> None:
    """A ping goes through a Child SA, by default the newest, where that can be seen."""
    if shows_traffic(peer, dut, child):
        peer.traffic.ping(child, requirement=requirement)
        peer.traffic.must_not_leak("RFC4301-4.4.1-2")


def must_count(peer: Peer, sa: ScriptedSa, requirement: str) -> None:
    """The device's requests on ``sa``, those that nobody has ordered included, have the message IDs 0, 1, 2 ..."""
    found = {one.raw: one.message for one in peer.inbox if one.sa is sa and not one.message.is_response}
    numbers = [one.message_id for one in found.values()]
    wanted = list(range(len(numbers)))
    text = f"its requests numbered {', '.join(map(str, wanted))}"
    peer.check(numbers == wanted, text, ", ".join(map(str, numbers)), requirement)


def own_requests(peer: Peer, sa: ScriptedSa, mark: int = 0) -> list[Message]:
    """The device's own requests on ``sa`` since the inbox had ``mark`` messages, apart from liveness checks."""
    found = requests(peer, sa, mark)
    return [one for one in found if one.exchange != ExchangeType.INFORMATIONAL or one.payloads]


def requests(peer: Peer, sa: ScriptedSa, mark: int = 0) -> list[Message]:
    """All requests of the device on ``sa`` since the inbox had ``mark`` messages."""
    return [one.message for one in peer.inbox[mark:] if one.sa is sa and not one.message.is_response]
