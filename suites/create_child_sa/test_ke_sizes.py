"""Public values of the wrong size for their group, in every exchange that has one, and offers that name no group.

A group fixes the size of its public values: RFC 7296, section 3.4 (MODP), RFC 5903, section 7 (ECP), RFC 8031, 3.1.
Of a MODP group a value that is a zero octet too short or too long is the same number: nobody is blamed for taking it.
"""

from collections.abc import Callable

from conformance.crypto.modp import modp_methods
from conformance.script import bend
from conformance.script.bend import Bend
from conformance.script.peer import Peer
from conformance.wire import KE, SA, KeMethod, NotifyType, TransformType
from peers.capabilities import Capability
from peers.contract import SaState
from suites.choices import pfs
from suites.connections import usual
from suites.create_child_sa.answers import connected, granted, refused
from suites.create_child_sa.device_rekeys import child_rekey, ike_rekey, unused_if_kept
from suites.create_child_sa.test_new_child import our_group
from suites.dut import Dut
from suites.foreign import foreign
from suites.ike_sa_init.steps import goes_no_further, handshake, no_sa_for, offer_only, our_groups
from suites.purpose import purpose

NO_SA, DROPPED = "RFC6989-2.5-2", "RFC6989-2.5-6"
CHILD, IKE = Capability.REKEY_CHILD, Capability.REKEY_IKE
PFS = usual(esp=pfs)
Change = Callable[[bytes], bytes]


def nothing(value: bytes) -> bytes:
    """A value of no octets."""
    return b""


def doubled(value: bytes) -> bytes:
    """The value twice."""
    return value * 2


def shorter(value: bytes) -> bytes:
    """Without the last octet."""
    return value[:-1]


def longer(value: bytes) -> bytes:
    """With an octet more."""
    return value + b"\x01"


def of_size(change: Change) -> Bend:
    """Our public value with another size."""
    return bend.replace(KE, lambda one: KE(one.method, change(one.data)), _said(change))


def _said(change: Change) -> str:
    return f"the public value: {(change.__doc__ or '').rstrip('.').lower()}"


def changes(group: KeMethod) -> list[Change]:
    """The wrong sizes that cannot mean the same value."""
    return [nothing, doubled] if group in modp_methods() else [nothing, doubled, shorter, longer]


@purpose("init-ke-size", NO_SA, "RFC6989-2.5-1", role="responder")
def test_init(peer: Peer) -> None:
    """IKE_SA_INIT requests whose public value is empty, doubled, an octet short or long: no IKE SA comes of them."""
    for change in changes(our_groups(peer)[0]):
        no_sa_for(peer, of_size(change), NO_SA)


@purpose("child-ke-size", DROPPED, "RFC7296-2.21.3-1", role="responder", needs=(CHILD, Capability.PFS), connection=PFS)
def test_child(peer: Peer, dut: Dut) -> None:
    """Rekeys of a Child SA whose public value has the wrong size are refused; a right one is granted."""
    for change in changes(our_group(peer)):
        refused(peer, connected(peer, dut).rekey_child(bend=of_size(change)))
    granted(peer, dut, connected(peer, dut).rekey_child(), CHILD, "RFC7296-1.3.3-7")


@purpose("ike-rekey-ke-size", DROPPED, "RFC7296-2.21.3-1", role="responder", needs=(IKE,))
def test_ike(peer: Peer, dut: Dut) -> None:
    """Rekeys of the IKE SA whose public value has the wrong size are refused; a right one is granted."""
    for change in changes(our_groups(peer)[0]):
        refused(peer, connected(peer, dut).rekey(of_size(change)))
    granted(peer, dut, connected(peer, dut).rekey(), IKE, "RFC7296-1.3.2-2")


@purpose("init-ke-of-no-proposal", "RFC7296-3.4-5", "RFC7296-1.2-13", "RFC7296-1.3-7", role="responder")
def test_of_no_proposal(peer: Peer, dut: Dut) -> None:
    """KE of a group that the same request does not offer, and of group 0: the device chooses from the offer.

    It asks for KE of an offered group, refuses the request in another way, or is silent. It makes no IKE SA.
    """
    strange = KeMethod(foreign(dut, TransformType.KE).id)
    offered = [int(one).to_bytes(2, "big") for one in our_groups(peer)]
    for group in (strange, KeMethod.NONE):
        sa = peer.sa()
        sa.obeying = False
        sa.begin(sa.start_init, bend.change(KE, f"KE of {group.name}", method=group))
        handshake(peer)
        for answer in (one.message for one in peer.inbox if one.sa is sa):
            peer.check(answer.first(SA) is None, "no SA payload in the response", answer, "RFC7296-3.4-5")
            asked = answer.notify(NotifyType.INVALID_KE_PAYLOAD)
            right = asked is None or asked.data in offered
            peer.check(right, "a group out of the offer", answer, "RFC7296-1.2-13")


@purpose("init-no-group", "RFC7296-3.3.6-8", "RFC7296-3.3.3-1", role="responder")
def test_no_group(peer: Peer) -> None:
    """An offer without any key exchange method, with KE and without it: no IKE SA can come of it."""
    bent = offer_only(
        peer.connection.proposals[0],
        lambda one: None if one.type == TransformType.KE else one,
        why="a proposal without key exchange method",
    )
    for each in (bent, bent | bend.drop(KE)):
        no_sa_for(peer, each, "RFC7296-3.3.6-8")


@purpose("init-response-ke-empty", NO_SA, "RFC7296-2.21-2", role="initiator")
def test_init_response_empty(peer: Peer, dut: Dut) -> None:
    """Our IKE_SA_INIT response has an empty public value: the device does not go on with it."""
    goes_no_further(peer, dut, of_size(nothing), NO_SA)


@purpose("init-response-ke-doubled", NO_SA, "RFC7296-2.21-2", role="initiator")
def test_init_response_doubled(peer: Peer, dut: Dut) -> None:
    """Our IKE_SA_INIT response has a public value of twice its size: the device does not go on with it."""
    goes_no_further(peer, dut, of_size(doubled), NO_SA)


@purpose("child-response-ke-size", NO_SA, role="initiator", needs=(CHILD, Capability.PFS), connection=PFS)
def test_child_response(peer: Peer, dut: Dut) -> None:
    """Our response to the device's rekey of a Child SA has an empty public value: it does not use that Child SA.

    It may delete the whole IKE SA, as for any bad public value, or drop it for a malformed message.
    """
    sa, request = child_rekey(peer, dut)
    sa.answer(request, bend=of_size(nothing))
    unused_if_kept(peer, sa, sa.children[-1], NO_SA)


@purpose("ike-rekey-response-ke-size", NO_SA, role="initiator", needs=(IKE, Capability.LIST_SAS))
def test_ike_response(peer: Peer, dut: Dut) -> None:
    """Our response to the device's rekey of the IKE SA has an empty public value: it does not use that IKE SA."""
    sa, request = ike_rekey(peer, dut)
    sa.answer(request, bend=of_size(nothing))
    new = sa.rekeyed
    peer.idle(peer.response_timeout / 4)
    state = dut.state(new.spi_i)
    peer.check(state != SaState.ESTABLISHED, "the new IKE SA is not used", f"it is {state}", NO_SA)
