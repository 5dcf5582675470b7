"""Bent messages in the states of a conversation: each answer keeps what every message must, and the device lives."""

from collections.abc import Callable

from conformance.script.peer import Peer
from peers.capabilities import Capability
from suites.campaign.states import STATES
from suites.dut import Dut
from suites.fuzz.slices import run_slice
from suites.purpose import Test, purpose

NEEDS = (Capability.CONFIGURABLE,)
"""A device that is configured by hand has the connection that it has, and cannot be made to forget an IKE SA."""

FEW = 40
"""Bent messages where each takes an IKE SA of its own, which the device opens or which a rekey makes."""

LONG = 12.0
"""Seconds: what is not answered has to be waited for, so a slice belongs to the slow tier."""


@purpose("fuzz-before-init", "RFC7296-2.2-6", "RFC7296-2.5-7", "RFC7296-2.5-12", role="responder", waits=LONG)
def test_before_init(peer: Peer, dut: Dut) -> None:
    """Bent IKE_SA_INIT requests.

    Whatever the device makes of each, its answer belongs to the request, has no reserved bit set and notifies of the
    right size, and the device lives.
    """
    run_slice(peer, dut, "init")


@purpose("fuzz-before-auth", "RFC7296-1.2-11", "RFC7296-2.2-6", "RFC7296-2.5-12", role="responder", waits=LONG)
def test_before_auth(peer: Peer, dut: Dut) -> None:
    """Bent messages after IKE_SA_INIT.

    Nothing is established without our AUTH payload, and the device lives.
    """
    run_slice(peer, dut, "init-done")


@purpose("fuzz-established", "RFC7296-2.2-6", "RFC7296-2.4-7", "RFC7296-3.1-19", "RFC7296-3.9-2", "RFC5282-3.1-2",
         "RFC7296-3.10.1-5",
         role="responder", waits=LONG)  # fmt: skip
def test_established(peer: Peer, dut: Dut) -> None:
    """Bent messages on an IKE SA that is up.

    Requests, responses that nobody has asked for, and messages in the clear. Nothing unprotected changes the IKE SA, no
    response is answered, nonces and IVs are new each time, and the device lives.
    """
    run_slice(peer, dut, "established")


def slice_of(state: str, identifier: str, *requirements: str) -> Callable[[Test], Test]:
    """`purpose` with what a state of campaigns needs."""
    found = STATES[state]
    return purpose(
        identifier, *requirements, role=found.role, needs=(*NEEDS, *sorted(found.needs)), connection=found.setup,
        device=found.device, waits=LONG, canary=found.canary and not found.alone,
    )  # fmt: skip


@slice_of("eap-mschapv2-1", "fuzz-eap-round", "RFC7296-1.2-11", "RFC7296-2.2-6", "RFC7296-2.5-12")
def test_eap_round(peer: Peer, dut: Dut) -> None:
    """Bent messages between rounds of EAP.

    Nothing is established without our proof, each answer belongs to its request, and the device lives.
    """
    run_slice(peer, dut, "eap-mschapv2-1", count=FEW)


@slice_of("ike-rekeyed", "fuzz-rekeyed", "RFC7296-2.4-7", "RFC7296-2.2-6", "RFC7296-3.9-2", "RFC5282-3.1-2")
def test_rekeyed(peer: Peer, dut: Dut) -> None:
    """Bent messages on an IKE SA that has been rekeyed and not been deleted yet.

    Nothing unprotected is answered as if it were, nonces and IVs are new each time, and the device lives.
    """
    run_slice(peer, dut, "ike-rekeyed", count=FEW)


@slice_of("device-rekeys-child", "fuzz-rekey-asked", "RFC7296-2.2-6", "RFC7296-3.1-19", "RFC7296-2.4-7")
def test_rekey_asked(peer: Peer, dut: Dut) -> None:
    """Bent responses to a rekey of a Child SA that the device has asked for.

    No response is answered, nothing unprotected changes the IKE SA, and the device lives.
    """
    run_slice(peer, dut, "device-rekeys-child", count=FEW)


@slice_of("asked-auth", "fuzz-asked-auth", "RFC7296-3.1-19", "RFC7296-2.4-7")
def test_asked_auth(peer: Peer, dut: Dut) -> None:
    """Bent responses to the IKE_AUTH request of the device: none is answered, and the device lives."""
    run_slice(peer, dut, "asked-auth", count=2 * FEW)
