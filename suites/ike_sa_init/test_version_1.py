"""Answers of an older version to an initiator of IKEv2 (RFC 7296, sections 2.5 and 3.1)."""

from conformance.script import bend
from conformance.script.peer import Peer
from conformance.wire import Notify, NotifyType
from suites.dut import Dut
from suites.ike_sa_init.steps import asks_again, goes_on_if_it_asks, no_auth
from suites.purpose import purpose

VERSION_1 = bend.header(version=0x10)
ONLY_2, FAILS, TRIES = "RFC7296-3.1-10", "RFC7296-2.21.1-1", "RFC7296-2.21.1-2"


def must_stay_with_2(peer: Peer) -> None:
    """All that the device has sent is of version 2."""
    others = [str(one) for one in peer.inbox if one.message.version >> 4 != 2]
    peer.check(not others, "messages of version 2 only", "; ".join(others), ONLY_2)


@purpose("init-response-version-1", ONLY_2, "RFC7296-2.5-5", role="initiator")
def test_version_1(peer: Peer, dut: Dut) -> None:
    """Our IKE_SA_INIT response has version 1.0 in its header, though all the rest of it is right.

    A device that was told to use IKEv2 does not fall back to IKEv1. Anybody could have sent it, so it may pass it over;
    it may give up as well, or take what no RFC forbids, for the text is about higher versions only.
    """
    dut.initiate()
    first = peer.expect_init()
    peer.respond_init(first, VERSION_1)
    peer.idle(peer.response_timeout)
    must_stay_with_2(peer)


@purpose("init-response-version-1-refused", ONLY_2, FAILS, TRIES, role="initiator")
def test_version_1_refused(peer: Peer, dut: Dut) -> None:
    """NO_PROPOSAL_CHOSEN in a response of version 1.0, as from a peer that speaks IKEv1: the device stays with IKEv2.

    Nobody protects that, so it asks again, and where it does the true response leads on.
    """
    dut.initiate()
    first = peer.expect_init()
    peer.refuse_init(first, Notify(NotifyType.NO_PROPOSAL_CHOSEN), bend=VERSION_1)
    asks_again(peer)
    must_stay_with_2(peer)
    no_auth(peer, dut, first, FAILS)
    goes_on_if_it_asks(peer, TRIES)
