"""Habits of those who assign inner addresses and answer configuration payloads."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from ipaddress import ip_address, ip_network

from conformance.crypto import Random
from conformance.ike.core.config_mode import ADDRESSES, attributes_of
from conformance.ike.core.connection import Connection
from conformance.ike.core.events import Refusal
from conformance.ike.core.proof import identity_body
from conformance.ike.core.subnets import subnet
from conformance.ike.endpoint import Endpoint
from conformance.ike.extensions.route_exchange import Route
from conformance.ike.ikesa import IkeSa
from conformance.net.link import Address
from conformance.wire import CP, CfgAttr, CfgAttribute, CfgType, Message, Notify, NotifyType, Payload
from peers.capabilities import Capability
from peers.reference.variants.registry import variant


@variant(
    "RFC 7296, 3.15.1 and 4: a responder may send further attributes, and chooses the address",
    lacks=(Capability.AAA_DNS,),
)
class GenerousConfiguration(IkeSa):
    """Assigns addresses from the end of the pool, with name servers, a subnet and a version."""

    def assign(self, pool: str, wish: bytes = b"") -> bytes | None:
        network, taken = ip_network(pool), self.taken_addresses()
        last = int(network.broadcast_address) - (network.version == 4)
        found = (ip_address(one).packed for one in range(last, int(network.network_address), -1))
        return next((one for one in found if one not in taken), None)

    def configuration_told(self, asked: CP) -> list[CfgAttr]:
        dns = [CfgAttr(CfgAttribute.INTERNAL_IP4_DNS, ip_address(one).packed) for one in ("10.2.0.53", "10.2.0.54")]
        version = CfgAttr(CfgAttribute.APPLICATION_VERSION, b"ikespec variant")
        kinds = (CfgAttribute.INTERNAL_IP4_DNS, CfgAttribute.APPLICATION_VERSION)
        rest = [one for one in super().configuration_told(asked) if one.type not in kinds]
        return [*rest, *dns, subnet("10.2.0.0/24"), version]


@variant(
    "RFC 7296, 3.15.1: a value in a request is a suggestion, and requested attributes may be left out",
    lacks=(Capability.AAA_DNS, Capability.AAA_NETMASK, Capability.AAA_NBNS, Capability.CISCO_PAIRS),
)
class TellsNothingInside(IkeSa):
    """Assigns addresses as it likes, and says nothing else of its network."""

    def liked(self, pool: str, wish: bytes) -> Iterator[bytes]:
        return iter(())

    def configuration_told(self, asked: CP) -> list[CfgAttr]:
        return []


@variant("RFC 7296, 3.15.1: several addresses may be requested, and up to as many are returned")
class AssignsAsManyAsAsked(IkeSa):
    """Assigns one address for each that is asked for, as long as there are any."""

    def assignment(self, asked: CP) -> tuple[bytes, ...]:
        self.inner = ()
        for one in asked.attributes:
            with suppress(Refusal):
                self.inner += super().assignment(CP(CfgType.REQUEST, (one,)))
        return self.inner or super().assignment(asked)


@variant(
    "RFC 7296, 3.15.1: CFG_SET may be ignored; 2.20: the version may be kept secret", lacks=(Capability.ROUTE_EXCHANGE,)
)
class NoLaterConfiguration(IkeSa):
    """Takes no notice of configuration payloads in INFORMATIONAL exchanges."""

    def informed(self, message: Message) -> list[Payload]:
        return [one for one in super().informed(message) if not isinstance(one, CP)]


@variant("RFC 7296, 2.19: whether a client must have an inner address is a matter of policy")
class AddressOptional(IkeSa):
    """Lets those in, too, who do not ask for an inner address, with the selectors that it would allow without pool."""

    def first_child_response(self, message: Message) -> list[Payload]:
        asked = attributes_of(message, CfgType.REQUEST)
        if not self.connection.local_pools or any(one.type in ADDRESSES.values() for one in asked):
            return super().first_child_response(message)
        reply = [CP(CfgType.REPLY, tuple(self.configuration_told(CP(CfgType.REQUEST, asked))))] if asked else []
        return [*reply, *self.make_child(message, None, (self.nonce_i, self.nonce_r))]


@variant(
    "RFC 7296, 3.15.1: what of CFG_SET is accepted is for the responder to say, and an address need not be the first"
)
class NetworksWithHostBits(IkeSa):
    """Takes a network that is announced with bits behind its mask for the network in which these lie."""

    def route(self, attribute: CfgAttr) -> Route | None:
        address, rest = attribute.value[:-4], attribute.value[-4:]
        if attribute.type != CfgAttribute.INTERNAL_IP4_SUBNET or len(address) != 4:
            return super().route(attribute)
        first = bytes(one & other for one, other in zip(address, rest, strict=True))
        return super().route(CfgAttr(attribute.type, first + rest))


@variant("RFC 7296, 3.15.1: what of CFG_SET is accepted is for the responder to say", about=("configuration",))
class OneOwnerPerRoute(IkeSa):
    """Does not accept a network that another peer has announced before."""

    def configuration_accepted(self, pushed: CP) -> list[CfgAttr]:
        known = (one for one in self.neighbours if isinstance(one, IkeSa) and one is not self)
        others = {each for one in known for each in one.routes or ()}
        left = tuple(one for one in pushed.attributes if self.route(one) not in others)
        return super().configuration_accepted(replace(pushed, attributes=left))


@variant(
    "RFC 7296, 3.15.1: what of CFG_SET is accepted is for the responder to say",
    lacks=(Capability.ROUTE_UPDATES,),
    about=("configuration",),
)
class RoutesOnce(IkeSa):
    """Accepts one CFG_SET on an IKE SA, and none later, and none in which it does not understand everything."""

    def configuration_accepted(self, pushed: CP) -> list[CfgAttr]:
        strange = any(self.route(one) is None for one in pushed.attributes)
        return [] if self.routes or strange else super().configuration_accepted(pushed)


@variant("RFC 7296, 3.15.4: who fails to assign an address says INTERNAL_ADDRESS_FAILURE", about=("configuration",))
class OneAddressEach(IkeSa):
    """Has one address for a client, and none more where that asks again later."""

    def informed(self, message: Message) -> list[Payload]:
        asked = attributes_of(message, CfgType.REQUEST)
        if self.inner and any(one.type in ADDRESSES.values() for one in asked):
            return [Notify(NotifyType.INTERNAL_ADDRESS_FAILURE)]
        return super().informed(message)


@variant(
    "RFC 7296, 3.15.1: the address in a request is one that its sender would like to have",
    about=("configuration",),
)
class FavouriteAddress(IkeSa):
    """Suggests one address whenever it asks for one, whichever it has got before."""

    def configuration_request(self) -> list[CP]:
        wish = CfgAttr(CfgAttribute.INTERNAL_IP4_ADDRESS, ip_address("192.0.2.77").packed)
        return [
            replace(each, attributes=tuple(wish if one.type == wish.type else one for one in each.attributes))
            for each in super().configuration_request()
        ]


class _Leases(Endpoint):
    """Knows to whom each address was assigned, also when that one has gone."""

    def __init__(self, connection: Connection, random: Random, now: float) -> None:
        super().__init__(connection, random, now)
        self.leases: dict[bytes, bytes] = {}

    def new_sa(self, *, initiator: bool, local: Address, remote: Address) -> IkeSa:
        sa = super().new_sa(initiator=initiator, local=local, remote=remote)
        if isinstance(sa, KeepsLeases):
            sa.leases = self.leases
        return sa


@variant(
    "RFC 7296, 3.15.1: an address is valid as long as the IKE SA; when somebody else gets it is left open",
    _Leases,
    unclear=dict.fromkeys(
        ("cp-dry", "cp-dry-wish", "cp-dry-retry", "cp-reauth"),
        "an ordinary client has one of the two addresses for good",
    ),
    about=("configuration",),
)
class KeepsLeases(IkeSa):
    """Keeps the address of a client that has gone for that client, as long as it runs."""

    leases: dict[bytes, bytes]

    def owner(self) -> bytes:
        """The identity of the client."""
        return identity_body(self.peer_identity) if self.peer_identity is not None else b""

    def taken_addresses(self) -> set[bytes]:
        others = {one for one, owner in self.leases.items() if owner != self.owner()}
        return super().taken_addresses() | others

    def assign(self, pool: str, wish: bytes = b"") -> bytes | None:
        found = super().assign(pool, wish)
        if found is not None:
            self.leases[found] = self.owner()
        return found
