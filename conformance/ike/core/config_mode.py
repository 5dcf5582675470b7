"""Configuration payloads: inner addresses for the initiator (RFC 7296, sections 2.19, 2.20 and 3.15)."""

from collections.abc import Iterator
from ipaddress import IPv6Network, ip_address, ip_network
from typing import ClassVar, Self

from conformance.ike.core.child import ChildOffer
from conformance.ike.core.connection import ChildConfig
from conformance.ike.core.events import Refusal, Violation
from conformance.ike.core.selectors import contains, host
from conformance.ike.core.spine import Spine
from conformance.ike.core.subnets import SUBNETS, subnet
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

ADDRESSES = {4: CfgAttribute.INTERNAL_IP4_ADDRESS, 6: CfgAttribute.INTERNAL_IP6_ADDRESS}
"""The attribute of an inner address of each family."""
_DNS = {4: CfgAttribute.INTERNAL_IP4_DNS, 6: CfgAttribute.INTERNAL_IP6_DNS}


class ConfigMode(Spine):
    """Asking for inner addresses, and assigning them, along with the first Child SA.

    ``inner`` are the addresses that the initiator of the IKE SA got, four or sixteen octets each. ``software`` is what
    we say to who asks what we are.
    """

    software: ClassVar[str] = "ikespec"

    inner: tuple[bytes, ...] = ()

    @property
    def virtual_address(self) -> bytes | None:
        """The first inner address, None: there is none."""
        return self.inner[0] if self.inner else None

    def own_inner(self) -> tuple[bytes, ...]:
        """Those that we were assigned."""
        return (*super().own_inner(), *(self.inner if self.connection.remote_pools else ()))

    def pass_on(self, new: Self) -> None:
        """The addresses belong to the peer, not to one IKE SA."""
        super().pass_on(new)
        new.inner = self.inner

    def own_selectors(self, config: ChildConfig) -> tuple[TrafficSelector, ...]:
        """Once we have inner addresses, these are our side of every Child SA (RFC 7296, section 2.19)."""
        if not self.connection.remote_pools or not self.inner:
            return super().own_selectors(config)
        return tuple(map(host, self.inner))

    def peer_selectors(self, config: ChildConfig) -> tuple[TrafficSelector, ...]:
        """The peer may send from the inner addresses that we have assigned (RFC 7296, section 2.19)."""
        if not self.connection.local_pools or not self.inner:
            return super().peer_selectors(config)
        return tuple(map(host, self.inner))

    # --- as initiator -------------------------------------------------------------------------------------------

    def first_child_request(self, name: str) -> list[Payload]:
        """The request for an address stands before the SA payload (RFC 7296, section 2.19)."""
        return [*self.configuration_request(), *super().first_child_request(name)]

    def configuration_request(self) -> list[CP]:
        """Ask for any address of each family that the responder assigns (RFC 7296, section 3.15.1)."""
        pools = self.connection.remote_pools
        if not pools:
            return []
        addresses = [CfgAttr(ADDRESSES[ip_network(pool).version]) for pool in pools]
        return [CP(CfgType.REQUEST, (*addresses, *self.configuration_wanted()))]

    def configuration_wanted(self) -> list[CfgAttr]:
        """Name servers and subnets are asked for without a wish."""
        inner = self.connection.remote_inner
        kinds = [_DNS[ip_address(one).version] for one in inner.dns]
        kinds += [SUBNETS[ip_network(one).version] for one in inner.subnets]
        return [*super().configuration_wanted(), *map(CfgAttr, dict.fromkeys(kinds))]

    def take_child_response(self, message: Message) -> None:
        """Take the addresses, then the Child SA."""
        if self.connection.remote_pools:
            self.inner = self.addresses_in(message)
        super().take_child_response(message)

    def addresses_in(self, message: Message) -> tuple[bytes, ...]:
        """The addresses of a CFG_REPLY. Raises Violation where there is none (RFC 7296, section 3.15.4)."""
        families = [ip_network(pool).version for pool in self.connection.remote_pools]
        asked = [ADDRESSES[family] for family in families]
        attributes = attributes_of(message, CfgType.REPLY)
        found = {one.type: self.address_of(one) for one in reversed(attributes) if one.type in asked}
        if not found:
            raise Violation(f"no {' or '.join(kind.name for kind in asked)} in the response")
        return tuple(found[kind] for kind in asked if kind in found)

    def address_of(self, attribute: CfgAttr) -> bytes:
        """The address in its attribute. Raises Violation for a wrong length or prefix (RFC 7296, section 3.15.1)."""
        size = 4 if attribute.type == CfgAttribute.INTERNAL_IP4_ADDRESS else 17
        if len(attribute.value) != size:
            raise Violation(f"{attribute.type.name} of {len(attribute.value)} octets, expected {size}")
        if size == 17 and attribute.value[16] > 128:
            raise Violation(f"{attribute.type.name} with a prefix of {attribute.value[16]} bits")
        return attribute.value[:16]

    def check_selectors(self, offer: ChildOffer, ts_i: TSi, ts_r: TSr) -> None:
        """What is narrowed must leave us an inner address (RFC 7296, section 2.19)."""
        super().check_selectors(offer, ts_i, ts_r)
        if not self.connection.remote_pools or not self.inner or offer.rekeys is not None:
            return
        found = [one for one in ts_i.selectors if isinstance(one, TrafficSelector)]
        if not any(contains(one, host(address)) for one in found for address in self.inner):
            raise Violation(f"the assigned address {ip_address(self.inner[0])} is not in TSi")

    # --- as responder -------------------------------------------------------------------------------------------

    def first_child_response(self, message: Message) -> list[Payload]:
        """Assign addresses and narrow the Child SA to them (RFC 7296, section 2.19). Raises Refusal."""
        if not self.connection.local_pools:
            return super().first_child_response(message)
        asked = CP(CfgType.REQUEST, attributes_of(message, CfgType.REQUEST))
        if not any(one.type in ADDRESSES.values() for one in asked.attributes):
            raise Refusal(NotifyType.FAILED_CP_REQUIRED, "no request for an inner address")
        self.inner = self.assignment(asked)
        try:
            return [self.configuration_reply(asked), *super().first_child_response(message)]
        except Refusal:
            self.inner = ()
            raise

    def assignment(self, asked: CP) -> tuple[bytes, ...]:
        """One address of each family that is asked for and that we have (section 3.15.4). Raises Refusal."""
        pools = {ADDRESSES[ip_network(pool).version]: pool for pool in self.connection.local_pools}
        wishes = {one.type: one.value for one in reversed(asked.attributes) if one.type in pools}
        found = [self.assign(pools[kind], wishes[kind]) for kind in pools if kind in wishes]
        assigned = tuple(one for one in found if one is not None)
        if not assigned:
            raise Refusal(NotifyType.INTERNAL_ADDRESS_FAILURE, f"no address of {', '.join(pools.values())} is free")
        return assigned

    def assign(self, pool: str, wish: bytes = b"") -> bytes | None:
        """The address that the initiator would like, or the first other one that no IKE SA has; None: there is none."""
        taken = self.taken_addresses()
        liked = (one for one in self.liked(pool, wish) if one not in taken)
        free = (one.packed for one in ip_network(pool).hosts() if one.packed not in taken)
        return next(liked, None) or next(free, None)

    def liked(self, pool: str, wish: bytes) -> Iterator[bytes]:
        """What of the pool fits the wish: the address, or its interface identifier (RFC 7296, section 3.15.3)."""
        network = ip_network(pool)
        size = 4 if network.version == 4 else 16
        if len(wish) not in (size, size + size // 16) or not any(wish):
            return
        reserved = (network.network_address, getattr(network, "broadcast_address", None) if size == 4 else None)
        address = ip_address(wish[:size])
        if address in network and address not in reserved:
            yield address.packed
        elif isinstance(network, IPv6Network):
            yield (network.network_address + (int(address) & int(network.hostmask))).packed

    def taken_addresses(self) -> set[bytes]:
        """The inner addresses that are in use."""
        return {address for one in self.neighbours if isinstance(one, ConfigMode) for address in one.inner}

    def configuration_reply(self, asked: CP) -> CP:
        """The answer to a request: the addresses that the initiator has, and what else we tell (section 3.15.1)."""
        kinds = {one.type for one in asked.attributes}
        addresses = [self.address_attribute(one) for one in self.inner]
        told = [one for one in addresses if one.type in kinds]
        return CP(CfgType.REPLY, (*told, *self.configuration_told(asked)))

    def address_attribute(self, address: bytes) -> CfgAttr:
        """An address as it is assigned; one of IPv6 has the length of its prefix behind it (RFC 7296, 3.15.1)."""
        if len(address) == 4:
            return CfgAttr(CfgAttribute.INTERNAL_IP4_ADDRESS, address)
        length = ip_network(self.connection.local_pool6 or "::/128").prefixlen
        return CfgAttr(CfgAttribute.INTERNAL_IP6_ADDRESS, address + bytes((length,)))

    def configuration_told(self, asked: CP) -> list[CfgAttr]:
        """Of name servers, subnets, our version and what we know, what was asked for (RFC 7296, section 3.15.1)."""
        kinds = {one.type for one in asked.attributes}
        inner = self.connection.local_inner
        known = [CfgAttr(_DNS[ip_address(one).version], ip_address(one).packed) for one in inner.dns]
        known += [CfgAttr(CfgAttribute.INTERNAL_IP4_NBNS, ip_address(one).packed) for one in inner.nbns]
        known += [subnet(one) for one in inner.subnets]
        known += [CfgAttr(CfgAttribute(kind), value) for kind, value in inner.private]
        known.append(CfgAttr(CfgAttribute.APPLICATION_VERSION, self.software.encode()))
        names = b"".join(int(one).to_bytes(2, "big") for one in self.supported())
        known.append(CfgAttr(CfgAttribute.SUPPORTED_ATTRIBUTES, names))
        return [*super().configuration_told(asked), *(one for one in known if one.type in kinds)]

    def supported(self) -> list[CfgAttribute]:
        """The attributes that we know."""
        more = (CfgAttribute.APPLICATION_VERSION, CfgAttribute.SUPPORTED_ATTRIBUTES)
        return sorted([*ADDRESSES.values(), *_DNS.values(), *SUBNETS.values(), *more])

    # --- later --------------------------------------------------------------------------------------------------

    def informed(self, message: Message) -> list[Payload]:
        """Answer a request and a push of configuration in an INFORMATIONAL exchange (RFC 7296, 2.20, 3.15.1)."""
        answer = super().informed(message)
        payload = message.first(CP)
        if payload is None:
            return answer
        if payload.cfg_type == CfgType.REQUEST:
            answer.append(self.configuration_reply(payload))
        elif payload.cfg_type == CfgType.SET:
            accepted = tuple(CfgAttr(one.type) for one in self.configuration_accepted(payload))
            answer += [CP(CfgType.ACK, accepted)] if accepted else []
        return answer


def attributes_of(message: Message, kind: CfgType) -> tuple[CfgAttr, ...]:
    """The attributes of the configuration payloads of one type."""
    return tuple(each for one in message.all(CP) if one.cfg_type == kind for each in one.attributes)
