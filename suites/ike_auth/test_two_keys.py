"""A shared key for each direction: by one we prove ourselves, by the other the device does (RFC 7296, section 2.15)."""

from dataclasses import replace

from conformance.ike.core.connection import Connection, Psk
from conformance.script.peer import Peer
from peers.capabilities import Capability
from peers.contract import Pixit
from suites.connections import psk
from suites.dut import Dut
from suites.ike_auth.key_ring import PROVED
from suites.ike_auth.refusal import must_be_refused
from suites.ike_auth.test_initiator import refused_as
from suites.purpose import purpose

ENTRY = "RFC4301-4.4.3.4-1"
OURS, THEIRS = b"the key by which the suites prove themselves", b"the key by which the device proves itself"


def two_keys(pixit: Pixit) -> Connection:
    """Each side has a key of its own, and knows that of the other one."""
    plain = psk()(pixit)
    return replace(plain, local=replace(plain.local, auth=Psk(OURS)), remote=replace(plain.remote, auth=Psk(THEIRS)))


@purpose(
    "auth-two-keys", ENTRY, "RFC7296-2.15-8", role="responder", needs=(Capability.PSK,), connection=two_keys,
    ordinary=True,
)  # fmt: skip
def test_two_keys(peer: Peer) -> None:
    """With a key for each direction we prove ourselves by ours, and the device proves itself by its own."""
    sa = peer.sa()
    sa.init()
    sa.auth()
    sa.must_be_established(ENTRY)
    sa.must_be_up(ENTRY)


@purpose("auth-two-keys-other", ENTRY, *PROVED, role="responder", needs=(Capability.PSK,), connection=two_keys)
def test_two_keys_other(peer: Peer) -> None:
    """The key by which the device proves itself does not prove us."""
    sa = peer.sa(initial_contact=False, local=replace(peer.connection.local, auth=Psk(THEIRS)))
    sa.init()
    must_be_refused(peer, sa)


@purpose(
    "auth-two-keys-initiator", ENTRY, "RFC7296-2.15-8", role="initiator", needs=(Capability.PSK,), connection=two_keys,
    ordinary=True,
)  # fmt: skip
def test_initiator(peer: Peer, dut: Dut) -> None:
    """An initiator proves itself by its own key, and takes the proof that the responder gives by the other one."""
    dut.initiate()
    sa = peer.respond_init(peer.expect_init())
    sa.answer_auth()
    sa.must_be_established(ENTRY)
    sa.must_be_up(ENTRY)


@purpose(
    "auth-two-keys-initiator-other", "RFC7296-1.2-11", "RFC7296-1.2-18", role="initiator", needs=(Capability.PSK,),
    connection=two_keys,
)  # fmt: skip
def test_initiator_other(peer: Peer, dut: Dut) -> None:
    """A responder that proves itself by the key of the initiator does not know its own: it is refused."""
    refused_as(peer, dut, replace(peer.connection.local, auth=Psk(THEIRS)))
