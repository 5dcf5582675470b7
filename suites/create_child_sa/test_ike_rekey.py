"""Rekeying the IKE SA: we ask (RFC 7296, sections 1.3.2, 2.8, 2.18)."""

from dataclasses import replace

from conformance.crypto.suite import proposal
from conformance.ike.core.proposals import groups, parsed
from conformance.script import bend
from conformance.script.bend import Bend
from conformance.script.peer import Peer
from conformance.script.verdict import NotApplicable
from conformance.wire import (
    KE,
    SA,
    Delete,
    KeMethod,
    Nonce,
    NotifyType,
    Proposal,
    Transform,
    TransformType,
    TSi,
    TSr,
)
from peers.algorithms import written
from peers.capabilities import Capability
from suites import foreign
from suites.choices import ENCR, INTEG, PRF, two_prfs_apart
from suites.connections import usual
from suites.create_child_sa.answers import carries, connected, granted, inherited, kept, refused
from suites.dut import Dut
from suites.purpose import purpose

REKEY = Capability.REKEY_IKE
TWO_PRFS = usual(proposals=two_prfs_apart)


def asking_for(*texts: str) -> Bend:
    """Offer these IKE proposals in place of the configured ones."""

    def change(sa: SA) -> SA:
        spi = sa.proposals[0].spi
        return SA(tuple(proposal(text, number, spi=spi) for number, text in enumerate(texts, 1)))

    return bend.replace(SA, change, f"offering {', '.join(texts)}")


def with_group_none(sa: SA) -> SA:
    """The same offer with NONE as the only group."""

    def change(one: Proposal) -> Proposal:
        kept = tuple(each for each in one.transforms if each.type != TransformType.KE)
        return replace(one, transforms=(*kept, Transform.of(KeMethod.NONE)))

    return SA(tuple(change(one) for one in sa.proposals))


@purpose(
    "ike-rekey",
    "RFC7296-1.3.2-5",
    "RFC7296-1.3.2-6",
    "RFC7296-1.3.2-7",
    "RFC7296-2.18-1",
    "RFC7296-2.18-2",
    "RFC7296-2.18-3",
    "RFC7296-2.18-8",
    "RFC7296-2.18-9",
    "RFC7296-3.3.1-9",
    role="responder",
    needs=(REKEY,),
)
def test_ike_rekey(peer: Peer, dut: Dut) -> None:
    """The IKE SA is replaced: SA, Nr, KEr and no selectors, a new SPI of 8 octets, and the new SA starts at message 0.

    A liveness check on the new IKE SA proves its keys: SKEYSEED from the old SK_d, the new secret and both nonces.
    """
    sa = connected(peer, dut)
    answer = sa.rekey()
    chosen = granted(peer, dut, answer, REKEY, "RFC7296-1.3.2-5")
    peer.expect(answer, Nonce, "RFC7296-1.3.2-5")
    peer.expect(answer, KE, "RFC7296-1.3.2-5")
    peer.check(not answer.first(TSi) and not answer.first(TSr), "no TSi, no TSr", answer, "RFC7296-2.18-2")
    peer.check(len(chosen.spi) == 8 and any(chosen.spi), "an SPI of 8 octets", chosen.spi.hex(), "RFC7296-3.3.1-9")
    peer.check(chosen.spi not in (sa.spi_i, sa.spi_r), "a new SPI", chosen.spi.hex(), "RFC7296-1.3.2-6")
    peer.check(answer.spi_r == sa.spi_r, "the old SPIs in the header", answer.spi_r.hex(), "RFC7296-2.18-1")
    sa.rekeyed.must_be_up("RFC7296-1.3.2-7", "message 0 on the new IKE SA is answered")


@purpose("ike-rekey-again", "RFC7296-2.18-9", "RFC7296-2.18-3", "RFC7296-2.8-7", role="responder", needs=(REKEY,))
def test_ike_rekey_again(peer: Peer, dut: Dut) -> None:
    """Three rekeys in a row, each of the IKE SA that the one before has made.

    The second proves SK_d of the first new IKE SA, which nothing else on the wire shows; the Child SA comes along.
    """
    sa = connected(peer, dut)
    for _ in range(3):
        granted(peer, dut, sa.rekey(), REKEY, "RFC7296-1.3.2-5")
        sa = sa.rekeyed
        sa.must_be_up("RFC7296-2.18-9", "the new IKE SA has the right keys")
    answer = sa.rekey_child()
    lost = answer.notify(NotifyType.CHILD_SA_NOT_FOUND)
    peer.check(lost is None, "the Child SA is still there after that", answer, "RFC7296-2.8-7")
    sa.finish()
    carries(peer, dut, requirement="RFC7296-2.8-7")


@purpose(
    "ike-rekey-other-prf", "RFC7296-2.18-4", "RFC7296-2.18-9", role="responder", needs=(REKEY,), connection=TWO_PRFS
)
def test_ike_rekey_other_prf(peer: Peer, dut: Dut) -> None:
    """The rekey changes the PRF: SKEYSEED is made with the old one, the keys from it with the new one."""
    wrong = foreign.refused(dut)[0]
    sa = connected(peer, dut)
    assert sa.keys is not None
    old = sa.keys.suite.prf
    other = next(text for text in peer.connection.proposals if Transform.of(old) not in proposal(text).transforms)
    sa.connection = replace(sa.connection, proposals=(wrong, other))
    answer = sa.rekey(group=groups(parsed((other,)))[0])
    if answer.notify(NotifyType.NO_PROPOSAL_CHOSEN):
        raise NotApplicable("the device rekeys an IKE SA with the algorithms that it has")
    chosen = granted(peer, dut, answer, REKEY, "RFC7296-1.3.2-5")
    prf = next(one.id for one in chosen.transforms if one.type == TransformType.PRF)
    peer.check(prf != old, "the other PRF", answer, "RFC7296-2.7-5")
    sa.rekeyed.must_be_up("RFC7296-2.18-9", "the new IKE SA has the right keys")


@purpose(
    "ike-rekey-old-numbering",
    "RFC7296-1.3.2-8",
    "RFC7296-1.4.1-10",
    "RFC7296-1.4.1-4",
    role="responder",
    needs=(REKEY,),
)
def test_old_numbering(peer: Peer, dut: Dut) -> None:
    """The old IKE SA goes on counting: its deletion has the next message ID there and gets an empty response.

    Then it is gone: a device that keeps it has one more with each rekey. The new IKE SA, with which it is not to be
    confused, lives on.
    """
    sa = connected(peer, dut)
    sa.tidy = False
    granted(peer, dut, sa.rekey(), REKEY, "RFC7296-1.3.2-5")
    new = sa.rekeyed
    new.must_be_up()
    sa.must_be_up("RFC7296-1.3.2-8", "the old IKE SA answers its next message ID")
    answer = sa.delete()
    peer.check(not answer.first(Delete) and not answer.first(SA), "an empty response", answer, "RFC7296-1.4.1-10")
    sa.must_be_gone("RFC7296-1.4.1-4")
    new.must_be_up("RFC7296-2.8-7", "the new IKE SA outlives the old one")


@purpose("ike-rekey-inherits", "RFC7296-2.8-7", "RFC7296-1.4-3", role="responder", needs=(REKEY,))
def test_inherits(peer: Peer, dut: Dut) -> None:
    """The new IKE SA has the Child SAs of the old one: after that is deleted, they are rekeyed and deleted there."""
    sa = connected(peer, dut)
    granted(peer, dut, sa.rekey(), REKEY, "RFC7296-1.3.2-5")
    sa.finish()
    inherited(peer, dut, sa.rekeyed, "RFC7296-2.8-7")


@purpose(
    "ike-rekey-flags",
    "RFC7296-1.3.2-10",
    "RFC7296-3.1-23",
    "RFC7296-3.1-24",
    role="initiator",
    needs=(REKEY,),
)
def test_flags(peer: Peer, dut: Dut) -> None:
    """The device opened the IKE SA, we rekey it: on the new one we are the original initiator, on the old one it is."""
    dut.initiate()
    sa = peer.accept()
    sa.tidy = False
    granted(peer, dut, sa.rekey(), REKEY, "RFC7296-1.3.2-5")
    answer = sa.liveness()
    peer.check(
        answer.from_initiator, "the Initiator flag on the old IKE SA", f"flags {answer.flags:#x}", "RFC7296-3.1-22"
    )
    sa.rekeyed.begin(sa.rekeyed.start_liveness)
    found = peer.wait(
        lambda one: one.message.is_response and one.message.spi_r == sa.rekeyed.spi_r,
        "a response on the new IKE SA",
    )
    flags = f"flags {found.message.flags:#x}"
    peer.check(not found.message.from_initiator, "no Initiator flag there", flags, "RFC7296-3.1-24")


@purpose("ike-rekey-without-ke", "RFC7296-2.18-5", "RFC7296-1.3.2-2", "RFC7296-2.21.3-1", role="responder")
def test_without_ke(peer: Peer, dut: Dut) -> None:
    """A request to rekey the IKE SA without KEi, though a group is offered: an error, no IKE SA."""
    sa = connected(peer, dut)
    refused(peer, sa.rekey(bend=bend.drop(KE)))


@purpose("ike-rekey-group-none", "RFC7296-2.18-7", "RFC7296-2.18-5", "RFC7296-2.21.3-1", role="responder")
def test_group_none(peer: Peer, dut: Dut) -> None:
    """The only group offered for the new IKE SA is NONE, without KEi: refused, as an IKE SA needs a new secret."""
    sa = connected(peer, dut)
    answer = sa.rekey(bend=bend.replace(SA, with_group_none, "group NONE offered") | bend.drop(KE))
    refused(peer, answer, requirement="RFC7296-2.18-7")


@purpose(
    "ike-rekey-wrong-group",
    "RFC7296-1.3-6",
    "RFC7296-1.3-7",
    "RFC7296-1.3-8",
    role="responder",
    needs=(REKEY,),
)
def test_wrong_group(peer: Peer, dut: Dut) -> None:
    """KEi is of a group that the device does not take, the one it takes is offered: INVALID_KE_PAYLOAD names that.

    The old IKE SA lives, and the repetition with the named group makes the new one.
    """
    unwanted, suite = foreign.foreign(dut, TransformType.KE), foreign.own(dut)
    ours = next(one.id for one in suite if one.type == TransformType.KE)
    sa = peer.establish()
    sa.connection = replace(sa.connection, proposals=(written((unwanted, *suite)),))
    answer = sa.rekey()
    error = refused(peer, answer, NotifyType.INVALID_KE_PAYLOAD, requirement="RFC7296-1.3-6")
    wanted = int(ours).to_bytes(2, "big")
    peer.check(error.data == wanted, f"group {ours:d} in two octets", error.data.hex(), "RFC7296-1.3-7")
    sa.finish()
    if sa.successor is None and sa.crossed(len(peer.inbox)):  # the repetition was put off for an exchange of its own
        sa.rekey()
        sa.finish()
    sa.rekeyed.must_be_up("RFC7296-1.3-6", "success with that group")


@purpose("ike-rekey-no-proposal", "RFC7296-2.7-4", "RFC7296-2.21-4", "RFC7296-2.21.3-1", role="responder")
def test_no_proposal(peer: Peer, dut: Dut) -> None:
    """No IKE proposal is acceptable: NO_PROPOSAL_CHOSEN, and the IKE SA stays."""
    wrong = foreign.refused(dut, 2, kinds=(ENCR, PRF, INTEG))
    sa = connected(peer, dut)
    answer = sa.rekey(bend=asking_for(*wrong))
    refused(peer, answer, NotifyType.NO_PROPOSAL_CHOSEN, NotifyType.NO_ADDITIONAL_SAS, requirement="RFC7296-2.7-4")
    kept(peer, sa)
