"""A device that wants a key exchange in each rekey of a Child SA (RFC 7296, sections 1.3.1, 1.3.3 and 2.17).

IKE_AUTH has none, so a peer that does none gets on with it until the first rekey.
"""

from dataclasses import replace

from conformance.crypto.suite import transforms
from conformance.script import bend
from conformance.script.bend import Bend
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.wire import KE, SA, KeMethod, NotifyType, TransformType
from peers.capabilities import Capability
from suites.choices import pfs
from suites.connections import usual
from suites.create_child_sa.answers import (
    carries,
    connected,
    deletes_child,
    deletes_ike,
    deletion,
    granted,
    kept,
    refused,
    requests,
)
from suites.create_child_sa.device_rekeys import child_rekey, unused
from suites.dut import Dut
from suites.purpose import purpose

TIER = "full"

REKEY = Capability.REKEY_CHILD
DEMANDS = (Capability.PFS, Capability.PFS_DEMANDED, REKEY)
PFS = usual(esp=pfs)
REFUSED, SERVED, OTHER = "RFC7296-2.7-4", "RFC7296-1.3.3-7", "RFC7296-3.3.6-6"


def without_group(sa: ScriptedSa) -> None:
    """From now on we want the Child SA without a key exchange."""
    ours = sa.child.config
    words = [word for text in ours.proposals for word in text.split("-")]
    kept = [word for word in words if all(one.type != TransformType.KE for one in transforms(word))]
    sa.child.config = replace(ours, proposals=("-".join(kept),))


def gone(peer: Peer, sa: ScriptedSa) -> bool:
    """Whether the device has deleted the IKE SA after its error, as policy may have it; else it must be there."""
    kept(peer, sa)
    return any(deletes_ike(one) for one in requests(peer, sa))


@purpose(
    "child-rekey-ke-demanded", REFUSED, SERVED, "RFC7296-1.3.1-14", role="responder", needs=DEMANDS, connection=PFS
)
def test_demanded(peer: Peer, dut: Dut) -> None:
    """We rekey a Child SA without a key exchange: NO_PROPOSAL_CHOSEN, and the old one carries packets as before.

    So it does when we have asked once more. With a key exchange the rekey succeeds.
    """
    sa = connected(peer, dut)
    old, ours = sa.child, sa.child.config
    without_group(sa)
    for _ in range(2):
        refused(peer, sa.rekey_child(old), NotifyType.NO_PROPOSAL_CHOSEN, requirement=REFUSED)
        if gone(peer, sa):
            sa = connected(peer, dut)
            old = sa.child
            break
        carries(peer, dut, old, "RFC7296-1.3.1-14")
    old.config = ours
    answer = sa.rekey_child(old)
    chosen = granted(peer, dut, answer, REKEY, SERVED)
    groups = [one.id for one in chosen.transforms if one.type == TransformType.KE]
    peer.check(groups and groups != [KeMethod.NONE], "a group in the chosen suite", answer, "RFC7296-2.7-5")
    peer.expect(answer, KE, SERVED)
    sa.finish()
    carries(peer, dut, sa.child, SERVED)


@purpose(
    "child-new-ke-demanded", REFUSED, "RFC7296-1.3.1-14", "RFC7296-1.3.1-4", role="responder",
    needs=(Capability.PFS, Capability.PFS_DEMANDED, Capability.MULTIPLE_CHILDREN), connection=PFS,
)  # fmt: skip
def test_new_demanded(peer: Peer, dut: Dut) -> None:
    """A second Child SA without a key exchange is refused as well, and with one it is made."""
    sa = connected(peer, dut)
    first, ours = sa.child, sa.connection.children[0]
    without_group(sa)
    sa.connection = replace(sa.connection, children=(first.config,))
    refused(peer, sa.create_child(), NotifyType.NO_PROPOSAL_CHOSEN, requirement=REFUSED)
    if gone(peer, sa):
        sa = connected(peer, dut)
    else:
        carries(peer, dut, first, "RFC7296-1.3.1-14")
    sa.connection = replace(sa.connection, children=(ours,))
    answer = sa.create_child()
    granted(peer, dut, answer, Capability.MULTIPLE_CHILDREN, "RFC7296-1.3.1-4")
    peer.expect(answer, KE, "RFC7296-1.3.1-4")
    carries(peer, dut, sa.children[-1], "RFC7296-1.3.1-4")


@purpose(
    "child-rekey-ke-by-device", "RFC7296-1.3-4", "RFC7296-1.3.3-1", role="initiator", needs=DEMANDS, connection=PFS
)
def test_by_device(peer: Peer, dut: Dut) -> None:
    """The device rekeys the Child SA itself: each of its proposals has a group, none is NONE, and there is KEi."""
    sa, request = child_rekey(peer, dut)
    offered = peer.expect(request.message, SA).proposals
    groups = [[one.id for one in each.transforms if one.type == TransformType.KE] for each in offered]
    demanded = all(each and KeMethod.NONE not in each for each in groups)
    peer.check(demanded, "a group in each proposal", request.message, "RFC7296-1.3.3-1")
    ke = peer.expect(request.message, KE, "RFC7296-1.3.3-1")
    peer.check(any(ke.method in each for each in groups), "KEi of an offered group", request.message, "RFC7296-1.3-4")
    sa.answer(request)
    deletion(sa, deletes_child)
    carries(peer, dut, sa.child, "RFC7296-1.3.3-1")


@purpose("child-response-no-group", OTHER, "RFC7296-3.3.6-5", role="initiator", needs=DEMANDS, connection=PFS)
def test_no_group(peer: Peer, dut: Dut) -> None:
    """The device rekeys with KEi, and we choose its suite without any group: it uses no such Child SA."""
    sa, request = child_rekey(peer, dut)
    sa.answer(request, bend=no_group())
    unused(peer, sa, sa.children[-1], OTHER)


def no_group() -> Bend:
    """Our choice without its key exchange, and no KEr."""

    def change(found: SA) -> SA:
        one = found.proposals[0]
        kept = tuple(each for each in one.transforms if each.type != TransformType.KE)
        return SA((replace(one, transforms=kept),))

    return bend.replace(SA, change, "choosing no group") | bend.drop(KE)
