"""Several IKE SAs of one identity: which of them live (RFC 7296, section 2.4)."""

from typing import Any

from conformance.ike.core.connection import Uniqueness
from conformance.script import bend
from conformance.script.bend import Bend
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa, fatal
from conformance.script.verdict import NotApplicable, Unexpected
from conformance.wire import AUTH, ExchangeType, NotifyType
from peers.capabilities import Capability
from suites.connections import eap
from suites.create_child_sa.answers import carries, deletes_ike, requests
from suites.data_plane.steps import flows
from suites.dut import Dut
from suites.purpose import purpose

REPLACES = (Capability.UNIQUE_REPLACE,)
KEEPS = (Capability.UNIQUE_KEEP,)
TOLD, BELIEVED, ALONE = "RFC7296-2.4-18", "RFC7296-2.4-8", "RFC7296-2.4-22"
WRONG_PROOF = bend.replace(AUTH, lambda one: AUTH(one.method, bytes(len(one.data))), "AUTH of zeros")


def established(peer: Peer, **changes: Any) -> ScriptedSa:
    """An IKE SA that the device counts: it may answer our IKE_AUTH request a moment before it does."""
    sa = peer.establish(**changes)
    sa.liveness()
    return sa


def turned_away(peer: Peer, sa: ScriptedSa, bent: Bend | None = None) -> None:
    """The device does not let this one in. What it must look like otherwise is tested elsewhere."""
    try:
        answer = sa.auth(bend=bent)
    except Unexpected:  # nobody need answer whom it does not know
        sa.pending = None
        return
    peer.check(answer.first(AUTH) is None, "no AUTH in the response", answer, "RFC7296-2.21.2-1", bypass=True)
    peer.check(fatal(answer), "an error notify", answer, "RFC7296-2.21.2-1")


@purpose("contact-unproved", BELIEVED, role="responder", canary=False)
def test_unproved(peer: Peer, dut: Dut) -> None:
    """Somebody says INITIAL_CONTACT in our name and cannot prove that he is us: our IKE SA is not touched."""
    sa = established(peer)
    forged = peer.sa(initial_contact=True)
    forged.init()
    turned_away(peer, forged, WRONG_PROOF)
    sa.must_be_up(BELIEVED, "the IKE SA of the real peer")
    carries(peer, dut, sa.child, BELIEVED)


@purpose("contact-half-open", BELIEVED, role="responder", canary=False)
def test_half_open(peer: Peer) -> None:
    """Three IKE_SA_INIT exchanges in our name that go no further do not touch our IKE SA either."""
    sa = established(peer)
    for _ in range(3):
        peer.sa(initial_contact=True).init()
    sa.must_be_up(BELIEVED, "the IKE SA of the real peer")


@purpose("contact-traffic", "RFC7296-2.4-20", role="responder", needs=(Capability.DATA_PLANE,))
def test_traffic(peer: Peer) -> None:
    """We come back without our state and say INITIAL_CONTACT: packets pass on the new Child SA."""
    peer.establish()
    flows(peer)
    new = peer.establish(initial_contact=True)
    flows(peer, new.child, "RFC7296-2.4-20")
    new.must_be_up()


@purpose(
    "contact-first", "RFC7296-2.4-5", role="initiator", needs=(Capability.EAP_PEER,),
    connection=eap(device="initiator"),
)  # fmt: skip
def test_first(peer: Peer, dut: Dut) -> None:
    """A device that authenticates with EAP says INITIAL_CONTACT in the first IKE_AUTH request, or not at all."""
    dut.initiate()
    sa = peer.accept()
    found = [one.message for one in peer.inbox if one.sa is sa and not one.message.is_response]
    contact = [one for one in found if one.notify(NotifyType.INITIAL_CONTACT) is not None]
    late = [one for one in contact if one.exchange != ExchangeType.IKE_AUTH or one.message_id != 1]
    peer.check(not late, "N(INITIAL_CONTACT) in the first request of IKE_AUTH only", late[0] if late else "")


def must_be_beside(peer: Peer, old: ScriptedSa) -> None:
    """The older IKE SA of an identity lives beside the new one. Raises NotApplicable where the device keeps only one.

    How many it keeps is its own policy, but it must say so with a Delete.
    """
    peer.idle(peer.response_timeout / 4)
    try:
        old.must_be_up(TOLD, "the IKE SA lives, or a Delete says that it does not")
    except Unexpected:
        if any(deletes_ike(one) for one in requests(peer, old)):
            raise NotApplicable("it keeps one IKE SA for an identity") from None
        raise


@purpose("unique-both", TOLD, role="responder", canary=False)
def test_both(peer: Peer, dut: Dut) -> None:
    """Nobody says INITIAL_CONTACT, and the device has no rule of its own: both IKE SAs of an identity live."""
    one = established(peer, initial_contact=False)
    two = peer.establish(initial_contact=False)
    must_be_beside(peer, one)
    for sa in (two, one):
        sa.must_be_up(TOLD, "both IKE SAs of one identity are there")
    carries(peer, dut, two.child, TOLD)


@purpose(
    "unique-replace", TOLD, role="responder", needs=REPLACES, device={"unique": Uniqueness.REPLACE}, canary=False,
    waits=10,
)  # fmt: skip
def test_replace(peer: Peer, dut: Dut) -> None:
    """The device keeps one IKE SA for an identity: a new one ends the old one, which is told so with a Delete."""
    old = established(peer)
    new = peer.establish(initial_contact=False)
    for _ in range(20):
        if any(deletes_ike(one) for one in requests(peer, old)):
            break
        peer.idle(peer.response_timeout / 4)
    told = any(deletes_ike(one) for one in requests(peer, old))
    new.must_be_up(TOLD, "the new IKE SA lives")
    peer.check(told, "a Delete of the old IKE SA", "none", TOLD)
    carries(peer, dut, new.child, TOLD)


@purpose(
    "unique-replace-unproved", BELIEVED, role="responder", needs=REPLACES, device={"unique": Uniqueness.REPLACE},
    canary=False,
)  # fmt: skip
def test_replace_unproved(peer: Peer) -> None:
    """Whoever cannot prove that he is us ends nothing there either."""
    old = established(peer)
    forged = peer.sa(initial_contact=False)
    forged.init()
    turned_away(peer, forged, WRONG_PROOF)
    old.must_be_up(BELIEVED, "the IKE SA of the real peer")


@purpose(
    "unique-keep", "RFC7296-2.21.2-1", role="responder", needs=KEEPS, device={"unique": Uniqueness.KEEP}, canary=False
)
def test_keep(peer: Peer, dut: Dut) -> None:
    """The device keeps the first IKE SA of an identity: a second one is refused, and after its end there may be one."""
    old = established(peer)
    refused(peer)
    old.must_be_up("RFC7296-2.21.2-1", "the first IKE SA lives")
    old.delete()
    peer.idle(peer.response_timeout / 10)
    new = peer.establish(initial_contact=False)
    new.must_be_up("RFC7296-2.21.2-1")
    carries(peer, dut, new.child)


def refused(peer: Peer) -> ScriptedSa:
    """One more IKE SA of our identity that is not let in. Raises NotApplicable where it is taken for the first one.

    It comes from another port, as another host behind the same NAT does.
    """
    ours = peer.connection.local_ports
    sa = peer.sa(initial_contact=False, local_ports=(ours[0] + 40000, ours[1] + 40000))
    sa.init()
    answer = sa.auth()
    if answer.first(AUTH) is not None:
        raise NotApplicable("it takes us for the same host that authenticates again")
    peer.check(fatal(answer), "an error notify", answer, "RFC7296-2.21.2-1")
    return sa
