"""Bent messages in the states of a conversation: each answer keeps what every message must, and the device lives."""

from conformance.script.peer import Peer
from peers.contract import Capability
from suites.dut import Dut
from suites.fuzz.slices import run_slice
from suites.purpose import purpose

NEEDS = (Capability.CONFIGURABLE,)
"""A device that is configured by hand keeps IKE SAs of earlier slices, which may still answer in a later one."""

LONG = 12.0
"""Seconds: what is not answered has to be waited for, so a slice belongs to the slow tier."""


@purpose(
    "fuzz-before-init", "RFC7296-2.2-6", "RFC7296-2.5-7", "RFC7296-2.5-12", role="responder", needs=NEEDS, waits=LONG
)
def test_before_init(peer: Peer, dut: Dut) -> None:
    """Bent IKE_SA_INIT requests.

    Whatever the device makes of each, its answer belongs to the request, has no reserved bit set and notifies of the
    right size, and the device lives.
    """
    run_slice(peer, dut, "init")


@purpose(
    "fuzz-before-auth", "RFC7296-1.2-11", "RFC7296-2.2-6", "RFC7296-2.5-12", role="responder", needs=NEEDS, waits=LONG
)
def test_before_auth(peer: Peer, dut: Dut) -> None:
    """Bent messages after IKE_SA_INIT.

    Nothing is established without our AUTH payload, and the device lives.
    """
    run_slice(peer, dut, "init-done")


@purpose("fuzz-established", "RFC7296-2.2-6", "RFC7296-2.4-7", "RFC7296-3.1-19", "RFC7296-3.9-2", "RFC5282-3.1-2",
         "RFC7296-3.10.1-5",
         role="responder", needs=NEEDS, waits=LONG)  # fmt: skip
def test_established(peer: Peer, dut: Dut) -> None:
    """Bent messages on an IKE SA that is up.

    Requests, responses that nobody has asked for, and messages in the clear. Nothing unprotected changes the IKE SA, no
    response is answered, nonces and IVs are new each time, and the device lives.
    """
    run_slice(peer, dut, "established")
