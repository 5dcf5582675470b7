"""A device with connections for several peers: each gets in by its own key, to its own selectors, by nothing else."""

from dataclasses import replace
from ipaddress import ip_network

from conformance.ike.core.connection import Connection, Identity, Party, Psk, PublicKey
from conformance.ike.core.selectors import selectors
from conformance.ike.core.sending import State
from conformance.script import bend
from conformance.script.message import says_nothing
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.verdict import NotApplicable, Unexpected
from conformance.wire import AUTH, AuthMethod, ExchangeType, IDi, IdType, NotifyType, TSi
from peers.capabilities import Capability
from peers.contract import Pixit
from suites.connections import certified, leaf, psk
from suites.create_child_sa.answers import deletes_ike, requests
from suites.ike_auth.key_ring import KEYS, NEEDS, PROVED, comes, must_give_nothing, peers_of, ring
from suites.ike_auth.refusal import answer_of, must_be_refused
from suites.purpose import purpose

MIXED = (*NEEDS, Capability.ECDSA)
CERTIFIED = "certified.ikespec.example"


def mixed_ring(pixit: Pixit) -> Connection:
    """We are one of two peers from one address: one shares a key with the device, the other one has a certificate."""
    first = psk()(pixit)
    network = pixit.tester_networks[0].rpartition(".")[0]
    made = leaf(CERTIFIED)
    _, device, trust = certified(pixit, "ecdsa")
    children = tuple(replace(one, local_ts=(f"{network}.0/28",)) for one in first.children)
    second = replace(
        first,
        name="second",
        local=Party(Identity.of(CERTIFIED), PublicKey((made.certificate,), made.key)),
        remote=device,
        trust=trust,
        children=tuple(replace(one, name="second", local_ts=(f"{network}.16/28",)) for one in first.children),
    )
    return replace(first, children=children, beside=(second,))


@purpose("auth-ring", *PROVED, role="responder", needs=NEEDS, connection=ring, ordinary=True)
def test_ring(peer: Peer) -> None:
    """Each of three peers from one address gets in with its own key, and one that goes leaves the others."""
    found = []
    for one in peers_of(peer):
        sa = comes(peer, one)
        sa.auth()
        sa.must_be_established("RFC7296-1.2-12")
        peer.check(sa.children, "a Child SA", sa.problem or "none", "RFC7296-1.2-12")
        found.append(sa)
    first, *others = found
    first.delete()
    for sa in others:
        sa.must_be_up("RFC7296-1.2-12")


@purpose("auth-ring-mixed", *PROVED, role="responder", needs=MIXED, connection=mixed_ring, ordinary=True)
def test_mixed(peer: Peer) -> None:
    """One peer has a shared key and one a certificate: the device takes each as it must, and proves itself so."""
    for one in peers_of(peer):
        sa = comes(peer, one)
        answer = sa.auth()
        sa.must_be_established("RFC7296-1.2-12")
        shared = isinstance(one.local.auth, Psk)
        proof = peer.expect(answer, AUTH)
        fits = (proof.method == AuthMethod.SHARED_KEY_MIC) is shared
        peer.check(fits, "a shared key MIC" if shared else "a signature", proof.method, "RFC7296-1.2-12")


@purpose("auth-ring-mixed-other", *PROVED, "RFC7296-2.21.2-1", role="responder", needs=MIXED, connection=mixed_ring)
def test_mixed_other(peer: Peer) -> None:
    """Who should have a certificate does not get in with the shared key of the other peer."""
    first, second = peers_of(peer)
    sa = comes(peer, second, local=replace(second.local, auth=first.local.auth), remote=first.remote)
    must_be_refused(peer, sa)


@purpose("auth-ring-other-key", *PROVED, "RFC7296-2.21.2-1", role="responder", needs=NEEDS, connection=ring)
def test_other_key(peer: Peer) -> None:
    """The key of another peer proves nobody, however well the device knows it."""
    known = peers_of(peer)
    for one, other in zip(known, (*known[1:], known[0]), strict=True):
        sa = comes(peer, one, local=replace(one.local, auth=other.local.auth))
        must_be_refused(peer, sa)


@purpose("auth-ring-stranger", *PROVED, "RFC7296-2.21.2-1", role="responder", needs=NEEDS, connection=ring)
def test_stranger(peer: Peer) -> None:
    """A name that no connection has does not get in with any of the keys."""
    for one in peers_of(peer):
        sa = comes(peer, one, local=replace(one.local, identity=Identity.of("stranger.ikespec.example")))
        must_be_refused(peer, sa)


@purpose("auth-ring-selectors", "RFC7296-2.9-6", "RFC7296-2.9-3", role="responder", needs=NEEDS, connection=ring)
def test_selectors(peer: Peer) -> None:
    """A peer that asks for the network of another one gets no Child SA for it, in IKE_AUTH and afterwards."""
    mine, other, *_ = peers_of(peer)
    theirs = other.children[0].local_ts
    sa = comes(peer, mine, children=tuple(replace(one, local_ts=theirs) for one in mine.children))
    must_give_nothing(peer, sa.auth())
    if sa.state is State.ESTABLISHED:
        sa.delete()
    sa = comes(peer, mine)
    sa.auth()
    sa.must_be_established("RFC7296-1.2-12")
    name = mine.children[0].name
    answer = sa.create_child(name, bend.replace(TSi, lambda _: TSi(selectors(theirs)), f"TSi {theirs[0]}"))
    must_give_nothing(peer, answer)
    peer.check(any(answer.notifies()), "an error notify", answer, "RFC7296-2.9-6")


@purpose(
    "auth-ring-rekeyed", "RFC4301-4.4.3.4-2", "RFC7296-2.9-3", role="responder", needs=NEEDS, connection=ring,
    canary=False,
)  # fmt: skip
def test_rekeyed(peer: Peer) -> None:
    """An IKE SA that was rekeyed is still that of the same peer, who gets no network of another one on it."""
    first, second, *_ = peers_of(peer)
    sa = comes_up(peer, second)
    if sa.rekey().notify(NotifyType.NO_ADDITIONAL_SAS):
        raise NotApplicable("it takes no CREATE_CHILD_SA")
    with peer.preamble("we rekey the IKE SA"):
        new = sa.rekeyed
        new.must_be_up()
    theirs = first.children[0].local_ts
    bent = bend.replace(TSi, lambda _: TSi(selectors(theirs)), f"TSi {theirs[0]}")
    answer = new.create_child(second.children[0].name, bent)
    must_give_nothing(peer, answer)
    peer.check(any(answer.notifies()), "an error notify", answer, "RFC4301-4.4.3.4-2")


@purpose("auth-ring-two-names", "RFC4301-4.4.3.4-2", "RFC7296-1.2-12", role="responder", needs=NEEDS, connection=ring)
def test_two_names(peer: Peer) -> None:
    """Two IDi payloads, and AUTH for one of them: whatever the device makes of that, nobody gets the other's network.

    We are one peer, with its key, and ask for the network of the other one, whose name stands in front of ours or
    behind it. No correct peer sends that: it may be refused as well.
    """
    mine, other, *_ = peers_of(peer)
    theirs = other.children[0].local_ts
    name = IDi(other.local.identity.id_type, other.local.identity.data)
    for at in (0, 1):
        sa = comes(peer, mine, children=tuple(replace(one, local_ts=theirs) for one in mine.children))
        must_give_nothing(peer, answer_of(peer, sa, bend.insert(name, at)), "RFC4301-4.4.3.4-2")
        if sa.state is State.ESTABLISHED:
            sa.delete()


# --- kinds of names ---------------------------------------------------------------------------------------------------

KINDS = (
    Identity(IdType.IPV4_ADDR, bytes((203, 0, 113, 77))),
    Identity(IdType.RFC822_ADDR, b"third@ikespec.example"),
    Identity(IdType.KEY_ID, b"fourth"),
)
"""An address that is not that of our datagrams, a mail address and an opaque name."""
ENTRY = "RFC4301-4.4.3.4-1"


def kinds(pixit: Pixit) -> Connection:
    """Four peers from one address whose names are of four kinds, each with a key and a network of its own."""
    first = psk()(pixit)
    nets = [str(one) for one in ip_network(pixit.tester_networks[0]).subnets(new_prefix=28)]
    first = replace(first, children=tuple(replace(one, local_ts=(nets[0],)) for one in first.children))
    others = tuple(
        replace(
            first,
            name=f"peer{number}",
            local=replace(first.local, identity=name, auth=Psk(b"the key of peer %d of the ikespec suites" % number)),
            remote=replace(first.remote, auth=Psk(b"the key of peer %d of the ikespec suites" % number)),
            children=tuple(replace(one, name=f"peer{number}", local_ts=(nets[number],)) for one in first.children),
        )
        for number, name in enumerate(KINDS, 2)
    )
    return replace(first, beside=others)


@purpose(
    "auth-ring-kinds", ENTRY, "RFC7296-3.5-9", "RFC7296-3.5-1", role="responder", needs=NEEDS, connection=kinds,
    ordinary=True,
)  # fmt: skip
def test_kinds(peer: Peer) -> None:
    """A name, another host's address, a mail address and a key ID: the key is that of the name, not of where it is."""
    for one in peers_of(peer):
        peer.note(str(one.local.identity))
        sa = comes(peer, one)
        sa.auth()
        sa.must_be_established(ENTRY)
        sa.must_be_up(ENTRY)
        sa.delete()


@purpose("auth-ring-kinds-other", ENTRY, *PROVED, role="responder", needs=NEEDS, connection=kinds)
def test_kinds_other(peer: Peer) -> None:
    """The key of the peer whose name is of another kind proves nobody, whoever has the address that is claimed."""
    known = peers_of(peer)
    for one, other in zip(known, (*known[1:], known[0]), strict=True):
        peer.note(f"{one.local.identity} with the key of {other.local.identity}")
        must_be_refused(peer, comes(peer, one, local=replace(one.local, auth=other.local.auth)))


# --- who has come back ------------------------------------------------------------------------------------------------

CONTACT = "RFC7296-2.4-8"


def homonyms(pixit: Pixit) -> Connection:
    """Two peers from one address whose names are the same octets, of two types."""
    first = psk()(pixit)
    nets = [str(one) for one in ip_network(pixit.tester_networks[0]).subnets(new_prefix=28)]
    name, key = first.local.identity, Psk(KEYS["second"])
    other = IdType.FQDN if name.id_type == IdType.KEY_ID else IdType.KEY_ID
    second = replace(
        first,
        name="second",
        local=replace(first.local, identity=Identity(other, name.data), auth=key),
        remote=replace(first.remote, auth=key),
        children=tuple(replace(one, name="second", local_ts=(nets[1],)) for one in first.children),
    )
    return replace(first, children=tuple(replace(one, local_ts=(nets[0],)) for one in first.children), beside=(second,))


def others_stay(peer: Peer) -> None:
    """All peers are there; the last one comes back and says INITIAL_CONTACT, and the others are none the worse.

    Raises NotApplicable where the device ends one of the others with a Delete: how many it keeps is its own policy.
    """
    known = peers_of(peer)
    found = [comes_up(peer, one) for one in known]
    comes_up(peer, known[-1], initial_contact=True).must_be_up()
    for sa, one in zip(found[:-1], known[:-1], strict=True):
        try:
            sa.must_be_up(CONTACT, f"the IKE SA of {one.local.identity}")
        except Unexpected:
            if any(deletes_ike(each) for each in requests(peer, sa)):
                raise NotApplicable(f"it does not keep the IKE SA of {one.local.identity} beside the others") from None
            raise
        peer.check(sa.children, f"the Child SA of {one.local.identity}", "none", CONTACT)


def comes_up(peer: Peer, one: Connection, **changes: object) -> ScriptedSa:
    """An IKE SA of one of them, before what the purpose is about."""
    with peer.preamble(f"{one.local.identity} gets in"):
        sa = comes(peer, one, **changes)
        sa.auth()
        sa.must_be_established()
        return sa


@purpose("contact-others", CONTACT, role="responder", needs=NEEDS, connection=ring, canary=False)
def test_contact_others(peer: Peer) -> None:
    """One of three peers from one address comes back and says INITIAL_CONTACT: the IKE SAs of the others live."""
    others_stay(peer)


@purpose("contact-homonym", CONTACT, role="responder", needs=NEEDS, connection=homonyms, canary=False)
def test_contact_homonym(peer: Peer) -> None:
    """The same octets as a name of another type are another peer: his INITIAL_CONTACT does not end our IKE SA."""
    others_stay(peer)


# --- times ------------------------------------------------------------------------------------------------------------


def watched(pixit: Pixit) -> Connection:
    """The device looks whether the second of three peers lives after a second of silence, after the others never."""
    first = ring(pixit)
    second, *others = first.beside
    return replace(first, beside=(replace(second, dpd_delay=1.0), *others))


@purpose(
    "dpd-one-of-several", "RFC7296-2.4-9", "RFC7296-1.4-6", role="responder", needs=(*NEEDS, Capability.DPD),
    connection=watched, waits=5,
)  # fmt: skip
def test_watched(peer: Peer) -> None:
    """Of several peers the one with a time for liveness checks is asked after that, though the first one has none."""
    second = peers_of(peer)[1]
    sa = comes(peer, second)
    sa.auth()
    sa.must_be_established("RFC7296-1.2-12")
    sa.liveness()
    peer.idle(0.5)
    peer.forget()
    for _ in range(2):
        asked = sa.expect_request(
            ExchangeType.INFORMATIONAL, timeout=5, where=says_nothing, requirement="RFC7296-2.4-9"
        )
        sa.answer(asked)
    sa.must_be_up("RFC7296-2.4-9")
