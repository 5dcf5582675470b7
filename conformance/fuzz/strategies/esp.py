"""Strategies of ESP packets for an SA."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis.strategies import SearchStrategy

from conformance.fuzz.making import Taste
from conformance.fuzz.making.packets import esp_packet
from conformance.fuzz.strategies.wire import made
from conformance.ipsec.sad import OutboundSa


def esp_packets(sa: Callable[[], OutboundSa], kind: Taste = "valid") -> SearchStrategy[bytes]:
    """ESP packets; ``sa`` gives a new SA for each, so that sequence numbers do not depend on what was drawn before."""
    return made(lambda random: esp_packet(random, sa(), kind))
