"""A device that shall always be connected opens again what we have closed, and what is lost (RFC 7296, section 2.4)."""

from conformance.script.message import Received, rekeys_ike
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.verdict import Unexpected
from conformance.wire import ExchangeType, Nonce, NotifyType
from peers.capabilities import Capability
from suites.create_child_sa.answers import carries
from suites.dut import Dut
from suites.purpose import purpose
from suites.session_life.steps import SOON, answered, expect_new, opened_by
from suites.session_life.test_gateways import patience, silent
from suites.session_life.test_reauthentication import said

TIER = "full"

STAYS = {"reopens": True}
NEEDS = (Capability.REOPENS,)
CLOSED, CLOSES, DEAD, FRESH = "RFC7296-1.4.1-9", "RFC7296-1.4.1-4", "RFC7296-2.1-8", "RFC7296-2.6-1"


def back(peer: Peer, dut: Dut, old: ScriptedSa, within: float, requirement: str) -> ScriptedSa:
    """The device opens another IKE SA, with an SPI and a nonce of its own, whose Child SA carries packets.

    Its public value may be that of before (RFC 7296, section 2.12).
    """
    new = answered(peer, expect_new(peer, within, requirement), requirement)
    peer.check(old.spi_i != new.spi_i, "another IKE SPI than before", new.spi_i.hex(), FRESH)
    first, again = (said(peer, one, ExchangeType.IKE_SA_INIT) for one in (old, new))
    nonces = {peer.expect(one, Nonce).data for one in (first, again)}
    peer.check(len(nonces) == 2, "another nonce than before", again, "RFC7296-2.10-1")
    carries(peer, dut, new.child, requirement)
    return new


@purpose("reopen-closed", CLOSED, FRESH, role="initiator", needs=NEEDS, device=STAYS)
def test_closed(peer: Peer, dut: Dut) -> None:
    """We delete the IKE SA that the device has opened: it opens another one by itself, and so once more."""
    old = opened_by(peer, dut)
    for _ in range(2):
        carries(peer, dut, old.child)
        old.delete()
        old = back(peer, dut, old, SOON, CLOSED)
    old.must_be_up(CLOSED)


@purpose(
    "reopen-child", CLOSES, role="initiator", needs=(*NEEDS, Capability.REOPENS_CHILD), device=STAYS
)  # fmt: skip
def test_child(peer: Peer, dut: Dut) -> None:
    """We delete the Child SA: the device asks for another one, on the same IKE SA or on a new one."""
    sa = opened_by(peer, dut)
    old, mark = sa.child, len(peer.inbox)
    sa.delete_child(old)
    new = asked_again(peer, sa, mark)
    peer.check(new.child.spi_out != old.spi_out, "another SPI than before", new.child.spi_out.hex(), CLOSES)
    carries(peer, dut, new.child, CLOSES)
    new.must_be_up(CLOSES)


def asked_again(peer: Peer, sa: ScriptedSa, mark: int) -> ScriptedSa:
    """The device has asked for a Child SA in place of the one that we have deleted; the IKE SA that has it."""
    until = peer.link.now() + SOON
    while not (found := [one for one in peer.inbox[mark:] if asks(one, sa)]):
        if peer.link.now() >= until:
            raise Unexpected(f"a request for another Child SA within {SOON:.0f} s", "none", CLOSES)
        peer.idle(peer.response_timeout / 20)
    if found[0].sa is None:
        return answered(peer, found[0], CLOSES)
    peer.pause()
    sa.liveness()
    peer.check(sa.children, "a Child SA in which both have agreed", sa.problem or "none", CLOSES)
    return sa


def asks(found: Received, sa: ScriptedSa) -> bool:
    """Whether a request of the device asks for a Child SA that replaces none."""
    message = found.message
    if message.is_response or found.sa not in (None, sa):
        return False
    if found.sa is None:
        return message.exchange == ExchangeType.IKE_SA_INIT
    rekeys = rekeys_ike(message) or message.notify(NotifyType.REKEY_SA) is not None
    return found.protected and message.exchange == ExchangeType.CREATE_CHILD_SA and not rekeys


@purpose(
    "reopen-lost", DEAD, "RFC7296-2.4-21", FRESH, role="initiator", needs=(*NEEDS, Capability.DPD),
    device={**STAYS, "dpd_delay": 1.0}, waits=12,
)  # fmt: skip
def test_lost(peer: Peer, dut: Dut) -> None:
    """We answer nothing any more, as if we had lost our state: the device gives up, and opens another IKE SA by itself.

    Nothing goes out in the clear meanwhile.
    """
    old = opened_by(peer, dut)
    carries(peer, dut, old.child)
    silent(peer, dut, old)
    back(peer, dut, old, patience(dut), DEAD).must_be_up(DEAD)
    peer.traffic.must_not_leak("RFC4301-4.4.1-2")


@purpose(
    "reopen-unanswered", DEAD, "RFC7296-2.1-7", role="initiator", needs=NEEDS, device=STAYS, waits=15,
)  # fmt: skip
def test_unanswered(peer: Peer, dut: Dut) -> None:
    """We delete the IKE SA and answer nothing until the device has given up once: it begins anew, and is served."""
    old = opened_by(peer, dut)
    old.delete()
    first = expect_new(peer, SOON, CLOSED)
    until = peer.link.now() + 2 * patience(dut)
    while peer.link.now() < until:
        request = expect_new(peer, until - peer.link.now(), DEAD)
        if request.message.spi_i != first.message.spi_i:
            break
    else:
        raise Unexpected("a new IKE SA after one that was not answered", "none", DEAD)
    carries(peer, dut, answered(peer, request, DEAD).child, DEAD)
