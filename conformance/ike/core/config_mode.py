"""Configuration payloads: an inner address for the initiator (RFC 7296, sections 2.19 and 3.15)."""

from ipaddress import IPv4Address, ip_network
from typing import Self

from conformance.ike.core.child import ChildOffer
from conformance.ike.core.connection import ChildConfig
from conformance.ike.core.events import Refusal, Violation
from conformance.ike.core.selectors import contains, host
from conformance.ike.core.spine import Spine
from conformance.wire import (
    CP,
    CfgAttr,
    CfgAttribute,
    CfgType,
    Message,
    NotifyType,
    Payload,
    TrafficSelector,
    TSi,
    TSr,
)


class ConfigMode(Spine):
    """Asking for an inner IPv4 address, and assigning one, along with the first Child SA.

    ``virtual_address`` is the address that the initiator of the IKE SA got, four octets.
    """

    virtual_address: bytes | None = None

    def pass_on(self, new: Self) -> None:
        """The address belongs to the peer, not to one IKE SA."""
        super().pass_on(new)
        new.virtual_address = self.virtual_address

    def own_selectors(self, config: ChildConfig) -> tuple[TrafficSelector, ...]:
        """Once we have an inner address, that is our side of every Child SA (RFC 7296, section 2.19)."""
        if self.connection.remote_pool is None or self.virtual_address is None:
            return super().own_selectors(config)
        return (host(self.virtual_address),)

    def peer_selectors(self, config: ChildConfig) -> tuple[TrafficSelector, ...]:
        """The peer may send from the inner address that we have assigned (RFC 7296, section 2.19)."""
        if self.connection.local_pool is None or self.virtual_address is None:
            return super().peer_selectors(config)
        return (host(self.virtual_address),)

    # --- as initiator -------------------------------------------------------------------------------------------

    def first_child_request(self, name: str) -> list[Payload]:
        """The request for an address stands before the SA payload (RFC 7296, section 2.19)."""
        return [*self.configuration_request(), *super().first_child_request(name)]

    def configuration_request(self) -> list[CP]:
        """Ask for any IPv4 address if the responder has some to assign (RFC 7296, section 3.15.1)."""
        if self.connection.remote_pool is None:
            return []
        return [CP(CfgType.REQUEST, (CfgAttr(CfgAttribute.INTERNAL_IP4_ADDRESS),))]

    def take_child_response(self, message: Message) -> None:
        """Take the address, then the Child SA."""
        if self.connection.remote_pool is not None:
            self.virtual_address = self.address_in(message)
        super().take_child_response(message)

    def address_in(self, message: Message) -> bytes:
        """The address of a CFG_REPLY. Raises Violation where there is none (RFC 7296, section 3.15.1)."""
        found = requested(message, CfgType.REPLY)
        if found is None or len(found.value) != 4:
            raise Violation("no INTERNAL_IP4_ADDRESS of 4 octets in the response")
        return found.value

    def check_selectors(self, offer: ChildOffer, ts_i: TSi, ts_r: TSr) -> None:
        """What is narrowed must leave us our inner address (RFC 7296, section 2.19)."""
        super().check_selectors(offer, ts_i, ts_r)
        if self.connection.remote_pool is None or self.virtual_address is None or offer.rekeys is not None:
            return
        own = host(self.virtual_address)
        if not any(isinstance(one, TrafficSelector) and contains(one, own) for one in ts_i.selectors):
            raise Violation(f"the assigned address {IPv4Address(self.virtual_address)} is not in TSi")

    # --- as responder -------------------------------------------------------------------------------------------

    def first_child_response(self, message: Message) -> list[Payload]:
        """Assign an address and narrow the Child SA to it (RFC 7296, section 2.19). Raises Refusal."""
        if self.connection.local_pool is None:
            return super().first_child_response(message)
        wanted = requested(message, CfgType.REQUEST)
        if wanted is None:
            raise Refusal(NotifyType.FAILED_CP_REQUIRED, "no request for an inner address")
        self.virtual_address = self.assign(self.connection.local_pool)
        try:
            return [self.configuration_reply(self.virtual_address), *super().first_child_response(message)]
        except Refusal:
            self.virtual_address = None
            raise

    def assign(self, pool: str) -> bytes:
        """The first address of the pool that no IKE SA has. Raises Refusal."""
        taken = {one.virtual_address for one in self.neighbours if isinstance(one, ConfigMode)}
        for address in ip_network(pool).hosts():
            if address.packed not in taken:
                return address.packed
        raise Refusal(NotifyType.INTERNAL_ADDRESS_FAILURE, f"no address of {pool} is free")

    def configuration_reply(self, address: bytes) -> CP:
        """The answer to a request for an address (RFC 7296, section 3.15.1)."""
        return CP(CfgType.REPLY, (CfgAttr(CfgAttribute.INTERNAL_IP4_ADDRESS, address),))


def requested(message: Message, kind: CfgType) -> CfgAttr | None:
    """The first INTERNAL_IP4_ADDRESS of the configuration payload, if that is of this type."""
    payload = message.first(CP)
    if payload is None or payload.cfg_type != kind:
        return None
    return next((one for one in payload.attributes if one.type == CfgAttribute.INTERNAL_IP4_ADDRESS), None)
