"""The transform of type ESN, which every ESP and AH proposal has (RFC 7296, sections 3.3.3 and 3.3.6)."""

from dataclasses import replace

from conformance.script import bend
from conformance.script.bend import Bend
from conformance.script.peer import Peer
from conformance.wire import (
    SA,
    Encr,
    Esn,
    ExchangeType,
    Message,
    NotifyType,
    Proposal,
    ProtocolID,
    Transform,
    TransformType,
)
from peers.algorithms import combined
from peers.capabilities import Capability
from suites.choices import ah
from suites.connections import usual
from suites.create_child_sa.answers import carries, connected, granted, kept
from suites.create_child_sa.device_rekeys import child_rekey, unused
from suites.dut import Dut
from suites.ike_auth.initiating import answered, children, described
from suites.purpose import purpose

REKEY = Capability.REKEY_CHILD
ESN = TransformType.ESN
BOTH = (Transform.of(Esn.NO), Transform.of(Esn.YES))


def with_esn(one: Proposal, *esn: Transform) -> Proposal:
    """The proposal with these transforms of type ESN in place of its own."""
    return replace(one, transforms=(*(each for each in one.transforms if each.type != ESN), *esn))


def lacking(*, good: bool) -> Bend:
    """Offer our first proposal without ESN, with ``good`` followed by the same with it."""

    def change(sa: SA) -> SA:
        ours = sa.proposals[0]
        return SA((with_esn(ours), *([replace(ours, number=2)] if good else [])))

    return bend.replace(SA, change, "a proposal without ESN" + (", then a good one" if good else ""))


def with_both(sa: SA) -> SA:
    """Each proposal with both ESN transforms."""
    return SA(tuple(with_esn(one, *BOTH) for one in sa.proposals))


def chosen_esn(peer: Peer, answer: Message) -> Transform:
    """Exactly one transform of type ESN must have come back."""
    chosen = peer.expect(answer, SA, "RFC7296-3.3.6-2").proposals[0]
    found = [one for one in chosen.transforms if one.type == ESN]
    peer.check(len(found) == 1 and found[0] in BOTH, "one transform of type ESN", answer, "RFC7296-3.3.6-3")
    return found[0]


def in_auth(peer: Peer) -> None:
    """IKE_AUTH with a proposal that lacks ESN: alone it costs the Child SA, before a good one it is passed over."""
    sa = peer.sa()
    sa.init()
    answer = sa.auth(lacking(good=False))
    peer.check(answer.first(SA) is None, "no Child SA", answer, "RFC7296-3.3.6-8")
    peer.expect_notify(answer, NotifyType.NO_PROPOSAL_CHOSEN, "RFC7296-2.7-4")
    kept(peer, sa, "RFC7296-1.2-16")
    other = peer.sa()
    other.init()
    answer = other.auth(lacking(good=True))
    chosen = peer.expect(answer, SA, "RFC7296-3.3.6-9").proposals[0]
    peer.check(chosen.number == 2, "proposal 2", answer, "RFC7296-3.3.6-8")


@purpose("auth-esn-missing", "RFC7296-3.3.6-8", "RFC7296-3.3.6-9", "RFC7296-3.3.3-2", role="responder")
def test_auth_missing(peer: Peer) -> None:
    """IKE_AUTH with an ESP proposal that has no ESN transform: unacceptable, the next one is taken."""
    in_auth(peer)


@purpose(
    "auth-esn-missing-ah", "RFC7296-3.3.6-8", "RFC7296-3.3.6-9", "RFC7296-3.3.3-3", role="responder",
    needs=(Capability.AH,), connection=usual(esp=ah),
)  # fmt: skip
def test_auth_missing_ah(peer: Peer) -> None:
    """IKE_AUTH with an AH proposal that has no ESN transform: unacceptable, the next one is taken."""
    in_auth(peer)


@purpose("child-esn-missing", "RFC7296-3.3.6-8", "RFC7296-3.3.6-9", "RFC7296-2.7-4", role="responder", needs=(REKEY,))
def test_child_missing(peer: Peer, dut: Dut) -> None:
    """A rekey with an ESP proposal that has no ESN transform: refused; the next one is taken."""
    sa = connected(peer, dut)
    answer = sa.rekey_child(bend=lacking(good=False))
    peer.check(answer.first(SA) is None, "no Child SA", answer, "RFC7296-3.3.6-8")
    kept(peer, sa)
    other = connected(peer, dut)
    chosen = granted(peer, dut, other.rekey_child(bend=lacking(good=True)), REKEY, "RFC7296-3.3.6-9")
    peer.check(chosen.number == 2, "proposal 2", chosen.number, "RFC7296-3.3.6-8")


@purpose("auth-esn-both", "RFC7296-3.3.6-3", "RFC7296-2.7-5", "RFC7296-3.3.6-2", role="responder")
def test_auth_both(peer: Peer) -> None:
    """IKE_AUTH leaves the choice: sequence numbers of 32 bits or extended ones. Exactly one of them comes back."""
    sa = peer.sa()
    sa.init()
    chosen_esn(peer, sa.auth(bend.replace(SA, with_both, "with both kinds of sequence numbers")))


@purpose("child-esn-both", "RFC7296-3.3.6-3", "RFC7296-2.7-5", role="responder", needs=(REKEY,))
def test_child_both(peer: Peer, dut: Dut) -> None:
    """A rekey leaves the choice between both kinds of sequence numbers. One comes back, and traffic uses it."""
    sa = connected(peer, dut)
    ours = sa.connection.children[0]
    config = replace(ours, proposals=tuple(f"{_plain(text)}-noesn-esn" for text in ours.proposals[:1]))
    sa.child.config = config
    answer = sa.rekey_child()
    granted(peer, dut, answer, REKEY, "RFC7296-2.7-5")
    chosen_esn(peer, answer)
    sa.finish()
    carries(peer, dut)


def _plain(text: str) -> str:
    return "-".join(word for word in text.split("-") if word not in ("esn", "noesn"))


@purpose("auth-responder-esn-two", "RFC7296-3.3.6-5", "RFC7296-3.3.6-6", role="initiator", needs=(Capability.LIST_SAS,))
def test_choice_of_two(peer: Peer, dut: Dut) -> None:
    """Our IKE_AUTH response chooses both kinds of sequence numbers: the device has no suite to use."""
    sa, spis = answered(peer, dut, bend.replace(SA, with_both, "choosing both kinds of sequence numbers"))
    kept(peer, sa, "RFC7296-1.2-16")
    found = children(peer, dut, spis)
    peer.check(not found, "no such Child SA", described(found), "RFC7296-3.3.6-6")


@purpose("child-response-esn-two", "RFC7296-3.3.6-6", "RFC7296-3.3.6-5", role="initiator", needs=(REKEY,))
def test_rekey_choice_of_two(peer: Peer, dut: Dut) -> None:
    """Our response to the device's rekey chooses both kinds of sequence numbers: it does not use that Child SA."""
    sa, request = child_rekey(peer, dut)
    sa.answer(request, bend=bend.replace(SA, with_both, "choosing both kinds of sequence numbers"))
    unused(peer, sa, sa.children[-1], "RFC7296-3.3.6-6")


def must_be_complete(peer: Peer, message: Message) -> None:
    """Each proposal of a request of the device has the types that are mandatory for its protocol."""
    for one in peer.expect(message, SA).proposals:
        ciphers = [each for each in one.transforms if each.type == TransformType.ENCR]
        alone = any(not combined(each) and each.id != Encr.NULL for each in ciphers)
        needed, requirement = {
            ProtocolID.IKE: ({TransformType.ENCR, TransformType.PRF, TransformType.KE}, "RFC7296-3.3.3-1"),
            ProtocolID.ESP: ({TransformType.ENCR, ESN}, "RFC7296-3.3.3-2"),
            ProtocolID.AH: ({TransformType.INTEG, ESN}, "RFC7296-3.3.3-3"),
        }[ProtocolID(one.protocol)]
        needed = needed | ({TransformType.INTEG} if alone else set())
        missing = needed - {TransformType(each.type) for each in one.transforms}
        names = ", ".join(kind.name for kind in sorted(missing))
        peer.check(not missing, f"all mandatory types in proposal {one.number}", f"no {names}", requirement)
        must_keep_integrity_out(peer, one)


def must_keep_integrity_out(peer: Peer, one: Proposal) -> None:
    """Beside combined-mode ciphers there is no integrity algorithm, or NONE where it must be named."""
    ciphers = [each for each in one.transforms if each.type == TransformType.ENCR]
    if not ciphers or not all(map(combined, ciphers)):
        mixed = any(map(combined, ciphers))
        peer.check(not mixed, "combined-mode and other ciphers in two proposals", "both in one", "RFC7296-3.3-9")
        return
    integ = [each.id for each in one.transforms if each.type == TransformType.INTEG]
    real = [f"{each}" for each in integ if each != 0]
    peer.check(not real, "no integrity algorithm beside an AEAD", ", ".join(real), "RFC7296-3.3-7")
    peer.check(not integ, "no transform INTEG beside an AEAD", "INTEG NONE", "RFC7296-3.3-8")


@purpose(
    "auth-request-types", "RFC7296-3.3.3-1", "RFC7296-3.3.3-2", "RFC7296-3.3.3-3", "RFC7296-3.3-7", "RFC7296-3.3-9",
    "RFC7296-3.3-8", "RFC7296-2.7-6", role="initiator",
)  # fmt: skip
def test_request_types(peer: Peer, dut: Dut) -> None:
    """What the device offers in IKE_SA_INIT and IKE_AUTH is complete: every mandatory type, no INTEG beside an AEAD."""
    dut.initiate()
    first = peer.expect_init()
    must_be_complete(peer, first.message)
    sa = peer.respond_init(first)
    must_be_complete(peer, sa.expect_request(ExchangeType.IKE_AUTH).message)


@purpose(
    "child-request-types", "RFC7296-3.3.3-2", "RFC7296-3.3.3-3", "RFC7296-3.3-7", "RFC7296-3.3-8", "RFC7296-2.7-6",
    role="initiator",
    needs=(REKEY,),
)  # fmt: skip
def test_rekey_request_types(peer: Peer, dut: Dut) -> None:
    """What the device offers when it rekeys a Child SA is complete: every mandatory type, no INTEG beside an AEAD."""
    sa, request = child_rekey(peer, dut)
    must_be_complete(peer, request.message)
    sa.answer(request)
