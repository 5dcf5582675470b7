"""What a responder chooses out of an offer (RFC 7296, sections 2.7 and 3.3)."""

from dataclasses import replace

from conformance.crypto.keywords import keyword
from conformance.crypto.suite import keywords
from conformance.ike.core.proposals import parsed
from conformance.script import bend
from conformance.script.peer import Peer
from conformance.wire import (
    SA,
    Attribute,
    Encr,
    Integ,
    KeMethod,
    NotifyType,
    Prf,
    Proposal,
    Transform,
    TransformType,
)
from suites import foreign
from suites.choices import (
    ENCR,
    INTEG,
    PRF,
    longer_key,
    separate,
    shorter_key,
    two_ciphers_at_once,
    two_key_lengths,
    with_key_length,
)
from suites.connections import usual
from suites.dut import Dut
from suites.ike_sa_init.steps import (
    is_encr,
    normal,
    offer,
    offer_also,
    offer_only,
    our_groups,
    refused,
    same,
)
from suites.purpose import purpose

SEPARATE = usual(proposals=separate)
WEAK_GROUPS = {
    KeMethod.MODP_1024: "RFC8247-2.4-4",
    KeMethod.MODP_1536: "RFC8247-2.4-3",
    KeMethod.MODP_2048_224: "RFC8247-2.4-7",
    KeMethod.MODP_2048_256: "RFC8247-2.4-7",
}
UNKNOWN_ATTRIBUTE = 0x3FFF
"""An attribute type that is not assigned."""
STRANGE = Transform(TransformType(200), 1)
"""A transform of a type that does not exist."""


def words(found: Proposal) -> str:
    """A proposal in a few words."""
    return f"proposal {found.number}: {keywords(found)}"


def chosen(peer: Peer, bent: bend.Bend) -> Proposal:
    """The proposal that the device chooses out of a bent offer."""
    return peer.expect(normal(peer, peer.sa().init(bent)), SA).proposals[0]


@purpose(
    "init-no-proposal", "RFC7296-2.7-3", "RFC7296-2.7-4", "RFC7296-2.21.1-3", "RFC7296-2.6-4", "RFC7296-3.3.4-5",
    "RFC7296-3.3.4-4",
    role="responder",
)  # fmt: skip
def test_no_proposal(peer: Peer, dut: Dut) -> None:
    """An offer without anything that the device is configured for is refused, the next one is not.

    We offer other ciphers and PRFs with the group of our KE payload. No IKE SA exists then: the SPI should be zero.
    """
    others = offer(*foreign.refused(dut, 2, kinds=(ENCR, PRF, INTEG)))
    answer = refused(peer, others, "RFC7296-3.3.4-5", awaited=True)
    peer.check(answer, "N(NO_PROPOSAL_CHOSEN)", "no answer", "RFC7296-2.21.1-3")
    assert answer is not None
    peer.check(not any(answer.spi_r), "a responder SPI of zero", answer.spi_r.hex(), "RFC7296-2.6-4")


@purpose("init-second-proposal", "RFC7296-3.3.1-6", "RFC7296-2.7-1", "RFC7296-3.3.6-2", role="responder")
def test_second_proposal(peer: Peer, dut: Dut) -> None:
    """When only the second proposal is acceptable, it is the one that comes back, with its number."""
    sa = peer.sa(proposals=(*foreign.refused(dut), peer.connection.proposals[0]))
    answer = normal(peer, sa.init())
    number = peer.expect(answer, SA).proposals[0].number
    peer.check(number == 2, "proposal number 2", number, "RFC7296-3.3.1-6")
    sa.auth()
    sa.must_be_established()


@purpose(
    "init-one-of-each",
    "RFC7296-2.7-5", "RFC7296-3.3.6-3", "RFC7296-3.3.6-1", "RFC7296-1.2-4", "RFC7296-3.3-10",
    role="responder", ordinary=True,
)  # fmt: skip
def test_one_of_each(peer: Peer) -> None:
    """Out of several transforms of each type one comes back, and all are out of the offer."""
    sa = peer.sa(proposals=(foreign.beside(peer.connection.proposals[0]),))
    answer = normal(peer, sa.init())
    got = peer.expect(answer, SA).proposals[0].transforms
    kinds, wanted = sorted(one.type for one in got), sorted({one.type for one in sa.offered[0].transforms})
    names = ", ".join(one.name for one in wanted)
    peer.check(kinds == wanted, f"one transform each of {names}", answer, "RFC7296-2.7-5")
    offered = sa.offered[0].transforms
    peer.check(set(got) <= set(offered), "nothing that was not offered", answer, "RFC7296-1.2-4")
    sa.auth()
    sa.must_be_established()


@purpose(
    "init-key-length",
    "RFC7296-3.3.6-4", "RFC7296-3.3.5-4",
    role="responder", ordinary=True,
    connection=usual(proposals=two_key_lengths),
)  # fmt: skip
def test_key_length(peer: Peer) -> None:
    """A cipher is offered with two lengths of its key: the one chosen comes back with its Key Length as it was sent."""
    sa = peer.sa()
    answer = normal(peer, sa.init())
    encr = [one for one in peer.expect(answer, SA).proposals[0].transforms if is_encr(one)]
    wanted = [one for each in sa.offered for one in each.transforms if is_encr(one)]
    peer.check(len(encr) == 1 and encr[0] in wanted, "the cipher with its one Key Length", answer, "RFC7296-3.3.6-4")


@purpose(
    "init-key-length-missing",
    "RFC7296-3.3.5-7", "RFC7296-3.3.6-9", "RFC7296-2.13-1",
    role="responder",
    connection=usual(proposals=with_key_length),
)  # fmt: skip
def test_key_length_missing(peer: Peer) -> None:
    """A cipher without its Key Length is unacceptable: the second proposal is chosen, as if there were no other."""
    good = peer.connection.proposals[0]
    bare = offer_also(
        good, lambda one: replace(one, attributes=()) if is_encr(one) else one, why="a cipher without Key Length"
    )
    found = chosen(peer, bare)
    peer.check(found.number == 2, "proposal 2", words(found), "RFC7296-3.3.5-7")


@purpose(
    "init-longer-key", "RFC7296-3.3.6-4", "RFC7296-3.3.5-9", "RFC7296-3.3.5-8", role="responder",
    connection=usual(proposals=shorter_key),
)  # fmt: skip
def test_longer_key(peer: Peer, dut: Dut) -> None:
    """The device is configured with the shorter key of a cipher and offered the longer one: it should take that.

    What it takes comes back as it was offered, and both use it.
    """
    sa = peer.sa(proposals=longer_key(dut.pixit.algorithms))
    answer = sa.init()
    peer.check(answer.first(SA), "the offer accepted: its key is longer than was configured", answer, "RFC7296-3.3.5-9")
    chosen, wanted = ([one for one in each.transforms if is_encr(one)] for each in (
        peer.expect(answer, SA).proposals[0], sa.offered[0]))  # fmt: skip
    peer.check(chosen == wanted, "the cipher with the Key Length that was offered", answer, "RFC7296-3.3.6-4")
    sa.auth()
    sa.must_be_established()


@purpose("init-unknown-transform-type", "RFC7296-3.3.6-7", "RFC7296-3.3.6-9", role="responder")
def test_unknown_transform_type(peer: Peer) -> None:
    """A proposal with a transform type that nobody knows is unacceptable; the next proposal is taken."""
    found = chosen(peer, offer_also(peer.connection.proposals[0], same, STRANGE, why="a transform of type 200"))
    peer.check(found.number == 2, "proposal 2", words(found), "RFC7296-3.3.6-7")


@purpose("init-unknown-transform-type-only", "RFC7296-3.3.6-7", "RFC7296-2.7-4", role="responder")
def test_unknown_transform_type_only(peer: Peer) -> None:
    """When the only proposal has a transform type that nobody knows, there is nothing to choose."""
    strange = offer_only(peer.connection.proposals[0], same, STRANGE, why="a transform of type 200")
    refused(peer, strange, "RFC7296-3.3.6-7")


@purpose("init-unknown-transform-id", "RFC7296-3.3.6-11", "RFC7296-3.3.6-10", role="responder")
def test_unknown_transform_id(peer: Peer) -> None:
    """A cipher that nobody knows does not spoil the proposal: the other cipher in it is chosen."""
    good = peer.connection.proposals[0]
    unknown = Transform(TransformType.ENCR, Encr(999))
    found = chosen(peer, bend.replace(SA, lambda one: _first(one, unknown), f"ENCR 999 before the cipher of {good}"))
    encr, ours = ([one for one in each.transforms if is_encr(one)] for each in (found, parsed((good,))[0]))
    peer.check(encr == ours, f"{keyword(ours[0])}, the second cipher", words(found), "RFC7296-3.3.6-11")


@purpose(
    "init-unknown-attribute",
    "RFC7296-3.3.6-10", "RFC7296-3.3.6-11",
    role="responder",
    connection=usual(proposals=two_ciphers_at_once),
)  # fmt: skip
def test_unknown_attribute(peer: Peer) -> None:
    """Of two ciphers the first has an unknown attribute: it is unacceptable, the second one is chosen.

    What the attribute demands is unknown, so a device that drops it agrees to something else than was offered.
    """
    text = peer.connection.proposals[0]
    first, second = (one for one in parsed((text,))[0].transforms if is_encr(one))
    odd = replace(first, attributes=(*first.attributes, Attribute(UNKNOWN_ATTRIBUTE, 1)))
    why = f"{keyword(first)} with an unknown attribute"
    found = chosen(peer, offer_only(text, lambda one: odd if one == first else one, why=why))
    encr = [one for one in found.transforms if is_encr(one)]
    peer.check(encr == [second], f"{keyword(second)}, the second cipher", words(found), "RFC7296-3.3.6-10")


@purpose("init-missing-transform-type", "RFC7296-3.3.6-8", role="responder")
def test_missing_transform_type(peer: Peer) -> None:
    """A proposal without a PRF is unacceptable, whatever could be guessed."""
    without = offer_only(
        peer.connection.proposals[0], lambda one: None if isinstance(one.id, Prf) else one, why="a proposal without PRF"
    )
    refused(peer, without, "RFC7296-3.3.6-8", NotifyType.INVALID_SYNTAX)


@purpose(
    "init-encr-null",
    "RFC7296-5-4", "RFC8247-2.1-8",
    role="responder",
    connection=SEPARATE,
)  # fmt: skip
def test_encr_null(peer: Peer) -> None:
    """An IKE SA without encryption is never agreed on."""
    null, text = Transform.of(Encr.NULL), peer.connection.proposals[0]
    refused(peer, offer_only(text, lambda one: null if is_encr(one) else one, why="ENCR_NULL"), "RFC7296-5-4")


@purpose(
    "init-integ-none",
    "RFC7296-5-3", "RFC8247-2.1-1", "RFC7296-3.3.6-8",
    role="responder",
    connection=SEPARATE,
)  # fmt: skip
def test_integ_none(peer: Peer) -> None:
    """A plain cipher without integrity protection is never agreed on: neither with NONE nor without INTEG transform."""
    none, text = Transform.of(Integ.NONE), peer.connection.proposals[0]
    also = NotifyType.INVALID_SYNTAX
    refused(
        peer, offer_only(text, lambda one: none if isinstance(one.id, Integ) else one, why="INTEG NONE"),
        "RFC7296-5-3", also,
    )  # fmt: skip
    refused(
        peer, offer_only(text, lambda one: None if isinstance(one.id, Integ) else one, why="no INTEG at all"),
        "RFC7296-5-3", also,
    )  # fmt: skip


@purpose(
    "init-weak-algorithms",
    "RFC8247-2.1-7", "RFC8247-2.2-5", "RFC8247-2.3-5", "RFC8247-2.4-5", "RFC8247-2.4-6",
    role="responder",
)  # fmt: skip
def test_weak_algorithms(peer: Peer) -> None:
    """DES, HMAC-MD5, group 1 and group 22 must not be implemented: proposals of them are refused."""
    requirements = ("RFC8247-2.1-7", "RFC8247-2.2-5", "RFC8247-2.4-5", "RFC8247-2.4-6")
    group = keyword(Transform.of(our_groups(peer)[0]))
    weak = (f"des-sha256-{group}", f"aes128-md5-prfmd5-{group}", "aes128-sha256-modp768", "aes128-sha256-modp1024s160")
    for text, requirement in zip(weak, requirements, strict=True):
        refused(peer, None, requirement, sa=peer.sa(proposals=(text,)))


@purpose("init-weak-groups", "RFC8247-2.4-3", "RFC8247-2.4-4", "RFC8247-2.4-7", role="responder")
def test_weak_groups(peer: Peer) -> None:
    """Groups 2, 5, 23 and 24 should not be implemented: a device that was not told to take them refuses them."""
    ours = our_groups(peer)
    for group, requirement in WEAK_GROUPS.items():
        if group in ours:
            peer.note(f"group {group:d} is the one that this device was told to take")
            continue
        refused(peer, None, requirement, sa=peer.sa(proposals=(f"aes128-sha256-{keyword(Transform.of(group))}",)))


@purpose("init-weak-macs", "RFC8247-2.3-6", "RFC8247-2.3-7", role="responder")
def test_weak_macs(peer: Peer) -> None:
    """AUTH_DES_MAC and AUTH_KPDK_MD5 must not be implemented: proposals of them are refused."""
    group = keyword(Transform.of(our_groups(peer)[0]))
    for number, requirement in ((Integ.DES_MAC, "RFC8247-2.3-6"), (Integ.KPDK_MD5, "RFC8247-2.3-7")):
        refused(peer, offer(f"aes128-integ#{int(number)}-prfsha256-{group}"), requirement)


def _first(sa: SA, transform: Transform) -> SA:
    """The SA payload with a transform in front of those of its first proposal."""
    first = sa.proposals[0]
    return replace(sa, proposals=(replace(first, transforms=(transform, *first.transforms)), *sa.proposals[1:]))
