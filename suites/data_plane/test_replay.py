"""Sequence numbers and the anti-replay window (RFC 4303, section 3.4.3)."""

from conformance.ipsec.esp import EspBend
from conformance.script.peer import Peer
from peers.capabilities import Capability
from suites.choices import esp_esn, esp_separate_esn
from suites.connections import usual
from suites.data_plane.steps import DATA, TWICE, discarded, flows, recorded, unanswered, up
from suites.purpose import purpose

LEFT, FORGED = "RFC4303-3.4.3-2", "RFC4303-3.4.3-3"
WINDOW, WIDE, RIGHT, SUBSPACE = "RFC4303-3.4.3-4", "RFC4303-3.4.3-5", "RFC4303-3.4.3-6", "RFC4303-3.4.3-7"
HIGH = "RFC4303-2.2.1-1"
FAR = 100_000
"""Beyond the reach of any replay window that a device has by default."""
BEHIND = (5, 31, 32, 63, 64, 127, 500, 1023, 3000)
"""How far to the left a number is when it comes again: near the ends of the words and windows that devices have."""


def backwards(peer: Peer, size: int, requirement: str) -> None:
    """Packets of a window arrive with the last number first: all are answered.

    Where some are not, the same is tried further on: what the path loses is not the same each time.
    """
    sa = up(peer)
    missing = set(range(size))
    for top in (1000, 2000, 3000):
        asked = [sa.traffic.echo_request() for _ in range(size)]
        for number, packet in enumerate(asked):
            sa.traffic.send(packet, bend=EspBend(sequence=top + size - number))
        missing &= unanswered(peer, asked)
        if not missing:
            return
    text = f"none to {len(missing)}, each time the same"
    peer.check(not missing, f"answers to all {size} packets", text, requirement)


@purpose("data-replay", TWICE, role="responder", needs=(DATA,))
def test_replay(peer: Peer) -> None:
    """The same octets a second time, at once and after others with ever higher numbers, are dropped.

    Whether they are within its window by then or left of it is the device's affair.
    """
    sa = up(peer)
    sent = recorded(sa)
    with discarded(sa, TWICE):
        sa.traffic.resend(sent)
    for distance in BEHIND:
        sa.traffic.jump(sent.sequence + distance)
        sa.traffic.ping()
        with discarded(sa, TWICE):
            sa.traffic.resend(sent)


@purpose("data-replay-new-contents", TWICE, role="responder", needs=(DATA,))
def test_replay_new_contents(peer: Peer) -> None:
    """Another authentic packet with a sequence number that has come before is dropped: the number decides."""
    sa = up(peer)
    sa.traffic.jump(10)
    sa.traffic.ping()
    with discarded(sa, TWICE):
        sa.traffic.send(sa.traffic.echo_request(), bend=EspBend(sequence=10))


@purpose("data-too-old", LEFT, role="responder", needs=(DATA,))
def test_too_old(peer: Peer) -> None:
    """A packet far to the left of the window is dropped although its number has never come before."""
    sa = up(peer)
    sa.traffic.jump(FAR)
    sa.traffic.ping()
    with discarded(sa, LEFT):
        sa.traffic.send(sa.traffic.echo_request(), bend=EspBend(sequence=5))


@purpose("data-sequence-zero", LEFT, TWICE, role="responder", needs=(DATA,))
def test_sequence_zero(peer: Peer) -> None:
    """The sequence number zero, which no packet has, is taken once at most, and never when it is left of the window.

    Many receivers never take it. For others it is a number that falls within their window, and that they have not seen.
    """
    sa = up(peer)
    zero = EspBend(sequence=0)
    sa.traffic.send(sa.traffic.echo_request(), bend=zero)
    sa.traffic.ping()
    with discarded(sa, TWICE):
        sa.traffic.send(sa.traffic.echo_request(), bend=zero)
    sa.traffic.jump(FAR)
    sa.traffic.ping()
    with discarded(sa, LEFT):
        sa.traffic.send(sa.traffic.echo_request(), bend=zero)


@purpose("data-window", WINDOW, role="responder", needs=(DATA,))
def test_window(peer: Peer) -> None:
    """32 packets in reverse order all arrive: the window has at least 32 packets."""
    backwards(peer, 32, WINDOW)


@purpose("data-window-default", WIDE, role="responder", needs=(DATA,))
def test_window_default(peer: Peer) -> None:
    """64 packets in reverse order all arrive: the default window has 64 packets."""
    backwards(peer, 64, WIDE)


@purpose("data-window-forged", FORGED, role="responder", needs=(DATA,))
def test_window_forged(peer: Peer) -> None:
    """A packet with a wrong ICV and a high number does not move the window: the next packets are not too old."""
    sa = up(peer)
    with sa.traffic.silence(FORGED, bypass=True):
        sa.traffic.send(sa.traffic.echo_request(), bend=EspBend(sequence=FAR, flip=0))
    flows(peer, requirement=FORGED)


@purpose("data-window-forged-duplicate", FORGED, role="responder", needs=(DATA,))
def test_window_forged_duplicate(peer: Peer) -> None:
    """A packet with a wrong ICV does not use up its number: the right one is accepted afterwards."""
    sa = up(peer)
    packet = sa.traffic.echo_request()
    with sa.traffic.silence(FORGED, bypass=True):
        sa.traffic.send(packet, bend=EspBend(sequence=20, flip=-1))
    sa.traffic.send(packet, bend=EspBend(sequence=20))
    sa.traffic.answer(packet, FORGED)


@purpose("data-gap", RIGHT, role="responder", needs=(DATA,))
def test_gap(peer: Peer) -> None:
    """After a gap of two thousand million numbers packets are accepted."""
    sa = up(peer)
    sa.traffic.jump(2**31)
    flows(peer, requirement=RIGHT)
    sa.traffic.jump(2**32 - 2)
    flows(peer, requirement=RIGHT)


def beyond(peer: Peer) -> None:
    """Pings go beyond number 2^32, in steps that leave no doubt in which subspace a number lies."""
    for number in (2**31, 2**32 - 3):
        peer.traffic.jump(number)
        flows(peer, requirement=RIGHT)
    for _ in range(5):
        flows(peer, requirement=SUBSPACE)


@purpose(
    "data-esn", HIGH, SUBSPACE, TWICE, role="responder", needs=(DATA, Capability.ESN), connection=usual(esp=esp_esn)
)
def test_esn(peer: Peer) -> None:
    """With extended sequence numbers traffic flows beyond number 2^32: the receiver counts the high half itself.

    A packet from before that comes late is still in the window, once.
    """
    sa = up(peer)
    with peer.preamble("extended sequence numbers"):
        peer.check(sa.child.suite.esn, "extended sequence numbers chosen", sa.child.suite)
    beyond(peer)
    late = sa.traffic.echo_request()
    sent = sa.traffic.send(late, bend=EspBend(sequence=2**32 - 10))
    sa.traffic.answer(late, SUBSPACE)
    with discarded(sa, TWICE):
        sa.traffic.resend(sent)


@purpose("data-esn-cbc", HIGH, role="responder", needs=(DATA, Capability.ESN), connection=usual(esp=esp_separate_esn))
def test_esn_cbc(peer: Peer) -> None:
    """A separate integrity algorithm covers the high half behind the Next Header."""
    sa = up(peer)
    with peer.preamble("extended sequence numbers"):
        peer.check(sa.child.suite.esn, "extended sequence numbers chosen", sa.child.suite)
    beyond(peer)


@purpose("data-esn-high", HIGH, role="responder", needs=(DATA, Capability.ESN), connection=usual(esp=esp_esn))
def test_esn_high(peer: Peer) -> None:
    """A packet whose ICV covers another high half than the right one is dropped."""
    sa = up(peer)
    with peer.preamble("extended sequence numbers"):
        peer.check(sa.child.suite.esn, "extended sequence numbers chosen", sa.child.suite)
    with discarded(sa, HIGH):
        sa.traffic.send(sa.traffic.echo_request(), bend=EspBend(high=1))
