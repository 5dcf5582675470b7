"""Defects of those who assign inner addresses."""

from dataclasses import replace

from conformance.ike.core.config_mode import ADDRESSES
from conformance.ike.core.connection import ChildConfig
from conformance.ike.core.events import Refusal
from conformance.ike.ikesa import IkeSa
from conformance.wire import CP, CfgAttr, CfgAttribute, CfgType, Message, NotifyType, Payload, TrafficSelector
from peers.reference.defects.registry import defect


@defect("cp-address6")
class AddressWithoutPrefix(IkeSa):
    """Sends IPv6 addresses without the length of their prefix."""

    def address_attribute(self, address: bytes) -> CfgAttr:
        return replace(super().address_attribute(address), value=address)


@defect("cp-address6")
class PrefixTooLong(IkeSa):
    """Sends IPv6 addresses with a prefix that is longer than they are."""

    def address_attribute(self, address: bytes) -> CfgAttr:
        found = super().address_attribute(address)
        return found if len(address) == 4 else replace(found, value=address + b"\xc8")


@defect("cp-address-both", "cp-address6", "cp-eap", "cp-behind-sa", "cp-traffic-foreign", "cp-traffic-foreign6")
class NarrowsToPool(IkeSa):
    """Lets every client have the whole pool for its Child SA."""

    def peer_selectors(self, config: ChildConfig) -> tuple[TrafficSelector, ...]:
        found = super().peer_selectors(config)
        return tuple(map(TrafficSelector.net, self.connection.local_pools)) if self.inner else found


@defect("cp-address-both")
class OneFamilyOnly(IkeSa):
    """Assigns the address that was asked for first, and no other, though it has both."""

    def assignment(self, asked: CP) -> tuple[bytes, ...]:
        return super().assignment(asked)[:1]


@defect("cp-address-other-family")
class FailsForOneFamily(IkeSa):
    """Fails altogether where one of the addresses is of a family that it does not assign."""

    def assignment(self, asked: CP) -> tuple[bytes, ...]:
        kinds = {one.type for one in asked.attributes if one.type in ADDRESSES.values()}
        found = super().assignment(asked)
        if len(kinds) > len(found):
            raise Refusal(NotifyType.INTERNAL_ADDRESS_FAILURE, "not all addresses can be assigned")
        return found


@defect("cp-address-wrong-family")
class AssignsWhatItHas(IkeSa):
    """Assigns an IPv4 address to those who have asked for one of IPv6."""

    def assignment(self, asked: CP) -> tuple[bytes, ...]:
        return super().assignment(CP(CfgType.REQUEST, (CfgAttr(CfgAttribute.INTERNAL_IP4_ADDRESS),)))

    def configuration_reply(self, asked: CP) -> CP:
        return replace(super().configuration_reply(asked), attributes=tuple(map(self.address_attribute, self.inner)))


@defect("cp-address-twice", "cp-two-payloads")
class OneAddressTooMany(IkeSa):
    """Returns one address more than it was asked for."""

    def configuration_reply(self, asked: CP) -> CP:
        found = super().configuration_reply(asked)
        count = sum(one.type in ADDRESSES.values() for one in asked.attributes) + 1
        return replace(found, attributes=found.attributes[:1] * count + found.attributes[1:])


@defect("cp-address-many", "cp-address-twice")
class AllOrNothing(IkeSa):
    """Fails altogether where it does not have as many addresses as are asked for, or does not want to give them."""

    def assignment(self, asked: CP) -> tuple[bytes, ...]:
        if sum(one.type in ADDRESSES.values() for one in asked.attributes) > 1:
            raise Refusal(NotifyType.INTERNAL_ADDRESS_FAILURE, "too many addresses")
        return super().assignment(asked)


@defect("cp-behind-sa")
class InsistsOnOrder(IkeSa):
    """Takes a request for malformed whose CP payload does not stand in front of SA."""

    def first_child_response(self, message: Message) -> list[Payload]:
        kinds = [type(one).__name__ for one in message.payloads]
        if "CP" in kinds and kinds.index("CP") > kinds.index("SA"):
            raise Refusal(NotifyType.INVALID_SYNTAX, "CP behind SA", fatal=True)
        return super().first_child_response(message)


@defect("cp-eap")
class ConfiguresEarly(IkeSa):
    """Assigns the address in the first response of IKE_AUTH, before it knows who the client is."""

    def introduction(self) -> list[Payload]:
        found = super().introduction()
        asked = [] if self.initiator or self.opening is None else self.opening.all(CP)
        if not asked or not self.connection.local_pools:
            return found
        self.inner = self.assignment(asked[0])
        return [*found, self.configuration_reply(asked[0])]


@defect(
    "cp-wish-outside", "cp-wish-any", "cp-wish-everybody", "cp-wish-multicast",
    "cp-wish-loopback", "cp-wish6-identifier", "cp-wish6-any", "cp-wish6-prefix",
)  # fmt: skip
class GrantsEveryWish(IkeSa):
    """Assigns whatever address the client suggests."""

    def assign(self, pool: str, wish: bytes = b"") -> bytes | None:
        return wish[:16] if len(wish) in (4, 17) else super().assign(pool, wish)

    def address_attribute(self, address: bytes) -> CfgAttr:
        found = super().address_attribute(address)
        asked = self.opening.first(CP) if self.opening else None
        wished = [one.value for one in asked.attributes if one.type == found.type and one.value] if asked else []
        return replace(found, value=wished[0]) if wished else found


@defect(
    "cp-wish-free", "cp-wish-outside", "cp-wish-loopback", "cp-wish-network", "cp-wish-broadcast", "cp-wish6-free",
)  # fmt: skip
class RefusesWishes(IkeSa):
    """Has no address for a client that suggests one."""

    def assign(self, pool: str, wish: bytes = b"") -> bytes | None:
        return None if any(wish) else super().assign(pool)


@defect("cp-wish-taken")
class MovesAddresses(IkeSa):
    """Gives a client that asks for the address of another IKE SA another one, and changes that of the older one."""

    def assign(self, pool: str, wish: bytes = b"") -> bytes | None:
        found = super().assign(pool, wish)
        for one in self.neighbours:
            if isinstance(one, IkeSa) and wish in one.inner:
                one.inner = (bytes((10, 77, 0, 200)),)
        return found
