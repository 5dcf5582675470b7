"""Name servers that are reached by DNS over TLS (RFC 9464)."""

from collections.abc import Sequence
from ipaddress import ip_address

from conformance.ike.core.spine import Spine
from conformance.wire import CP, CfgAttr, CfgAttribute

KINDS = {4: CfgAttribute.ENCDNS_IP4, 6: CfgAttribute.ENCDNS_IP6}
"""The attribute of each family."""
ALPN_DOT = b"\0\1\0\4\3dot"
"""The service parameter alpn=dot (RFC 9460, sections 2.2 and 7.1.1)."""


class EncryptedDns(Spine):
    """Asking for encrypted resolvers, and telling of one."""

    def configuration_wanted(self) -> list[CfgAttr]:
        """One empty attribute for each family (section 4)."""
        inner = self.connection.remote_inner
        families = sorted({ip_address(one).version for one in inner.dns}) if inner.resolver else []
        return [*super().configuration_wanted(), *(CfgAttr(KINDS[one]) for one in families)]

    def configuration_told(self, asked: CP) -> list[CfgAttr]:
        """The resolver with its addresses of each family that is asked for (section 4)."""
        told = super().configuration_told(asked)
        inner = self.connection.local_inner
        for family, kind in KINDS.items():
            addresses = [ip_address(one).packed for one in inner.dns if ip_address(one).version == family]
            if inner.resolver and addresses and any(one.type == kind for one in asked.attributes):
                told.append(CfgAttr(kind, self.resolver(addresses)))
        return told

    def resolver(self, addresses: Sequence[bytes]) -> bytes:
        """Priority, addresses, name and service parameters (section 3.1)."""
        name = self.connection.local_inner.resolver.encode("idna")
        return b"\0\1" + bytes((len(addresses), len(name))) + b"".join(addresses) + name + ALPN_DOT
