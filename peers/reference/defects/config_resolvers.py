"""Defects of those who tell of resolvers inside, and ask for them (RFC 8598, RFC 9464)."""

from collections.abc import Sequence
from dataclasses import replace

from conformance.ike.ikesa import IkeSa
from conformance.wire import CP, CfgAttr, CfgAttribute, CfgType, Message, Payload
from peers.reference.defects.registry import defect

_RESOLVERS = (CfgAttribute.ENCDNS_IP4, CfgAttribute.ENCDNS_IP6)
_DIGEST = CfgAttribute.ENCDNS_DIGEST_INFO


@defect("cp-encrypted-hints")
class ResolverWithHints(IkeSa):
    """Repeats the addresses of a resolver as hints of its service parameters."""

    def resolver(self, addresses: Sequence[bytes]) -> bytes:
        four = b"".join(one for one in addresses if len(one) == 4)
        return super().resolver(addresses) + b"\0\4" + len(four).to_bytes(2, "big") + four


@defect("cp-encrypted-hints", "cp-encrypted")
class ResolverWithTerminator(IkeSa):
    """Ends the name of a resolver with a zero octet."""

    def resolver(self, addresses: Sequence[bytes]) -> bytes:
        found, name = super().resolver(addresses), self.connection.local_inner.resolver.encode()
        return found[:3] + bytes((len(name) + 1,)) + found[4:].replace(name, name + b"\0", 1)


@defect("cp-encrypted-hints", "cp-encrypted")
class ReservedBitOfResolver(IkeSa):
    """Answers with the reserved bit set where a resolver is told."""

    def configuration_told(self, asked: CP) -> list[CfgAttr]:
        found = super().configuration_told(asked)
        return [replace(one, reserved=1) if one.type in _RESOLVERS else one for one in found]


@defect("cp-encrypted-reserved")
class HeedsReservedBit(IkeSa):
    """Takes the reserved bit of a request for a part of the type."""

    def configuration_told(self, asked: CP) -> list[CfgAttr]:
        known = tuple(one for one in asked.attributes if not one.reserved)
        return super().configuration_told(replace(asked, attributes=known))


@defect("cp-encrypted-digest")
class DigestOfTheName(IkeSa):
    """Tells the digest of another key."""

    def resolver_digest(self) -> CfgAttr:
        found = super().resolver_digest()
        return replace(found, value=found.value[:-1] + bytes((found.value[-1] ^ 1,)))


@defect("cp-encrypted-digest")
class DigestNameWithTerminator(IkeSa):
    """Names the resolver beside its digest, with a zero octet behind it."""

    def resolver_digest(self) -> CfgAttr:
        found = super().resolver_digest()
        name = self.connection.local_inner.resolver.encode() + b"\0"
        return replace(found, value=b"\1" + bytes((len(name),)) + name + found.value[2:])


@defect("cp-encrypted-digest")
class DigestByTheFirstHash(IkeSa):
    """Knows SHA2-256 only where it is the first hash that a client names."""

    def asks_for_digest(self, asked: CP) -> bool:
        wanted = next((one.value for one in asked.attributes if one.type == _DIGEST), b"")
        return wanted[2:4] == b"\0\2"


@defect("cp-encrypted-digest-strange")
class DigestByAnyHash(IkeSa):
    """Tells a digest by SHA2-256 whatever hashes a client knows."""

    def asks_for_digest(self, asked: CP) -> bool:
        return any(one.type == _DIGEST for one in asked.attributes)


@defect("cp-set-resolver")
class AcknowledgesWithDigest(IkeSa):
    """Sends a digest that it is told back as it came."""

    def informed(self, message: Message) -> list[Payload]:
        found, pushed = super().informed(message), message.first(CP)
        if pushed is None or pushed.cfg_type != CfgType.SET:
            return found
        digests = tuple(one for one in pushed.attributes if one.type == _DIGEST)
        return [*found, CP(CfgType.ACK, digests)] if digests else found


@defect("cp-client-encrypted")
class AsksWithWrongNumber(IkeSa):
    """Says that it knows one hash more than it names."""

    def hashes_known(self) -> CfgAttr:
        found = super().hashes_known()
        return replace(found, value=bytes((found.value[0] + 1,)) + found.value[1:])


@defect("cp-client-encrypted")
class AsksForDigestByName(IkeSa):
    """Names the resolver whose digest it wants to know."""

    def hashes_known(self) -> CfgAttr:
        return CfgAttr(_DIGEST, b"\1\x03doh\0\2")


@defect("cp-client-encrypted")
class AsksForNewerHashesOnly(IkeSa):
    """Does not know SHA2-256."""

    def hashes_known(self) -> CfgAttr:
        return CfgAttr(_DIGEST, b"\1\0\0\4")


@defect("cp-client-request", "cp-client-request-both")
class AsksWithPartOfAnAnchor(IkeSa):
    """Says of a trust anchor its key tag alone."""

    def configuration_wanted(self) -> list[CfgAttr]:
        wanted = super().configuration_wanted()
        kinds = (CfgAttribute.INTERNAL_IP4_DNS, CfgAttribute.INTERNAL_DNS_DOMAIN)
        return [*wanted, *map(CfgAttr, kinds), CfgAttr(CfgAttribute.INTERNAL_DNSSEC_TA, b"\xaa\x1b")]


@defect("cp-domains-whole")
class SplitsNothing(IkeSa):
    """Tells domains although everything goes through the tunnel."""

    def takes_everything(self) -> bool:
        return False
