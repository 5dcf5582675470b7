"""Virtual links of IPv6: prefixes in place of an address, and a link-local address (RFC 5739)."""

from dataclasses import dataclass
from ipaddress import IPv6Network
from typing import Self

from conformance.ike.core.child import ChildOffer
from conformance.ike.core.connection import ChildConfig
from conformance.ike.core.events import Refusal, Violation
from conformance.ike.core.selectors import host
from conformance.ike.core.spine import Spine
from conformance.wire import (
    CP,
    CfgAttr,
    CfgAttribute,
    CfgType,
    IDi,
    IDr,
    Message,
    Notify,
    NotifyType,
    Payload,
    TrafficSelector,
    TSi,
    TSr,
)

_LINK, _PREFIX = CfgAttribute.INTERNAL_IP6_LINK, CfgAttribute.INTERNAL_IP6_PREFIX
_LINK_LOCAL = bytes.fromhex("fe80000000000000")
_PREFIX_LENGTH = 64


@dataclass(frozen=True, slots=True)
class Link:
    """A virtual link: its Link ID, the interface identifiers of both ends, the prefix that the client has."""

    id: bytes
    client: bytes
    gateway: bytes
    prefix: IPv6Network
    owner: bytes = b""

    def selectors(self) -> tuple[TrafficSelector, ...]:
        """The client's side of each Child SA of the link (section 4.1)."""
        return host(_LINK_LOCAL + self.client), TrafficSelector.net(str(self.prefix))


class Ipv6Link(Spine):
    """Asking for a link along with the first Child SA, and giving one. ``link`` is the one that there is."""

    link: Link | None = None

    def pass_on(self, new: Self) -> None:
        """Its prefix is valid as long as the IKE SA and its successors are (section 4.1)."""
        super().pass_on(new)
        new.link = self.link

    # --- as client ------------------------------------------------------------------------------------------------

    def first_child_request(self, name: str) -> list[Payload]:
        """The request for a link stands before the SA payload (section 4.1)."""
        asked = [self.link_request()] if self.connection.remote_links else []
        return [*asked, *super().first_child_request(name)]

    def link_request(self) -> CP:
        """Our interface identifier, and the Link ID of the link with which we want to go on (section 4.2)."""
        earlier = self.earlier_link()
        client, known = (earlier.client, earlier.id) if earlier else (self.random(8), b"")
        self.link = Link(known, client, b"", IPv6Network("::/128"))
        return CP(CfgType.REQUEST, (CfgAttr(_LINK, client + known),))

    def earlier_link(self) -> Link | None:
        """The link of another IKE SA of ours."""
        links = [one.link for one in self.neighbours if one is not self and isinstance(one, Ipv6Link)]
        return next((one for one in reversed(links) if one is not None), None)

    def take_child_response(self, message: Message) -> None:
        """Take the link, then the Child SA. Raises Violation where there is none."""
        if self.connection.remote_links:
            assert self.link is not None
            link, prefix = self.link_told(message, _LINK), self.link_told(message, _PREFIX)
            if link is None or prefix is None or len(link) < 8 or len(prefix) != 17 or prefix[16] > 128:
                raise Violation("no INTERNAL_IP6_LINK, or no prefix for it, in the response")
            if link[:8] == self.link.client:
                raise Violation("the gateway has our interface identifier")
            self.link = Link(link[8:], self.link.client, link[:8], self.link_prefix(prefix))
        super().take_child_response(message)

    def link_told(self, message: Message, kind: CfgAttribute) -> bytes | None:
        """The value of an attribute of a CFG_REPLY."""
        replies = [one for one in message.all(CP) if one.cfg_type == CfgType.REPLY]
        return next((each.value for one in replies for each in one.attributes if each.type == kind), None)

    def link_prefix(self, value: bytes) -> IPv6Network:
        """A prefix; what is behind it does not count (section 5.2)."""
        return IPv6Network((value[:16], value[16]), strict=False)

    def own_selectors(self, config: ChildConfig) -> tuple[TrafficSelector, ...]:
        """Once there is a link, Child SAs are for it."""
        if self.connection.remote_links and self.link is not None and self.link.gateway:
            return self.link.selectors()
        return super().own_selectors(config)

    def own_inner(self) -> tuple[bytes, ...]:
        """Our link-local address, and the one of the prefix with the same identifier."""
        if not self.connection.remote_links or self.link is None or not self.link.gateway:
            return super().own_inner()
        prefix = self.link.prefix.network_address.packed[:8]
        return (*super().own_inner(), _LINK_LOCAL + self.link.client, prefix + self.link.client)

    # --- as gateway -----------------------------------------------------------------------------------------------

    def first_child_response(self, message: Message) -> list[Payload]:
        """Give a link to whoever asks for one; addresses do not count then (section 4.1). Raises Refusal."""
        wanted = self.link_wanted(message)
        if not self.connection.local_links or wanted is None:
            return super().first_child_response(message)
        self.link = self.give(wanted[:8], wanted[8:])
        try:
            return [self.link_reply(self.link), *super().first_child_response(message)]
        except Refusal:
            self.link = None
            raise

    def link_wanted(self, message: Message) -> bytes | None:
        """The interface identifier and the Link ID for which a client asks."""
        asked = (each for one in message.all(CP) if one.cfg_type == CfgType.REQUEST for each in one.attributes)
        return next((one.value for one in asked if one.type == _LINK and len(one.value) >= 8), None)

    def give(self, client: bytes, known: bytes) -> Link:
        """The link that the client has already, if it is its own, else a new one. Raises Refusal (section 4.2)."""
        if not any(client):
            raise Refusal(NotifyType.INTERNAL_ADDRESS_FAILURE, "an interface identifier of zero")
        links = [one.link for one in self.neighbours if isinstance(one, Ipv6Link) and one.link is not None]
        owner = self.owner()
        for one in links:
            if known and one.id == known and self.may_go_on(one, owner):
                return Link(one.id, client, one.gateway, one.prefix, owner)
        prefix = self.free_prefix({one.prefix for one in links})
        return Link(self.random(8), client, self.gateway_identifier(client), prefix, owner)

    def owner(self) -> bytes:
        """Who the client is: it has proved that."""
        identity = self.claimed
        assert isinstance(identity, IDi | IDr)
        return bytes((identity.id_type,)) + identity.data

    def may_go_on(self, link: Link, owner: bytes) -> bool:
        """Whether a client may go on with a link (section 4.2)."""
        return link.owner == owner

    def gateway_identifier(self, client: bytes) -> bytes:
        """Our interface identifier on the link, another one than the client's (section 4.1)."""
        return next(one.to_bytes(8, "big") for one in (1, 2) if one.to_bytes(8, "big") != client)

    def free_prefix(self, taken: set[IPv6Network]) -> IPv6Network:
        """A prefix that no client has. Raises Refusal."""
        pool = IPv6Network(self.connection.local_links or "::/64")
        found = next((one for one in pool.subnets(new_prefix=_PREFIX_LENGTH) if one not in taken), None)
        if found is None:
            raise Refusal(NotifyType.INTERNAL_ADDRESS_FAILURE, f"no prefix of {pool} is free")
        return found

    def link_reply(self, link: Link) -> CP:
        """Our interface identifier and the Link ID, and the prefix (section 4.1)."""
        return CP(CfgType.REPLY, (CfgAttr(_LINK, link.gateway + link.id), CfgAttr(_PREFIX, self.prefix_value(link))))

    def prefix_value(self, link: Link) -> bytes:
        """The prefix, with nothing behind it, and its length (section 5.2)."""
        return link.prefix.network_address.packed + bytes((link.prefix.prefixlen,))

    def peer_selectors(self, config: ChildConfig) -> tuple[TrafficSelector, ...]:
        """The client may send from its prefix and its link-local address."""
        if self.connection.local_links and self.link is not None:
            return self.link.selectors()
        return super().peer_selectors(config)

    # --- both -----------------------------------------------------------------------------------------------------

    def child_notifies(self) -> list[Notify]:
        """Each request for a Child SA of the link says which link that is (section 4.3)."""
        mine = [Notify(NotifyType.LINK_ID, self.link.id)] if self.link is not None else []
        return [*super().child_notifies(), *mine]

    def check_selectors(self, offer: ChildOffer, ts_i: TSi, ts_r: TSr) -> None:
        """The first Child SA must be for the link that we have got."""
        super().check_selectors(offer, ts_i, ts_r)
        if self.connection.remote_links and self.link is not None and offer.rekeys is None:
            wanted = self.link.selectors()
            if not any(one in wanted for one in ts_i.selectors):
                raise Violation("neither the prefix nor the link-local address is in TSi")
