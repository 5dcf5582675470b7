"""Messages of IKEv1, which comes to the same ports with the same first fields of a header (RFC 7296, section 2.5)."""

import struct

from conformance.script.peer import Peer
from conformance.wire import SA
from suites.format.steps import serves_others
from suites.purpose import purpose

_ATTRIBUTES = bytes.fromhex("80010005 80020002 80030001 80040002")
"""3DES, SHA-1, a shared key, the second group of Oakley."""
MAIN_MODE, AGGRESSIVE_MODE, INFORMATIONAL = 2, 4, 5


def message(cookies: bytes, exchange: int) -> bytes:
    """A message of IKEv1 with an SA payload, which is all that there is in the first one of main mode."""
    transform = struct.pack(">BBHBBH", 0, 0, 8 + len(_ATTRIBUTES), 1, 1, 0) + _ATTRIBUTES
    proposal = struct.pack(">BBHBBBB", 0, 0, 8 + len(transform), 1, 1, 0, 1) + transform
    offer = struct.pack(">BBHII", 0, 0, 12 + len(proposal), 1, 1) + proposal
    return cookies + struct.pack(">BBBBII", 1, 0x10, exchange, 0, 0, 28 + len(offer)) + offer


@purpose("format-ikev1", "RFC7296-5-1", "RFC7296-2.5-5", role="responder")
def test_ikev1(peer: Peer) -> None:
    """First messages of IKEv1, in main and in aggressive mode, make no IKE SA of IKEv2, and others are served.

    A device that speaks IKEv1 as well may answer in that version.
    """
    for exchange in (MAIN_MODE, AGGRESSIVE_MODE):
        peer.send_raw(message(peer.random(8) + bytes(8), exchange))
    peer.pause()
    made = [str(one) for one in peer.inbox if one.message.version >> 4 == 2 and one.message.first(SA)]
    peer.check(not made, "no SA payload of IKEv2 in answer to IKEv1", "; ".join(made), "RFC7296-2.5-5")
    serves_others(peer)


@purpose("format-ikev1-spi", "RFC7296-1.2-1", "RFC7296-5-1", role="responder")
def test_ikev1_spi(peer: Peer) -> None:
    """Messages of IKEv1 with the SPIs of an IKE SA for their cookies do nothing to that IKE SA."""
    sa = peer.establish()
    for exchange in (MAIN_MODE, AGGRESSIVE_MODE, INFORMATIONAL):
        for cookies in (sa.spi_i + sa.spi_r, sa.spi_i + bytes(8)):
            peer.send_raw(message(cookies, exchange))
    sa.must_be_up("RFC7296-1.2-1")
    serves_others(peer)
