"""What the purposes of the life of a session have in common."""

from collections.abc import Callable

from conformance.ike.core.sending import State
from conformance.script import bend
from conformance.script.message import Received
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.verdict import Unexpected
from conformance.wire import ExchangeType, Message, Notify, NotifyType, ProtocolID
from suites.create_child_sa.answers import carries, deletes_ike
from suites.dut import Dut

LIFETIME = 6.0
"""Seconds that a session may last in these purposes. Nobody would configure so few, and a device may have a minimum."""
SOON = 10.0
"""Seconds after the end of a lifetime, or after a new session is up, within which a device should have deleted it."""
EARLY = 0.5
"""Seconds by which clocks and messages may differ."""
FROM_SCRATCH = "RFC7296-2.8.3-1"
WITHIN = "RFC4478-2-5"
OLD_GOES = "RFC4478-2-12"


def demand(seconds: int) -> Notify:
    """AUTH_LIFETIME: authenticate again within so many seconds."""
    return Notify(NotifyType.AUTH_LIFETIME, seconds.to_bytes(4, "big"))


def demands(message: Message) -> bool:
    """Whether a message has AUTH_LIFETIME."""
    return message.notify(NotifyType.AUTH_LIFETIME) is not None


def must_demand(peer: Peer, message: Message, seconds: float) -> int:
    """A message of the device has AUTH_LIFETIME of at most so many seconds, in its one right form; of how many."""
    notify = peer.expect_notify(message, NotifyType.AUTH_LIFETIME, "RFC4478-2-2")
    peer.check(notify.protocol == ProtocolID.NONE, "Protocol ID 0", notify.protocol, "RFC4478-3-2")
    peer.check(not notify.spi, "no SPI", notify.spi.hex(), "RFC4478-3-3")
    peer.check(len(notify.data) == 4, "four octets of data", notify.data.hex(), "RFC4478-3-1")
    told = int.from_bytes(notify.data, "big")
    peer.check(told <= seconds, f"at most {seconds:g} s", f"{told} s", "RFC4478-3-4")
    return told


def opened_by(peer: Peer, dut: Dut, *payloads: Notify) -> ScriptedSa:
    """The device has opened an IKE SA; our IKE_AUTH response had these further payloads."""
    dut.initiate()
    with peer.preamble("the device initiates"):
        sa = peer.respond_init(peer.expect_init())
        extra = bend.STRAIGHT
        for one in payloads:
            extra |= bend.append(one)
        sa.answer(sa.expect_request(ExchangeType.IKE_AUTH), bend=extra)
        if sa.state is not State.ESTABLISHED or not sa.children:
            raise Unexpected("IKE_AUTH succeeds with a Child SA", sa.problem or f"IKE SA {sa.state.value}")
        peer.pause()
        sa.liveness()
    return sa


def settled(peer: Peer, sa: ScriptedSa) -> ScriptedSa:
    """Nobody has spoken on this IKE SA for half a second: what the device asks from now on is no reaction to its birth.

    A lifetime goes on meanwhile.
    """
    peer.idle(0.5)
    peer.forget()
    return sa


def renewed(peer: Peer, dut: Dut, within: float, requirement: str) -> ScriptedSa:
    """The device opens an IKE SA from scratch, with a Child SA that carries packets."""
    sa = answered(peer, expect_new(peer, within, requirement), requirement)
    carries(peer, dut, sa.child, requirement)
    return sa


def expect_new(peer: Peer, within: float, requirement: str) -> Received:
    """The IKE_SA_INIT request with which the device begins anew, not answered yet."""
    try:
        return peer.expect_init(within)
    except Unexpected as nothing:
        expected = f"a new IKE SA of the device within {within:.1f} s"
        raise Unexpected(expected, nothing.got, requirement) from None


def answered(peer: Peer, request: Received, requirement: str) -> ScriptedSa:
    """That IKE SA is up, with a Child SA."""
    sa = peer.respond_init(request)
    sa.answer_auth()
    up = sa.state is State.ESTABLISHED and sa.children
    peer.check(up, "IKE_AUTH succeeds with a Child SA", sa.problem or f"IKE SA {sa.state.value}", requirement)
    peer.pause()
    sa.liveness()
    return sa


def must_go(peer: Peer, sa: ScriptedSa, requirement: str, within: float = SOON) -> Received:
    """The device deletes an IKE SA within so many seconds; returns its request, which is answered."""
    return deletion_of(peer, sa, deletes_ike, "a Delete of the IKE SA", requirement, within)


def deletion_of(
    peer: Peer, sa: ScriptedSa, fits: Callable[[Message], bool], what: str, requirement: str, within: float
) -> Received:
    """The device deletes what ``fits`` says within so many seconds; returns its request, which is answered."""
    try:
        found = sa.expect_request(ExchangeType.INFORMATIONAL, timeout=within, where=fits)
    except Unexpected as nothing:
        raise Unexpected(f"{what} within {within:.1f} s", nothing.got, requirement) from None
    sa.answer(found)
    return found


def must_end(peer: Peer, sa: ScriptedSa, since: float, lifetime: float, requirement: str = "RFC4478-2-3") -> None:
    """Its time is over ``lifetime`` seconds after ``since``: the device deletes the IKE SA soon, and not before.

    A device that authenticates itself again in place of us may do that first, and then delete what it has replaced.
    """
    due = since + lifetime
    while True:
        try:
            found = peer.wait(_ends(sa), "a Delete of the IKE SA", due + SOON - peer.link.now())
        except Unexpected as nothing:
            expected = f"a Delete of the IKE SA soon after the {lifetime:g} s that were told"
            raise Unexpected(expected, nothing.got, requirement) from None
        if found.sa is sa:
            break
        answered(peer, found, FROM_SCRATCH)
    sa.answer(found)
    after = f"after {found.time - since:.1f} s"
    peer.check(found.time > due - EARLY, f"not before {lifetime:g} s are over", after, "RFC4478-3-4")


def _ends(sa: ScriptedSa) -> Callable[[Received], bool]:
    def fits(found: Received) -> bool:
        message = found.message
        if found.sa is sa:
            return found.protected and not message.is_response and deletes_ike(message)
        return found.sa is None and message.exchange == ExchangeType.IKE_SA_INIT and not message.is_response

    return fits
