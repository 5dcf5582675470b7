"""Further Child SAs that we ask for (RFC 7296, section 1.3.1).

Without a data plane the keys of a Child SA are invisible: what can be seen is that the device answers with what its
keys are made of, its nonce and its public value.
"""

from dataclasses import replace

from conformance.crypto.ke import key_exchange, respond
from conformance.crypto.keywords import keyword
from conformance.crypto.suite import proposal, transforms
from conformance.ike.core.connection import ChildConfig, Connection, Mode
from conformance.ike.core.proposals import child_proposals, groups
from conformance.ike.core.selectors import covered, selectors
from conformance.script import bend
from conformance.script.bend import Bend
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.wire import (
    KE,
    SA,
    KeMethod,
    Nonce,
    Notify,
    NotifyType,
    ProtocolID,
    Transform,
    TransformType,
    TSi,
    TSr,
    UnknownPayload,
)
from peers.capabilities import Capability
from peers.contract import Pixit
from suites import foreign
from suites.choices import pfs, pfs_ecp
from suites.connections import usual
from suites.create_child_sa.answers import (
    carries,
    connected,
    deleted,
    granted,
    kept,
    names,
    own_requests,
    refused,
    shortest_nonce,
)
from suites.dut import Dut
from suites.ike_sa_init.steps import OFF_CURVE
from suites.informational.deletion import child_must_live, said
from suites.purpose import purpose

PFS = usual(esp=pfs)
MANY = Capability.MULTIPLE_CHILDREN
FOREIGN = selectors(("192.0.2.128/25",))


def wider(sa: ScriptedSa) -> Bend:
    """Ask for a Child SA between all addresses, whatever the policy is."""
    version = len(sa.child.local_ts[0].start)
    everything = selectors(("0.0.0.0/0",) if version == 4 else ("::/0",))
    return bend.change(TSi, selectors=everything) | bend.change(TSr, selectors=everything)


def between_hosts(pixit: Pixit) -> Connection:
    """Transport mode between our address and the device's."""
    ours, theirs = f"{pixit.tester_address}/32", f"{pixit.device_address}/32"
    return usual(mode=Mode.TRANSPORT, local_ts=(ours,), remote_ts=(theirs,))(pixit)


def our_group(peer: Peer) -> KeMethod:
    """The group of our Child SA."""
    return groups(child_proposals(peer.connection.children[0].proposals, bytes(4), with_ke=True))[0]


def offering(peer: Peer, *texts: str) -> tuple[ChildConfig, ...]:
    """Our Child SA with other proposals than the device's, for `Peer.establish`."""
    return (replace(peer.connection.children[0], proposals=texts),)


def asking_for(*texts: str) -> Bend:
    """Offer these ESP proposals in place of the configured ones."""

    def change(sa: SA) -> SA:
        spi = sa.proposals[0].spi
        return SA(tuple(proposal(text, number, ProtocolID.ESP, spi) for number, text in enumerate(texts, 1)))

    return bend.replace(SA, change, f"offering {', '.join(texts)}")


@purpose(
    "child-new",
    "RFC7296-1.3.1-2",
    "RFC7296-1.3.1-3",
    "RFC7296-1.3.1-5",
    "RFC7296-2.7-1",
    "RFC7296-3.3.1-9",
    "RFC7296-3.9-1",
    role="responder",
    needs=(MANY,),
)
def test_new(peer: Peer, dut: Dut) -> None:
    """A second Child SA: the response has SA, Nr, TSi, TSr and a new SPI.

    The request offers what IKE_AUTH offered, with a nonce of its own. The keys come from the new nonces, so both are
    needed; the SPI must be another one than that of the first Child SA.
    """
    sa = connected(peer, dut)
    first = sa.child
    answer = sa.create_child()
    chosen = granted(peer, dut, answer, MANY, "RFC7296-1.3.1-2")
    for kind in (Nonce, TSi, TSr):
        peer.expect(answer, kind, "RFC7296-1.3.1-2")
    peer.check(len(chosen.spi) == 4, "an SPI of 4 octets", chosen.spi.hex(), "RFC7296-3.3.1-9")
    peer.check(chosen.spi != first.spi_out, "a new SPI", chosen.spi.hex())
    nonce = peer.expect(answer, Nonce)
    peer.check(16 <= len(nonce.data) <= 256, "a nonce of 16 to 256 octets", len(nonce.data), "RFC7296-3.9-1")
    peer.check(len(sa.children) == 2, "a choice out of our offer", sa.problem, "RFC7296-1.3.1-5")


@purpose("child-second-proposal", "RFC7296-2.7-1", "RFC7296-2.7-2", "RFC7296-2.7-5", role="responder", needs=(MANY,))
def test_second_proposal(peer: Peer, dut: Dut) -> None:
    """Of two proposals only the second is acceptable: the device chooses it with its number, one transform a type.

    Proposal 1 has a cipher that is not configured. Proposal 2 names two ciphers, one of them the configured one.
    """
    text = peer.connection.children[0].proposals[0]
    wrong = foreign.refused(dut, protocol=ProtocolID.ESP)[0]
    sa = connected(peer, dut)
    answer = sa.create_child(bend=asking_for(wrong, foreign.beside(text, ProtocolID.ESP)))
    chosen = granted(peer, dut, answer, MANY, "RFC7296-2.7-1")
    peer.check(chosen.number == 2, "proposal 2", chosen.number, "RFC7296-2.7-1")
    peer.check(chosen.protocol == ProtocolID.ESP, "protocol ESP", chosen.protocol, "RFC7296-2.7-2")
    types = sorted(one.type for one in chosen.transforms)
    expected = sorted({one.type for one in proposal(text, 1, ProtocolID.ESP).transforms})
    peer.check(types == expected, "one transform of each type", answer, "RFC7296-2.7-5")
    taken = {one for each in dut.connection.children[0].proposals for one in transforms(each)}
    cipher = next(one for one in chosen.transforms if one.type == TransformType.ENCR)
    peer.check(cipher in taken, "the configured cipher", keyword(cipher), "RFC7296-2.7-1")


@purpose(
    "child-pfs",
    "RFC7296-1.3.1-4",
    "RFC7296-2.17-2",
    role="responder",
    needs=(MANY, Capability.PFS),
    connection=PFS,
)
def test_pfs(peer: Peer, dut: Dut) -> None:
    """A Child SA with a key exchange of its own: the group in the chosen suite, and KEr of that group."""
    sa = connected(peer, dut)
    answer = sa.create_child()
    chosen = granted(peer, dut, answer, MANY, "RFC7296-1.3.1-2")
    found = [one.id for one in chosen.transforms if one.type == TransformType.KE]
    ours = our_group(peer)
    peer.check(found == [ours], "the group in the chosen suite", answer, "RFC7296-2.7-5")
    ke = peer.expect(answer, KE, "RFC7296-1.3.1-4")
    size = len(respond(ours, key_exchange(ours, peer.random).public, peer.random)[0])
    fits = ke.method == ours and len(ke.data) == size
    peer.check(fits, f"KEr of group {ours:d} with {size} octets", answer, "RFC7296-1.3.1-4")
    peer.check(len(sa.children) == 2, "a valid public value", sa.problem, "RFC7296-1.3.1-4")


@purpose(
    "child-pfs-wrong-group",
    "RFC7296-1.3-6",
    "RFC7296-1.3-7",
    "RFC7296-1.3-8",
    "RFC7296-1.3.1-14",
    role="responder",
    needs=(MANY, Capability.PFS),
    connection=PFS,
)
def test_pfs_wrong_group(peer: Peer, dut: Dut) -> None:
    """KEi is of a group that the device does not take, the one it takes is offered: INVALID_KE_PAYLOAD names that.

    The exchange has failed without an SA, the IKE SA lives, and the repetition with the named group succeeds.
    """
    unwanted, ours = KeMethod(foreign.foreign(dut, TransformType.KE, ProtocolID.ESP).id), our_group(peer)
    both = f"{keyword(Transform.of(unwanted))}-{peer.connection.children[0].proposals[0]}"
    sa = peer.establish(children=offering(peer, both))
    answer = sa.create_child(group=unwanted)
    error = refused(peer, answer, NotifyType.INVALID_KE_PAYLOAD, requirement="RFC7296-1.3-6")
    wanted = int(ours).to_bytes(2, "big")
    peer.check(error.data == wanted, f"group {ours:d} in two octets", error.data.hex(), "RFC7296-1.3-7")
    peer.check(answer.first(KE) is None, "no KEr", answer, "RFC7296-1.3-8")
    sa.finish()
    if len(sa.children) < 2 and sa.crossed(len(peer.inbox)):  # the repetition was put off for an exchange of its own
        sa.create_child(group=unwanted)
        sa.finish()
    peer.check(len(sa.children) == 2, "success with that group", sa.problem, "RFC7296-1.3-6")
    sa.must_be_up("RFC7296-1.3.1-14")


@purpose(
    "child-no-proposal", "RFC7296-2.7-4", "RFC7296-1.3.1-14", "RFC7296-2.21.3-1", "RFC7296-3.3.4-4", role="responder"
)
def test_no_proposal(peer: Peer, dut: Dut) -> None:
    """No ESP proposal is acceptable: NO_PROPOSAL_CHOSEN, and the IKE SA stays."""
    wrong = foreign.refused(dut, 2, ProtocolID.ESP)
    sa = peer.establish()
    answer = sa.create_child(bend=asking_for(*wrong))
    refused(peer, answer, NotifyType.NO_PROPOSAL_CHOSEN, NotifyType.NO_ADDITIONAL_SAS, requirement="RFC7296-2.7-4")
    sa.must_be_up("RFC7296-1.3.1-14")


@purpose("child-ts-unacceptable", "RFC7296-2.9-6", "RFC7296-1.3.1-14", "RFC7296-2.21.3-1", role="responder")
def test_ts_unacceptable(peer: Peer) -> None:
    """Selectors that the device's policy has no part of: TS_UNACCEPTABLE, and the IKE SA with its Child SA stays."""
    sa = peer.establish()
    answer = sa.create_child(bend=bend.change(TSr, selectors=FOREIGN))
    refused(peer, answer, NotifyType.TS_UNACCEPTABLE, NotifyType.NO_ADDITIONAL_SAS, requirement="RFC7296-2.9-6")
    sa.must_be_up("RFC7296-1.3.1-14")
    child = sa.child
    names(peer, sa.delete_child(child), child)


@purpose(
    "child-ts-narrow",
    "RFC7296-2.9-3",
    "RFC7296-2.9-13",
    "RFC7296-1.3.1-5",
    role="responder",
    connection=usual(narrowing=True),
    needs=(MANY, Capability.NARROWING),
)
def test_ts_narrow(peer: Peer, dut: Dut) -> None:
    """Selectors wider than the policy are narrowed to a part of both, which is not empty."""
    sa = connected(peer, dut)
    answer = sa.create_child(bend=wider(sa))
    granted(peer, dut, answer, MANY, "RFC7296-2.9-13")
    ours, theirs, policy = peer.expect(answer, TSi), peer.expect(answer, TSr), dut.connection.children[0]
    peer.check(ours.selectors and theirs.selectors, "selectors in both", answer, "RFC7296-2.9-3")
    peer.check(covered(theirs.selectors, selectors(policy.local_ts)), "TSr within the policy", answer, "RFC7296-2.9-3")
    peer.check(covered(ours.selectors, selectors(policy.remote_ts)), "TSi within the policy", answer, "RFC7296-2.9-3")


@purpose("child-critical", "RFC7296-2.5-11", "RFC7296-2.5-12", "RFC7296-2.21-4", role="responder")
def test_critical(peer: Peer) -> None:
    """A CREATE_CHILD_SA request with an unknown critical payload makes no SA, and the IKE SA stays."""
    sa = peer.establish()
    answer = sa.create_child(bend=bend.insert(UnknownPayload(200, b"ikespec", critical=True)))
    error = refused(peer, answer, NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD, requirement="RFC7296-2.5-11")
    peer.check(error.data == bytes((200,)), "the payload type 200 as data", error.data.hex(), "RFC7296-2.5-12")
    kept(peer, sa)


@purpose("child-without-nonce", "RFC7296-2.21.3-1", "RFC7296-1.3.1-1", role="responder")
def test_without_nonce(peer: Peer) -> None:
    """A request without Nonce is answered with an error: keys cannot be made without it."""
    sa = peer.establish()
    refused(peer, sa.create_child(bend=bend.drop(Nonce)))


@purpose("child-without-sa", "RFC7296-2.21.3-1", "RFC7296-1.3.1-1", role="responder")
def test_without_sa(peer: Peer) -> None:
    """A request without SA is answered with an error: nothing is offered."""
    sa = peer.establish()
    refused(peer, sa.create_child(bend=bend.drop(SA)))


@purpose("child-without-ts", "RFC7296-2.21.3-1", "RFC7296-1.3.1-1", role="responder")
def test_without_ts(peer: Peer) -> None:
    """A request for ESP without TSi and TSr is answered with an error: absent selectors do not mean any."""
    sa = peer.establish()
    refused(peer, sa.create_child(bend=bend.drop(TSi, TSr)))


@purpose(
    "child-invalid-public-value",
    "RFC6989-2.5-6",
    "RFC6989-2-1",
    "RFC6989-2.3-1",
    role="responder",
    needs=(MANY, Capability.PFS),
    connection=usual(esp=pfs_ecp),
)
def test_invalid_public_value(peer: Peer) -> None:
    """KEi is a point that is not on the curve of its group: no SA is made with it.

    The tests are a SHOULD; who makes them answers INVALID_SYNTAX and drops the IKE SA.
    """
    sa = peer.establish()
    answer = sa.create_child(bend=OFF_CURVE)
    peer.check(answer.first(SA) is None, "no SA payload", answer, "RFC6989-2.3-1")
    refused(peer, answer, NotifyType.INVALID_SYNTAX, requirement="RFC6989-2.5-6")
    sa.must_be_gone("RFC6989-2.5-6")


@purpose(
    "child-transport",
    "RFC7296-1.3.1-7",
    "RFC7296-1.3.1-8",
    role="responder",
    needs=(MANY, Capability.TRANSPORT),
    connection=between_hosts,
)
def test_transport(peer: Peer, dut: Dut) -> None:
    """A device that is configured for transport mode says so in its response as well."""
    sa = connected(peer, dut)
    answer = sa.create_child()
    granted(peer, dut, answer, MANY, "RFC7296-1.3.1-2")
    peer.expect_notify(answer, NotifyType.USE_TRANSPORT_MODE, "RFC7296-1.3.1-7")


@purpose(
    "child-transport-unasked", "RFC7296-1.3.1-10", "RFC7296-1.3.1-8", role="responder", needs=(MANY, Capability.TUNNEL)
)
def test_transport_unasked(peer: Peer, dut: Dut) -> None:
    """A device that is configured for tunnel mode does not agree to transport mode.

    The request asks for it. A response without USE_TRANSPORT_MODE means tunnel mode; refusing is allowed as well.
    """
    sa = connected(peer, dut)
    answer = sa.create_child(bend=bend.insert(Notify(NotifyType.USE_TRANSPORT_MODE)))
    notify = answer.notify(NotifyType.USE_TRANSPORT_MODE)
    peer.check(notify is None, "no USE_TRANSPORT_MODE for a tunnel", answer, "RFC7296-1.3.1-10")
    sa.must_be_up("RFC7296-1.3.1-14")


@purpose("child-parallel", "RFC7296-2.8-13", role="responder", needs=(MANY,))
def test_parallel(peer: Peer, dut: Dut) -> None:
    """A second Child SA with the same selectors does not replace the first one: without REKEY_SA they are parallel."""
    sa = connected(peer, dut)
    mark = len(peer.inbox)
    granted(peer, dut, sa.create_child(), MANY, "RFC7296-1.3.1-2")
    sa.must_be_up()
    gone = [spi for one in own_requests(peer, sa, mark) for spi in deleted(one)]
    peer.check(not gone, "no Child SA is deleted", said([spi.hex() for spi in gone]))
    for child in list(sa.children):
        carries(peer, dut, child, "RFC7296-2.8-13")
    child_must_live(peer, dut, sa, "RFC7296-2.8-13")


@purpose("child-nonce-lengths", "RFC7296-3.9-1", "RFC7296-2.10-2", role="responder", needs=(MANY,))
def test_nonce_lengths(peer: Peer, dut: Dut) -> None:
    """The shortest nonce, of 16 octets or of half a key of the PRF, and the longest, of 256, are both taken."""
    sa = connected(peer, dut)
    for length in (shortest_nonce(peer), 256):
        sa.nonce = peer.random(length)
        granted(peer, dut, sa.create_child(), MANY, "RFC7296-3.9-1")
        sa.delete_child(sa.children[-1])
