"""Nonces of fewer than 16 or more than 256 octets, in every exchange that has one (RFC 7296, sections 2.10 and 3.9).

A stack that copies the nonce into a buffer of its own size, or takes one of no octets, lets its peer, or whoever sits
in the middle of a handshake, choose half of the key material.
"""

from contextlib import suppress

from conformance.script import bend
from conformance.script.bend import Bend
from conformance.script.peer import Peer
from conformance.script.verdict import Unexpected
from conformance.wire import Nonce
from peers.capabilities import Capability
from suites.create_child_sa.answers import connected, granted, refused
from suites.create_child_sa.device_rekeys import child_rekey, ike_rekey, unused_if_kept
from suites.dut import Dut
from suites.ike_sa_init.steps import goes_no_further, no_sa_for
from suites.purpose import purpose

SIZE = "RFC7296-3.9-1"
CHILD, IKE = Capability.REKEY_CHILD, Capability.REKEY_IKE
SHORT, LONG = (0, 1, 15), (257, 1024)


def nonce(size: int) -> Bend:
    """A nonce of so many octets in place of ours."""
    return bend.replace(Nonce, lambda one: Nonce((one.data * 40)[:size]), f"a nonce of {size} octets")


def in_init(peer: Peer, sizes: tuple[int, ...]) -> None:
    """No IKE SA comes of such a nonce; silence is as good as an error, and others are served."""
    for size in sizes:
        no_sa_for(peer, nonce(size), SIZE)


def in_child_rekey(peer: Peer, dut: Dut, sizes: tuple[int, ...]) -> None:
    """No Child SA comes of such a nonce: an error is reported; the next rekey, on an IKE SA that lives, is granted."""
    for size in sizes:
        refused(peer, connected(peer, dut).rekey_child(bend=nonce(size)), requirement=SIZE)
    granted(peer, dut, connected(peer, dut).rekey_child(), CHILD, "RFC7296-1.3.3-7")


def in_ike_rekey(peer: Peer, dut: Dut, sizes: tuple[int, ...]) -> None:
    """No IKE SA comes of such a nonce: an error is reported; the next rekey, on an IKE SA that lives, is granted."""
    for size in sizes:
        refused(peer, connected(peer, dut).rekey(nonce(size)), requirement=SIZE)
    granted(peer, dut, connected(peer, dut).rekey(), IKE, "RFC7296-1.3.2-2")


@purpose("init-nonce-too-short", SIZE, role="responder")
def test_init_short(peer: Peer) -> None:
    """IKE_SA_INIT requests with nonces of 0, 1 and 15 octets make no IKE SA."""
    in_init(peer, SHORT)


@purpose("init-nonce-too-long", SIZE, role="responder")
def test_init_long(peer: Peer) -> None:
    """IKE_SA_INIT requests with nonces of 257 and 1024 octets make no IKE SA."""
    in_init(peer, LONG)


@purpose("child-nonce-too-short", SIZE, "RFC7296-2.21.3-1", role="responder", needs=(CHILD,))
def test_child_short(peer: Peer, dut: Dut) -> None:
    """Rekeys of a Child SA with nonces of 0, 1 and 15 octets are refused."""
    in_child_rekey(peer, dut, SHORT)


@purpose("child-nonce-too-long", SIZE, "RFC7296-2.21.3-1", role="responder", needs=(CHILD,))
def test_child_long(peer: Peer, dut: Dut) -> None:
    """Rekeys of a Child SA with nonces of 257 and 1024 octets are refused."""
    in_child_rekey(peer, dut, LONG)


@purpose("ike-rekey-nonce-too-short", SIZE, "RFC7296-2.21.3-1", role="responder", needs=(IKE,))
def test_ike_short(peer: Peer, dut: Dut) -> None:
    """Rekeys of the IKE SA with nonces of 0, 1 and 15 octets are refused."""
    in_ike_rekey(peer, dut, SHORT)


@purpose("ike-rekey-nonce-too-long", SIZE, "RFC7296-2.21.3-1", role="responder", needs=(IKE,))
def test_ike_long(peer: Peer, dut: Dut) -> None:
    """Rekeys of the IKE SA with nonces of 257 and 1024 octets are refused."""
    in_ike_rekey(peer, dut, LONG)


@purpose("init-response-nonce-empty", SIZE, "RFC7296-2.21-2", role="initiator")
def test_init_response_empty(peer: Peer, dut: Dut) -> None:
    """Our IKE_SA_INIT response has a nonce of no octets: the device does not go on with it."""
    goes_no_further(peer, dut, nonce(0), SIZE)


@purpose("init-response-nonce-too-short", SIZE, "RFC7296-2.21-2", role="initiator")
def test_init_response_short(peer: Peer, dut: Dut) -> None:
    """Our IKE_SA_INIT response has a nonce of 15 octets: the device does not go on with it."""
    goes_no_further(peer, dut, nonce(15), SIZE)


@purpose("init-response-nonce-too-long", SIZE, "RFC7296-2.21-2", role="initiator")
def test_init_response_long(peer: Peer, dut: Dut) -> None:
    """Our IKE_SA_INIT response has a nonce of 257 octets: the device does not go on with it."""
    goes_no_further(peer, dut, nonce(257), SIZE)


def answer_child_rekey(peer: Peer, dut: Dut, size: int) -> None:
    """The device must not use the Child SA; the response is malformed, which may end the IKE SA silently."""
    sa, request = child_rekey(peer, dut)
    sa.nonce = peer.random(size)
    sa.answer(request)
    unused_if_kept(peer, sa, sa.children[-1], SIZE)


@purpose("child-response-nonce-too-short", SIZE, role="initiator", needs=(CHILD,))
def test_child_response_short(peer: Peer, dut: Dut) -> None:
    """Our response to the device's rekey of a Child SA has a nonce of 15 octets: it does not use that Child SA."""
    answer_child_rekey(peer, dut, 15)


@purpose("child-response-nonce-too-long", SIZE, role="initiator", needs=(CHILD,))
def test_child_response_long(peer: Peer, dut: Dut) -> None:
    """Our response to the device's rekey of a Child SA has a nonce of 257 octets: it does not use that Child SA."""
    answer_child_rekey(peer, dut, 257)


def answer_ike_rekey(peer: Peer, dut: Dut, size: int) -> None:
    """The device must not use the new IKE SA: nothing comes under its keys."""
    sa, request = ike_rekey(peer, dut)
    sa.nonce = peer.random(size)
    sa.answer(request)
    new = sa.rekeyed
    new.begin(new.start_liveness)
    with suppress(Unexpected):  # nothing on the old IKE SA tells how soon the new one would answer
        peer.wait(lambda one: one.sa is new and one.protected, "nothing on the new IKE SA")
    used = [one for one in peer.inbox if one.sa is new and one.protected]
    peer.check(not used, "nothing under the keys of the new IKE SA", used[0] if used else "", SIZE)


@purpose("ike-rekey-response-nonce-too-short", SIZE, role="initiator", needs=(IKE,))
def test_ike_response_short(peer: Peer, dut: Dut) -> None:
    """Our response to the device's rekey of the IKE SA has a nonce of 15 octets: it does not use that IKE SA."""
    answer_ike_rekey(peer, dut, 15)


@purpose("ike-rekey-response-nonce-too-long", SIZE, role="initiator", needs=(IKE,))
def test_ike_response_long(peer: Peer, dut: Dut) -> None:
    """Our response to the device's rekey of the IKE SA has a nonce of 257 octets: it does not use that IKE SA."""
    answer_ike_rekey(peer, dut, 257)
