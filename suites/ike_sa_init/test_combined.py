"""Combined-mode ciphers and the integrity algorithm NONE (RFC 7296, section 3.3; RFC 5282, section 8)."""

from dataclasses import replace

from conformance.crypto.keywords import keyword
from conformance.script import bend
from conformance.script.bend import Bend
from conformance.script.peer import Peer
from conformance.wire import SA, Integ, Proposal, Transform, TransformType
from peers.algorithms import combined
from peers.capabilities import Capability
from suites.choices import aead, esp_aead
from suites.connections import usual
from suites.create_child_sa.answers import carries, connected, granted
from suites.dut import Dut
from suites.ike_auth.steps import must_succeed
from suites.ike_sa_init.steps import handshake
from suites.purpose import purpose

AEAD = usual(proposals=aead, esp=esp_aead)
NONE, REAL = keyword(Transform.of(Integ.NONE)), Transform.of(Integ.HMAC_SHA2_256_128)
MEANS_THE_SAME = "RFC7296-3.3-7"


def beside(*integ: Transform) -> Bend:
    """Each proposal of a combined-mode cipher with these integrity algorithms beside it."""

    def changed(one: Proposal) -> Proposal:
        return replace(one, transforms=(*one.transforms, *integ))

    return bend.replace(SA, lambda sa: SA(tuple(map(changed, sa.proposals))), f"INTEG {integ[0].id} beside an AEAD")


def naming_none(texts: tuple[str, ...]) -> tuple[str, ...]:
    """Proposals with INTEG NONE beside their ciphers."""
    return tuple(f"{text}-{NONE}" for text in texts)


def must_mean_none(peer: Peer, chosen: Proposal) -> None:
    """The choice names the integrity algorithm NONE or none at all; both mean the same."""
    found = [one for one in chosen.transforms if one.type == TransformType.INTEG and one.id != Integ.NONE]
    peer.check(not found, "no integrity algorithm but NONE", ", ".join(f"{one.id}" for one in found), MEANS_THE_SAME)


@purpose(
    "init-aead-integ-none", MEANS_THE_SAME, "RFC7296-3.3.6-1", "RFC5282-3.1-1", role="responder", ordinary=True,
    connection=AEAD,
)  # fmt: skip
def test_init_none(peer: Peer) -> None:
    """IKE_SA_INIT offers an AEAD with INTEG NONE beside it, which is as good as without: the IKE SA is set up."""
    sa = peer.sa(proposals=naming_none(peer.connection.proposals))
    answer = handshake(peer, requirement=MEANS_THE_SAME, sa=sa)
    must_mean_none(peer, peer.expect(answer, SA).proposals[0])


@purpose(
    "ike-rekey-aead-integ-none", MEANS_THE_SAME, "RFC7296-1.3.2-2", role="responder", needs=(Capability.REKEY_IKE,),
    connection=AEAD,
)  # fmt: skip
def test_rekey_none(peer: Peer, dut: Dut) -> None:
    """A rekey of the IKE SA offers an AEAD with INTEG NONE beside it: the new IKE SA works.

    Peers that name NONE only here have been taken for peers without a common suite, hours after the tunnel came up.
    """
    sa = connected(peer, dut)
    sa.connection = replace(sa.connection, proposals=naming_none(sa.connection.proposals))
    answer = sa.rekey()
    must_mean_none(peer, granted(peer, dut, answer, Capability.REKEY_IKE, MEANS_THE_SAME))
    sa.finish()
    sa.rekeyed.must_be_up(MEANS_THE_SAME)
    carries(peer, dut)


@purpose("auth-aead-integ-none", MEANS_THE_SAME, "RFC7296-1.2-16", role="responder", ordinary=True, connection=AEAD)
def test_auth_none(peer: Peer, dut: Dut) -> None:
    """IKE_AUTH offers ESP with an AEAD and INTEG NONE beside it: the Child SA is made."""
    child = peer.connection.children[0]
    sa = peer.sa(children=(replace(child, proposals=naming_none(child.proposals)),))
    sa.init()
    answer = sa.auth()
    must_mean_none(peer, peer.expect(answer, SA, MEANS_THE_SAME).proposals[0])
    must_succeed(peer, sa, MEANS_THE_SAME)
    carries(peer, dut)


@purpose(
    "child-aead-integ-none", MEANS_THE_SAME, "RFC7296-1.3.3-7", role="responder", needs=(Capability.REKEY_CHILD,),
    connection=AEAD,
)  # fmt: skip
def test_child_none(peer: Peer, dut: Dut) -> None:
    """A rekey of the Child SA offers ESP with an AEAD and INTEG NONE beside it: the new one works."""
    sa = connected(peer, dut)
    sa.child.config = replace(sa.child.config, proposals=naming_none(sa.child.config.proposals))
    must_mean_none(peer, granted(peer, dut, sa.rekey_child(), Capability.REKEY_CHILD, MEANS_THE_SAME))
    sa.finish()
    carries(peer, dut)


@purpose("init-aead-integ-real", "RFC5282-8-1", "RFC7296-3.3-7", role="responder", connection=AEAD)
def test_init_real(peer: Peer) -> None:
    """IKE_SA_INIT offers nothing but an AEAD together with HMAC-SHA-256: no IKE SA has both.

    Refusing is right; so is a choice that leaves the integrity algorithm out.
    """
    sa = peer.sa()
    sa.begin(sa.start_init, beside(REAL))
    handshake(peer)
    for answer in (one.message for one in peer.inbox if one.sa is sa):
        for one in (each for found in answer.all(SA) for each in found.proposals):
            both = [each for each in one.transforms if each.type == TransformType.INTEG and each.id != Integ.NONE]
            peer.check(not both, "no integrity algorithm beside an AEAD", answer, "RFC5282-8-1")


@purpose("init-aead-offer", "RFC5282-8-2", role="initiator", connection=AEAD)
def test_offer(peer: Peer, dut: Dut) -> None:
    """The device offers nothing but AEADs in a proposal: there is no integrity algorithm beside them but NONE."""
    dut.initiate()
    first = peer.expect_init()
    for one in peer.expect(first.message, SA).proposals:
        alone = all(combined(each) for each in one.transforms if each.type == TransformType.ENCR)
        found = [each for each in one.transforms if each.type == TransformType.INTEG and each.id != Integ.NONE]
        peer.check(not found or not alone, "no integrity algorithm beside AEADs", one, "RFC5282-8-2")
    with peer.preamble("the handshake"):
        sa = peer.respond_init(first)
        sa.answer_auth()
