"""What a responder chooses out of an offer (RFC 7296, sections 2.7 and 3.3)."""

from dataclasses import replace

from conformance.crypto.suite import keywords
from conformance.script import bend
from conformance.script.peer import Peer
from conformance.wire import (
    SA,
    Attribute,
    Encr,
    Integ,
    NotifyType,
    Prf,
    Proposal,
    Transform,
    TransformType,
)
from suites.connections import psk
from suites.ike_sa_init.steps import handshake, is_encr, normal, offer, offer_also, offer_only, refused, same
from suites.purpose import purpose

CBC = "aes128-sha256-x25519"
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


@purpose("init-no-proposal", "RFC7296-2.7-3", "RFC7296-2.7-4", "RFC7296-2.6-4", "RFC7296-3.3.4-5", role="responder")
def test_no_proposal(peer: Peer) -> None:
    """An offer without anything that the device is configured for is refused, the next one is not.

    We offer other ciphers and PRFs with the group of our KE payload. No IKE SA exists then: the SPI should be zero.
    """
    answer = refused(peer, offer("aes256-sha384-x25519", "aes256gcm16-prfsha512-x25519"), "RFC7296-3.3.4-5")
    handshake(peer)
    peer.check(not any(answer.spi_r), "a responder SPI of zero", answer.spi_r.hex(), "RFC7296-2.6-4")


@purpose("init-second-proposal", "RFC7296-3.3.1-6", "RFC7296-2.7-1", "RFC7296-3.3.6-2", role="responder")
def test_second_proposal(peer: Peer) -> None:
    """When only the second proposal is acceptable, it is the one that comes back, with its number."""
    sa = peer.sa(proposals=("aes256-sha384-x25519", "aes128gcm16-prfsha256-x25519"))
    answer = normal(peer, sa.init())
    number = peer.expect(answer, SA).proposals[0].number
    peer.check(number == 2, "proposal number 2", number, "RFC7296-3.3.1-6")
    sa.auth()
    sa.must_be_established()


@purpose(
    "init-one-of-each",
    "RFC7296-2.7-5", "RFC7296-3.3.6-3", "RFC7296-3.3.6-1", "RFC7296-1.2-4",
    role="responder",
    connection=psk(proposals=("aes256-aes128-sha512-sha384-sha256-x25519-ecp256-modp2048",)),
    device={"proposals": (CBC,)},
)  # fmt: skip
def test_one_of_each(peer: Peer) -> None:
    """Out of several transforms of each type one comes back, and all are out of the offer."""
    sa = peer.sa()
    answer = normal(peer, sa.init())
    got = peer.expect(answer, SA).proposals[0].transforms
    kinds = sorted(int(one.type) for one in got)
    peer.check(kinds == [1, 2, 3, 4], "one transform each of ENCR, PRF, INTEG and KE", answer, "RFC7296-2.7-5")
    offered = sa.offered[0].transforms
    peer.check(set(got) <= set(offered), "nothing that was not offered", answer, "RFC7296-1.2-4")
    sa.auth()
    sa.must_be_established()


@purpose(
    "init-key-length",
    "RFC7296-3.3.6-4", "RFC7296-3.3.5-4",
    role="responder",
    connection=psk(proposals=("aes128-aes256-sha256-x25519",)),
)  # fmt: skip
def test_key_length(peer: Peer) -> None:
    """AES with keys of 128 and 256 bits is offered: the one chosen comes back with its Key Length as it was sent."""
    answer = normal(peer, peer.sa().init())
    encr = [one for one in peer.expect(answer, SA).proposals[0].transforms if is_encr(one)]
    wanted = [Transform.of(Encr.AES_CBC, key_length=bits) for bits in (128, 256)]
    peer.check(len(encr) == 1 and encr[0] in wanted, "AES-CBC with its one Key Length", answer, "RFC7296-3.3.6-4")


@purpose(
    "init-key-length-missing",
    "RFC7296-3.3.5-7", "RFC7296-3.3.6-9",
    role="responder",
    connection=psk(proposals=(CBC,)),
)  # fmt: skip
def test_key_length_missing(peer: Peer) -> None:
    """AES without Key Length is unacceptable; the second proposal is chosen, as if the first were not there."""
    bare = offer_also(
        CBC, lambda one: replace(one, attributes=()) if is_encr(one) else one, why="AES-CBC without Key Length"
    )
    found = chosen(peer, bare)
    peer.check(found.number == 2, "proposal 2", words(found), "RFC7296-3.3.5-7")


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
    encr = [one.id for one in found.transforms if one.type == TransformType.ENCR]
    peer.check(encr == [Encr.AES_GCM_16], "AES-GCM-16, the second cipher", words(found), "RFC7296-3.3.6-11")


@purpose(
    "init-unknown-attribute",
    "RFC7296-3.3.6-10", "RFC7296-3.3.6-11",
    role="responder",
    connection=psk(proposals=("aes256gcm16-aes128gcm16-prfsha256-x25519",)),
)  # fmt: skip
def test_unknown_attribute(peer: Peer) -> None:
    """Of two ciphers the first has an unknown attribute: it is unacceptable, the second one is chosen.

    What the attribute demands is unknown, so a device that drops it agrees to something else than was offered.
    """
    strong, plain = (Transform.of(Encr.AES_GCM_16, key_length=bits) for bits in (256, 128))
    odd = replace(strong, attributes=(*strong.attributes, Attribute(UNKNOWN_ATTRIBUTE, 1)))
    offer_odd = offer_only(
        peer.connection.proposals[0], lambda one: odd if one == strong else one, why="AES-256 with an unknown attribute"
    )
    found = chosen(peer, offer_odd)
    encr = [one for one in found.transforms if one.type == TransformType.ENCR]
    peer.check(encr == [plain], "AES-GCM-16 with 128 bits, the second cipher", words(found), "RFC7296-3.3.6-10")


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
    connection=psk(proposals=(CBC,)),
)  # fmt: skip
def test_encr_null(peer: Peer) -> None:
    """An IKE SA without encryption is never agreed on."""
    null = Transform.of(Encr.NULL)
    refused(peer, offer_only(CBC, lambda one: null if is_encr(one) else one, why="ENCR_NULL"), "RFC7296-5-4")


@purpose(
    "init-integ-none",
    "RFC7296-5-3", "RFC8247-2.1-1", "RFC7296-3.3.6-8",
    role="responder",
    connection=psk(proposals=(CBC,)),
)  # fmt: skip
def test_integ_none(peer: Peer) -> None:
    """AES-CBC without integrity protection is never agreed on: neither with NONE nor without any INTEG transform."""
    none = Transform.of(Integ.NONE)
    also = NotifyType.INVALID_SYNTAX
    refused(
        peer, offer_only(CBC, lambda one: none if isinstance(one.id, Integ) else one, why="INTEG NONE with AES-CBC"),
        "RFC7296-5-3", also,
    )  # fmt: skip
    refused(
        peer, offer_only(CBC, lambda one: None if isinstance(one.id, Integ) else one, why="AES-CBC without INTEG"),
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
    weak = ("des-sha256-x25519", "aes128-md5-prfmd5-x25519", "aes128-sha256-modp768", "aes128-sha256-modp1024s160")
    for text, requirement in zip(weak, requirements, strict=True):
        sa = peer.sa(proposals=(text,))
        answer = sa.init()
        peer.check(answer.first(SA) is None, f"no SA payload in answer to {text}", answer, requirement)
        peer.expect_notify(answer, NotifyType.NO_PROPOSAL_CHOSEN, "RFC7296-2.7-4")


def _first(sa: SA, transform: Transform) -> SA:
    """The SA payload with a transform in front of those of its first proposal."""
    first = sa.proposals[0]
    return replace(sa, proposals=(replace(first, transforms=(transform, *first.transforms)), *sa.proposals[1:]))
