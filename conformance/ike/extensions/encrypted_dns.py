"""Name servers that are reached by DNS over TLS (RFC 9464)."""

from collections.abc import Sequence
from hashlib import sha256
from ipaddress import ip_address

from conformance.ike.core.spine import Spine
from conformance.wire import CP, CfgAttr, CfgAttribute, HashAlgorithm

KINDS = {4: CfgAttribute.ENCDNS_IP4, 6: CfgAttribute.ENCDNS_IP6}
"""The attribute of each family."""
ALPN_DOT = b"\0\1\0\4\3dot"
"""The service parameter alpn=dot (RFC 9460, sections 2.2 and 7.1.1)."""
HASHES = (HashAlgorithm.SHA2_256,)
"""The hashes that we know of the keys of resolvers: the one that everybody must (section 5)."""


class EncryptedDns(Spine):
    """Asking for encrypted resolvers and the digests of their keys, and telling of one."""

    def configuration_wanted(self) -> list[CfgAttr]:
        """One empty attribute for each family, and the hashes that we know (sections 3.2 and 4)."""
        inner = self.connection.remote_inner
        families = sorted({ip_address(one).version for one in inner.dns}) if inner.resolver else []
        wanted = [CfgAttr(KINDS[one]) for one in families]
        return [*super().configuration_wanted(), *wanted, *([self.hashes_known()] if wanted else [])]

    def hashes_known(self) -> CfgAttr:
        """How many hashes, no name, and their numbers (section 3.2)."""
        numbers = b"".join(one.to_bytes(2, "big") for one in HASHES)
        return CfgAttr(CfgAttribute.ENCDNS_DIGEST_INFO, bytes((len(HASHES), 0)) + numbers)

    def configuration_told(self, asked: CP) -> list[CfgAttr]:
        """The resolver with its addresses of each family that is asked for, and the digest of its key (section 4)."""
        told = super().configuration_told(asked)
        inner = self.connection.local_inner
        for family, kind in KINDS.items():
            addresses = [ip_address(one).packed for one in inner.dns if ip_address(one).version == family]
            if inner.resolver and addresses and any(one.type == kind for one in asked.attributes):
                told.append(CfgAttr(kind, self.resolver(addresses)))
        if inner.resolver_key and any(one.type in KINDS.values() for one in told) and self.asks_for_digest(asked):
            told.append(self.resolver_digest())
        return told

    def asks_for_digest(self, asked: CP) -> bool:
        """Whether a client wants a digest, and knows a hash that we know."""
        wanted = next((one.value for one in asked.attributes if one.type == CfgAttribute.ENCDNS_DIGEST_INFO), b"")
        numbers = {int.from_bytes(wanted[at : at + 2], "big") for at in range(2, len(wanted) - 1, 2)}
        return any(one in numbers for one in HASHES)

    def resolver_digest(self) -> CfgAttr:
        """One hash, no name, as there is one resolver, and the digest of its key (section 3.2)."""
        digest = sha256(self.connection.local_inner.resolver_key).digest()
        number = HashAlgorithm.SHA2_256.to_bytes(2, "big")
        return CfgAttr(CfgAttribute.ENCDNS_DIGEST_INFO, b"\1\0" + number + digest)

    def resolver(self, addresses: Sequence[bytes]) -> bytes:
        """Priority, addresses, name and service parameters (section 3.1)."""
        name = self.connection.local_inner.resolver.encode("idna")
        return b"\0\1" + bytes((len(addresses), len(name))) + b"".join(addresses) + name + ALPN_DOT
