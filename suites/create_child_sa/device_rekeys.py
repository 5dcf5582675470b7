"""Rekeys by the device: they are ordered, held back while something else comes, and looked at."""

from conformance.ike.core.child import ChildSa
from conformance.script.bend import Bend
from conformance.script.message import Received, rekeys_child, rekeys_ike
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.verdict import Inconclusive, Unexpected
from conformance.wire import ExchangeType, Notify, NotifyType
from suites.choices import pfs_two_groups
from suites.connections import usual
from suites.create_child_sa.answers import connected, deleted, kept, own_requests
from suites.dut import Dut

TWO_GROUPS = usual(esp=pfs_two_groups)


def child_rekey(peer: Peer, dut: Dut, rest: float = 0.0) -> tuple[ScriptedSa, Received]:
    """The device's request to rekey the Child SA, held; ``rest`` seconds after IKE_AUTH."""
    sa = connected(peer, dut)
    peer.idle(rest)
    with peer.preamble("the device rekeys its Child SA"):
        dut.rekey_child()
        return sa, sa.expect_request(ExchangeType.CREATE_CHILD_SA, where=rekeys_child)


def ike_rekey(peer: Peer, dut: Dut, rest: float = 0.0) -> tuple[ScriptedSa, Received]:
    """The device's request to rekey the IKE SA, held; ``rest`` seconds after IKE_AUTH."""
    sa = connected(peer, dut)
    peer.idle(rest)
    with peer.preamble("the device rekeys the IKE SA"):
        dut.rekey_ike()
        return sa, sa.expect_request(ExchangeType.CREATE_CHILD_SA, where=rekeys_ike)


AT_ONCE = 0.5
"""Seconds after a refusal within which nobody asks again who waits. What comes sooner had better have come before."""


def made(sa: ScriptedSa, request: Received, wrong: Bend) -> ChildSa:
    """Answer the device's request for a Child SA with something wrong; returns that Child SA, which we have now."""
    before = list(sa.children)
    sa.answer(request, bend=wrong)
    new = [one for one in sa.children if one not in before]
    if not new:
        raise Inconclusive(f"our side cannot take the device's request: {sa.problem}")
    return new[0]


def put_off(peer: Peer, sa: ScriptedSa, request: Received) -> None:
    """The device's request gets TEMPORARY_FAILURE. It must wait: what it needs for an exchange, and half a second."""
    before = peer.link.now()
    sa.liveness()
    needed = peer.link.now() - before
    mark, refused_at = len(peer.inbox), peer.link.now()
    sa.hold(ExchangeType.CREATE_CHILD_SA)
    sa.answer(request, Notify(NotifyType.TEMPORARY_FAILURE))
    kept(peer, sa)
    peer.idle(refused_at + AT_ONCE + needed - peer.link.now())
    again = [
        one
        for one in peer.inbox[mark:]
        if one.sa is sa and one.message.exchange == ExchangeType.CREATE_CHILD_SA and one.raw != request.raw
    ]
    same = rekeys_ike if rekeys_ike(request.message) else rekeys_child
    early = next((one for one in again if same(one.message) and one.time < refused_at + AT_ONCE + needed), None)
    after = f"{early} {early.time - refused_at:.2f} s later" if early else ""
    peer.check(early is None, "no other request at once", after, "RFC7296-2.25-2")
    kept(peer, sa)


def unused(peer: Peer, sa: ScriptedSa, new: ChildSa, requirement: str) -> None:
    """The device must not use ``new``: when we delete that, it has no other half of it to name.

    It may delete by itself what has come to life on our side, and it may delete the IKE SA.
    """
    kept(peer, sa)
    peer.idle(peer.response_timeout / 4)
    if new not in sa.children:
        return
    answer = deleted(sa.delete_child(new))
    crossed = [spi for one in own_requests(peer, sa) for spi in deleted(one)]
    used = new.spi_out in answer and new.spi_out not in crossed
    peer.check(not used, "it does not have this Child SA", f"Child SA {new.spi_out.hex()} deleted", requirement)


def unused_if_kept(peer: Peer, sa: ScriptedSa, new: ChildSa, requirement: str) -> None:
    """As `unused`, after a malformed response, for which the device may remove the IKE SA without a Delete payload."""
    try:
        kept(peer, sa)
    except Unexpected:
        peer.note("the device has removed the IKE SA")
    else:
        unused(peer, sa, new, requirement)
