"""Traffic flows after set-up, after every kind of rekey and after reauthentication."""

from ipaddress import ip_address
from itertools import pairwise

from conformance.ipsec.ip import parse
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from peers.capabilities import Capability
from suites.choices import pfs
from suites.connections import two_children, usual
from suites.create_child_sa.answers import deletes_child, deletes_ike, deletion
from suites.data_plane.steps import (
    DATA,
    THROUGH,
    TWICE,
    flows,
    moved,
    recorded,
    sequence_numbers,
    transports,
    up,
)
from suites.dut import Dut
from suites.purpose import purpose
from suites.several import deleted_by_device, side_by_side

NEW = "RFC7296-2.8-14"
INHERITED = "RFC7296-2.8-7"


@purpose(
    "data-set-up",
    THROUGH,
    "RFC7296-3.13.1-1",
    "RFC4301-4.4.1-2",
    "RFC4301-5.1.2-1",
    "RFC7296-2.17-3",
    "RFC4303-2.1-1",
    "RFC4301-4.1-1",
    role="responder",
    needs=(DATA,),
)
def test_set_up(peer: Peer) -> None:
    """ICMP, UDP and TCP go through the Child SA of IKE_AUTH, both ways, between the ends of the tunnel.

    A closed port answers as well: with ICMP port unreachable or with RST.
    """
    sa = peer.establish()
    found = flows(peer, requirement=THROUGH)
    outer = parse(found.wire)
    got = f"{ip_address(outer.source)} > {ip_address(outer.destination)}"
    ends = f"{sa.remote.host} > {sa.local.host}"
    peer.check(got == ends, f"outer addresses {ends}", got, "RFC4301-5.1.2-1")
    transports(sa, THROUGH)
    sa.traffic.must_not_leak("RFC4301-4.4.1-2")


@purpose("data-set-up-initiator", THROUGH, "RFC4301-4.4.1-2", role="initiator", needs=(DATA,))
def test_set_up_initiator(peer: Peer, dut: Dut) -> None:
    """The device opens the IKE SA; traffic flows through the Child SA."""
    dut.initiate()
    peer.accept()
    flows(peer, requirement=THROUGH)


@purpose("data-sequence", "RFC4303-2.2-1", "RFC4303-2.2-2", role="responder", needs=(DATA,))
def test_sequence(peer: Peer) -> None:
    """The device numbers its packets 1, 2, 3 and so on, and begins anew on a rekeyed Child SA.

    A packet may get lost on the way, the first one, too: only one SA after the other whose first packet is not seen
    counts against the device. What it sends on its own account has numbers as well.
    """
    sa = numbered(peer, "RFC4303-2.2-1", "RFC4303-2.2-2")
    for tries in (1, 2):
        sa.rekey_child()
        sa.finish()
        first = counted(peer, sa, "RFC4303-2.2-1")
        if first == 1:
            return
        peer.check(tries < 2, "sequence number 1 for the first packet of a rekeyed SA", first, "RFC4303-2.2-2")


def numbered(peer: Peer, grows: str, begins: str) -> ScriptedSa:
    """An IKE SA with a Child SA on which the device has numbered its packets from 1 on: the requirements say so."""
    sa = peer.establish()
    if counted(peer, sa, grows) == 1:
        return sa
    sa.delete()
    sa = peer.establish()
    first = counted(peer, sa, grows)
    peer.check(first == 1, "sequence number 1 for the first packet of an SA", first, begins)
    return sa


def counted(peer: Peer, sa: ScriptedSa, requirement: str) -> int:
    """Let the device send four packets: their numbers must grow by one, losses aside. Returns the first one."""
    for _ in range(4):
        sa.traffic.ping()
    found = sequence_numbers(peer, sa.traffic.channel())
    text = ", ".join(map(str, found))
    peer.check(len(set(found)) == len(found), "a number of its own for each packet", text, requirement)
    by_one = sum(later - earlier == 1 for earlier, later in pairwise(sorted(found)))
    peer.check(by_one * 2 >= len(found) - 1, "numbers that grow by one", text, requirement)
    return min(found)


@purpose(
    "data-second-child",
    THROUGH,
    "RFC4301-4.4.1-2",
    role="responder",
    needs=(DATA, Capability.MULTIPLE_CHILDREN),
    connection=two_children(),
)
def test_second_child(peer: Peer) -> None:
    """A Child SA that CREATE_CHILD_SA made carries its own traffic, and the first one goes on."""
    sa = up(peer)
    with peer.preamble("CREATE_CHILD_SA"):
        sa.create_child("other")
        peer.check(len(sa.children) == 2, "a second Child SA", sa.problem)
    for child in sa.children:
        moved(peer, child, THROUGH)


@purpose("data-child-rekey", NEW, "RFC4301-4.4.1-2", role="responder", needs=(DATA, Capability.REKEY_CHILD))
def test_child_rekey(peer: Peer) -> None:
    """After our rekey of the Child SA traffic flows through the new one."""
    sa = up(peer)
    old = sa.child
    sa.rekey_child()
    sa.finish()
    peer.check(sa.child is not old, "a new Child SA", sa.problem)
    moved(peer, sa.child, NEW)


@purpose(
    "data-child-rekey-pfs",
    NEW,
    role="responder",
    needs=(DATA, Capability.REKEY_CHILD, Capability.PFS),
    connection=usual(esp=pfs),
)
def test_child_rekey_pfs(peer: Peer) -> None:
    """The new Child SA has keys of a fresh key exchange: both sides derive the same."""
    sa = up(peer)
    sa.rekey_child()
    sa.finish()
    moved(peer, sa.child, NEW)


@purpose(
    "data-child-rekey-device", "RFC7296-2.17-1", "RFC4301-4.4.1-2", "RFC7296-2.8-15", "RFC7296-2.17-3",
    role="initiator",
    needs=(DATA, Capability.REKEY_CHILD),
)  # fmt: skip
def test_child_rekey_device(peer: Peer, dut: Dut) -> None:
    """The device rekeys the Child SA and deletes the old one; traffic flows through the new one."""
    sa = up(peer)
    old = sa.child
    dut.rekey_child()
    deletion(sa, deletes_child)
    peer.pause()
    peer.check(sa.child is not old, "a new Child SA", sa.problem or "the old one alone", "RFC7296-2.8-5")
    moved(peer, sa.child, "RFC7296-2.17-1")


@purpose("data-ike-rekey", INHERITED, "RFC4301-4.4.1-2", TWICE, role="responder", needs=(DATA, Capability.REKEY_IKE))
def test_ike_rekey(peer: Peer) -> None:
    """The Child SA goes on carrying traffic when its IKE SA is replaced, and the new IKE SA can rekey it.

    It is the same SA as before: a packet that has come on it is not accepted a second time.
    """
    sa = up(peer)
    child, sent = sa.child, recorded(sa)
    sa.rekey()
    sa.finish()
    moved(peer, child, INHERITED)
    with peer.traffic.silence(TWICE, bypass=True):
        peer.traffic.resend(sent)
    heir = sa.rekeyed
    heir.rekey_child()
    heir.finish()
    moved(peer, heir.child, INHERITED)


@purpose(
    "data-ike-rekey-device", INHERITED, "RFC4301-4.4.1-2", TWICE, role="initiator", needs=(DATA, Capability.REKEY_IKE)
)
def test_ike_rekey_device(peer: Peer, dut: Dut) -> None:
    """The device rekeys the IKE SA; the Child SA goes on carrying traffic, and takes no packet a second time."""
    sa = up(peer)
    child, sent = sa.child, recorded(sa)
    dut.rekey_ike()
    deletion(sa, deletes_ike)
    peer.pause()
    moved(peer, child, INHERITED)
    with peer.traffic.silence(TWICE, bypass=True):
        peer.traffic.resend(sent)


@purpose("data-reauthentication", "RFC7296-2.8.3-1", "RFC4301-4.4.1-2", role="responder", needs=(DATA,))
def test_reauthentication(peer: Peer) -> None:
    """We open another IKE SA with another Child SA for the same traffic, then delete the old one: traffic flows."""
    old = up(peer)
    new = peer.establish(initial_contact=False)
    flows(peer, new.child, "RFC7296-2.8.3-1")
    if not deleted_by_device(old):
        with side_by_side(old, new):
            old.delete()
    peer.pause()
    moved(peer, new.child, "RFC7296-2.8.3-1")


@purpose("data-reauthentication-device", "RFC7296-2.8.3-1", role="initiator", needs=(DATA, Capability.REAUTH))
def test_reauthentication_device(peer: Peer, dut: Dut) -> None:
    """The device reauthenticates: it opens a new IKE SA with a new Child SA, and traffic flows through that."""
    dut.initiate()
    old = peer.accept()
    flows(peer)
    dut.reauthenticate()
    new = peer.accept()
    peer.check(new is not old, "another IKE SA", "the same one")
    moved(peer, new.child, "RFC7296-2.8.3-1")
