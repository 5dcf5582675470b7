"""How long networks that were announced by CFG_SET are a peer's: through rekeys, and until it announces others.

No RFC says how an announced network is withdrawn. Where the device claims that a CFG_SET stands for all networks that
its peer has now (`Capability.ROUTE_UPDATES`), it has to follow.
"""

from ipaddress import ip_network

from conformance.ike.core.subnets import subnet
from conformance.script import inner
from conformance.script.message import rekeys_ike
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.verdict import NotApplicable
from conformance.wire import ExchangeType, NotifyType
from peers.capabilities import Capability
from suites.configuration.exchanges import ACCEPTED, NOT_ACCEPTED
from suites.configuration.routes import (
    BEHIND,
    CLEAR,
    GIVEN,
    OTHER,
    OURS,
    ROUTES,
    SUBNET,
    TAKES,
    WIDE,
    announced,
    from_network,
    reached,
    taken,
)
from suites.configuration.test_set_stays import LEAVES, begun
from suites.connections import Role
from suites.create_child_sa.answers import deletes_ike, deletion
from suites.data_plane.steps import DATA
from suites.dut import Dut
from suites.purpose import purpose

TIER = "full"
THIRD = "10.11.0.0/24"
UPDATES = (*ROUTES, DATA, Capability.ROUTE_UPDATES)


def tells(peer: Peer, sa: ScriptedSa, *networks: str) -> None:
    """We announce these, and the device takes them, as it claims."""
    accepted = announced(peer, sa, *map(subnet, networks))
    peer.check(SUBNET in accepted, "INTERNAL_IP4_SUBNET accepted", accepted, GIVEN)


# --- rekeys -----------------------------------------------------------------------------------------------------------


@purpose(
    "cp-routes-rekeyed-twice", GIVEN, CLEAR, role="responder", needs=(*ROUTES, DATA), connection=WIDE, device=TAKES
)
def test_rekeyed_twice(peer: Peer) -> None:
    """We rekey the IKE SA twice, and its Child SA in between: the network that we announced first is still ours."""
    sa = peer.establish()
    taken(peer, sa, OURS)
    if sa.rekey().notify(NotifyType.NO_ADDITIONAL_SAS):
        raise NotApplicable("it takes no CREATE_CHILD_SA")
    with peer.preamble("two rekeys of the IKE SA, and one of the Child SA"):
        second = sa.rekeyed
        second.finish()
        second.rekey_child()
        second.delete_child(second.children[0])
        second.rekey()
        third = second.rekeyed
        third.finish()
    reached(peer, third, OURS)
    sa.traffic.must_not_leak(CLEAR)


@purpose(
    "cp-routes-rekeys", GIVEN, CLEAR, role="initiator", needs=(*ROUTES, DATA, Capability.REKEY_IKE),
    connection=WIDE, device=TAKES,
)  # fmt: skip
def test_rekeys(peer: Peer, dut: Dut) -> None:
    """The device rekeys the IKE SA on which we have announced a network: it is still ours."""
    dut.initiate()
    sa = peer.accept()
    taken(peer, sa, OURS)
    dut.rekey_ike()
    with peer.preamble("the device rekeys its IKE SA"):
        sa.answer(sa.expect_request(ExchangeType.CREATE_CHILD_SA, where=rekeys_ike))
        new = sa.rekeyed
        deletion(sa, deletes_ike)
        new.must_be_up()
    reached(peer, new, OURS)
    new.traffic.must_not_leak(CLEAR)


# --- others -----------------------------------------------------------------------------------------------------------


@purpose(
    "cp-routes-later", GIVEN, ACCEPTED, NOT_ACCEPTED, role="responder", needs=(*ROUTES, DATA), connection=WIDE,
    device=TAKES,
)  # fmt: skip
def test_later(peer: Peer) -> None:
    """We announce one network, and then two others: both of these are ours afterwards, or the device says neither is.

    Where it acknowledges nothing the second time, the first network is still ours.
    """
    sa = peer.establish()
    taken(peer, sa, OURS)
    accepted = announced(peer, sa, subnet(OTHER), subnet(THIRD))
    for one in (OTHER, THIRD) if SUBNET in accepted else (OURS,):
        reached(peer, sa, one)
    sa.traffic.must_not_leak(CLEAR)


@purpose("cp-routes-again", GIVEN, ACCEPTED, role="responder", needs=(*ROUTES, DATA), connection=WIDE, device=TAKES)
def test_again(peer: Peer) -> None:
    """We announce the same network three times: it stays ours where it is acknowledged each time."""
    sa = peer.establish()
    for _ in range(3):
        taken(peer, sa, OURS)
        reached(peer, sa, OURS)
    sa.must_be_up(GIVEN)


def follows(role: Role) -> object:
    """A purpose: the device follows what we announce, in one of its roles."""

    def test(peer: Peer, dut: Dut) -> None:
        sa = begun(peer, dut, role)
        tells(peer, sa, OURS, OTHER)
        for one in (OURS, OTHER):
            reached(peer, sa, one)
        tells(peer, sa, OTHER)
        reached(peer, sa, OTHER)
        with sa.traffic.silence(LEAVES, lambda: reached(peer, sa, OTHER)):
            sa.traffic.send(from_network(OURS))
        sa.traffic.must_not_leak(CLEAR)
        tells(peer, sa, OURS, THIRD)
        for one in (OURS, THIRD):
            reached(peer, sa, one)
        sa.must_be_up(GIVEN)

    test.__doc__ = f"""Device as {role}: we announce two networks, then one of them, then the other one and a third.

    It claims that each CFG_SET stands for all of our networks. What is not among them any more is sent nowhere, what
    comes back is ours again.
    """
    suffix = "-initiator" if role == "initiator" else ""
    return purpose(
        f"cp-routes-updated{suffix}", LEAVES, GIVEN, ACCEPTED, CLEAR, role=role, needs=UPDATES, connection=WIDE,
        device=TAKES,
    )(test)  # fmt: skip


test_updated, test_updated_initiator = follows("responder"), follows("initiator")


@purpose("cp-routes-updated-part", LEAVES, GIVEN, CLEAR, role="responder", needs=UPDATES, connection=WIDE, device=TAKES)
def test_part(peer: Peer) -> None:
    """We announce a network, and then the half of it: what is for the other half is sent nowhere."""
    sa = peer.establish()
    half, other = (str(one) for one in ip_network(OURS).subnets())
    tells(peer, sa, OURS)
    reached(peer, sa, other)
    tells(peer, sa, half)
    reached(peer, sa, half)
    with sa.traffic.silence(LEAVES, lambda: reached(peer, sa, half)):
        sa.traffic.send(inner.ping(str(ip_network(other)[1]), str(ip_network(BEHIND)[1])))
    sa.traffic.must_not_leak(CLEAR)
