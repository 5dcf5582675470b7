"""What can be wrong with the messages of the handshake, in both roles and versions; some of it, or much of it."""

from conformance.script.peer import Peer
from conformance.tls import TlsVersion
from peers.capabilities import Capability
from suites.connections import eap
from suites.dut import Dut
from suites.eap_tls.sweeping import sweep, sweep_initiator
from suites.ike_auth.refusal import NOT_CREATED
from suites.purpose import purpose

V12, V13 = TlsVersion.TLS_1_2, TlsVersion.TLS_1_3
SERVER, PEER = (Capability.EAP,), (Capability.EAP_PEER,)
AS_SERVER, AS_CLIENT = eap("tls"), eap("tls", device="initiator")
NOBODY = (NOT_CREATED, "RFC5216-2.1.1-6", "RFC7296-2.21.2-1")
UNCONVINCED = (NOT_CREATED, "RFC5216-2.1.3-3", "RFC3748-4.2-3")
SHORT, TIME = 5.0, 20.0
"""Seconds that a real device takes for some variations, and for many, about."""


# --- the device as responder ------------------------------------------------------------------------------------------


@purpose(
    "eap-tls-12-sweep", *NOBODY, role="responder", needs=SERVER, connection=AS_SERVER, canary=False, waits=SHORT,
)  # fmt: skip
def test_client_12(peer: Peer) -> None:
    """Some variations of each message of a client of TLS 1.2 let nobody in."""
    sweep(peer, V12)


@purpose(
    "eap-tls-12-sweep-more", *NOBODY, role="responder", needs=SERVER, connection=AS_SERVER, canary=False, waits=TIME,
)  # fmt: skip
def test_client_12_more(peer: Peer) -> None:
    """Many variations of the messages of a client of TLS 1.2 let nobody in."""
    sweep(peer, V12, more=True)


@purpose(
    "eap-tls-13-sweep", *NOBODY, role="responder", needs=SERVER, connection=AS_SERVER, canary=False, waits=SHORT,
)  # fmt: skip
def test_client_13(peer: Peer) -> None:
    """Some variations of each message of a client of TLS 1.3 let nobody in."""
    sweep(peer, V13)


@purpose(
    "eap-tls-13-sweep-more", *NOBODY, role="responder", needs=SERVER, connection=AS_SERVER, canary=False, waits=TIME,
)  # fmt: skip
def test_client_13_more(peer: Peer) -> None:
    """Many variations of the messages of a client of TLS 1.3 let nobody in."""
    sweep(peer, V13, more=True)


# --- the device as initiator ------------------------------------------------------------------------------------------


@purpose("eap-tls-peer-12-sweep", *UNCONVINCED, role="initiator", needs=PEER, connection=AS_CLIENT, waits=SHORT)
def test_server_12(peer: Peer, dut: Dut) -> None:
    """Some variations of each message of a server of TLS 1.2 convince nobody."""
    sweep_initiator(peer, dut, V12)


@purpose("eap-tls-peer-12-sweep-more", *UNCONVINCED, role="initiator", needs=PEER, connection=AS_CLIENT, waits=TIME)
def test_server_12_more(peer: Peer, dut: Dut) -> None:
    """Many variations of the messages of a server of TLS 1.2 convince nobody."""
    sweep_initiator(peer, dut, V12, more=True)


@purpose("eap-tls-peer-13-sweep", *UNCONVINCED, role="initiator", needs=PEER, connection=AS_CLIENT, waits=SHORT)
def test_server_13(peer: Peer, dut: Dut) -> None:
    """Some variations of each message of a server of TLS 1.3 convince nobody."""
    sweep_initiator(peer, dut, V13)


@purpose("eap-tls-peer-13-sweep-more", *UNCONVINCED, role="initiator", needs=PEER, connection=AS_CLIENT, waits=TIME)
def test_server_13_more(peer: Peer, dut: Dut) -> None:
    """Many variations of the messages of a server of TLS 1.3 convince nobody."""
    sweep_initiator(peer, dut, V13, more=True)
