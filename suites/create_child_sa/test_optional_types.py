"""Transform types of a Child SA that may be NONE, and extended sequence numbers alone (RFC 7296, section 3.3).

Without a data plane the keys of a Child SA are invisible; with one, a ping shows that both sides derive the same.
"""

from dataclasses import replace

from conformance.crypto.keywords import keyword
from conformance.crypto.suite import proposal
from conformance.ike.core.connection import ChildConfig
from conformance.ike.core.proposals import of_type
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa, fatal
from conformance.script.verdict import NotApplicable
from conformance.wire import (
    KE,
    SA,
    Encr,
    Esn,
    Integ,
    KeMethod,
    Message,
    Notify,
    NotifyType,
    ProtocolID,
    Transform,
    TransformType,
)
from peers.algorithms import combined, written
from peers.capabilities import Capability
from suites.create_child_sa.answers import carries, connected, granted
from suites.create_child_sa.test_further_payloads import DEFLATE, asking
from suites.dut import Dut
from suites.ike_sa_init.steps import our_groups
from suites.purpose import purpose

REKEY = Capability.REKEY_CHILD
LZS = DEFLATE[:2] + b"\x03"
"""Notification data of IPCOMP_SUPPORTED: a CPI and the transform LZS."""


def suite_of(peer: Peer) -> tuple[Transform, ...]:
    """The first suite of our Child SA."""
    return proposal(peer.connection.children[0].proposals[0], 1, ProtocolID.ESP).transforms


def offering(peer: Peer, sa: ScriptedSa, *transforms: Transform) -> None:
    """From now on rekeys of the Child SA offer these."""
    changed: ChildConfig = replace(sa.child.config, proposals=(written(transforms),))
    sa.child.config = changed


@purpose(
    "child-group-none", "RFC7296-3.3.6-16", "RFC7296-3.3.6-15", "RFC7296-3.3.3-4", "RFC7296-1.3.3-7", role="responder",
    needs=(REKEY,),
)  # fmt: skip
def test_group_none(peer: Peer, dut: Dut) -> None:
    """A rekey offers every type that ESP may have: no key exchange or our group, with KEi, and INTEG NONE with an AEAD.

    A device that chooses no key exchange leaves KEi aside: there is no KEr, and g^ir is not in the keys. If it takes
    the group there is one. It may refuse what it does not like, but not as if it could not read it.
    """
    sa = connected(peer, dut)
    usual = suite_of(peer)
    group = our_groups(peer)[0]
    none = (Transform.of(Integ.NONE),) if any(combined(one) for one in usual if isinstance(one.id, Encr)) else ()
    offering(peer, sa, *usual, *none, Transform.of(KeMethod.NONE), Transform.of(group))
    answer = sa.rekey_child()
    if answer.notify(NotifyType.NO_PROPOSAL_CHOSEN):
        raise NotApplicable("the device refuses an offer in which a key exchange is optional")
    peer.check(not answer.notify(NotifyType.INVALID_SYNTAX), "an offer that can be read", answer, "RFC7296-3.3.3-4")
    if answer.notify(NotifyType.INVALID_KE_PAYLOAD):
        raise NotApplicable("the device wants another group")
    chosen = granted(peer, dut, answer, REKEY, "RFC7296-3.3.3-4")
    taken = [one for one in of_type(chosen, TransformType.KE) if one.id != KeMethod.NONE]
    ke = answer.first(KE)
    if taken:
        peer.check(ke is not None, f"KEr, as {keyword(taken[0])} was chosen", answer, "RFC7296-1.3.3-7")
    else:
        peer.check(ke is None, "no KEr, as no key exchange was chosen", answer, "RFC7296-3.3.6-16")
    sa.finish()
    carries(peer, dut, requirement="RFC7296-3.3.6-15")


@purpose("child-esn-only", "RFC7296-3.3.2-8", "RFC7296-3.3.6-4", role="responder", needs=(REKEY,))
def test_esn_only(peer: Peer, dut: Dut) -> None:
    """A rekey offers extended sequence numbers and nothing else: they are taken, or the offer is refused.

    They are in what is authenticated, so that no ping comes through where one side only uses them.
    """
    sa = connected(peer, dut)
    without = [one for one in suite_of(peer) if one.type != TransformType.ESN]
    offering(peer, sa, *without, Transform.of(Esn.YES))
    answer = sa.rekey_child()
    if refusal(answer):
        peer.check(answer.first(SA) is None, "no SA payload beside the refusal", answer, "RFC7296-3.3.2-8")
        return
    chosen = granted(peer, dut, answer, REKEY, "RFC7296-3.3.2-8")
    found = [one.id for one in of_type(chosen, TransformType.ESN)]
    peer.check(found == [Esn.YES], "extended sequence numbers, or a refusal", answer, "RFC7296-3.3.2-8")
    sa.finish()
    carries(peer, dut, requirement="RFC7296-3.3.2-8")


def refusal(answer: Message) -> bool:
    """Whether a response says no."""
    return fatal(answer) is not None


@purpose("child-two-compressions", "RFC7296-2.22-7", "RFC7296-2.22-6", role="responder", needs=(REKEY,))
def test_two_compressions(peer: Peer, dut: Dut) -> None:
    """A rekey offers two compression algorithms: one of them is accepted, or none, and the Child SA is rekeyed."""
    sa = connected(peer, dut)
    kinds = [Notify(NotifyType.IPCOMP_SUPPORTED, data) for data in (DEFLATE, LZS)]
    answer = sa.rekey_child(bend=asking(*kinds))
    granted(peer, dut, answer, REKEY, "RFC7296-2.22-7")
    accepted = [one.data[2:] for one in answer.notifies() if one.type == NotifyType.IPCOMP_SUPPORTED]
    peer.check(len(accepted) <= 1, "at most one N(IPCOMP_SUPPORTED)", answer, "RFC7296-2.22-7")
    offered = all(one in (DEFLATE[2:], LZS[2:]) for one in accepted)
    peer.check(offered, "an algorithm that was offered", answer, "RFC7296-2.22-6")
    if not accepted:
        sa.finish()
        carries(peer, dut)
