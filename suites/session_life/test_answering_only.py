"""A device that answers only: it opens nothing and rekeys nothing by itself (RFC 7296, sections 2.8 and 4)."""

from conformance.ike.core.child import ChildSa
from conformance.ike.core.connection import over
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.wire import ExchangeType
from peers.capabilities import Capability
from suites.create_child_sa.answers import carries, deleted, deletes_ike, granted, requests
from suites.dut import Dut
from suites.purpose import purpose
from suites.session_life.test_lifetimes import CLOSES, ENDS, LATEST, SECONDS, unused

TIER = "full"

ANSWERS = Capability.ANSWERS_ONLY
OWN = "RFC7296-2.8-11"
PINGS = 5.0
"""Seconds within which all of the packets have come that a host behind the device sends."""


def must_ask_nothing(peer: Peer, sa: ScriptedSa) -> None:
    """The device has asked for no SA, neither on the IKE SA nor for another one."""
    asked = [one for one in requests(peer, sa) if one.exchange == ExchangeType.CREATE_CHILD_SA]
    peer.check(not asked, "no CREATE_CHILD_SA request of a device that answers only", asked[0] if asked else "", OWN)
    must_open_nothing(peer)


def must_open_nothing(peer: Peer) -> None:
    """The device has opened no IKE SA."""
    opened = [
        one for one in peer.inbox
        if one.sa is None and not one.message.is_response and one.message.exchange == ExchangeType.IKE_SA_INIT
    ]  # fmt: skip
    peer.check(not opened, "no IKE_SA_INIT request of a device that answers only", opened[0] if opened else "", OWN)


def ends(peer: Peer, dut: Dut, sa: ScriptedSa) -> None:
    """The time of the only Child SA is over: it ends, told by a Delete, and nobody asks for another one."""
    old = sa.child
    mark = len(peer.inbox)
    end = peer.link.now() + over(SECONDS) + LATEST
    while peer.link.now() < end:
        peer.idle(0.5)
        told = requests(peer, sa, mark)
        if any(deletes_ike(one) or old.spi_out in deleted(one) for one in told):
            break
    else:
        peer.check(False, "a Delete of the Child SA, or of the IKE SA, when its time is over", "none", CLOSES)
    if Capability.DATA_PLANE in dut.device.capabilities:
        unused(peer, sa, old)
    peer.idle(peer.response_timeout)
    must_ask_nothing(peer, sa)


@purpose(
    "answers-only-lifetime", OWN, ENDS, CLOSES, role="responder", needs=(ANSWERS, Capability.CHILD_LIFETIME),
    device={"child_lifetime": SECONDS, "answers_only": True}, canary=False, waits=over(SECONDS) + 4,
)  # fmt: skip
def test_lifetime(peer: Peer, dut: Dut) -> None:
    """The time of a Child SA is over that we do not rekey: nor does the device. It ends with its time."""
    sa = peer.establish()
    carries(peer, dut, sa.child)
    ends(peer, dut, sa)


@purpose(
    "answers-only-rekeyed", "RFC7296-1.3.3-7", OWN, ENDS, role="responder",
    needs=(ANSWERS, Capability.CHILD_LIFETIME, Capability.REKEY_CHILD),
    device={"child_lifetime": SECONDS, "answers_only": True}, canary=False, waits=over(SECONDS) + 8,
)  # fmt: skip
def test_rekeyed(peer: Peer, dut: Dut) -> None:
    """When it is time we rekey the Child SA ourselves: the device serves us, and the new one has a time of its own."""
    sa = peer.establish()
    begun = peer.link.now()
    peer.idle(SECONDS + 1)
    granted(peer, dut, sa.rekey_child(), Capability.REKEY_CHILD, "RFC7296-1.3.3-7")
    sa.finish()
    carries(peer, dut, sa.child, "RFC7296-1.3.3-7")
    peer.idle(max(begun + over(SECONDS) + 1 - peer.link.now(), 0))
    carries(peer, dut, sa.child, "RFC7296-1.3.3-7")
    ends(peer, dut, sa)


@purpose(
    "answers-only-packet", OWN, role="responder", needs=(ANSWERS, Capability.ANSWERS_PACKETS, Capability.ON_DEMAND),
    device={"answers_only": True}, canary=False, waits=PINGS,
)  # fmt: skip
def test_packet(peer: Peer, dut: Dut) -> None:
    """A host behind the device sends packets for which there is no SA: nothing is opened for them.

    What becomes of them is not judged, for no RFC says that such a device has a policy before we come. When we have
    opened the IKE SA packets flow, and after it is closed nothing is opened either.
    """
    dut.provoke()
    peer.idle(PINGS)
    must_open_nothing(peer)
    sa = peer.establish()
    passes(peer, dut, sa.child)
    sa.delete()
    dut.provoke()
    peer.idle(PINGS)
    must_open_nothing(peer)
    passes(peer, dut, peer.establish().child)


def passes(peer: Peer, dut: Dut, child: ChildSa) -> None:
    """A ping is answered through the Child SA, whatever has come in the clear before there was one."""
    if Capability.DATA_PLANE in dut.device.capabilities:
        peer.traffic.ping(child, requirement=OWN)
