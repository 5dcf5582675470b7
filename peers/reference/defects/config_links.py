"""Defects of virtual links (RFC 5739)."""

from collections.abc import Iterable
from dataclasses import replace
from ipaddress import IPv6Network
from typing import Self

from conformance.ike.core.connection import ChildConfig
from conformance.ike.core.events import Violation
from conformance.ike.extensions.ipv6_link import Link
from conformance.ike.ikesa import IkeSa
from conformance.wire import CP, CfgAttr, CfgAttribute, CfgType, Message, Notify, Payload, ProtocolID, TrafficSelector
from peers.reference.dataplane import DeviceHost
from peers.reference.defects.registry import defect

_LINK = CfgAttribute.INTERNAL_IP6_LINK


@defect("cp-link", "cp-link-identifier", "cp-link-address")
class LinkWithoutId(IkeSa):
    """Tells its interface identifier and no Link ID."""

    def link_reply(self, link: Link) -> CP:
        return super().link_reply(replace(link, id=b""))


@defect("cp-link", "cp-link-zero")
class LinkWithItsAddress(IkeSa):
    """Has an address of its own behind the prefix that it tells, and takes whoever has no identifier."""

    def prefix_value(self, link: Link) -> bytes:
        return link.prefix[1].packed + bytes((link.prefix.prefixlen,))

    def give(self, client: bytes, known: bytes) -> Link:
        return super().give(client if any(client) else b"\1" * 8, known)


@defect("cp-link")
class LinkWiderThanGiven(IkeSa):
    """Lets a client send from the whole of the pool."""

    def peer_selectors(self, config: ChildConfig) -> tuple[TrafficSelector, ...]:
        found = super().peer_selectors(config)
        return found if self.link is None else (TrafficSelector.net(self.connection.local_links or "::/0"),)


@defect("cp-link-address")
class LinkAndAddress(IkeSa):
    """Gives an address beside the link."""

    def first_child_response(self, message: Message) -> list[Payload]:
        found = super().first_child_response(message)
        if self.link is None:
            return found
        more = CfgAttr(CfgAttribute.INTERNAL_IP6_ADDRESS, self.link.prefix[7].packed + b"\x40")
        return [replace(one, attributes=(*one.attributes, more)) if isinstance(one, CP) else one for one in found]


@defect("cp-link-identifier")
class SameInterfaceAlways(IkeSa):
    """Has the same interface identifier on each link, whatever the client has."""

    def gateway_identifier(self, client: bytes) -> bytes:
        return bytes(7) + b"\1"


@defect("cp-link-two")
class OnePrefixForAll(IkeSa):
    """Gives every client the same prefix."""

    def free_prefix(self, taken: set[IPv6Network]) -> IPv6Network:
        return super().free_prefix(set())


@defect("cp-link-again")
class NewLinkEachTime(IkeSa):
    """Knows no link again."""

    def may_go_on(self, link: Link, owner: bytes) -> bool:
        return False


@defect("cp-link-stranger")
class LinkForWhoKnowsIt(IkeSa):
    """Takes whoever knows a Link ID for the one who has the link."""

    def may_go_on(self, link: Link, owner: bytes) -> bool:
        return True


@defect("cp-link-rekeyed", "cp-client-link-rekey")
class RekeysWithoutLink(IkeSa):
    """Does not say in a rekey which link it is about."""

    def child_notifies(self) -> list[Notify]:
        return []


@defect("cp-link-rekeyed", "cp-client-link-rekey")
class LinkIdOfChild(IkeSa):
    """Writes a protocol into N(LINK_ID)."""

    def child_notifies(self) -> list[Notify]:
        return [replace(one, protocol=ProtocolID.ESP) for one in super().child_notifies()]


@defect("cp-link-traffic")
class HasAnAddressOfTheLink(DeviceHost):
    """Has an address of its own behind the prefix that a client has."""

    def assigned(self, sas: Iterable[IkeSa]) -> frozenset[bytes]:
        given = list(sas)
        own = (one.link.prefix[1].packed for one in given if one.link is not None and one.connection.local_links)
        return super().assigned(given) | frozenset(own)


@defect("cp-client-link")
class AsksWithoutIdentifier(IkeSa):
    """Asks for a link without saying its interface identifier."""

    def link_request(self) -> CP:
        super().link_request()
        return CP(CfgType.REQUEST, (CfgAttr(_LINK),))


@defect("cp-client-link-bits")
class InsistsOnCleanPrefixes(IkeSa):
    """Takes no prefix that has bits behind it."""

    def link_prefix(self, value: bytes) -> IPv6Network:
        try:
            return IPv6Network((value[:16], value[16]))
        except ValueError as error:
            raise Violation(str(error)) from None


@defect("cp-client-link-reauth")
class InventsLinkIds(IkeSa):
    """Names a link that it has not got."""

    def link_request(self) -> CP:
        found = super().link_request()
        return replace(found, attributes=tuple(replace(one, value=one.value + b"\0") for one in found.attributes))


@defect("cp-link-rekey")
class ForgetsItsLink(IkeSa):
    """Forgets with a rekey of the IKE SA which prefix its client has, and takes anything."""

    def pass_on(self, new: Self) -> None:
        super().pass_on(new)
        new.link = None
