"""Inner packets that contradict their Next Header, or whose addresses no network has (RFC 4301, section 5.2)."""

from conformance.ipsec.esp import EspBend
from conformance.script import inner
from conformance.script.peer import Peer
from suites.data_plane.steps import DATA, flows, up
from suites.purpose import purpose

SELECTORS = "RFC4301-5.2-3"
SPECIAL = ("127.0.0.1", "0.0.0.0", "169.254.7.7", "224.0.0.1", "255.255.255.255")
"""This host, no host, the link, all hosts of it, everybody (RFC 6890)."""


@purpose("data-inner-odd", SELECTORS, role="responder", needs=(DATA,))
def test_odd(peer: Peer) -> None:
    """What is inside is another packet than its Next Header says: no answer, and traffic goes on.

    IPv4 under the numbers of IPv6, of ESP and AH, and of what an SA in transport mode would carry; IPv6 under that of
    IPv4.
    """
    sa = up(peer)
    with sa.traffic.silence(SELECTORS):
        for number in (41, 50, 51, 1, 6, 17, 0, 255):
            sa.traffic.send(sa.traffic.echo_request(), bend=EspBend(next_header=number))
        sa.traffic.send(inner.ping("2001:db8::1", "2001:db8::2", ident=13), bend=EspBend(next_header=4))
    flows(peer)


@purpose("data-selector-special", SELECTORS, role="responder", needs=(DATA,))
def test_special(peer: Peer) -> None:
    """Packets to and from loopback, link-local, multicast and broadcast addresses are dropped: no SA is for them."""
    sa = up(peer)
    channel = sa.traffic.channel()
    with sa.traffic.silence(SELECTORS, bypass=True):
        for address in SPECIAL:
            sa.traffic.send(inner.ping(channel.ours, address, ident=11))
            sa.traffic.send(inner.ping(address, channel.theirs, ident=12))
