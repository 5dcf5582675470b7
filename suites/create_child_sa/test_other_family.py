"""A Child SA of another address family than the first one, and rekeys of the IKE SA that carry what does not belong."""

from conformance.ike.core.connection import ChildConfig, Connection
from conformance.script import bend
from conformance.script.peer import Peer
from conformance.script.verdict import NotApplicable
from conformance.wire import SA, ExchangeType, TSi, TSr
from peers.capabilities import Capability
from peers.contract import Pixit
from suites.choices import chosen, esp
from suites.connections import usual
from suites.create_child_sa.answers import carries, connected, granted, inherited, kept, refused
from suites.dut import Dut
from suites.purpose import purpose

MANY, REKEY, IPV6 = Capability.MULTIPLE_CHILDREN, Capability.REKEY_IKE, Capability.IPV6
MADE, NO_SELECTORS = "RFC7296-1.3.1-2", "RFC7296-2.18-2"


def of_each_family(pixit: Pixit) -> Connection:
    """A Child SA for the IPv4 networks, and one for the IPv6 networks. Raises NotApplicable where there are none."""
    children = []
    for name, six in (("net", False), ("other", True)):
        ours, theirs = (
            [one for one in found if (":" in one) == six][:1]
            for found in (pixit.tester_networks, pixit.device_networks)
        )
        if not ours or not theirs:
            raise NotApplicable("there is no IPv6 network behind the device, or none behind us")
        children.append(ChildConfig(name, chosen(esp, pixit.algorithms), tuple(ours), tuple(theirs)))
    return usual(children=tuple(children))(pixit)


@purpose("child-other-family", MADE, role="responder", needs=(MANY, IPV6), connection=of_each_family)
def test_family(peer: Peer, dut: Dut) -> None:
    """The first Child SA is for IPv4, the second one for IPv6: both carry packets, whatever IKE itself runs over."""
    sa = connected(peer, dut)
    granted(peer, dut, sa.create_child("other"), MANY, MADE)
    for child in sa.children:
        carries(peer, dut, child, MADE)
    sa.must_be_up(MADE)


@purpose(
    "child-other-family-initiator", "RFC7296-1.3.1-1", MADE, role="initiator", needs=(MANY, IPV6),
    connection=of_each_family,
)  # fmt: skip
def test_family_initiator(peer: Peer, dut: Dut) -> None:
    """The same where the device asks for both."""
    dut.initiate()
    sa = peer.accept()
    dut.initiate("other")
    request = sa.expect_request(ExchangeType.CREATE_CHILD_SA)
    sa.answer(request)
    sa.must_be_up(MADE)
    peer.check(len(sa.children) == 2, "two Child SAs", sa.problem or len(sa.children), "RFC7296-1.3.1-1")
    for child in sa.children:
        carries(peer, dut, child, MADE)


@purpose("ike-rekey-selectors", NO_SELECTORS, "RFC7296-2.8-7", role="responder", needs=(REKEY,))
def test_selectors(peer: Peer, dut: Dut) -> None:
    """A rekey of the IKE SA has TSi and TSr as well: they are passed over, or the request is refused.

    Where there is a new IKE SA the response has no selectors, and the Child SA is the old one.
    """
    sa = connected(peer, dut)
    child = sa.child
    more = bend.append(TSi(child.local_ts)) | bend.append(TSr(child.remote_ts))
    answer = sa.rekey(bend=more)
    if answer.first(SA) is None:
        refused(peer, answer)
        kept(peer, sa)
        return
    peer.check(not answer.first(TSi) and not answer.first(TSr), "no TSi, no TSr", answer, NO_SELECTORS)
    sa.finish()
    inherited(peer, dut, sa.rekeyed, "RFC7296-2.8-7")
