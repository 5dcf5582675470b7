"""Deletion of Child SAs and of the IKE SA (RFC 7296, sections 1.4.1, 2.25 and 3.11)."""

from conformance.ike.core.child import ChildSa
from conformance.script.message import says_nothing
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa, fatal
from conformance.wire import SA, Delete, ExchangeType, Message, ProtocolID
from peers.capabilities import Capability
from suites.create_child_sa.answers import advised, deletes_child, deletes_ike, kept, shows_traffic
from suites.data_plane.steps import moved
from suites.dut import Dut
from suites.informational.deletion import child_must_live, children_must_be_gone, deleted_spis, said
from suites.purpose import purpose


@purpose(
    "info-delete-child", "RFC7296-1.4.1-4", "RFC7296-1.4.1-1", "RFC7296-3.11-5", "RFC7296-3.11-6", "RFC7296-3.11-7",
    "RFC7296-1.4.1-6", role="responder",
)  # fmt: skip
def test_delete_child(peer: Peer, dut: Dut) -> None:
    """The device closes the other half of a Child SA that we delete, and names it by its own inbound SPI.

    An empty response is not wrong, only unusual. The IKE SA stays.
    """
    sa = peer.establish()
    child = sa.child
    answer = sa.delete_child(child)
    named = answer.first(Delete)
    peer.check(fatal(answer) is None, "no error", answer, "RFC7296-1.4.1-4")
    children_must_be_gone(peer, dut, sa, [child], "RFC7296-1.4.1-4")
    peer.check(named is not None, "a Delete payload", answer, "RFC7296-1.4.1-6")
    assert named is not None
    peer.check(named.protocol == ProtocolID.ESP, "protocol ESP", named.protocol, "RFC7296-3.11-5")
    spis = deleted_spis(answer)
    peer.check(spis == [child.spi_out.hex()], f"SPI {child.spi_out.hex()}", said(spis), "RFC7296-3.11-5")
    kept(peer, sa)


@purpose(
    "info-delete-child-device-initiated",
    "RFC7296-1.4.1-4",
    "RFC7296-1.4.1-6",
    "RFC7296-3.11-5",
    role="responder",
    needs=(Capability.INITIATOR,),
)
def test_delete_child_device_initiated(peer: Peer, dut: Dut) -> None:
    """Who opened the IKE SA does not matter: we may delete a Child SA that the device asked for."""
    dut.initiate()
    sa = peer.accept()
    child = sa.child
    answer = sa.delete_child(child)
    peer.check(fatal(answer) is None, "no error", answer)
    spis = deleted_spis(answer)
    children_must_be_gone(peer, dut, sa, [child], "RFC7296-1.4.1-4")
    kept(peer, sa)
    peer.check(spis, "a Delete payload", answer, "RFC7296-1.4.1-6")
    peer.check(spis == [child.spi_out.hex()], f"SPI {child.spi_out.hex()}", said(spis), "RFC7296-3.11-5")


@purpose("info-delete-unknown", "RFC7296-2.21-4", "RFC7296-2.25.1-7", role="responder")
def test_delete_unknown(peer: Peer, dut: Dut) -> None:
    """The answer to the deletion of an SPI that does not exist names no SPI, and nothing is deleted."""
    sa = peer.establish()
    answer = sa.informational(Delete(ProtocolID.ESP, (_other(sa.child.spi_in),)))
    child_must_live(peer, dut, sa, "RFC7296-2.21-4")
    kept(peer, sa)
    peer.check(not deleted_spis(answer), "no Delete payload", answer, "RFC7296-2.25.1-7")


@purpose("info-delete-again", "RFC7296-2.21-4", "RFC7296-2.25.1-7", role="responder")
def test_delete_again(peer: Peer) -> None:
    """A Child SA that was deleted already is unknown: its second deletion is answered without Delete payload."""
    sa = peer.establish()
    gone = sa.child.spi_in
    sa.delete_child()
    answer = sa.informational(Delete(ProtocolID.ESP, (gone,)))
    kept(peer, sa)
    peer.check(not deleted_spis(answer), "no Delete payload", answer, "RFC7296-2.25.1-7")


@purpose("info-delete-known-and-unknown", "RFC7296-1.4.1-4", "RFC7296-1.4.1-6", "RFC7296-2.25.1-7", role="responder")
def test_delete_known_and_unknown(peer: Peer, dut: Dut) -> None:
    """One Delete payload names an unknown SPI before the known one: only the known one is deleted and answered."""
    sa = peer.establish()
    child = sa.child
    answer = sa.informational(Delete(ProtocolID.ESP, (_other(child.spi_in), child.spi_in)))
    peer.check(fatal(answer) is None, "no error", answer, "RFC7296-1.4.1-4")
    children_must_be_gone(peer, dut, sa, [child], "RFC7296-1.4.1-4")
    kept(peer, sa)
    spis = deleted_spis(answer)
    peer.check(spis == [child.spi_out.hex()], f"SPI {child.spi_out.hex()} alone", said(spis), "RFC7296-1.4.1-6")


@purpose(
    "info-delete-several", "RFC7296-1.4.1-4", "RFC7296-3.11-7", "RFC7296-1.4.1-6",
    role="responder", needs=(Capability.MULTIPLE_CHILDREN,),
)  # fmt: skip
def test_delete_several(peer: Peer, dut: Dut) -> None:
    """One Delete payload with the SPIs of two Child SAs deletes both; the response names both in any form."""
    sa = peer.establish()
    with peer.preamble("a second Child SA"):
        peer.expect(sa.create_child(), SA)
    children = list(sa.children)
    answer = sa.informational(Delete(ProtocolID.ESP, tuple(child.spi_in for child in children)))
    both_gone(peer, dut, sa, children, answer)


@purpose(
    "info-delete-two-payloads", "RFC7296-1.4.1-4", "RFC7296-1.4.1-6", "RFC7296-3.11-3",
    role="responder", needs=(Capability.MULTIPLE_CHILDREN,),
)  # fmt: skip
def test_delete_two_payloads(peer: Peer, dut: Dut) -> None:
    """Two Delete payloads in one request delete two Child SAs."""
    sa = peer.establish()
    with peer.preamble("a second Child SA"):
        peer.expect(sa.create_child(), SA)
    children = list(sa.children)
    answer = sa.informational(*(Delete(ProtocolID.ESP, (child.spi_in,)) for child in children))
    both_gone(peer, dut, sa, children, answer)


def both_gone(peer: Peer, dut: Dut, sa: ScriptedSa, children: list[ChildSa], answer: Message) -> None:
    """The device must have deleted these Child SAs, and should have said so in its answer."""
    children_must_be_gone(peer, dut, sa, children, "RFC7296-1.4.1-4")
    kept(peer, sa)
    spis, theirs = deleted_spis(answer), [child.spi_out.hex() for child in children]
    peer.check(sorted(spis) == sorted(theirs), f"SPIs {said(theirs)}", said(spis), "RFC7296-1.4.1-6")


@purpose(
    "info-delete-one-of-two",
    "RFC7296-1.4.1-4",
    "RFC7296-3.11-5",
    role="responder",
    needs=(Capability.MULTIPLE_CHILDREN,),
)
def test_delete_one_of_two(peer: Peer, dut: Dut) -> None:
    """Of two Child SAs with the same selectors the one that we name is deleted, the other one lives.

    It carries what the two have carried before: nothing goes any more on the one that was deleted.
    """
    sa = peer.establish()
    with peer.preamble("a second Child SA"):
        peer.expect(sa.create_child(), SA)
    first, second = sa.children
    spis = deleted_spis(sa.delete_child(second))
    peer.check(first.spi_out.hex() not in spis, f"no deletion of {first.spi_out.hex()}", said(spis), "RFC7296-1.4.1-4")
    if shows_traffic(peer, dut, first):
        moved(peer, first, "RFC7296-1.4.1-4")
    child_must_live(peer, dut, sa, "RFC7296-1.4.1-4")


@purpose("info-delete-wrong-protocol", "RFC7296-3.11-5", "RFC7296-2.21-4", "RFC7296-2.25.1-7", role="responder")
def test_delete_wrong_protocol(peer: Peer, dut: Dut) -> None:
    """The SPI of an ESP SA under protocol AH names an SA that does not exist: the Child SA lives."""
    sa = peer.establish()
    answer = sa.informational(Delete(ProtocolID.AH, (sa.child.spi_in,)))
    child_must_live(peer, dut, sa, "RFC7296-3.11-5")
    peer.check(not deleted_spis(answer), "no Delete payload", answer, "RFC7296-2.25.1-7")


@purpose("info-delete-peer-spi", "RFC7296-1.4.1-3", "RFC7296-3.11-5", "RFC7296-2.25.1-7", role="responder")
def test_delete_peer_spi(peer: Peer, dut: Dut) -> None:
    """A Delete names the SPI on which its sender receives: the device's own SPI names no SA of ours."""
    sa = peer.establish()
    answer = sa.informational(Delete(ProtocolID.ESP, (sa.child.spi_out,)))
    child_must_live(peer, dut, sa, "RFC7296-3.11-5")
    peer.check(not deleted_spis(answer), "no Delete payload", answer, "RFC7296-2.25.1-7")


@purpose("info-delete-ike", "RFC7296-1.4.1-10", "RFC7296-1.4.1-4", "RFC7296-1.4.1-9", role="responder")
def test_delete_ike(peer: Peer) -> None:
    """The deletion of an IKE SA gets an empty response under that IKE SA, and then it is gone.

    Its Child SAs go without being named.
    """
    sa = peer.establish()
    answer = sa.delete()
    peer.check(not answer.first(Delete) and not fatal(answer), "an empty response", answer, "RFC7296-1.4.1-10")
    sa.must_be_gone("RFC7296-1.4.1-4")


@purpose(
    "info-delete-ike-device-initiated",
    "RFC7296-1.4.1-4",
    "RFC7296-1.4.1-10",
    role="responder",
    needs=(Capability.INITIATOR,),
)
def test_delete_ike_device_initiated(peer: Peer, dut: Dut) -> None:
    """An IKE SA that the device has opened can be deleted by us all the same."""
    dut.initiate()
    sa = peer.accept()
    answer = sa.delete()
    peer.check(not answer.first(Delete) and not fatal(answer), "an empty response", answer, "RFC7296-1.4.1-10")
    sa.must_be_gone("RFC7296-1.4.1-4")


@purpose("info-delete-ike-and-child", "RFC7296-1.4.1-4", "RFC7296-1.4.1-9", "RFC7296-1.4-4", role="responder")
def test_delete_ike_and_child(peer: Peer) -> None:
    """A request with a Delete for the Child SA and one for the IKE SA is answered, and the IKE SA is gone.

    What the response says of the Child SA is not checked: both an empty one and one with its SPI make sense.
    """
    sa = peer.establish()
    answer = sa.informational(Delete(ProtocolID.ESP, (sa.child.spi_in,)), Delete(ProtocolID.IKE))
    peer.check(fatal(answer) is None, "no error", answer, "RFC7296-1.4.1-4")
    sa.must_be_gone("RFC7296-1.4.1-4")


@purpose(
    "info-delete-by-device", "RFC7296-3.11-4", "RFC7296-3.11-6", "RFC7296-1.4-2", "RFC7296-2.4-18",
    role="initiator", needs=(Capability.DELETE_IKE,),
)  # fmt: skip
def test_delete_by_device(peer: Peer, dut: Dut) -> None:
    """A device that closes an IKE SA says so under that IKE SA, by a Delete payload without any SPI.

    It may delete the Child SAs before, or by a payload of their own beside it.
    """
    dut.initiate()
    sa = peer.accept()
    dut.delete_ike()
    request = sa.expect_request(ExchangeType.INFORMATIONAL, where=not_of_children, requirement="RFC7296-2.4-18")
    found = request.message.all(Delete)
    peer.check(found, "a Delete payload", request.message, "RFC7296-2.4-18")
    delete = next((one for one in found if one.protocol == ProtocolID.IKE), found[0])
    peer.check(delete.protocol == ProtocolID.IKE, "protocol IKE", delete.protocol, "RFC7296-3.11-4")
    peer.check(not delete.spis and not delete.spi_size, "SPI size 0 and no SPI", delete, "RFC7296-3.11-6")
    sa.answer(request)
    sa.must_be_gone("RFC7296-2.4-18")


@purpose(
    "info-delete-child-by-device", "RFC7296-2.4-16", "RFC7296-1.4.1-3", "RFC7296-1.4.1-5", "RFC7296-3.11-5",
    "RFC7296-3.11-6", "RFC7296-3.11-1", role="initiator", needs=(Capability.DELETE_CHILD,),
)  # fmt: skip
def test_delete_child_by_device(peer: Peer, dut: Dut) -> None:
    """A device that closes a Child SA names it by its own inbound SPI and never lists both directions."""
    dut.initiate()
    sa = peer.accept()
    child = sa.child
    dut.delete_child()
    request = sa.expect_request(ExchangeType.INFORMATIONAL)
    spis = deleted_spis(request.message)
    peer.check(child.spi_in.hex() not in spis, "not our SPI beside its own", said(spis), "RFC7296-1.4.1-5")
    peer.check(spis == [child.spi_out.hex()], f"SPI {child.spi_out.hex()}", said(spis), "RFC7296-3.11-5")
    sa.answer(request)
    kept(peer, sa)


@purpose(
    "info-delete-crossing", "RFC7296-1.4.1-8", "RFC7296-1.4.1-7", "RFC7296-2.25.1-5",
    role="responder", needs=(Capability.DELETE_CHILD, Capability.INITIATOR),
)  # fmt: skip
def test_delete_crossing(peer: Peer, dut: Dut) -> None:
    """Both sides delete the same Child SA at once: neither response names it again.

    The device's request waits while ours goes out. A Delete in its response would close an SA twice, in theory
    another one that has got the same SPI meanwhile.
    """
    dut.initiate()
    sa = peer.accept()
    child = sa.child
    dut.delete_child()
    theirs = sa.expect_request(ExchangeType.INFORMATIONAL, where=deletes_child)
    answer = sa.delete_child(child)
    peer.check(not deleted_spis(answer), "no Delete payload", answer, "RFC7296-1.4.1-8")
    sa.answer(theirs)
    kept(peer, sa)


@purpose(
    "info-delete-ike-crossing", "RFC7296-1.4.1-10", "RFC7296-1.4.1-4", "RFC7296-2.25.2-5",
    role="responder", needs=(Capability.DELETE_IKE, Capability.INITIATOR),
)  # fmt: skip
def test_delete_ike_crossing(peer: Peer, dut: Dut) -> None:
    """Both sides delete the IKE SA at once: our request is answered as usual, and the device forgets its own."""
    dut.initiate()
    sa = peer.accept()
    dut.delete_ike()
    sa.expect_request(ExchangeType.INFORMATIONAL, where=deletes_ike, requirement="RFC7296-2.4-18")
    with advised("RFC7296-2.25.2-5"):
        answer = sa.delete()
    peer.check(not answer.first(Delete) and not fatal(answer), "an empty response", answer, "RFC7296-1.4.1-10")
    sa.must_be_gone("RFC7296-1.4.1-4")


def not_of_children(message: Message) -> bool:
    """Whether a request says something, and more than which Child SAs are deleted."""
    return not says_nothing(message) and (deletes_ike(message) or not deletes_child(message))


def _other(spi: bytes) -> bytes:
    """Another SPI."""
    return bytes((spi[0] ^ 0x55,)) + spi[1:]
