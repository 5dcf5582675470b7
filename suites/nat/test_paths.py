"""Loss, duplication, reordering and delay on the path (RFC 7296, sections 2.1 to 2.4; RFC 7383)."""

from dataclasses import replace

from conformance.net.impaired import Impairment
from conformance.script.peer import Peer
from peers.capabilities import Capability
from suites.dut import Dut
from suites.nat.paths import (
    COPIES,
    LOSSES,
    ROUGH,
    SHUFFLED,
    accept_initiator,
    impair,
    impair_initiator,
    live_as_initiator,
    live_as_responder,
    patient,
    patient_fragments,
    suffer,
)
from suites.nat.steps import behind_nat
from suites.purpose import purpose

ORDERS = (Capability.REKEY_CHILD, Capability.DELETE_IKE)
FRAGMENTS = (Capability.FRAGMENTATION, Capability.ECDSA)
ANSWERED, REPEATS = "RFC7296-2.1-2", "RFC7296-2.1-7"


@purpose("path-duplicates", ANSWERED, role="responder", connection=patient())
def test_duplicates(peer: Peer, dut: Dut) -> None:
    """Every datagram comes twice, some of the copies late: each request has one effect only."""
    link = impair(peer, COPIES)
    live_as_initiator(peer, dut, link, ANSWERED)


@purpose("path-duplicates-initiator", ANSWERED, role="initiator", needs=ORDERS, connection=patient())
def test_duplicates_initiator(peer: Peer, dut: Dut) -> None:
    """Every datagram comes twice: a device that initiates takes each response once."""
    link = impair_initiator(peer, dut, COPIES)
    live_as_responder(peer, link, dut, ANSWERED)


@purpose("path-delay", REPEATS, role="responder", connection=patient(), waits=6.0)
def test_delay(peer: Peer, dut: Dut) -> None:
    """Each datagram takes a quarter of a second: answers come after the first repetition, and all goes well."""
    link = impair(peer, Impairment(delay=0.25, jitter=0.05))
    live_as_initiator(peer, dut, link, ANSWERED)


@purpose("path-delay-initiator", REPEATS, role="initiator", needs=ORDERS, connection=patient(), waits=6.0)
def test_delay_initiator(peer: Peer, dut: Dut) -> None:
    """The device initiates on a path where answers come after its first repetition."""
    link = impair_initiator(peer, dut, Impairment(delay=0.25, jitter=0.05))
    live_as_responder(peer, link, dut, REPEATS)


@purpose("path-loss", ANSWERED, role="responder", connection=patient(), waits=12.0)
def test_loss(peer: Peer, dut: Dut) -> None:
    """A third of all datagrams is lost: the device answers our repetitions, and every exchange comes to its end."""
    link = impair(peer, LOSSES)
    live_as_initiator(peer, dut, link, ANSWERED)


@purpose("path-loss-initiator", REPEATS, role="initiator", needs=ORDERS, connection=patient(), waits=12.0)
def test_loss_initiator(peer: Peer, dut: Dut) -> None:
    """A third of all datagrams is lost: the device repeats its requests until they are answered."""
    link = impair_initiator(peer, dut, LOSSES)
    live_as_responder(peer, link, dut, REPEATS)


@purpose("path-rough", ANSWERED, role="responder", connection=patient(), waits=12.0)
def test_rough(peer: Peer, dut: Dut) -> None:
    """Loss, duplication, reordering and delay at once, the device answering."""
    link = impair(peer, ROUGH)
    live_as_initiator(peer, dut, link, ANSWERED)


@purpose("path-rough-initiator", REPEATS, ANSWERED, role="initiator", needs=ORDERS, connection=patient(), waits=12.0)
def test_rough_initiator(peer: Peer, dut: Dut) -> None:
    """Loss, duplication, reordering and delay at once, the device initiating."""
    link = impair_initiator(peer, dut, ROUGH)
    live_as_responder(peer, link, dut, REPEATS)


@purpose("path-rough-nat", ANSWERED, role="responder", needs=(Capability.NAT_T,), connection=patient(),
         waits=12.0)  # fmt: skip
def test_rough_nat(peer: Peer, dut: Dut) -> None:
    """A rough path behind a NAT."""
    link = impair(peer, ROUGH)
    behind_nat(peer, dut)
    live_as_initiator(peer, dut, link, ANSWERED)


# --- fragments --------------------------------------------------------------------------------------------------------


@purpose(
    "path-fragments-shuffled", "RFC7383-2.6-7", "RFC7383-2.6-4", role="responder", needs=FRAGMENTS,
    connection=patient_fragments(),
)  # fmt: skip
def test_fragments_shuffled(peer: Peer, dut: Dut) -> None:
    """Fragments of IKE_AUTH overtake each other, and some come twice."""
    link = impair(peer, SHUFFLED)
    live_as_initiator(peer, dut, link, "RFC7383-2.6-7")


@purpose(
    "path-fragments-shuffled-initiator", "RFC7383-2.6-7", "RFC7383-2.6-4", role="initiator", needs=FRAGMENTS,
    connection=patient_fragments(),
)  # fmt: skip
def test_fragments_shuffled_initiator(peer: Peer, dut: Dut) -> None:
    """Fragments of our IKE_AUTH response overtake each other, and some come twice."""
    impair_initiator(peer, dut, SHUFFLED)
    accept_initiator(peer, dut, "RFC7383-2.6-7").must_be_up()


@purpose(
    "path-fragments-lost", ANSWERED, "RFC7383-2.6-7", role="responder", needs=FRAGMENTS, connection=patient_fragments(),
    waits=12.0,
)  # fmt: skip
def test_fragments_lost(peer: Peer, dut: Dut) -> None:
    """Single fragments are lost: with those of the repetition the message is complete."""
    link = impair(peer, replace(LOSSES, loss=0.2))
    live_as_initiator(peer, dut, link, ANSWERED)


@purpose(
    "path-fragments-lost-initiator", REPEATS, "RFC7383-2.6-7", role="initiator", needs=FRAGMENTS,
    connection=patient_fragments(), waits=12.0,
)  # fmt: skip
def test_fragments_lost_initiator(peer: Peer, dut: Dut) -> None:
    """Single fragments are lost where the device initiates: it repeats its request and puts our answer together."""
    link = impair_initiator(peer, dut, replace(LOSSES, loss=0.2))
    suffer(link, accept_initiator(peer, dut, REPEATS))
