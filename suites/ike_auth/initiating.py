"""The device initiates and we answer IKE_AUTH: what becomes of its first Child SA."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from conformance.ike.core.connection import Eap
from conformance.script.bend import Bend
from conformance.script.message import Received
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.wire import SA, ExchangeType
from peers.capabilities import Capability
from peers.contract import ChildStatus
from suites.dut import Dut


@dataclass(frozen=True, slots=True)
class Attempt:
    """The device has begun an IKE SA, and its IKE_AUTH request waits for our answer.

    ``beside`` is a half-open IKE SA that we have begun before, where the device is a responder, too: it must be none
    the worse for what we answer.
    """

    sa: ScriptedSa
    request: Received
    beside: ScriptedSa | None


def begun(peer: Peer, dut: Dut, bent: Bend | None = None, **changes: Any) -> Attempt:
    """The device initiates; our IKE_SA_INIT response may be bent, ``changes`` are those of our connection."""
    dut.initiate()
    first = peer.expect_init()
    beside = None
    by_eap = isinstance(peer.connection.remote.auth, Eap)  # as initiator only
    if Capability.RESPONDER in dut.device.capabilities and not by_eap:
        beside = peer.sa(initial_contact=False)
        with peer.preamble("IKE_SA_INIT in the other direction"):
            beside.init()
    sa = peer.respond_init(first, bent, **changes)
    return Attempt(sa, sa.expect_request(ExchangeType.IKE_AUTH), beside)


def answered(peer: Peer, dut: Dut, bent: Bend | Callable[[SA], Bend]) -> tuple[ScriptedSa, frozenset[bytes]]:
    """The device initiates, and our IKE_AUTH response is bent, perhaps to fit its offer.

    Returns also the SPIs that it has offered.
    """
    dut.initiate()
    sa = peer.respond_init(peer.expect_init())
    request = sa.expect_request(ExchangeType.IKE_AUTH)
    offer = peer.expect(request.message, SA)
    sa.answer(request, bend=bent if isinstance(bent, Bend) else bent(offer))
    return sa, frozenset(one.spi for one in offer.proposals)


def children(
    peer: Peer, dut: Dut, spis: frozenset[bytes], wrong: Callable[[ChildStatus], bool] = lambda one: True
) -> list[ChildStatus]:
    """The ``wrong`` Child SA that the device has under one of these SPIs. It may need a moment to delete it again.

    What it asks for afterwards, and gets without a bend, has another SPI.
    """
    until = peer.link.now() + peer.response_timeout
    while True:
        found = (child for one in dut.established() for child in one.children)
        listed = [child for child in found if child.spi_in in spis and wrong(child)]
        if not listed or peer.link.now() >= until:
            return listed
        peer.idle(peer.response_timeout / 10)


def described(found: list[ChildStatus]) -> str:
    """Child SAs in words."""
    return "; ".join(
        f"{one.spi_in.hex()} in {one.mode.value} mode from {', '.join(one.local_ts)} to {', '.join(one.remote_ts)}"
        for one in found
    )
