"""What an outer header says of congestion and must not change inside (RFC 4301, 5.1.2.1, and RFC 6040, 4.2)."""

from conformance.ipsec.ip import with_traffic_class
from conformance.ipsec.tunnel import CE, ECT_0, ECT_1, NOT_ECT
from conformance.script.peer import Peer
from suites.data_plane.steps import DATA, flows, unanswered, up
from suites.data_plane.test_headers import MARKED, field_of, mirrored, must_mirror
from suites.purpose import purpose

TIER = "full"

UNMARKED, SEVERE = "RFC6040-4.2-1", "RFC6040-4.2-2"


@purpose("data-ecn-unmarked", UNMARKED, MARKED, role="responder", needs=(DATA,))
def test_unmarked(peer: Peer) -> None:
    """An inner packet that is not ECN-capable never gets a mark, whatever stands outside.

    Its sender knows of congestion by what is lost only. With CE outside RFC 6040 has the device drop the packet, RFC
    4301 deliver it as it is.
    """
    sa = up(peer)
    must_mirror(sa, NOT_ECT)
    for outside in (ECT_0, ECT_1):
        got = field_of(mirrored(sa, NOT_ECT, outside=outside, requirement=UNMARKED).inner) & 3
        peer.check(got == NOT_ECT, f"Not-ECT inside as before, with {outside} outside", got, UNMARKED)
    asked = sa.traffic.echo_request()
    sent = sa.traffic.make(asked)
    mark = len(peer.traffic.arrived)
    sa.traffic.resend(sent, with_traffic_class(sent.wire, CE), "CE outside")
    if unanswered(peer, [asked]):
        peer.note("the device drops a packet with CE outside and Not-ECT inside")
    marks = [field_of(one.inner) & 3 for one in peer.traffic.arrived[mark:] if one.channel is not None and one.inner]
    peer.check(not any(marks), "Not-ECT inside, or nothing", marks, UNMARKED)
    flows(peer)


@purpose("data-ecn-kept", SEVERE, role="responder", needs=(DATA,))
def test_kept(peer: Peer) -> None:
    """An inner packet that has met congestion before the tunnel says so behind it, whatever stands outside."""
    sa = up(peer)
    must_mirror(sa, CE)
    for outside in (NOT_ECT, ECT_0, ECT_1):
        got = field_of(mirrored(sa, CE, outside=outside, requirement=SEVERE).inner) & 3
        peer.check(got == CE, f"CE inside as before, with {outside} outside", got, SEVERE)
