"""Exchanges of both sides that collide (RFC 7296, sections 1.4.1, 2.8.1, 2.8.2 and 2.25)."""

from conformance.ike.core.child import ChildSa
from conformance.script.message import Received
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa, fatal
from conformance.wire import SA, Delete, ExchangeType
from peers.capabilities import Capability
from suites.create_child_sa.answers import (
    advised,
    carries,
    connected,
    deleted,
    deletes_child,
    deletes_ike,
    deleting,
    deletion,
    inherited,
    kept,
    names,
    own_requests,
    shortest_nonce,
    temporary,
)
from suites.create_child_sa.device_rekeys import child_rekey, ike_rekey
from suites.dut import Dut
from suites.purpose import purpose

CHILD, IKE = Capability.REKEY_CHILD, Capability.REKEY_IKE
LOW, NEARLY_LOW, HIGH = bytes(32), bytes(31) + b"\1", b"\xff" * 32
LONG_LOW = bytes(8) + b"\xff" * 248
"""Lower than `short_high` octet by octet, though as a number it is by far the higher one."""


def short_high(peer: Peer) -> bytes:
    """The shortest nonce that begins with seven octets of zero."""
    return bytes(7) + b"\1" + bytes(shortest_nonce(peer) - 8)


def collide(peer: Peer, dut: Dut, ni: bytes | None, nr: bytes | None) -> tuple[ScriptedSa, ChildSa, ChildSa, ChildSa]:
    """Both sides rekey one Child SA; ``ni`` is our nonce in our request, ``nr`` in our response to the device's.

    Ours is answered first. Nothing is settled yet. Returns the IKE SA, the old Child SA, the device's new one, ours.
    """
    sa, theirs = child_rekey(peer, dut)
    old = sa.child
    with sa.overlapping():
        sa.nonce = ni
        answer = sa.response(sa.begin(lambda: sa.start_child_rekey(old))).message
        peer.check(answer.first(SA), "our rekey is answered as usual", answer, "RFC7296-2.25.1-2")
        sa.nonce = nr
        sa.answer(theirs)
        made_by_device = sa.children[-1]
    peer.check(len(sa.children) == 3, "a valid response to our rekey", sa.problem, "RFC7296-1.3.3-7")
    return sa, old, made_by_device, sa.children[-1]


def settled(peer: Peer, dut: Dut, sa: ScriptedSa, expected: ChildSa, survivor: ChildSa, requirement: str) -> None:
    """The device must delete ``expected`` and nothing else; then ``survivor`` is the only one, and works."""
    message = deletion(sa, deletes_child, requirement)
    spi, mark = expected.spi_out, len(peer.inbox)
    peer.check(deleted(message) == [spi], f"Delete of {spi.hex()}", message, requirement)
    sa.must_be_up()
    more = [one.hex() for message in own_requests(peer, sa, mark) for one in deleted(message) if one != spi]
    peer.check(not more, "nothing else is deleted", ", ".join(more), requirement)
    left = ", ".join(one.spi_out.hex() for one in sa.children) or "none"
    peer.check(sa.children == [survivor], f"Child SA {survivor.spi_out.hex()} alone is left", left, requirement)
    carries(peer, dut, survivor, requirement)
    names(peer, sa.delete_child(survivor), survivor)


@purpose(
    "child-rekey-collision",
    "RFC7296-2.25.1-2",
    "RFC7296-2.8.1-3",
    "RFC7296-2.8.1-5",
    "RFC7296-2.25.1-3",
    role="initiator",
    needs=(CHILD,),
)
def test_child_rekey_collision(peer: Peer, dut: Dut) -> None:
    """Both sides rekey the same Child SA at once, and the lowest nonce is in our exchange: the device's SA survives.

    The device's request waits while ours goes out, which it should answer as usual. Our Ni is the lowest of the four
    nonces, so we delete the Child SA that we asked for, and the device, which made the surviving one, deletes the old.
    """
    sa, old, theirs, _ = collide(peer, dut, LOW, HIGH)
    settled(peer, dut, sa, old, theirs, "RFC7296-2.8.1-5")


@purpose(
    "child-rekey-collision-lost",
    "RFC7296-2.8.1-3",
    "RFC7296-2.25.1-3",
    "RFC7296-2.25.1-2",
    role="initiator",
    needs=(CHILD,),
)
def test_child_rekey_collision_lost(peer: Peer, dut: Dut) -> None:
    """Both sides rekey the same Child SA at once, and the lowest nonce is in the device's exchange: ours survives.

    The lowest nonce is our Nr in the response to the device. Our Ni is the second lowest, so all four must count, not
    only both Ni. The device deletes the Child SA that it asked for, and we delete the old one.
    """
    sa, _, theirs, ours = collide(peer, dut, NEARLY_LOW, LOW)
    settled(peer, dut, sa, theirs, ours, "RFC7296-2.8.1-3")


@purpose("child-rekey-collision-octets", "RFC7296-2.8.1-4", "RFC7296-2.8.1-3", role="initiator", needs=(CHILD,))
def test_child_rekey_collision_octets(peer: Peer, dut: Dut) -> None:
    """Nonces are compared octet by octet, not as numbers and not by their length.

    Our Ni has 256 octets and begins with eight of zero, our Nr is as short as may be and begins with seven: Ni is the
    lowest.
    """
    sa, old, theirs, _ = collide(peer, dut, LONG_LOW, short_high(peer))
    settled(peer, dut, sa, old, theirs, "RFC7296-2.8.1-3")


@purpose(
    "child-delete-while-rekeying",
    "RFC7296-1.4.1-4",
    "RFC7296-2.25.1-6",
    "RFC7296-1.4.1-6",
    role="initiator",
    needs=(CHILD,),
)
def test_child_delete_while_rekeying(peer: Peer, dut: Dut) -> None:
    """We delete the Child SA that the device is rekeying: it answers as usual, with a Delete payload."""
    sa, _ = child_rekey(peer, dut)
    child = sa.child
    names(peer, sa.delete_child(), child, "RFC7296-2.25.1-6")


def child_deletion(peer: Peer, dut: Dut) -> tuple[ScriptedSa, Received]:
    """The device's request to delete the Child SA, held."""
    sa = connected(peer, dut)
    with peer.preamble("the device deletes its Child SA"):
        dut.delete_child()
        return sa, sa.expect_request(ExchangeType.INFORMATIONAL, where=deletes_child)


@purpose(
    "child-rekey-while-closing",
    "RFC7296-2.25.1-1",
    "RFC7296-2.25-1",
    role="initiator",
    needs=(Capability.DELETE_CHILD,),
)
def test_child_rekey_while_closing(peer: Peer, dut: Dut) -> None:
    """We rekey the Child SA that the device is closing: TEMPORARY_FAILURE, not a new Child SA."""
    sa, _ = child_deletion(peer, dut)
    temporary(peer, dut, sa.rekey_child(), CHILD, "RFC7296-2.25.1-1")


@purpose(
    "child-delete-crossed",
    "RFC7296-1.4.1-8",
    "RFC7296-2.25.1-5",
    "RFC7296-1.4.1-7",
    role="initiator",
    needs=(Capability.DELETE_CHILD,),
)
def test_child_delete_crossed(peer: Peer, dut: Dut) -> None:
    """Both sides delete the same Child SA at once: the responses carry no Delete payload for it."""
    sa, theirs = child_deletion(peer, dut)
    child = sa.child
    answer = sa.delete_child()
    peer.check(not deleted(answer), "no Delete payload in the response", answer, "RFC7296-1.4.1-8")
    peer.check(child not in sa.children, "our half is gone", "")
    sa.answer(theirs)
    kept(peer, sa)


@purpose("ike-rekey-while-child", "RFC7296-2.25.1-8", "RFC7296-2.25-1", role="initiator", needs=(CHILD,))
def test_ike_rekey_while_child(peer: Peer, dut: Dut) -> None:
    """We rekey the IKE SA while the device rekeys a Child SA of it: TEMPORARY_FAILURE.

    The Child SA would be made on an IKE SA that is being replaced.
    """
    sa, theirs = child_rekey(peer, dut)
    temporary(peer, dut, sa.rekey(), IKE, "RFC7296-2.25.1-8")
    sa.answer(theirs)
    sa.must_be_up()


@purpose("child-while-ike-rekey", "RFC7296-2.25.2-6", "RFC7296-2.25-1", role="initiator", needs=(IKE,))
def test_child_while_ike_rekey(peer: Peer, dut: Dut) -> None:
    """We ask for a Child SA, and to rekey one, while the device rekeys the IKE SA: TEMPORARY_FAILURE both times."""
    sa, theirs = ike_rekey(peer, dut)
    if Capability.MULTIPLE_CHILDREN in dut.device.capabilities:
        temporary(peer, dut, sa.create_child(), Capability.MULTIPLE_CHILDREN, "RFC7296-2.25.2-6")
    temporary(peer, dut, sa.rekey_child(), CHILD, "RFC7296-2.25.2-6")
    sa.answer(theirs)
    sa.rekeyed.must_be_up()


@purpose("child-delete-while-ike-rekey", "RFC7296-2.25.2-7", "RFC7296-1.4.1-6", role="initiator", needs=(IKE,))
def test_child_delete_while_ike_rekey(peer: Peer, dut: Dut) -> None:
    """We delete a Child SA while the device rekeys the IKE SA: it answers as usual, with a Delete payload."""
    sa, _ = ike_rekey(peer, dut)
    child = sa.child
    names(peer, sa.delete_child(), child, "RFC7296-2.25.2-7")


@purpose("ike-delete-while-rekey", "RFC7296-1.4.1-10", "RFC7296-2.25.2-4", role="initiator", needs=(IKE,))
def test_ike_delete_while_rekey(peer: Peer, dut: Dut) -> None:
    """We delete the IKE SA that the device is rekeying: an empty response, the rekey is given up."""
    sa, _ = ike_rekey(peer, dut)
    answer = sa.delete()
    peer.check(not answer.first(Delete) and not fatal(answer), "an empty response", answer, "RFC7296-2.25.2-4")


@purpose(
    "ike-rekey-while-closing", "RFC7296-2.25.2-3", "RFC7296-2.25-1", role="initiator", needs=(Capability.DELETE_IKE,)
)
def test_ike_rekey_while_closing(peer: Peer, dut: Dut) -> None:
    """We rekey the IKE SA that the device is closing: TEMPORARY_FAILURE, not a new IKE SA."""
    sa = connected(peer, dut)
    with peer.preamble("the device deletes the IKE SA"):
        dut.delete_ike()
        sa.expect_request(ExchangeType.INFORMATIONAL, where=deletes_ike)
    with advised("RFC7296-2.25.2-3"):
        answer = sa.rekey()
    temporary(peer, dut, answer, IKE, "RFC7296-2.25.2-3")


@purpose("ike-delete-crossed", "RFC7296-1.4.1-10", "RFC7296-2.25.2-5", role="initiator", needs=(Capability.DELETE_IKE,))
def test_ike_delete_crossed(peer: Peer, dut: Dut) -> None:
    """We delete the IKE SA that the device is closing itself: it answers as usual, with an empty response."""
    sa = connected(peer, dut)
    with peer.preamble("the device deletes the IKE SA"):
        dut.delete_ike()
        sa.expect_request(ExchangeType.INFORMATIONAL, where=deletes_ike)
    with advised("RFC7296-2.25.2-5"):
        answer = sa.delete()
    peer.check(not answer.first(Delete) and not fatal(answer), "an empty response", answer, "RFC7296-2.25.2-5")


def collide_ike(
    peer: Peer, dut: Dut, ni: bytes, nr: bytes, *, at_once: bool = False
) -> tuple[ScriptedSa, ScriptedSa, ScriptedSa]:
    """Both sides rekey the IKE SA, as `collide`. Returns the old IKE SA, the device's new one, ours.

    Nothing is deleted before the device has had time to learn of the collision, unless ``at_once``.
    """
    sa, theirs = ike_rekey(peer, dut)
    with sa.overlapping():
        sa.nonce = ni
        answer = sa.response(sa.begin(sa.start_rekey)).message
        peer.check(answer.first(SA), "our rekey is answered as usual", answer, "RFC7296-2.25.2-1")
        ours = sa.heir
        sa.nonce = nr
        sa.hold(ExchangeType.INFORMATIONAL)
        sa.answer(theirs)
        if not at_once:
            peer.idle(peer.response_timeout / 10)
    assert isinstance(ours, ScriptedSa) and isinstance(sa.rival, ScriptedSa)
    peer.check(ours.keys is not None, "a valid response to our rekey", sa.problem, "RFC7296-1.3.2-5")
    return sa, sa.rival, ours


@purpose(
    "ike-rekey-collision",
    "RFC7296-2.8.2-2",
    "RFC7296-2.8-8",
    "RFC7296-2.25.2-1",
    "RFC7296-2.8.2-1",
    "RFC7296-2.25.2-2",
    role="initiator",
    needs=(IKE,),
)
def test_ike_rekey_collision(peer: Peer, dut: Dut) -> None:
    """Both sides rekey the IKE SA at once, and the lowest nonce is in our exchange: the device's new one survives.

    We delete the IKE SA that we made. The device deletes the old one, and its new one has the Child SA.
    """
    sa, theirs, ours = collide_ike(peer, dut, LOW, HIGH)
    deletion(sa, deletes_ike, "RFC7296-2.8.2-1")
    ours.finish()
    peer.check(sa.successor is theirs, "the device's IKE SA survives", sa.problem, "RFC7296-2.8.2-1")
    inherited(peer, dut, theirs, "RFC7296-2.8.2-2")


@purpose(
    "ike-rekey-collision-at-once",
    "RFC7296-2.8.2-2",
    "RFC7296-2.8-8",
    "RFC7296-2.25.2-1",
    "RFC7296-2.8.2-1",
    role="initiator",
    needs=(IKE,),
)
def test_ike_rekey_collision_at_once(peer: Peer, dut: Dut) -> None:
    """As before, but we delete the IKE SA that we made while the device may still be at work on our response."""
    sa, theirs, ours = collide_ike(peer, dut, LOW, HIGH, at_once=True)
    deletion(sa, deletes_ike, "RFC7296-2.8.2-1")
    ours.finish()
    peer.check(sa.successor is theirs, "the device's IKE SA survives", sa.problem, "RFC7296-2.8.2-1")
    inherited(peer, dut, theirs, "RFC7296-2.8.2-2")


@purpose(
    "ike-rekey-collision-lost",
    "RFC7296-2.8.2-2",
    "RFC7296-2.8.2-1",
    "RFC7296-2.25.2-1",
    "RFC7296-2.25.2-2",
    role="initiator",
    needs=(IKE,),
)
def test_ike_rekey_collision_lost(peer: Peer, dut: Dut) -> None:
    """Both sides rekey the IKE SA at once, and the lowest nonce is in the device's exchange: our new one survives.

    The device deletes the IKE SA that it made, on that IKE SA. We delete the old one, and ours has the Child SA.
    """
    sa, theirs, ours = collide_ike(peer, dut, NEARLY_LOW, LOW)
    sa.finish()
    deletion(theirs, deletes_ike, "RFC7296-2.8.2-1")
    inherited(peer, dut, ours, "RFC7296-2.8.2-2")


@purpose("ike-rekey-old-rekeyed", "RFC7296-2.8.2-3", role="initiator", needs=(IKE,))
def test_ike_rekey_old_rekeyed(peer: Peer, dut: Dut) -> None:
    """The device has rekeyed the IKE SA and is deleting the old one when our request to rekey that comes late.

    It did not notice a collision, and answers TEMPORARY_FAILURE; its new IKE SA stays.
    """
    sa, theirs = ike_rekey(peer, dut)
    sa.answer(theirs)
    new = sa.rekeyed
    deleting(sa, deletes_ike)
    with advised("RFC7296-2.8.2-3"):
        answer = sa.rekey()
    temporary(peer, dut, answer, IKE, "RFC7296-2.8.2-3")
    new.must_be_up()
