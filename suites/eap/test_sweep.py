"""Everything that can be wrong with the fields of a method's packets, in both roles; the whole of it takes its time."""

from conformance.script.peer import Peer
from peers.contract import Capability
from suites.connections import eap
from suites.dut import Dut
from suites.eap.sweeping import sweep, sweep_initiator
from suites.purpose import purpose

SERVER, PEER = (Capability.EAP,), (Capability.EAP_PEER,)
NOBODY = ("RFC7296-1.2-18", "RFC7296-2.21.2-1")
UNCONVINCED = ("RFC3748-4.2-3", "RFC3748-4.1-6", "RFC3748-4.1-8", "RFC7296-1.2-18")
WHOLE = 20.0
"""Seconds that a real device takes for all of it, about."""


# --- the device as responder ------------------------------------------------------------------------------------------


@purpose(
    "eap-sweep-md5", *NOBODY, role="responder", needs=SERVER, connection=eap("md5"),
    canary=False,
)  # fmt: skip
def test_md5(peer: Peer) -> None:
    """Some variations of the fields of the MD5 response let nobody in."""
    sweep(peer)


@purpose(
    "eap-sweep-md5-whole", *NOBODY, role="responder", needs=SERVER, connection=eap("md5"),
    waits=WHOLE, canary=False,
)  # fmt: skip
def test_md5_whole(peer: Peer) -> None:
    """All variations of the fields of the MD5 response let nobody in."""
    sweep(peer, whole=True)


@purpose(
    "eap-sweep-gtc", *NOBODY, role="responder", needs=SERVER, connection=eap("gtc"),
    canary=False,
)  # fmt: skip
def test_gtc(peer: Peer) -> None:
    """Some variations of the fields of the GTC response let nobody in."""
    sweep(peer)


@purpose(
    "eap-sweep-gtc-whole", *NOBODY, role="responder", needs=SERVER, connection=eap("gtc"),
    waits=WHOLE, canary=False,
)  # fmt: skip
def test_gtc_whole(peer: Peer) -> None:
    """All variations of the fields of the GTC response let nobody in."""
    sweep(peer, whole=True)


@purpose(
    "eap-sweep-mschapv2", *NOBODY, role="responder", needs=SERVER, connection=eap("mschapv2"),
    canary=False,
)  # fmt: skip
def test_mschapv2(peer: Peer) -> None:
    """Some variations of the fields of both MSCHAPv2 responses let nobody in."""
    sweep(peer)


@purpose(
    "eap-sweep-mschapv2-whole", *NOBODY, role="responder", needs=SERVER, connection=eap("mschapv2"),
    waits=WHOLE, canary=False,
)  # fmt: skip
def test_mschapv2_whole(peer: Peer) -> None:
    """All variations of the fields of both MSCHAPv2 responses let nobody in."""
    sweep(peer, whole=True)


# --- the device as initiator ------------------------------------------------------------------------------------------


@purpose(
    "eap-sweep-initiator-md5", *UNCONVINCED, role="initiator", needs=PEER,
    connection=eap("md5", device="initiator"),
)  # fmt: skip
def test_initiator_md5(peer: Peer, dut: Dut) -> None:
    """Some variations of the fields of the MD5 challenge convince nobody."""
    sweep_initiator(peer, dut)


@purpose(
    "eap-sweep-initiator-md5-whole", *UNCONVINCED, role="initiator", needs=PEER,
    connection=eap("md5", device="initiator"), waits=WHOLE,
)  # fmt: skip
def test_initiator_md5_whole(peer: Peer, dut: Dut) -> None:
    """All variations of the fields of the MD5 challenge convince nobody."""
    sweep_initiator(peer, dut, whole=True)


@purpose(
    "eap-sweep-initiator-gtc", *UNCONVINCED, role="initiator", needs=PEER,
    connection=eap("gtc", device="initiator"),
)  # fmt: skip
def test_initiator_gtc(peer: Peer, dut: Dut) -> None:
    """Some variations of the fields of the GTC prompt convince nobody."""
    sweep_initiator(peer, dut)


@purpose(
    "eap-sweep-initiator-gtc-whole", *UNCONVINCED, role="initiator", needs=PEER,
    connection=eap("gtc", device="initiator"), waits=WHOLE,
)  # fmt: skip
def test_initiator_gtc_whole(peer: Peer, dut: Dut) -> None:
    """All variations of the fields of the GTC prompt convince nobody."""
    sweep_initiator(peer, dut, whole=True)


@purpose(
    "eap-sweep-initiator-mschapv2", *UNCONVINCED, role="initiator", needs=PEER,
    connection=eap("mschapv2", device="initiator"),
)  # fmt: skip
def test_initiator_mschapv2(peer: Peer, dut: Dut) -> None:
    """Some variations of the fields of both MSCHAPv2 requests convince nobody."""
    sweep_initiator(peer, dut)


@purpose(
    "eap-sweep-initiator-mschapv2-whole", *UNCONVINCED, role="initiator", needs=PEER,
    connection=eap("mschapv2", device="initiator"), waits=WHOLE,
)  # fmt: skip
def test_initiator_mschapv2_whole(peer: Peer, dut: Dut) -> None:
    """All variations of the fields of both MSCHAPv2 requests convince nobody."""
    sweep_initiator(peer, dut, whole=True)
