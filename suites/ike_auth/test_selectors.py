"""Traffic selectors of the first Child SA (RFC 7296, section 2.9)."""

from conformance.ike.selectors import covered, selectors
from conformance.script import bend
from conformance.script.peer import Peer
from conformance.wire import TSi, TSr
from suites.dut import Dut
from suites.purpose import purpose

_WIDE = selectors(("10.0.0.0/8",))


@purpose("auth-ts-narrow", "RFC7296-2.9-3", "RFC7296-2.9-13", role="responder")
def test_narrow(peer: Peer, dut: Dut) -> None:
    """A responder whose policy is smaller than the offer narrows it.

    We offer 10.0.0.0/8 on both sides. What comes back must lie within what the device is configured for.
    """
    sa = peer.sa()
    sa.init()
    answer = sa.auth(bend.change(TSi, selectors=_WIDE) | bend.change(TSr, selectors=_WIDE))
    ours, theirs = peer.expect(answer, TSi), peer.expect(answer, TSr)
    policy = dut.connection.children[0]
    peer.check(ours.selectors and theirs.selectors, "selectors in both", answer, "RFC7296-2.9-3")
    peer.check(covered(theirs.selectors, selectors(policy.local_ts)), "TSr within the policy", theirs, "RFC7296-2.9-13")
    peer.check(covered(ours.selectors, selectors(policy.remote_ts)), "TSi within the policy", ours, "RFC7296-2.9-13")
