"""Rekeying a Child SA: we ask (RFC 7296, sections 1.3.3, 2.8, 2.9.2)."""

from conformance.ike.core.selectors import covered, ranges
from conformance.script import bend
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.verdict import NotApplicable
from conformance.wire import KE, Message, Nonce, Notify, NotifyType, ProtocolID, TSi, TSr
from peers.capabilities import Capability
from suites.choices import pfs
from suites.connections import usual
from suites.create_child_sa.answers import connected, deleted, granted, kept, names, refused
from suites.create_child_sa.test_new_child import FOREIGN, asking_for, wider
from suites.dut import Dut
from suites.foreign import refused as refused_suites
from suites.purpose import purpose

REKEY = Capability.REKEY_CHILD


def not_found(peer: Peer, dut: Dut, sa: ScriptedSa, answer: Message) -> Notify:
    """The device must say that it has no such Child SA, and keep the IKE SA; returns what it says."""
    refused(peer, answer)
    if answer.notify(NotifyType.NO_ADDITIONAL_SAS) and REKEY not in dut.device.capabilities:
        raise NotApplicable("the device refuses CREATE_CHILD_SA, as RFC 7296, section 1.3 lets it")
    notify = peer.expect_notify(answer, NotifyType.CHILD_SA_NOT_FOUND, "RFC7296-2.25-6")
    sa.must_be_up("RFC7296-1.3.1-14")
    return notify


def rekeying(spi: bytes) -> bend.Bend:
    """Ask for a new Child SA as if it replaced the one with this SPI."""
    return bend.insert(Notify(NotifyType.REKEY_SA, b"", ProtocolID.ESP, spi))


@purpose(
    "child-rekey",
    "RFC7296-1.3.3-7",
    "RFC7296-2.9.2-1",
    "RFC7296-2.9.2-3",
    "RFC7296-2.8-6",
    role="responder",
    needs=(REKEY,),
)
def test_rekey(peer: Peer, dut: Dut) -> None:
    """A Child SA is replaced: the response has SA, Nr, TSi, TSr, a new SPI and selectors not narrower than the old."""
    sa = connected(peer, dut)
    old, sa.tidy = sa.child, False
    answer = sa.rekey_child()
    chosen = granted(peer, dut, answer, REKEY, "RFC7296-1.3.3-7")
    for kind in (Nonce, TSi, TSr):
        peer.expect(answer, kind, "RFC7296-1.3.3-7")
    peer.check(chosen.spi != old.spi_out, "a new SPI", chosen.spi.hex())
    peer.check(len(sa.children) == 2, "a choice out of our offer", sa.problem)
    new = sa.children[1]
    peer.check(covered(old.local_ts, new.local_ts), "TSi not narrower", answer, "RFC7296-2.9.2-1")
    peer.check(covered(old.remote_ts, new.remote_ts), "TSr not narrower", answer, "RFC7296-2.9.2-3")
    peer.check(new.suite.encr == old.suite.encr, "the algorithms of the old SA", answer, "RFC7296-2.8-6")


@purpose(
    "child-rekey-wider",
    "RFC7296-2.9.2-3",
    "RFC7296-2.9-3",
    "RFC7296-2.9-13",
    role="responder",
    connection=usual(narrowing=True),
    needs=(REKEY, Capability.NARROWING),
)
def test_rekey_wider(peer: Peer, dut: Dut) -> None:
    """The rekey asks for more than the old Child SA had: it is narrowed, but not below what is in use.

    An initiator may propose a superset, as its whole policy. The device's policy allows just the old selectors.
    """
    sa = connected(peer, dut)
    old, sa.tidy = sa.child, False
    answer = sa.rekey_child(bend=wider(sa))
    granted(peer, dut, answer, REKEY, "RFC7296-2.9-13")
    ours, theirs = peer.expect(answer, TSi), peer.expect(answer, TSr)
    peer.check(covered(old.local_ts, ranges(ours.selectors)), "TSi covers that in use", answer, "RFC7296-2.9.2-3")
    peer.check(covered(old.remote_ts, ranges(theirs.selectors)), "TSr covers that in use", answer, "RFC7296-2.9.2-3")
    peer.check(covered(theirs.selectors, old.remote_ts), "TSr within the policy", answer, "RFC7296-2.9-3")


@purpose(
    "child-rekey-pfs",
    "RFC7296-1.3.3-7",
    role="responder",
    needs=(REKEY, Capability.PFS),
    connection=usual(esp=pfs),
)
def test_rekey_pfs(peer: Peer, dut: Dut) -> None:
    """A Child SA that IKE_AUTH made without key exchange is rekeyed with one: KEr comes back.

    A device may insist on the algorithms in use and refuse, as it may refuse any proposal.
    """
    sa = connected(peer, dut)
    answer = sa.rekey_child()
    if answer.notify(NotifyType.NO_PROPOSAL_CHOSEN):
        raise NotApplicable("the device rekeys a Child SA of IKE_AUTH without a key exchange only")
    granted(peer, dut, answer, REKEY, "RFC7296-1.3.3-7")
    peer.expect(answer, KE, "RFC7296-1.3.3-7")
    peer.check(not sa.problem, "a valid public value of the group", sa.problem)


@purpose(
    "child-rekey-delete",
    "RFC7296-1.4.1-4",
    "RFC7296-1.4.1-1",
    "RFC7296-1.4.1-6",
    "RFC7296-3.11-5",
    role="responder",
    needs=(REKEY,),
)
def test_rekey_delete(peer: Peer, dut: Dut) -> None:
    """After a rekey we delete the old Child SA, then the new one: each answer names just the other half of the pair."""
    sa = connected(peer, dut)
    old, sa.tidy = sa.child, False
    granted(peer, dut, sa.rekey_child(), REKEY, "RFC7296-1.3.3-7")
    peer.check(len(sa.children) == 2, "a valid response to the rekey", sa.problem)
    new = sa.children[1]
    sa.tidy = True
    for child in (old, new):
        answer = sa.delete_child(child)
        others = set(deleted(answer)) - {child.spi_out}
        peer.check(not others, "no other SPI than that of the same pair", answer, "RFC7296-3.11-5")
        names(peer, answer, child)
    kept(peer, sa)


@purpose(
    "child-rekey-unknown",
    "RFC7296-2.25-7",
    "RFC7296-2.21.3-1",
    "RFC7296-3.10-1",
    "RFC7296-2.25-6",
    "RFC7296-2.25.1-4",
    "RFC7296-1.3.1-14",
    role="responder",
)
def test_rekey_unknown(peer: Peer, dut: Dut) -> None:
    """REKEY_SA with an SPI that never was: CHILD_SA_NOT_FOUND with that SPI, no SA, and the IKE SA stays."""
    sa = connected(peer, dut)
    spi = bytes(one ^ 0xFF for one in sa.child.spi_in)
    notify = not_found(peer, dut, sa, sa.create_child(bend=rekeying(spi)))
    peer.check(notify.spi == spi, "the SPI of N(REKEY_SA)", notify.spi.hex(), "RFC7296-2.25-7")
    peer.check(notify.protocol == ProtocolID.ESP, "protocol ESP", notify.protocol, "RFC7296-3.10-1")


@purpose("child-rekey-own-spi", "RFC7296-1.3.3-4", "RFC7296-2.21.3-1", "RFC7296-2.25-6", role="responder")
def test_rekey_own_spi(peer: Peer, dut: Dut) -> None:
    """REKEY_SA with the SPI of the wrong direction, on which the device receives: it names none of our Child SAs."""
    sa = connected(peer, dut)
    not_found(peer, dut, sa, sa.create_child(bend=rekeying(sa.child.spi_out)))


@purpose(
    "child-rekey-twice",
    "RFC7296-2.21.3-1",
    "RFC7296-2.25-6",
    "RFC7296-2.25.1-4",
    role="responder",
    needs=(REKEY,),
)
def test_rekey_twice(peer: Peer, dut: Dut) -> None:
    """A Child SA that was rekeyed and deleted cannot be rekeyed again."""
    sa = connected(peer, dut)
    old = sa.child
    granted(peer, dut, sa.rekey_child(), REKEY, "RFC7296-1.3.3-7")
    sa.finish()
    not_found(peer, dut, sa, sa.create_child(bend=rekeying(old.spi_in)))


@purpose("child-rekey-refused", "RFC7296-2.7-4", "RFC7296-2.9-6", "RFC7296-1.3.1-14", role="responder", needs=(REKEY,))
def test_rekey_refused(peer: Peer, dut: Dut) -> None:
    """Two rekeys that must be refused, for the algorithms and for the selectors, leave IKE SA and Child SA alone."""
    wrong = refused_suites(dut, protocol=ProtocolID.ESP)
    sa = connected(peer, dut)
    child = sa.child
    answer = sa.rekey_child(bend=asking_for(*wrong))
    refused(peer, answer, NotifyType.NO_PROPOSAL_CHOSEN, NotifyType.NO_ADDITIONAL_SAS, requirement="RFC7296-2.7-4")
    sa.must_be_up("RFC7296-1.3.1-14")
    answer = sa.rekey_child(bend=bend.change(TSr, selectors=FOREIGN))
    lost = answer.notify(NotifyType.CHILD_SA_NOT_FOUND)
    peer.check(lost is None, "the Child SA is still there", answer, "RFC7296-1.3.1-14")
    refused(peer, answer, NotifyType.TS_UNACCEPTABLE, NotifyType.NO_ADDITIONAL_SAS, requirement="RFC7296-2.9-6")
    sa.must_be_up("RFC7296-1.3.1-14")
    names(peer, sa.delete_child(child), child)
