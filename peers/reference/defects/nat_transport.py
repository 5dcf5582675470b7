"""Defects of transport mode through NATs (RFC 7296, section 2.23.1)."""

from typing import TypeVar

from conformance.ike.ikesa import IkeSa
from conformance.wire import TSi, TSr
from peers.reference.defects.registry import defect

T = TypeVar("T", TSi, TSr)


@defect("nat-transport", "nat-transport-both-ends")
class TakesInnerAddressOfPeer(IkeSa):
    """Looks its policy up with the address that the peer has behind its NAT."""

    def remote_selectors(self, found: T) -> T:
        return found


@defect("nat-transport-device-behind", "nat-transport-both-ends", "nat-transport-initiator")
class TakesOuterAddressForAnother(IkeSa):
    """Does not know itself by the outer address of its NAT."""

    def local_selectors(self, found: T) -> T:
        return found
