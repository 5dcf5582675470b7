"""Defects in what is told beside an inner address."""

from dataclasses import replace
from typing import ClassVar

from conformance.ike.core.events import Refusal
from conformance.ike.ikesa import IkeSa
from conformance.wire import CP, CfgAttr, CfgAttribute, CfgType, Message, Notify, NotifyType, Payload, VendorID
from peers.reference.defects.registry import defect


class _Tells(IkeSa):
    """Tells of ``kind`` something else than it should, to whoever asks for it."""

    kind: ClassVar[CfgAttribute]
    told: ClassVar[tuple[bytes, ...]]

    def configuration_told(self, asked: CP) -> list[CfgAttr]:
        found = [one for one in super().configuration_told(asked) if one.type != self.kind]
        if any(one.type == self.kind for one in asked.attributes):
            found += [CfgAttr(self.kind, one) for one in self.told]
        return found


@defect("cp-netmask", "cp-everything")
class TwoNetmasks(_Tells):
    """Sends two netmasks."""

    kind, told = CfgAttribute.INTERNAL_IP4_NETMASK, (b"\xff\xff\xff\0", b"\xff\xff\0\0")


@defect("cp-netmask-value", "cp-netmask", "cp-everything")
class MaskWithHoles(_Tells):
    """Sends a netmask with holes."""

    kind, told = CfgAttribute.INTERNAL_IP4_NETMASK, (b"\xff\0\xff\0",)


@defect("cp-supported", "cp-everything")
class OctetForEachAttribute(_Tells):
    """Names what it supports in one octet each."""

    kind, told = CfgAttribute.SUPPORTED_ATTRIBUTES, (b"\1\3\x0d",)


@defect("cp-version", "cp-version-control", "cp-flexvpn-request", "cp-everything")
class TerminatedVersion(_Tells):
    """Ends its version with a zero octet."""

    kind, told = CfgAttribute.APPLICATION_VERSION, (b"ikespec\0",)


@defect("cp-dns", "cp-dns-value")
class InventsServers(_Tells):
    """Names its own loopback address as a name server."""

    kind, told = CfgAttribute.INTERNAL_IP4_DNS, (b"\x7f\0\0\1",)


@defect("cp-dns", "cp-everything", "cp-flexvpn-request", "cp-reserved-bit")
class ServersInOneAttribute(_Tells):
    """Puts all name servers into one attribute."""

    kind, told = CfgAttribute.INTERNAL_IP4_DNS, (b"\x0a\2\0\x35\x0a\2\0\x36",)


@defect("cp-subnets", "cp-everything", "cp-flexvpn-request")
class SubnetWithPrefix(_Tells):
    """Sends the length of a prefix in place of a mask."""

    kind, told = CfgAttribute.INTERNAL_IP4_SUBNET, (b"\x0a\2\0\0\x18",)


@defect("cp-subnets")
class SubnetWithHostBits(_Tells):
    """Sends the address of a host and the mask of its network."""

    kind, told = CfgAttribute.INTERNAL_IP4_SUBNET, (b"\x0a\2\0\1\xff\xff\xff\0",)


@defect("cp-attributes6")
class SubnetWithoutPrefix(_Tells):
    """Sends an IPv6 network without the length of its prefix."""

    kind, told = CfgAttribute.INTERNAL_IP6_SUBNET, (b"\xfd\2" + bytes(14),)


@defect("cp-domains-alone")
class DomainsWithoutServers(_Tells):
    """Names domains without name servers."""

    kind, told = CfgAttribute.INTERNAL_DNS_DOMAIN, (b"corp.example", b"city.other.example")


@defect("cp-domains", "cp-domain-suggested", "cp-anchors")
class TerminatedDomain(_Tells):
    """Ends a domain with a zero octet."""

    kind, told = CfgAttribute.INTERNAL_DNS_DOMAIN, (b"corp.example\0",)


@defect("cp-domains", "cp-domain-suggested")
class DomainsInOneAttribute(_Tells):
    """Puts all domains into one attribute."""

    kind, told = CfgAttribute.INTERNAL_DNS_DOMAIN, (b"corp.example,city.other.example",)


@defect("cp-anchors", "cp-anchors-alone")
class AnchorsApart(IkeSa):
    """Puts trust anchors in front of everything else."""

    def configuration_told(self, asked: CP) -> list[CfgAttr]:
        found = super().configuration_told(asked)
        if any(one.type == CfgAttribute.INTERNAL_DNSSEC_TA for one in asked.attributes):
            found.insert(0, CfgAttr(CfgAttribute.INTERNAL_DNSSEC_TA, b"\xaa\x1b\x08\2F78C"))
        return found


@defect("cp-encrypted", "cp-encrypted-suggested")
class ResolverWithoutAddress(_Tells):
    """Names an encrypted resolver without its address."""

    kind, told = CfgAttribute.ENCDNS_IP4, (b"\0\1\0\x0fdoh.example.com\0\1\0\4\3dot",)


@defect("cp-encrypted")
class ResolverAsAlias(_Tells):
    """Gives an encrypted resolver the priority zero."""

    kind, told = CfgAttribute.ENCDNS_IP4, (b"\0\0\1\x0f\x0a\2\0\x35doh.example.com\0\1\0\4\3dot",)


@defect("cp-encrypted-family")
class ResolverOfOtherFamily(_Tells):
    """Names IPv4 addresses where those of IPv6 belong."""

    kind, told = CfgAttribute.ENCDNS_IP6, (b"\0\1\2\x0f\x0a\2\0\x35\x0a\2\0\x36doh.example.com",)


@defect("cp-encrypted-again")
class ResolverForEachRequest(IkeSa):
    """Names its resolver as often as it is asked for."""

    def configuration_told(self, asked: CP) -> list[CfgAttr]:
        found = super().configuration_told(asked)
        count = sum(one.type == CfgAttribute.ENCDNS_IP4 for one in asked.attributes)
        return [*found, *[one for one in found if one.type == CfgAttribute.ENCDNS_IP4] * (count - 1)]


@defect(
    "cp-netmask-value", "cp-length-netmask", "cp-length-dns", "cp-length-nbns", "cp-length-dhcp", "cp-length-address6",
    "cp-length-dns6", "cp-length-dhcp6", "cp-length-subnet", "cp-length-subnet6", "cp-length-prefix6",
    "cp-length-cscf", "cp-length-cscf6", "cp-length-liveness", "cp-length-supported", "cp-length-resolver",
    "cp-version-control", "cp-domain-hostile", "cp-encrypted-suggested", "cp-dns-value",
)  # fmt: skip
class EchoesSuggestions(IkeSa):
    """Tells every suggestion back as it came, and a second time."""

    def configuration_told(self, asked: CP) -> list[CfgAttr]:
        kinds = (CfgAttribute.INTERNAL_IP4_ADDRESS, CfgAttribute.INTERNAL_DNSSEC_TA)
        wishes = [one for one in asked.attributes if one.value and one.type not in kinds]
        told = [one for one in super().configuration_told(asked) if one.type not in {wish.type for wish in wishes}]
        doubtful = [replace(one, value=one.value[:3] + one.value) for one in wishes]
        return [*told, *wishes, *doubtful]


@defect("cp-length-address")
class AddressAsLongAsTheWish(IkeSa):
    """Cuts and fills the address to the length of the suggestion."""

    def configuration_reply(self, asked: CP) -> CP:
        found = super().configuration_reply(asked)
        wish = next((one.value for one in asked.attributes if one.type == CfgAttribute.INTERNAL_IP4_ADDRESS), b"")
        first = found.attributes[0]
        shown = replace(first, value=first.value.ljust(len(wish), b"\0")[: len(wish)] if wish else first.value)
        return replace(found, attributes=(shown, *found.attributes[1:]))


class _Refuses(IkeSa):
    """Refuses the Child SA for something in the request that it should ignore."""

    def is_wrong(self, payload: CP) -> bool:
        raise NotImplementedError

    def first_child_response(self, message: Message) -> list[Payload]:
        if any(map(self.is_wrong, message.all(CP))):
            raise Refusal(NotifyType.INTERNAL_ADDRESS_FAILURE, "a request that it does not like")
        return super().first_child_response(message)


@defect("cp-private", "cp-unity", "cp-flexvpn-request", "cp-withdrawn", "cp-hundreds", "cp-everything")
class KnowsRfc7296Only(_Refuses):
    """Refuses requests with attributes that it does not know."""

    def is_wrong(self, payload: CP) -> bool:
        return any(one.type > 15 or one.type in (5, 9, 11) for one in payload.attributes)


@defect("cp-reserved-bit")
class ReservedBitIsType(_Refuses):
    """Takes the reserved bit for a part of the type, and finds no request for an address."""

    def is_wrong(self, payload: CP) -> bool:
        return any(one.reserved for one in payload.attributes)


@defect("cp-reserved")
class InsistsOnReserved(_Refuses):
    """Refuses a payload whose RESERVED octets are not zero."""

    def is_wrong(self, payload: CP) -> bool:
        return payload.reserved2 != 0


@defect("cp-no-pool")
class EndsWithoutPool(IkeSa):
    """Forgets the IKE SA of a client that asks for an address where there are none, without a word."""

    def first_child_response(self, message: Message) -> list[Payload]:
        if message.first(CP) is not None and not self.connection.local_pools:
            self.close("no address to give")
        return super().first_child_response(message)


@defect("cp-families")
class AllowsTheOtherFamily(IkeSa):
    """Says that IPv6 is allowed where it assigns IPv4 addresses."""

    def families_allowed(self) -> list[Notify]:
        return [Notify(NotifyType.IP6_ALLOWED)]


@defect("cp-families")
class AllowsWithData(IkeSa):
    """Says which prefix is allowed."""

    def first_child_response(self, message: Message) -> list[Payload]:
        found = super().first_child_response(message)
        return [*found, Notify(NotifyType.IP4_ALLOWED, b"\x0a\x4d\0\0")] if self.connection.local_pools else found


@defect("cp-type-reply", "cp-type-set", "cp-type-ack", "cp-type-0", "cp-type-5", "cp-type-255")
class TakesAnyTypeForRequest(IkeSa):
    """Answers every configuration payload as if it were a request."""

    def first_child_response(self, message: Message) -> list[Payload]:
        payloads = [replace(one, cfg_type=CfgType.REQUEST) if isinstance(one, CP) else one for one in message.payloads]
        return super().first_child_response(replace(message, payloads=tuple(payloads)))


@defect("cp-empty")
class AssignsForNothing(IkeSa):
    """Answers a request for nothing with an address."""

    def first_child_response(self, message: Message) -> list[Payload]:
        payload = message.first(CP)
        if payload is None or payload.attributes or not self.connection.local_pools:
            return super().first_child_response(message)
        return self.assigned_to(message, replace(payload, attributes=(CfgAttr(CfgAttribute.INTERNAL_IP4_ADDRESS),)))

    def assigned_to(self, message: Message, asked: CP) -> list[Payload]:
        payloads = tuple(asked if isinstance(one, CP) else one for one in message.payloads)
        return super().first_child_response(replace(message, payloads=payloads))


@defect("cp-unity-told", "cp-unity-suggested", "cp-unity-later")
class EndsPrivateTexts(IkeSa):
    """Sends private attributes with a zero behind each."""

    def configuration_told(self, asked: CP) -> list[CfgAttr]:
        found = super().configuration_told(asked)
        return [replace(one, value=one.value + b"\0") if one.type >= 16384 else one for one in found]


@defect("cp-unity-told", "cp-unity-suggested")
class RepeatsPrivateAttributes(IkeSa):
    """Sends each private attribute twice."""

    def configuration_told(self, asked: CP) -> list[CfgAttr]:
        found = super().configuration_told(asked)
        return [*found, *(one for one in found if one.type >= 16384)]


@defect("cp-unity-vendor")
class TellsFriendsMore(IkeSa):
    """Tells whoever has a Vendor ID its version in several lines."""

    friend = False

    def init_announced(self, message: Message) -> None:
        super().init_announced(message)
        self.friend = message.first(VendorID) is not None

    def configuration_told(self, asked: CP) -> list[CfgAttr]:
        found = super().configuration_told(asked)
        more = CfgAttr(CfgAttribute.APPLICATION_VERSION, b"ikespec\nand friends")
        return [*(one for one in found if one.type != more.type), more] if self.friend else found


@defect("cp-nbns")
class NetbiosServersAreServers(IkeSa):
    """Tells name servers as NetBIOS name servers."""

    def configuration_told(self, asked: CP) -> list[CfgAttr]:
        found = super().configuration_told(asked)
        dns, nbns = CfgAttribute.INTERNAL_IP4_DNS, CfgAttribute.INTERNAL_IP4_NBNS
        return [*found, *(replace(one, type=nbns) for one in found if one.type == dns)]
