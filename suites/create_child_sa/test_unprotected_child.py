"""Child SAs that protect nothing: ESP with neither cipher nor integrity, ciphers without integrity, AH without any.

The offers come in IKE_AUTH and in CREATE_CHILD_SA, alone and before a good one, and as a choice that we make
of the device's own good offer (RFC 4303, section 3.2; RFC 8221, sections 4 and 6; RFC 7296, section 3.3.3).
"""

from collections.abc import Sequence

from conformance.crypto.keywords import keyword
from conformance.crypto.suite import proposal
from conformance.script import bend
from conformance.script.bend import Bend
from conformance.script.peer import Peer
from conformance.wire import (
    AUTH,
    SA,
    Encr,
    Esn,
    ExchangeType,
    Integ,
    Message,
    NotifyType,
    Proposal,
    ProtocolID,
    Transform,
    TransformType,
)
from peers.capabilities import Capability
from suites.choices import ah
from suites.connections import usual
from suites.create_child_sa.answers import carries, connected, granted, kept
from suites.create_child_sa.device_rekeys import child_rekey, unused
from suites.dut import Dut
from suites.ike_auth.initiating import answered, children, described
from suites.purpose import purpose

REKEY = Capability.REKEY_CHILD
BOTH_NULL, NO_INTEGRITY, AH_NONE = "RFC4303-3.2-1", "RFC8221-4-1", "RFC7296-3.3.3-3"

Suite = tuple[Transform, ...]
_NO_ESN, _NO_INTEG = Transform.of(Esn.NO), Transform.of(Integ.NONE)
_NULL = Transform.of(Encr.NULL)
_CBC, _CTR = Transform.of(Encr.AES_CBC, 128), Transform.of(Encr.AES_CTR, 128)

NEITHER: tuple[Suite, ...] = ((_NULL, _NO_ESN), (_NULL, _NO_INTEG, _NO_ESN))
CIPHER_ALONE: tuple[Suite, ...] = ((_CBC, _NO_ESN), (_CBC, _NO_INTEG, _NO_ESN), (_CTR, _NO_ESN))
AH_ALONE: tuple[Suite, ...] = ((_NO_ESN,), (_NO_INTEG, _NO_ESN))


_SHA256 = Transform.of(Integ.HMAC_SHA2_256_128)
WEAK: dict[str, Suite] = {
    "RFC8221-5-1": (Transform.of(Encr.DES), _SHA256, _NO_ESN),
    "RFC8221-6-2": (_CBC, Transform.of(Integ.HMAC_MD5_96), _NO_ESN),
    "RFC8221-5-2": (Transform.of(Encr.TRIPLE_DES), _SHA256, _NO_ESN),
}
"""Suites with an algorithm that nobody may, or should, implement any more."""


def offering(suites: Sequence[Suite], protocol: ProtocolID = ProtocolID.ESP, *, good: bool = False) -> Bend:
    """Offer these suites in place of ours, or before it (``good``)."""

    def change(sa: SA) -> SA:
        spi = sa.proposals[0].spi
        bad = [Proposal(number, protocol, suite, spi) for number, suite in enumerate(suites, 1)]
        ours = [Proposal(len(bad) + 1, one.protocol, one.transforms, one.spi) for one in sa.proposals[:1] if good]
        return SA((*bad, *ours))

    return bend.replace(SA, change, "offering no protection" + (" first" if good else ""))


def refuses(peer: Peer, answer: Message, requirement: str) -> None:
    """The device must not have agreed to any of it."""
    peer.check(answer.first(SA) is None, "no Child SA without protection", answer, requirement, bypass=True)
    peer.expect_notify(answer, NotifyType.NO_PROPOSAL_CHOSEN, "RFC7296-2.7-4")


def chooses_the_good_one(peer: Peer, answer: Message, number: int, requirement: str) -> None:
    """The device must have passed over the proposals before this one."""
    chosen = peer.expect(answer, SA, "RFC7296-3.3.6-9").proposals[0]
    peer.check(chosen.number == number, f"proposal {number}", answer, requirement, bypass=True)


def in_auth(peer: Peer, dut: Dut, suites: Sequence[Suite], requirement: str, protocol: ProtocolID) -> None:
    """In IKE_AUTH such an offer must cost the Child SA, and not the IKE SA; a good one behind it is taken."""
    sa = peer.sa()
    sa.init()
    answer = sa.auth(offering(suites, protocol))
    refuses(peer, answer, requirement)
    peer.expect(answer, AUTH, "RFC7296-1.2-16")
    kept(peer, sa, "RFC7296-1.2-16")
    other = peer.sa()
    other.init()
    chooses_the_good_one(peer, other.auth(offering(suites, protocol, good=True)), len(suites) + 1, requirement)


def in_rekey(peer: Peer, dut: Dut, suites: Sequence[Suite], requirement: str, protocol: ProtocolID) -> None:
    """In CREATE_CHILD_SA such an offer must be refused, and a good one behind it taken."""
    for suite in suites:
        sa = connected(peer, dut)
        refuses(peer, sa.rekey_child(bend=offering((suite,), protocol)), requirement)
        kept(peer, sa)
    other = connected(peer, dut)
    carries(peer, dut, other.child)
    answer = other.rekey_child(bend=offering(suites, protocol, good=True))
    granted(peer, dut, answer, REKEY, "RFC7296-3.3.6-9")
    chooses_the_good_one(peer, answer, len(suites) + 1, requirement)


@purpose("auth-esp-null-alone", BOTH_NULL, "RFC7296-2.7-4", "RFC7296-1.2-16", "RFC7296-3.3.6-9", role="responder")
def test_auth_neither(peer: Peer, dut: Dut) -> None:
    """IKE_AUTH offers ESP with the cipher NULL and no integrity: no such SA is made, a good proposal behind is taken.

    Its packets could be read and changed by everybody. INTEG is left out, and said to be NONE.
    """
    in_auth(peer, dut, NEITHER, BOTH_NULL, ProtocolID.ESP)


@purpose("auth-esp-without-integrity", NO_INTEGRITY, "RFC7296-2.7-4", "RFC8221-6-1", role="responder")
def test_auth_cipher_alone(peer: Peer, dut: Dut) -> None:
    """IKE_AUTH offers AES-CBC and AES-CTR without integrity: anybody could change what they encrypt; refused."""
    in_auth(peer, dut, CIPHER_ALONE, NO_INTEGRITY, ProtocolID.ESP)


@purpose(
    "auth-ah-without-integrity", AH_NONE, "RFC7296-3.3.6-8", "RFC7296-2.7-4", "RFC8221-6-1",
    role="responder", needs=(Capability.AH,), connection=usual(esp=ah),
)  # fmt: skip
def test_auth_ah_alone(peer: Peer, dut: Dut) -> None:
    """IKE_AUTH offers AH without its integrity algorithm, or with NONE: AH is nothing else; refused."""
    in_auth(peer, dut, AH_ALONE, AH_NONE, ProtocolID.AH)


@purpose("child-esp-null-alone", BOTH_NULL, "RFC7296-2.7-4", "RFC7296-3.3.6-9", role="responder", needs=(REKEY,))
def test_child_neither(peer: Peer, dut: Dut) -> None:
    """A rekey offers ESP with the cipher NULL and no integrity: refused, and a good proposal behind it is taken."""
    in_rekey(peer, dut, NEITHER, BOTH_NULL, ProtocolID.ESP)


@purpose("child-esp-without-integrity", NO_INTEGRITY, "RFC8221-6-1", "RFC7296-2.7-4", role="responder", needs=(REKEY,))
def test_child_cipher_alone(peer: Peer, dut: Dut) -> None:
    """A rekey offers AES-CBC and AES-CTR without integrity: refused, and a good proposal behind them is taken."""
    in_rekey(peer, dut, CIPHER_ALONE, NO_INTEGRITY, ProtocolID.ESP)


@purpose(
    "child-ah-without-integrity", AH_NONE, "RFC7296-3.3.6-8", "RFC7296-2.7-4", "RFC8221-6-1",
    role="responder", needs=(REKEY, Capability.AH), connection=usual(esp=ah),
)  # fmt: skip
def test_child_ah_alone(peer: Peer, dut: Dut) -> None:
    """A rekey offers AH without its integrity algorithm, or with NONE: refused."""
    in_rekey(peer, dut, AH_ALONE, AH_NONE, ProtocolID.AH)


def choosing(suite: Suite) -> Bend:
    """Answer that this suite was chosen."""

    def change(sa: SA) -> SA:
        one = sa.proposals[0]
        return SA((Proposal(one.number, one.protocol, suite, one.spi),))

    return bend.replace(SA, change, "choosing no protection")


def without_integrity(sa: SA) -> SA:
    """The choice without its INTEG transform; one of a combined cipher becomes NULL."""
    one = sa.proposals[0]
    kept = tuple(each for each in one.transforms if each.type != TransformType.INTEG)
    has_integ = len(kept) < len(one.transforms)
    changed = tuple(each if has_integ or each.type != TransformType.ENCR else _NULL for each in kept)
    return SA((Proposal(one.number, one.protocol, changed, one.spi),))


@purpose(
    "auth-responder-null-alone", BOTH_NULL, "RFC7296-3.3.6-5", "RFC7296-3.3.6-6", role="initiator",
    needs=(Capability.LIST_SAS,),
)  # fmt: skip
def test_auth_choice_of_neither(peer: Peer, dut: Dut) -> None:
    """The device offers a good suite; our IKE_AUTH response chooses NULL alone: it uses no such Child SA."""
    sa, spis = answered(peer, dut, choosing(NEITHER[0]))
    kept(peer, sa, "RFC7296-1.2-16")
    found = children(peer, dut, spis)
    peer.check(not found, "no such Child SA", described(found), BOTH_NULL, bypass=True)


@purpose(
    "auth-responder-without-integrity", "RFC7296-3.3.6-5", "RFC7296-3.3.6-6", role="initiator",
    needs=(Capability.LIST_SAS,),
)  # fmt: skip
def test_auth_choice_without_integrity(peer: Peer, dut: Dut) -> None:
    """Our IKE_AUTH response leaves out the integrity that the device offered: it uses no such Child SA."""
    sa, spis = answered(peer, dut, bend.replace(SA, without_integrity, "SA without integrity"))
    kept(peer, sa, "RFC7296-1.2-16")
    found = children(peer, dut, spis)
    peer.check(not found, "no such Child SA", described(found), "RFC7296-3.3.6-6", bypass=True)


@purpose("child-response-null-alone", BOTH_NULL, "RFC7296-3.3.6-6", role="initiator", needs=(REKEY,))
def test_choice_of_neither(peer: Peer, dut: Dut) -> None:
    """Our response to the device's rekey chooses NULL without integrity: it does not use that Child SA."""
    sa, request = child_rekey(peer, dut)
    sa.answer(request, bend=choosing(NEITHER[0]))
    unused(peer, sa, sa.children[-1], BOTH_NULL)


@purpose("auth-esp-weak", *WEAK, role="responder")
def test_auth_weak(peer: Peer) -> None:
    """IKE_AUTH offers DES, HMAC-MD5 or 3DES for ESP: a device that was not told to take them makes no Child SA."""
    for requirement, suite in WEAK.items():
        if any(set(suite[:2]) & set(one.transforms) for one in offered_for_esp(peer)):
            peer.note(f"{requirement} is about what this device was told to take")
            continue
        sa = peer.sa(initial_contact=False)
        sa.init()
        answer = sa.auth(offering((suite,)))
        peer.check(answer.first(SA) is None, "no Child SA with it", answer, requirement)
        if answer.first(AUTH) is not None:
            sa.delete()


def offered_for_esp(peer: Peer) -> list[Proposal]:
    """The usual proposals for a Child SA."""
    return [proposal(text, 1, ProtocolID.ESP) for text in peer.connection.children[0].proposals]


@purpose("auth-esp-weak-offered", *WEAK, role="initiator")
def test_auth_weak_offered(peer: Peer, dut: Dut) -> None:
    """A device that was told to use other algorithms offers no DES, HMAC-MD5 or 3DES for ESP beside them."""
    dut.initiate()
    sa = peer.respond_init(peer.expect_init())
    request = sa.expect_request(ExchangeType.IKE_AUTH)
    found = [each for one in peer.expect(request.message, SA).proposals for each in one.transforms]
    told = [each for one in offered_for_esp(peer) for each in one.transforms]
    for requirement, suite in WEAK.items():
        weak = suite[1] if requirement == "RFC8221-6-2" else suite[0]
        if weak not in told:
            peer.check(weak not in found, f"no {keyword(weak)}", request, requirement)
    sa.answer(request)
    sa.must_be_established()
