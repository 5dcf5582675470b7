"""What the IKE SA of a gateway makes of what an AAA server has granted: addresses, name servers, networks, limits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, ip_address, ip_network

from conformance.ike.core.events import Refusal
from conformance.ike.core.subnets import subnet
from conformance.wire import CP, CfgAttr, CfgAttribute, Message, NotifyType, Payload
from peers.reference.nas.asking import AskingSa

CHOOSE = (IPv4Address("255.255.255.254"), IPv4Address("255.255.255.255"))
"""Framed-IP-Address: we choose, or the user may (RFC 2865, section 5.8), whom we give one of ours all the same."""
TEXTS = {"banner": 28672, "default-domain": 28674, "split-dns": 28675, "ipsec-backup-gateway": 28681}
"""The private attribute of Cisco's clients for each pair with a text; the last two may be given ten times."""
FLAGS = {"include-local-lan": 28678, "pfs": 28679}
"""The same for pairs that are 1 or 0."""
MANY, AT_MOST = ("split-dns", "ipsec-backup-gateway"), 10
DNS = {4: CfgAttribute.INTERNAL_IP4_DNS, 16: CfgAttribute.INTERNAL_IP6_DNS}


class GrantedSa(AskingSa):
    """Hands out what was granted in place of what we have ourselves."""

    def words(self, name: str) -> list[str]:
        """The values of all pairs of Cisco's with this name."""
        found = self.grant.all("Cisco-AVPair") if self.grant is not None else []
        pairs = [(one.decode(errors="replace") if isinstance(one, bytes) else one).partition("=") for one in found]
        return [value for key, _, value in pairs if key == name]

    # --- addresses ------------------------------------------------------------------------------------------------

    def assignment(self, asked: CP) -> tuple[bytes, ...]:
        """The addresses that were granted in place of ours, or those of a pool of ours that was named."""
        pool = self.granted_pool()
        if pool is not None:
            found = self.assign(self.prefix_of(pool))
            if found is None:
                raise Refusal(NotifyType.INTERNAL_ADDRESS_FAILURE, f"no address of the pool {pool} is free")
            return (found,)
        ours = super().assignment(asked)
        granted = {len(one): one for one in (self.granted_address(), self.granted_address6()) if one is not None}
        return tuple(granted.get(len(one), one) for one in ours)

    def granted_address(self) -> bytes | None:
        """Framed-IP-Address, None where we are to choose."""
        found = self.grant.raw(8)[:1] if self.grant is not None else []
        fixed = found and len(found[0]) == 4 and IPv4Address(found[0]) not in CHOOSE
        return found[0] if fixed else None

    def granted_address6(self) -> bytes | None:
        """Framed-IPv6-Address (RFC 6911, section 3.1), or a pair of Cisco's."""
        found = [one for one in (self.grant.raw(168) if self.grant is not None else []) if len(one) == 16]
        found += self.packed(self.words("ipsec:addrv6"))
        return found[0] if found else None

    def address_attribute(self, address: bytes) -> CfgAttr:
        """With the length of the prefix that was granted."""
        given = super().address_attribute(address)
        lengths = [int(one) for one in self.words("ipsec:prefix-len") if one.isdigit() and int(one) <= 128]
        return CfgAttr(given.type, address + bytes(lengths[:1])) if lengths and len(address) == 16 else given

    def granted_pool(self) -> str | None:
        """The name of a pool (RFC 2869, section 5.18), None: none is named, or an address of its own goes before."""
        named = self.grant.raw(88)[:1] if self.grant is not None and self.granted_address() is None else []
        return named[0].decode(errors="replace") if named else None

    def prefix_of(self, pool: str) -> str:
        """The addresses of a pool. Raises Refusal where there is none of this name."""
        found = dict(self.connection.named_pools).get(pool)
        if found is None:
            raise Refusal(NotifyType.INTERNAL_ADDRESS_FAILURE, f"no pool {pool}", fatal=True)
        return found

    # --- what is told ---------------------------------------------------------------------------------------------

    def configuration_told(self, asked: CP) -> list[CfgAttr]:
        """With what was granted of that which somebody asks for."""
        kinds = {one.type for one in asked.attributes}
        granted = [*self.name_servers(), *self.netbios_servers(), *self.netmask(), *self.networks(), *self.unity()]
        return [*super().configuration_told(asked), *(one for one in granted if one.type in kinds)]

    def packed(self, texts: Iterable[str]) -> list[bytes]:
        """Addresses as octets; what is none is left out."""
        found = []
        for one in texts:
            try:
                found.append(ip_address(one).packed)
            except ValueError:
                continue
        return found

    def all_of(self, *names: str) -> list[str]:
        """The values of these attributes, in this order."""
        return [str(one) for name in names for one in (self.grant.all(name) if self.grant is not None else [])]

    def name_servers(self) -> list[CfgAttr]:
        """In Microsoft's attributes (RFC 2548, section 2.7), in that of RFC 6911, 3.2, or in pairs of Cisco's."""
        named = self.all_of("MS-Primary-DNS-Server", "MS-Secondary-DNS-Server", "DNS-Server-IPv6-Address")
        for pair in ("ipsec:dns-servers", "ipsec:ipv6-dns-servers-addr"):
            named += [one for value in self.words(pair) for one in value.split()]
        return [CfgAttr(DNS[len(one)], one) for one in self.packed(named)]

    def netbios_servers(self) -> list[CfgAttr]:
        """NetBIOS name servers, in the same ways."""
        named = self.all_of("MS-Primary-NBNS-Server", "MS-Secondary-NBNS-Server")
        named += [one for value in self.words("ipsec:wins-servers") for one in value.split()]
        return [CfgAttr(CfgAttribute.INTERNAL_IP4_NBNS, one) for one in self.packed(named) if len(one) == 4]

    def netmask(self) -> list[CfgAttr]:
        """Framed-IP-Netmask (RFC 2865, section 5.9)."""
        found = self.grant.raw(9)[:1] if self.grant is not None else []
        return [CfgAttr(CfgAttribute.INTERNAL_IP4_NETMASK, one) for one in found]

    def networks(self) -> list[CfgAttr]:
        """The prefixes of pairs ``ipsec:route-set``, each once."""
        given = [value.split()[1:] for value in self.words("ipsec:route-set") if value.startswith("prefix ")]
        prefixes = dict.fromkeys(one for each in given for one in each)
        return [subnet(str(ip_network(one, strict=False))) for one in prefixes]

    def unity(self) -> list[CfgAttr]:
        """Texts as they were granted, and the flags that are on, as two octets."""
        found = []
        for name, kind in TEXTS.items():
            texts = [one for one in self.words(f"ipsec:{name}") if one]
            found += [CfgAttr(CfgAttribute(kind), one.encode()) for one in texts[: AT_MOST if name in MANY else 1]]
        on = [kind for name, kind in FLAGS.items() if self.words(f"ipsec:{name}")[:1] == ["1"]]
        return [*found, *(CfgAttr(CfgAttribute(kind), b"\0\1") for kind in on)]

    # --- limits ---------------------------------------------------------------------------------------------------

    def configuration_accepted(self, pushed: CP) -> list[CfgAttr]:
        """No routes of his where the server says so."""
        if "none" in self.words("ipsec:route-accept"):
            return []
        return super().configuration_accepted(pushed)

    def handle_child(self, message: Message) -> Sequence[Payload]:
        """No more Child SAs than were granted; a rekey is none more. Raises Refusal."""
        limits = [int(one) for one in self.words("ipsec:ipsec-flow-limit") if one.isdigit()]
        rekey = message.notify(NotifyType.REKEY_SA) is not None
        if limits and not rekey and len(self.children) >= limits[0]:
            raise Refusal(NotifyType.NO_ADDITIONAL_SAS, f"no more than {limits[0]} Child SAs were granted")
        return super().handle_child(message)
